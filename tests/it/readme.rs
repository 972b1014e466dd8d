//! README's tables of inputs and outputs are those of the program.
//!
//! After a change of the table: `cargo test --test it regenerate -- --ignored`.

use oci_artifact::inputs::document;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

fn tables() -> [(&'static str, String); 2] {
    [
        ("inputs", document::readme_table()),
        ("outputs", document::readme_outputs()),
    ]
}

/// The text before, between and after the markers of `name`.
fn parts<'a>(text: &'a str, name: &str) -> [&'a str; 3] {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("README.md has no {begin}")) + begin.len();
    let stop = start
        + text[start..]
            .find(&end)
            .unwrap_or_else(|| panic!("README.md has no {end}"));
    [&text[..start], &text[start..stop], &text[stop..]]
}

#[test]
fn the_tables_are_those_of_the_program() {
    let text = fs_err::read_to_string(FILE).unwrap();
    for (name, table) in tables() {
        assert_eq!(parts(&text, name)[1], table, "the table of {name} in README.md");
    }
}

#[test]
#[ignore = "writes README.md"]
fn regenerate_readme() {
    let text = fs_err::read_to_string(FILE).unwrap();
    let text = tables().into_iter().fold(text, |text, (name, table)| {
        let [before, _, after] = parts(&text, name);
        format!("{before}{table}{after}")
    });
    fs_err::write(FILE, text).unwrap();
}

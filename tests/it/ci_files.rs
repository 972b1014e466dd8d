//! What each CI system gets: parameters, settings and results are those of the program, the version is this one, and
//! the examples in the pages are files that run elsewhere in the tests.
//!
//! After a change of the table: `scripts/regenerate`.

use camino::{Utf8Path, Utf8PathBuf};
use oci_artifact::inputs::Command::{Pull, Push};
use oci_artifact::inputs::document::systems;

/// File, mark, and what stands between the mark's two lines.
fn blocks() -> Vec<(&'static str, &'static str, String)> {
    let mut blocks = vec![
        ("templates/push.yml", "inputs", systems::gitlab_inputs(Push)),
        ("templates/push.yml", "variables", systems::gitlab_variables(Push)),
        ("templates/pull.yml", "inputs", systems::gitlab_inputs(Pull)),
        ("templates/pull.yml", "variables", systems::gitlab_variables(Pull)),
        ("ci/azure/steps.yml", "inputs", systems::azure_parameters()),
        ("ci/azure/steps.yml", "variables", systems::azure_env()),
        ("ci/tekton/oci-artifact.yaml", "inputs", systems::tekton_params()),
        ("ci/tekton/oci-artifact.yaml", "variables", systems::tekton_env()),
        ("ci/tekton/oci-artifact.yaml", "secrets", systems::tekton_secrets()),
        ("ci/tekton/oci-artifact.yaml", "results", systems::tekton_results()),
        ("plugin.yml", "inputs", systems::buildkite_properties()),
        ("docs.md", "settings", systems::woodpecker_settings()),
    ];
    for (file, command) in [
        ("ci/circleci/orb/commands/push.yml", Some(Push)),
        ("ci/circleci/orb/commands/pull.yml", Some(Pull)),
        ("ci/circleci/orb/commands/execute.yml", None),
    ] {
        blocks.push((file, "inputs", systems::circle_parameters(command)));
        blocks.push((file, "variables", systems::circle_environment(command)));
    }
    blocks
}

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs_err::read_to_string(root().join(name)).unwrap()
}

/// The text up to the line with the mark's begin, what stands there, and the rest from the line with its end.
fn parts<'a>(text: &'a str, file: &str, mark: &str) -> [&'a str; 3] {
    let find = |what: &str, from: usize| {
        let at = text[from..].find(what);
        from + at.unwrap_or_else(|| panic!("{file} has no {what}"))
    };
    let begin = find(&format!("{mark}:begin"), 0);
    let start = find("\n", begin) + 1;
    let end = find(&format!("{mark}:end"), start);
    let stop = text[..end].rfind('\n').unwrap() + 1;
    [&text[..start], &text[start..stop], &text[stop..]]
}

/// Every file that names a version of ours.
fn shipped() -> Vec<Utf8PathBuf> {
    let mut files: Vec<Utf8PathBuf> = ["plugin.yml", "docs.md"].map(Utf8PathBuf::from).into();
    for top in ["templates", "ci", "examples/ci", "docs/ci"] {
        for entry in walkdir::WalkDir::new(root().join(top)).sort_by_file_name() {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let path = Utf8Path::from_path(entry.path()).unwrap();
                files.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    files
}

/// `text` with this version wherever one of ours is named.
fn with_version(text: &str) -> String {
    let prefixes = [
        "oci-artifact:",
        "oci-artifact/v",
        "oci-artifact@",
        "/push@",
        "/pull@",
        "default: v",
        "default: ",
        "version: \"",
        "tags/v",
        "#v",
    ];
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    // The length of MAJOR.MINOR.PATCH at the beginning of `text`.
    let version = |text: &str| {
        let mut at = 0;
        for part in 0..3 {
            let length = digits(&text[at..]);
            let dot = part < 2;
            if length == 0 || dot && text.as_bytes().get(at + length) != Some(&b'.') {
                return None;
            }
            at += length + usize::from(dot);
        }
        Some(at)
    };
    let (mut out, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        if prefixes.iter().any(|prefix| out.ends_with(prefix))
            && let Some(length) = version(rest)
        {
            out.push_str(env!("CARGO_PKG_VERSION"));
            rest = &rest[length..];
        }
        let Some(c) = rest.chars().next() else { break };
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// A page's text with each block below `<!-- FILE -->` as the file is; a fence has the block's language.
fn with_examples(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("<!-- examples/") {
        let (before, mark) = rest.split_at(at);
        let (mark, after) = mark.split_at(mark.find('\n').unwrap() + 1);
        let file = mark.trim().trim_start_matches("<!-- ").trim_end_matches(" -->");
        let (fence, after) = after.split_at(after.find('\n').unwrap() + 1);
        assert!(fence.starts_with("```"), "no block below {mark}");
        let end = after.find("```\n").unwrap();
        out.push_str(&format!("{before}{mark}{fence}{}", read(file)));
        rest = &after[end..];
    }
    out + rest
}

#[test]
fn the_parameters_are_those_of_the_table() {
    for (file, mark, block) in blocks() {
        assert_eq!(
            parts(&read(file), file, mark)[1],
            block,
            "{mark} in {file}: scripts/regenerate"
        );
    }
}

#[test]
fn the_version_is_this_one() {
    for file in shipped() {
        let text = read(file.as_str());
        assert_eq!(with_version(&text), text, "{file}: scripts/regenerate");
    }
    let text = with_version("image: ghcr.io/OWNER/oci-artifact:9.9.9-shell, default: v9.9.9, alpine:3.20.1");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text,
        format!("image: ghcr.io/OWNER/oci-artifact:{version}-shell, default: v{version}, alpine:3.20.1")
    );
}

#[test]
fn the_pages_show_the_examples() {
    let mut shown = 0;
    for file in shipped().iter().filter(|file| file.extension() == Some("md")) {
        let text = read(file.as_str());
        assert_eq!(with_examples(&text), text, "{file}: scripts/regenerate");
        shown += text.matches("<!-- examples/").count();
    }
    assert!(shown >= 10, "{shown}");
}

#[test]
fn lines_are_short() {
    for file in shipped() {
        for (at, line) in read(file.as_str()).lines().enumerate() {
            assert!(line.chars().count() <= 120, "{file}:{} is too long", at + 1);
        }
    }
}

#[test]
#[ignore = "writes the files of CI systems"]
fn regenerate_ci_files() {
    for (file, mark, block) in blocks() {
        let text = read(file);
        let [before, _, after] = parts(&text, file, mark);
        fs_err::write(root().join(file), format!("{before}{block}{after}")).unwrap();
    }
    for file in shipped() {
        let text = with_version(&read(file.as_str()));
        fs_err::write(root().join(&file), text).unwrap();
    }
    // Behind the examples themselves, which may name a version.
    for file in shipped().iter().filter(|file| file.extension() == Some("md")) {
        let text = with_examples(&read(file.as_str()));
        fs_err::write(root().join(file), text).unwrap();
    }
}

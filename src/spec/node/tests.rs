//! What the tree holds and what is refused before the reader sees it.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// The tree with its places, one node a line.
fn tree(text: &str) -> String {
    let mut problems = Problems::new(None);
    let root = parse(text, &mut problems);
    if let Err(errors) = problems.check() {
        return listed(&errors);
    }
    let mut out = String::new();
    draw(&root.unwrap(), 0, &mut out);
    out
}

fn listed(errors: &crate::error::Errors) -> String {
    let line = |error: &Error| format!("{error}\n  {}\n", error.way_out().unwrap_or("-"));
    errors.iter().map(line).collect()
}

#[allow(clippy::use_debug)]
fn draw(node: &Node, depth: usize, out: &mut String) {
    use std::fmt::Write;
    let indent = "  ".repeat(depth);
    let At { line, column } = node.at;
    match &node.value {
        Value::Scalar(scalar) => writeln!(out, "{indent}{line}:{column} {:?} {:?}", scalar.style, scalar.text).unwrap(),
        Value::Broken => writeln!(out, "{indent}{line}:{column} broken").unwrap(),
        Value::List(nodes) => {
            writeln!(out, "{indent}{line}:{column} list").unwrap();
            nodes.iter().for_each(|node| draw(node, depth + 1, out));
        }
        Value::Map(entries) => {
            writeln!(out, "{indent}{line}:{column} map").unwrap();
            for entry in entries {
                let At { line, column } = entry.at;
                writeln!(out, "{indent}- {line}:{column} {}", entry.key).unwrap();
                draw(&entry.value, depth + 1, out);
            }
        }
    }
}

#[test]
fn scalars_keep_their_text_and_every_node_its_place() {
    let text =
        "a: 1.10\nb: [no, 'it''s', \"x\\ty\"]\nä: é # comment\nc:\n  - |\n    one\n    two\n  - >-\n    x\n    y\nd:\n";
    insta::assert_snapshot!(tree(text), @r#"
    1:1 map
    - 1:1 a
      1:4 Plain "1.10"
    - 2:1 b
      2:4 list
        2:5 Plain "no"
        2:9 Quoted "it's"
        2:18 Quoted "x\ty"
    - 3:1 ä
      3:4 Plain "é"
    - 4:1 c
      5:3 list
        6:5 Literal "one\ntwo\n"
        9:5 Quoted "x y"
    - 11:1 d
      11:2 Plain ""
    "#);
}

#[test]
fn byte_order_mark_line_ends_and_json() {
    insta::assert_snapshot!(tree("\u{feff}a: 1\r\nb: x\r\n"), @r#"
    1:1 map
    - 1:1 a
      1:4 Plain "1"
    - 2:1 b
      2:4 Plain "x"
    "#);
    insta::assert_snapshot!(tree("{\n\t\"a\": [1, \"\\ud83d\\ude00\\/\"],\n\t\"b\": null\n}\n"), @r#"
    1:1 map
    - 2:2 a
      2:7 list
        2:8 Plain "1"
        2:11 Quoted "😀/"
    - 3:2 b
      3:7 Plain "null"
    "#);
    let long = format!("{{\"a\": [{}1], \"b\": 2}}", "\"xxxxxxxxxxxxxxxxxxxx\", ".repeat(200));
    assert!(tree(&long).contains("Plain \"2\""));
}

#[test]
fn duplicates_are_passed_through() {
    insta::assert_snapshot!(tree("a: 1\nb: 2\na: 3\n"), @r#"
    1:1 map
    - 1:1 a
      1:4 Plain "1"
    - 2:1 b
      2:4 Plain "2"
    - 3:1 a
      3:4 Plain "3"
    "#);
}

#[test]
fn aliases_copy_values() {
    insta::assert_snapshot!(tree("a: &x {k: v}\nb: *x\n"), @r#"
    1:1 map
    - 1:1 a
      1:7 map
      - 1:8 k
        1:11 Plain "v"
    - 2:1 b
      2:4 map
      - 1:8 k
        1:11 Plain "v"
    "#);
}

#[test]
fn what_should_have_been_quoted() {
    insta::assert_snapshot!(tree("files:\n  - *.txt\n  - !build/*.map\n  - &name\n  - !x y\n  - ok\n"), @r#"
    spec:2:5: "*.txt" is an alias of YAML, and there is no such anchor
      a value that starts with '*' must be quoted, such as "*.txt"
    spec:3:5: "!build/*.map" is a tag of YAML, which a spec can't have
      a value that starts with '!' must be quoted, such as "!build/*.map"
    spec:4:5: "&name" is an anchor of YAML without a value
      a value that starts with '&' must be quoted, such as "&name"
    spec:5:5: "!x" is a tag of YAML, which a spec can't have
      a value that starts with '!' must be quoted, such as "!x"
    "#);
    insta::assert_snapshot!(tree("files:\n  - {a,b}/*.txt\n"), @r#"
    spec:2:10: YAML can't read this value
      a value that starts with '{' must be quoted, such as "{a,b}/*.txt"
    "#);
    insta::assert_snapshot!(tree("files: [dist/*.{whl,zip}, b]\n"), @r#"
    spec:1:16: YAML can't read this value
      in a list in brackets, quote every entry that has one of * ! { } [ ] or a comma in it, such as "dist/*.{whl,zip}"
    "#);
    insta::assert_snapshot!(tree("files:\n  - [ab]*.txt\n"), @r#"
    spec:2:9: YAML can't read this value
      in a list in brackets, quote every entry that has one of * ! { } [ ] or a comma in it, such as "dist/*.{whl,zip}"
    "#);
    insta::assert_snapshot!(tree("files:\n  - %x\n"), @r#"
    spec:2:5: YAML can't read this value
      a value that starts with '%' must be quoted, such as "%x"
    "#);
    insta::assert_snapshot!(tree("name: @x\n"), @r#"
    spec:1:7: YAML can't read this value
      a value that starts with '@' must be quoted, such as "@x"
    "#);
    insta::assert_snapshot!(tree("files:\n  - *\n"), @r#"
    spec:2:5: YAML can't read this value
      a value that starts with '*' must be quoted, such as "*"
    "#);
    insta::assert_snapshot!(tree("files:\n  - *.{a,b}\n"), @r#"
    spec:2:5: "*.{a,b}" is an alias of YAML, and there is no such anchor
      a value that starts with '*' must be quoted, such as "*.{a,b}"
    "#);
    insta::assert_snapshot!(tree("files:\n  - **/*.txt\n"), @r#"
    spec:2:5: "**/*.txt" is an alias of YAML, and there is no such anchor
      a value that starts with '*' must be quoted, such as "**/*.txt"
    "#);
    insta::assert_snapshot!(tree("title: a: b\n"), @"
    spec:1:9: a ':' stands where no key can be
      quote a value that has ': ' in it, and check the indentation
    ");
    insta::assert_snapshot!(tree("a: \"x\nb: y\n"), @"
    spec:1:4: a quote is opened and never closed
      close it with the same quote
    ");
    insta::assert_snapshot!(tree("a: [x\nb: y\n"), @"
    spec:2:2: this is not YAML: illegal placement of ':' indicator
      check the brackets, the quotes and the indentation here
    ");
    insta::assert_snapshot!(tree("a: 1\n b: 2\n"), @"
    spec:2:3: a ':' stands where no key can be
      quote a value that has ': ' in it, and check the indentation
    ");
    insta::assert_snapshot!(tree("a: \"C:\\dir\"\n"), @r"
    spec:1:4: an escape in double quotes that YAML doesn't know
      write \\ for a backslash, or use single quotes
    ");
    insta::assert_snapshot!(tree("artifacts\n- x: 1\n"), @"
    spec:2:4: a ':' stands where no key can be
      quote a value that has ': ' in it, and check the indentation
    ");
}

#[test]
fn tabs_are_named() {
    insta::assert_snapshot!(tree("a:\n\tb: 1\n"), @"
    spec:2:2: a tab stands where YAML takes spaces only
      indent with spaces
    ");
}

#[test]
fn merge_keys_tags_and_odd_keys_are_refused() {
    insta::assert_snapshot!(tree("a: &x {k: v}\nb:\n  <<: *x\n  l: w\n"), @"
    spec:3:3: merge keys (`<<`) aren't supported
      write the keys out, or give a whole value an anchor and use its alias
    ");
    insta::assert_snapshot!(tree("a: !!int 1\nb: !!str 2\nc: !custom {d: 1}\ne: !!binary aGk=\n"), @r#"
    spec:1:4: "!!int" is a tag of YAML, which a spec can't have
      leave it out
    spec:3:4: "!custom" is a tag of YAML, which a spec can't have
      leave it out
    spec:4:4: "!!binary" is a tag of YAML, which a spec can't have
      leave it out
    "#);
    insta::assert_snapshot!(tree("? [a]\n: b\n"), @"
    spec:1:3: a key must be text
      a value that starts with '{' or '[' must be quoted
    ");
}

#[test]
fn one_document_is_wanted() {
    insta::assert_snapshot!(tree("a: 1\n---\nb: 2\n"), @"
    spec:2:1: the spec holds more than one document
      leave out the line `---`; one spec names any number of artifacts
    ");
    insta::assert_snapshot!(tree(""), @"
    spec:1:1: the spec is empty
      write at least `artifacts:` with one `reference`
    ");
    insta::assert_snapshot!(tree("# only a comment\n"), @"
    spec:1:1: the spec is empty
      write at least `artifacts:` with one `reference`
    ");
    insta::assert_snapshot!(tree("---\n...\n"), @"
    spec:1:1: the spec is empty
      write at least `artifacts:` with one `reference`
    ");
    insta::assert_snapshot!(tree("a: 1\0b: 2\n"), @"
    spec:1:5: the spec has a NUL character
      save it as UTF-8 text, not as UTF-16
    ");
}

#[test]
fn alias_bomb_is_refused() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..20 {
        let alias = format!("*a{},", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
    }
    let start = Instant::now();
    insta::assert_snapshot!(tree(&bomb), @"
    spec:6:34: the aliases of the spec make it too large
      write out what differs, and give fewer parts an alias
    ");
    let text = format!("a: &a {:?}\nb: [{}]\n", "x".repeat(500_000), "*a,".repeat(100_000));
    insta::assert_snapshot!(tree(&text), @"
    spec:2:8: the aliases of the spec make it too large
      write out what differs, and give fewer parts an alias
    ");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn deep_nesting_is_refused_at_once() {
    let start = Instant::now();
    insta::assert_snapshot!(tree(&"[".repeat(10_000)), @"
    spec:1:65: lists and maps lie more than 64 deep in each other
      a spec needs six levels at most
    ");
    insta::assert_snapshot!(tree(&"{a: ".repeat(10_000)), @"
    spec:1:257: lists and maps lie more than 64 deep in each other
      a spec needs six levels at most
    ");
    insta::assert_snapshot!(tree(&"- ".repeat(10_000)), @"
    spec:1:129: lists and maps lie more than 64 deep in each other
      a spec needs six levels at most
    ");
    let ladder: String = (1..200).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
    insta::assert_snapshot!(tree(&format!("a0: &a0 [x]\n{ladder}")), @"
    spec:64:12: lists and maps lie more than 64 deep in each other
      a spec needs six levels at most
    ");
    insta::assert_snapshot!(tree("a: &a [*a]\n"), @"
    spec:1:8: an alias stands inside its own anchor
      write the value out
    ");
    assert!(start.elapsed() < Duration::from_secs(5));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        let _ = tree(&text);
    }

    #[test]
    fn no_yaml_panics(text in "[-a*&!{}\\[\\]:,|>'\"%@`?#<~\n\t ]{0,80}") {
        let _ = tree(&text);
    }

    #[test]
    fn quoted_scalars_come_back(text in "\\PC{0,60}") {
        let mut problems = Problems::new(None);
        let json = serde_json::to_string(&text).unwrap();
        let root = parse(&json, &mut problems);
        prop_assert!(problems.check().is_ok());
        match root.unwrap().value {
            Value::Scalar(scalar) => prop_assert_eq!(scalar.text, text),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn plain_scalars_come_back(text in "[a-zA-Z0-9][a-zA-Z0-9./_+=-]{0,40}") {
        let mut problems = Problems::new(None);
        let root = parse(&format!("k: {text}\n"), &mut problems).unwrap();
        let Value::Map(entries) = root.value else { panic!() };
        match &entries[0].value.value {
            Value::Scalar(scalar) => prop_assert_eq!(&scalar.text, &text),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

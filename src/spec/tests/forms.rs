//! The forms that tags, files, references and names may take, and what each is read as.

use super::*;

#[test]
fn tags_may_not_stand_twice() {
    insta::assert_snapshot!(problems(&artifact("tags: [v2, v1, {tag: v2, if-exists: fail}]")), @r#"
    s.yaml:3:14: tag "v1" stands twice, first in line 2 column 14
      keep one of them
    s.yaml:3:24: tag "v2" stands twice, first in line 3 column 10
      keep one of them
    "#);
    // Twice by the run's values is no mistake; a blank default is no tag.
    let spec = file("artifacts: [{reference: 'h.io/a:main', tags: ['${ci.ref-slug}', x, '${ci.tag:-}']}]");
    let tags: Vec<_> = spec.artifacts[0].tags.iter().map(|tag| tag.tag.as_str()).collect();
    assert_eq!(tags, ["x"]);
}

#[test]
fn one_text_is_a_list_of_its_lines() {
    let text = "artifacts:\n- reference: h.io/a:v1\n  tags: v2\n  files: |\n    a:text/plain\n\n    b\n";
    let spec = file(text);
    let files: Vec<_> = spec.artifacts[0]
        .package
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(files, ["a", "b"]);
    assert_eq!(
        spec.artifacts[0].package.files[1].place.as_ref().unwrap().to_string(),
        "s.yaml:7:5"
    );
    assert_eq!(spec.artifacts[0].tags.len(), 1);
    let text = "artifacts:\n- reference: h.io/a:v1\n  tags: |\n\n    ok\n\n    not ok\n";
    insta::assert_snapshot!(problems(text), @r#"
    s.yaml:7:5: `tags`: "not ok" is not a tag
      a tag has up to 128 letters, digits, '_', '.' and '-', and starts with none of the last two; ${ci.ref-slug} is a branch or tag name made safe
    "#);
}

#[test]
fn upper_case_is_folded_where_the_author_has_no_say() {
    let spec = file("artifacts: [{reference: 'ghcr.io/${ci.repository}/x:V1'}]");
    assert_eq!(spec.artifacts[0].reference.to_string(), "ghcr.io/me/app/x:V1");
    insta::assert_snapshot!(spec.notices.join("\n"), @r#"s.yaml:1:25: reference "ghcr.io/Me/App/x:V1" was lower-cased, as registries take no upper case"#);
    insta::assert_snapshot!(problems("registry: GHCR.io\nartifacts: [{reference: GHCR.io/Me/x}, {reference: y}]"), @r#"
    s.yaml:1:11: registry host "GHCR.io" has upper-case letters
      write "ghcr.io"
    s.yaml:2:25: reference "GHCR.io/Me/x" has upper-case letters in its host or repository
      registries take lower case only; write "ghcr.io/me/x"
    "#);
    let inline = read_as(None, "registry: GHCR.io\nartifacts: [{reference: Me/x}]").unwrap();
    assert_eq!(inline.artifacts[0].reference.to_string(), "ghcr.io/me/x");
    insta::assert_snapshot!(inline.notices.join("\n"), @r#"
    spec:1:11: registry "GHCR.io" was lower-cased, as registries take no upper case
    spec:2:25: reference "Me/x" was lower-cased, as registries take no upper case
    "#);
}

#[test]
fn the_input_registry_goes_before_the_specs() {
    let host = "other.io".parse().unwrap();
    let context = Context {
        file: None,
        registry: Some(&host),
        facts: &BTreeMap::new(),
        vars: &BTreeMap::new(),
    };
    let spec = read(b"registry: h.io\nartifacts: [{reference: a/b}]", &context).unwrap();
    assert_eq!(spec.artifacts[0].reference.to_string(), "other.io/a/b");
    assert!(problems("artifacts: [{reference: a/b}]").contains("names no registry"));
}

#[test]
fn names_come_from_references() {
    let names = |references: &[&str]| {
        let list: String = references.iter().map(|text| format!("- {{{text}}}\n")).collect();
        read_as(None, &format!("registry: h.io\nartifacts:\n{list}"))
            .map(|spec| {
                spec.artifacts
                    .into_iter()
                    .map(|artifact| artifact.name)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .unwrap_or_else(|errors| listed(&errors))
    };
    assert_eq!(names(&["reference: x/docs:v1", "reference: 'oci:out/app'"]), "docs app");
    assert_eq!(
        names(&["reference: a:v1", "reference: b/a:v2", "reference: a"]),
        "a-v1 a-v2 a"
    );
    assert_eq!(names(&["name: a, reference: x", "reference: a:v2"]), "a a-v2");
    insta::assert_snapshot!(names(&["reference: x/a:v1", "reference: y/a:v1"]), @r#"
    spec:4:3: this artifact and the one in line 3 would both be named "a-v1"
      give one of them a `name`
    "#);
    insta::assert_snapshot!(names(&["name: n, reference: X Y", "name: n, reference: y", "name: ' m', reference: z"]), @r#"
    spec:3:24: reference "X Y": "x y" is not part of a repository name
      a repository is parts of a-z and 0-9 joined by '/', inside them also '.', '_', '__' and '-'
    spec:4:10: name "n" stands twice, first in line 3 column 10
      keep one of them
    spec:5:10: `name` has blanks around it
      write "m"
    "#);
}

#[test]
fn files_split_at_a_media_type() {
    for (text, path, kind) in [
        ("a.txt", "a.txt", None),
        ("a.txt:text/plain", "a.txt", Some("text/plain")),
        ("a:b.txt", "a:b.txt", None),
        ("C:\\dist\\app", "C:\\dist\\app", None),
        ("C:\\dist\\app:text/plain", "C:\\dist\\app", Some("text/plain")),
        ("C:/dist/app", "C:/dist/app", None),
        ("a:b:text/plain", "a:b", Some("text/plain")),
    ] {
        let file = FileSpec::parse(text).unwrap();
        assert_eq!(
            (file.path.as_str(), file.media_type.as_ref().map(MediaType::as_str)),
            (path, kind)
        );
    }
    assert!(FileSpec::parse("!a/*.map").unwrap().excluded);
    for bad in ["", "!", ":text/plain", "a\tb", "!a:text/plain", " "] {
        assert!(FileSpec::parse(bad).is_err(), "{bad:?}");
    }
    insta::assert_snapshot!(problems(&artifact("files: ['!a:text/plain', ':a/b']\nconfig: '!x'")), @r#"
    s.yaml:3:11: `files`: "!a:text/plain" excludes, and gives a media type
      write "!a"
    s.yaml:3:28: `files`: ":a/b" names no file
      write PATH or PATH:TYPE/SUBTYPE
    s.yaml:4:11: `config` names one file, and '!' excludes
      write {path: "!NAME"} for a file whose name starts with '!'
    "#);
}

#[test]
fn what_would_break_a_title_or_a_layer_is_refused() {
    let text = artifact(
        "files:\n- \"a\\nb\"\n- {path: x, title: \"t\\e[31m\"}\n- path: y\n\
         \x20 annotations: {org.opencontainers.image.title: z, io.deis.oras.content.unpack: 'true'}\nbase: \"a\\tb\"",
    );
    insta::assert_snapshot!(problems(&text), @r#"
    s.yaml:4:5: `files` has the control character \u{a}
      write it on one line, without line breaks and tabs
    s.yaml:5:22: `title` has the control character \u{1b}
      write it on one line, without line breaks and tabs
    s.yaml:7:19: annotation "org.opencontainers.image.title" is written by this program
      set `title` of the file instead
    s.yaml:7:54: annotation "io.deis.oras.content.unpack" is written by this program
      leave it out; name a directory to have it packed
    s.yaml:8:9: `base` has the control character \u{9}
      write it on one line, without line breaks and tabs
    "#);
    let long = artifact(&format!("base: {}", "x".repeat(5000)));
    insta::assert_snapshot!(problems(&long), @"
    s.yaml:3:9: `base` is longer than 4096 bytes
      -
    ");
}

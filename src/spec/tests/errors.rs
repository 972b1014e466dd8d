//! What is said about keys and values that are wrong, each with its place and the way out.

use super::*;

#[test]
fn ten_mistakes_give_ten_errors() {
    let text = "\
regsitry: ghcr.io
artifacts:
  - name: one
    reference: ghcr.io/Me/one:v1
    tags: [latest, \"not a tag\"]
    artifact-type: readme
    if-exists: skipp
    files:
      - path: a
        compression: zst
      - title: b
    platform: linux
  - name: two
    reference: ghcr.io/me/two:v1
    name: zwei
  - reference: ghcr.io/me/three:${ci.tag}
";
    insta::assert_snapshot!(problems(text), @r#"
    s.yaml:1:1: unknown key "regsitry" in the spec
      did you mean `registry`?
    s.yaml:4:16: reference "ghcr.io/Me/one:v1" has upper-case letters in its host or repository
      registries take lower case only; write "ghcr.io/me/one:v1"
    s.yaml:5:20: `tags`: "not a tag" is not a tag
      a tag has up to 128 letters, digits, '_', '.' and '-', and starts with none of the last two; ${ci.ref-slug} is a branch or tag name made safe
    s.yaml:6:20: `artifact-type`: "readme" is not a media type
      write TYPE/SUBTYPE without parameters, such as application/json (RFC 6838)
    s.yaml:7:16: `if-exists` can't be "skipp"
      did you mean skip?
    s.yaml:10:22: `compression` can't be "zst"
      did you mean zstd?
    s.yaml:11:9: a file has no `path`
      name the file, directory or pattern
    s.yaml:12:15: `platform`: "linux" is not a platform
      write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT in lower case, such as linux/arm64/v8
    s.yaml:15:5: key "name" stands twice, first in line 13 column 5
      keep one of them
    s.yaml:16:16: `reference`: ${ci.tag} has no value in this run
      give it a default: ${ci.tag:-DEFAULT}
    "#);
    assert_eq!(read_as(Some("s.yaml"), text).unwrap_err().iter().count(), 10);
}

#[test]
fn unknown_and_misplaced_keys() {
    insta::assert_snapshot!(problems("artefacts: []\npassword: x\nfiles: [a]\n"), @r#"
    s.yaml:1:1: unknown key "artefacts" in the spec
      did you mean `artifacts`?
    s.yaml:2:1: unknown key "password" in the spec
      a spec can't set it; give it as the input `password`
    s.yaml:3:1: unknown key "files" in the spec
      `files` is a key of an artifact and of an attachment
    "#);
    insta::assert_snapshot!(problems(&artifact("config: {a.json: a/b}\nfiles:\n- readme.md: text/markdown\n- {a,b}\n- {path: a, Title: b}")), @r#"
    s.yaml:3:11: a file is a text or a map of keys, and this is another map
      write "a.json:a/b" without a blank for a path and its media type
    s.yaml:5:5: a file is a text or a map of keys, and this is another map
      write "readme.md:text/markdown" without a blank for a path and its media type
    s.yaml:6:5: a file is a text or a map of keys, and this is another map
      a pattern that starts with '{' must be quoted, such as "{a,b}"
    s.yaml:7:15: unknown key "Title" in a file
      did you mean `title`?
    "#);
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(problems("- a\n"), @"
    s.yaml:1:1: the spec is a map of keys, and this is none
      its keys are version, registry, annotations, created, manifest, include-referrers, artifacts
    ");
    insta::assert_snapshot!(problems("text"), @"
    s.yaml:1:1: the spec is a map of keys, and this is none
      its keys are version, registry, annotations, created, manifest, include-referrers, artifacts
    ");
    insta::assert_snapshot!(problems("artifacts: {reference: a}\n"), @"
    s.yaml:1:12: `artifacts` takes a list of maps, and this is a map
      begin each entry with '- '
    ");
    insta::assert_snapshot!(problems("artifacts: []\n"), @"
    s.yaml:1:12: `artifacts` is empty
      list at least one: `artifacts:`, then `- reference: HOST/REPOSITORY:TAG`
    ");
    insta::assert_snapshot!(problems("artifacts:\n"), @"
    s.yaml:1:10: `artifacts` takes a list of maps, and this is nothing
      give it a value, or leave the key out
    ");
    insta::assert_snapshot!(problems("artifacts: [a, {}]\nversion: 2\n"), @r#"
    s.yaml:1:13: an artifact is a map of keys, and this is none
      its keys are name, reference, subject, tags, artifact-type, base, files, config, annotations, created, manifest, attachments, manifests, platform, if-exists, output, include-referrers
    s.yaml:1:16: an artifact has no `reference`
      write HOST/REPOSITORY:TAG, or oci:DIRECTORY:TAG for a layout on disk
    s.yaml:2:10: `version` "2" is not in this version
      write `version: 1`, or leave it out
    "#);
    let text = artifact(
        "tags: {a: b}\nfiles: {path: x}\nannotations: [a]\nartifact-type: [a]\n\
         base:\nname: null\noutput: ''\nconfig: []\nplatform: {a: b}",
    );
    insta::assert_snapshot!(problems(&text), @r#"
    s.yaml:3:9: `tags` takes a list or a text, and this is a map
      begin each entry with '- '
    s.yaml:4:10: `files` takes a list or a text, and this is a map
      begin each entry with '- '
    s.yaml:5:16: `annotations` takes a map of annotations, and this is a list
      write KEY: VALUE without '- '
    s.yaml:6:18: `artifact-type` takes a text, and this is a list
      a value that starts with '[' must be quoted
    s.yaml:7:7: `base` has no value
      give it one, or leave the key out
    s.yaml:8:9: `name` has no value
      quote "null" if the word is meant, or leave the key out
    s.yaml:9:11: `output` is empty
      give it a value, or leave the key out
    s.yaml:10:11: `config` takes a text, and this is a list
      a value that starts with '[' must be quoted
    s.yaml:11:13: `platform` takes a text, and this is a map
      quote a value that starts with '{' or has ': ' in it
    "#);
    insta::assert_snapshot!(problems(&artifact("annotations: {a: [x], b: , '': c, a: d, \"${ci.sha}\": e}")), @r#"
    s.yaml:3:20: `a` takes a text, and this is a list
      a value that starts with '[' must be quoted
    s.yaml:3:26: `b` has no value
      give it one, or leave the key out
    s.yaml:3:30: "" can't be the key of an annotation
      -
    s.yaml:3:37: annotation "a" stands twice, first in line 3 column 17
      keep one of them
    s.yaml:3:43: annotation "${ci.sha}": keys are not expanded
      write the key out; ${…} is for values only
    "#);
}

#[test]
fn every_key_of_the_table_is_checked() {
    use crate::spec::keys::{KEYS, Scope};
    for key in KEYS {
        let line = format!("{}: [[]]", key.name);
        let path = if key.name == "path" { "" } else { "path: p, " };
        let rest = |pairs: &[(&str, &str)]| -> String {
            let others = pairs.iter().filter(|(name, _)| *name != key.name);
            others.map(|(name, value)| format!("{name}: {value}, ")).collect()
        };
        let text = match key.scope {
            Scope::Spec if key.name == "artifacts" => line,
            Scope::Spec => format!("{line}\nartifacts: [{{reference: h.io/a}}]"),
            Scope::Artifact if ["reference", "subject"].contains(&key.name) => format!("artifacts: [{{{line}}}]"),
            Scope::Artifact => format!("artifacts: [{{reference: h.io/a, {line}}}]"),
            Scope::Tag if key.name == "tag" => format!("artifacts: [{{reference: h.io/a, tags: [{{{line}}}]}}]"),
            Scope::Tag => format!("artifacts: [{{reference: h.io/a, tags: [{{tag: x, {line}}}]}}]"),
            Scope::File => format!("artifacts: [{{reference: h.io/a, files: [{{{path}{line}}}]}}]"),
            Scope::Config => format!("artifacts: [{{reference: h.io/a, config: {{{path}{line}}}}}]"),
            Scope::Attachment => {
                let rest = rest(&[("artifact-type", "a/b"), ("files", "[x]"), ("annotations", "{a: b}")]);
                format!("artifacts: [{{reference: h.io/a, attachments: [{{{rest}{line}}}]}}]")
            }
            Scope::Manifest => {
                let rest = rest(&[("ref", "x")]);
                format!("artifacts: [{{reference: h.io/a, manifests: [{{{rest}{line}}}]}}]")
            }
        };
        let found = read_as(None, &text)
            .err()
            .map(|errors| listed(&errors))
            .unwrap_or_default();
        assert_eq!(
            found.matches("spec:").count(),
            1,
            "{:?} {}: {found}",
            key.scope,
            key.name
        );
    }
}

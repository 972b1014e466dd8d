//! Whole specs: what is read, and what is said about what can't be.

use proptest::prelude::*;

use super::*;

fn facts() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("sha", "0123456789abcdef".to_owned()),
        ("repository", "Me/App".to_owned()),
        ("ref-slug", "main".to_owned()),
        ("tag", String::new()),
    ])
}

fn read_as(file: Option<&str>, text: &str) -> Result<Spec, Errors> {
    let vars = BTreeMap::from([("version".to_owned(), "1.10".to_owned())]);
    let context = Context {
        file: file.map(Utf8Path::new),
        registry: None,
        facts: &facts(),
        vars: &vars,
    };
    read(text, &context)
}

fn file(text: &str) -> Spec {
    read_as(Some("s.yaml"), text).unwrap_or_else(|errors| panic!("{}", listed(&errors)))
}

/// Each problem with its place and, indented, its hint.
fn problems(text: &str) -> String {
    listed(&read_as(Some("s.yaml"), text).unwrap_err())
}

fn listed(errors: &Errors) -> String {
    let line = |error: &Error| {
        assert_eq!(error.class(), crate::error::Class::Usage, "{error}");
        format!("{error}\n  {}\n", error.way_out().unwrap_or("-"))
    };
    errors.iter().map(line).collect()
}

/// An artifact with these lines behind its reference.
fn artifact(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!("artifacts:\n- reference: h.io/a:v1\n{lines}")
}

const WHOLE: &str = "\
version: 1
registry: myregistry.example.com          # host for references that name none
annotations:
  org.opencontainers.image.vendor: Example
artifacts:
  - name: docs
    reference: samples/artifact:${ci.ref-slug:-dev}
    tags: [latest, 1.10, {tag: v1, if-exists: fail}]
    artifact-type: readme/example
    base: build
    files:
      - readme.md:application/markdown
      - path: details
        exclude: [\"**/*.tmp\"]
        compression: gzip
        hidden: false
      - path: \"dist/*.{whl,tar.gz}\"
        media-type: application/zip
        title: pkg
        annotations: {com.example.kind: wheel}
      - \"!dist/*.map\"
    config: config.json:application/vnd.example.config.v1+json
    annotations: {a: no, b: \"${ci.sha}\"}
    platform: linux/arm64/v8
    if-exists: skip
    output: download
  - reference: oci:out/layout:v1
";

#[test]
fn every_key_is_read() {
    let spec = file(WHOLE);
    assert_eq!(spec.artifacts.len(), 2);
    let docs = &spec.artifacts[0];
    assert_eq!(
        docs.reference.to_string(),
        "myregistry.example.com/samples/artifact:main"
    );
    let tags: Vec<_> = docs.tags.iter().map(|tag| (tag.tag.as_str(), tag.if_exists)).collect();
    use IfExists::{Fail, Replace};
    assert_eq!(tags, [("latest", Replace), ("1.10", Replace), ("v1", Fail)]);
    assert_eq!(docs.artifact_type.as_ref().unwrap().as_str(), "readme/example");
    assert_eq!(
        (docs.base.as_str(), docs.output.as_deref()),
        ("build", Some("download".into()))
    );
    assert_eq!(docs.annotations["a"], "no");
    assert_eq!(docs.annotations["b"], "0123456789abcdef");
    assert_eq!(docs.platform.as_ref().unwrap().to_string(), "linux/arm64/v8");
    assert_eq!(docs.if_exists, Some(IfExists::Skip));
    assert_eq!(spec.annotations["org.opencontainers.image.vendor"], "Example");
    let [readme, details, dist, map] = docs.files.as_slice() else {
        panic!()
    };
    assert_eq!(readme.path, "readme.md");
    assert_eq!(readme.media_type.as_ref().unwrap().as_str(), "application/markdown");
    assert_eq!(
        (details.exclude.as_slice(), details.hidden),
        (["**/*.tmp".to_owned()].as_slice(), Some(false))
    );
    assert_eq!(details.compression, Some(Compression::Gzip));
    assert_eq!(
        (dist.path.as_str(), dist.title.as_deref()),
        ("dist/*.{whl,tar.gz}", Some("pkg"))
    );
    assert_eq!(dist.annotations["com.example.kind"], "wheel");
    assert_eq!((map.path.as_str(), map.excluded), ("dist/*.map", true));
    let config = docs.config.as_ref().unwrap();
    assert_eq!(
        config.media_type.as_ref().unwrap().as_str(),
        "application/vnd.example.config.v1+json"
    );
    assert_eq!(spec.artifacts[1].name, "layout");
    assert!(spec.notices.is_empty());
}

#[test]
fn values_that_only_the_planner_can_check_have_their_places() {
    let spec = file(WHOLE);
    let docs = &spec.artifacts[0];
    let shown = |place: &Option<Place>| place.as_ref().unwrap().to_string();
    assert_eq!(shown(&docs.place), "s.yaml:6:5");
    assert_eq!(shown(&docs.places.reference), "s.yaml:7:16");
    assert_eq!(shown(&docs.places.artifact_type), "s.yaml:9:20");
    assert_eq!(shown(&docs.places.base), "s.yaml:10:11");
    assert_eq!(shown(&docs.places.output), "s.yaml:26:13");
    assert_eq!(shown(&docs.tags[2].place), "s.yaml:8:32");
    let places: Vec<_> = docs.files.iter().map(|file| shown(&file.place)).collect();
    assert_eq!(places, ["s.yaml:12:9", "s.yaml:13:15", "s.yaml:17:15", "s.yaml:21:9"]);
    assert_eq!(shown(&docs.files[2].title_place), "s.yaml:19:16");
    assert_eq!(shown(&docs.files[1].exclude_place), "s.yaml:14:18");
}

#[test]
fn json_reads_as_yaml_does() {
    let spec =
        file(r#"{"artifacts": [{"reference": "h.io/a:v1", "files": ["x:a/b", {"path": "y", "hidden": true}]}]}"#);
    assert_eq!(spec.artifacts[0].files[1].hidden, Some(true));
}

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
        compression: zstd
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
    s.yaml:10:22: `compression: zstd` is not in this version
      use gzip or none
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
fn keys_of_later_versions_are_named_as_such() {
    let text = artifact(
        "attachments: []\nmanifests: [a]\nsubject: x\ninclude-referrers: true\nmanifest: image-1.0\ncreated: 1",
    );
    insta::assert_snapshot!(problems(&text), @"
    s.yaml:3:3: `attachments` is not in this version
      leave it out, or use a later version
    s.yaml:4:3: `manifests` is not in this version
      leave it out, or use a later version
    s.yaml:5:3: `subject` is not in this version
      leave it out, or use a later version
    s.yaml:6:3: `include-referrers` is not in this version
      leave it out, or use a later version
    s.yaml:7:3: `manifest` is not in this version
      leave it out, or use a later version
    s.yaml:8:3: `created` is not in this version
      leave it out, or use a later version
    ");
}

#[test]
fn unknown_and_misplaced_keys() {
    insta::assert_snapshot!(problems("artefacts: []\npassword: x\nfiles: [a]\n"), @r#"
    s.yaml:1:1: unknown key "artefacts" in the spec
      did you mean `artifacts`?
    s.yaml:2:1: unknown key "password" in the spec
      a spec can't set it; give it as the input `password`
    s.yaml:3:1: unknown key "files" in the spec
      `files` is a key of an artifact
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
      its keys are version, registry, annotations, artifacts
    ");
    insta::assert_snapshot!(problems("text"), @"
    s.yaml:1:1: the spec is a map of keys, and this is none
      its keys are version, registry, annotations, artifacts
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
      its keys are name, reference, tags, artifact-type, base, files, config, annotations, platform, if-exists, output
    s.yaml:1:16: an artifact has no `reference`
      write HOST/REPOSITORY:TAG, or oci:DIRECTORY:TAG for a layout on disk
    s.yaml:2:10: `version` "2" is not in this version
      write `version: 1`, or leave it out
    "#);
    let text = artifact(
        "tags: {a: b}\nfiles: {path: x}\nannotations: [a]\nartifact-type: [a]\nbase:\nname: null\noutput: ''\nconfig: []\nplatform: {a: b}",
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
    use super::keys::{KEYS, Scope};
    for key in KEYS {
        let line = format!("{}: [[]]", key.name);
        let path = if key.name == "path" { "" } else { "path: p, " };
        let text = match key.scope {
            Scope::Spec if key.name == "artifacts" => line,
            Scope::Spec => format!("{line}\nartifacts: [{{reference: h.io/a}}]"),
            Scope::Artifact if key.name == "reference" => format!("artifacts: [{{{line}}}]"),
            Scope::Artifact => format!("artifacts: [{{reference: h.io/a, {line}}}]"),
            Scope::Tag if key.name == "tag" => format!("artifacts: [{{reference: h.io/a, tags: [{{{line}}}]}}]"),
            Scope::Tag => format!("artifacts: [{{reference: h.io/a, tags: [{{tag: x, {line}}}]}}]"),
            Scope::File => format!("artifacts: [{{reference: h.io/a, files: [{{{path}{line}}}]}}]"),
            Scope::Config => format!("artifacts: [{{reference: h.io/a, config: {{{path}{line}}}}}]"),
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
    let files: Vec<_> = spec.artifacts[0].files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["a", "b"]);
    assert_eq!(
        spec.artifacts[0].files[1].place.as_ref().unwrap().to_string(),
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
    let spec = read("registry: h.io\nartifacts: [{reference: a/b}]", &context).unwrap();
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
      a repository is lower-case letters and digits, in parts joined by '/', with '.', '_', '__' or '-' between
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
        "files:\n- \"a\\nb\"\n- {path: x, title: \"t\\e[31m\"}\n- path: y\n  annotations: {org.opencontainers.image.title: z, io.deis.oras.content.unpack: 'true'}\nbase: \"a\\tb\"",
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

#[test]
fn bytes_are_checked_first() {
    let facts = BTreeMap::new();
    let vars = BTreeMap::new();
    let context = Context {
        file: None,
        registry: None,
        facts: &facts,
        vars: &vars,
    };
    let said = |bytes: &[u8]| listed(&read_bytes(bytes, &context).unwrap_err());
    insta::assert_snapshot!(said(b"a: b\nc: \xc3\xa9\xff"), @"
    spec:2:5: the spec is not UTF-8
      save it as UTF-8, without another encoding
    ");
    insta::assert_snapshot!(said(b"\xff\xfea\0"), @"
    spec:1:1: the spec is not UTF-8
      save it as UTF-8, without another encoding
    ");
    insta::assert_snapshot!(said(&vec![b'x'; SPEC_LIMIT + 1]), @"
    spec:1:1: the spec has 1048577 bytes, and 1048576 are allowed
      use patterns instead of lists of files, or split the spec
    ");
    insta::assert_snapshot!(said(b"a: b\x7f"), @r"
    spec:1:4: the control character \u{7f}
      save the spec as UTF-8 text
    ");
    insta::assert_snapshot!(said(b"a: \x1b[31m\nb: \x0c\n"), @r"
    spec:1:4: the control character \u{1b}
      save the spec as UTF-8 text
    ");
    insta::assert_snapshot!(said(b""), @"
    spec:1:1: the spec is empty
      write at least `artifacts:` with one `reference`
    ");
    assert!(read_bytes(b"\xef\xbb\xbfartifacts: [{reference: h.io/a}]\r\n", &context).is_ok());
}

#[test]
fn endless_problems_end() {
    let text = format!("artifacts: [{}]", "{x: y},".repeat(60_000));
    let errors = read_as(None, &text).unwrap_err();
    assert_eq!(errors.iter().count(), 101);
    insta::assert_snapshot!(errors.iter().last().unwrap(), @"the spec has 119900 more problems");
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        let _ = read_as(None, &text);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (facts, vars) = (facts(), BTreeMap::new());
        let context = Context { file: None, registry: None, facts: &facts, vars: &vars };
        let _ = read_bytes(&bytes, &context);
    }

    #[test]
    fn no_mix_of_keys_and_values_panics(parts in proptest::collection::vec(
        prop::sample::select(vec![
            "artifacts:", "- ", "\n", "  ", "reference: ", "h.io/a:v1", "tags: ", "[", "]", "{", "}", ", ", "files: ",
            "path: ", "x", "|\n", "${ci.sha}", "${", "annotations: ", "&a ", "*a", "!x ", "\"", "~", "<<: ", ": ",
        ]), 0..40)
    ) {
        let _ = read_as(None, &parts.concat());
    }

    #[test]
    fn values_come_back(path in "[^\\p{C}!$:][^\\p{C}$:]{0,30}[^\\p{C}$:\\s]") {
        prop_assume!(!path.trim().is_empty());
        let json = serde_json::json!({"artifacts": [{"reference": "h.io/a", "files": [&path]}]});
        let spec = read_as(None, &json.to_string()).unwrap();
        prop_assert_eq!(&spec.artifacts[0].files[0].path, &path);
    }
}

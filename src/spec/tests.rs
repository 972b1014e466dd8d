//! Whole specs: what is read, and what is said about what can't be.

use proptest::prelude::*;

use super::*;

mod around;
mod errors;
mod forms;

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
    read(text.as_bytes(), &context)
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
    assert_eq!(docs.package.artifact_type.as_ref().unwrap().as_str(), "readme/example");
    assert_eq!(
        (docs.package.base.as_str(), docs.output.as_deref()),
        ("build", Some("download".into()))
    );
    assert_eq!(docs.package.annotations["a"], "no");
    assert_eq!(docs.package.annotations["b"], "0123456789abcdef");
    assert_eq!(docs.platform.as_ref().unwrap().to_string(), "linux/arm64/v8");
    assert_eq!(docs.if_exists, Some(IfExists::Skip));
    assert_eq!(spec.annotations["org.opencontainers.image.vendor"], "Example");
    let [readme, details, dist, map] = docs.package.files.as_slice() else {
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
    let config = docs.package.config.as_ref().unwrap();
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
    assert_eq!(shown(&docs.package.base_place), "s.yaml:10:11");
    assert_eq!(shown(&docs.places.output), "s.yaml:26:13");
    assert_eq!(shown(&docs.tags[2].place), "s.yaml:8:32");
    let places: Vec<_> = docs.package.files.iter().map(|file| shown(&file.place)).collect();
    assert_eq!(places, ["s.yaml:12:9", "s.yaml:13:15", "s.yaml:17:15", "s.yaml:21:9"]);
    assert_eq!(shown(&docs.package.files[2].title_place), "s.yaml:19:16");
    assert_eq!(shown(&docs.package.files[1].exclude_place), "s.yaml:14:18");
}

#[test]
fn json_reads_as_yaml_does() {
    let spec =
        file(r#"{"artifacts": [{"reference": "h.io/a:v1", "files": ["x:a/b", {"path": "y", "hidden": true}]}]}"#);
    assert_eq!(spec.artifacts[0].package.files[1].hidden, Some(true));
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
    let said = |bytes: &[u8]| listed(&read(bytes, &context).unwrap_err());
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
    assert!(read(b"\xef\xbb\xbfartifacts: [{reference: h.io/a}]\r\n", &context).is_ok());
}

/// A pull request can change the spec, and say what is said once as often as it likes.
#[test]
fn values_do_not_make_a_spec_gigabytes() {
    let (facts, vars) = (facts(), BTreeMap::from([("notes".to_owned(), "x".repeat(10_000))]));
    let context = Context {
        file: None,
        registry: None,
        facts: &facts,
        vars: &vars,
    };
    let spec = |times: usize| artifact(&format!("annotations: {{notes: '{}'}}", "${vars.notes}".repeat(times)));
    assert!(read(spec(100).as_bytes(), &context).is_ok());
    let whole = listed(&read(spec(10_000).as_bytes(), &context).unwrap_err());
    insta::assert_snapshot!(whole, @"
    spec:3:24: `notes`: the values of ${…} make the spec too large
      use fewer of them, or shorter ones
    ");
    // Many of them, each small enough.
    let tags: String = (0..200)
        .map(|at| format!("{{reference: h.io/a{at}, annotations: {{notes: '${{vars.notes}}'}}}},"))
        .collect();
    let errors = read(format!("artifacts: [{tags}]").as_bytes(), &context).unwrap_err();
    assert!(
        errors.iter().all(|error| error.message().contains("too large")),
        "{}",
        listed(&errors)
    );
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
        let _ = read(&bytes, &context);
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
        prop_assert_eq!(&spec.artifacts[0].package.files[0].path, &path);
    }
}

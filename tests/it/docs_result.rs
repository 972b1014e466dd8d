//! docs/result.md: its fields are those of the schema, its examples what the commands print.
//!
//! After a change: `cargo test --test it regenerate -- --ignored`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use oci_artifact::report::{ArtifactResult, AttachmentResult, ErrorResult, LayerResult, Ledger, ManifestResult, State};
use serde_json::Value;

use crate::support::peers;
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::Workspace;
use crate::support::schema;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/result.md");

/// Characters of a line.
const WIDTH: usize = 118;

const SPEC: &str = "\
artifacts:
  - name: app
    reference: oci:store:v1
    tags: [latest]
    artifact-type: application/vnd.example.app
    platform: linux/amd64
    files:
      - app.bin
      - path: docs
        compression: zstd
    attachments:
      - artifact-type: application/spdx+json
        files: [sbom.spdx.json]
";

/// What is run, in this order: the title, what is said of it, and the arguments. `--format json` is added.
const EXAMPLES: &[(&str, &str, &[&str])] = &[
    (
        "check",
        "Nothing is packed or asked for: there are no digests yet.",
        &["check"],
    ),
    (
        "push",
        "An artifact with a file, a directory and an SBOM that refers to it.",
        &["push"],
    ),
    (
        "pull",
        "With the SBOM, into a folder.",
        &[
            "pull",
            "oci:store:v1",
            "--output",
            "out",
            "--include-referrers",
            "application/spdx+json",
        ],
    ),
    (
        "attach",
        "The subject stands in `subject`.",
        &[
            "attach",
            "oci:store:v1",
            "report.json",
            "--artifact-type",
            "application/vnd.example.report",
        ],
    ),
    (
        "discover",
        "All that refers to it by now.",
        &["discover", "oci:store:v1"],
    ),
    (
        "inspect",
        "The result beside the manifest, which stdout shows without `--format json`.",
        &["inspect", "oci:store:v1"],
    ),
    (
        "index",
        "Over what was pushed before.",
        &["index", "oci:store:all", "v1 linux/amd64"],
    ),
    ("tag", "", &["tag", "oci:store:v1", "stable"]),
    ("list", "", &["list", "oci:store"]),
    ("untag", "", &["untag", "oci:store:stable"]),
    (
        "copy",
        "With all that refers to it. Digests are those of the source: nothing is rewritten.",
        &["copy", "oci:store:v1", "oci:mirror:v1", "--recursive"],
    ),
    ("delete", "", &["delete", "oci:store:all"]),
    (
        "login",
        "No artifact is concerned. `logout` leaves the same.",
        &["login", "registry.example"],
    ),
    (
        "A failure",
        "A mistake in a spec has its place. What failed first decides `exit-code`.",
        &["push", "--spec-file", "wrong.yaml"],
    ),
];

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    for (name, content) in [
        ("oci-artifact.yaml", SPEC),
        (
            "wrong.yaml",
            "artifacts:\n  - reference: oci:store:v2\n    file: app.bin\n",
        ),
        ("app.bin", "the program\n"),
        ("docs/index.html", "<h1>docs</h1>\n"),
        ("sbom.spdx.json", "{\"spdxVersion\": \"SPDX-2.3\"}\n"),
        ("report.json", "{\"findings\": []}\n"),
    ] {
        workspace.write(name, content);
    }
    workspace
}

/// The results of the examples, with the folder as `/work`.
fn results() -> Vec<Value> {
    let workspace = workspace();
    let login = Registry::with(Options {
        auth: Auth::Bearer(Bearer {
            username: "user",
            password: "a-secret-password",
            ..Bearer::default()
        }),
        ..Options::default()
    });
    let run = |arguments: &[&str]| {
        let host = login.host();
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|argument| {
                if *argument == "registry.example" {
                    host.as_str()
                } else {
                    argument
                }
            })
            .collect();
        let mut run = workspace.run().args(arguments.clone()).args(["--format", "json"]);
        if arguments[0] == "login" {
            run = run.args(["-u", "user", "--password-stdin"]).stdin("a-secret-password");
        }
        let outcome = run.call();
        outcome.exit(if arguments.contains(&"wrong.yaml") { 2 } else { 0 });
        let text = outcome.json().to_string();
        serde_json::from_str(&text.replace(workspace.path().as_str(), "/builds/app")).unwrap()
    };
    EXAMPLES.iter().map(|(_, _, arguments)| run(arguments)).collect()
}

fn examples(results: &[Value]) -> String {
    let mut text = format!("`oci-artifact.yaml` of the examples:\n\n```yaml\n{SPEC}```\n");
    for ((title, about, arguments), result) in EXAMPLES.iter().zip(results) {
        let about = if about.is_empty() {
            String::new()
        } else {
            format!("{about}\n\n")
        };
        let quoted: Vec<String> = arguments
            .iter()
            .map(|argument| {
                if argument.contains(' ') {
                    format!("\"{argument}\"")
                } else {
                    (*argument).to_owned()
                }
            })
            .collect();
        let title = if *title == arguments[0] {
            format!("`{title}`")
        } else {
            (*title).to_owned()
        };
        let command = format!("oci-artifact {} --format json", quoted.join(" "));
        write!(
            text,
            "\n### {title}\n\n{about}```sh\n{command}\n```\n\n```json\n{result:#}\n```\n"
        )
        .unwrap();
    }
    text
}

fn fields() -> String {
    let schema = schema::result();
    let mut text = String::new();
    let defs = ["artifact", "layer", "attachment", "manifest", "error"];
    let all = std::iter::once(("The run", &schema)).chain(defs.map(|name| (name, &schema["$defs"][name])));
    for (name, part) in all {
        let about = if name == "The run" {
            ""
        } else {
            part["description"].as_str().unwrap()
        };
        let title = match name {
            "The run" => name.to_owned(),
            name => format!("`{name}`"),
        };
        write!(text, "\n### {title}\n\n").unwrap();
        if !about.is_empty() {
            write!(text, "{about}\n\n").unwrap();
        }
        for (field, of) in part["properties"].as_object().unwrap() {
            let always = part["required"].as_array().unwrap().iter().any(|name| name == field);
            let mark = if always { ", *always*" } else { "" };
            let line = format!(
                "- `{field}` ({}{mark}): {}",
                kind(of),
                of["description"].as_str().unwrap()
            );
            text.push_str(&wrapped(&line));
        }
    }
    text
}

/// What a reader calls the type of a field.
fn kind(field: &Value) -> String {
    if let Some(target) = field["$ref"].as_str() {
        return target.rsplit('/').next().unwrap().to_owned();
    }
    let item = |items: &Value| {
        items["$ref"]
            .as_str()
            .and_then(|target| target.rsplit('/').next())
            .unwrap_or("text")
            .to_owned()
    };
    match field["type"].as_str() {
        Some("array") => format!("list of {}", item(&field["items"])),
        Some("object") => format!("map to {}", item(&field["additionalProperties"])),
        Some("integer") | None if field.get("enum").is_none() => "number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        _ => "text".to_owned(),
    }
}

/// One item of a list, in lines.
fn wrapped(item: &str) -> String {
    let mut lines = vec![String::new()];
    for word in item.split(' ') {
        let last = lines.last_mut().unwrap();
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("  {word}"));
        } else {
            last.push(' ');
            last.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

/// `text` with what is between the markers of `name` replaced.
fn filled(text: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}{content}\n{end}{after}")
}

fn document(results: &[Value]) -> String {
    let text = fs_err::read_to_string(FILE).unwrap();
    let text = filled(&text, "fields", &fields());
    filled(&text, "examples", &examples(results))
}

#[test]
fn the_document_is_what_the_commands_print() {
    let text = fs_err::read_to_string(FILE).unwrap();
    let fresh = document(&results());
    for (number, (found, expected)) in text.lines().zip(fresh.lines()).enumerate() {
        assert_eq!(
            found,
            expected,
            "docs/result.md:{}: scripts/regenerate writes it",
            number + 1
        );
    }
    assert_eq!(text.len(), fresh.len());
}

#[test]
fn every_command_that_has_a_result_has_an_example() {
    // `schema` has none, and that of `logout` is like that of `login`.
    let without = ["schema", "logout"];
    for command in oci_artifact::inputs::Command::ALL {
        let name = command.name();
        assert_ne!(
            EXAMPLES.iter().any(|(title, ..)| *title == name),
            without.contains(&name),
            "{name}"
        );
    }
}

#[test]
#[ignore = "writes docs/result.md"]
fn regenerate_result() {
    fs_err::write(FILE, document(&results())).unwrap();
}

/// A field that the program knows and the schema doesn't, or the reverse. The literals name every field, so that a new
/// one stops the build until it is written down.
#[test]
fn the_schema_has_every_field_and_no_other() {
    let digest = oci_artifact::oci::Digest::of(b"x");
    let text = || Some("x".to_owned());
    let map = || [("a".to_owned(), "b".to_owned())].into_iter().collect();
    let layer = LayerResult {
        title: text(),
        media_type: "a/b".to_owned(),
        digest: Some(digest.clone()),
        size: 1,
        annotations: map(),
        path: text(),
    };
    let leaf = AttachmentResult {
        digest: Some(digest.clone()),
        reference: text(),
        media_type: text(),
        artifact_type: text(),
        annotations: map(),
        layers: vec![layer.clone()],
        attachments: Vec::new(),
    };
    let attachment = AttachmentResult {
        attachments: vec![leaf.clone()],
        ..leaf
    };
    let manifest = ManifestResult {
        digest: Some(digest.clone()),
        media_type: text(),
        artifact_type: text(),
        platform: text(),
        annotations: map(),
        manifests: vec![ManifestResult::default()],
        attachments: vec![attachment.clone()],
    };
    let artifact = ArtifactResult {
        name: "x".to_owned(),
        state: State::Pushed,
        digest: Some(digest.clone()),
        reference: text(),
        repository: "x".to_owned(),
        tags: vec!["x".to_owned()],
        media_type: text(),
        artifact_type: text(),
        size: 1,
        platform: text(),
        annotations: map(),
        index: Some(digest.clone()),
        subject: Some(digest),
        layers: vec![layer],
        manifests: vec![manifest],
        attachments: vec![attachment],
        path: text(),
    };
    let error = ErrorResult {
        class: "usage",
        message: "x".to_owned(),
        hint: text(),
        file: text(),
        line: Some(1),
        column: Some(1),
    };
    let mut result = Ledger::new("push", false).result();
    result.artifacts = vec![artifact];
    result.errors = vec![error];
    let json: Value = serde_json::from_str(&result.to_json(false)).unwrap();
    schema::check(&json);
    let root = schema::result();
    let same = |schema: &Value, value: &Value| {
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&schema["properties"]), keys(value));
    };
    let artifact = &json["artifacts"]["x"];
    same(&root, &json);
    same(&root["$defs"]["artifact"], artifact);
    same(&root["$defs"]["layer"], &artifact["layers"][0]);
    same(&root["$defs"]["attachment"], &artifact["attachments"][0]);
    same(&root["$defs"]["manifest"], &artifact["manifests"][0]);
    same(&root["$defs"]["error"], &json["errors"][0]);
}

#[test]
fn the_schema_has_every_state_and_class() {
    use oci_artifact::error::Class;
    let root = schema::result();
    let named = |names: &Value| {
        names
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    let states: BTreeSet<String> = named(&root["$defs"]["state"]["enum"]);
    for state in &states {
        let known: State = serde_json::from_value(Value::from(state.as_str())).unwrap();
        assert_eq!(known.name(), state);
    }
    // The compiler stops here when there is a new one.
    let count = |state: State| match state {
        State::Pushed | State::Pulled | State::Unchanged | State::Skipped | State::Failed | State::NotStarted => 6,
        State::Found | State::Listed | State::Tagged | State::Untagged | State::Copied | State::Deleted => 6,
    };
    assert_eq!(states.len(), 2 * count(State::Found));
    let classes: BTreeSet<String> = named(&root["$defs"]["error"]["properties"]["class"]["enum"]);
    let known = [
        Class::Internal,
        Class::Usage,
        Class::Denied,
        Class::NotFound,
        Class::Conflict,
        Class::Network,
        Class::Integrity,
        Class::Local,
        Class::Signal(2),
    ];
    assert_eq!(
        classes,
        known.map(|class| class.name().to_owned()).into_iter().collect()
    );
}

#[test]
fn what_is_no_result_is_told() {
    let good = &results()[1];
    type Change = fn(&mut Value);
    let changes: &[(&str, Change)] = &[
        ("result.schema: ", |value| value["schema"] = 2.into()),
        ("result.exit-code: ", |value| value["exit-code"] = 256.into()),
        ("result.exit-code: ", |value| value["exit-code"] = "0".into()),
        ("result: ", |value| {
            drop(value.as_object_mut().unwrap().remove("errors"));
        }),
        ("result.artifacts.app.digest: ", |value| {
            value["artifacts"]["app"]["digest"] = "sha256:00".into();
        }),
        ("result.artifacts.app.state: ", |value| {
            value["artifacts"]["app"]["state"] = "lost".into();
        }),
        ("result.artifacts.app.colour: ", |value| {
            value["artifacts"]["app"]["colour"] = "red".into();
        }),
        ("result.artifacts.app.layers[1].annotations.a: ", |value| {
            value["artifacts"]["app"]["layers"][1]["annotations"]["a"] = 1.into();
        }),
    ];
    let root = schema::result();
    for (path, change) in changes {
        let mut value = good.clone();
        change(&mut value);
        let mut wrong = Vec::new();
        schema::validate(&root, &root, &value, "result", &mut wrong);
        assert!(
            !wrong.is_empty() && wrong.iter().all(|text| text.starts_with(path)),
            "{path}{wrong:?}"
        );
    }
}

/// An independent reader of the schema takes the examples, and the schema for one.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn check_jsonschema_takes_the_examples() {
    let workspace = Workspace::new();
    let program = peers::program("check-jsonschema");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/result.schema.json");
    let run = |arguments: &[&str]| {
        let run = workspace.run().program(program.as_str()).env("PATH", "/usr/bin:/bin");
        run.args(arguments.to_vec()).call()
    };
    run(&["--check-metaschema", schema]).success();
    for (at, result) in results().iter().enumerate() {
        let file = workspace.write(&format!("{at}.json"), result.to_string());
        run(&["--schemafile", schema, file.as_str()]).success();
    }
    let wrong = workspace.write("wrong.json", "{\"schema\": 1}");
    run(&["--schemafile", schema, wrong.as_str()]).exit(1);
}

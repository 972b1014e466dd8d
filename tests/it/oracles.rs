//! What we write to a CI system, judged by that system's own library: `@actions/core` and `azure-pipelines-task-lib`,
//! in Node.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::peers::program;
use crate::support::runner::Workspace;

/// Text that would be several things if it weren't escaped.
const HOSTILE: &str = "50% of a:b,c;d]e %0A%25%AZP25 ##[error]x ##vso[task.complete result=Failed;]x ::warning::y é";

/// What `script` gives back for `input`, both JSON.
fn node(script: &str, input: &Value) -> Value {
    let script = format!("const input = JSON.parse(process.argv[1]); console.log(JSON.stringify({script}))");
    let output = Command::new(program("peers-node"))
        .args(["-e", &script, &input.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The log of a job that fails by a key of a spec that is hostile, in the system that `variable` announces.
fn log(variable: (&str, &str)) -> (Workspace, Vec<String>) {
    let workspace = Workspace::new();
    let key = json!(HOSTILE).to_string();
    let spec = format!("artifacts:\n- reference: oci:layout:v1\n  files: [a]\n  {key}: 1\n");
    workspace.write("50% a:b,c;d]e.yaml", spec);
    let path = workspace.path();
    let run = workspace
        .run()
        .args(["push", "-f", "50% a:b,c;d]e.yaml"])
        .env(variable.0, variable.1);
    let run = run.env("GITHUB_WORKSPACE", path.as_str());
    let outcome = run
        .env("OCI_ARTIFACT_USERNAME", "u")
        .env("OCI_ARTIFACT_PASSWORD", "se%cret\nof two lines")
        .env("OCI_ARTIFACT_REGISTRY", "r.example");
    let outcome = outcome.call();
    outcome.exit(2);
    let lines = outcome.stderr.lines().map(str::to_owned).collect();
    (workspace, lines)
}

/// Each command of the log is, byte for byte, what the toolkit prints for its parts.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn github_s_toolkit_writes_the_same_commands() {
    let (_workspace, lines) = log(("GITHUB_ACTIONS", "true"));
    // As the runner reads a command (actions/runner, ActionCommand.TryParseV2).
    let unescape = |text: &str| {
        let text = text.replace("%3A", ":").replace("%2C", ",");
        text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    };
    let mut kinds = Vec::new();
    for line in lines.iter().filter(|line| line.starts_with("::")) {
        let (head, data) = line[2..].split_once("::").unwrap();
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let properties: serde_json::Map<_, _> = properties
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), Value::from(unescape(value))))
            .collect();
        kinds.push(name.to_owned());
        // `%0A` in a message is a newline, which the toolkit escapes again.
        let data = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
        let script = "(() => { \
            const { issueCommand } = require('@actions/core/lib/command'); \
            const write = process.stdout.write; \
            let said = ''; \
            process.stdout.write = text => { said += text; return true }; \
            issueCommand(input.name, input.properties, input.data); \
            process.stdout.write = write; \
            return said.trimEnd() })()";
        let theirs = node(script, &json!({"name": name, "properties": properties, "data": data}));
        assert_eq!(theirs.as_str().unwrap(), line);
    }
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("::error file=50%25 a%3Ab%2Cc;d]e.yaml,line=4")),
        "{lines:#?}"
    );
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["add-mask", "error"]);
}

/// The toolkit writes an output as we do, up to the random delimiter.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn github_s_toolkit_writes_the_same_outputs() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    let file = workspace.write("output", "");
    let run = workspace
        .run()
        .args(["push", "oci:layout:v1", "a.txt", "--tags", "latest"]);
    let run = run.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", file.as_str());
    run.args(["--annotations", &format!("a={HOSTILE}")]).call().success();
    let text = workspace.read("output");
    let delimiter = text.lines().next().unwrap().split_once("<<").unwrap().1.to_owned();
    let mut values = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let name = line.strip_suffix(&format!("<<{delimiter}")).unwrap();
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        values.push(json!([name, value.join("\n")]));
    }
    assert!(values.len() > 10);
    let script = "input.map(([name, value]) => \
                  require('@actions/core/lib/file-command').prepareKeyValueMessage(name, value) + '\\n').join('')";
    let theirs = node(script, &json!(values));
    let theirs: String = theirs
        .as_str()
        .unwrap()
        .split_inclusive('\n')
        .map(|line| match line.find("ghadelimiter_") {
            Some(at) => format!("{}{delimiter}\n", &line[..at]),
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(theirs, text);
}

/// Azure's library reads our commands as what we meant, and would write them the same.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn azure_s_task_library_reads_and_writes_the_same_commands() {
    let (workspace, lines) = log(("TF_BUILD", "True"));
    let script = "input.map(line => { const read = require('azure-pipelines-task-lib/taskcommand')\
                  .commandFromString(line); return [read.command, read.properties, read.message, read.toString()] })";
    let commands: Vec<_> = lines.iter().filter(|line| line.contains("##vso[")).collect();
    let read = node(script, &json!(commands));
    let read = read.as_array().unwrap();
    assert_eq!(read.len(), commands.len());
    for (entry, line) in read.iter().zip(&commands) {
        assert_eq!(entry[3].as_str().unwrap(), line.as_str());
    }
    let of = |name: &str| {
        read.iter()
            .filter(|entry| entry[0] == name)
            .cloned()
            .collect::<Vec<_>>()
    };
    let issues = of("task.logissue");
    let issue = issues.iter().find(|issue| issue[1]["linenumber"] == "4").unwrap();
    assert_eq!(
        issue[1]["sourcepath"],
        workspace.path().join("50% a:b,c;d]e.yaml").as_str()
    );
    let masks: Vec<_> = of("task.setsecret").iter().map(|mask| mask[2].clone()).collect();
    assert!(
        masks.contains(&json!("se%cret\nof two lines")) && masks.contains(&json!("se%cret")),
        "{masks:?}"
    );
    assert!(of("task.complete").is_empty(), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("##[error]x")), "{lines:?}");
}

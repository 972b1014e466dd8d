//! README and the examples say what is true.

use crate::support::runner::Workspace;

fn repository(path: &str) -> camino::Utf8PathBuf {
    camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The blocks of README in the language `kind`.
fn blocks(kind: &str) -> Vec<String> {
    let readme = fs_err::read_to_string(repository("README.md")).unwrap();
    let fence = format!("```{kind}\n");
    let found: Vec<String> = readme
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect();
    assert!(!found.is_empty());
    found
}

/// Everything under `from`, copied to `to` in the workspace.
fn copy(workspace: &Workspace, from: &str) {
    for entry in walkdir::WalkDir::new(repository(from)) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let path = camino::Utf8Path::from_path(entry.path()).unwrap();
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            let copy = workspace.write(name.as_str(), fs_err::read(path).unwrap());
            fs_err::set_permissions(copy, fs_err::metadata(path).unwrap().permissions()).unwrap();
        }
    }
}

#[test]
fn the_first_command_of_readme_pushes_and_prints_the_digest() {
    let commands = blocks("sh").concat();
    let command = commands
        .lines()
        .find_map(|line| line.strip_prefix("cargo run -- "))
        .unwrap();
    let workspace = Workspace::new();
    copy(&workspace, "examples/quick-start");
    let outcome = workspace.run().args(command.split_whitespace()).call();
    outcome.success();
    assert!(outcome.stdout.contains("@sha256:"), "{}", outcome.snapshot());
}

#[test]
fn the_spec_of_readme_is_one() {
    let spec = blocks("yaml")
        .into_iter()
        .find(|block| block.contains("artifacts:"))
        .unwrap();
    let workspace = Workspace::new();
    workspace.write("oci-artifact.yaml", spec);
    for file in [
        "readme.md",
        "details/a.md",
        "dist/a.whl",
        "dist/a-debug.whl",
        "dist/b.tar.gz",
        "config.json",
        "sbom.spdx.json",
        "app",
        "provenance.intoto.jsonl",
    ] {
        workspace.write(&format!("build/{file}"), "{}");
    }
    let outcome = workspace.run().arg("check").call();
    outcome.success();
    assert!(
        outcome.stdout.contains("dist/a.whl") && !outcome.stdout.contains("debug"),
        "{}",
        outcome.snapshot()
    );
}

#[test]
fn every_example_is_a_spec() {
    for name in [
        "examples/article.yaml",
        "examples/release.yaml",
        "examples/quick-start/oci-artifact.yaml",
    ] {
        let workspace = Workspace::new();
        copy(&workspace, "examples");
        let run = workspace.run().args(["check", name, "--if-no-files-found", "ignore"]);
        let run = run.args(["--vars", "version=1.4.2", "--vars", "minor=1.4"]);
        let outcome = run.env("OCI_ARTIFACT_REGISTRY", "registry.example").call();
        let problems = outcome.stderr.lines().filter(|line| line.starts_with("error: "));
        // Their files are those of a build; everything else must be right.
        let others: Vec<&str> = problems
            .filter(|line| !line.contains("no such file") && !line.contains("base"))
            .collect();
        assert!(others.is_empty(), "{}", outcome.snapshot());
    }
}

#[test]
fn the_exit_codes_of_readme_are_those_of_the_program() {
    use oci_artifact::error::{Class, EXIT_CODES};
    let readme = fs_err::read_to_string(repository("README.md")).unwrap();
    for (code, what) in EXIT_CODES {
        assert!(readme.contains(&format!("\n| {code} | {what} |\n")), "{code}");
    }
    for class in [
        Class::Internal,
        Class::Usage,
        Class::Denied,
        Class::NotFound,
        Class::Conflict,
        Class::Network,
        Class::Integrity,
        Class::Local,
    ] {
        let code = class.exit_code().to_string();
        assert!(EXIT_CODES.iter().any(|(listed, _)| *listed == code), "{}", class.name());
    }
}

/// The inputs that README's steps give are inputs, and a step names no secret in the open.
#[test]
fn the_recipes_of_readme_give_inputs_that_there_are() {
    let mut steps = 0;
    for block in blocks("yaml").iter().filter(|block| block.contains("  with:")) {
        let lines: Vec<&str> = block.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if !line.trim_start().starts_with("with:") || !line.trim_end().ends_with("with:") {
                continue;
            }
            steps += 1;
            let depth = |line: &str| line.len() - line.trim_start().len();
            let inner = depth(line) + 2;
            let keys = lines[at + 1..]
                .iter()
                .take_while(|line| depth(line) >= inner)
                .filter(|line| depth(line) == inner);
            for key in keys {
                let (name, value) = key.trim().split_once(':').unwrap();
                let input = oci_artifact::inputs::table::find(name).unwrap_or_else(|| panic!("{name} is no input"));
                assert!(!input.secret || value.contains("${{ secrets."), "{name}");
            }
        }
    }
    assert!(steps >= 3, "{steps}");
}

/// The blocks of YAML of the page `name`.
fn yaml_of(name: &str) -> Vec<String> {
    let page = fs_err::read_to_string(repository(name)).unwrap();
    let blocks = page.split("```yaml\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// Each recipe's step is a push that `check` finds nothing wrong with, and holds no secret in the open.
#[test]
fn every_recipe_for_a_registry_is_a_push() {
    let recipes = yaml_of("docs/registries.md");
    assert!(recipes.len() >= 10, "{}", recipes.len());
    let mut hosts = std::collections::BTreeSet::new();
    for recipe in recipes {
        let job: serde_json::Value = serde_yaml::from_str(&recipe).unwrap();
        let with = job["steps"][0]["with"].as_object().unwrap();
        let workspace = Workspace::new();
        workspace.write("dist/app", "app");
        let text = |name: &str| with.get(name).map(|value| value.as_str().unwrap().to_owned());
        for (name, value) in with {
            let input = oci_artifact::inputs::table::find(name).unwrap_or_else(|| panic!("{name} is no input"));
            assert!(
                !input.secret || value.as_str().unwrap().starts_with("${{ secrets."),
                "{name}"
            );
        }
        let spec = text("spec").unwrap_or_else(|| {
            let reference = text("reference")
                .unwrap()
                .replace("${{ github.repository }}", "octo/app");
            format!(
                "artifacts: [{{reference: \"{reference}\", files: [{}]}}]",
                text("files").unwrap()
            )
        });
        let run = workspace.run().arg("check").env("OCI_ARTIFACT_SPEC", &spec);
        let run = match text("registry") {
            Some(registry) => run.env("OCI_ARTIFACT_REGISTRY", &registry),
            None => run,
        };
        let outcome = run.args(["--format", "json"]).call();
        outcome.success();
        let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        for artifact in json["artifacts"].as_object().unwrap().values() {
            let repository = artifact["repository"].as_str().unwrap();
            hosts.insert(repository.split('/').next().unwrap().to_owned());
        }
    }
    for host in [
        "ghcr.io",
        "myregistry.azurecr.io",
        "docker.io",
        "registry.gitlab.com",
        "quay.io",
    ] {
        assert!(hosts.contains(host), "{host}: {hosts:?}");
    }
}

/// What users copy names the version that this is: images, and files of a tag.
#[test]
fn what_is_copied_names_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let mut named = 0;
    for folder in [
        "README.md",
        "docs.md",
        "docs",
        "templates",
        "ci",
        "examples",
        "plugin.yml",
    ] {
        for entry in walkdir::WalkDir::new(repository(folder)) {
            let entry = entry.unwrap();
            let Some(text) = entry
                .file_type()
                .is_file()
                .then(|| fs_err::read_to_string(entry.path()).unwrap())
            else {
                continue;
            };
            for mark in ["oci-artifact:", "OWNER/oci-artifact/v"] {
                let behind = text
                    .split(mark)
                    .skip(1)
                    .map(|rest| rest.split(['-', '/', '"', '`']).next().unwrap());
                let numbers = behind.map(|rest| rest.split_whitespace().next().unwrap_or_default());
                for number in numbers.filter(|number| number.starts_with(|first: char| first.is_ascii_digit())) {
                    assert_eq!(number, version, "{}", entry.path().display());
                    named += 1;
                }
            }
        }
    }
    assert!(named > 5, "{named}");
}

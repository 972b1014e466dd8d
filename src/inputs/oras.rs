//! Words of ORAS: what is said here instead, for those who type them. `docs/oras.md` is the whole table.

/// Its commands that aren't ours.
const COMMANDS: &[(&str, &str)] = &[
    ("cp", "copy REFERENCE TARGET; --recursive takes referrers along"),
    ("resolve", "inspect REFERENCE --digest"),
    ("digest", "inspect REFERENCE --digest"),
    (
        "manifest",
        "inspect shows a manifest (--raw, --descriptor, --config), delete removes it, index makes an index, push and \
         attach make the others from files",
    ),
    (
        "blob",
        "inspect REFERENCE --blob DIGEST prints one; blobs come and go with the manifests that list them",
    ),
    ("repo", "list REFERENCE lists the tags of a repository"),
    ("repository", "list REFERENCE lists the tags of a repository"),
    (
        "backup",
        "copy REFERENCE oci-archive:FILE.tar --recursive, or to oci:DIRECTORY",
    ),
    (
        "restore",
        "copy oci-archive:FILE.tar:TAG REFERENCE --recursive, or from oci:DIRECTORY:TAG",
    ),
    ("version", "oci-artifact --version"),
    (
        "completion",
        "oci-artifact --generate complete-bash, or of another shell",
    ),
];

/// A flag that isn't ours: the commands it means this for (none: all), its names, and what to do instead.
type Flag = (&'static [&'static str], &'static [&'static str], &'static str);

const LAYOUT: &str = "a layout is named by its reference: oci:DIRECTORY:TAG";
const HOST_OF_EACH: &str =
    "one flag serves both sides and names its host, without from- and to-: --plain-http HOST, --insecure HOST";
const TWO_CREDENTIALS: &str =
    "credentials of two registries: the variable OCI_ARTIFACT_AUTH with a list, or log in to both";
const NO_TEMPLATE: &str = "there are no templates: --format json, and jq or fromJSON";
const TO_STDOUT: &str = "it goes to stdout: write > FILE behind the command";

const FLAGS: &[Flag] = &[
    (&[], &["--oci-layout", "--oci-layout-path"], LAYOUT),
    (&[], &["--from-oci-layout", "--to-oci-layout"], LAYOUT),
    (&[], &["--from-oci-layout-path", "--to-oci-layout-path"], LAYOUT),
    (
        &[],
        &[
            "--from-plain-http",
            "--to-plain-http",
            "--from-insecure",
            "--to-insecure",
        ],
        HOST_OF_EACH,
    ),
    (
        &[],
        &["--from-ca-file", "--to-ca-file"],
        "--ca-file adds to the authorities for both sides",
    ),
    (
        &[],
        &["--from-cert-file", "--to-cert-file", "--cert-file"],
        "--client-cert FILE",
    ),
    (
        &[],
        &["--from-key-file", "--to-key-file", "--key-file"],
        "--client-key FILE",
    ),
    (&[], &["--from-username", "--to-username"], TWO_CREDENTIALS),
    (&[], &["--from-password", "--to-password"], TWO_CREDENTIALS),
    (&[], &["--from-identity-token", "--to-identity-token"], TWO_CREDENTIALS),
    (
        &[],
        &["--identity-token", "--identity-token-stdin"],
        "set the variable OCI_ARTIFACT_TOKEN",
    ),
    (
        &[],
        &["--registry-config", "--from-registry-config", "--to-registry-config"],
        "set the variable DOCKER_CONFIG to the directory of config.json, or REGISTRY_AUTH_FILE to the file",
    ),
    (
        &[],
        &["--header", "-H", "--from-header", "--to-header"],
        "no header can be added; credentials have inputs of their own",
    ),
    (
        &[],
        &["--resolve", "--from-resolve", "--to-resolve"],
        "addresses are the system's: /etc/hosts, or the job's `services:`",
    ),
    (
        &[],
        &[
            "--distribution-spec",
            "--from-distribution-spec",
            "--to-distribution-spec",
        ],
        "the registry is asked whether it has a referrers API; leave it out",
    ),
    (&[], &["--debug", "-d"], "-v, or --log-level debug"),
    (
        &[],
        &["--no-tty"],
        "progress is drawn on a terminal alone; 2>FILE keeps it out",
    ),
    (&[], &["--template"], NO_TEMPLATE),
    (&[], &["--annotation"], "-a KEY=VALUE, or --annotations"),
    (
        &[],
        &["--annotation-file"],
        "in a spec, `annotations` of an artifact, of a file and of `config`",
    ),
    (
        &["push", "attach"],
        &["--config"],
        "in a spec, `config` names a file and its type",
    ),
    (
        &["push"],
        &["--artifact-platform"],
        "in a spec, `platform` is for indexes; `config` names an image config with one",
    ),
    (
        &["push", "attach"],
        &["--export-manifest"],
        "inspect REFERENCE --raw > FILE prints the same bytes",
    ),
    (
        &["push", "attach"],
        &["--disable-path-validation"],
        "a file outside of the working directory may be named as it is: its title is its file name",
    ),
    (
        &["push"],
        &["--image-spec"],
        "in a spec, `manifest: image-1.0`; without it manifests are of 1.1",
    ),
    (
        &["pull"],
        &["--keep-old-files", "-k"],
        "pull into an empty directory with -o; files that are there and right are left alone",
    ),
    (
        &["pull"],
        &["--allow-path-traversal", "-T"],
        "nothing is written outside of the output directory; choose it with -o",
    ),
    (
        &["pull"],
        &["--include-subject"],
        "inspect REFERENCE --format json names the subject; pull that digest",
    ),
    (&["pull"], &["--config"], "inspect REFERENCE --config > FILE"),
    (
        &[],
        &["--pretty"],
        "inspect indents a manifest by itself; jq . does so with everything else",
    ),
    (&["inspect"], &["--output", "-o"], TO_STDOUT),
    (&["discover"], &["--output", "-o"], "--format text or json"),
    (
        &["inspect"],
        &["--media-type"],
        "all types of manifests are asked for; the answer's is in --descriptor",
    ),
    (
        &["inspect"],
        &["--full-reference", "-l"],
        "--format json has the reference with the digest",
    ),
    (
        &["index"],
        &["--output", "-o"],
        "--dry-run pushes nothing and gives the digest",
    ),
    (
        &["index"],
        &["--merge"],
        "name what the other index lists with --add; inspect shows it",
    ),
    (&["index"], &["--tag"], "--tags TAG"),
    (
        &["list"],
        &["--last"],
        "all pages are read; take the rest of the list with sed or jq",
    ),
    (&["copy"], &["-r"], "--recursive"),
    (&["delete"], &["--descriptor"], "--format json has the digest"),
];

/// What to do instead of ORAS's command `name`.
pub fn command(name: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(known, _)| *known == name).map(|(_, hint)| *hint)
}

/// What to do instead of ORAS's `flag`, which may stand as `--flag <VALUE>`, with our `command`.
pub fn flag(command: &str, flag: &str) -> Option<&'static str> {
    let flag = flag.split([' ', '=']).next().unwrap_or_default();
    let means =
        |(commands, names, _): &&Flag| names.contains(&flag) && (commands.is_empty() || commands.contains(&command));
    FLAGS.iter().find(means).map(|(_, _, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::super::{Command, table};
    use super::*;

    #[test]
    fn a_word_of_oras_has_its_way_out() {
        assert_eq!(command("resolve"), Some("inspect REFERENCE --digest"));
        assert_eq!(flag("pull", "-k"), flag("pull", "--keep-old-files"));
        assert!(flag("pull", "--config <FILE>").is_some_and(|hint| hint.starts_with("inspect")));
        assert!(flag("push", "--config").is_some_and(|hint| hint.contains("spec")));
        assert_eq!(flag("push", "--frobnicate"), None);
    }

    #[test]
    fn only_what_we_lack_stands_here() {
        for (name, _) in COMMANDS {
            assert!(Command::ALL.iter().all(|command| command.name() != *name), "{name}");
        }
        for (commands, names, _) in FLAGS {
            for name in *names {
                let Some(input) = name.strip_prefix("--").and_then(table::find) else {
                    continue;
                };
                let of = |command: &&Command| commands.is_empty() || commands.contains(&command.name());
                let ours = Command::ALL.iter().filter(of).find(|command| input.is_of(**command));
                assert!(ours.is_none() || !input.has_flag(), "{name} is a flag of {ours:?}");
            }
        }
    }
}

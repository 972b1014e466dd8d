//! The table of inputs. An input whose feature isn't there yet isn't here either.

use super::Command::{
    self, Attach, Check, Copy, Delete, Discover, Index, Inspect, List, Login, Logout, Pull, Push, Tag, Untag,
};
use super::table::{Channel, Input, Kind};

const SPECS: &[Command] = &[Push, Pull, Check];
const BUILDS: &[Command] = &[Push, Attach, Index, Check];
const ONE: &[Command] = &[Push, Pull, Discover, Inspect, Index, Tag, Untag, Copy, Delete, List];
const NAMED: &[Command] = &[
    Push, Pull, Attach, Discover, Inspect, Index, Tag, Untag, Copy, Delete, List, Check,
];
const CONNECTS: &[Command] = &[
    Push, Pull, Attach, Discover, Inspect, Index, Tag, Untag, Copy, Delete, List, Login,
];
const REGISTRIES: &[Command] = &[
    Push, Pull, Attach, Discover, Inspect, Index, Tag, Untag, Copy, Delete, List, Check, Login, Logout,
];
const WRITES: &[Command] = &[Push, Pull, Attach, Index, Tag, Untag, Copy, Delete];
const MOVES_TAGS: &[Command] = &[Push, Check, Index, Tag, Copy];

const SPEC: &str = "Spec";
const ARTIFACT: &str = "One artifact";
const HOW: &str = "How";
const CREDENTIALS: &str = "Credentials";
const NETWORK: &str = "Network";
const RESULT: &str = "Result";

/// All inputs, in the order of the help.
pub const INPUTS: &[Input] = &[
    Input::text(
        "command",
        "COMMAND",
        "What to do, such as push, pull, attach, index, copy or check; README lists all",
    )
    .default("push")
    .by(Channel::Variable)
    .under(SPEC),
    Input::new("spec", Kind::Yaml, "YAML", "The spec itself, as YAML or JSON")
        .more(
            "Systems hand it over in an environment variable, which Linux limits to 128 KiB: a job with a longer one \
             fails before this program starts. Put a long spec into a file and name it with spec-file.",
        )
        .of(SPECS)
        .under(SPEC),
    Input::text("spec-file", "FILE", "The file with the spec")
        .default("oci-artifact.yaml, if it is there")
        .more("The default file is not read when reference, files, artifact-type or tags is given.")
        .of(SPECS)
        .positional(&[Check])
        .short('f')
        .under(SPEC),
    Input::lines("only", "NAME", "Names of the artifacts of the spec to work on")
        .default("all")
        .of(SPECS)
        .under(SPEC),
    Input::new(
        "from",
        Kind::Yaml,
        "JSON",
        "The output json of an earlier push: pull exactly its digests",
    )
    .of(&[Pull])
    .under(SPEC),
    Input::lines("vars", "KEY=VALUE", "Values for ${vars.KEY} in the spec, one a line")
        .of(SPECS)
        .under(SPEC),
    Input::text(
        "registry",
        "HOST",
        "Host for references that name none, and the one the credentials are for",
    )
    .of(REGISTRIES)
    .positional(&[Login, Logout])
    .under(SPEC),
    Input::text(
        "reference",
        "REFERENCE",
        "The artifact: HOST/REPOSITORY:TAG, or oci:DIRECTORY:TAG on disk",
    )
    .of(ONE)
    .positional(ONE)
    .under(ARTIFACT),
    Input::text(
        "subject",
        "SUBJECT",
        "What to attach to: HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST",
    )
    .of(&[Attach])
    .positional(&[Attach])
    .under(ARTIFACT),
    Input::text(
        "target",
        "TARGET",
        "Where to copy to: HOST/REPOSITORY[:TAG], oci:DIRECTORY[:TAG] or oci-archive:FILE[:TAG]",
    )
    .of(&[Copy])
    .positional(&[Copy])
    .under(ARTIFACT),
    Input::lines(
        "manifests",
        "MANIFEST",
        "What the index lists: a tag, digest or reference, and a platform if need be",
    )
    .more("Each is one text, such as v1-amd64 or \"sha256:… linux/arm64\", in the repository of the index.")
    .of(&[Index])
    .positional(&[Index])
    .under(ARTIFACT),
    Input::lines(
        "add",
        "MANIFEST",
        "Manifests to add to the index that is there, as in manifests",
    )
    .of(&[Index])
    .under(ARTIFACT),
    Input::lines(
        "remove",
        "MANIFEST",
        "Manifests to take out of the index that is there: tags or digests",
    )
    .of(&[Index])
    .under(ARTIFACT),
    Input::lines(
        "files",
        "FILE[:TYPE]",
        "Files, directories or patterns to push; on pull, titles to fetch",
    )
    .more("A line that begins with ! takes away what the lines before it matched. On push, a lone - is stdin.")
    .of(&[Push, Pull, Attach])
    .positional(&[Push, Attach])
    .under(ARTIFACT),
    Input::text(
        "artifact-type",
        "TYPE",
        "Artifact type, as a media type; on pull, the one it must have; on discover, a filter",
    )
    .of(&[Push, Pull, Attach, Discover, Index])
    .under(ARTIFACT),
    Input::lines(
        "tags",
        "TAG",
        "Further tags for the artifact; on tag and untag, those to add or remove",
    )
    .of(&[Push, Index, Tag, Untag, Copy])
    .positional(&[Tag, Untag])
    .under(ARTIFACT),
    Input::lines(
        "platform",
        "PLATFORM",
        "OS/ARCHITECTURE[/VARIANT]: which manifest of an index is meant; copy takes several",
    )
    .of(&[Pull, Attach, Discover, Inspect, Copy])
    .under(ARTIFACT),
    Input::lines(
        "include-referrers",
        "TYPE",
        "Artifact types of referrers to pull along, such as an SBOM's; * is all",
    )
    .of(&[Pull])
    .under(HOW),
    Input::flag("recursive", "With everything that refers to it, however deep")
        .of(&[Copy, Delete])
        .under(HOW),
    Input::new("depth", Kind::Number, "LEVELS", "How many levels of referrers to show")
        .default("all")
        .of(&[Discover])
        .under(HOW),
    Input::flag(
        "exclude-digest-tags",
        "Leave out the tags that hold lists of referrers, sha256-…",
    )
    .of(&[List])
    .by(Channel::Flag)
    .under(HOW),
    Input::lines("annotations", "KEY=VALUE", "Annotations of every artifact, one a line")
        .of(BUILDS)
        .short('a')
        .under(HOW),
    Input::text("output", "DIRECTORY", "Where pull writes the files")
        .more("With a lone -, the one file that is selected goes to stdout.")
        .default("working-directory; with a spec, each artifact's base")
        .of(&[Pull])
        .short('o')
        .under(HOW),
    Input::text(
        "if-exists",
        "POLICY",
        "What to do when the tag has another digest: replace, skip or fail",
    )
    .default("replace")
    .of(MOVES_TAGS)
    .under(HOW),
    Input::text(
        "if-no-files-found",
        "POLICY",
        "What to do when files are not there: error, warn or ignore",
    )
    .default("error")
    .of(&[Push, Pull, Attach, Check])
    .under(HOW),
    Input::text(
        "if-denied",
        "POLICY",
        "What a push does in a fork's pull request that may not write: fail or skip",
    )
    .default("fail")
    .of(&[Push])
    .under(HOW),
    Input::flag(
        "force",
        "Check every blob even if nothing changed; remove what others still need",
    )
    .of(&[Push, Copy, Delete, Untag])
    .under(HOW),
    Input::flag("dry-run", "Do everything but the writes")
        .of(WRITES)
        .under(HOW),
    Input::flag("yes", "Ask nothing before something is removed")
        .of(&[Untag, Delete])
        .by(Channel::Flag)
        .under(HOW),
    Input::flag("allow-outside", "Let the spec name paths outside working-directory")
        .of(SPECS)
        .under(HOW),
    Input::lines(
        "ci-annotations",
        "NAME",
        "Annotations from CI: source, revision, created, or none",
    )
    .default("source, for ghcr.io alone")
    .of(BUILDS)
    .under(HOW),
    Input::new(
        "unpack-limit",
        Kind::Bytes,
        "SIZE",
        "The most bytes that a packed directory may unpack to",
    )
    .default("200 times its packed size, at least 1GiB")
    .of(&[Pull])
    .under(HOW),
    Input::text(
        "working-directory",
        "DIRECTORY",
        "The directory that paths are relative to",
    )
    .default("the current directory")
    .of(NAMED)
    .under(HOW),
    Input::flag("raw", "Print the exact bytes of the manifest")
        .of(&[Inspect])
        .by(Channel::Flag)
        .under(HOW),
    Input::flag("descriptor", "Print the manifest's descriptor")
        .of(&[Inspect])
        .by(Channel::Flag)
        .under(HOW),
    Input::flag("digest", "Print the manifest's digest")
        .of(&[Inspect])
        .by(Channel::Flag)
        .under(HOW),
    Input::flag("config", "Print the config blob")
        .of(&[Inspect])
        .by(Channel::Flag)
        .under(HOW),
    Input::text("blob", "DIGEST", "Print the blob with this digest")
        .of(&[Inspect])
        .by(Channel::Flag)
        .under(HOW),
    Input::text("username", "USER", "User name at the registry")
        .more(
            "username, password, token and registry-token go to one host: that of registry, else of reference, else \
             of an inline spec that names exactly one.",
        )
        .of(CONNECTS)
        .short('u')
        .under(CREDENTIALS),
    Input::hidden("password", "Password of username")
        .of(CONNECTS)
        .under(CREDENTIALS),
    Input::flag("password-stdin", "Read the password from stdin")
        .of(CONNECTS)
        .by(Channel::Flag)
        .under(CREDENTIALS),
    Input::hidden(
        "token",
        "Token, used the way the registry takes it; username may go with it",
    )
    .of(CONNECTS)
    .under(CREDENTIALS),
    Input::hidden("registry-token", "Bearer token that is sent to the registry as it is")
        .of(CONNECTS)
        .under(CREDENTIALS),
    Input::hidden(
        "github-token",
        "Token for ghcr.io, or your GitHub server's registry, alone",
    )
    .default("in the action, ${{ github.token }}")
    .of(CONNECTS)
    .under(CREDENTIALS),
    Input::new(
        "auth",
        Kind::Yaml,
        "YAML",
        "Credentials of several registries, as a list",
    )
    .more(
        "Each entry has registry (a host, or HOST/NAMESPACE), and username with password or password-variable \
             (the name of the variable that holds it), token or token-variable, or provider.",
    )
    .of(CONNECTS)
    .by(Channel::Variable)
    .under(CREDENTIALS),
    Input::text(
        "auth-provider",
        "PROVIDER",
        "Login without a stored secret: auto, azure, aws, gcp, quay or none",
    )
    .default("auto")
    .more(
        "The job's OpenID Connect token is exchanged for one of the registry. With auto this is done for a registry \
         of that cloud when the ids below are given.",
    )
    .of(CONNECTS)
    .under(CREDENTIALS),
    Input::text(
        "azure-client-id",
        "ID",
        "Client id of the Microsoft Entra application or managed identity",
    )
    .default("AZURE_CLIENT_ID")
    .of(CONNECTS)
    .under(CREDENTIALS),
    Input::text("azure-tenant-id", "ID", "Tenant id of the Microsoft Entra application")
        .default("AZURE_TENANT_ID")
        .of(CONNECTS)
        .under(CREDENTIALS),
    Input::text("aws-role-arn", "ARN", "Role to assume for Amazon ECR")
        .default("AWS_ROLE_ARN")
        .of(CONNECTS)
        .under(CREDENTIALS),
    Input::text("aws-region", "REGION", "Region of Amazon ECR")
        .default("that of the registry's host, else AWS_REGION")
        .of(CONNECTS)
        .under(CREDENTIALS),
    Input::text(
        "gcp-workload-identity-provider",
        "NAME",
        "projects/N/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
    )
    .of(CONNECTS)
    .under(CREDENTIALS),
    Input::text("gcp-service-account", "EMAIL", "Google service account to impersonate")
        .of(CONNECTS)
        .under(CREDENTIALS),
    Input::text("quay-robot", "ORG+ROBOT", "Quay robot account with federated login")
        .of(CONNECTS)
        .under(CREDENTIALS),
    Input::lines(
        "trusted-realms",
        "HOST",
        "Further hosts of token services that may get the credentials",
    )
    .of(CONNECTS)
    .under(CREDENTIALS),
    Input::new(
        "concurrency",
        Kind::Number,
        "NUMBER",
        "Most transfers at once, whatever their size, 1 to 64",
    )
    .default("64 of up to 1 MiB, 5 larger ones")
    .of(&[Push, Pull, Attach, Copy])
    .under(NETWORK),
    Input::new(
        "retries",
        Kind::Number,
        "NUMBER",
        "Tries after the first that make no progress, 0 to 100",
    )
    .default("5")
    .of(CONNECTS)
    .under(NETWORK),
    Input::new(
        "idle-timeout",
        Kind::Duration,
        "TIME",
        "How long a transfer may stand still or an answer take, such as 90s",
    )
    .default("60s")
    .of(CONNECTS)
    .under(NETWORK),
    Input::new(
        "timeout",
        Kind::Duration,
        "TIME",
        "How long the whole run may take, such as 1h30m",
    )
    .default("no limit")
    .of(CONNECTS)
    .under(NETWORK),
    Input::lines("plain-http", "HOST", "Registries to reach over HTTP without TLS")
        .default("localhost and loopback addresses")
        .of(CONNECTS)
        .under(NETWORK),
    Input::lines("insecure", "HOST", "Registries whose TLS certificate is not checked")
        .of(CONNECTS)
        .under(NETWORK),
    Input::text(
        "ca-file",
        "FILE",
        "PEM file with certificate authorities to trust beside the system's",
    )
    .of(CONNECTS)
    .under(NETWORK),
    Input::text(
        "client-cert",
        "FILE",
        "PEM file with the certificate that shows who we are to the registry",
    )
    .of(CONNECTS)
    .under(NETWORK),
    Input::text("client-key", "FILE", "PEM file with the private key of client-cert")
        .default("in client-cert")
        .of(CONNECTS)
        .under(NETWORK),
    Input::text("output-file", "FILE", "File that gets the result as JSON").under(RESULT),
    Input::text(
        "variables-file",
        "FILE",
        "File that gets the outputs as variables, in the CI system's form",
    )
    .default("on GitLab oci-artifact.env")
    .more(
        "NAME='value' for a shell, on GitLab a dotenv report, on Jenkins properties. Other variables in the file stay. \
         Lists are on one line, separated by blanks.",
    )
    .under(RESULT),
    Input::text(
        "variable-prefix",
        "TEXT",
        "What the names of these variables begin with",
    )
    .default("ARTIFACT_")
    .under(RESULT),
    Input::text("format", "FORMAT", "Form of the result on stdout: text or json")
        .default("text")
        .under(RESULT),
    Input::new("summary", Kind::Bool, "BOOL", "Add the result to the job's summary")
        .default("true")
        .under(RESULT),
    Input::text("log-level", "LEVEL", "How much is logged: info or debug; -v is debug")
        .default("info")
        .under(RESULT),
];

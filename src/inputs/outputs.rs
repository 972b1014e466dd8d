//! What a run hands on: the outputs of the action, and their equals on other CI systems.

/// Each output with one line of help, without a full stop.
pub const OUTPUTS: &[(&str, &str)] = &[
    (
        "digest",
        "Digest of the first artifact's manifest, with its algorithm: sha256:…",
    ),
    ("reference", "The first artifact by digest: HOST/REPOSITORY@DIGEST"),
    ("repository", "Its repository: HOST/REPOSITORY"),
    ("tags", "Its tags, one a line"),
    ("media-type", "Media type of its manifest"),
    ("artifact-type", "Its artifact type"),
    ("size", "Bytes of its layers"),
    (
        "changed",
        "Whether the run changed something in the store: true or false",
    ),
    (
        "subject-name",
        "The first artifact's repository, as actions/attest takes it",
    ),
    (
        "subject-digest",
        "The first artifact's digest, as actions/attest takes it; a referrer's subject",
    ),
    ("references", "All artifacts by digest, one a line"),
    ("path", "Directory that pull wrote to"),
    ("exit-code", "Exit code of the run; README lists the classes"),
    ("json", "The whole result as JSON; not set above 256 KiB"),
    ("json-file", "File with the whole result as JSON"),
];

//! Media type of a file when none is given: a short table of our own. A crate's table would move under us, and the
//! type is part of the digest.

/// The longest ending that matches wins; so `x.spdx.json` is SPDX, not JSON.
const BY_ENDING: &[(&str, &str)] = &[
    (".spdx.json", "application/spdx+json"),
    (".cdx.json", "application/vnd.cyclonedx+json"),
    (".cdx.xml", "application/vnd.cyclonedx+xml"),
    (".intoto.jsonl", "application/vnd.in-toto+json"),
    (".sigstore.json", "application/vnd.dev.sigstore.bundle.v0.3+json"),
    (".tar.gz", "application/gzip"),
    (".tar.zst", "application/zstd"),
    (".css", "text/css"),
    (".csv", "text/csv"),
    (".gz", "application/gzip"),
    (".htm", "text/html"),
    (".html", "text/html"),
    (".jpeg", "image/jpeg"),
    (".jpg", "image/jpeg"),
    (".js", "text/javascript"),
    (".json", "application/json"),
    (".md", "text/markdown"),
    (".pdf", "application/pdf"),
    (".png", "image/png"),
    (".svg", "image/svg+xml"),
    (".tar", "application/x-tar"),
    (".tgz", "application/gzip"),
    (".toml", "application/toml"),
    (".txt", "text/plain"),
    (".wasm", "application/wasm"),
    (".xml", "application/xml"),
    (".yaml", "application/yaml"),
    (".yml", "application/yaml"),
    (".zip", "application/zip"),
    (".zst", "application/zstd"),
];

/// The media type for a file name; `application/octet-stream` if the table has none.
pub(super) fn of(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    BY_ENDING
        .iter()
        .filter(|(ending, _)| name.ends_with(ending))
        .max_by_key(|(ending, _)| ending.len())
        .map_or("application/octet-stream", |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_ending_wins() {
        assert_eq!(of("app.spdx.json"), "application/spdx+json");
        assert_eq!(of("APP.JSON"), "application/json");
        assert_eq!(of("app"), "application/octet-stream");
    }

    #[test]
    fn every_type_of_the_table_is_one() {
        for (_, media_type) in BY_ENDING {
            assert!(media_type.parse::<crate::oci::MediaType>().is_ok(), "{media_type}");
        }
    }
}

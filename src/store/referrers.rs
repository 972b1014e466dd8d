//! What refers to a manifest: what its entry in a list says, and under which tag the list lies where no API gives it
//! (distribution-spec 1.1, "Referrers Tag Schema").

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Store;
use crate::error::{Class, Error, Result};
use crate::oci::{Descriptor, Digest, Entries, MANIFEST_LIMIT, RawManifest, names};
use crate::reference::{Pointer, Tag};

/// Referrers of one subject above which a list is taken for endless.
pub(super) const LIMIT: usize = 10_000;

/// Bytes that all of their descriptors may say ([`Descriptor::weight`]): what a registry's pages hold is kept.
pub(super) const TEXT: usize = 8 * 1024 * 1024;

/// Entries without artifact type whose manifests are looked into, at most; and at once.
const COMPLETED: usize = 1_000;
const AT_ONCE: usize = 8;

/// The tag of the list of `subject`: `sha256-HEX`, the algorithm cut to 32 characters, the rest to 64.
pub(super) fn tag_of(subject: &Digest) -> Result<Tag> {
    format!("{:.32}-{:.64}", subject.algorithm().name(), subject.hex()).parse()
}

/// Whether `tag` is one that holds a list of referrers: `sha256-HEX`, which no person gives.
pub fn is_digest_tag(tag: &Tag) -> bool {
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let parts = tag.as_str().split_once('-');
    parts.is_some_and(|(algorithm, digest)| ["sha256", "sha512"].contains(&algorithm) && hex(digest))
}

/// A referrer as lists have it.
pub(super) struct Referrer {
    pub(super) subject: Digest,
    /// With artifact type (or the config's media type) and all annotations of the manifest (cosign#4641 had neither).
    pub(super) entry: Descriptor,
}

/// What lists say of `manifest`; `None` if it refers to nothing.
pub(super) fn of(manifest: &RawManifest) -> Result<Option<Referrer>> {
    let content = manifest.content()?;
    Ok(content.subject().map(|subject| Referrer {
        subject: subject.digest.clone(),
        entry: Descriptor {
            artifact_type: content.artifact_type().map(str::to_owned),
            annotations: content.annotations().clone(),
            ..manifest.descriptor()
        },
    }))
}

/// [`of`] a manifest that is stored as a referrer.
pub(super) fn expect(manifest: &RawManifest) -> Result<Referrer> {
    of(manifest)?.ok_or_else(|| Error::internal(format!("manifest {} has no subject", manifest.digest())))
}

/// A list as it is stored.
///
/// # Errors
/// Conflict, if it is more than registries take.
pub(super) fn written(entries: &mut Entries) -> Result<RawManifest> {
    let bytes = entries.json()?;
    if bytes.len() > MANIFEST_LIMIT {
        let text = format!("the list of referrers would have more than {MANIFEST_LIMIT} bytes");
        return Err(Error::new(Class::Conflict, text)
            .hint("delete referrers that are no longer needed, or give them fewer annotations"));
    }
    Ok(RawManifest::new(names::IMAGE_INDEX, bytes.into()))
}

/// Whether an entry doesn't tell what it is: of clients that write no types (cosign#4641), and of Harbor, which has the
/// config's media type there (goharbor/harbor#19867).
fn is_bare(entry: &Descriptor) -> bool {
    let kind = entry.artifact_type.as_deref().unwrap_or_default();
    kind.is_empty() || kind == names::EMPTY
}

/// Entries whose artifact type is missing get it, and the annotations, from their manifests. One whose manifest isn't
/// there, or refers to something else, is left out.
pub(super) async fn completed(store: &Store, subject: &Digest, entries: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
    let bare = entries
        .iter()
        .filter(|entry| is_bare(entry))
        .take(COMPLETED + 1)
        .count();
    if bare == 0 || bare > COMPLETED {
        return Ok(entries);
    }
    let completed = entries.into_iter().map(|entry| async move {
        if !is_bare(&entry) {
            return Ok(Some(entry));
        }
        let found = store.get_manifest(&Pointer::Digest(entry.digest.clone())).await?;
        let found = found.as_ref().map(of).transpose()?.flatten();
        Ok::<_, Error>(found.filter(|found| found.subject == *subject).map(|found| found.entry))
    });
    let mut completed = stream::iter(completed).buffered(AT_ONCE);
    let (mut found, mut text) = (Vec::new(), 0);
    while let Some(entry) = completed.try_next().await? {
        text += entry.as_ref().map_or(0, Descriptor::weight);
        if text > TEXT {
            let location = store.location();
            return Err(Error::integrity(format!(
                "{location}: what refers to {subject} has more than {} MiB of annotations",
                TEXT >> 20
            )));
        }
        found.extend(entry);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::ImageManifest;

    #[test]
    fn long_digests_make_tags_too() {
        let short = Digest::of(b"{}");
        assert_eq!(tag_of(&short).unwrap().as_str(), format!("sha256-{}", short.hex()));
        let long: Digest = format!("sha512:{}", "ab".repeat(64)).parse().unwrap();
        assert_eq!(tag_of(&long).unwrap().as_str(), format!("sha512-{}", "ab".repeat(32)));
        assert!(is_digest_tag(&tag_of(&short).unwrap()) && is_digest_tag(&tag_of(&long).unwrap()));
        for other in [
            format!("sha256-{}.sig", short.hex()),
            format!("v1-{}", short.hex()),
            "sha256-00".to_owned(),
        ] {
            assert!(!is_digest_tag(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn cosign_4641_ggcr_1931_ggcr_2068_an_entry_has_artifact_type_and_annotations() {
        let subject = Descriptor::new(names::IMAGE_MANIFEST, Digest::of(b"x"), 1);
        let manifest = ImageManifest::new("test/sbom".to_owned(), None, Vec::new())
            .subject(Some(subject.clone()))
            .annotations([("a".to_owned(), "b".to_owned())].into())
            .to_raw()
            .unwrap();
        let found = expect(&manifest).unwrap();
        assert_eq!(found.subject, subject.digest);
        assert_eq!(found.entry.artifact_type.as_deref(), Some("test/sbom"));
        assert_eq!(found.entry.annotations["a"], "b");

        let config = r#"{"mediaType":"test/config","digest":"DIGEST","size":2}"#;
        let text = format!(r#"{{"config":{config},"layers":[],"subject":{config}}}"#);
        let text = text.replace("DIGEST", &Digest::of(b"{}").to_string());
        let found = expect(&RawManifest::new(names::IMAGE_MANIFEST, text.into())).unwrap();
        assert_eq!(found.entry.artifact_type.as_deref(), Some("test/config"));
    }
}

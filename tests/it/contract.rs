//! One suite over every store, through the library's interface: what holds for one holds for all.
//!
//! Each case gets an empty repository. The layout and the faked registry always run; the real registries where
//! `scripts/test-peers` runs the ignored tests.

mod referrers;
mod subject;

use bytes::Bytes;
use futures_util::StreamExt as _;
use oci_artifact::error::{Class, Result};
use oci_artifact::oci::{Descriptor, Digest, ImageManifest, MANIFEST_LIMIT, RawManifest};
use oci_artifact::reference::{Pointer, Tag};
use oci_artifact::store::{BlobSource, PIECE, PutBlob, Store};

use referrers::{
    a_deleted_referrer_is_listed_no_more, an_index_refers_to_a_subject_too,
    referrers_are_listed_with_type_and_annotations, referrers_put_at_once_are_all_listed, several_tags_in_one_call,
};
use subject::Subject;

/// Every case on every store.
macro_rules! suite {
    ($($case:ident)*) => {
        suite! { @store layout => Subject::layout(); [$($case)*] }
        suite! { @store fake => Subject::fake(); [$($case)*] }
        suite! { @store fake_with_bearer => Subject::fake_with_bearer(); [$($case)*] }
        suite! { @store fake_with_basic_and_tls => Subject::fake_with_basic_and_tls(); [$($case)*] }
        suite! { @store olareg => Subject::olareg(); [$($case)*] #[ignore = "needs the peers: scripts/test-peers"] }
        suite! { @store distribution => Subject::distribution(); [$($case)*]
            #[ignore = "needs the peers: scripts/test-peers"] }
        suite! { @store distribution_with_login_and_tls => Subject::distribution_with_login_and_tls(); [$($case)*]
            #[ignore = "needs the peers: scripts/test-peers"] }
    };
    (@store $name:ident => $subject:expr; [$($case:ident)*] $(#[$attribute:meta])?) => {
        mod $name {
            use super::Subject;
            suite! { @cases $subject; [$($case)*] $(#[$attribute])? }
        }
    };
    (@cases $subject:expr; [] $(#[$attribute:meta])?) => {};
    (@cases $subject:expr; [$case:ident $($rest:ident)*] $(#[$attribute:meta])?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$attribute])?
        async fn $case() {
            super::$case(&$subject).await;
        }
        suite! { @cases $subject; [$($rest)*] $(#[$attribute])? }
    };
}

suite! {
    nothing_is_there_at_first
    a_manifest_is_found_by_tag_and_by_digest
    a_tag_moves
    a_blob_is_uploaded_once
    a_blob_is_read_from_any_offset
    a_large_blob_comes_back_as_it_was
    an_empty_blob_is_a_blob
    a_source_that_changed_is_refused
    one_blob_from_many_sides_at_once
    many_blobs_at_once
    a_neighbours_blob_is_mounted_or_uploaded
    a_manifest_without_its_blobs_is_refused
    a_manifest_under_another_digest_is_refused
    tags_come_in_pages_and_in_order
    a_deleted_tag_leaves_its_manifest
    a_deleted_manifest_takes_its_tags_along
    a_large_manifest_comes_back_as_it_was
    several_tags_in_one_call
    referrers_are_listed_with_type_and_annotations
    an_index_refers_to_a_subject_too
    referrers_put_at_once_are_all_listed
    a_deleted_referrer_is_listed_no_more
}

suite! { @store archive => Subject::archive(); [
    a_manifest_is_found_by_tag_and_by_digest a_tag_moves a_blob_is_uploaded_once a_blob_is_read_from_any_offset
    a_large_blob_comes_back_as_it_was an_empty_blob_is_a_blob a_source_that_changed_is_refused
    one_blob_from_many_sides_at_once many_blobs_at_once a_neighbours_blob_is_mounted_or_uploaded
    a_manifest_without_its_blobs_is_refused a_manifest_under_another_digest_is_refused tags_come_in_pages_and_in_order
    a_large_manifest_comes_back_as_it_was several_tags_in_one_call referrers_are_listed_with_type_and_annotations
    an_index_refers_to_a_subject_too
] }

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn at_tag(text: &str) -> Pointer {
    Pointer::Tag(tag(text))
}

fn at_digest(manifest: &RawManifest) -> Pointer {
    Pointer::Digest(manifest.digest().clone())
}

fn blob(bytes: &[u8]) -> (Descriptor, BlobSource) {
    let blob = Descriptor::new("application/octet-stream", Digest::of(bytes), bytes.len() as u64);
    (blob, BlobSource::from(Bytes::copy_from_slice(bytes)))
}

async fn put(store: &Store, bytes: &[u8]) -> (Descriptor, PutBlob) {
    let (blob, source) = blob(bytes);
    let put = store.put_blob(&blob, &source, None, "file").await.unwrap();
    (blob, put)
}

async fn read(store: &Store, blob: &Descriptor, offset: u64) -> Result<Vec<u8>> {
    let mut stream = store.open_blob(blob, offset).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        assert!(piece.len() <= PIECE);
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// A manifest whose one layer is `text`, its blobs stored.
async fn artifact(store: &Store, text: &str) -> RawManifest {
    let (layer, _) = put(store, text.as_bytes()).await;
    put(store, b"{}").await;
    ImageManifest::new("test/contract".to_owned(), None, vec![layer])
        .to_raw()
        .unwrap()
}

async fn push(store: &Store, text: &str, name: &str) -> RawManifest {
    let manifest = artifact(store, text).await;
    store.put_manifest(&manifest, &at_tag(name)).await.unwrap();
    manifest
}

async fn tags(store: &Store) -> Vec<String> {
    let (mut tags, mut from) = (Vec::new(), None);
    loop {
        let page = store.tags(from.as_deref()).await.unwrap();
        tags.extend(page.tags.iter().map(ToString::to_string));
        from = page.next;
        if from.is_none() {
            return tags;
        }
    }
}

/// Bytes without a pattern that a store could mend by chance.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

async fn nothing_is_there_at_first(subject: &Subject) {
    let store = &subject.store;
    let (missing, _) = blob(b"missing");
    for pointer in [at_tag("v1"), Pointer::Digest(missing.digest.clone())] {
        assert_eq!(store.resolve(&pointer).await.unwrap(), None);
        assert_eq!(store.get_manifest(&pointer).await.unwrap(), None);
    }
    assert!(!store.has_blob(&missing).await.unwrap());
    assert_eq!(read(store, &missing, 0).await.unwrap_err().class(), Class::NotFound);
    // olareg has every repository that is asked for.
    match store.tags(None).await {
        Ok(page) => assert!(page.tags.is_empty()),
        Err(error) => assert_eq!(error.class(), Class::NotFound),
    }
    assert!(!store.delete_manifest(&missing.digest).await.unwrap());
}

async fn a_manifest_is_found_by_tag_and_by_digest(subject: &Subject) {
    let store = &subject.store;
    let tagged = push(store, "tagged", "v1").await;
    let untagged = artifact(store, "untagged").await;
    store.put_manifest(&untagged, &at_digest(&untagged)).await.unwrap();
    for (pointer, manifest) in [
        (at_tag("v1"), &tagged),
        (at_digest(&tagged), &tagged),
        (at_digest(&untagged), &untagged),
    ] {
        assert_eq!(
            store.resolve(&pointer).await.unwrap().as_ref(),
            Some(&manifest.descriptor())
        );
        assert_eq!(store.get_manifest(&pointer).await.unwrap().as_ref(), Some(manifest));
    }
    assert_eq!(store.resolve(&at_tag("v2")).await.unwrap(), None);
    assert_eq!(tags(store).await, ["v1"]);
}

async fn a_tag_moves(subject: &Subject) {
    let store = &subject.store;
    let old = push(store, "old", "latest").await;
    let new = push(store, "new", "latest").await;
    assert_eq!(
        store.get_manifest(&at_tag("latest")).await.unwrap().as_ref(),
        Some(&new)
    );
    assert_eq!(store.get_manifest(&at_digest(&old)).await.unwrap().as_ref(), Some(&old));
    assert_eq!(tags(store).await, ["latest"]);
}

async fn a_blob_is_uploaded_once(subject: &Subject) {
    let store = &subject.store;
    let (blob, first) = put(store, b"hello").await;
    assert_eq!(first, PutBlob::Uploaded);
    assert!(store.has_blob(&blob).await.unwrap());
    assert_eq!(put(store, b"hello").await.1, PutBlob::Present);
    assert_eq!(read(store, &blob, 0).await.unwrap(), b"hello");
}

async fn a_blob_is_read_from_any_offset(subject: &Subject) {
    let store = &subject.store;
    let bytes = noise(2 * PIECE + 17);
    let (blob, _) = put(store, &bytes).await;
    for offset in [0, 1, PIECE, 2 * PIECE + 16] {
        assert!(
            read(store, &blob, offset as u64).await.unwrap() == bytes[offset..],
            "{offset}"
        );
    }
}

async fn a_large_blob_comes_back_as_it_was(subject: &Subject) {
    let store = &subject.store;
    let bytes = noise(10 * 1024 * 1024);
    let (blob, put) = put(store, &bytes).await;
    assert_eq!(put, PutBlob::Uploaded);
    assert!(read(store, &blob, 0).await.unwrap() == bytes);
}

async fn an_empty_blob_is_a_blob(subject: &Subject) {
    let store = &subject.store;
    let (blob, put) = put(store, b"").await;
    assert_eq!(put, PutBlob::Uploaded);
    assert!(store.has_blob(&blob).await.unwrap());
    assert_eq!(read(store, &blob, 0).await.unwrap(), b"");
}

async fn a_source_that_changed_is_refused(subject: &Subject) {
    let store = &subject.store;
    let long = noise(3 * PIECE);
    for (planned, found) in [
        (&b"hello"[..], &b"jello"[..]),
        (b"hello", b"hell"),
        (b"hell", b"hello"),
        (&long, &long[1..]),
    ] {
        let (blob, _) = blob(planned);
        let source = BlobSource::from(Bytes::copy_from_slice(found));
        let error = store.put_blob(&blob, &source, None, "dist/app").await.unwrap_err();
        assert_eq!(error.class(), Class::Local, "{error}");
        assert!(error.message().contains("dist/app"), "{error}");
        assert!(!store.has_blob(&blob).await.unwrap());
    }
}

async fn one_blob_from_many_sides_at_once(subject: &Subject) {
    let store = &subject.store;
    let bytes = noise(PIECE + 1);
    let puts = futures_util::future::join_all((0..8).map(|_| put(store, &bytes))).await;
    assert!(puts.iter().any(|(_, put)| *put == PutBlob::Uploaded));
    let (blob, _) = &puts[0];
    assert!(read(store, blob, 0).await.unwrap() == bytes);
}

async fn many_blobs_at_once(subject: &Subject) {
    let store = &subject.store;
    let texts: Vec<String> = (0..40).map(|number| format!("blob {number}")).collect();
    futures_util::future::join_all(texts.iter().map(|text| put(store, text.as_bytes()))).await;
    for text in &texts {
        let (blob, _) = blob(text.as_bytes());
        assert_eq!(read(store, &blob, 0).await.unwrap(), text.as_bytes());
    }
}

async fn a_neighbours_blob_is_mounted_or_uploaded(subject: &Subject) {
    let (store, neighbour) = (&subject.store, &subject.neighbour);
    put(neighbour, b"shared").await;
    let (blob, source) = blob(b"shared");
    let repository = match neighbour.location() {
        oci_artifact::reference::Location::Registry(repository) => Some(repository),
        _ => None,
    };
    let put = store.put_blob(&blob, &source, repository, "file").await.unwrap();
    assert!(matches!(put, PutBlob::Mounted | PutBlob::Uploaded), "{put:?}");
    assert_eq!(read(store, &blob, 0).await.unwrap(), b"shared");
}

async fn a_manifest_without_its_blobs_is_refused(subject: &Subject) {
    let store = &subject.store;
    put(store, b"{}").await;
    let (layer, _) = blob(b"never stored");
    let manifest = ImageManifest::new("test/contract".to_owned(), None, vec![layer])
        .to_raw()
        .unwrap();
    for pointer in [at_tag("v1"), at_digest(&manifest)] {
        let error = store.put_manifest(&manifest, &pointer).await.unwrap_err();
        assert!(
            error.message().contains(manifest.digest().hex()) || error.message().contains("v1"),
            "{error}"
        );
        assert_eq!(store.resolve(&pointer).await.unwrap(), None);
    }
}

async fn a_manifest_under_another_digest_is_refused(subject: &Subject) {
    let store = &subject.store;
    let (manifest, other) = (artifact(store, "one").await, artifact(store, "two").await);
    let error = store.put_manifest(&manifest, &at_digest(&other)).await.unwrap_err();
    assert_eq!(error.class(), Class::Integrity, "{error}");
    for manifest in [&manifest, &other] {
        assert_eq!(store.resolve(&at_digest(manifest)).await.unwrap(), None);
    }
}

async fn tags_come_in_pages_and_in_order(subject: &Subject) {
    let store = &subject.store;
    let manifest = artifact(store, "x").await;
    for name in ["b", "a", "d", "e", "c"] {
        store.put_manifest(&manifest, &at_tag(name)).await.unwrap();
    }
    assert_eq!(tags(store).await, ["a", "b", "c", "d", "e"]);
}

async fn a_deleted_tag_leaves_its_manifest(subject: &Subject) {
    let store = &subject.store;
    let manifest = push(store, "x", "one").await;
    store.put_manifest(&manifest, &at_tag("two")).await.unwrap();
    for (name, left) in [("one", &["two"][..]), ("two", &[])] {
        assert!(store.delete_tag(&tag(name)).await.unwrap());
        assert!(!store.delete_tag(&tag(name)).await.unwrap());
        assert_eq!(store.resolve(&at_tag(name)).await.unwrap(), None);
        assert_eq!(
            store.get_manifest(&at_digest(&manifest)).await.unwrap().as_ref(),
            Some(&manifest)
        );
        // A repository without tags may be one that isn't there.
        if !left.is_empty() {
            assert_eq!(tags(store).await, left);
        }
    }
}

async fn a_deleted_manifest_takes_its_tags_along(subject: &Subject) {
    let store = &subject.store;
    let manifest = push(store, "x", "one").await;
    store.put_manifest(&manifest, &at_tag("two")).await.unwrap();
    let other = push(store, "other", "other").await;
    assert!(store.delete_manifest(manifest.digest()).await.unwrap());
    assert!(!store.delete_manifest(manifest.digest()).await.unwrap());
    for pointer in [at_tag("one"), at_tag("two"), at_digest(&manifest)] {
        assert_eq!(store.resolve(&pointer).await.unwrap(), None, "{pointer}");
    }
    assert_eq!(tags(store).await, ["other"]);
    assert_eq!(store.get_manifest(&at_tag("other")).await.unwrap(), Some(other));
}

async fn a_large_manifest_comes_back_as_it_was(subject: &Subject) {
    let store = &subject.store;
    let (layer, _) = put(store, b"x").await;
    put(store, b"{}").await;
    let padding = "x".repeat(MANIFEST_LIMIT - 1000);
    let manifest = ImageManifest::new("test/contract".to_owned(), None, vec![layer])
        .annotations([("padding".to_owned(), padding)].into())
        .to_raw()
        .unwrap();
    store.put_manifest(&manifest, &at_tag("large")).await.unwrap();
    assert!(store.get_manifest(&at_tag("large")).await.unwrap().as_ref() == Some(&manifest));
}

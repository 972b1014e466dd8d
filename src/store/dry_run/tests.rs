//! A dry run over a layout: nothing is written, and what would have been is seen.

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::oci::ImageManifest;
use crate::store::Layout;

struct Setup {
    _keep: tempfile::TempDir,
    path: Utf8PathBuf,
    inner: Store,
    dry: Store,
}

impl Setup {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(keep.path()).unwrap().join("layout");
        let inner = Store::Layout(Layout::new(path.clone()));
        Setup {
            _keep: keep,
            path,
            dry: Store::DryRun(DryRun::new(inner.clone())),
            inner,
        }
    }
}

fn tag(text: &str) -> Pointer {
    Pointer::Tag(text.parse().unwrap())
}

async fn put_blob(store: &Store, bytes: &'static [u8]) -> (Descriptor, PutBlob) {
    let blob = Descriptor::new("a/b", Digest::of(bytes), bytes.len() as u64);
    let source = BlobSource::from(Bytes::from_static(bytes));
    let put = store.put_blob(&blob, &source, None, "x").await.unwrap();
    (blob, put)
}

async fn push(store: &Store, bytes: &'static [u8], name: &str) -> RawManifest {
    let (layer, _) = put_blob(store, bytes).await;
    put_blob(store, b"{}").await;
    let manifest = ImageManifest::new("a/b".to_owned(), None, vec![layer])
        .to_raw()
        .unwrap();
    store.put_manifest(&manifest, &tag(name)).await.unwrap();
    manifest
}

async fn tags(store: &Store) -> Vec<String> {
    let page = store.tags(None).await.unwrap();
    page.tags.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_would_be_written_is_seen_and_nothing_is() {
    let setup = Setup::new();
    assert_eq!(put_blob(&setup.dry, b"one").await.1, PutBlob::Planned);
    assert_eq!(put_blob(&setup.dry, b"one").await.1, PutBlob::Present);
    let manifest = push(&setup.dry, b"two", "v1").await;
    let by_digest = Pointer::Digest(manifest.digest().clone());
    for pointer in [tag("v1"), by_digest] {
        assert_eq!(setup.dry.resolve(&pointer).await.unwrap(), Some(manifest.descriptor()));
        assert_eq!(
            setup.dry.get_manifest(&pointer).await.unwrap().as_ref(),
            Some(&manifest)
        );
    }
    assert_eq!(tags(&setup.dry).await, ["v1"]);
    assert!(!setup.path.exists());
}

#[tokio::test]
async fn reads_pass_and_deletes_are_only_seen() {
    let setup = Setup::new();
    let manifest = push(&setup.inner, b"one", "v1").await;
    setup.inner.put_manifest(&manifest, &tag("v2")).await.unwrap();
    let other = push(&setup.inner, b"other", "other").await;
    assert_eq!(put_blob(&setup.dry, b"one").await.1, PutBlob::Present);
    assert_eq!(
        setup.dry.get_manifest(&tag("v1")).await.unwrap().as_ref(),
        Some(&manifest)
    );

    let v1 = "v1".parse().unwrap();
    assert!(setup.dry.delete_tag(&v1).await.unwrap());
    assert!(!setup.dry.delete_tag(&v1).await.unwrap());
    assert_eq!(tags(&setup.dry).await, ["other", "v2"]);
    let new = push(&setup.dry, b"new", "new").await;
    setup.dry.put_manifest(&new, &tag("other")).await.unwrap();
    assert!(setup.dry.delete_manifest(manifest.digest()).await.unwrap());
    assert!(!setup.dry.delete_manifest(manifest.digest()).await.unwrap());
    assert_eq!(setup.dry.resolve(&tag("v2")).await.unwrap(), None);
    assert_eq!(tags(&setup.dry).await, ["new", "other"]);
    assert!(setup.dry.delete_manifest(new.digest()).await.unwrap());
    assert_eq!(setup.dry.resolve(&tag("other")).await.unwrap(), None);

    assert_eq!(tags(&setup.inner).await, ["other", "v1", "v2"]);
    assert_eq!(
        setup.inner.resolve(&tag("other")).await.unwrap(),
        Some(other.descriptor())
    );
}

#[tokio::test]
async fn a_wrong_digest_is_refused_as_it_would_be() {
    let setup = Setup::new();
    let manifest = ImageManifest::new("a/b".to_owned(), None, Vec::new()).to_raw().unwrap();
    let wrong = Pointer::Digest(Digest::of(b"x"));
    assert_eq!(
        setup.dry.put_manifest(&manifest, &wrong).await.unwrap_err().class(),
        Class::Integrity
    );
}

#[tokio::test]
async fn referrers_that_would_come_and_go_are_seen() {
    let setup = Setup::new();
    let subject = push(&setup.inner, b"subject", "v1").await;
    let referrer = |kind: &str| {
        ImageManifest::new(kind.to_owned(), None, Vec::new())
            .subject(Some(subject.descriptor()))
            .to_raw()
            .unwrap()
    };
    let (there, new) = (referrer("test/there"), referrer("test/new"));
    setup.inner.put_referrer(&there).await.unwrap();
    setup.dry.put_referrer(&new).await.unwrap();
    let kinds = async |kind: Option<&str>| {
        let found = setup.dry.referrers(subject.digest(), kind).await.unwrap();
        let kinds = found.into_iter().filter_map(|found| found.artifact_type);
        kinds.collect::<Vec<String>>()
    };
    assert_eq!(kinds(None).await, ["test/there", "test/new"]);
    assert_eq!(kinds(Some("test/new")).await, ["test/new"]);
    setup.dry.delete_manifest(there.digest()).await.unwrap();
    setup
        .dry
        .forget_referrer(subject.digest(), there.digest())
        .await
        .unwrap();
    assert_eq!(kinds(None).await, ["test/new"]);
    assert_eq!(setup.inner.referrers(subject.digest(), None).await.unwrap().len(), 1);
    let wanted = ["a", "b"].map(|tag| tag.parse().unwrap());
    assert_eq!(setup.dry.put_manifest_tagged(&subject, &wanted).await.unwrap(), wanted);
    assert!(setup.dry.resolve(&tag("b")).await.unwrap().is_some());
}

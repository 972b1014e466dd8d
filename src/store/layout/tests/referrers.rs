//! Referrers in a layout, whoever wrote them.

use super::*;
use crate::oci::{Content, names};
use crate::store::Store;

async fn referrer(layout: &Layout, text: &str, subject: &RawManifest) -> RawManifest {
    let layer = put_blob(layout, text.as_bytes()).await;
    put_blob(layout, b"{}").await;
    ImageManifest::new("test/referrer".to_owned(), None, vec![layer])
        .subject(Some(subject.descriptor()))
        .to_raw()
        .unwrap()
}

fn by_digest(manifest: &RawManifest) -> Pointer {
    Pointer::Digest(manifest.digest().clone())
}

fn fallback(subject: &RawManifest) -> Pointer {
    tag(&format!("sha256-{}", subject.digest().hex()))
}

async fn listed(layout: &Layout, subject: &RawManifest) -> Vec<Digest> {
    let found = layout.referrers(subject.digest(), None).await.unwrap();
    let mut digests: Vec<Digest> = found.into_iter().map(|found| found.digest).collect();
    digests.sort();
    digests
}

/// ORAS finds a referrer by its entry in index.json, regctl by the list under the fallback tag: one write makes both,
/// and either alone is enough to be read.
#[tokio::test]
async fn both_ways_to_list_a_referrer_are_written_and_read() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let subject = manifest(layout, "subject").await;
    let one = referrer(layout, "1", &subject).await;
    Store::Layout(layout.clone()).put_referrer(&one).await.unwrap();
    let both = temporary.index();
    let list = layout.get_manifest(&fallback(&subject)).await.unwrap().unwrap();
    assert_eq!(list.media_type(), names::IMAGE_INDEX);
    assert!(both.contains(one.digest().hex()) && both.contains(list.digest().hex()));
    assert_eq!(listed(layout, &subject).await, [one.digest().clone()]);

    let entries: Vec<&str> = both.split_inclusive("},{").collect();
    assert_eq!(entries.len(), 2, "{both}");
    let index = |manifest: &RawManifest, annotations: &str| {
        let (kind, digest, size) = (manifest.media_type(), manifest.digest(), manifest.bytes().len());
        let entry = format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}{annotations}}}"#);
        format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#)
    };
    let named = format!(
        r#","annotations":{{"{}":"sha256-{}"}}"#,
        names::REF_NAME,
        subject.digest().hex()
    );
    for alone in [index(&one, ""), index(&list, &named)] {
        temporary.write("index.json", &alone);
        assert_eq!(listed(layout, &subject).await, [one.digest().clone()], "{alone}");
    }
}

#[tokio::test]
async fn a_manifest_with_a_subject_is_listed_however_it_comes_and_goes() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let subject = manifest(layout, "subject").await;
    layout.put_manifest(&subject, &tag("v1")).await.unwrap();
    let before = temporary.index();
    let (one, two) = (
        referrer(layout, "1", &subject).await,
        referrer(layout, "2", &subject).await,
    );
    layout.put_manifest(&one, &tag("signature")).await.unwrap();
    layout.put_manifest(&two, &by_digest(&two)).await.unwrap();
    assert_eq!(listed(layout, &subject).await.len(), 2);
    assert!(layout.delete_manifest(one.digest()).await.unwrap());
    let list = layout.get_manifest(&fallback(&subject)).await.unwrap().unwrap();
    let Content::Index(list) = list.content().unwrap() else {
        panic!("no index")
    };
    assert_eq!(list.manifests.len(), 1);
    assert_eq!(list.manifests[0].artifact_type.as_deref(), Some("test/referrer"));
    assert!(layout.delete_manifest(two.digest()).await.unwrap());
    assert_eq!(temporary.index(), before);
}

#[tokio::test]
async fn what_others_left_under_the_fallback_tag_stays() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let subject = manifest(layout, "subject").await;
    let other = manifest(layout, "other").await;
    layout.put_manifest(&other, &fallback(&subject)).await.unwrap();
    let one = referrer(layout, "1", &subject).await;
    Store::Layout(layout.clone()).put_referrer(&one).await.unwrap();
    assert_eq!(layout.get_manifest(&fallback(&subject)).await.unwrap().unwrap(), other);
    assert_eq!(listed(layout, &subject).await, [one.digest().clone()]);
}

/// A layout that somebody broke has still the referrers that are whole.
#[tokio::test]
async fn damaged_manifests_refer_to_nothing() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let subject = manifest(layout, "subject").await;
    let (one, two) = (
        referrer(layout, "1", &subject).await,
        referrer(layout, "2", &subject).await,
    );
    for manifest in [&one, &two] {
        Store::Layout(layout.clone()).put_referrer(manifest).await.unwrap();
    }
    fs_err::remove_file(temporary.path.join("blobs/sha256").join(one.digest().hex())).unwrap();
    assert_eq!(listed(layout, &subject).await, [two.digest().clone()]);
}

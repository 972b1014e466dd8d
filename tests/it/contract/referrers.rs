//! Referrers and several tags at once, on every store.

use oci_artifact::oci::{Descriptor, Digest, ImageManifest, Index, RawManifest, names, to_canonical_json};
use oci_artifact::store::Store;

use super::{Subject, artifact, at_digest, at_tag, push, put, tag, tags};

/// A manifest of this type that refers to `subject`, its blobs stored.
async fn referrer(store: &Store, kind: &str, text: &str, subject: &RawManifest) -> RawManifest {
    let (layer, _) = put(store, text.as_bytes()).await;
    put(store, b"{}").await;
    ImageManifest::new(kind.to_owned(), None, vec![layer])
        .annotations([("com.example.text".to_owned(), text.to_owned())].into())
        .subject(Some(subject.descriptor()))
        .to_raw()
        .unwrap()
}

async fn listed(store: &Store, subject: &Digest, kind: Option<&str>) -> Vec<Descriptor> {
    let mut found = store.referrers(subject, kind).await.unwrap();
    found.sort_by_key(|found| found.annotations.get("com.example.text").cloned());
    found
}

pub async fn several_tags_in_one_call(subject: &Subject) {
    let store = &subject.store;
    let manifest = artifact(store, "x").await;
    let wanted: Vec<_> = (0..12).map(|number| tag(&format!("t{number:02}"))).collect();
    let made = store.put_manifest_tagged(&manifest, &wanted).await.unwrap();
    assert!(store.resolve(&at_digest(&manifest)).await.unwrap().is_some());
    for tag in &made {
        assert!(wanted.contains(tag));
        assert!(store.resolve(&at_tag(tag.as_str())).await.unwrap().is_some(), "{tag}");
    }
    for tag in wanted.iter().filter(|tag| !made.contains(tag)) {
        assert_eq!(store.resolve(&at_tag(tag.as_str())).await.unwrap(), None, "{tag}");
        store.put_manifest(&manifest, &at_tag(tag.as_str())).await.unwrap();
    }
    assert_eq!(
        tags(store).await,
        wanted.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    assert!(store.put_manifest_tagged(&manifest, &[]).await.unwrap().is_empty());
}

pub async fn referrers_are_listed_with_type_and_annotations(subject: &Subject) {
    let store = &subject.store;
    let image = artifact(store, "subject").await;
    // A referrer may come before its subject.
    let early = referrer(store, "test/sbom+json", "a", &image).await;
    store.put_referrer(&early).await.unwrap();
    store.put_manifest(&image, &at_tag("v1")).await.unwrap();
    let late = referrer(store, "test/signature", "b", &image).await;
    for _ in 0..2 {
        store.put_referrer(&late).await.unwrap();
    }
    let found = listed(store, image.digest(), None).await;
    let expected = [("a", &early, "test/sbom+json"), ("b", &late, "test/signature")].map(|(text, manifest, kind)| {
        let mut entry = manifest.descriptor();
        entry.artifact_type = Some(kind.to_owned());
        entry.annotations = [("com.example.text".to_owned(), text.to_owned())].into();
        entry
    });
    assert_eq!(found, expected);
    for (kind, entries) in [
        ("test/sbom+json", &expected[..1]),
        ("test/signature", &expected[1..]),
        ("test/no", &[]),
    ] {
        assert_eq!(listed(store, image.digest(), Some(kind)).await, entries);
    }
    assert!(listed(store, early.digest(), None).await.is_empty());
    assert!(listed(store, &Digest::of(b"nothing"), None).await.is_empty());
    assert!(listed(&subject.neighbour, image.digest(), None).await.is_empty());
}

pub async fn an_index_refers_to_a_subject_too(subject: &Subject) {
    let store = &subject.store;
    let image = push(store, "subject", "v1").await;
    let index = Index {
        schema_version: 2,
        media_type: names::IMAGE_INDEX.to_owned(),
        artifact_type: Some("test/index".to_owned()),
        manifests: vec![image.descriptor()],
        subject: Some(image.descriptor()),
        annotations: [("com.example.text".to_owned(), "x".to_owned())].into(),
    };
    let index = RawManifest::new(names::IMAGE_INDEX, to_canonical_json(&index).unwrap().into());
    store.put_referrer(&index).await.unwrap();
    let found = listed(store, image.digest(), Some("test/index")).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].digest, *index.digest());
    assert_eq!(found[0].annotations["com.example.text"], "x");
}

pub async fn referrers_put_at_once_are_all_listed(subject: &Subject) {
    let store = &subject.store;
    let image = push(store, "subject", "v1").await;
    let texts: Vec<String> = (0..10).map(|number| format!("{number:02}")).collect();
    let puts = texts.iter().map(|text| async {
        let manifest = referrer(store, "test/many", text, &image).await;
        store.put_referrer(&manifest).await.unwrap();
    });
    futures_util::future::join_all(puts).await;
    let found = listed(store, image.digest(), None).await;
    let found: Vec<&String> = found
        .iter()
        .map(|found| &found.annotations["com.example.text"])
        .collect();
    assert_eq!(found, texts.iter().collect::<Vec<_>>());
}

pub async fn a_deleted_referrer_is_listed_no_more(subject: &Subject) {
    let store = &subject.store;
    let image = push(store, "subject", "v1").await;
    let (one, two) = (
        referrer(store, "test/x", "1", &image).await,
        referrer(store, "test/x", "2", &image).await,
    );
    for (manifest, left) in [(&one, vec![two.digest()]), (&two, vec![])] {
        store.put_referrer(&one).await.unwrap();
        store.put_referrer(&two).await.unwrap();
        if left.is_empty() {
            store.delete_manifest(one.digest()).await.unwrap();
            store.forget_referrer(image.digest(), one.digest()).await.unwrap();
        }
        assert!(store.delete_manifest(manifest.digest()).await.unwrap());
        store.forget_referrer(image.digest(), manifest.digest()).await.unwrap();
        let found = listed(store, image.digest(), None).await;
        assert_eq!(found.iter().map(|found| &found.digest).collect::<Vec<_>>(), left);
    }
    // Nothing is left of the list.
    assert_eq!(tags(store).await, ["v1"]);
    store.forget_referrer(image.digest(), one.digest()).await.unwrap();
}

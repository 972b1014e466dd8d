//! Artifacts and referrers put by the library, for tests of what comes after.

use bytes::Bytes;
use oci_artifact::credentials::{Credentials, Given};
use oci_artifact::env::Env;
use oci_artifact::http;
use oci_artifact::oci::{Descriptor, Digest, ImageManifest, RawManifest};
use oci_artifact::reference::{Case, Pointer, Reference};
use oci_artifact::report::Report;
use oci_artifact::store::{BlobSource, Store, Stores};

/// The repository or layout at `place`, by a client that shares nothing with others.
pub fn open(place: &str) -> Store {
    let (reference, _) = Reference::parse(place, None, Case::Strict).unwrap();
    let report = Report::silent();
    let client = http::Client::new(&http::Options::default(), &report).unwrap();
    let credentials = Credentials::new(Given::default().into(), &Env::default(), &client, &report).unwrap();
    Stores::new(client, credentials, report, false).open_for_writing(&reference.location)
}

/// A runtime of this thread's own.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A manifest of this type with one layer, its blobs stored.
pub async fn manifest(store: &Store, kind: &str, text: &str, subject: Option<Descriptor>) -> RawManifest {
    for bytes in [text.as_bytes(), b"{}"] {
        let blob = Descriptor::new("text/plain", Digest::of(bytes), bytes.len() as u64);
        let source = BlobSource::from(Bytes::copy_from_slice(bytes));
        store.put_blob(&blob, &source, None, "file").await.unwrap();
    }
    let layer = Descriptor::new("text/plain", Digest::of(text.as_bytes()), text.len() as u64);
    ImageManifest::new(kind.to_owned(), None, vec![layer])
        .annotations([("com.example.text".to_owned(), text.to_owned())].into())
        .subject(subject)
        .to_raw()
        .unwrap()
}

/// Attaches an artifact to what `reference` names; its digest.
pub fn attach(reference: &str, kind: &str, text: &str) -> String {
    runtime().block_on(async {
        let (parsed, _) = Reference::parse(reference, None, Case::Strict).unwrap();
        let store = open(&parsed.location.to_string());
        let pointer: Pointer = parsed.pointer().unwrap();
        let subject = store.resolve(&pointer).await.unwrap().unwrap();
        let manifest = manifest(&store, kind, text, Some(subject)).await;
        store.put_referrer(&manifest).await.unwrap();
        manifest.digest().to_string()
    })
}

//! What is particular to layouts; the rest is in the contract suite.

mod referrers;

use bytes::Bytes;
use camino::Utf8Path;

use super::index::Index;
use super::*;
use crate::oci::{Algorithm, Hasher, ImageManifest};

struct Temporary {
    _keep: tempfile::TempDir,
    path: Utf8PathBuf,
    layout: Layout,
}

impl Temporary {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(keep.path()).unwrap().join("layout");
        Temporary {
            _keep: keep,
            layout: Layout::new(path.clone()),
            path,
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn index(&self) -> String {
        fs_err::read_to_string(self.path.join("index.json")).unwrap()
    }
}

async fn put_blob(layout: &Layout, bytes: &[u8]) -> Descriptor {
    let blob = Descriptor::new("a/b", Digest::of(bytes), bytes.len() as u64);
    let source = BlobSource::from(Bytes::copy_from_slice(bytes));
    layout.put_blob(&blob, &source, None, "x").await.unwrap();
    blob
}

async fn manifest(layout: &Layout, text: &str) -> RawManifest {
    let layer = put_blob(layout, text.as_bytes()).await;
    put_blob(layout, b"{}").await;
    ImageManifest::new("test/type".to_owned(), None, vec![layer])
        .to_raw()
        .unwrap()
}

fn tag(text: &str) -> Pointer {
    Pointer::Tag(text.parse().unwrap())
}

#[tokio::test]
async fn the_files_are_those_of_the_image_spec() {
    let temporary = Temporary::new();
    let manifest = manifest(&temporary.layout, "hello").await;
    temporary.layout.put_manifest(&manifest, &tag("v1")).await.unwrap();
    let marker = fs_err::read_to_string(temporary.path.join("oci-layout")).unwrap();
    assert_eq!(marker, r#"{"imageLayoutVersion":"1.0.0"}"#);
    let index = temporary
        .index()
        .replace(manifest.digest().hex(), "HEX")
        .replace(',', ",\n");
    insta::assert_snapshot!(index, @r#"
    {"schemaVersion":2,
    "mediaType":"application/vnd.oci.image.index.v1+json",
    "manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
    "digest":"sha256:HEX",
    "size":391,
    "annotations":{"org.opencontainers.image.ref.name":"v1"},
    "artifactType":"test/type"}]}
    "#);
    let mut names: Vec<String> = fs_err::read_dir(&temporary.path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["blobs", "index.json", "index.json.lock", "oci-layout"]);
}

#[tokio::test]
async fn foreign_entries_and_fields_stay_byte_for_byte() {
    let temporary = Temporary::new();
    let manifest = manifest(&temporary.layout, "hello").await;
    let foreign = [
        r#"{ "digest" : "blake3:00", "size": 1.0, "x": [1 , 2] }"#,
        r#"{"size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
           "mediaType":"a/b","annotations":{"é":"\u00e9", "org.opencontainers.image.ref.name": "host/name:v1"}}"#,
    ];
    temporary.write(
        "index.json",
        &format!(
            r#"{{"x":{{"b":1, "a":2}},"manifests":[{}, {}],"schemaVersion":2}}"#,
            foreign[0], foreign[1]
        ),
    );
    temporary.layout.put_manifest(&manifest, &tag("v1")).await.unwrap();
    let index = temporary.index();
    let start = format!(
        r#"{{"x":{{"b":1, "a":2}},"manifests":[{},{},{{"#,
        foreign[0], foreign[1]
    );
    assert!(index.starts_with(&start), "{index}");
    assert!(index.ends_with(r#"}],"schemaVersion":2}"#), "{index}");
    let tags = temporary.layout.tags(None).await.unwrap().tags;
    assert_eq!(tags, ["v1".parse().unwrap()]);
    assert!(temporary.layout.delete_tag(&"v1".parse().unwrap()).await.unwrap());
    assert!(temporary.layout.delete_manifest(manifest.digest()).await.unwrap());
    let end = format!(
        r#"{{"x":{{"b":1, "a":2}},"manifests":[{},{}],"schemaVersion":2}}"#,
        foreign[0], foreign[1]
    );
    assert_eq!(temporary.index(), end);
}

#[tokio::test]
async fn an_entry_without_a_tag_takes_the_first_and_keeps_its_fields() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let first = manifest(layout, "first").await;
    layout
        .put_manifest(&first, &Pointer::Digest(first.digest().clone()))
        .await
        .unwrap();
    let marked = temporary
        .index()
        .replace(r#""size""#, r#""annotations":{"a":"b"},"own":[1, 2],"size""#);
    temporary.write("index.json", &marked);
    let count = || temporary.index().matches(first.digest().hex()).count();

    layout.put_manifest(&first, &tag("v1")).await.unwrap();
    layout.put_manifest(&first, &tag("v1")).await.unwrap();
    assert_eq!(count(), 1);
    let tagged = r#""annotations":{"a":"b","org.opencontainers.image.ref.name":"v1"},"own":[1, 2]"#;
    assert!(temporary.index().contains(tagged), "{}", temporary.index());

    layout.put_manifest(&first, &tag("v2")).await.unwrap();
    assert_eq!(count(), 2);
    layout.delete_tag(&"v2".parse().unwrap()).await.unwrap();
    assert_eq!(count(), 1);
    layout.delete_tag(&"v1".parse().unwrap()).await.unwrap();
    assert_eq!(temporary.index(), marked);
}

#[tokio::test]
async fn a_moved_tag_leaves_no_entry_but_the_manifest_is_found_by_digest() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let (old, new) = (manifest(layout, "old").await, manifest(layout, "new").await);
    layout.put_manifest(&old, &tag("latest")).await.unwrap();
    layout.put_manifest(&new, &tag("latest")).await.unwrap();
    assert!(!temporary.index().contains(old.digest().hex()));
    let found = layout
        .get_manifest(&Pointer::Digest(old.digest().clone()))
        .await
        .unwrap();
    assert_eq!(found, Some(old));
    assert_eq!(layout.resolve(&tag("latest")).await.unwrap(), Some(new.descriptor()));
}

#[tokio::test]
async fn an_entry_without_its_manifest_counts_for_nothing_and_is_repaired() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let manifest = manifest(layout, "x").await;
    layout.put_manifest(&manifest, &tag("v1")).await.unwrap();
    fs_err::remove_file(temporary.path.join("blobs/sha256").join(manifest.digest().hex())).unwrap();
    assert_eq!(layout.resolve(&tag("v1")).await.unwrap(), None);
    layout.put_manifest(&manifest, &tag("v1")).await.unwrap();
    assert_eq!(layout.get_manifest(&tag("v1")).await.unwrap(), Some(manifest));
}

#[tokio::test]
async fn blobs_of_other_algorithms_have_their_own_folder() {
    let temporary = Temporary::new();
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(b"hello");
    let blob = Descriptor::new("a/b", hasher.finish(), 5);
    let source = BlobSource::from(Bytes::from_static(b"hello"));
    let put = || temporary.layout.put_blob(&blob, &source, None, "x");
    assert_eq!(put().await.unwrap(), PutBlob::Uploaded);
    assert_eq!(put().await.unwrap(), PutBlob::Present);
    assert!(temporary.path.join("blobs/sha512").join(blob.digest.hex()).exists());
}

#[tokio::test]
async fn a_directory_with_other_files_is_refused_and_left_alone() {
    let temporary = Temporary::new();
    temporary.write("main.c", "int main;");
    let blob = Descriptor::new("a/b", Digest::of(b""), 0);
    let source = BlobSource::from(Bytes::new());
    let error = temporary.layout.put_blob(&blob, &source, None, "x").await.unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(
        error
            .message()
            .ends_with("it holds other files and no image layout (no file oci-layout)"),
        "{error}"
    );
    assert_eq!(fs_err::read_dir(&temporary.path).unwrap().count(), 1);
    assert_eq!(
        temporary.layout.resolve(&tag("v1")).await.unwrap_err().class(),
        Class::Usage
    );

    let file = Layout::new(temporary.path.join("main.c"));
    assert_eq!(file.resolve(&tag("v1")).await.unwrap_err().class(), Class::Usage);
}

#[tokio::test]
async fn a_missing_directory_has_nothing_and_reading_does_not_make_it() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    assert_eq!(layout.resolve(&tag("v1")).await.unwrap(), None);
    assert!(!layout.delete_tag(&"v1".parse().unwrap()).await.unwrap());
    assert!(!layout.delete_manifest(&Digest::of(b"")).await.unwrap());
    assert_eq!(layout.tags(None).await.unwrap_err().class(), Class::NotFound);
    assert!(!temporary.path.exists());
}

#[tokio::test]
async fn damaged_layouts_are_integrity_errors() {
    for (name, text, why) in [
        (
            "oci-layout",
            r#"{"imageLayoutVersion":"2.0.0"}"#,
            "has version \"2.0.0\"",
        ),
        ("oci-layout", "x", "expected value"),
        ("index.json", "[]", "expected an object"),
        ("index.json", r#"{"manifests":[],"manifests":[]}"#, "appears twice"),
        ("index.json", &"[".repeat(200_000), "expected an object"),
    ] {
        let temporary = Temporary::new();
        manifest(&temporary.layout, "x").await;
        temporary.write(name, text);
        let error = temporary.layout.resolve(&tag("v1")).await.unwrap_err();
        assert_eq!(error.class(), Class::Integrity);
        assert!(error.message().contains(why), "{error}");
    }
    let temporary = Temporary::new();
    manifest(&temporary.layout, "x").await;
    temporary.write("index.json", &" ".repeat(Index::LIMIT + 1));
    let error = temporary.layout.resolve(&tag("v1")).await.unwrap_err();
    assert!(error.message().contains("more than 16777216 bytes"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn go_containerregistry_2306_blobs_that_are_links_are_not_followed() {
    let temporary = Temporary::new();
    let layout = &temporary.layout;
    let blob = put_blob(layout, b"hello").await;
    let inside = temporary.path.join("blobs/sha256").join(blob.digest.hex());
    let outside = temporary.path.parent().unwrap().join("outside");
    fs_err::rename(&inside, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &inside).unwrap();
    let error = layout.open_blob(&blob, 0).await.err().unwrap();
    assert!(
        error.message().ends_with("links in an image layout are not followed"),
        "{error}"
    );
    assert!(
        layout
            .get_manifest(&Pointer::Digest(blob.digest.clone()))
            .await
            .is_err()
    );

    let blobs = temporary.path.join("blobs");
    fs_err::remove_dir_all(&blobs).unwrap();
    std::os::unix::fs::symlink(temporary.path.parent().unwrap(), &blobs).unwrap();
    let source = BlobSource::from(Bytes::from_static(b"hello"));
    assert!(layout.put_blob(&blob, &source, None, "x").await.is_err());
    assert!(!temporary.path.parent().unwrap().join("sha256").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn files_have_the_mode_of_the_umask_and_a_cut_short_write_leaves_none() {
    use std::os::unix::fs::PermissionsExt as _;

    let temporary = Temporary::new();
    let blob = put_blob(&temporary.layout, b"hello").await;
    let plain = temporary.path.join("plain");
    let mode = |path: &Utf8Path| fs_err::metadata(path).unwrap().permissions().mode();
    fs_err::write(&plain, "").unwrap();
    assert_eq!(
        mode(&temporary.path.join("blobs/sha256").join(blob.digest.hex())),
        mode(&plain)
    );
    fs_err::remove_file(&plain).unwrap();

    let wrong = BlobSource::from(Bytes::from_static(b"hello"));
    let other = Descriptor::new("a/b", Digest::of(b"jello"), 5);
    let error = temporary.layout.put_blob(&other, &wrong, None, "x").await.unwrap_err();
    assert_eq!(error.class(), Class::Local);
    assert_eq!(fs_err::read_dir(&temporary.path).unwrap().count(), 4);
}

#[tokio::test]
async fn what_others_write_between_two_looks_is_seen() {
    let temporary = Temporary::new();
    let ours = &temporary.layout;
    // As another process has it: nothing is shared but the files.
    let theirs = Layout::new(temporary.path.clone());
    let (one, two) = (manifest(ours, "one").await, manifest(ours, "two").await);
    let named = async |layout: &Layout| layout.resolve(&tag("v1")).await.unwrap().map(|found| found.digest);
    for _ in 0..20 {
        for (writer, new) in [(ours, &one), (&theirs, &two)] {
            writer.put_manifest(new, &tag("v1")).await.unwrap();
            assert_eq!(named(ours).await.as_ref(), Some(new.digest()));
            assert_eq!(named(&theirs).await.as_ref(), Some(new.digest()));
        }
    }
    // A tool that doesn't rename, and as many bytes as before.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let other = temporary.index().replace("\"v1\"", "\"v2\"");
    temporary.write("index.json", &other);
    assert_eq!(named(ours).await, None);
    assert_eq!(named(&theirs).await, None);
}

/// The marker appears while others look whether the directory is a layout.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_make_one_layout() {
    for _ in 0..20 {
        let temporary = Temporary::new();
        let texts: Vec<String> = (0..16).map(|number| number.to_string()).collect();
        let puts = texts.iter().map(|text| put_blob(&temporary.layout, text.as_bytes()));
        futures_util::future::join_all(puts).await;
        assert_eq!(fs_err::read_dir(&temporary.path).unwrap().count(), 4);
    }
}

/// Each thread has its own runtime and opens its own files: to the lock they are as foreign as processes.
#[test]
fn oras_1888_concurrent_writers_lose_no_tag() {
    let temporary = Temporary::new();
    let each = 12;
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let layout = Layout::new(temporary.path.clone());
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    for number in 0..each {
                        let manifest = manifest(&layout, &format!("{writer} {number}")).await;
                        layout
                            .put_manifest(&manifest, &tag(&format!("t-{writer}-{number}")))
                            .await
                            .unwrap();
                        layout.put_manifest(&manifest, &tag("latest")).await.unwrap();
                    }
                });
            });
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tags = runtime.block_on(temporary.layout.tags(None)).unwrap().tags;
    assert_eq!(tags.len(), 8 * each + 1);
    assert!(tags.is_sorted());
    assert_eq!(
        fs_err::read_dir(&temporary.path).unwrap().count(),
        4,
        "temporary files are left"
    );
}

//! What is particular to archives; the rest is in `tests/it/copy`.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use proptest::prelude::*;

use super::*;
use crate::oci::ImageManifest;
use crate::store::PIECE;

struct Temporary {
    _keep: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Temporary {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(keep.path()).unwrap().join("a.tar");
        Temporary { _keep: keep, path }
    }

    fn writer(&self) -> Archive {
        Archive::to_write(self.path.clone())
    }

    fn reader(&self) -> Archive {
        Archive::new(self.path.clone())
    }

    fn bytes(&self) -> Vec<u8> {
        fs_err::read(&self.path).unwrap()
    }

    /// Names beside the archive.
    fn others(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.path.parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "a.tar").collect()
    }
}

fn at_tag(text: &str) -> Pointer {
    Pointer::Tag(text.parse().unwrap())
}

async fn put(archive: &Archive, bytes: &[u8]) -> Descriptor {
    let blob = Descriptor::new("text/plain", Digest::of(bytes), bytes.len() as u64);
    let source = BlobSource::from(Bytes::copy_from_slice(bytes));
    archive.put_blob(&blob, &source, None, "file").await.unwrap();
    blob
}

async fn push(archive: &Archive, texts: &[&str], tag: &str) -> Digest {
    let mut layers = Vec::new();
    for text in texts {
        layers.push(put(archive, text.as_bytes()).await);
    }
    put(archive, b"{}").await;
    let manifest = ImageManifest::new("test/archive".to_owned(), None, layers);
    let manifest = manifest.to_raw().unwrap();
    archive.put_manifest(&manifest, &at_tag(tag)).await.unwrap();
    manifest.digest().clone()
}

async fn read(archive: &Archive, blob: &Descriptor, offset: u64) -> Vec<u8> {
    let pieces = archive.open_blob(blob, offset).await.unwrap();
    pieces.try_collect::<Vec<_>>().await.unwrap().concat()
}

#[tokio::test]
async fn nothing_is_there_before_it_is_finished() {
    let place = Temporary::new();
    let archive = place.writer();
    let digest = push(&archive, &["one"], "v1").await;
    assert!(!place.path.exists());
    assert_eq!(archive.resolve(&at_tag("v1")).await.unwrap().unwrap().digest, digest);
    archive.finish().await.unwrap();
    archive.finish().await.unwrap();
    assert_eq!(place.others(), [""; 0]);
    let reader = place.reader();
    assert_eq!(
        reader.get_manifest(&at_tag("v1")).await.unwrap().unwrap().digest(),
        &digest
    );
    let dropped = place.writer();
    push(&dropped, &["two"], "v2").await;
    assert_eq!(place.others().len(), 1);
    drop(dropped);
    assert_eq!(place.others(), [""; 0]);
    assert!(place.reader().resolve(&at_tag("v2")).await.unwrap().is_none());
}

#[tokio::test]
async fn blobs_are_read_at_any_offset_while_it_is_written_and_after() {
    let place = Temporary::new();
    let archive = place.writer();
    let bytes: Vec<u8> = (0..2 * PIECE + 700).map(|i| (i % 251) as u8).collect();
    let blob = put(&archive, &bytes).await;
    let empty = put(&archive, b"").await;
    for _ in 0..2 {
        for offset in [0, 1, PIECE, bytes.len(), bytes.len() + 1] {
            assert!(read(&archive, &blob, offset as u64).await == bytes.get(offset..).unwrap_or_default());
        }
        assert!(read(&archive, &empty, 0).await.is_empty());
        archive.finish().await.unwrap();
    }
}

#[tokio::test]
async fn an_announced_archive_has_its_blobs_in_order_whatever_comes_first() {
    let texts = ["a", "b", "c", "d"];
    let blob = |text: &&str| Descriptor::new("text/plain", Digest::of(text.as_bytes()), 1);
    let mut all: Vec<Descriptor> = texts.iter().map(blob).collect();
    let manifest = ImageManifest::new("test/archive".to_owned(), None, all.clone());
    let manifest = manifest.to_raw().unwrap();
    all.push(manifest.descriptor());
    all.push(Descriptor::empty());
    let mut made = Vec::new();
    for reversed in [false, true] {
        let place = Temporary::new();
        let archive = place.writer();
        archive.expect(&all).await.unwrap();
        let mut order = texts;
        if reversed {
            order.reverse();
        }
        for text in order {
            put(&archive, text.as_bytes()).await;
        }
        put(&archive, b"{}").await;
        archive.put_manifest(&manifest, &at_tag("v1")).await.unwrap();
        archive.finish().await.unwrap();
        made.push(place.bytes());
    }
    assert!(made[0] == made[1]);
}

#[tokio::test]
async fn what_was_announced_and_did_not_come_is_no_archive() {
    let place = Temporary::new();
    let archive = place.writer();
    let missing = Descriptor::new("text/plain", Digest::of(b"missing"), 7);
    archive.expect(&[missing]).await.unwrap();
    assert!(archive.finish().await.is_err());
    assert!(!place.path.exists());
}

#[tokio::test]
async fn a_manifest_needs_its_blobs() {
    let place = Temporary::new();
    let archive = place.writer();
    let manifest = ImageManifest::new("test/archive".to_owned(), None, Vec::new());
    let manifest = manifest.to_raw().unwrap();
    let error = archive.put_manifest(&manifest, &at_tag("v1")).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
}

#[tokio::test]
async fn of_two_writers_the_second_changes_nothing_and_says_so() {
    for there in [false, true] {
        let place = Temporary::new();
        if there {
            let before = place.writer();
            push(&before, &["before"], "v0").await;
            before.finish().await.unwrap();
        }
        let (first, second) = (place.writer(), place.writer());
        push(&first, &["one"], "v1").await;
        push(&second, &["two"], "v2").await;
        first.finish().await.unwrap();
        let bytes = place.bytes();
        let error = second.finish().await.unwrap_err();
        assert_eq!(error.class(), Class::Conflict, "{error}");
        drop(second);
        assert!(place.bytes() == bytes);
        assert_eq!(place.others(), [""; 0]);
    }
}

#[tokio::test]
async fn a_damaged_blob_that_comes_again_is_mended() {
    let place = Temporary::new();
    let archive = place.writer();
    push(&archive, &["precious"], "v1").await;
    archive.finish().await.unwrap();
    let sound = place.bytes();
    let mut bytes = sound.clone();
    let at = bytes.windows(8).position(|found| found == b"precious").unwrap();
    bytes[at] = b'P';
    fs_err::write(&place.path, &bytes).unwrap();
    let archive = place.writer();
    push(&archive, &["precious"], "v1").await;
    archive.finish().await.unwrap();
    assert!(place.bytes() == sound);
}

#[tokio::test]
async fn a_blob_larger_than_ustar_can_say() {
    const SIZE: u64 = 9 * 1024 * 1024 * 1024;
    let place = Temporary::new();
    let mut writer = Writer::new(&place.path).unwrap();
    let big = Descriptor::new("text/plain", Digest::of(b"not really"), SIZE);
    let small = Descriptor::new("text/plain", Digest::of(b"small"), 5);
    writer.lay_out(&[big.clone(), small.clone()]).unwrap();
    // Its middle is a hole of the file.
    let section = writer.reserve(&big).unwrap().unwrap();
    section.clone().append(b"start").unwrap();
    section.from(SIZE - 3).append(b"end").unwrap();
    writer.arrived(&big.digest);
    writer.reserve(&small).unwrap().unwrap().append(b"small").unwrap();
    writer.arrived(&small.digest);
    writer.finish().unwrap();
    let archive = place.reader();
    assert!(archive.has_blob(&big).await.unwrap());
    assert_eq!(read(&archive, &big, SIZE - 4).await, b"\0end");
    assert_eq!(read(&archive, &small, 0).await, b"small");
    // And as others read it.
    let mut tar = ::tar::Archive::new(std::io::BufReader::new(fs_err::File::open(&place.path).unwrap()));
    let sizes = tar.entries_with_seek().unwrap().map(|entry| entry.unwrap().size());
    assert!(sizes.into_iter().any(|size| size == SIZE));
}

#[tokio::test]
async fn the_number_of_entries_is_bounded() {
    let place = Temporary::new();
    let archive = place.writer();
    push(&archive, &["one"], "v1").await;
    archive.finish().await.unwrap();
    assert!(scan::open_bounded(&place.path, 5).unwrap().is_some());
    let error = scan::open_bounded(&place.path, 4).err().unwrap();
    assert_eq!(error.class(), Class::Integrity);
    assert!(error.message().contains("more than 4 entries"), "{error}");
}

#[tokio::test]
async fn an_archive_that_is_only_read_is_not_written() {
    let place = Temporary::new();
    let source = BlobSource::from(Bytes::from_static(b"{}"));
    let error = place
        .reader()
        .put_blob(&Descriptor::empty(), &source, None, "x")
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.message().contains("`copy`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is damaged: an error or other bytes that are found out, never a panic.
    #[test]
    fn damaged_archives_never_panic(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let place = Temporary::new();
            let archive = place.writer();
            let digest = push(&archive, &["one", "two"], "v1").await;
            archive.finish().await.unwrap();
            let mut bytes = place.bytes();
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            fs_err::write(&place.path, &bytes).unwrap();
            let reader = place.reader();
            if let Ok(Some(manifest)) = reader.get_manifest(&Pointer::Digest(digest.clone())).await {
                assert_eq!(manifest.digest(), &digest);
            }
            let _ = reader.tags(None).await;
            let _ = reader.referrers(&digest, None).await;
        });
    }
}

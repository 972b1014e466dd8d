//! Image layouts that others have a hand in: processes that push at the same time, or die; ORAS and regctl.

use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use camino::Utf8Path;
use oci_artifact::oci::{Content, Descriptor, Digest, ImageManifest, names};
use oci_artifact::reference::Pointer;
use oci_artifact::store::{BlobSource, Layout, Store};

use crate::support::attach::{attach, open, runtime};
use crate::support::peers::program;
use crate::support::runner::{Outcome, Workspace};

/// Tells a process of [`writer`] where to push, what its tags begin with and how many it pushes.
const ORDER: &str = "OCI_ARTIFACT_TEST_WRITER";

fn layout(path: &Utf8Path) -> Store {
    Store::Layout(Layout::new(path.to_owned()))
}

fn at_tag(text: &str) -> Pointer {
    Pointer::Tag(text.parse().unwrap())
}

async fn push(store: &Store, title: &str, text: &str, tag: &str) -> Digest {
    let mut layer = Descriptor::new("text/plain", Digest::of(text.as_bytes()), text.len() as u64);
    layer.annotations.insert(names::TITLE.to_owned(), title.to_owned());
    let source = BlobSource::from(Bytes::copy_from_slice(text.as_bytes()));
    store.put_blob(&layer, &source, None, title).await.unwrap();
    let source = BlobSource::from(Bytes::from_static(b"{}"));
    store
        .put_blob(&Descriptor::empty(), &source, None, "config")
        .await
        .unwrap();
    let manifest = ImageManifest::new("test/layout".to_owned(), None, vec![layer])
        .to_raw()
        .unwrap();
    store.put_manifest(&manifest, &at_tag(tag)).await.unwrap();
    manifest.digest().clone()
}

/// One of the processes of the test below; by itself it does nothing.
#[tokio::test]
#[ignore = "run by processes_lose_no_tag_and_one_that_dies_blocks_no_other"]
#[allow(clippy::disallowed_methods, reason = "orders from the test that started this one")]
async fn writer() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let [path, prefix, count] = order.split('\n').collect::<Vec<_>>().try_into().unwrap();
    let store = layout(Utf8Path::new(path));
    for number in 0..count.parse::<usize>().unwrap() {
        push(
            &store,
            "a.txt",
            &format!("{prefix} {number}"),
            &format!("{prefix}-{number}"),
        )
        .await;
    }
}

/// A process that is killed when the test ends early.
struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_writer(path: &Utf8Path, prefix: &str, count: usize) -> Writer {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "layout::writer"])
        .env(ORDER, format!("{path}\n{prefix}\n{count}"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Writer(child)
}

#[tokio::test]
async fn processes_lose_no_tag_and_one_that_dies_blocks_no_other() {
    let workspace = Workspace::new();
    let path = workspace.path().join("layout");
    let mut dying = start_writer(&path, "dying", 5000);
    let mut others: Vec<Writer> = (0..4)
        .map(|writer| start_writer(&path, &format!("w{writer}"), 10))
        .collect();
    let store = layout(&path);
    while store.resolve(&at_tag("dying-3")).await.unwrap().is_none() {
        assert!(dying.0.try_wait().unwrap().is_none(), "it ended by itself");
    }
    drop(dying);
    for other in &mut others {
        assert!(other.0.wait().unwrap().success());
    }
    let tags = store.tags(None).await.unwrap().tags;
    let of_others = tags.iter().filter(|tag| tag.as_str().starts_with('w')).count();
    assert_eq!(of_others, 40);
    for tag in tags {
        let manifest = store.get_manifest(&Pointer::Tag(tag)).await.unwrap().unwrap();
        let Content::Artifact(artifact) = manifest.content().unwrap() else {
            panic!("an index")
        };
        assert!(store.has_blob(&artifact.layers[0]).await.unwrap());
    }
}

fn peer(workspace: &Workspace, name: &str, args: &[&str]) -> Outcome {
    let outcome = workspace.run().program(program(name)).args(args.iter().copied()).call();
    outcome.success();
    outcome
}

#[tokio::test]
#[ignore = "needs the peers: scripts/test-peers"]
async fn oras_and_regctl_read_ours_and_we_read_theirs() {
    let workspace = Workspace::new();
    let store = layout(&workspace.path().join("layout"));
    let ours = push(&store, "a.txt", "hello", "v1").await;
    let resolved = peer(&workspace, "oras", &["resolve", "--oci-layout", "layout:v1"]);
    assert_eq!(resolved.stdout.trim(), ours.to_string());
    peer(
        &workspace,
        "oras",
        &["pull", "--oci-layout", "layout:v1", "-o", "pulled"],
    );
    assert_eq!(workspace.read("pulled/a.txt"), "hello");
    let resolved = peer(&workspace, "regctl", &["manifest", "head", "ocidir://layout:v1"]);
    assert_eq!(resolved.stdout.trim(), ours.to_string());

    workspace.write("b.txt", "from oras");
    peer(
        &workspace,
        "oras",
        &["push", "--oci-layout", "layout:v2", "--artifact-type", "x/y", "b.txt"],
    );
    let entry = workspace.read("layout/index.json");
    push(&store, "c.txt", "more", "v3").await;
    let theirs = store.get_manifest(&at_tag("v2")).await.unwrap().unwrap();
    let Content::Artifact(artifact) = theirs.content().unwrap() else {
        panic!("an index")
    };
    assert_eq!(artifact.layers[0].title(), Some("b.txt"));
    let tags: Vec<String> = store
        .tags(None)
        .await
        .unwrap()
        .tags
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(tags, ["v1", "v2", "v3"]);
    let kept = entry.strip_suffix("]}\n").or_else(|| entry.strip_suffix("]}")).unwrap();
    assert!(workspace.read("layout/index.json").starts_with(kept), "{entry}");

    store.delete_tag(&"v1".parse().unwrap()).await.unwrap();
    store.delete_manifest(theirs.digest()).await.unwrap();
    let tags = peer(&workspace, "oras", &["repo", "tags", "--oci-layout", "layout"]);
    assert_eq!(tags.stdout.trim(), "v3");
    peer(
        &workspace,
        "oras",
        &["manifest", "fetch", "--oci-layout", &format!("layout@{ours}")],
    );
}

/// ORAS looks at what `index.json` lists, regctl at the fallback tag alone (regclient's ocidir); each writes its own.
#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_and_regctl_see_our_referrers_and_we_see_theirs() {
    let workspace = Workspace::new();
    workspace.write("a.txt", "a");
    workspace
        .run()
        .args(["push", "oci:layout:v1", "a.txt"])
        .call()
        .success();
    let place = format!("oci:{}", workspace.path().join("layout"));
    let ours = attach(&format!("{place}:v1"), "test/ours", "1");
    let theirs = |name: &str, args: &[&str]| peer(&workspace, name, args).stdout;
    let discover = || theirs("oras", &["discover", "--oci-layout", "layout:v1", "--format", "json"]);
    let tree = || theirs("regctl", &["artifact", "tree", "ocidir://layout:v1"]);
    for seen in [discover(), tree()] {
        assert!(seen.contains(&ours) && seen.contains("test/ours"), "{seen}");
    }
    theirs(
        "oras",
        &[
            "attach",
            "--oci-layout",
            "layout:v1",
            "--artifact-type",
            "test/oras",
            "a.txt",
        ],
    );
    let put = [
        "artifact",
        "put",
        "--subject",
        "ocidir://layout:v1",
        "--artifact-type",
        "test/regctl",
        "-f",
        "a.txt",
    ];
    theirs("regctl", &put);
    let found = runtime().block_on(async {
        let store = open(&place);
        let subject = store.resolve(&at_tag("v1")).await.unwrap().unwrap();
        store.referrers(&subject.digest, None).await.unwrap()
    });
    let mut kinds: Vec<String> = found.into_iter().filter_map(|found| found.artifact_type).collect();
    kinds.sort();
    assert_eq!(kinds, ["test/oras", "test/ours", "test/regctl"]);
    // A second one of ours leaves theirs, and both see it.
    let second = attach(&format!("{place}:v1"), "test/second", "2");
    for seen in [discover(), tree()] {
        assert!(seen.contains(&second) && seen.contains(&ours), "{seen}");
    }
    assert!(tree().contains("test/regctl"), "{}", tree());
    assert!(discover().contains("test/oras"), "{}", discover());
}

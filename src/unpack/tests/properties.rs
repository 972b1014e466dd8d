//! Whatever an archive holds, what comes of it stays in the output.

use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::Fixture;
use super::tar::{Tar, gzip, zstd};

/// Paths of few names, so that entries meet, climb and go through each other.
fn path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "docs", "outside", "..", ".", "secret"]);
    vec(part, 1..5).prop_map(|parts| parts.join("/"))
}

#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    name: String,
    target: String,
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly names that lie in the directory, or nothing would get past the first entry.
    let name = prop_oneof![9 => vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|parts| format!("docs/{}", parts.join("/"))), 1 => path()];
    (prop::sample::select(b"00555222221".to_vec()), name, path()).prop_map(|(kind, name, target)| Step {
        kind,
        name,
        target,
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_archive_leads_out(steps in vec(step(), 1..5)) {
        let fixture = Fixture::new();
        let before = fixture.tree();
        let mut tar = Tar::docs();
        for step in &steps {
            let data: &[u8] = if step.kind == b'0' { b"evil" } else { b"" };
            let link = if matches!(step.kind, b'1' | b'2') { step.target.as_str() } else { "" };
            tar = tar.entry(step.kind, &step.name, link, data, |_| {});
        }
        let result = runtime().block_on(fixture.unpack("docs", &tar.end()));
        let after = fixture.tree();
        if result.is_err() {
            prop_assert_eq!(&after, &before);
        }
        prop_assert_eq!(after["outside/secret"].as_str(), "secret");
        let inside = |path: &String| path.starts_with("out/docs") || before.contains_key(path);
        prop_assert!(after.keys().all(inside), "{:?}", after);
        let root = fs_err::canonicalize(&fixture.base).unwrap().join("out/docs");
        for path in after.keys() {
            // As the system resolves it; a dangling or circular link leads nowhere.
            if let (true, Ok(real)) = (path.starts_with("out/docs"), fs_err::canonicalize(fixture.base.join(path))) {
                prop_assert!(real.starts_with(&root), "{} leads to {:?}", path, real);
            }
        }
    }

    #[test]
    fn damaged_archives_never_panic(
        format in 0..3,
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let fixture = Fixture::new();
        let before = fixture.tree();
        let tar = Tar::docs()
            .pax(b'x', &[("path", "docs/long"), ("mtime", "1.5")])
            .file("docs/a", "content")
            .symlink("docs/l", "long")
            .hardlink("docs/h", "docs/long")
            .end();
        let mut blob = match format {
            0 => tar,
            1 => gzip(&tar),
            _ => zstd(&tar),
        };
        for (index, byte) in flips {
            let at = index.index(blob.len());
            blob[at] ^= byte;
        }
        blob.truncate(end.index(blob.len() * 2).min(blob.len()));
        if runtime().block_on(fixture.unpack("docs", &blob)).is_err() {
            prop_assert_eq!(fixture.tree(), before);
        }
    }
}

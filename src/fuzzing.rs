//! Properties of what reads texts and archives of others, each a function of any bytes that panics where one doesn't
//! hold. The fuzz targets (`fuzz/`), the replay of their seeds and corpora and quick property tests call the same.
//!
//! Compiled for tests and with the feature `fuzzing` alone: nothing of it is in the program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a property that doesn't hold panics"
)]

mod archives;
mod documents;
mod headers;
mod names;
pub mod runner;
#[cfg(test)]
mod tests;

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// Each target of `fuzz/fuzz_targets`, by its name.
pub const TARGETS: &[(&str, Property)] = &[
    ("reference", names::reference),
    ("digest", names::digest),
    ("challenge", headers::challenge),
    ("link", headers::link),
    ("range", headers::range),
    ("retry_after", headers::retry_after),
    ("spec", documents::spec),
    ("manifest", documents::manifest),
    ("index_json", documents::index_json),
    ("docker_config", documents::docker_config),
    ("file_command", runner::file_command),
    #[cfg(unix)]
    ("tar", archives::tar),
    ("gzip", archives::gzip),
    ("zstd", archives::zstd),
];

/// Runs the target `name` over `data`.
///
/// # Panics
/// A property doesn't hold, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let (_, property) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    property(data);
}

/// `data` as `COUNT` texts: the parts between bytes 0xff, which no UTF-8 has; missing ones are empty. `None` if one of
/// them is no text.
fn texts<const COUNT: usize>(data: &[u8]) -> Option<[&str; COUNT]> {
    let mut parts = data.splitn(COUNT, |&byte| byte == 0xff);
    let mut texts = [""; COUNT];
    for text in &mut texts {
        *text = std::str::from_utf8(parts.next().unwrap_or_default()).ok()?;
    }
    Some(texts)
}

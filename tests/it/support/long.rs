//! How long a test of `scripts/long` shall go on.

/// What was asked for behind the test's name (`scripts/long NAME AMOUNT`), else `usual`.
#[allow(
    clippy::disallowed_methods,
    reason = "the program doesn't read this variable, this test does"
)]
pub fn amount(usual: u32) -> u32 {
    match std::env::var("OCI_ARTIFACT_LONG") {
        Ok(amount) if !amount.is_empty() => amount.parse().expect("OCI_ARTIFACT_LONG is a number"),
        _ => usual,
    }
}

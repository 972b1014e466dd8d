//! Secrets: announced to the CI's mask before anything can hold one, and never printed.

use std::fmt;

use super::{Event, Report};

/// A password, token or key. `Debug` shows `****`; there is no `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Announces `value` to the CI's mask, then holds it. The only way to make one.
    pub fn new(value: impl Into<String>, report: &Report) -> Self {
        let value = value.into();
        report.emit(&Event::Mask(&value));
        Secret(value)
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

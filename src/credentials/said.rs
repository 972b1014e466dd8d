//! What a cloud said when it said no.

use std::fmt;

use super::exchange::words;
use crate::error::{Class, Error};
use crate::http::{Answer, Refusal};

/// The code and the words of a refusal. A proxy has no code.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) status: u16,
}

impl Said {
    /// With what was read from `answer`; where that is nothing, with all that it says.
    pub(super) fn new(answer: &Answer, code: &str, message: &str) -> Self {
        let message = match (code, message) {
            ("", "") => Refusal::of(answer).to_string(),
            // A sentence of its own, here part of one.
            (_, message) => words(message.trim_end().trim_end_matches('.')),
        };
        Said {
            code: words(code),
            message,
            status: answer.status.as_u16(),
        }
    }

    /// The error that tells of it.
    pub(super) fn error(&self, message: String) -> Error {
        let class = match self.status {
            400..500 => Class::Denied,
            _ => Class::Network,
        };
        Error::new(class, message)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", message) => f.write_str(message),
            (code, "") => f.write_str(code),
            (code, message) => write!(f, "{code}: {message}"),
        }
    }
}

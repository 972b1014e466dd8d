//! Tekton ("Emitting results from a Task"): a file a result, with its raw text and no newline.
//!
//! Tekton announces itself by nothing: our Task sets [`RESULTS`].

use camino::Utf8Path;

use super::{Ci, Outputs, System};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::report::Report;

/// The variable that names the directory of results, `/tekton/results`.
pub const RESULTS: &str = "OCI_ARTIFACT_TEKTON_RESULTS";

/// The results of all steps of a Task come as one termination message of at most 4096 bytes, as JSON. Some of it is
/// left to Tekton's own entries and to other steps.
const LIMIT: usize = 3500;

/// What an entry of the message has beside name and value: `{"key":"","value":"","type":1},`.
const ENTRY: usize = 32;

/// A step of a Tekton Task, by its variables.
pub struct Tekton(pub Env);

impl Ci for Tekton {
    fn system(&self) -> System {
        System::Tekton
    }

    fn outputs(&self, outputs: &Outputs<'_>, report: &Report) -> Result<()> {
        let Some(directory) = self.0.get(RESULTS).map(Utf8Path::new) else {
            return Ok(());
        };
        let mut room = LIMIT;
        for (name, value) in outputs.values {
            let length = serde_json::Value::from(value.as_str()).to_string().len() + name.len() + ENTRY;
            let fits = room.checked_sub(length);
            room = fits.unwrap_or(room);
            if fits.is_none() {
                report.warning(format!(
                    "the result {name} is left blank: Tekton takes 4096 bytes of results in all; `output-file` has it"
                ));
            }
            // A result without a file is an error for whoever uses it.
            let text = fits.map_or("", |_| value.as_str());
            fs_err::write(directory.join(name), text).map_err(Error::local)?;
        }
        Ok(())
    }
}

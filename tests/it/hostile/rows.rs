//! Rows of the table that `scripts/hostile` prints, in a file a case, where it asks for them.

use std::io::Write as _;

use camino::Utf8PathBuf;

use super::client::Client;

/// A variant of a case, and what a client made of it.
pub struct Row {
    pub id: &'static str,
    pub words: &'static str,
    pub what: String,
    pub client: Client,
    pub result: String,
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub seconds: f64,
    /// `None` if it was over before it was looked at.
    pub mib: Option<u64>,
    /// The line that names the error.
    pub says: String,
}

pub struct Rows {
    file: Option<Utf8PathBuf>,
    compare: bool,
}

impl Rows {
    /// The file of a case in the folder that `OCI_ARTIFACT_HOSTILE_ROWS` names, emptied.
    #[allow(
        clippy::disallowed_methods,
        reason = "the program doesn't read these variables, this test does"
    )]
    pub fn of(id: &str) -> Self {
        let folder = std::env::var("OCI_ARTIFACT_HOSTILE_ROWS").unwrap_or_default();
        let file = Some(Utf8PathBuf::from(folder).join(id)).filter(|file| file.as_str() != id);
        if let Some(file) = &file {
            fs_err::write(file, "").unwrap();
        }
        Rows {
            file,
            compare: std::env::var("OCI_ARTIFACT_HOSTILE_ORAS").is_ok(),
        }
    }

    /// Whether ORAS is to be attacked, too.
    pub fn compare(&self) -> bool {
        self.compare
    }

    pub fn add(&self, row: Row) {
        let Some(file) = &self.file else {
            return;
        };
        let fields = [
            row.id.to_owned(),
            row.words.to_owned(),
            row.what,
            format!("{:?}", row.client).to_lowercase(),
            row.result,
            row.code.map_or("signal".to_owned(), |code| code.to_string()),
            format!("{:.2}", row.seconds),
            row.mib.map_or("-".to_owned(), |mib| mib.to_string()),
            row.says,
        ];
        let line = fields.map(|field| plain(&field)).join("\t");
        let mut file = fs_err::OpenOptions::new().append(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// On one line and without what a table or a terminal takes for its own; long texts are cut.
fn plain(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() || c == '|' { '?' } else { c });
    shown.take(160).collect()
}

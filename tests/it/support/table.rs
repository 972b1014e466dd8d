//! What came of the cases of a long run: a row each, printed, and kept where a run that was stopped goes on from.
#![allow(clippy::print_stdout, reason = "a table, for who runs scripts/long")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use camino::Utf8PathBuf;

/// What came of a case; a panic in it is the third.
pub enum Verdict {
    /// With figures.
    Held(String),
    /// Why this machine can't have it.
    Skipped(String),
}

/// The rows of one test.
pub struct Table {
    /// Lines `CASE TAB RESULT TAB FIGURE`.
    file: Option<Utf8PathBuf>,
    known: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Table {
    /// Prints the head. Where `OCI_ARTIFACT_RECORD` names a folder, rows are kept in its file `name`, and cases that
    /// have one are passed over: `scripts/long` and `scripts/hardening` name one for each commit.
    #[allow(
        clippy::disallowed_methods,
        reason = "the program doesn't read this variable, this test does"
    )]
    pub fn new(name: &str) -> Self {
        println!("| case | result | figure |\n| --- | --- | --- |");
        let folder = std::env::var("OCI_ARTIFACT_RECORD").unwrap_or_default();
        let file = Some(folder).filter(|folder| !folder.is_empty());
        let file = file.map(|folder| Utf8PathBuf::from(folder).join(name));
        let text = file.as_ref().and_then(|file| fs_err::read_to_string(file).ok());
        let known = text.unwrap_or_default().lines().filter_map(known).collect();
        Table {
            file,
            known,
            wrong: Vec::new(),
        }
    }

    /// Runs a case, or takes its figure from an earlier run. The figure; none if it went wrong.
    pub fn case(&mut self, name: &str, run: impl FnOnce() -> Verdict) -> Option<String> {
        if let Some(figure) = self.known.get(name) {
            println!("| {name} | as before | {figure} |");
            return Some(figure.clone());
        }
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Verdict::Held(figure)) => Some(self.row(name, "held", figure)),
            Ok(Verdict::Skipped(why)) => Some(self.row(name, "skipped", why)),
            Err(_) => {
                self.row(name, "WRONG", "see above".to_owned());
                self.wrong.push(name.to_owned());
                None
            }
        }
    }

    fn row(&self, name: &str, result: &str, figure: String) -> String {
        println!("| {name} | {result} | {figure} |");
        if let Some(file) = &self.file {
            let mut file = fs_err::OpenOptions::new().create(true).append(true).open(file).unwrap();
            writeln!(file, "{name}\t{result}\t{figure}").unwrap();
        }
        figure
    }

    /// Fails if a case did.
    pub fn end(self) {
        assert!(self.wrong.is_empty(), "{:?}", self.wrong);
    }
}

/// What went wrong is tried again.
fn known(line: &str) -> Option<(String, String)> {
    let mut fields = line.splitn(3, '\t');
    let (name, result, figure) = (fields.next()?, fields.next()?, fields.next()?);
    (result != "WRONG").then(|| (name.to_owned(), figure.to_owned()))
}

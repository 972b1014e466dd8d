//! The files that GitHub's runner reads after a step: outputs (`GITHUB_OUTPUT`) and the summary
//! (`GITHUB_STEP_SUMMARY`).

use std::fmt::Write as _;
use std::io::Write as _;

use camino::Utf8Path;

use super::summary::{LIMIT, fit};
use crate::error::{Error, Result};

/// Appends outputs to `file`. Each is a heredoc with a random delimiter, whatever its value: a value that could end
/// its heredoc would set further outputs (google-github-actions/run-gemini-cli#526).
pub fn write_outputs(file: &Utf8Path, values: &[(&str, String)]) -> Result<()> {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Error::internal(format!("the system gives no random bytes for an output: {error}")))?;
    let delimiter = random.iter().fold("ghadelimiter_".to_owned(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    append(file, heredocs(values, &delimiter)?.as_bytes())
}

/// Appends Markdown to `file`, cut where the summary would be longer than the runner takes: it drops a longer one with
/// an error.
pub fn write_summary(file: &Utf8Path, markdown: &str) -> Result<()> {
    let written = fs_err::metadata(file).map_or(0, |found| usize::try_from(found.len()).unwrap_or(usize::MAX));
    let room = LIMIT.saturating_sub(written);
    append(file, fit(markdown, room).as_bytes())
}

fn heredocs(values: &[(&str, String)], delimiter: &str) -> Result<String> {
    let mut text = String::new();
    for (name, value) in values {
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !is_name || value.contains(delimiter) {
            return Err(Error::internal(format!(
                "the output {name:?} can't be written: it holds its own delimiter"
            )));
        }
        let _ = write!(text, "{name}<<{delimiter}\n{value}\n{delimiter}\n");
    }
    Ok(text)
}

/// Adds `bytes` to the end of `file`, which need not be there.
pub fn append(file: &Utf8Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .map_err(Error::local)?;
    file.write_all(bytes).map_err(Error::local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::runner::reads as runner_reads;

    fn file() -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("file");
        (folder, file)
    }

    #[test]
    fn run_gemini_cli_526_a_value_sets_no_further_output() {
        let (_folder, file) = file();
        let values = [
            ("digest", "sha256:0".to_owned()),
            (
                "tags",
                "v1\nEOF\nghadelimiter_0\ndigest=evil\ndigest<<EOF\nevil\nEOF".to_owned(),
            ),
            ("path", String::new()),
            ("json", "{\"a\": \"b<<c=d\"}".to_owned()),
        ];
        write_outputs(&file, &values).unwrap();
        let read = runner_reads(&fs_err::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(read, values.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn a_value_that_holds_the_delimiter_is_refused() {
        assert!(heredocs(&[("a", "x delimiter y".to_owned())], "delimiter").is_err());
        for name in ["", "a=b", "a<<b", "a\nb", "a b"] {
            assert!(heredocs(&[(name, String::new())], "delimiter").is_err(), "{name:?}");
        }
    }

    #[test]
    fn delimiters_differ_from_run_to_run() {
        let (_folder, file) = file();
        write_outputs(&file, &[("a", "1".to_owned())]).unwrap();
        write_outputs(&file, &[("a", "1".to_owned())]).unwrap();
        let text = fs_err::read_to_string(&file).unwrap();
        let delimiters: std::collections::BTreeSet<_> =
            text.lines().filter(|line| line.starts_with("ghadelimiter_")).collect();
        assert_eq!(delimiters.len(), 2);
        assert!(
            delimiters
                .iter()
                .all(|delimiter| delimiter.len() == "ghadelimiter_".len() + 32)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_value_arrives_as_it_is(value in "(?s)[^\u{0}]{0,60}") {
            let text = heredocs(&[("first", value.clone()), ("last", "x".to_owned())], "ghadelimiter_00ff").unwrap();
            let read = runner_reads(&text).unwrap();
            proptest::prop_assert_eq!(read, vec![("first".to_owned(), value), ("last".to_owned(), "x".to_owned())]);
        }
    }
}

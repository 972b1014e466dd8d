//! The file that GitHub's runner reads after a step.

use camino::Utf8Path;

use super::texts;
use crate::ci::file_command::write_outputs;

/// Reads outputs as the runner does (actions/runner, `SetOutputFileCommand`).
///
/// # Errors
/// A line that the runner refuses, with which it fails the step.
pub fn reads(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut outputs = Vec::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        match (line.find('='), line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
                outputs.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
            }
            (_, Some(heredoc)) => {
                let (name, delimiter) = (&line[..heredoc], &line[heredoc + 2..]);
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some(line) if line == delimiter => break,
                        Some(line) => value.push(line),
                        None => return Err(format!("no end of {name}")),
                    }
                }
                outputs.push((name.to_owned(), value.join("\n")));
            }
            _ => return Err(format!("bad line {line:?}")),
        }
    }
    Ok(outputs)
}

/// What the runner reads back is what was given, behind what was there; a name that is none is refused.
pub(super) fn file_command(data: &[u8]) {
    let Some([name, first, second]) = texts(data) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = Utf8Path::from_path(folder.path()).unwrap().join("outputs");
    let values = [
        ("digest", first.to_owned()),
        (name, second.to_owned()),
        ("json", first.to_owned()),
    ];
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let sound = !name.is_empty() && name.bytes().all(is_name);
    assert_eq!(write_outputs(&file, &values).is_ok(), sound, "{name:?}");
    write_outputs(&file, &[("last", second.to_owned())]).unwrap();
    let mut expected: Vec<(String, String)> = Vec::new();
    if sound {
        expected.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }
    expected.push(("last".to_owned(), second.to_owned()));
    assert_eq!(reads(&fs_err::read_to_string(&file).unwrap()).unwrap(), expected);
}

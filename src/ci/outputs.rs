//! What a run hands to the steps and jobs after it, and the files of variables it goes by on systems that have no
//! outputs of another kind.

use std::fmt::Write as _;

use camino::Utf8Path;

use super::file_command::append;
use crate::error::{Error, Result};

/// A file of variables that is there already has at most this many bytes.
const KEPT_LIMIT: u64 = 1024 * 1024;

/// Outputs by their names, as `action.yml` declares them; the more important ones first.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    /// Names and values. A value may be blank, and lists have an entry a line.
    pub values: &'a [(&'static str, String)],
    /// What the names of variables begin with, such as `ARTIFACT_`.
    pub prefix: &'a str,
}

/// How a file of variables is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `NAME='value'`, for a shell to read in.
    Shell,
    /// `export NAME='value'`, where a shell reads it in before each step.
    Export,
    /// `NAME=value` up to the end of the line, quotes and all.
    Dotenv,
    /// `NAME=value` with the escapes of `java.util.Properties`.
    Properties,
}

impl Form {
    /// A line that sets `name` to `value`, which has one line.
    fn line(self, name: &str, value: &str) -> String {
        match self {
            Form::Shell => format!("{name}={}", quoted(value)),
            Form::Export => format!("export {name}={}", quoted(value)),
            Form::Dotenv => format!("{name}={value}"),
            Form::Properties => format!("{name}={}", property(value)),
        }
    }

    /// The variable that `line` sets.
    fn name(line: &str) -> Option<&str> {
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.split_once('=').map(|(name, _)| name.trim())
    }
}

impl Outputs<'_> {
    /// Each as a variable: `ARTIFACT_DIGEST`, and its value on one line, lists separated by blanks.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.values.iter().map(|(name, value)| {
            let name = format!("{}{}", self.prefix, name.to_ascii_uppercase().replace('-', "_"));
            let value: String = value
                .trim_end()
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            (name, value)
        })
    }

    /// Sets them in `file`; other variables that are there stay. Where the whole would have more than `limit` bytes,
    /// the last ones are left out; their names come back.
    pub fn write(&self, file: &Utf8Path, form: Form, limit: Option<usize>) -> Result<Vec<String>> {
        let variables: Vec<_> = self.variables().collect();
        let is_ours = |line: &&str| {
            let name = Form::name(line);
            variables.iter().any(|(ours, _)| Some(ours.as_str()) == name)
        };
        let mut text = String::new();
        for line in kept(file)?.lines().filter(|line| !is_ours(line)) {
            let _ = writeln!(text, "{line}");
        }
        let mut left_out = Vec::new();
        for (name, value) in &variables {
            let line = form.line(name, value);
            // GitLab stores no blank ones, and they count.
            if value.is_empty() && form == Form::Dotenv {
                continue;
            }
            if limit.is_some_and(|limit| text.len() + line.len() + 1 > limit) {
                left_out.push(name.clone());
            } else {
                let _ = writeln!(text, "{line}");
            }
        }
        fs_err::write(file, text).map_err(Error::local)?;
        Ok(left_out)
    }

    /// Adds them to the end of `file`, which its system reads.
    pub fn append(&self, file: &Utf8Path, form: Form) -> Result<()> {
        let lines = self.variables().map(|(name, value)| form.line(&name, &value) + "\n");
        append(file, lines.collect::<String>().as_bytes())
    }
}

/// Refuses to write `file` through a link: a checkout may have one in its place, to any file of the runner's.
pub fn refuse_link(file: &Utf8Path) -> Result<()> {
    match fs_err::symlink_metadata(file) {
        Ok(found) if found.is_symlink() => {
            Err(Error::usage(format!("{file} is a link")).hint("take it out of the checkout, or name another file"))
        }
        _ => Ok(()),
    }
}

/// What is in `file`; nothing if it isn't there.
fn kept(file: &Utf8Path) -> Result<String> {
    refuse_link(file)?;
    match fs_err::metadata(file) {
        Ok(found) if found.is_file() && found.len() <= KEPT_LIMIT => {
            let text = String::from_utf8(fs_err::read(file).map_err(Error::local)?);
            text.map_err(|_| Error::usage(format!("{file} is no file of variables: it is not UTF-8")))
        }
        Ok(_) => Err(Error::usage(format!("{file} is no file of variables")).hint("name another with variables-file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::local(error)),
    }
}

/// `value` in single quotes, in which a shell reads nothing.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// `value` as `java.util.Properties` reads it: ASCII, with `\` and leading blanks escaped.
fn property(value: &str) -> String {
    let mut text = String::new();
    let mut units = [0; 2];
    for character in value.chars() {
        match character {
            '\\' => text.push_str(r"\\"),
            ' ' if text.is_empty() => text.push_str(r"\ "),
            ' '..='~' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [(&str, &str); 4] = [
        ("digest", "sha256:0"),
        ("tags", "v1\nlatest"),
        ("artifact-type", ""),
        ("json", r#"{"a": "it's $(x) \" é"}"#),
    ];

    fn written(before: &str, form: Form, limit: Option<usize>) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("variables");
        fs_err::write(&file, before).unwrap();
        let values = VALUES.map(|(name, value)| (name, value.to_owned()));
        let outputs = Outputs {
            values: &values,
            prefix: "ARTIFACT_",
        };
        let left_out = outputs.write(&file, form, limit).unwrap();
        (fs_err::read_to_string(&file).unwrap(), left_out)
    }

    #[test]
    fn each_form() {
        insta::assert_snapshot!(written("", Form::Shell, None).0, @r#"
        ARTIFACT_DIGEST='sha256:0'
        ARTIFACT_TAGS='v1 latest'
        ARTIFACT_ARTIFACT_TYPE=''
        ARTIFACT_JSON='{"a": "it'\''s $(x) \" é"}'
        "#);
        insta::assert_snapshot!(written("", Form::Dotenv, None).0, @r#"
        ARTIFACT_DIGEST=sha256:0
        ARTIFACT_TAGS=v1 latest
        ARTIFACT_JSON={"a": "it's $(x) \" é"}
        "#);
        insta::assert_snapshot!(written("", Form::Properties, None).0, @r#"
        ARTIFACT_DIGEST=sha256:0
        ARTIFACT_TAGS=v1 latest
        ARTIFACT_ARTIFACT_TYPE=
        ARTIFACT_JSON={"a": "it's $(x) \\" \u00e9"}
        "#);
        assert!(
            written("", Form::Export, None)
                .0
                .starts_with("export ARTIFACT_DIGEST='sha256:0'\n")
        );
    }

    #[test]
    fn what_was_there_stays_and_ours_is_renewed() {
        let (text, _) = written("OTHER=1\nARTIFACT_DIGEST=old\nlast line", Form::Dotenv, None);
        assert!(
            text.starts_with("OTHER=1\nlast line\nARTIFACT_DIGEST=sha256:0\n"),
            "{text}"
        );
        assert_eq!(written(&text, Form::Dotenv, None).0, text);
    }

    #[test]
    fn what_goes_over_the_limit_is_left_out_and_named() {
        let (text, left_out) = written("", Form::Dotenv, Some(60));
        assert_eq!(left_out, ["ARTIFACT_JSON"]);
        assert!(text.len() <= 60 && text.contains("ARTIFACT_TAGS"), "{text}");
    }

    #[test]
    fn a_file_of_another_kind_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let binary = folder.join("binary");
        fs_err::write(&binary, [0xff, 0xfe]).unwrap();
        let outputs = Outputs {
            values: &[],
            prefix: "",
        };
        for file in [folder, &binary] {
            let error = outputs.write(file, Form::Shell, None).unwrap_err();
            assert!(error.message().contains("no file of variables"), "{error}");
        }
        assert_eq!(fs_err::read(&binary).unwrap(), [0xff, 0xfe]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        fs_err::write(folder.join("profile"), "PATH=/bin\n").unwrap();
        let outputs = Outputs {
            values: &[("digest", "sha256:0".to_owned())],
            prefix: "ARTIFACT_",
        };
        for target in ["profile", "new"] {
            let link = folder.join(format!("to-{target}"));
            fs_err::os::unix::fs::symlink(target, &link).unwrap();
            let error = outputs.write(&link, Form::Dotenv, None).unwrap_err();
            assert!(error.message().ends_with("is a link"), "{error}");
        }
        assert_eq!(fs_err::read_to_string(folder.join("profile")).unwrap(), "PATH=/bin\n");
        assert!(!folder.join("new").exists());
    }

    proptest::proptest! {
        #[test]
        fn a_shell_reads_each_value_as_it_is(value in "[^\\p{C}]{0,40}") {
            let read = quoted(&value).replace(r"'\''", "\u{1}");
            let inner = read.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
            proptest::prop_assert!(!inner.contains('\''));
            proptest::prop_assert_eq!(inner.replace('\u{1}', "'"), value);
        }
    }
}

//! Logging commands: `##vso[AREA.EVENT NAME=VALUE;…]DATA` anywhere in a line (azure-pipelines-agent, Command.cs), and
//! `##[NAME]TEXT` for the page that shows the log.

use camino::{Utf8Path, Utf8PathBuf};

use super::super::escape::{escape_invisible, parts_to_mask};
use super::super::marks::Marks;
use crate::error::Place;
use crate::report::{Dialect, Level, Scan, sanitize};

/// What a line of text may not hold, in any case of its letters.
const MARKS: [&str; 2] = ["##vso[", "##["];

/// The agent keeps ten errors and ten warnings a task.
const BUDGET: usize = 10;

/// Logging commands of a job that runs in `directory`.
pub struct Commands {
    pub directory: Utf8PathBuf,
}

/// Sets the output `name` of the step: `$(STEP.NAME)`. Names of variables have no hyphens.
pub fn set_output(name: &str, value: &str) -> String {
    let name = name.replace('-', "_");
    command("task.setvariable", &[("variable", &name), ("isOutput", "true")], value)
}

/// Shows `file` on the run's page.
pub fn upload_summary(file: &Utf8Path) -> String {
    command("task.uploadsummary", &[], file.as_str())
}

fn command(name: &str, properties: &[(&str, &str)], data: &str) -> String {
    let properties = properties
        .iter()
        .map(|(name, value)| format!("{name}={};", property(value)));
    let properties: String = properties.collect();
    let blank = if properties.is_empty() { "" } else { " " };
    format!("##vso[{name}{blank}{properties}]{}", self::data(data))
}

/// `%` comes first: its escape has none of the others.
fn data(text: &str) -> String {
    let text = text.replace('%', "%AZP25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(']', "%5D").replace(';', "%3B")
}

/// `text` such that no line of it is a command: `##[` becomes `## [`, `##vso[` becomes `## vso[`.
fn text(text: &str) -> String {
    let visible = escape_invisible(&sanitize(text));
    let mut shown = String::with_capacity(visible.len());
    for (at, character) in visible.char_indices() {
        let rest = visible.get(at..).unwrap_or_default();
        // Broken after the two `#`: what is left begins with none.
        let begins = |mark: &&str| {
            let tail = mark.trim_start_matches('#');
            let found = rest.get(..tail.len());
            shown.ends_with("##") && found.is_some_and(|found| found.eq_ignore_ascii_case(tail))
        };
        if MARKS.iter().any(begins) {
            shown.push(' ');
        }
        shown.push(character);
    }
    shown
}

impl Dialect for Commands {
    fn mask(&self, secret: &str) -> Option<String> {
        let values = parts_to_mask(secret);
        let commands: Vec<_> = values
            .iter()
            .map(|value| command("task.setsecret", &[], value))
            .collect();
        (!commands.is_empty()).then(|| commands.join("\n"))
    }

    fn group_start(&self, title: &str) -> Option<String> {
        Some(format!("##[group]{}", text(title).replace('\n', " ")))
    }

    fn group_end(&self) -> Option<String> {
        Some("##[endgroup]".to_owned())
    }

    fn annotation(&self, level: Level, message: &str, place: Option<&Place>) -> Option<String> {
        if level == Level::Notice {
            return None;
        }
        let mut properties = vec![("type", level.name().to_owned())];
        if let Some(place) = place
            && let Some(file) = &place.file
        {
            // The agent finds the repository that an absolute path lies in.
            let file = super::super::path::normal(&self.directory.join(file));
            properties.push(("sourcepath", file.into_string()));
            properties.push(("linenumber", place.line.to_string()));
            properties.push(("columnnumber", place.column.to_string()));
        }
        let properties: Vec<_> = properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // The log shows no place, so the message has it too.
        let message = match place {
            Some(place) => format!("{place}: {message}"),
            None => message.to_owned(),
        };
        Some(command("task.logissue", &properties, &text(&message)))
    }

    fn escape(&self, line: &str) -> String {
        text(line)
    }

    fn command_scan(&self) -> Option<Scan> {
        let mut marks = Marks::new(&MARKS);
        Some(Box::new(move |bytes| marks.push(bytes)))
    }

    fn annotation_budget(&self) -> Option<usize> {
        Some(BUDGET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_text() {
        for (from, to) in [
            ("plain ## text", "plain ## text"),
            (
                "x ##vso[task.setvariable variable=a]b",
                "x ## vso[task.setvariable variable=a]b",
            ),
            ("##VSO[x]y", "## VSO[x]y"),
            ("###[error]x", "### [error]x"),
            ("##[##vso[", "## [## vso["),
            ("#\u{200b}#vso[x]", "#\\u{200b}#vso[x]"),
            ("##vs[x]", "##vs[x]"),
        ] {
            assert_eq!(text(from), to, "{from:?}");
        }
    }

    #[test]
    fn parts_of_a_command_stay_parts() {
        assert_eq!(set_output("subject-digest", "a\nb;c]d%e"), {
            "##vso[task.setvariable variable=subject_digest;isOutput=true;]a%0Ab;c]d%AZP25e"
        });
        assert_eq!(property("a;b]c%\n"), "a%3Bb%5Dc%AZP25%0A");
        assert_eq!(upload_summary("/tmp/x.md".into()), "##vso[task.uploadsummary]/tmp/x.md");
    }

    #[test]
    fn a_secret_of_several_lines_is_masked_by_the_line() {
        let commands = Commands { directory: "/".into() };
        insta::assert_snapshot!(commands.mask("first\nsecond%\n").unwrap(), @"
        ##vso[task.setsecret]first
        ##vso[task.setsecret]first%0Asecond%AZP25%0A
        ##vso[task.setsecret]second%AZP25
        ");
        assert_eq!(commands.mask(" \n"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_escaped_text_holds_a_command(input in "(?i)([#\\[ vso]|##vso\\[|##\\[|\u{200b}|\u{ad}|a){0,16}") {
            let shown = text(&input);
            let bare: String = shown.chars().filter(|c| !matches!(c, '\u{200b}' | '\u{ad}')).collect();
            let bare = bare.to_lowercase();
            proptest::prop_assert!(!bare.contains("##[") && !bare.contains("##vso["), "{:?} of {:?}", shown, input);
        }

        #[test]
        fn a_command_is_one_line_and_ends_where_it_should(value in "(?s).{0,40}", data in "(?s).{0,40}") {
            let command = command("a.b", &[("x", &value)], &data);
            proptest::prop_assert!(!command.contains(['\n', '\r']));
            let (head, _) = command.split_once(']').unwrap();
            proptest::prop_assert_eq!(head.matches(';').count(), 1);
        }
    }
}

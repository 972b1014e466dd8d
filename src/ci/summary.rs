//! A job's summary in Markdown, cut where a system takes no more.

/// GitHub, and Buildkite, take at most so many bytes.
pub const LIMIT: usize = 1024 * 1024;

const CUT: &str = "\n\n_The summary is cut here: it may have at most 1 MiB._\n";

/// `markdown` with a newline at its end; if that is over `room` bytes, its first lines and a line that says so.
pub fn fit(markdown: &str, room: usize) -> String {
    let whole = format!("{}\n", markdown.trim_end_matches('\n'));
    if whole.len() <= room {
        return whole;
    }
    let Some(most) = room.checked_sub(CUT.len()) else {
        return String::new();
    };
    let end = (0..=most)
        .rev()
        .find(|end| whole.is_char_boundary(*end))
        .unwrap_or_default();
    let kept = whole.split_at(end).0;
    let kept = kept.rsplit_once('\n').map_or("", |(lines, _)| lines);
    format!("{kept}{CUT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_over_1_mib_is_cut_at_a_line_and_says_so() {
        let line = "| é | sha256 |\n";
        let text = fit(&line.repeat(LIMIT / line.len() + 1), LIMIT);
        assert!(text.len() <= LIMIT && text.len() > LIMIT - 200, "{}", text.len());
        let kept = text.strip_suffix(CUT).unwrap();
        assert!(kept.lines().all(|kept| kept == line.trim_end()));
        assert_eq!(fit("more", 3), "");
        assert_eq!(fit("more\n\n", 9), "more\n");
    }
}

//! `Link: <URL>; rel="next"` (RFC 8288), by which registries page.

/// The target of the first link whose relation is `next`.
pub(crate) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        // Parameters end where the next link begins: a comma outside quotes.
        let mut quoted = false;
        let end = after.find(|character| {
            quoted ^= character == '"';
            character == ',' && !quoted
        });
        let (parameters, next) = after.split_at(end.unwrap_or(after.len()));
        if parameters.split(';').any(is_next) {
            return Some(target.trim());
        }
        rest = next;
    }
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let mut relations = value.trim().trim_matches('"').split_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn links_of_real_registries() {
        assert_eq!(
            next(r#"</v2/a/tags/list?last=x&n=2&orderby=>; rel="next""#),
            Some("/v2/a/tags/list?last=x&n=2&orderby=")
        );
        assert_eq!(
            next("<https://r.example/v2/a>;rel=next"),
            Some("https://r.example/v2/a")
        );
        assert_eq!(
            next(r#"</a>; rel="prev"; title="a, <b>", </c>; REL="last next""#),
            Some("/c")
        );
        for none in ["", "</a>", r#"</a>; rel="prev""#, "/a; rel=next", "</a; rel=next"] {
            assert_eq!(next(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_to_its_end(text in "\\PC{0,100}") {
            next(&text);
        }

        #[test]
        fn a_target_is_found_as_it_was_written(target in "[a-z/?&=%:,;\" ]{1,40}") {
            let header = format!("<{target}>; title=\"x\"; rel=\"next\"");
            prop_assert_eq!(next(&header), Some(target.trim()));
        }
    }
}

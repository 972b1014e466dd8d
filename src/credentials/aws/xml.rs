//! The little XML that AWS's token service speaks: text inside elements, by path. Anything else of XML (sections,
//! entities of its own, elements inside themselves) is not there, and is not read.
//!
//! Own code: a parser of all of XML (quick-xml, roxmltree) reads more than should be taken from an answer that holds
//! a key.

/// The text of the element at `path`, which is one name in another.
pub(super) fn text(xml: &str, path: &[&str]) -> Option<String> {
    let inner = path.iter().try_fold(xml, |xml, name| element(xml, name))?;
    unescape(inner.trim())
}

/// What stands in the first element of `name`.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = xml;
    loop {
        let (_, after) = rest.split_once('<')?;
        rest = after;
        let Some(after) = rest.strip_prefix(name) else {
            continue;
        };
        if !after.starts_with(['>', '/', ' ', '\t', '\r', '\n']) {
            continue;
        }
        let (attributes, inner) = after.split_once('>')?;
        if attributes.ends_with('/') {
            return Some("");
        }
        return inner.split_once(&format!("</{name}>")).map(|(inner, _)| inner);
    }
}

/// The text itself; `None` if it holds elements, or references that XML doesn't define.
fn unescape(text: &str) -> Option<String> {
    if text.contains('<') {
        return None;
    }
    let mut parts = text.split('&');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';')?;
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            name => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(number) => u32::from_str_radix(number, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        };
        plain.push(character);
        plain.push_str(rest);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_by_its_path() {
        let xml = r#"<?xml version="1.0"?><R xmlns="https://x/"><Id>1</Id><C><Ids>no</Ids><Id>
            a&amp;b&#43;&#x2F;&lt;</Id><E/></C></R>"#;
        assert_eq!(text(xml, &["R", "C", "Id"]).unwrap(), "a&b+/<");
        assert_eq!(text(xml, &["R", "Id"]).unwrap(), "1");
        assert_eq!(text(xml, &["R", "C", "E"]).unwrap(), "");
        assert_eq!(text(xml, &["R", "C"]), None);
        assert_eq!(text(xml, &["C", "R"]), None);
    }

    #[test]
    fn what_is_broken_or_more_than_text_is_not_read() {
        for xml in [
            "",
            "<",
            "<a",
            "<a>",
            "<a>x",
            "<a>x</b>",
            "<a><b>x</b></a>",
            "<a><![CDATA[x]]></a>",
            "<a>&x;</a>",
            "<a>&amp</a>",
            "<a>&#x110000;</a>",
            "<a>&#-1;</a>",
        ] {
            assert_eq!(text(xml, &["a"]), None, "{xml}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_breaks_it(xml in "[<>/a&;#x ]{0,40}") {
            let _ = text(&xml, &["a", "a"]);
        }
    }
}

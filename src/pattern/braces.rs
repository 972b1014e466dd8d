//! `a{b,c}d` into `abd` and `acd`, before any other sign of a pattern is read.

use std::iter::Peekable;
use std::str::Chars;

/// Alternatives that one pattern may stand for.
const MAX_ALTERNATIVES: usize = 1024;

/// Braces inside braces.
const MAX_DEPTH: usize = 16;

/// Characters of a pattern.
const MAX_LENGTH: usize = 4096;

/// The alternatives in the order of a reader; an error says why not. Braces in `[…]` are characters.
pub(super) fn expand(text: &str) -> Result<Vec<String>, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("it is longer than {MAX_LENGTH} characters"));
    }
    let mut rest = text.chars().peekable();
    sequence(&mut rest, 0)
}

/// Reads to the end, or at `depth` > 0 up to the comma or brace that ends an alternative, which is left in place.
fn sequence(rest: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Vec<String>, String> {
    let mut found = vec![String::new()];
    while let Some(&c) = rest.peek() {
        match c {
            ',' | '}' if depth > 0 => return Ok(found),
            '}' => return Err("a } has no {".to_owned()),
            '{' => found = product(&found, &choice(rest, depth + 1)?)?,
            '[' => {
                let class = class(rest);
                found.iter_mut().for_each(|text| text.push_str(&class));
            }
            _ => {
                rest.next();
                found.iter_mut().for_each(|text| text.push(c));
            }
        }
    }
    Ok(found)
}

/// `{…}`: everything that its alternatives give.
fn choice(rest: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Vec<String>, String> {
    if depth > MAX_DEPTH {
        return Err(format!("braces are nested deeper than {MAX_DEPTH}"));
    }
    let mut found = Vec::new();
    loop {
        let ends = rest.next();
        match ends {
            Some('{' | ',') => found.extend(sequence(rest, depth)?),
            Some('}') => return Ok(found),
            _ => return Err("a { is not closed".to_owned()),
        }
        if found.len() > MAX_ALTERNATIVES {
            return Err(too_many());
        }
    }
}

/// `[…]` as it is; a `]` that comes first is a member (as `glob` reads it).
fn class(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut class = String::new();
    class.extend(rest.next());
    class.extend(rest.next_if_eq(&'!'));
    class.extend(rest.next_if_eq(&']'));
    for c in rest.by_ref() {
        class.push(c);
        if c == ']' {
            break;
        }
    }
    class
}

fn product(heads: &[String], tails: &[String]) -> Result<Vec<String>, String> {
    if heads.len().saturating_mul(tails.len()) > MAX_ALTERNATIVES {
        return Err(too_many());
    }
    let join = |head: &String| tails.iter().map(|tail| format!("{head}{tail}")).collect::<Vec<_>>();
    Ok(heads.iter().flat_map(join).collect())
}

fn too_many() -> String {
    format!("its braces stand for more than {MAX_ALTERNATIVES} alternatives")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_and_side_by_side() {
        for (text, expected) in [
            ("a", vec!["a"]),
            ("{a,b}{c,d}", vec!["ac", "ad", "bc", "bd"]),
            ("x{a,{b,c}d}y", vec!["xay", "xbdy", "xcdy"]),
            ("{a}", vec!["a"]),
            ("{}", vec![""]),
            ("a,b", vec!["a,b"]),
            ("[{,}]", vec!["[{,}]"]),
            ("[]{]", vec!["[]{]"]),
            ("[!]}]", vec!["[!]}]"]),
        ] {
            assert_eq!(expand(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn the_expansion_is_bounded() {
        assert_eq!(expand(&"{a,b}".repeat(10)).unwrap().len(), 1024);
        for text in [
            "{a,b}".repeat(11),
            "{".repeat(17),
            "a".repeat(4097),
            format!("{{{}}}", "a,".repeat(1100)),
        ] {
            assert!(expand(&text).is_err(), "{text}");
        }
    }
}

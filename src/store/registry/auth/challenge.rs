//! `WWW-Authenticate` (RFC 9110 §11.6.1), read as leniently as registries write it: several headers, several challenges
//! in one, any case, values quoted or not (genuinetools/reg#72), commas inside quotes, realm relative (krustlet#469),
//! service and scope absent (regclient#28).

use crate::http::header::{HeaderMap, WWW_AUTHENTICATE};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password.
    Basic,
    /// A token from `realm`.
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// The challenge that we answer: Bearer, else Basic; others (Negotiate) we can't.
    pub(crate) fn best(headers: &HeaderMap) -> Option<Self> {
        let raw = all(headers);
        let scheme = |raw: &&Raw, name: &str| raw.scheme.eq_ignore_ascii_case(name);
        let bearer = raw.iter().filter(|raw| scheme(raw, "bearer")).find_map(|raw| {
            Some(Challenge::Bearer {
                realm: raw.get("realm")?,
                service: raw.get("service"),
                scope: raw.get("scope"),
            })
        });
        let basic = || raw.iter().find(|raw| scheme(raw, "basic")).map(|_| Challenge::Basic);
        bearer.or_else(basic)
    }
}

/// Whether the credential is refused for want of scope (RFC 6750 §3.1), and the challenge says which one is wanted.
pub(super) fn wants_scope(headers: &HeaderMap) -> bool {
    all(headers)
        .iter()
        .any(|raw| raw.get("error").is_some_and(|error| error == "insufficient_scope") && raw.get("scope").is_some())
}

/// Whether the token is said to have ended, or to be none (RFC 6750 §3.1).
pub(super) fn names_token(headers: &HeaderMap) -> bool {
    all(headers)
        .iter()
        .any(|raw| raw.get("error").is_some_and(|error| error == "invalid_token"))
}

fn all(headers: &HeaderMap) -> Vec<Raw> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .flat_map(|value| parse(&String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

/// A challenge with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) scheme: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Raw {
    fn get(&self, name: &str) -> Option<String> {
        let found = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }
}

/// All challenges of one header. A word before `=` is a parameter, any other word begins a challenge; what fits nowhere
/// is passed over.
pub(crate) fn parse(header: &str) -> Vec<Raw> {
    let mut challenges: Vec<Raw> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '=' | '"'));
        if rest.is_empty() {
            return challenges;
        }
        let word = take(&mut rest, |c| !c.is_whitespace() && !matches!(c, ',' | '=' | '"'));
        rest = rest.trim_start();
        match rest.strip_prefix('=') {
            Some(after) => {
                rest = after.trim_start();
                let value = value(&mut rest);
                if let Some(challenge) = challenges.last_mut() {
                    challenge.parameters.push((word, value));
                }
            }
            None => challenges.push(Raw {
                scheme: word,
                parameters: Vec::new(),
            }),
        }
    }
}

fn value(rest: &mut &str) -> String {
    let Some(quoted) = rest.strip_prefix('"') else {
        return take(rest, |c| !c.is_whitespace() && c != ',');
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    *rest = characters.as_str();
    value
}

fn take(rest: &mut &str, wanted: impl Fn(char) -> bool) -> String {
    let (word, after) = rest.split_at(rest.find(|c| !wanted(c)).unwrap_or(rest.len()));
    *rest = after;
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn best(headers: &[&str]) -> Option<Challenge> {
        let pairs = headers.iter().map(|text| (WWW_AUTHENTICATE, text.parse().unwrap()));
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        Challenge::best(&map)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        })
    }

    #[test]
    fn challenges_of_real_registries() {
        assert_eq!(
            best(&[r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull""#]),
            bearer("https://ghcr.io/token", Some("ghcr.io"), Some("repository:a/b:pull"))
        );
        assert_eq!(
            best(&[r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#]),
            Some(Challenge::Basic)
        );
    }

    #[test]
    fn reg_72_values_without_quotes() {
        assert_eq!(
            best(&["bearer REALM=https://r/t?a=b, Service=r"]),
            bearer("https://r/t?a=b", Some("r"), None)
        );
    }

    #[test]
    fn regclient_28_no_service_no_scope_and_krustlet_469_relative_realm() {
        assert_eq!(best(&[r#"Bearer realm="/token""#]), bearer("/token", None, None));
        assert_eq!(
            best(&[r#"Bearer realm="/token",service="",scope="""#]),
            bearer("/token", None, None)
        );
    }

    #[test]
    fn commas_and_quotes_in_values() {
        assert_eq!(
            best(&[r#"Bearer realm="/t",scope="repository:a:pull,push repository:b:pull",error="in\"valid""#]),
            bearer("/t", None, Some("repository:a:pull,push repository:b:pull"))
        );
    }

    #[test]
    fn the_one_we_can_answer_is_found_among_many() {
        let wanted = bearer("/t", None, None);
        assert_eq!(
            best(&["Negotiate", r#"Basic realm="x""#, r#"Bearer realm="/t""#]),
            wanted
        );
        assert_eq!(
            best(&[r#"Negotiate abc==, Basic realm="x", Bearer realm="/t""#]),
            wanted
        );
        assert_eq!(best(&[r#"Bearer realm="""#, "BASIC"]), Some(Challenge::Basic));
        assert_eq!(best(&["Negotiate"]), None);
        assert_eq!(best(&[r#"realm="x""#]), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_to_its_end(text in "[ -~]{0,200}") {
            parse(&text);
        }

        #[test]
        fn what_is_quoted_is_found_again(realm in "[ -~&&[^\"\\\\]]{1,40}", scope in "[a-z:,/ ]{1,40}") {
            let header = format!("Negotiate, Bearer realm=\"{realm}\" , scope=\"{scope}\"");
            prop_assert_eq!(best(&[&header]), bearer(&realm, None, Some(&scope)));
        }
    }
}

//! Where a credential may be sent to get a token: the registry says, and a policy of ours decides (GHSA-28r5-37g7-p6mp
//! and CVE-2026-48978 of oras-go; ghrc.io, 2025, collected credentials by its realm).

use url::{Host, Url};

use crate::error::{Class, Error, Result};
use crate::http::{self, Client, redacted};
use crate::reference;

/// Registries whose token endpoint has another domain.
const PAIRS: [(&str, &str); 1] = [("registry.hub.docker.com", "auth.docker.io")];

/// Domains under which strangers get names: two names there have nothing to do with each other. Country-code second
/// levels such as `co.uk` are told by their form.
const SHARED: [&str; 13] = [
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "cloudfront.net",
    "duckdns.org",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "pages.dev",
    "pkg.dev",
    "vercel.app",
];

/// The same where regions and services have labels of their own in between, so that only a whole name says whose it is.
const DEEP: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "appspot.com",
    "azurewebsites.net",
    "cloudapp.azure.com",
    "ngrok.io",
    "on.aws",
    "run.app",
    "windows.net",
];

/// The longest realm, in bytes: real ones have less than a hundred.
pub(super) const LONGEST: usize = 4096;

/// The realm as a URL, if it may be asked by the registry at `root`. `anonymous`: nothing secret would go there.
pub(super) fn check(realm: &str, root: &Url, anonymous: bool, trusted: &[reference::Host]) -> Result<Url> {
    let registry = root.host_str().unwrap_or_default();
    let refuse = |why: String| {
        Error::new(
            Class::Denied,
            format!("{registry} names a token endpoint that is not used: {why}"),
        )
        .hint("check the registry's host name and set-up; nothing was sent there")
    };
    if realm.len() > LONGEST {
        return Err(refuse("its URL is too long".to_owned()));
    }
    let url = root
        .join(realm)
        .map_err(|error| refuse(format!("it is not a URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refuse(format!("its scheme is {:?}", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(refuse("its URL carries a user name, password or fragment".to_owned()));
    }
    let shown = redacted(&url);
    if root.scheme() == "https" && url.scheme() == "http" {
        return Err(refuse(format!("{shown} is plain HTTP, and the registry is not")));
    }
    if url.host() == root.host() || trusted.iter().any(|host| Client::names(host, &url)) {
        return Ok(url);
    }
    let host = url.host_str().unwrap_or_default();
    // Nothing inside the job's network is asked because a registry says so.
    let inside = http::reaches_inside(url.host().as_ref());
    if !inside && (anonymous || same_owner(registry, &url) || PAIRS.contains(&(registry, host))) {
        return Ok(url);
    }
    let authority = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Err(Error::new(
        Class::Denied,
        if inside {
            format!("{registry} wants a token to be got from {authority}, which is not on a public address")
        } else {
            format!("{registry} wants its credential sent to {authority}, which is not of its domain")
        },
    )
    .hint(format!(
        "if {authority} is right, name it in `trusted-realms`; nothing was sent there"
    )))
}

/// Whether the host of `url` has the registrable domain of `registry`.
fn same_owner(registry: &str, url: &Url) -> bool {
    let Some(Host::Domain(host)) = url.host() else {
        return false;
    };
    match (domain(registry), domain(host)) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => false,
    }
}

/// The registrable domain: the last two labels, or three where the last two are no one's (`co.uk`, [`SHARED`]), or all
/// ([`DEEP`]).
fn domain(host: &str) -> Option<&str> {
    let last = |count: usize| {
        let start = host.rmatch_indices('.').nth(count - 1).map_or(0, |(at, _)| at + 1);
        let enough = host.split('.').count() >= count;
        enough.then(|| host.get(start..)).flatten()
    };
    let below = |domain: &&&str| {
        host.strip_suffix(**domain)
            .is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    if DEEP.iter().any(|domain| below(&domain)) {
        return Some(host);
    }
    if let Some(shared) = SHARED.iter().find(below) {
        return last(shared.split('.').count() + 1);
    }
    let (second, top) = last(2)?.split_once('.')?;
    if top.len() == 2 && second.len() <= 3 {
        last(3)
    } else {
        last(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(realm: &str, root: &str) -> Result<String> {
        let trusted = ["login.other.example".parse().unwrap()];
        check(realm, &Url::parse(root).unwrap(), false, &trusted).map(|url| url.to_string())
    }

    #[test]
    fn realms_of_real_registries() {
        for (realm, root) in [
            ("https://auth.docker.io/token", "https://registry-1.docker.io/"),
            ("https://auth.docker.io/token", "https://registry.hub.docker.com/"),
            ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com/"),
            ("https://my.azurecr.io/oauth2/token", "https://my.azurecr.io/"),
            ("https://quay.io/v2/auth", "https://quay.io/"),
            ("/token", "https://r.example.com:5000/"),
            ("https://auth.me.duckdns.org/token", "https://r.me.duckdns.org/"),
            ("https://auth.example.co.uk/token", "https://registry.example.co.uk/"),
            ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000/"),
            ("https://login.other.example/token", "https://r.example.com/"),
        ] {
            assert!(checked(realm, root).is_ok(), "{realm} {root}");
        }
    }

    #[test]
    fn realms_that_would_get_what_is_not_theirs() {
        for (realm, root) in [
            ("http://r.example.com/token", "https://r.example.com/"),
            ("https://evil.example/token", "https://r.example.com/"),
            ("https://evil.co.uk/token", "https://registry.example.co.uk/"),
            ("https://evil.azurecr.io/oauth2/token", "https://my.azurecr.io/"),
            ("https://azurecr.io/oauth2/token", "https://my.azurecr.io/"),
            (
                "https://evil.westeurope.cloudapp.azure.com/token",
                "https://r.westeurope.cloudapp.azure.com/",
            ),
            (
                "https://evil.execute-api.eu-west-1.amazonaws.com/token",
                "https://1234.dkr.ecr.eu-west-1.amazonaws.com/",
            ),
            ("https://evil-x.a.run.app/token", "https://r-y.a.run.app/"),
            ("https://169.254.169.254/token", "https://r.example.com/"),
            ("https://[::1]/token", "https://r.example.com/"),
            ("https://localhost/token", "https://r.example.com/"),
            ("https://10.0.0.2/token", "http://10.0.0.1:5000/"),
            ("file:///etc/passwd", "https://r.example.com/"),
            ("https://u:p@r.example.com/token", "https://r.example.com/"),
            ("https://r.example.com@evil.example/token", "https://r.example.com/"),
            ("https://8.8.8.8/token", "https://8.8.4.4/"),
        ] {
            let error = checked(realm, root).unwrap_err();
            assert_eq!(error.class(), Class::Denied, "{realm} {root}");
        }
    }

    #[test]
    fn m04_a_realm_of_many_kilobytes() {
        let realm = format!("/token?{}", "x".repeat(LONGEST));
        let error = checked(&realm, "https://r.example.com/").unwrap_err();
        assert!(error.message().ends_with("its URL is too long"), "{error}");
    }

    #[test]
    fn the_way_out_names_the_input() {
        let error = checked("https://login.evil.example:8443/t?x=secret", "https://r.example.com/").unwrap_err();
        insta::assert_snapshot!(
            error,
            @"r.example.com wants its credential sent to login.evil.example:8443, which is not of its domain"
        );
        assert!(error.way_out().unwrap().contains("name it in `trusted-realms`"));
    }

    #[test]
    fn without_a_credential_a_public_realm_may_be_anywhere() {
        let root = Url::parse("https://lscr.io/").unwrap();
        assert!(check("https://ghcr.io/token", &root, true, &[]).is_ok());
        assert!(check("https://169.254.169.254/token", &root, true, &[]).is_err());
    }
}

//! Registries of Amazon ECR, told by their host.

use crate::reference::Host;

/// Which service it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Private,
    Public,
}

/// A registry of Amazon ECR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registry {
    pub(super) kind: Kind,
    /// `None` if the host doesn't tell.
    pub(super) region: Option<String>,
    /// Whether its host is one for FIPS 140.
    pub(super) fips: bool,
    /// Whether its host can be reached over IPv6; the services for it are taken likewise.
    pub(super) dual_stack: bool,
}

/// Ends of the hosts of private registries, and whether they are dual-stack.
const ENDS: [(&str, bool); 5] = [
    (".amazonaws.com", false),
    (".amazonaws.com.cn", false),
    (".amazonaws.eu", false),
    (".on.aws", true),
    (".on.amazonwebservices.com.cn", true),
];

impl Registry {
    /// `ACCOUNT.dkr.ecr[-fips].REGION.amazonaws.com` and its like, or the public one.
    pub(super) fn of(host: &Host) -> Option<Self> {
        let name = host.name();
        match name {
            "public.ecr.aws" => return Some(Registry::public(false)),
            "ecr-public.aws.com" => return Some(Registry::public(true)),
            _ => {}
        }
        let (account, rest) = name.split_at_checked(12)?;
        if !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let rest = rest
            .strip_prefix(".dkr.ecr")
            .or_else(|| rest.strip_prefix(".dkr-ecr"))?;
        let (rest, fips) = match rest.strip_prefix("-fips") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (region, end) = rest.strip_prefix('.')?.split_once('.')?;
        let dual_stack = ENDS.iter().find(|(known, _)| known.strip_prefix('.') == Some(end))?.1;
        is_region(region).then(|| Registry {
            kind: Kind::Private,
            region: Some(region.to_owned()),
            fips,
            dual_stack,
        })
    }

    fn public(dual_stack: bool) -> Self {
        Registry {
            kind: Kind::Public,
            region: None,
            fips: false,
            dual_stack,
        }
    }

    /// A host that only the user knows to be one: a name of their own before a private registry.
    pub(super) fn unknown() -> Self {
        Registry {
            kind: Kind::Private,
            ..Registry::public(false)
        }
    }

    pub(super) fn with_region(&self, region: String) -> Self {
        Registry {
            region: Some(region),
            ..self.clone()
        }
    }

    /// Empty if it isn't known yet.
    pub(super) fn region(&self) -> &str {
        self.region.as_deref().unwrap_or_default()
    }
}

/// Whether `text` may stand for a region in a host name.
pub(super) fn is_region(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=40).contains(&text.len())
        && text.bytes().all(inner)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str) -> Option<Registry> {
        Registry::of(&host.parse().unwrap())
    }

    #[test]
    fn hosts_tell_region_and_kind() {
        for (host, region, fips, dual_stack) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "eu-west-1",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1",
                false,
                false,
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                true,
                false,
            ),
            ("123456789012.dkr-ecr.us-east-1.on.aws", "us-east-1", false, true),
            (
                "123456789012.dkr-ecr-fips.us-east-1.on.aws:443",
                "us-east-1",
                true,
                true,
            ),
            (
                "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
                "cn-north-1",
                false,
                true,
            ),
        ] {
            let registry = Registry {
                kind: Kind::Private,
                region: Some(region.to_owned()),
                fips,
                dual_stack,
            };
            assert_eq!(of(host), Some(registry), "{host}");
        }
        assert_eq!(of("public.ecr.aws"), Some(Registry::public(false)));
        assert_eq!(of("ecr-public.aws.com"), Some(Registry::public(true)));
    }

    #[test]
    fn look_alikes_are_not_served() {
        for host in [
            "ghcr.io",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "1234567890123.dkr.ecr.eu-west-1.amazonaws.com",
            "12345678901x.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-west-1.evil.amazonaws.com",
            "123456789012.dkr.ecr.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.aws",
            "evil.public.ecr.aws",
            "public.ecr.aws.evil.example",
            "[::1]:5000",
        ] {
            assert_eq!(of(host), None, "{host}");
        }
        for text in ["", "e", "eu.west", "-eu", "eu-", "EU", "eu/x", "eu@x"] {
            assert!(!is_region(text), "{text}");
        }
    }
}

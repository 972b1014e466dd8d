//! A host that is one letter away from a well-known registry's: whoever owns it can ask for the password. The name
//! `ghrc.io` was found to do so in 2025.

use crate::reference::Host;
use crate::report::Report;

/// Registries that everyone uses.
const HOSTS: &[&str] = &[
    "ghcr.io",
    "quay.io",
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
    "registry.gitlab.com",
    "mcr.microsoft.com",
    "public.ecr.aws",
];

/// One letter away from `ghcr.io`, and right.
const RIGHT: &str = "gcr.io";

/// Ends of hosts that a cloud gives to its customers.
const ENDS: &[&str] = &["azurecr.io", "azurecr.cn", "azurecr.us", "pkg.dev", "amazonaws.com"];

/// Warns of each host that was probably meant to be another. Nothing is refused: the name may be somebody's own.
pub(super) fn warn<'h>(hosts: impl IntoIterator<Item = &'h Host>, report: &Report) {
    for host in hosts {
        if let Some(meant) = meant(host.name()) {
            report.warning(format!(
                "{host} is not {meant}, whose name is almost the same: if it is a typing mistake, a credential goes to \
                 a stranger"
            ));
        }
    }
}

/// The well-known host that differs from `name` by one letter, or by a swap of two.
fn meant(name: &str) -> Option<String> {
    if let Some(known) = one_mistake(name, HOSTS) {
        return Some(known.to_owned());
    }
    let (at, _) = name.rmatch_indices('.').nth(1)?;
    let (own, end) = (name.get(..at)?, name.get(at + 1..)?);
    one_mistake(end, ENDS).map(|known| format!("{own}.{known}"))
}

fn one_mistake(name: &str, known: &[&'static str]) -> Option<&'static str> {
    if name == RIGHT || known.contains(&name) {
        return None;
    }
    known
        .iter()
        .find(|known| strsim::osa_distance(name, known) == 1)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_away_is_a_near_miss() {
        for (name, other) in [
            ("ghrc.io", Some("ghcr.io")),
            ("ghr.io", Some("ghcr.io")),
            ("quay.oi", Some("quay.io")),
            ("registry.gitlab.co", Some("registry.gitlab.com")),
            ("my.azurcr.io", Some("my.azurecr.io")),
            ("europe-docker.pgk.dev", Some("europe-docker.pkg.dev")),
        ] {
            assert_eq!(meant(name).as_deref(), other, "{name}");
        }
        // Each is somebody's registry, or no registry's name at all.
        for name in HOSTS.iter().chain(ENDS).chain(&[
            "gcr.io",
            "icr.io",
            "lscr.io",
            "my.azurecr.io",
            "my.azurecr.us",
            "1.dkr.ecr.eu-west-1.amazonaws.com",
            "europe-docker.pkg.dev",
            "harbor.example.com",
            "localhost",
            "127.0.0.1",
            "::1",
        ]) {
            assert_eq!(meant(name), None, "{name}");
        }
    }
}

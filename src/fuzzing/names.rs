//! References and digests.

use std::path::{Component, Path};

use crate::oci::{Algorithm, Digest};
use crate::reference::{Case, Host, Location, Reference};

/// What is read prints as what reads the same, and holds nothing that a URL or a path would take for more than a name.
pub(super) fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let registry: Host = "registry.example:5000".parse().unwrap();
    let strict = Reference::parse(text, None, Case::Strict);
    let folded = Reference::parse(text, None, Case::Fold);
    if let Ok((strict, was_folded)) = &strict {
        assert!(!was_folded);
        assert_eq!(strict.to_string(), text);
        assert_eq!(&folded.as_ref().unwrap().0, strict);
    }
    for (reference, was_folded) in [folded, Reference::parse(text, Some(&registry), Case::Fold)]
        .into_iter()
        .flatten()
    {
        let printed = reference.to_string();
        let (again, _) = Reference::parse(&printed, None, Case::Strict).unwrap();
        assert_eq!(again, reference);
        assert!(was_folded || printed.ends_with(text), "{printed} of {text}");
        if let Location::Registry(repository) = &reference.location {
            is_sound_in_a_url(&repository.host.to_string(), &repository.name);
        }
        if let Some(tag) = &reference.tag {
            is_plain_name(tag.as_str());
        }
    }
}

fn is_sound_in_a_url(host: &str, name: &str) {
    let url = url::Url::parse(&format!("https://{host}/v2/{name}/manifests/x")).unwrap();
    assert_eq!(url.path(), format!("/v2/{name}/manifests/x"));
    let bare = host.rsplit_once(':').map_or(host, |(name, _)| name);
    assert!(host.starts_with('[') || url.host_str() == Some(bare), "{host} is {url}");
    assert!(url.username().is_empty() && url.password().is_none() && url.query().is_none());
    assert!(url.fragment().is_none());
}

/// The name of one file in a directory.
fn is_plain_name(text: &str) {
    let parts: Vec<_> = Path::new(text).components().collect();
    assert!(
        matches!(parts.as_slice(), [Component::Normal(name)] if *name == text),
        "{text:?}"
    );
}

/// What is read is lower-case hexadecimal of one length, and says what it was.
pub(super) fn digest(data: &[u8]) {
    let own = Digest::of(data);
    assert_eq!(own.to_string().parse::<Digest>().unwrap(), own);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(digest) = text.parse::<Digest>() else {
        assert!(serde_json::from_value::<Digest>(text.into()).is_err());
        return;
    };
    assert_eq!(digest.to_string(), text);
    assert_eq!(serde_json::from_value::<Digest>(text.into()).unwrap(), digest);
    let length = match digest.algorithm() {
        Algorithm::Sha256 => 64,
        Algorithm::Sha512 => 128,
    };
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    assert!(digest.hex().len() == length && digest.hex().bytes().all(hex));
    assert_eq!(digest.short(), &digest.hex()[..12]);
    is_plain_name(digest.hex());
}

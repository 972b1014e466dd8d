//! Specs, manifests, indexes, configurations of docker.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use camino::Utf8Path;

use crate::credentials::Credential;
use crate::credentials::docker::config::{Config, host_of};
use crate::error::Class;
use crate::oci::{Content, Descriptor, Entries, MANIFESTS, RawManifest};
use crate::report::Report;
use crate::spec;

/// A spec is read or refused, the same each time; each problem lies in it, and what is read is sound.
pub(super) fn spec(data: &[u8]) {
    let facts = BTreeMap::from([("sha", "0123abc".to_owned()), ("branch", "Main/x".to_owned())]);
    let vars = BTreeMap::from([("v".to_owned(), "1.2".to_owned())]);
    let registry = "registry.example".parse().ok();
    let context = spec::Context {
        file: Some(Utf8Path::new("s.yaml")),
        registry: registry.as_ref(),
        facts: &facts,
        vars: &vars,
    };
    match (spec::read(data, &context), spec::read(data, &context)) {
        (Ok(spec), Ok(again)) => {
            assert_eq!(format!("{spec:?}"), format!("{again:?}"));
            assert!(!spec.artifacts.is_empty());
            let names: BTreeSet<_> = spec.artifacts.iter().map(|artifact| &artifact.name).collect();
            assert_eq!(names.len(), spec.artifacts.len());
        }
        (Err(errors), Err(again)) => {
            let text = String::from_utf8_lossy(data);
            // A mark at the end may stand on a line that has not begun.
            let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() as u32 + 1;
            let said = |errors: &crate::error::Errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(said(&errors), said(&again));
            assert!(errors.iter().next().is_some());
            for error in errors.iter() {
                assert_eq!(error.class(), Class::Usage, "{error}");
                let place = error.place().expect("a place");
                assert!((1..=lines).contains(&place.line) && place.column >= 1, "{error}");
            }
        }
        _ => panic!("read once, and refused once"),
    }
}

/// A manifest is one thing, says what its type says, and keeps its bytes; ours of the same content reads the same.
pub(super) fn manifest(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let mut kinds = BTreeSet::new();
    for media_type in MANIFESTS.into_iter().chain(["text/html"]) {
        let raw = RawManifest::new(media_type, bytes.clone());
        assert_eq!(raw.bytes(), data);
        assert!(RawManifest::verified(media_type, bytes.clone(), raw.digest()).is_ok());
        match raw.content() {
            Ok(Content::Index(index)) => {
                kinds.insert("index");
                index.manifests.iter().chain(&index.subject).for_each(descriptor);
                assert_eq!(index.to_raw().unwrap().content().unwrap(), Content::Index(index));
            }
            Ok(Content::Artifact(artifact)) => {
                kinds.insert("artifact");
                artifact.layers.iter().for_each(descriptor);
                artifact.config.iter().chain(&artifact.subject).for_each(descriptor);
            }
            Err(error) => assert_eq!(error.class(), Class::Integrity, "{error}"),
        }
    }
    // Without a media type of its own a text may be read by the type alone; it never has both lists.
    let both = kinds.len() == 2
        && serde_json::from_slice::<serde_json::Value>(data).is_ok_and(|read| {
            read["manifests"].is_array() && (read["layers"].is_array() || read["config"].is_object())
        });
    assert!(!both, "a manifest and an index at once");
}

/// What a descriptor brings along is what it names; a title is bounded by its weight.
fn descriptor(found: &Descriptor) {
    let json = serde_json::to_vec(found).unwrap();
    assert_eq!(&serde_json::from_slice::<Descriptor>(&json).unwrap(), found);
    if let Ok(Some(inline)) = found.inline() {
        assert!(found.verify(&inline).is_ok());
        assert_eq!(inline.len() as u64, found.size);
    }
    assert!(found.title().map_or(0, str::len) <= found.weight());
}

/// `index.json`: entries keep their bytes, those that we can't read too, and go only by their digests.
pub(super) fn index_json(data: &[u8]) {
    let Ok(mut entries) = Entries::parse(data) else { return };
    let raws = |entries: &Entries| {
        entries
            .list
            .iter()
            .map(|entry| entry.raw.get().to_owned())
            .collect::<Vec<_>>()
    };
    let before = raws(&entries);
    let keys: Vec<String> = entries.fields.keys().map(str::to_owned).collect();
    let written = entries.json().unwrap();
    let again = Entries::parse(&written).unwrap();
    assert_eq!(raws(&again), before);
    assert!(keys.iter().all(|key| again.fields.get(key).is_some()));
    let digests: Vec<_> = entries.digests().into_iter().cloned().collect();
    assert_eq!(entries.descriptors().len(), digests.len());
    let Some(gone) = digests.first() else { return };
    assert!(entries.has(gone) && entries.remove(std::slice::from_ref(gone)) && !entries.has(gone));
    let kept = raws(&entries);
    assert!(kept.len() < before.len() && kept.iter().all(|raw| before.contains(raw)));
}

/// `config.json` and `~/.dockercfg`: a credential is whole, hosts are names that stay as they are, and no error quotes.
pub(super) fn docker_config(data: &[u8]) {
    let report = Report::silent();
    for parse in [Config::parse, Config::parse_legacy] {
        match parse("config.json".to_owned(), data, &report) {
            Ok(config) => {
                for (host, entry) in &config.entries {
                    if let Ok(Credential::Basic { username, password }) = entry {
                        assert!(!username.is_empty() && !password.expose().is_empty());
                    }
                    let helper = config.helper(host).map(|helper| helper.name.to_owned());
                    assert!(helper.is_none_or(|name| !name.trim().is_empty()));
                }
            }
            Err(error) => {
                let said = error.to_string();
                let place = said
                    .strip_prefix("config.json: it is not a docker configuration: line ")
                    .unwrap();
                assert!(
                    place.chars().all(|c| c.is_ascii_digit() || ", column".contains(c)),
                    "{said}"
                );
            }
        }
    }
    let Ok(key) = std::str::from_utf8(data) else { return };
    let host = host_of(key);
    assert!(
        !host.ends_with('/') || host.len() > key.len() || key.ends_with('/'),
        "{key:?}: {host:?}"
    );
}

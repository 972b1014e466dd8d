//! An index: a list of manifests, mostly one a platform, and the choice among them.

use std::collections::HashSet;

use serde::Serialize;

use super::raw_manifest::bounded;
use super::{Annotations, Descriptor, Platform, RawManifest, names, to_canonical_json};
use crate::error::{Class, Error, Result};

/// Platforms that an error names.
const SHOWN: usize = 20;

/// An image index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u8,
    /// The media type of the index itself.
    pub media_type: String,
    /// Artifact type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests listed.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this index refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations of the index.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl Index {
    /// An OCI index over `manifests`.
    pub fn new(artifact_type: Option<String>, manifests: Vec<Descriptor>, annotations: Annotations) -> Self {
        Index {
            schema_version: 2,
            media_type: names::IMAGE_INDEX.to_owned(),
            artifact_type,
            manifests,
            subject: None,
            annotations,
        }
    }

    /// The bytes that are pushed, as ORAS would write them.
    ///
    /// # Errors
    /// Above [`super::MANIFEST_LIMIT`]: a usage error.
    pub fn to_raw(&self) -> Result<RawManifest> {
        let what = format!("its {} entries make an index", self.manifests.len());
        let bytes = bounded(
            to_canonical_json(self)?,
            &what,
            "list them in several indexes, and these in one",
        )?;
        Ok(RawManifest::new(self.media_type.clone(), bytes))
    }

    /// The first manifest for `platform`, as ORAS chooses.
    ///
    /// # Errors
    /// Not found, with the platforms that are there.
    pub fn choose(&self, platform: &Platform) -> Result<&Descriptor> {
        let mut entries = self.manifests.iter();
        entries
            .find(|entry| entry.platform.as_ref().is_some_and(|found| found.matches(platform)))
            .ok_or_else(|| Self::none_matches(&self.manifests, platform))
    }

    /// None of `entries`, of one index or of several in each other, is for `platform`.
    pub fn none_matches(entries: &[Descriptor], platform: &Platform) -> Error {
        let mut seen = HashSet::new();
        let platforms = entries.iter().filter_map(|entry| entry.platform.as_ref());
        let there: Vec<String> = platforms
            .map(ToString::to_string)
            // BuildKit lists its attestations under a platform that is none. One that can't be asked for is no help.
            .filter(|text| text != "unknown/unknown" && text.parse::<Platform>().is_ok())
            .filter(|text| seen.insert(text.clone()))
            .collect();
        let error = Error::new(
            Class::NotFound,
            format!("the index lists no manifest for the platform {platform}"),
        );
        error.hint(match there.as_slice() {
            [] => "none of its manifests has a platform: name one by its digest".to_owned(),
            there => {
                let more = if there.len() > SHOWN { ", …" } else { "" };
                let shown = there.get(..SHOWN).unwrap_or(there);
                format!("its platforms are {}{more}", shown.join(", "))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    fn index(platforms: &[Option<&str>]) -> Index {
        let entry = |platform: &Option<&str>| {
            let bytes = format!("{platform:?}");
            let mut entry = Descriptor::new(names::IMAGE_MANIFEST, Digest::of(bytes.as_bytes()), 1);
            entry.platform = platform.map(|text| text.parse().unwrap());
            entry
        };
        Index::new(None, platforms.iter().map(entry).collect(), Annotations::new())
    }

    #[test]
    fn the_first_that_matches_is_chosen() {
        let index = index(&[None, Some("linux/arm/v6"), Some("linux/arm/v7"), Some("linux/arm64")]);
        for (asked, found) in [
            ("linux/arm", "linux/arm/v6"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
        ] {
            let chosen = index.choose(&asked.parse().unwrap()).unwrap();
            assert_eq!(chosen.platform.as_ref().unwrap().to_string(), found, "{asked}");
        }
    }

    #[test]
    fn where_none_matches_the_platforms_are_listed() {
        let asked = "windows/amd64".parse().unwrap();
        let several = index(&[
            Some("linux/amd64"),
            Some("linux/arm/v7"),
            Some("linux/amd64"),
            Some("unknown/unknown"),
        ]);
        let error = several.choose(&asked).unwrap_err();
        assert_eq!(error.class(), Class::NotFound);
        insta::assert_snapshot!(error, @"the index lists no manifest for the platform windows/amd64");
        insta::assert_snapshot!(error.way_out().unwrap(), @"its platforms are linux/amd64, linux/arm/v7");
        let none = index(&[None]).choose(&asked).unwrap_err();
        insta::assert_snapshot!(
            none.way_out().unwrap(),
            @"none of its manifests has a platform: name one by its digest"
        );
    }
}

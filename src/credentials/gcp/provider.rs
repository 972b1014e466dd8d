//! The name of a workload identity provider.

use crate::error::{Error, Result};

/// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Provider(String);

impl Provider {
    /// The name of the input, with or without the service before it.
    ///
    /// # Errors
    /// Another form; most often the project's id, where its number belongs.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let name = text.strip_prefix("https:").unwrap_or(text);
        let name = name.strip_prefix("//iam.googleapis.com/").unwrap_or(name);
        let refuse = |hint: &str| {
            Err(Error::usage(format!(
                "`gcp-workload-identity-provider`: {text:?} is not the name of a provider"
            ))
            .hint(hint))
        };
        let id = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        match name.split('/').collect::<Vec<_>>().as_slice() {
            [
                "projects",
                number,
                "locations",
                location,
                "workloadIdentityPools",
                pool,
                "providers",
                provider,
            ] if id(location) && id(pool) && id(provider) => {
                if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
                    Ok(Provider(name.to_owned()))
                } else {
                    refuse("write the project's number, not its id: `gcloud projects describe` shows it")
                }
            }
            _ => refuse("write projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"),
        }
    }

    /// What Google's token service calls it.
    pub(super) fn resource(&self) -> String {
        format!("//iam.googleapis.com/{}", self.0)
    }

    /// The audience of an ID token for it, as it accepts by default.
    pub(super) fn audience(&self) -> String {
        format!("https://iam.googleapis.com/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "projects/123/locations/global/workloadIdentityPools/ci/providers/github-1";

    #[test]
    fn names_in_all_the_forms_that_google_prints() {
        for before in ["", "//iam.googleapis.com/", "https://iam.googleapis.com/"] {
            let provider = Provider::parse(&format!("{before}{NAME}")).unwrap();
            assert_eq!(provider.resource(), format!("//iam.googleapis.com/{NAME}"));
            assert_eq!(provider.audience(), format!("https://iam.googleapis.com/{NAME}"));
        }
        for text in ["ci", "projects/123/locations/global/workloadIdentityPools/ci", "a b"] {
            let error = Provider::parse(text).unwrap_err();
            assert!(error.way_out().unwrap().contains("projects/NUMBER"), "{text}");
        }
        let error = Provider::parse(&NAME.replace("123", "my-project")).unwrap_err();
        assert!(error.way_out().unwrap().contains("number, not its id"));
    }
}

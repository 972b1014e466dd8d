//! What is the same on every CI system once its own variables are read: the values of `${ci.NAME}`, names made safe,
//! hashes made short.

use std::collections::BTreeMap;

/// The longest tag (distribution-spec 1.1, "Pulling manifests").
const TAG_LIMIT: usize = 128;

/// What a system says of its job, in the words of `${ci.NAME}`. What it doesn't say stays `None`.
#[derive(Debug, Default)]
pub struct Job {
    /// Commit that the job builds.
    pub sha: Option<String>,
    /// The whole ref. By default `refs/tags/TAG`, or `refs/heads/BRANCH` outside of pull requests.
    pub reference: Option<String>,
    /// Branch; that of a pull request is its source.
    pub branch: Option<String>,
    /// Tag that the job is for.
    pub tag: Option<String>,
    /// Whether the job is for a pull request (or merge request).
    pub is_pull_request: bool,
    /// Its number.
    pub pull_request: Option<String>,
    /// What stays the same when a run is tried again.
    pub run_id: Option<String>,
    /// A number that counts up.
    pub run_number: Option<String>,
    /// 1 for the first try.
    pub run_attempt: Option<String>,
    /// `OWNER/NAME`.
    pub repository: Option<String>,
    /// Who or what started the run.
    pub actor: Option<String>,
    /// Page of the run.
    pub url: Option<String>,
}

impl Job {
    /// The values of `${ci.NAME}`.
    pub fn facts(self) -> BTreeMap<&'static str, String> {
        // Anyone can name the branch of a pull request `main`: its slug must not be that of the real one.
        let ref_slug = match (self.is_pull_request, &self.pull_request) {
            (true, number) => number.as_ref().map(|number| format!("pr-{number}")),
            (false, _) => self.tag.as_deref().or(self.branch.as_deref()).and_then(slug),
        };
        let head = |name: &String| format!("refs/heads/{name}");
        let reference = self.reference.or_else(|| match (&self.tag, self.is_pull_request) {
            (Some(tag), _) => Some(format!("refs/tags/{tag}")),
            (None, false) => self.branch.as_ref().map(head),
            (None, true) => None,
        });
        [
            ("short-sha", self.sha.as_deref().map(short)),
            ("sha", self.sha),
            ("ref", reference),
            ("branch", self.branch),
            ("tag", self.tag),
            ("ref-slug", ref_slug),
            ("pr-number", self.pull_request.filter(|_| self.is_pull_request)),
            ("run-id", self.run_id),
            ("run-number", self.run_number),
            ("run-attempt", self.run_attempt),
            ("repository", self.repository),
            ("actor", self.actor),
            ("url", self.url),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// `name` of a branch or tag, safe as a tag and as a part of a repository's name: lower case, everything but letters,
/// digits, `.` and `_` as one `-`, without such characters at its ends. `None` if nothing is left.
fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for character in name.chars() {
        match character.to_ascii_lowercase() {
            kept @ ('a'..='z' | '0'..='9' | '.' | '_') => slug.push(kept),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let start = slug.trim_start_matches(['.', '-', '_']);
    let cut = start.get(..TAG_LIMIT).unwrap_or(start);
    let slug = cut.trim_end_matches(['.', '-', '_']);
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// `text` if it is a commit hash: some systems say `HEAD` where nobody named a commit.
pub fn commit(text: String) -> Option<String> {
    let is_hash = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(text)
}

/// The page of the repository at `remote`, which git may have cloned by SSH: `git@HOST:PATH.git` is
/// `https://HOST/PATH`. Whatever credentials stand in it are left out.
pub fn page_of(remote: &str) -> Option<String> {
    let (host, path) = match remote.split_once("://") {
        Some(("https" | "http" | "ssh" | "git", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        None => remote.split_once(':')?,
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // The port of SSH is not that of the page.
    let host = match remote.starts_with("ssh://") {
        true => host.split(':').next()?,
        false => host,
    };
    let path = path.trim_matches('/').trim_end_matches(".git");
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    (host.contains('.') && is_name(host) && is_name(path)).then(|| format!("https://{host}/{path}"))
}

/// The path in the URL of such a page: `OWNER/NAME`.
pub fn path_of(page: &str) -> Option<String> {
    let (_, path) = page.split_once("://")?.1.split_once('/')?;
    Some(path.to_owned())
}

/// The first seven characters of a commit hash.
fn short(sha: &str) -> String {
    sha.chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for (name, expected) in [
            ("main", Some("main")),
            ("feature/x", Some("feature-x")),
            ("v1.2.3", Some("v1.2.3")),
            ("v1.0.0-RC.1+build", Some("v1.0.0-rc.1-build")),
            ("a//b  c", Some("a-b-c")),
            (".hidden", Some("hidden")),
            ("-x-", Some("x")),
            ("über/ß", Some("ber")),
            ("日本", None),
            ("", None),
        ] {
            assert_eq!(slug(name).as_deref(), expected, "{name}");
        }
        assert_eq!(slug(&"a".repeat(300)).unwrap().len(), TAG_LIMIT);
        let cut = format!("{}-b", "a".repeat(TAG_LIMIT - 1));
        assert_eq!(slug(&cut).unwrap(), "a".repeat(TAG_LIMIT - 1));
    }

    #[test]
    fn the_page_of_a_remote() {
        for (remote, page) in [
            ("git@github.com:Octo/App.git", Some("https://github.com/Octo/App")),
            (
                "https://user:secret@git.example.com/a/b.git",
                Some("https://git.example.com/a/b"),
            ),
            (
                "ssh://git@git.example.com:2222/a/b.git",
                Some("https://git.example.com/a/b"),
            ),
            (
                "https://git.example.com:8443/a/b/",
                Some("https://git.example.com:8443/a/b"),
            ),
            ("/srv/git/app.git", None),
            ("file:///srv/git/app.git", None),
            ("C:\\app", None),
            ("", None),
        ] {
            assert_eq!(page_of(remote).as_deref(), page, "{remote}");
        }
    }

    #[test]
    fn a_pull_request_has_a_slug_and_a_ref_of_its_own() {
        let job = |tag: Option<&str>, is_pull_request, number: Option<&str>| {
            let facts = Job {
                branch: Some("main".to_owned()),
                tag: tag.map(str::to_owned),
                is_pull_request,
                pull_request: number.map(str::to_owned),
                ..Job::default()
            }
            .facts();
            ["ref-slug", "ref", "pr-number"].map(|name| facts.get(name).cloned().unwrap_or_default())
        };
        assert_eq!(job(None, false, None), ["main", "refs/heads/main", ""]);
        assert_eq!(job(Some("V1"), false, None), ["v1", "refs/tags/V1", ""]);
        assert_eq!(job(None, true, Some("7")), ["pr-7", "", "7"]);
        assert_eq!(job(None, true, None), ["", "", ""]);
    }

    proptest::proptest! {
        #[test]
        fn a_slug_is_a_tag(name in "\\PC{0,200}") {
            if let Some(slug) = slug(&name) {
                proptest::prop_assert!(slug.parse::<crate::reference::Tag>().is_ok(), "{}", slug);
            }
        }
    }
}

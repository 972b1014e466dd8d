//! What a token is asked for: `repository:NAME:pull,push` (Docker registry token specification, "Scope").
//!
//! Computed from what we are about to do, since a challenge may ask for less (ghcr.io answers a push with `pull`,
//! argsh#135), joined with what the challenge says. What is needed comes first: some servers read only that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use url::Url;

use crate::reference::Repository;

/// Bytes of all that is asked for together: more than any real challenge has. A registry could ask for more each time.
const LONGEST: usize = 4096;

/// Scopes of no repository that are remembered of one registry: more than any has.
const OPAQUE: usize = 16;

/// A set of scopes. It doesn't grow by asking for the same again (regclient b1960cd).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::store::registry) struct Scopes {
    needed: String,
    /// Actions by `TYPE:NAME`.
    actions: BTreeMap<String, BTreeSet<String>>,
    /// What doesn't have that form: `aws` on public.ecr.aws.
    opaque: BTreeSet<String>,
}

impl Scopes {
    /// `actions` on `repository`.
    pub(in crate::store::registry) fn new(repository: &Repository, actions: &[&str]) -> Self {
        let needed = format!("repository:{}", repository.name);
        let mut scopes = Scopes {
            needed: needed.clone(),
            actions: BTreeMap::new(),
            opaque: BTreeSet::new(),
        };
        scopes.add(needed, actions.iter().copied());
        scopes
    }

    /// No scope: a token that only says who we are.
    pub(in crate::store::registry) fn none() -> Self {
        Scopes {
            needed: String::new(),
            actions: BTreeMap::new(),
            opaque: BTreeSet::new(),
        }
    }

    /// And reading `repository`: the source of a mount.
    #[must_use]
    pub(in crate::store::registry) fn and_pull(mut self, repository: &Repository) -> Self {
        self.add(format!("repository:{}", repository.name), ["pull"]);
        self
    }

    /// And what a challenge asks for: scopes with spaces between. A name may hold `HOST:PORT`.
    pub(super) fn merge(&mut self, challenge: &str) {
        let known: usize = self.render().iter().map(String::len).sum();
        if known + challenge.len() > LONGEST {
            return;
        }
        for scope in challenge.split_whitespace() {
            match scope.rsplit_once(':').filter(|(resource, _)| resource.contains(':')) {
                Some((resource, actions)) => self.add(resource.to_owned(), actions.split(',')),
                None => {
                    self.opaque.insert(scope.to_owned());
                }
            }
        }
    }

    fn add<'a>(&mut self, resource: String, actions: impl IntoIterator<Item = &'a str>) {
        let actions = actions
            .into_iter()
            .filter(|action| !action.is_empty())
            .map(str::to_owned);
        self.actions.entry(resource).or_default().extend(actions);
    }

    /// Each scope as it is sent, the needed one first.
    pub(super) fn render(&self) -> Vec<String> {
        let (needed, others): (Vec<_>, Vec<_>) =
            self.actions.iter().partition(|(resource, _)| **resource == self.needed);
        let text = |(resource, actions): (&String, &BTreeSet<String>)| {
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            format!("{resource}:{}", actions.join(","))
        };
        needed
            .into_iter()
            .chain(others)
            .map(text)
            .chain(self.opaque.iter().cloned())
            .collect()
    }
}

/// What registries asked for beyond the scopes that we had computed.
#[derive(Default)]
pub(super) struct Learned {
    /// By these.
    asked: HashMap<(Url, Scopes), Scopes>,
    /// What is no scope of a repository's is for all of them (`aws` on public.ecr.aws): by root.
    opaque: HashMap<Url, BTreeSet<String>>,
}

impl Learned {
    /// Adds the scope of a challenge that came where `own` was asked for.
    pub(super) fn add(&mut self, root: &Url, own: &Scopes, challenge: &str) {
        let merged = self
            .asked
            .entry((root.clone(), own.clone()))
            .or_insert_with(|| own.clone());
        merged.merge(challenge);
        let opaque = self.opaque.entry(root.clone()).or_default();
        for scope in &merged.opaque {
            if opaque.len() < OPAQUE {
                opaque.insert(scope.clone());
            }
        }
    }

    /// `own`, and what is known to be wanted beside it.
    pub(super) fn joined(&self, root: &Url, own: &Scopes) -> Scopes {
        let asked = self.asked.get(&(root.clone(), own.clone()));
        let mut joined = asked.unwrap_or(own).clone();
        joined
            .opaque
            .extend(self.opaque.get(root).into_iter().flatten().cloned());
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(name: &str) -> Repository {
        Repository {
            host: "r.example".parse().unwrap(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn the_needed_scope_comes_first() {
        let scopes = Scopes::new(&repository("z/app"), &["push", "pull"]).and_pull(&repository("a/base"));
        assert_eq!(
            scopes.render(),
            ["repository:z/app:pull,push", "repository:a/base:pull"]
        );
    }

    #[test]
    fn argsh_135_a_challenge_for_less_takes_nothing_away() {
        let mut scopes = Scopes::new(&repository("app"), &["pull", "push"]);
        scopes.merge("repository:app:pull");
        assert_eq!(scopes.render(), ["repository:app:pull,push"]);
    }

    #[test]
    fn what_is_no_repositorys_scope_is_learned_for_all() {
        let (root, other) = ("https://r.example/", "https://other.example/");
        let (root, other): (Url, Url) = (root.parse().unwrap(), other.parse().unwrap());
        let own = |name| Scopes::new(&repository(name), &["pull"]);
        let mut learned = Learned::default();
        learned.add(&root, &own("a"), "aws repository:b:pull");
        let joined = |root, name| learned.joined(root, &own(name)).render();
        assert_eq!(joined(&root, "a"), ["repository:a:pull", "repository:b:pull", "aws"]);
        assert_eq!(joined(&root, "c"), ["repository:c:pull", "aws"]);
        assert_eq!(joined(&other, "a"), ["repository:a:pull"]);
        let many: String = (0..100).map(|number| format!("x{number} ")).collect();
        learned.add(&root, &own("a"), &many);
        assert_eq!(learned.joined(&root, &own("c")).opaque.len(), OPAQUE);
    }

    #[test]
    fn m27_challenges_for_ever_more_are_not_all_remembered() {
        let root: Url = "https://r.example/".parse().unwrap();
        let own = Scopes::new(&repository("a"), &["pull"]);
        let mut learned = Learned::default();
        for number in 0..1000 {
            let long = "x".repeat(1000);
            learned.add(&root, &own, &format!("{long}{number} repository:{long}{number}:pull"));
        }
        let length: usize = learned.joined(&root, &own).render().iter().map(String::len).sum();
        assert!(length <= 2 * LONGEST, "{length}");
    }

    #[test]
    fn regclient_b1960cd_asking_again_adds_nothing() {
        let mut scopes = Scopes::new(&repository("app"), &["pull"]);
        for _ in 0..3 {
            scopes.merge("repository:app:delete,pull aws repository(plugin):r.example:5000/x:pull");
        }
        assert_eq!(
            scopes.render(),
            [
                "repository:app:delete,pull",
                "repository(plugin):r.example:5000/x:pull",
                "aws"
            ]
        );
    }
}

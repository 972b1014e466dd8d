//! Symbolic links of an archive: judged when all of them are known, made last, so that nothing is written through one.

use std::collections::BTreeMap;

use super::staging::split;
use crate::error::{Error, Result};
use crate::ustar::MAX_PATH;

/// Links that one path may go through; Linux's limit.
const MAX_HOPS: u32 = 40;

/// Bytes of all links, which are kept in memory until the end.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Steps for judging all links of an archive; without a bound long chains of links would take hours.
const MAX_STEPS: u32 = 50_000_000;

/// What a look at the disk counts for among them.
const LOOK: u32 = 100;

/// The links of an archive: path relative to the title → target as written.
#[derive(Default)]
pub(super) struct Links {
    links: BTreeMap<String, String>,
    bytes: usize,
}

impl Links {
    /// Takes a link; what can be said of it alone is checked.
    pub(super) fn add(&mut self, path: &str, target: String) -> Result<()> {
        let why = if target.is_empty() {
            "its target is empty"
        } else if target.len() > MAX_PATH {
            "its target is longer than 4096 bytes"
        } else if target.starts_with('/') || (cfg!(windows) && target.contains(['\\', ':'])) {
            "its target is an absolute path"
        } else {
            self.bytes += path.len() + target.len();
            if self.bytes > MAX_BYTES {
                return Err(Error::integrity("it has more than 64 MiB of symbolic links"));
            }
            if self.links.insert(path.to_owned(), target).is_some() {
                return Err(twice(path));
            }
            return Ok(());
        };
        Err(refuse(path, &target, why))
    }

    /// All links, each judged: followed to its end, through other links too, it stays in the directory `title`.
    /// `is_directory` tells of a path relative to it whether the archive has a directory there.
    pub(super) fn judged(&self, title: &str, is_directory: impl Fn(&str) -> bool) -> Result<Vec<(&str, &str)>> {
        let mut steps = 0;
        for (path, target) in &self.links {
            self.follow(title, path, target, &is_directory, &mut steps)
                .map_err(|why| refuse(path, target, why))?;
        }
        Ok(self
            .links
            .iter()
            .map(|(path, target)| (path.as_str(), target.as_str()))
            .collect())
    }

    /// Goes where the link at `path` leads. On the way only `title`'s own parents may be passed, as in `../title/x`.
    ///
    /// Up again it goes from directories of the archive alone: anything else may be a link of another layer, or of what
    /// was there before, and its parent be anywhere.
    fn follow(
        &self,
        title: &str,
        path: &str,
        target: &str,
        is_directory: &impl Fn(&str) -> bool,
        steps: &mut u32,
    ) -> Result<(), &'static str> {
        const OUT: &str = "it leads out of the directory";
        let title: Vec<&str> = title.split('/').collect();
        // Where we are below the title, or how many of its parts we are above its end.
        let (mut here, mut above) = (split(path).0.to_owned(), 0);
        // So many bytes of `here` are directories for sure: a link lies in them.
        let mut sure = here.len();
        let mut todo: Vec<&str> = target.split('/').rev().collect();
        let mut hops = 1;
        while let Some(part) = todo.pop() {
            *steps += 1;
            match part {
                "" | "." => {}
                ".." if here.is_empty() => {
                    above += 1;
                    if above > title.len() {
                        return Err(OUT);
                    }
                }
                ".." => {
                    if here.len() > sure {
                        *steps += LOOK;
                        if !is_directory(&here) {
                            return Err("it goes up again from what is no directory of the archive");
                        }
                    }
                    here.truncate(split(&here).0.len());
                    sure = here.len();
                }
                name if above > 0 => {
                    if title.get(title.len() - above) != Some(&name) {
                        return Err(OUT);
                    }
                    above -= 1;
                }
                name => {
                    let parent = here.len();
                    if parent > 0 {
                        here.push('/');
                    }
                    here.push_str(name);
                    if let Some(target) = self.links.get(&here) {
                        hops += 1;
                        if hops > MAX_HOPS {
                            return Err("it goes through more than 40 links");
                        }
                        here.truncate(parent);
                        sure = parent;
                        todo.extend(target.split('/').rev());
                    }
                }
            }
            if *steps > MAX_STEPS {
                return Err("the links of the archive form chains that are too long");
            }
        }
        if above > 0 { Err(OUT) } else { Ok(()) }
    }
}

fn refuse(path: &str, target: &str, why: &str) -> Error {
    let shown: String = target.chars().take(200).collect();
    Error::integrity(format!("link {path:?} to {shown:?}: {why}"))
        .hint("pack the directory again with links that stay inside of it")
}

/// Two entries for one path, possibly of two types.
pub(super) fn twice(path: &str) -> Error {
    Error::integrity(format!("it has two entries for {path:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(title: &str, links: &[(&str, &str)]) -> Result<usize> {
        let mut all = Links::default();
        for (path, target) in links {
            all.add(path, (*target).to_owned())?;
        }
        all.judged(title, |path| path == "c" || path.starts_with("d/"))
            .map(|judged| judged.len())
    }

    #[test]
    fn links_that_stay_inside() {
        let good: &[&[(&str, &str)]] = &[
            &[("a", "b")],
            &[("a/b/c", "../../d")],
            &[("a", ".")],
            &[("a", "dangling/./x//y")],
            &[("a", "b"), ("b", "c/../d")],
            &[("a", "d/x/../../c")],
            &[("a/x", "../../docs/b")],
        ];
        for links in good {
            judge("docs", links).unwrap();
        }
        judge("a/b", &[("x/y", "../../../a/b/z")]).unwrap();
        judge("a/b", &[("x/y", "../../../../a/b/z")]).unwrap_err();
        judge("a/b", &[("x", "../../a/b/z")]).unwrap();
    }

    #[test]
    fn a06_links_that_lead_out_also_by_chains() {
        let bad: &[&[(&str, &str)]] = &[
            &[("a", "")],
            &[("a", "/")],
            &[("a", "/etc/passwd")],
            &[("a", "..")],
            &[("a/b", "../..")],
            &[("a", "../other/x")],
            &[("a", "b/../../..")],
            // `deep/a/up/..` is inside to the eye and outside in truth.
            &[("deep/a/up", "../.."), ("x", "deep/a/up/../foo")],
            &[("x", "y/.."), ("y", "z/.."), ("z", "w/../.."), ("w", "v")],
            &[("a", "a")],
            &[("a", "b"), ("b", "a")],
        ];
        for links in bad {
            let error = judge("docs", links).expect_err(&format!("{links:?}"));
            assert_eq!(error.class(), crate::error::Class::Integrity);
        }
    }

    /// Another layer may have made a link of it, which leads elsewhere: `n/..` is where it points to, and up.
    #[test]
    fn a06_links_that_go_up_from_what_the_archive_does_not_have() {
        for target in ["n/..", "n/../x", "c/n/../..", "c/../n/m/../x"] {
            let error = judge("docs", &[("a", target)]).expect_err(target);
            assert!(error.message().contains("no directory of the archive"), "{error}");
        }
    }

    /// Each step costs the same, however deep it is.
    #[test]
    fn a11_long_targets_are_judged_in_time() {
        let target = "a/".repeat(2000);
        let links: Vec<(String, &str)> = (0..1000).map(|n| (format!("l{n}"), target.as_str())).collect();
        let links: Vec<(&str, &str)> = links.iter().map(|(path, target)| (path.as_str(), *target)).collect();
        let begun = std::time::Instant::now();
        judge("docs", &links).unwrap();
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }

    #[test]
    fn a11_chains_of_links_end() {
        let long = "../d/".repeat(800);
        let links: Vec<(String, String)> = (0..4000)
            .map(|n| (format!("d/l{n:05}"), format!("{long}l{:05}", n + 1)))
            .collect();
        let links: Vec<(&str, &str)> = links.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        judge("docs", &links).unwrap_err();
    }
}

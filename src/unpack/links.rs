//! Symbolic links of an archive: judged when all of them are known, made last, so that nothing is written through one.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::ustar::MAX_PATH;

/// Links that one path may go through; Linux's limit.
const MAX_HOPS: u32 = 40;

/// Bytes of all links, which are kept in memory until the end.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Steps for judging all links of an archive; without a bound long chains of links would take hours.
const MAX_STEPS: u32 = 50_000_000;

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
    pub(super) fn judged(&self, title: &str) -> Result<Vec<(&str, &str)>> {
        let mut steps = 0;
        for (path, target) in &self.links {
            self.follow(title, path, &mut steps)
                .map_err(|why| refuse(path, target, why))?;
        }
        Ok(self
            .links
            .iter()
            .map(|(path, target)| (path.as_str(), target.as_str()))
            .collect())
    }

    /// Where the link at `path` ends. On the way only `title`'s own parents may be passed, as in `../title/x`.
    fn follow(&self, title: &str, path: &str, steps: &mut u32) -> Result<(), &'static str> {
        let title: Vec<&str> = title.split('/').collect();
        let mut here = title.clone();
        let mut todo: Vec<&str> = path.split('/').rev().collect();
        let mut hops = 0;
        while let Some(part) = todo.pop() {
            *steps += 1;
            if *steps > MAX_STEPS {
                return Err("the links of the archive form chains that are too long");
            }
            match part {
                "" | "." => continue,
                ".." => {
                    here.pop().ok_or("it leads out of the directory")?;
                    continue;
                }
                name => here.push(name),
            }
            if !here.iter().zip(&title).all(|(one, other)| one == other) {
                return Err("it leads out of the directory");
            }
            let Some(inside) = here.get(title.len()..).filter(|inside| !inside.is_empty()) else {
                continue;
            };
            if let Some(target) = self.links.get(&inside.join("/")) {
                hops += 1;
                if hops > MAX_HOPS {
                    return Err("it goes through more than 40 links");
                }
                here.pop();
                todo.extend(target.split('/').rev());
            }
        }
        if here.len() < title.len() {
            return Err("it leads out of the directory");
        }
        Ok(())
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
        all.judged(title).map(|judged| judged.len())
    }

    #[test]
    fn links_that_stay_inside() {
        let good: &[&[(&str, &str)]] = &[
            &[("a", "b")],
            &[("a/b/c", "../../d")],
            &[("a", ".")],
            &[("a", "dangling/./x//y")],
            &[("a", "b"), ("b", "c/../d")],
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

//! stub
use crate::error::Result;
use camino::{Utf8Path, Utf8PathBuf};
/// P
#[derive(Debug)]
pub struct Pattern;
#[allow(missing_docs, unused)]
impl Pattern {
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Pattern)
    }
    pub fn is_pattern(text: &str) -> bool {
        false
    }
    pub fn matches(&self, path: &Utf8Path) -> bool {
        false
    }
    pub fn expand(&self, root: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
        Ok(vec![])
    }
}

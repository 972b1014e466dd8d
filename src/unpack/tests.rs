//! Hostile artifacts (A-cases), each against a real directory: nothing outside of the output changes, and nothing
//! inside of it when the artifact is refused.

mod archives;
mod files;
mod fixture;
mod hostile;
mod properties;
mod tar;
mod trees;
mod zstd;

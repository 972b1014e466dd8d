//! A hostile world: every case of the lists for malicious registries (M) and artifacts (A), a test each, with the real
//! binary. A test runs its case in variants; for each ours must end with the right exit code and words, within bounds
//! of time and memory, give nobody else what is the job's, and leave nothing outside of its output, nothing partial in
//! it. `scripts/hostile` prints a table of them, on demand with ORAS beside us.
//!
//! Parts of a case that are pure logic are tested beside the code, under the same beginning (`m23_…` in `src`).
#![cfg(unix)]

mod archives;
mod auth;
mod blobs;
mod case;
mod claims;
mod client;
mod entries;
mod flow;
mod links;
mod lists;
mod manifests;
mod promises;
mod rows;
mod scene;
mod set;
mod text;
mod titles;
mod uploads;
mod wire;

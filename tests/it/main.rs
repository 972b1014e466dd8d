//! The integration tests, one binary: the real program, the stores, and the house's own rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on panics; helpers outside of test functions too"
)]

mod action_yml;
mod attach;
mod bugs;
mod ci_files;
mod commands;
mod contract;
mod copy;
mod crash;
mod credentials;
mod credentials_chain;
mod delete;
mod determinism;
mod discover;
mod docs;
mod docs_ci;
mod docs_result;
mod doubles;
mod faults;
mod faults_long;
mod faults_matrix;
mod flows;
mod github;
mod hostile;
mod house;
mod index;
mod layout;
mod login;
mod memory;
mod nested;
mod oracles;
mod oras;
mod oras_rows;
mod pull;
mod pull_referrers;
mod push;
mod race;
mod readers;
mod readme;
mod referrers_race;
mod release;
mod resources;
mod secrets;
mod soak;
mod spec_errors;
mod stdin;
mod stdout;
mod support;
mod systems;
mod tags;
mod transport;
mod transport_proxy;
mod uploads;
mod user;
mod user_credentials;
mod zstd;

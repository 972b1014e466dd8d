//! The integration tests, one binary: the real program, the stores, and the house's own rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on panics; helpers outside of test functions too"
)]

mod action_yml;
mod bugs;
mod commands;
mod contract;
mod copy;
mod credentials;
mod credentials_chain;
mod delete;
mod determinism;
mod docs;
mod docs_ci;
mod doubles;
mod faults;
mod faults_long;
mod faults_matrix;
mod flows;
mod github;
mod house;
mod layout;
mod login;
mod oras;
mod pull;
mod push;
mod readme;
mod referrers_race;
mod spec_errors;
mod support;
mod tags;
mod transport;
mod transport_proxy;
mod uploads;
mod user;
mod user_credentials;

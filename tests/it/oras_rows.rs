//! A row for each command and flag of ORAS.

mod attach;
mod both;
mod copy;
mod copy_access;
mod discover;
mod index;
mod login;
mod manifest;
mod pull;
mod push;
mod shared;
mod tags;

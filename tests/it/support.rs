//! What the tests stand on: a runner for the real binary, servers in this process, real registries, a faked one.
#![allow(dead_code, reason = "what no test needs today, the next one does")]

pub mod attach;
pub mod cloud;
pub mod connect;
pub mod faults;
pub mod front;
pub mod graph;
pub mod long;
pub mod measured;
pub mod message;
pub mod peers;
pub mod personality;
pub mod reader;
pub mod recorder;
pub mod registry;
pub mod runner;
pub mod schema;
pub mod server;
pub mod table;
#[path = "../../src/unpack/tests/tar.rs"]
pub mod tar;
pub mod tls;

//! oci-artifact: build outputs into container registries as OCI artifacts, and back.

pub mod ci;
pub mod credentials;
pub mod env;
pub mod error;
pub mod http;
pub mod inputs;
pub mod oci;
pub mod pack;
pub mod pattern;
pub mod reference;
pub mod report;
pub mod spec;
pub mod store;
pub mod unpack;

//! x
pub mod env;
pub mod error;
pub mod oci;
pub mod reference;

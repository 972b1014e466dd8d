//! The property is in src/fuzzing.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oci_artifact::fuzzing::run("manifest", data));

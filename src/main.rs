//! The environment and the arguments go in, an exit code comes out.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use oci_artifact::env::Env;
use oci_artifact::report::Streams;
use oci_artifact::run::{Process, run};

fn main() -> ExitCode {
    // A current directory that is gone or not UTF-8 shows up as a path that isn't there, with an error that names it.
    let directory = std::env::current_dir()
        .ok()
        .and_then(|directory| directory.try_into().ok())
        .unwrap_or_default();
    let process = Process {
        arguments: std::env::args_os().collect(),
        env: Env::new(std::env::vars_os(), directory),
        streams: Streams::process(),
        on_terminal: std::io::stderr().is_terminal(),
        asks: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
    };
    ExitCode::from(run(process))
}

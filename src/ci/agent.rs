//! The program that Buildkite's agent brings, run where there is no async runtime.

use std::time::Duration;

use crate::env::Env;
use crate::program::{Bounds, Program, Trouble};

/// What a call may print.
const PRINTED: u64 = 64 * 1024;

/// It asks the agent or a server. Tries of its own may take minutes; an output isn't worth them.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `name` with each of `calls`, arguments and stdin, all at once. Each that failed comes back with its reason.
/// Blocks; on a thread of its own, so that it may be called from an async one.
pub fn run(name: &'static str, env: &Env, calls: Vec<(Vec<String>, String)>) -> Vec<String> {
    let env = env.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(all(name, &env, &calls)),
            Err(error) => vec![error.to_string()],
        }
    });
    thread
        .join()
        .unwrap_or_else(|_| vec!["its thread broke off".to_owned()])
}

async fn all(name: &str, env: &Env, calls: &[(Vec<String>, String)]) -> Vec<String> {
    let program = match Program::find(name, env).await {
        Ok(program) => program,
        Err(_) => return vec![format!("there is no `{name}` on PATH")],
    };
    let outcomes = calls.iter().map(|(arguments, input)| one(&program, arguments, input));
    futures_util::future::join_all(outcomes)
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn one(program: &Program, arguments: &[String], input: &str) -> Option<String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let bounds = Bounds {
        bytes: PRINTED,
        patience: PATIENCE,
    };
    let why = match program.run(&words, input.as_bytes(), bounds).await {
        Ok(output) if output.success => return None,
        Ok(output) => output.last_complaint(),
        Err(Trouble::Missing) => "it is gone".to_owned(),
        Err(Trouble::Broken(error)) => error.to_string(),
        Err(Trouble::TooMuch) => format!("it printed more than {PRINTED} bytes"),
        Err(Trouble::Hung) => format!("it did not end in {PATIENCE:.0?}"),
    };
    // Without what the arguments may hold: they are names of ours.
    Some(format!(
        "{}: {why}",
        words.iter().take(2).copied().collect::<Vec<_>>().join(" ")
    ))
}

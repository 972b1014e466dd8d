//! A run from the environment to the exit code: inputs, spec, plan, command, result. The one place that knows both the
//! CI system and the commands.

mod binding;
mod command;
mod context;
mod deliver;
mod earlier;
mod items;
mod job;
mod near_miss;
mod planning;
mod sources;
mod stdout;

use std::ffi::OsString;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::ci::{self, Ci, System};
use crate::env::Env;
use crate::error::{Class, Error, Errors, Result};
use crate::inputs::{self, Inputs, Request};
use crate::report::{Event, Ledger, Progress, Report, Streams, Terminal};
use job::{Job, Output};

/// What the process gives a run.
pub struct Process {
    /// The arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// The environment.
    pub env: Env,
    /// stdout and stderr.
    pub streams: Streams,
    /// Whether stderr is a terminal.
    pub on_terminal: bool,
    /// Whether there is a person to ask.
    pub asks: bool,
}

/// How long blocking threads may take to tidy up after a failure, a signal or a time-out. Before it, uploads take up to
/// two seconds to be cancelled, and a runner kills after five to ten.
const TIDY_UP: Duration = Duration::from_secs(2);

/// Runs the program; the value is the exit code.
pub fn run(process: Process) -> u8 {
    let Process {
        arguments,
        env,
        streams,
        on_terminal,
        asks,
    } = process;
    let ci = ci::detect(&env);
    let progress = if on_terminal && ci.system() == System::None {
        Progress::Bars
    } else {
        Progress::Off
    };
    let report = Report::new(Terminal::new(streams, ci.dialect(), progress));
    let session = Session {
        ci: ci.as_ref(),
        env: &env,
        report: &report,
        asks,
    };
    match inputs::read(arguments, &env, &report) {
        Ok(Request::Print(text, code)) => {
            report.terminal().result(&text);
            code
        }
        Ok(Request::PrintRaw(text)) => {
            report.terminal().raw_result(text.as_bytes());
            0
        }
        Ok(Request::Run(inputs)) => session.run(&inputs),
        Err(errors) => session.refuse(&errors),
    }
}

/// What a run keeps at hand from start to end.
struct Session<'a> {
    ci: &'a dyn Ci,
    env: &'a Env,
    report: &'a Report,
    asks: bool,
}

impl Session<'_> {
    fn run(&self, inputs: &Inputs) -> u8 {
        if inputs.debug {
            debug_log(self.report);
        }
        let ledger = Ledger::new(inputs.command.name(), inputs.dry_run);
        let outcome = self.command(inputs, &ledger);
        self.finish(inputs, &ledger, &outcome)
    }

    /// Tells what came of the run and hands out its result; the exit code.
    fn finish(&self, inputs: &Inputs, ledger: &Ledger, outcome: &Result<Output, Errors>) -> u8 {
        let errors = outcome.as_ref().err();
        self.tell(errors);
        let mut result = ledger.result();
        if let Some(errors) = errors {
            result.fail(errors);
        }
        let delivered = deliver::deliver(&result, outcome.as_ref().ok(), inputs, self);
        let code = match delivered {
            Err(error) if result.exit_code == 0 => {
                self.report.emit(&Event::Failure(&error));
                error.class().exit_code()
            }
            Err(error) => {
                self.report.emit(&Event::Failure(&error));
                result.exit_code
            }
            Ok(()) => result.exit_code,
        };
        self.report.terminal().finish();
        code
    }

    /// The inputs themselves are wrong: nothing was done, and the outputs say so.
    fn refuse(&self, errors: &Errors) -> u8 {
        self.tell(Some(errors));
        let mut result = Ledger::new("", false).result();
        result.fail(errors);
        if let Err(error) = deliver::refused(&result, self) {
            self.report.emit(&Event::Failure(&error));
        }
        self.report.terminal().finish();
        result.exit_code
    }

    fn tell(&self, errors: Option<&Errors>) {
        let Some(errors) = errors else { return };
        for error in errors.iter() {
            self.report.emit(&Event::Failure(error));
        }
        if let Err(error) = self.ci.failed(errors, self.report) {
            self.report.warning(error.to_string());
        }
    }

    /// Makes the job on a thread of its own, so that a signal or the time-out ends the run then too: it blocks, in a
    /// directory of many files, in a pipe that is named as a file or at a person who is asked.
    fn prepare(
        &self,
        inputs: &Inputs,
        ledger: &Ledger,
        runtime: &Runtime,
        stop: &mut (impl Future<Output = Error> + Unpin),
    ) -> Result<Job, Errors> {
        std::thread::scope(|scope| {
            let (done, prepared) = oneshot::channel();
            scope.spawn(move || {
                let _ = done.send(command::prepare(inputs, self, ledger));
            });
            let prepared = runtime.block_on(async {
                tokio::select! {
                    prepared = prepared => Ok(prepared),
                    error = stop => Err(error),
                }
            });
            let stopped = match prepared {
                Ok(Ok(prepared)) => return prepared,
                Ok(Err(_)) => return Err(Error::internal("the preparation stopped early").into()),
                Err(stopped) => stopped,
            };
            // Nothing ends what that thread waits for but the end of the process, and nothing was begun yet.
            let code = self.finish(inputs, ledger, &Err(stopped.into()));
            std::process::exit(code.into())
        })
    }

    /// Runs the command until it ends, a signal comes or the time is over.
    fn command(&self, inputs: &Inputs, ledger: &Ledger) -> Result<Output, Errors> {
        // One thread for the network: what hashes, packs and writes has threads of its own, and hops between several
        // cost more than they bring (scripts/bench: pulls a tenth slower, small blobs a sixth).
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("the async runtime did not start: {error}")))?;
        let mut stop = {
            let _inside = runtime.enter();
            let (signalled, timed_out) = (signalled(), timed_out(inputs.timeout));
            Box::pin(async {
                tokio::select! {
                    error = signalled => error,
                    error = timed_out => error,
                }
            })
        };
        let job = self.prepare(inputs, ledger, &runtime, &mut stop)?;
        let stores = job.stores();
        let outcome = runtime.block_on(async {
            let outcome = tokio::select! {
                outcome = job.run() => outcome,
                error = stop => Err(error),
            };
            if let (Err(_), Some(stores)) = (&outcome, stores) {
                stores.cancel_uploads().await;
            }
            outcome
        });
        runtime.shutdown_timeout(TIDY_UP);
        Ok(outcome?)
    }
}

/// Listens from now on; resolves when the run is to stop: SIGINT, or SIGTERM as CI runners send it on cancellation.
fn signalled() -> impl Future<Output = Error> {
    let stopped = |number| Error::new(Class::Signal(number), "stopped by a signal");
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
            return tokio::select! {
                _ = interrupt.recv() => stopped(2),
                _ = terminate.recv() => stopped(15),
            };
        }
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        stopped(2)
    }
}

async fn timed_out(limit: Option<Duration>) -> Error {
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    tokio::time::sleep(limit).await;
    Error::new(
        Class::Network,
        format!("the run took longer than its `timeout` of {limit:?}"),
    )
    .hint("raise `timeout`, or see with `log-level: debug` what it waited for")
}

/// Sends debug lines of this crate through the terminal.
fn debug_log(report: &Report) {
    let terminal = std::sync::Arc::clone(report.terminal());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_writer(move || terminal.debug_writer());
    let ours = tracing_subscriber::filter::Targets::new().with_target("oci_artifact", tracing::Level::DEBUG);
    // Only a test that runs twice in one process can have set one before.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}

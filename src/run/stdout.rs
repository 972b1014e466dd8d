//! Exact bytes on stdout. A runner reads what its job prints: bytes of a registry's may not give it commands, and can't
//! be escaped without being other bytes.

use std::io::ErrorKind;

use futures_util::StreamExt as _;

use crate::error::{Error, Result};
use crate::report::Report;
use crate::store::BlobSource;

/// Fails if the CI system would act on `bytes`.
pub(super) fn check(bytes: &[u8], report: &Report) -> Result<()> {
    if report.terminal().command_scan().is_some_and(|mut scan| scan(bytes)) {
        return Err(refused(
            "send stdout to a file: add `> FILE`; without flags, `inspect` shows a manifest escaped",
        ));
    }
    Ok(())
}

/// Writes `source` piece by piece, after all of it was looked through. A reader that went away is no failure.
pub(super) async fn write(source: &BlobSource, report: &Report) -> Result<()> {
    if let Some(mut scan) = report.terminal().command_scan() {
        let mut pieces = source.open(0);
        while let Some(piece) = pieces.next().await {
            if scan(&piece?) {
                return Err(refused(
                    "send stdout to a file: add `> FILE`, or name a folder with `output`",
                ));
            }
        }
    }
    let mut pieces = source.open(0);
    while let Some(piece) = pieces.next().await {
        let (piece, terminal) = (piece?, report.terminal().clone());
        // The reader may take its time; a signal or the time-out still ends the run.
        let written = tokio::task::spawn_blocking(move || terminal.raw_piece(&piece)).await;
        match written.map_err(|error| Error::internal(format!("a worker thread failed: {error}")))? {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(|error| Error::local(error).context("stdout"))?,
        }
    }
    Ok(())
}

fn refused(hint: &str) -> Error {
    Error::integrity("the bytes hold a workflow command, which the CI system would run on reading them").hint(hint)
}

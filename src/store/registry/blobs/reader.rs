//! A blob, or a part of one, over as many connections as it takes.
//!
//! Each connection begins at the registry, which signs a new URL where it sends us to a storage: an old one may have
//! ended. ETags of the parts are not compared. A digest names one content, so that parts with two ETags are the same
//! bytes from two servers, or one of them is wrong already; whoever reads hashes all of it and finds out.

use bytes::Bytes;

use super::super::Registry;
use crate::error::{Class, Error, Result};
use crate::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, RANGE, TRANSFER_ENCODING};
use crate::http::{
    Answer, Budget, Download, Failure, Fault, Method, PROGRESS, Replay, Request, StatusCode, Want, redacted,
};
use crate::oci::Descriptor;
use crate::store::PIECE;

/// Reads a blob from `position` to `end`.
pub(super) struct Reader {
    pub(super) registry: Registry,
    pub(super) blob: Descriptor,
    /// Bytes of the blob that were handed on or weren't wanted.
    pub(super) position: u64,
    /// Where the bytes end that are wanted, and those of the answer at hand.
    end: u64,
    until: u64,
    /// Whether an answer with more than the part that is asked for is of no use.
    part: bool,
    /// Tries since the last progress.
    budget: Budget,
    /// Bytes since then.
    gained: usize,
    /// Whether to ask for the rest alone, until the server says that it can't.
    ranges: bool,
    /// Whether a signed URL was asked for again since the last byte came.
    renewed: bool,
    body: Option<Incoming>,
}

/// The body of one answer.
struct Incoming {
    download: Download,
    /// Bytes to pass over: the server sent the whole blob, though a part was asked for.
    skip: u64,
    /// Whether its end can be told from a connection that broke: it has a length, or comes in chunks.
    framed: bool,
    /// What is left of a piece larger than [`PIECE`].
    rest: Bytes,
}

impl Reader {
    /// Reads from `offset` to the end of the blob.
    pub(super) fn new(registry: &Registry, blob: &Descriptor, offset: u64) -> Self {
        Reader {
            registry: registry.clone(),
            blob: blob.clone(),
            position: offset,
            end: blob.size,
            until: blob.size,
            part: false,
            budget: registry.client().budget(),
            gained: 0,
            ranges: true,
            renewed: false,
            body: None,
        }
    }

    /// Reads from `start` to before `end`, from a server that sends just that: others would send far more.
    pub(super) fn part(&self, start: u64, end: u64) -> Self {
        Reader {
            end,
            until: end,
            part: true,
            ..Reader::new(&self.registry, &self.blob, start)
        }
    }

    /// Ends before `end`, which has not been passed: others bring what follows.
    pub(super) fn end_at(&mut self, end: u64) {
        self.end = end.clamp(self.position, self.end);
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// No more tries are left, or what comes is not the blob. Nothing can be read after one.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.position == self.end && self.end < self.until {
                self.body = None;
                return Ok(None);
            }
            let fault = match self.body.as_mut() {
                None => {
                    self.connect().await?;
                    continue;
                }
                Some(body) => match body.next().await {
                    Ok(Some(piece)) => return self.deliver(piece).map(Some),
                    Ok(None) if self.position == self.until => return Ok(None),
                    Ok(None) if body.framed => return Err(self.wrong("it ends early")),
                    Ok(None) => Fault::cut("it ended early"),
                    // All of it came; only the end was not said.
                    Err(_) if self.position == self.until => return Ok(None),
                    Err(fault) => fault,
                },
            };
            self.body = None;
            let request = self.request()?;
            let what = format!("GET {}", redacted(&request.url));
            let failure = Failure::of_fault(fault, &what, Replay::Repeat).at(&request.url);
            failure
                .pause(&mut self.budget, self.registry.report(), &request.what)
                .await?;
        }
    }

    fn deliver(&mut self, mut piece: Bytes) -> Result<Bytes> {
        if piece.len() as u64 > self.until - self.position {
            return Err(self.wrong("it is longer"));
        }
        piece.truncate(usize::try_from(self.end - self.position).unwrap_or(usize::MAX));
        self.position += piece.len() as u64;
        self.gained += piece.len();
        if self.gained >= PROGRESS {
            self.budget.progress();
            self.gained = 0;
        }
        self.renewed = false;
        Ok(piece)
    }

    fn request(&self) -> Result<Request> {
        let request = self.registry.blob(Method::GET, &self.blob)?.want(Want::Stream);
        if !self.ranges || (self.position == 0 && self.end == self.blob.size) {
            return Ok(request);
        }
        // With both ends: there are servers that don't understand a range without the last.
        let last = self.end.saturating_sub(1);
        Ok(request.header(RANGE, &format!("bytes={}-{last}", self.position)))
    }

    /// Opens a connection, so that an error of the first answer comes before a byte is waited for.
    pub(super) async fn connect(&mut self) -> Result<()> {
        let mut answer = self.ask().await?;
        if answer.status == StatusCode::RANGE_NOT_SATISFIABLE && self.position > 0 && !self.part {
            self.ranges = false;
            answer = self.ask().await?;
        }
        if !answer.own && !self.renewed && matches!(answer.status.as_u16(), 400 | 403 | 410) {
            // A signed URL that has ended (400 on Google's storage), or was made for another moment (a cache, a clock).
            self.renewed = true;
            answer = self.ask().await?;
        }
        match answer.status {
            StatusCode::NOT_FOUND => Err(Error::new(
                Class::NotFound,
                format!("{}: blob {} is not there", self.registry.repository(), self.blob.digest),
            )
            .hint("push it again: the registry has the manifest but not all of its files")),
            status if status.is_success() => {
                self.body = Some(self.accept(answer)?);
                Ok(())
            }
            _ => Err(self.registry.refused(&answer)),
        }
    }

    async fn ask(&mut self) -> Result<Answer> {
        let (request, scopes) = (self.request()?, self.registry.reading());
        let outcome = Box::pin(self.registry.call(request, &scopes, &mut self.budget)).await;
        outcome.map_err(|failure| self.registry.hinted(failure.error))
    }

    /// Checks the head of an answer against what was asked for, before a byte of it is used.
    fn accept(&mut self, mut answer: Answer) -> Result<Incoming> {
        if let Some(coding) = answer
            .header(CONTENT_ENCODING)
            .filter(|coding| !coding.eq_ignore_ascii_case("identity"))
        {
            // Decoding it would give other bytes than were stored (moby#17595).
            return Err(self.wrong(&format!("it was sent with Content-Encoding {coding:.20}")));
        }
        let length: Option<u64> = answer.header(CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let start = match answer.status {
            StatusCode::PARTIAL_CONTENT => {
                let range = answer.header(CONTENT_RANGE).unwrap_or_default();
                let start = range_start(range, self.end, self.blob.size);
                if start != Some(self.position) {
                    let asked = self.position;
                    return Err(self.wrong(&format!("asked for byte {asked} on, the range {range:.40?} was sent")));
                }
                self.until = self.end;
                self.position
            }
            _ if self.part => return Err(self.wrong("a part was asked for, the whole was sent")),
            _ => {
                self.until = self.blob.size;
                0
            }
        };
        let expected = self.until - start;
        if let Some(length) = length.filter(|&length| length != expected) {
            return Err(self.wrong(&format!("{length} bytes were sent instead of {expected}")));
        }
        let chunked = answer.header(TRANSFER_ENCODING).is_some();
        let download = answer
            .stream
            .take()
            .ok_or_else(|| Error::internal("a stream was asked for"))?;
        Ok(Incoming {
            download,
            skip: self.position - start,
            framed: length.is_some() || chunked,
            rest: Bytes::new(),
        })
    }

    fn wrong(&self, why: &str) -> Error {
        let Descriptor { digest, size, .. } = &self.blob;
        let repository = self.registry.repository();
        Error::integrity(format!(
            "{repository}: blob {digest} is not the {size} bytes that its manifest says: {why}"
        ))
        .hint("push it again, or check the registry's storage and the proxies before it")
    }
}

impl Incoming {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let mut piece = match std::mem::take(&mut self.rest) {
                rest if rest.is_empty() => match self.download.next().await? {
                    Some(piece) => piece,
                    None => return Ok(None),
                },
                rest => rest,
            };
            // At most the length of the piece, which is a usize.
            let passed = usize::try_from(self.skip).map_or(piece.len(), |skip| skip.min(piece.len()));
            self.skip -= passed as u64;
            piece = piece.split_off(passed);
            self.rest = piece.split_off(piece.len().min(PIECE));
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}

/// The first byte of `bytes FIRST-LAST/TOTAL`, if it goes to `end` in a blob of `size` bytes and says so.
pub(crate) fn range_start(text: &str, end: u64, size: u64) -> Option<u64> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = total.trim();
    let known = total == "*" || total.parse() == Ok(size);
    (known && first <= last && last.checked_add(1) == Some(end)).then_some(first)
}

#[cfg(test)]
mod unit {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_believed_only_if_they_are_the_rest() {
        assert_eq!(range_start("bytes 5-9/10", 10, 10), Some(5));
        assert_eq!(range_start("bytes 5-7/10", 8, 10), Some(5));
        assert_eq!(range_start("bytes 5-9/10", 8, 10), None);
        assert_eq!(range_start("bytes 5-9/*", 10, 10), Some(5));
        for text in [
            "",
            "5-9/10",
            "bytes 5-8/10",
            "bytes 5-9/11",
            "bytes */10",
            "bytes 9-5/10",
            "bytes -5-9/10",
        ] {
            assert_eq!(range_start(text, 10, 10), None, "{text}");
        }
        assert_eq!(range_start("bytes 0-18446744073709551615/*", 0, 0), None);
    }

    proptest! {
        #[test]
        fn ranges_are_read_as_they_are_written(first in 0u64..1000, more in 0u64..1000) {
            let size = first + more + 1;
            let text = format!("bytes {first}-{}/{size}", size - 1);
            prop_assert_eq!(range_start(&text, size, size), Some(first));
        }

        #[test]
        fn whatever_comes_is_read(text in "\\PC{0,60}", size: u64) {
            range_start(&text, size, size);
        }
    }
}

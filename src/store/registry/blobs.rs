//! Blobs on their way down: a stream that mends itself.
//!
//! Each connection begins at the registry, which signs a new URL where it sends us to a storage: an old one may have
//! ended. ETags of the parts are not compared. A digest names one content, so that parts with two ETags are the same
//! bytes from two servers, or one of them is wrong already; whoever reads hashes all of it and finds out.

use bytes::Bytes;
use futures_util::stream;

use super::Registry;
use crate::error::{Class, Error, Result};
use crate::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, RANGE, TRANSFER_ENCODING};
use crate::http::{Answer, Budget, Download, Failure, Fault, Method, Replay, Request, StatusCode, Want, redacted};
use crate::oci::Descriptor;
use crate::store::{BlobStream, PIECE};

impl Registry {
    /// See [`crate::store::Store::has_blob`].
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let answer = self.ask(self.blob(Method::HEAD, blob)?, &self.reading()).await?;
        match answer.status {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.refused(&answer)),
        }
    }

    /// See [`crate::store::Store::open_blob`].
    pub async fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<BlobStream> {
        if offset > 0 && offset >= blob.size {
            return Ok(Box::pin(stream::empty()));
        }
        let mut reader = Reader {
            registry: self.clone(),
            blob: blob.clone(),
            position: offset,
            budget: self.client().budget(),
            ranges: true,
            renewed: false,
            body: None,
        };
        reader.connect().await?;
        Ok(Box::pin(stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })))
    }

    pub(super) fn blob(&self, method: Method, blob: &Descriptor) -> Result<Request> {
        let what = blob
            .title()
            .map_or_else(|| format!("blob {}", blob.digest.short()), str::to_owned);
        Ok(self.request(method, self.url(&format!("blobs/{}", blob.digest))?, what))
    }
}

/// Reads a blob from `position` on, over as many connections as it takes.
struct Reader {
    registry: Registry,
    blob: Descriptor,
    /// Bytes of the blob that were handed on or weren't wanted.
    position: u64,
    /// Tries since the last byte came.
    budget: Budget,
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
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let fault = match self.body.as_mut() {
                None => {
                    self.connect().await?;
                    continue;
                }
                Some(body) => match body.next().await {
                    Ok(Some(piece)) => return self.deliver(piece).map(Some),
                    Ok(None) if self.position == self.blob.size => return Ok(None),
                    Ok(None) if body.framed => return Err(self.wrong("it ends early")),
                    Ok(None) => Fault::cut("it ended early"),
                    // All of it came; only the end was not said.
                    Err(_) if self.position == self.blob.size => return Ok(None),
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

    fn deliver(&mut self, piece: Bytes) -> Result<Bytes> {
        let length = piece.len() as u64;
        if length > self.blob.size - self.position {
            return Err(self.wrong("it is longer"));
        }
        self.position += length;
        self.budget.progress();
        self.renewed = false;
        Ok(piece)
    }

    fn request(&self) -> Result<Request> {
        let request = self.registry.blob(Method::GET, &self.blob)?.want(Want::Stream);
        if self.position == 0 || !self.ranges {
            return Ok(request);
        }
        // With both ends: there are servers that don't understand a range without the last.
        let last = self.blob.size.saturating_sub(1);
        Ok(request.header(RANGE, &format!("bytes={}-{last}", self.position)))
    }

    async fn connect(&mut self) -> Result<()> {
        let mut answer = self.ask().await?;
        if answer.status == StatusCode::RANGE_NOT_SATISFIABLE && self.position > 0 {
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
    fn accept(&self, mut answer: Answer) -> Result<Incoming> {
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
                let start = range_start(range, self.blob.size);
                if start != Some(self.position) {
                    let asked = self.position;
                    return Err(self.wrong(&format!("asked for byte {asked} on, the range {range:.40?} was sent")));
                }
                self.position
            }
            _ => 0,
        };
        let expected = self.blob.size - start;
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

/// The first byte of `bytes FIRST-LAST/TOTAL`, if it goes to the end of a blob of `size` bytes and says so.
fn range_start(text: &str, size: u64) -> Option<u64> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = total.trim();
    let known = total == "*" || total.parse() == Ok(size);
    (known && first <= last && last.checked_add(1) == Some(size)).then_some(first)
}

#[cfg(test)]
mod unit {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_believed_only_if_they_are_the_rest() {
        assert_eq!(range_start("bytes 5-9/10", 10), Some(5));
        assert_eq!(range_start("bytes 5-9/*", 10), Some(5));
        for text in [
            "",
            "5-9/10",
            "bytes 5-8/10",
            "bytes 5-9/11",
            "bytes */10",
            "bytes 9-5/10",
            "bytes -5-9/10",
        ] {
            assert_eq!(range_start(text, 10), None, "{text}");
        }
        assert_eq!(range_start("bytes 0-18446744073709551615/*", 0), None);
    }

    proptest! {
        #[test]
        fn ranges_are_read_as_they_are_written(first in 0u64..1000, more in 0u64..1000) {
            let size = first + more + 1;
            let text = format!("bytes {first}-{}/{size}", size - 1);
            prop_assert_eq!(range_start(&text, size), Some(first));
        }

        #[test]
        fn whatever_comes_is_read(text in "\\PC{0,60}", size: u64) {
            range_start(&text, size);
        }
    }
}

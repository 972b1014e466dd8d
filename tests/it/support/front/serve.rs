//! One exchange: refused, answered by the front itself, or passed on, whole or in part.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::head::Head;
use super::token::{self, Verdict};
use super::{Inside, Kind, Place};

/// Bodies are passed on in pieces of at most so many bytes.
const PIECE: usize = 32 * 1024;

/// Before each piece of a [`Kind::Slow`].
const SLOW: Duration = Duration::from_millis(50);

type Client = BufReader<TcpStream>;

pub async fn accept(listener: std::net::TcpListener, inside: Arc<Inside>, storage: bool) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let inside = Arc::clone(&inside);
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let mut client = BufReader::with_capacity(PIECE, stream);
            // An error is a connection that one side broke off.
            while let Ok(Some(head)) = Head::read(&mut client).await {
                let exchange = Exchange::new(&inside, head, storage);
                if !exchange.run(&mut client).await.unwrap_or(false) {
                    break;
                }
            }
        });
    }
}

struct Exchange<'a> {
    inside: &'a Inside,
    head: Head,
    place: Place,
    kind: Option<Kind>,
    pace: Pace,
}

impl<'a> Exchange<'a> {
    fn new(inside: &'a Inside, head: Head, storage: bool) -> Self {
        let place = Place::of(&head, storage);
        inside.count(|counts| *counts.requests.entry(place).or_default() += 1);
        let kind = inside.strikes(place);
        let exchange = Exchange {
            inside,
            head,
            place,
            kind,
            pace: Pace::new(inside.plan.rate, kind == Some(Kind::Slow)),
        };
        if exchange.is_upload() {
            inside.count(|counts| counts.bodies.push((place, exchange.body_length())));
        }
        exchange
    }

    /// Whether the connection can serve another.
    async fn run(mut self, client: &mut Client) -> io::Result<bool> {
        match self.own_answer() {
            Some(answer) => self.refuse(client, &answer).await,
            None => self.pass_on(client).await,
        }
    }

    /// The answer that needs no registry.
    fn own_answer(&self) -> Option<String> {
        let (inside, head) = (self.inside, &self.head);
        let storage = self.place == Place::Redirect;
        match self.kind {
            Some(Kind::Unavailable) => return Some(answer("503 Service Unavailable", "", "")),
            Some(Kind::TooMany) => return Some(answer("429 Too Many Requests", "retry-after: 1\r\n", "")),
            Some(Kind::Unauthorized) if storage => return Some(answer("401 Unauthorized", "", "")),
            Some(Kind::Unauthorized) => return Some(self.challenge()),
            Some(Kind::Echo) => return Some(self.echo()),
            _ => {}
        }
        if storage {
            let leaked = head.header("authorization").is_some();
            inside.count(|counts| counts.leaked += usize::from(leaked));
            return leaked.then(|| answer("400 Bad Request", "", "Only one auth mechanism allowed"));
        }
        if let Some(bearer) = inside.plan.bearer {
            // A fault that breaks the exchange off has something to break.
            if self.place == Place::Token {
                let body = token::issue(&inside.key, bearer, inside.plan.planted.map(|planted| planted.token));
                return Some(answer("200 OK", "content-type: application/json\r\n", &body));
            }
            let verdict = token::verify(&inside.key, head.header("authorization"));
            inside.count(|counts| {
                counts.unauthorized += usize::from(verdict != Verdict::Good);
                counts.expired += usize::from(verdict == Verdict::Expired);
            });
            if verdict != Verdict::Good {
                return Some(self.challenge());
            }
        }
        if inside.plan.redirect && self.place == Place::Get {
            let signature = inside
                .plan
                .planted
                .map(|planted| format!("?X-Amz-Signature={}", planted.query));
            let location = format!(
                "location: {}{}{}\r\n",
                inside.storage,
                head.target(),
                signature.unwrap_or_default()
            );
            return Some(answer("307 Temporary Redirect", &location, ""));
        }
        let too_long = self.is_upload() && inside.plan.body_limit.is_some_and(|limit| self.body_length() > limit);
        too_long.then(|| answer("413 Content Too Large", "", ""))
    }

    /// What came, and what is inside of it.
    fn echo(&self) -> String {
        let header = self.head.header("authorization").unwrap_or("nothing");
        let (_, credential) = header.split_once(' ').unwrap_or_default();
        let inside = STANDARD.decode(credential).unwrap_or_default();
        let message = format!("{header} {} {}", String::from_utf8_lossy(&inside), self.head.target());
        let body = serde_json::json!({"errors": [{"code": "DENIED", "message": message}]});
        answer("403 Forbidden", "content-type: application/json\r\n", &body.to_string())
    }

    fn challenge(&self) -> String {
        let path = self.head.path().trim_start_matches("/v2/");
        let name = ["/blobs/", "/manifests/", "/tags/", "/referrers/"]
            .iter()
            .find_map(|part| path.split_once(part))
            .map_or("", |(name, _)| name);
        let header = format!(
            "www-authenticate: Bearer realm=\"{}{}\",service=\"front\",scope=\"repository:{name}:pull,push\"\r\n",
            self.inside.origin,
            token::PATH
        );
        answer(
            "401 Unauthorized",
            &header,
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}",
        )
    }

    fn is_upload(&self) -> bool {
        [Place::Put, Place::Patch].contains(&self.place)
    }

    fn body_length(&self) -> u64 {
        self.head.length().unwrap_or_default()
    }

    /// Whether the exchange is to be broken off half way, and how.
    fn breaks(&self) -> Option<Kind> {
        self.kind
            .filter(|kind| [Kind::Reset, Kind::Eof, Kind::Stall].contains(kind))
    }

    /// Answers at once, then takes in what is still sent: a connection closed on unread bytes loses the answer.
    async fn refuse(&mut self, client: &mut Client, answer: &str) -> io::Result<bool> {
        if let Some(kind) = self.breaks() {
            client
                .get_mut()
                .write_all(&answer.as_bytes()[..answer.len() / 2])
                .await?;
            return end(client, kind).await;
        }
        if self.kind == Some(Kind::Slow) {
            tokio::time::sleep(SLOW).await;
        }
        let answer = match self.head.method.as_str() {
            "HEAD" => answer.split_inclusive("\r\n\r\n").next().unwrap_or_default(),
            _ => answer,
        };
        client.get_mut().write_all(answer.as_bytes()).await?;
        let mut left = self.body_length();
        while left > 0 {
            let piece = self.take(client, left).await?;
            left -= piece.len() as u64;
            if self.is_upload() {
                self.inside.count(|counts| counts.refused += piece.len() as u64);
            }
        }
        Ok(true)
    }

    async fn pass_on(&mut self, client: &mut Client) -> io::Result<bool> {
        let mut upstream = TcpStream::connect(&self.inside.upstream).await?;
        self.head.set("connection", Some("close"));
        self.head.set("authorization", None);
        upstream.write_all(&self.head.bytes()).await?;
        let length = self.body_length();
        let breaks = self.breaks();
        let mut left = if breaks.is_some() { length / 2 } else { length };
        while left > 0 {
            let piece = self.take(client, left).await?;
            left -= piece.len() as u64;
            upstream.write_all(&piece).await?;
        }
        match breaks.filter(|_| length > 0) {
            Some(kind) => end(client, kind).await,
            None => self.answer(client, BufReader::with_capacity(PIECE, upstream)).await,
        }
    }

    /// The registry's answer, on its way back.
    async fn answer(&mut self, client: &mut Client, mut upstream: BufReader<TcpStream>) -> io::Result<bool> {
        let mut head = Head::read(&mut upstream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if self.kind == Some(Kind::Lost) {
            return Ok(false);
        }
        let framed = head.framed(&self.head.method);
        head.set("connection", if framed { None } else { Some("close") });
        if let (Place::Post, Some(least)) = (self.place, self.inside.plan.chunk_min) {
            head.set("oci-chunk-min-length", Some(&least.to_string()));
        }
        if let (Some(location), Some(planted)) = (head.header("location"), self.inside.plan.planted)
            && location.contains("/blobs/uploads/")
        {
            let location = format!("{location}&_state={}", planted.query);
            head.set("location", Some(&location));
        }
        let body = head.length().filter(|_| self.head.method != "HEAD").unwrap_or_default();
        let blob = [Place::Get, Place::Redirect].contains(&self.place) && head.status() < 300;
        let mut bytes = head.bytes();
        let end_after = match self.breaks() {
            Some(kind) => Some((kind, body / 2)),
            None => self.inside.plan.cut.filter(|(_, after)| blob && *after < body),
        };
        if self.breaks().is_some() && body == 0 {
            bytes.truncate(bytes.len() / 2);
        }
        client.get_mut().write_all(&bytes).await?;
        let mut left = end_after.map_or(u64::MAX, |(_, after)| after);
        while left > 0 {
            let piece = read_piece(&mut upstream, left).await?;
            if piece.is_empty() {
                return Ok(framed);
            }
            left -= piece.len() as u64;
            self.pace.wait(piece.len()).await;
            client.get_mut().write_all(&piece).await?;
            if blob {
                self.inside.count(|counts| counts.fetched += piece.len() as u64);
            }
        }
        match end_after {
            Some((kind, _)) => end(client, kind).await,
            None => Ok(framed),
        }
    }

    /// A piece of the request's body, counted.
    async fn take(&mut self, client: &mut Client, most: u64) -> io::Result<Vec<u8>> {
        let piece = read_piece(client, most).await?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.is_upload() {
            self.inside.count(|counts| counts.sent += piece.len() as u64);
        }
        self.pace.wait(piece.len()).await;
        Ok(piece)
    }
}

/// Empty at the end.
async fn read_piece(stream: &mut (impl AsyncRead + Unpin), most: u64) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE);
    stream.take(most.min(PIECE as u64)).read_buf(&mut piece).await?;
    Ok(piece)
}

/// Ends a connection in the middle of something.
async fn end(client: &mut Client, kind: Kind) -> io::Result<bool> {
    match kind {
        Kind::Reset => client.get_ref().set_zero_linger()?,
        Kind::Stall => std::future::pending::<()>().await,
        _ => client.get_mut().shutdown().await?,
    }
    Ok(false)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Holds bytes back.
struct Pace {
    rate: Option<u64>,
    slow: bool,
    begun: Instant,
    bytes: u64,
}

impl Pace {
    fn new(rate: Option<u64>, slow: bool) -> Self {
        Pace {
            rate,
            slow,
            begun: Instant::now(),
            bytes: 0,
        }
    }

    async fn wait(&mut self, bytes: usize) {
        if self.slow {
            tokio::time::sleep(SLOW).await;
        }
        self.bytes += bytes as u64;
        if let Some(rate) = self.rate {
            let due = Duration::from_micros(self.bytes.saturating_mul(1_000_000) / rate);
            tokio::time::sleep_until(self.begun + due).await;
        }
    }
}

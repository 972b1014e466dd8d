//! The head of a request or an answer, as text.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// No head of ours or a registry's is longer.
const LIMIT: usize = 64 * 1024;

/// First line and headers, in their order.
pub struct Head {
    pub method: String,
    line: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// `None` at the end of the connection.
    pub async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut lines = Vec::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            length += stream.read_line(&mut line).await?;
            if line.is_empty() && lines.is_empty() {
                return Ok(None);
            }
            if line.is_empty() || length > LIMIT {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                break;
            }
            lines.push(line.to_owned());
        }
        let line = lines.first().cloned().unwrap_or_default();
        let headers = lines.iter().skip(1).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Ok(Some(Head {
            method: line.split(' ').next().unwrap_or_default().to_owned(),
            headers: headers.collect(),
            line,
        }))
    }

    /// A request's path and query.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// An answer's status.
    pub fn status(&self) -> u16 {
        self.target().parse().unwrap_or_default()
    }

    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Whether the end of an answer can be told without the end of the connection.
    pub fn framed(&self, method: &str) -> bool {
        self.length().is_some()
            || self.header("transfer-encoding").is_some()
            || method == "HEAD"
            || [204, 304].contains(&self.status())
    }

    /// Without the headers of that name (lower case), and with this one if there is a value.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(key, _)| key != name);
        if let Some(value) = value {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        text.into_bytes()
    }
}

//! The client against servers that speak TLS, or say nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::*;
use crate::error::{Class, Error, Result};
use crate::report::Report;

fn options() -> Options {
    Options {
        retries: 0,
        idle_timeout: Duration::from_millis(400),
        answer_timeout: Duration::from_millis(400),
        ..Options::default()
    }
}

async fn get(options: &Options, host: &Host) -> Result<Answer> {
    let client = Client::new(options, &Report::silent())?;
    let request = Request::new(Method::GET, client.root(host)?, "test");
    client.send(&request, &mut client.budget()).await.map_err(Error::from)
}

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// A server with a certificate for 127.0.0.1, and the PEM file of its authority.
async fn tls_server() -> (Host, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    stream.write_all(ANSWER).await.unwrap();
                    stream.shutdown().await.unwrap();
                }
            });
        }
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), made.cert.pem()).unwrap();
    (host, file)
}

#[tokio::test]
async fn certificates_are_checked_against_ca_file_unless_the_host_is_named_insecure() {
    let (host, authority) = tls_server().await;
    let trusting = Options {
        ca_file: Some(authority.path().to_owned().try_into().unwrap()),
        ..options()
    };
    assert_eq!(get(&trusting, &host).await.unwrap().status, 204);
    let careless = Options {
        insecure: vec![host.clone()],
        ..options()
    };
    assert_eq!(get(&careless, &host).await.unwrap().status, 204);
    // A host that is named doesn't vouch for another.
    let (other, _authority) = tls_server().await;
    let mixed = Options {
        insecure: vec![host.clone()],
        ..trusting.clone()
    };
    let error = get(&mixed, &other).await.unwrap_err();
    assert_eq!(error.class(), Class::Network);
    assert!(error.message().contains("TLS: invalid peer certificate"), "{error}");
    assert!(error.way_out().unwrap().contains("`ca-file`"));
}

#[tokio::test]
async fn plain_http_where_tls_was_expected_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host: Host = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .await;
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    let secured = Options {
        insecure: vec![host.clone()],
        ..options()
    };
    let error = get(&secured, &host).await.unwrap_err();
    assert!(error.way_out().unwrap().contains("`plain-http`"), "{error}");
}

#[tokio::test]
async fn schemes_follow_the_options_then_custom() {
    let scheme = |options: &Options, host: &str| {
        let client = Client::new(options, &Report::silent()).unwrap();
        client.root(&host.parse().unwrap()).unwrap().scheme().to_owned()
    };
    let named = Options {
        plain_http: vec!["r.example:5000".parse().unwrap()],
        insecure: vec!["localhost:5001".parse().unwrap()],
        ..options()
    };
    for (host, expected) in [
        ("r.example:5000", "http"),
        ("r.example", "https"),
        ("localhost:5000", "http"),
        ("127.0.0.1", "http"),
        ("[::1]:5000", "http"),
        ("localhost:5001", "https"),
        ("localhost.example", "https"),
    ] {
        assert_eq!(scheme(&named, host), expected, "{host}");
    }
}

#[tokio::test]
async fn an_upload_that_nobody_reads_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host: Host = listener.local_addr().unwrap().to_string().parse().unwrap();
    let client = Client::new(&options(), &Report::silent()).unwrap();
    let piece = Bytes::from(vec![0; 1024 * 1024]);
    let body = Body::Stream(
        64 * 1024 * 1024,
        Arc::new(move || stream::iter(vec![piece.clone(); 64]).map(Ok).boxed()),
    );
    let request = Request::new(Method::PUT, client.root(&host).unwrap(), "test").body(body);
    let accepted = tokio::spawn(async move { listener.accept().await });
    let error = Error::from(client.send(&request, &mut client.budget()).await.unwrap_err());
    assert!(error.message().contains("no progress for 400ms"), "{error}");
    drop(accepted);
}

#[tokio::test]
async fn an_upload_that_was_read_and_not_answered_gets_the_patience_of_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host: Host = listener.local_addr().unwrap().to_string().parse().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.read(&mut [0; 65536]).await.is_ok_and(|read| read > 0) {}
    });
    let impatient = Options {
        idle_timeout: Duration::from_millis(50),
        ..options()
    };
    let client = Client::new(&impatient, &Report::silent()).unwrap();
    let body = Body::Stream(4, Arc::new(|| stream::iter([Ok(Bytes::from_static(b"body"))]).boxed()));
    let request = Request::new(Method::PUT, client.root(&host).unwrap(), "test").body(body);
    let error = Error::from(client.send(&request, &mut client.budget()).await.unwrap_err());
    assert!(error.message().contains("no answer for 400ms"), "{error}");
    server.abort();
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host: Host = listener.local_addr().unwrap().to_string().parse().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            .await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let error = get(&options(), &host).await.unwrap_err();
    assert!(error.message().contains("no progress for 400ms"), "{error}");
    server.abort();
}

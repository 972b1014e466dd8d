//! A server that only writes down what arrives: for "no credential is sent there" and "no request is made".

use super::message::Reply;
use super::server::Server;
use super::tls::tls;

/// Answers `status` to everything.
pub fn recorder(status: u16) -> Server {
    Server::start(None, |_| Box::new(move |_: &_| Reply::new(status)))
}

/// The same behind TLS with the tests' authority.
pub fn recorder_with_tls(status: u16) -> Server {
    Server::start(Some(tls().acceptor()), |_| Box::new(move |_: &_| Reply::new(status)))
}

/// Answers 401 with a challenge to everything: asks for a credential, for the token service at `realm` or as Basic.
pub fn asker(realm: Option<&str>) -> Server {
    let challenge = match realm {
        Some(realm) => format!("Bearer realm=\"{realm}\",service=\"recorder\""),
        None => "Basic realm=\"recorder\"".to_owned(),
    };
    Server::start(None, |_| {
        Box::new(move |_: &_| Reply::new(401).header("www-authenticate", &challenge))
    })
}

/// Fails if any request carried a credential: a header that holds one, or any of `secrets` anywhere.
pub fn assert_no_credential(server: &Server, secrets: &[&str]) {
    for request in server.requests() {
        for name in ["authorization", "proxy-authorization", "cookie"] {
            assert_eq!(request.header(name), None, "{}", request.line());
        }
        let text = format!("{request:?}");
        for secret in secrets {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

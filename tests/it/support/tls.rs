//! A certificate authority of a test's own, and a server certificate for this machine.

use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// What a server and those who trust it need, in PEM.
pub struct Tls {
    pub authority: String,
    pub certificate: String,
    pub key: String,
    /// A client's certificate and key.
    pub client: String,
    acceptor: TlsAcceptor,
    strict: TlsAcceptor,
}

/// Made once for all tests.
pub fn tls() -> &'static Tls {
    static TLS: OnceLock<Tls> = OnceLock::new();
    TLS.get_or_init(make)
}

impl Tls {
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// For a server that takes only clients with a certificate of the authority.
    pub fn strict(&self) -> TlsAcceptor {
        self.strict.clone()
    }
}

fn make() -> Tls {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let client_key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(["client".to_owned()])
        .unwrap()
        .signed_by(&client_key, &authority)
        .unwrap();
    let mut trusted = RootCertStore::empty();
    trusted.add(authority.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
        .build()
        .unwrap();
    let acceptor = |strict: bool| {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match strict {
            true => builder.with_client_cert_verifier(Arc::clone(&clients)),
            false => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    };
    Tls {
        authority: authority.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        client: format!("{}{}", client.pem(), client_key.serialize_pem()),
        acceptor: acceptor(false),
        strict: acceptor(true),
    }
}

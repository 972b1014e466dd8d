//! What we prove who we are with to servers that ask for a certificate (mTLS).

use camino::Utf8Path;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Options;
use crate::error::{Error, Result};

/// Reads `client-cert` and `client-key`.
///
/// # Errors
/// A file that can't be read or holds nothing of use, an encrypted key, a key of another certificate: usage.
pub(super) fn read(options: &Options) -> Result<Option<reqwest::Identity>> {
    let Some(cert_path) = &options.client_cert else {
        return match &options.client_key {
            Some(path) => Err(
                Error::usage(format!("client-key {path}: there is no certificate with it"))
                    .hint("name the certificate's file in `client-cert`"),
            ),
            None => Ok(None),
        };
    };
    let cert = read_pem("client-cert", cert_path)?;
    let (key_input, key_path, key) = match &options.client_key {
        Some(path) => ("client-key", path, read_pem("client-key", path)?),
        None => ("client-cert", cert_path, cert.clone()),
    };
    let refuse = |input: &str, path: &Utf8Path, why: &str, hint: &str| {
        Err(Error::usage(format!("{input} {path}: {why}")).hint(hint))
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&cert).filter_map(Result::ok).collect();
    if chain.is_empty() {
        let hint = "name a file with a certificate in PEM form: -----BEGIN CERTIFICATE-----";
        return refuse("client-cert", cert_path, "it holds no certificate", hint);
    }
    let text = String::from_utf8_lossy(&key);
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
        let hint = "decrypt it first: openssl pkey -in KEY -out DECRYPTED";
        return refuse(key_input, key_path, "its key is encrypted", hint);
    }
    let Ok(der) = PrivateKeyDer::from_pem_slice(&key) else {
        let hint = "name the file of the key, in PEM form, in `client-key`";
        return refuse(key_input, key_path, "it holds no private key", hint);
    };
    let mut joined = Vec::new();
    for certificate in &chain {
        joined.extend_from_slice(encode("CERTIFICATE", certificate).as_bytes());
    }
    joined.extend_from_slice(encode(label(&der), der.secret_der()).as_bytes());
    let provider = rustls::crypto::ring::default_provider();
    if let Err(error) = rustls::sign::CertifiedKey::from_der(chain, der, &provider) {
        let why = format!("its key can't be used with the certificate of {cert_path}: {error}");
        let hint = "name the key that the certificate was made for: RSA, P-256, P-384 or Ed25519";
        return refuse(key_input, key_path, &why, hint);
    }
    reqwest::Identity::from_pem(&joined).map(Some).map_err(|error| {
        Error::usage(format!("client-cert {cert_path}: {error}")).hint("name a certificate and its key in PEM form")
    })
}

fn read_pem(input: &str, path: &Utf8Path) -> Result<Vec<u8>> {
    fs_err::read(path).map_err(|error| {
        Error::usage(format!("{input}: {error}"))
            .hint("name a file in PEM form that this job can read")
            .caused_by(error)
    })
}

/// One section: reqwest takes no file with other sections in it, such as `EC PARAMETERS`.
fn encode(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut section = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        section.push_str(line);
        section.push('\n');
        rest = more;
    }
    section + &format!("-----END {label}-----\n")
}

fn label(key: &PrivateKeyDer<'_>) -> &'static str {
    match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), text).unwrap();
        file
    }

    fn read_files(cert: &str, key: Option<&str>) -> Result<Option<reqwest::Identity>> {
        let (cert, key) = (file(cert), key.map(file));
        let path = |file: &tempfile::NamedTempFile| file.path().to_owned().try_into().unwrap();
        read(&Options {
            client_cert: Some(path(&cert)),
            client_key: key.as_ref().map(path),
            ..Options::default()
        })
    }

    #[test]
    fn a_client_certificate_is_read_with_its_key_or_says_what_is_wrong() {
        let made = || rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
        let (ours, other) = (made(), made());
        let (cert, key) = (ours.cert.pem(), ours.signing_key.serialize_pem());
        assert!(read_files(&cert, Some(&key)).unwrap().is_some());
        assert!(read_files(&format!("{key}{cert}"), None).unwrap().is_some());
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        for (cert, key, why) in [
            ("nothing", Some(key.as_str()), "it holds no certificate"),
            (cert.as_str(), None, "it holds no private key"),
            (cert.as_str(), Some("nothing"), "it holds no private key"),
            (cert.as_str(), Some(encrypted), "its key is encrypted"),
            (
                cert.as_str(),
                Some(other.signing_key.serialize_pem().as_str()),
                "can't be used with the certificate",
            ),
        ] {
            let error = read_files(cert, key).unwrap_err();
            assert_eq!(error.class(), Class::Usage);
            assert!(error.message().contains(why), "{error}");
            assert!(error.way_out().is_some());
        }
        let alone = Options {
            client_key: Some("key.pem".into()),
            ..Options::default()
        };
        assert!(read(&alone).unwrap_err().message().contains("client-key key.pem"));
    }
}

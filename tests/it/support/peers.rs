//! Real registries, as `scripts/install-peers` puts them into a cache folder. Tests that need one are ignored by
//! default: `#[ignore = "needs the peers: scripts/test-peers"]`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::tls::tls;

/// Longest wait for a registry to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program `name` of the peers: in `$OCI_ARTIFACT_PEERS/bin`, by default below the user's cache.
#[allow(
    clippy::disallowed_methods,
    reason = "the program doesn't read these variables, this test does"
)]
pub fn program(name: &str) -> Utf8PathBuf {
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .map(Utf8PathBuf::from)
    };
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let peers = variable("OCI_ARTIFACT_PEERS").or_else(|| Some(cache()?.join("oci-artifact/peers")));
    let path = peers.expect("HOME or OCI_ARTIFACT_PEERS").join("bin").join(name);
    assert!(path.exists(), "{path} isn't there: run scripts/install-peers");
    path
}

/// A running registry; dropping it kills it, by its id, and removes its data.
pub struct Peer {
    child: Child,
    host: String,
    directory: tempfile::TempDir,
}

/// What a registry asks of those who come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access {
    /// User and password (htpasswd); distribution alone.
    pub login: Option<(&'static str, &'static str)>,
    /// HTTPS with a certificate of [`super::tls`].
    pub tls: bool,
}

impl Peer {
    /// olareg: has a referrers API and deletes.
    pub fn olareg(access: Access) -> Self {
        Peer::olareg_with(access, &[])
    }

    /// The same, with further flags.
    pub fn olareg_with(access: Access, flags: &[&str]) -> Self {
        assert!(access.login.is_none(), "olareg has no users");
        Peer::start("olareg", &[], |port, directory| {
            let mut args: Vec<String> = [
                "serve",
                "--addr",
                "127.0.0.1",
                "--api-delete",
                "--api-blob-delete",
                "--port",
            ]
            .map(str::to_owned)
            .into();
            args.extend([
                port.to_string(),
                "--dir".to_owned(),
                directory.join("data").into_string(),
            ]);
            args.extend(flags.iter().map(|flag| (*flag).to_owned()));
            if access.tls {
                let (certificate, key) = write_tls(directory);
                args.extend(["--tls-cert".to_owned(), certificate, "--tls-key".to_owned(), key]);
            }
            args
        })
    }

    /// distribution: no referrers API.
    pub fn distribution(access: Access) -> Self {
        Peer::start("registry", &[("OTEL_TRACES_EXPORTER", "none")], |port, directory| {
            let tls = if access.tls {
                let (certificate, key) = write_tls(directory);
                format!(", tls: {{certificate: {certificate:?}, key: {key:?}}}")
            } else {
                String::new()
            };
            let auth = access.login.map_or_else(String::new, |(username, password)| {
                let file = directory.join("htpasswd");
                fs_err::write(&file, htpasswd_line(username, password)).unwrap();
                format!("auth: {{htpasswd: {{realm: test, path: {:?}}}}}\n", file.as_str())
            });
            let data = directory.join("data");
            let config = format!(
                "version: 0.1\n\
                 log: {{level: error, accesslog: {{disabled: true}}}}\n\
                 storage: {{filesystem: {{rootdirectory: {:?}, maxthreads: 100}}, delete: {{enabled: true}}}}\n\
                 {auth}http: {{addr: \"127.0.0.1:{port}\"{tls}}}\n",
                data.as_str()
            );
            let file = directory.join("config.yml");
            fs_err::write(&file, config).unwrap();
            vec!["serve".to_owned(), file.into_string()]
        })
    }

    /// The registry inside crane: no users, no TLS, no referrers API.
    pub fn crane() -> Self {
        Peer::start("crane", &[], |port, directory| {
            let data = directory.join("data");
            fs_err::create_dir(&data).unwrap();
            [
                "registry",
                "serve",
                "--address",
                &format!("127.0.0.1:{port}"),
                "--disk",
                data.as_str(),
            ]
            .map(str::to_owned)
            .into()
        })
    }

    fn start(name: &str, env: &[(&str, &str)], args: impl FnOnce(u16, &Utf8Path) -> Vec<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        // Free now; the registry takes it in a moment, and a test that loses the race to another fails loudly.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs_err::File::create(path.join("log")).unwrap();
        let child = Command::new(program(name))
            .args(args(port, path))
            .env_clear()
            .env("HOME", path)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.into_parts().0)
            .spawn()
            .unwrap();
        let mut peer = Peer {
            child,
            host: format!("127.0.0.1:{port}"),
            directory,
        };
        peer.wait_until_ready();
        peer
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.listens() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{} ended with {status}: {}", self.host, self.log());
            }
            assert!(
                Instant::now() < deadline,
                "{} doesn't listen: {}",
                self.host,
                self.log()
            );
            // Nothing tells when a process of another's begins to listen.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it accepts a connection, and says something: to a plain request, over TLS too.
    fn listens(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(&self.host) else {
            return false;
        };
        let request = format!("GET /v2/ HTTP/1.0\r\nHost: {}\r\n\r\n", self.host);
        let mut byte = [0];
        stream.write_all(request.as_bytes()).is_ok() && stream.read(&mut byte).is_ok_and(|read| read == 1)
    }

    fn log(&self) -> String {
        fs_err::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where olareg and distribution keep what they have.
    pub fn data(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.directory.path().join("data")).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_tls(directory: &Utf8Path) -> (String, String) {
    let (certificate, key) = (directory.join("tls.crt"), directory.join("tls.key"));
    fs_err::write(&certificate, &tls().certificate).unwrap();
    fs_err::write(&key, &tls().key).unwrap();
    (certificate.into_string(), key.into_string())
}

/// The bcrypt line that distribution wants.
fn htpasswd_line(username: &str, password: &str) -> String {
    let mut child = Command::new(program("htpasswd-line"))
        .arg(username)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

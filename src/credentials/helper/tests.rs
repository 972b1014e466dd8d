//! Helpers that answer, fail, lie and hang.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic, too")]

use super::*;

/// A folder of helpers, each a name of the one in `tests/helpers`.
pub(in crate::credentials) struct Folder(tempfile::TempDir);

impl Folder {
    pub(in crate::credentials) fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helpers/docker-credential");
            let link = folder.path().join(format!("docker-credential-{name}"));
            std::os::unix::fs::symlink(program, link).unwrap();
        }
        Folder(folder)
    }

    pub(in crate::credentials) fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(in crate::credentials) fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.0.path().display())
    }

    fn helpers(&self, more: &[(&str, &str)]) -> Helpers {
        let path = self.path();
        let env: Env = [("PATH", path.as_str())].iter().chain(more).copied().collect();
        Helpers::new(&env, &Report::silent())
    }
}

async fn get(name: &str) -> Result<Option<Credential>, String> {
    let folder = Folder::new(&[name]);
    let got = folder.helpers(&[]).get(name, "r.example").await;
    got.map_err(|failure| format!("{} ({})", failure.text(name), failure.class.exit_code()))
}

fn secret(text: &str) -> Secret {
    Secret::new(text, &Report::silent())
}

fn basic(username: &str, password: &str) -> Credential {
    Credential::Basic {
        username: username.to_owned(),
        password: secret(password),
    }
}

#[tokio::test]
async fn answers_in_all_their_forms() {
    assert_eq!(get("good").await, Ok(Some(basic("me", "from-helper"))));
    assert_eq!(
        get("token").await,
        Ok(Some(Credential::RefreshToken(secret("an-identity-token"))))
    );
}

/// google/go-containerregistry#258: some write the sentence with spaces or newlines around it.
#[tokio::test]
async fn ggcr_258_not_found_is_trimmed() {
    assert_eq!(get("none").await, Ok(None));
}

#[tokio::test]
async fn what_helpers_do_wrong() {
    let mut told = String::new();
    for name in ["fail", "leak", "junk", "empty", "nobody", "huge", "other"] {
        told += &format!("{}\n", get(name).await.unwrap_err());
    }
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told, @"
    docker-credential-fail: it failed: the keychain is locked (3)
    docker-credential-leak: it failed without a reason (3)
    docker-credential-junk: its answer is not the JSON of a credential (2)
    docker-credential-empty: its answer has no secret (2)
    docker-credential-nobody: its answer has no user name (2)
    docker-credential-huge: it printed more than 256 KiB (2)
    docker-credential-other: it failed: not in this test (3)
    ");
}

#[tokio::test]
async fn a_helper_that_is_not_on_path_is_missing() {
    let folder = Folder::new(&[]);
    let failure = folder.helpers(&[]).get("desktop", "r.example").await.unwrap_err();
    insta::assert_snapshot!(failure.text("desktop"), @"docker-credential-desktop: there is no such program on PATH");
    let relative: Env = [("PATH", "tests/helpers:.")].into_iter().collect();
    let helpers = Helpers::new(&relative, &Report::silent());
    assert!(helpers.get("", "r.example").await.is_err());
    let failure = helpers.get("x", "r.example").await.unwrap_err();
    assert!(failure.text("x").contains("no such program"), "{failure:?}");
}

/// Not a path, and nothing that a shell would read.
#[tokio::test]
async fn a_name_is_only_a_name() {
    let folder = Folder::new(&["good"]);
    for name in ["../good", "good;id", "good get", "$(id)", "good\n", "é", ""] {
        let failure = folder.helpers(&[]).get(name, "r.example").await.unwrap_err();
        assert_eq!(failure.class, Class::Usage, "{name:?}");
    }
}

#[tokio::test]
async fn it_gets_the_environment_but_for_our_inputs() {
    let folder = Folder::new(&["environment"]);
    let helpers = folder.helpers(&[("HOME", "/home/me"), ("OCI_ARTIFACT_PASSWORD", "p")]);
    let found = helpers.get("environment", "r.example").await;
    assert_eq!(found, Ok(Some(basic("unset", "/home/me"))));
}

#[tokio::test]
async fn the_key_arrives_as_it_is() {
    let folder = Folder::new(&["good"]);
    let log = folder.file("log");
    let helpers = folder.helpers(&[("HELPER_LOG", &log)]);
    helpers.get("good", "https://index.docker.io/v1/").await.unwrap();
    assert_eq!(fs_err::read_to_string(&log).unwrap(), "https://index.docker.io/v1/\n");
}

#[tokio::test]
async fn one_that_hangs_is_given_up() {
    let folder = Folder::new(&["hang"]);
    let helpers = folder.helpers(&[]).patience(Duration::from_millis(50));
    let failure = helpers.get("hang", "r.example").await.unwrap_err();
    assert_eq!(failure.class, Class::Denied);
    assert_eq!(
        failure.text("hang"),
        "docker-credential-hang: it gave no answer within 0 s"
    );
}

/// It and its child hold the fifo open; reading it ends when both are gone.
#[tokio::test]
async fn one_that_is_given_up_ends_with_its_children() {
    use std::io::Read as _;
    let folder = Folder::new(&["hang"]);
    let fifo = folder.file("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let helpers = folder.helpers(&[("HELPER_LOG", &fifo)]);
    let opened = tokio::task::spawn_blocking(move || fs_err::File::open(fifo).unwrap());
    let mut file = tokio::select! {
        got = helpers.get("hang", "r.example") => panic!("{got:?}"),
        file = opened => file.unwrap(),
    };
    let read = tokio::task::spawn_blocking(move || file.read_to_end(&mut Vec::new()).unwrap());
    assert_eq!(read.await.unwrap(), 0);
}

#[tokio::test]
async fn it_keeps_and_forgets() {
    let folder = Folder::new(&["keeps", "none"]);
    let log = folder.file("log");
    let helpers = folder.helpers(&[("HELPER_LOG", &log)]);
    helpers
        .store("keeps", "r.example", Some("me"), &secret("p"))
        .await
        .unwrap();
    assert_eq!(helpers.get("keeps", "r.example").await, Ok(Some(basic("me", "p"))));
    helpers.erase("keeps", "r.example").await.unwrap();
    assert_eq!(helpers.get("keeps", "r.example").await, Ok(None));
    helpers.store("keeps", "r.example", None, &secret("t")).await.unwrap();
    assert_eq!(
        helpers.get("keeps", "r.example").await,
        Ok(Some(Credential::RefreshToken(secret("t"))))
    );
    assert!(helpers.store("none", "r.example", None, &secret("t")).await.is_err());
}

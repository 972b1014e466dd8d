//! What is written, and what stays as it was.

use super::*;
use crate::report::Secret;

struct Home(tempfile::TempDir);

impl Home {
    fn new(config: Option<&str>) -> Self {
        let home = Home(tempfile::tempdir().unwrap());
        if let Some(config) = config {
            fs_err::create_dir(home.0.path().join(".docker")).unwrap();
            fs_err::write(home.config(), config).unwrap();
        }
        home
    }

    fn config(&self) -> std::path::PathBuf {
        self.0.path().join(".docker/config.json")
    }

    fn text(&self) -> String {
        fs_err::read_to_string(self.config()).unwrap()
    }

    fn env(&self) -> Env {
        [("HOME", self.0.path())].into_iter().collect()
    }

    async fn login(&self, host: &str, credential: &Credential) -> Result<Saved> {
        store(&host.parse().unwrap(), credential, &self.env(), &Report::silent()).await
    }

    async fn logout(&self, host: &str) -> Result<Saved> {
        erase(&host.parse().unwrap(), &self.env(), &Report::silent()).await
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text, &Report::silent())
}

fn basic() -> Credential {
    Credential::Basic {
        username: "me".to_owned(),
        password: secret("p"),
    }
}

const FOREIGN: &str = r#"{
  "z": 1.10,
  "auths": {
    "other.example": {"auth": "eDp5", "more": 1e400}
  },
  "HttpHeaders": {"A": "é"}
}"#;

#[tokio::test]
async fn what_others_wrote_keeps_its_order_and_its_bytes() {
    let home = Home::new(Some(FOREIGN));
    home.login("r.example", &basic()).await.unwrap();
    insta::assert_snapshot!(home.text(), @r#"
    {
    	"z": 1.10,
    	"auths": {
    		"other.example": {"auth": "eDp5", "more": 1e400},
    		"r.example": {
    			"auth": "bWU6cA=="
    		}
    	},
    	"HttpHeaders": {"A": "é"}
    }
    "#);
    // Again: nothing grows.
    let once = home.text();
    home.login("r.example", &basic()).await.unwrap();
    assert_eq!(home.text(), once);
    assert!(home.logout("r.example").await.unwrap().any);
    insta::assert_snapshot!(home.text(), @r#"
    {
    	"z": 1.10,
    	"auths": {
    		"other.example": {"auth": "eDp5", "more": 1e400}
    	},
    	"HttpHeaders": {"A": "é"}
    }
    "#);
    assert!(!home.logout("r.example").await.unwrap().any);
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = Home::new(None);
    home.login("r.example", &basic()).await.unwrap();
    assert_eq!(mode(&home.config()), 0o600);
    assert_eq!(mode(home.config().parent().unwrap()), 0o700);
    let home = Home::new(Some("{}"));
    fs_err::set_permissions(home.config(), std::fs::Permissions::from_mode(0o644)).unwrap();
    home.login("r.example", &basic()).await.unwrap();
    assert_eq!(mode(&home.config()), 0o600);
    assert_eq!(fs_err::read_dir(home.config().parent().unwrap()).unwrap().count(), 1);
}

/// It holds what the file holds.
#[cfg(unix)]
#[tokio::test]
async fn what_a_login_that_was_killed_left_goes_with_the_next() {
    let home = Home::new(Some("{}"));
    let left = home.config().with_file_name(".oci-artifact-abcdefghijkl");
    fs_err::write(&left, "{}").unwrap();
    home.login("r.example", &basic()).await.unwrap();
    assert!(!left.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_stays_one() {
    let home = Home::new(Some("{}"));
    let real = home.0.path().join("real.json");
    fs_err::rename(home.config(), &real).unwrap();
    std::os::unix::fs::symlink(&real, home.config()).unwrap();
    home.login("r.example", &basic()).await.unwrap();
    assert!(fs_err::symlink_metadata(home.config()).unwrap().is_symlink());
    assert!(fs_err::read_to_string(real).unwrap().contains("r.example"));
}

#[tokio::test]
async fn docker_hub_has_the_key_that_docker_knows() {
    let home = Home::new(Some(r#"{"auths":{"docker.io":{"auth":"eDp5"},"index.docker.io":{}}}"#));
    home.login("docker.io", &Credential::RefreshToken(secret("t")))
        .await
        .unwrap();
    insta::assert_snapshot!(home.text(), @r#"
    {
    	"auths": {
    		"https://index.docker.io/v1/": {
    			"identitytoken": "t"
    		}
    	}
    }
    "#);
    home.login("r.example", &Credential::Bearer(secret("b"))).await.unwrap();
    assert!(home.text().contains("registrytoken"));
    home.logout("registry-1.docker.io").await.unwrap();
    assert!(!home.text().contains("docker.io"));
}

#[tokio::test]
async fn what_cannot_be_stored_changes_nothing() {
    let home = Home::new(Some("{\"auths\": [\"hunter2\"]}"));
    for config in [
        "{\"auths\": [\"hunter2\"]}",
        "{\"auths\": {\"a\": {\"auth\": \"hunter2",
        "[]",
    ] {
        fs_err::write(home.config(), config).unwrap();
        let error = home.login("r.example", &basic()).await.unwrap_err();
        assert_eq!(error.class().exit_code(), 2);
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(home.text(), config);
    }
    fs_err::write(home.config(), "").unwrap();
    assert!(
        home.login("r.example", &Credential::EntraToken(secret("t")))
            .await
            .is_err()
    );
    let colon = Credential::Basic {
        username: "a:b".to_owned(),
        password: secret("p"),
    };
    assert!(home.login("r.example", &colon).await.is_err());
    assert_eq!(home.text(), "");
    home.login("r.example", &basic()).await.unwrap();
}

#[tokio::test]
async fn a_helper_that_is_missing_is_named_with_the_file() {
    let home = Home::new(Some(r#"{"credsStore":"desktop"}"#));
    let error = home.login("r.example", &basic()).await.unwrap_err();
    assert_eq!(error.class().exit_code(), 2);
    assert!(
        error.message().contains("config.json: docker-credential-desktop: "),
        "{error}"
    );
    assert_eq!(home.text(), r#"{"credsStore":"desktop"}"#);
}

#[tokio::test]
async fn a_helper_that_fails_keeps_no_password_in_the_file() {
    let home = Home::new(Some(
        r#"{"credsStore":"desktop","auths":{"r.example":{"auth":"bWU6cA=="}}}"#,
    ));
    assert_eq!(home.logout("r.example").await.unwrap_err().class().exit_code(), 2);
    assert!(!home.text().contains("bWU6cA=="));
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_has_the_secret_and_the_file_says_so() {
    use crate::credentials::helper::tests::Folder;
    let folder = Folder::new(&["keeps"]);
    let home = Home::new(Some(r#"{"credHelpers":{"r.example":"keeps"}}"#));
    let (path, log) = (folder.path(), folder.file("log"));
    let home_path = home.0.path().to_str().unwrap().to_owned();
    let env: Env = [("HOME", home_path), ("PATH", path), ("HELPER_LOG", log.clone())]
        .into_iter()
        .collect();
    let host: Host = "r.example".parse().unwrap();
    let saved = store(&host, &basic(), &env, &Report::silent()).await.unwrap();
    assert_eq!(saved.helper.as_deref(), Some("keeps"));
    assert_eq!(
        fs_err::read_to_string(&log).unwrap(),
        r#"{"ServerURL":"r.example","Username":"me","Secret":"p"}"#
    );
    insta::assert_snapshot!(home.text(), @r#"
    {
    	"credHelpers": {"r.example":"keeps"},
    	"auths": {
    		"r.example": {}
    	}
    }
    "#);
    erase(&host, &env, &Report::silent()).await.unwrap();
    assert!(!std::path::Path::new(&log).exists());
    assert!(!home.text().contains("\"r.example\": {}"));
    let error = store(&host, &Credential::Bearer(secret("b")), &env, &Report::silent()).await;
    assert!(error.is_err());
}

//! What the platform of the job sets: older services of managed identities, files with tokens.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

#[tokio::test]
async fn the_older_service_of_managed_identities_has_names_of_its_own() {
    let server = entra(200, GRANTED).await;
    let env = [
        ("MSI_ENDPOINT", "http://HOST/msi/token"),
        ("MSI_SECRET", "key"),
        ("AZURE_CLIENT_ID", "mine"),
    ];
    let found = login(&job(&server, &env, Inputs::default()), &repository(REPOSITORY)).await;
    assert_eq!(found.unwrap().unwrap().origin, "the managed identity mine at Azure");
    let seen = &server.seen()[0];
    assert!(seen.is("GET", "/msi/token?api-version=2017-09-01&"), "{}", seen.target);
    assert!(seen.target.ends_with("&clientid=mine"), "{}", seen.target);
    assert_eq!(seen.header("secret"), Some("key"));
}

/// App Service says when a token ends, not for how long it lives, and hands out one that it got earlier.
#[tokio::test]
async fn a_token_without_a_life_ends_when_it_says_itself() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{}}}"#, now + 600));
    let body = format!(r#"{{"access_token":"e30.{claims}.x","expires_on":"{}"}}"#, now + 600);
    let server = Server::start(move |_| Reply::new(200).body(body.clone())).await;
    let env = [("IDENTITY_ENDPOINT", "http://HOST/msi"), ("IDENTITY_HEADER", "key")];
    let found = login(&job(&server, &env, Inputs::default()), &repository(REPOSITORY)).await;
    assert!(life(&found.unwrap().unwrap()) <= 600);
}

#[tokio::test]
async fn a_file_that_can_be_no_token_is_named() {
    let server = entra(200, GRANTED).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let env = [AUTHORITY, ("AZURE_FEDERATED_TOKEN_FILE", path)];
    for content in [
        &b"\xff\xfe"[..],
        b" \n",
        b"two\nlines",
        b"<html>a page</html>",
        &[b'a'; 70_000],
    ] {
        fs_err::write(file.path(), content).unwrap();
        let job = without_id_tokens(job(&server, &env, ids()));
        let error = login(&job, &repository(REPOSITORY)).await.unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        assert!(
            error.way_out().unwrap().contains("AZURE_FEDERATED_TOKEN_FILE"),
            "{error}"
        );
    }
    assert!(server.lines().is_empty());
}

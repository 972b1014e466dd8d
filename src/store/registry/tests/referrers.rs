//! Referrers: by the API, by the fallback tag, and among other writers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::http::server::Seen;
use crate::oci::{ImageManifest, RawManifest, names};
use crate::store::Store;

/// A registry's manifests by what names them, without an API; what a test wants otherwise goes before it.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<HashMap<String, (String, Bytes)>>>);

impl Shelf {
    fn put(&self, name: &str, media_type: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let mut shelf = self.0.lock().unwrap();
        shelf.insert(Digest::of(&bytes).to_string(), (media_type.to_owned(), bytes.clone()));
        shelf.insert(name.to_owned(), (media_type.to_owned(), bytes));
    }

    fn get(&self, name: &str) -> Option<String> {
        let shelf = self.0.lock().unwrap();
        shelf
            .get(name)
            .map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn answer(&self, seen: &Seen) -> Reply {
        let Some(name) = seen.target.strip_prefix("/v2/a/b/manifests/") else {
            return Reply::new(404);
        };
        if seen.method == "PUT" {
            self.put(name, seen.header("content-type").unwrap(), seen.body.clone());
            return Reply::new(201);
        }
        if seen.method == "DELETE" {
            let mut shelf = self.0.lock().unwrap();
            let gone = shelf.remove(name);
            shelf.retain(|_, found| Some(&*found) != gone.as_ref());
            return Reply::new(if gone.is_some() { 202 } else { 404 });
        }
        match self.0.lock().unwrap().get(name) {
            Some((media_type, bytes)) => Reply::new(200)
                .header("content-type", media_type)
                .header("docker-content-digest", Digest::of(bytes))
                .body(bytes.clone()),
            None => Reply::new(404),
        }
    }
}

fn subject() -> Descriptor {
    Descriptor::new(names::IMAGE_MANIFEST, Digest::of(b"subject"), 7)
}

fn fallback() -> String {
    format!("sha256-{}", subject().digest.hex())
}

fn referrer(text: &str) -> RawManifest {
    ImageManifest::new("test/a+b".to_owned(), None, Vec::new())
        .annotations([("text".to_owned(), text.to_owned())].into())
        .subject(Some(subject()))
        .to_raw()
        .unwrap()
}

/// The entry of a list.
fn entry(manifest: &RawManifest) -> String {
    let text = manifest.content().map(|content| match content {
        crate::oci::Content::Artifact(artifact) => artifact.annotations["text"].clone(),
        crate::oci::Content::Index(_) => unreachable!(),
    });
    format!(
        r#"{{"mediaType":"{}","digest":"{}","size":{}, "artifactType":"test/a+b","annotations":{{"text":"{}"}}}}"#,
        manifest.media_type(),
        manifest.digest(),
        manifest.bytes().len(),
        text.unwrap()
    )
}

fn list(entries: &[String]) -> String {
    let kind = names::IMAGE_INDEX;
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{}]}}"#,
        entries.join(",")
    )
}

fn index(entries: &[String]) -> Reply {
    Reply::new(200)
        .header("content-type", names::IMAGE_INDEX)
        .body(list(entries))
}

fn is_api(seen: &Seen) -> bool {
    seen.target.starts_with("/v2/a/b/referrers/")
}

fn store(server: &Server) -> Store {
    Store::Registry(anonymous(server))
}

async fn digests(store: &Store) -> Vec<Digest> {
    let found = store.referrers(&subject().digest, None).await.unwrap();
    found.into_iter().map(|found| found.digest).collect()
}

#[tokio::test]
async fn roci_259_ggcr_2026_no_api_in_whatever_form_is_the_fallback_tag() {
    let replies: Vec<fn() -> Reply> = vec![
        || Reply::new(400),
        || Reply::new(401),
        || Reply::new(403),
        || Reply::new(404),
        || Reply::new(405),
        || Reply::new(406),
        || Reply::new(303).header("location", "https://elsewhere.invalid/-/v2/packages"),
        || Reply::new(200).header("content-type", "text/html"),
        || {
            Reply::new(200)
                .header("content-type", "application/json")
                .body(r#"{"manifests":[]}"#)
        },
        || Reply::new(200),
    ];
    for reply in replies {
        let (one, shelf) = (referrer("1"), Shelf::default());
        shelf.put(&fallback(), names::IMAGE_INDEX, list(&[entry(&one)]));
        let server = Server::start(move |seen| if is_api(seen) { reply() } else { shelf.answer(seen) }).await;
        let store = store(&server);
        for _ in 0..2 {
            assert_eq!(digests(&store).await, [one.digest().clone()]);
        }
        // It is asked for once, or as often as a 401 is believed.
        let asked: Vec<String> = server
            .lines()
            .into_iter()
            .filter(|line| line.contains("/referrers/"))
            .collect();
        assert!(
            asked.len() == 1 || asked.len() <= 4 && asked.len() < server.lines().len(),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_says_nothing_about_the_api() {
    let one = referrer("1");
    let listed = entry(&one);
    let server = Server::start(move |seen| match is_api(seen) {
        true if seen.before == 0 => Reply::new(404).body(r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#),
        true => index(std::slice::from_ref(&listed)),
        false => Reply::new(404),
    })
    .await;
    let store = store(&server);
    assert!(digests(&store).await.is_empty());
    assert_eq!(digests(&store).await, [one.digest().clone()]);
}

#[tokio::test]
async fn roci_4a36f02_the_filter_is_encoded_and_done_here_too() {
    let (one, two) = (
        entry(&referrer("1")),
        entry(&referrer("2")).replace("test/a+b", "test/a b"),
    );
    let server = Server::start(move |_| index(&[one.clone(), two.clone()])).await;
    let found = store(&server)
        .referrers(&subject().digest, Some("test/a+b"))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].digest, *referrer("1").digest());
    let query = format!("GET /v2/a/b/referrers/{}?artifactType=test%2Fa%2Bb", subject().digest);
    assert_eq!(server.lines(), [query]);
}

#[tokio::test]
async fn oras_1626_wrong_sizes_refuse_nothing_and_harbor_19690_a_plain_json_type_neither() {
    let one = referrer("1");
    let size = format!(r#""size":{}"#, one.bytes().len());
    let listed = list(&[entry(&one).replace(&size, r#""size":1"#)]);
    let (bytes, media_type) = (one.bytes().clone(), one.media_type().to_owned());
    let server = Server::start(move |seen| match is_api(seen) {
        true => Reply::new(200)
            .header("content-type", "application/json")
            .body(listed.clone()),
        false => Reply::new(200).header("content-type", &media_type).body(bytes.clone()),
    })
    .await;
    let store = store(&server);
    let found = store.referrers(&subject().digest, None).await.unwrap();
    let manifest = store
        .get_manifest(&Pointer::Digest(found[0].digest.clone()))
        .await
        .unwrap();
    assert_eq!(manifest, Some(one));
}

#[tokio::test]
async fn entries_that_do_not_say_what_they_are_are_looked_into() {
    let (one, gone, stranger) = (referrer("1"), referrer("2"), referrer("3"));
    let shelf = Shelf::default();
    shelf.put("x", one.media_type(), one.bytes().clone());
    let other = String::from_utf8(stranger.bytes().to_vec()).unwrap();
    let other = other.replace(subject().digest.hex(), Digest::of(b"other").hex());
    shelf.put("x", stranger.media_type(), other.clone());
    let other = RawManifest::new(names::IMAGE_MANIFEST, other.into());
    let bare = [&one, &gone, &other].map(|manifest| {
        let entry = entry(manifest);
        format!("{}}}", &entry[..entry.find(", \"artifactType").unwrap()])
    });
    shelf.put(&fallback(), names::IMAGE_INDEX, list(&bare));
    let server = Server::start(move |seen| shelf.answer(seen)).await;
    let found = store(&server)
        .referrers(&subject().digest, Some("test/a+b"))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].digest, *one.digest());
    assert_eq!(found[0].annotations["text"], "1");
}

#[tokio::test]
async fn m20_pages_are_followed_on_this_server_and_to_an_end() {
    let pages = |link: &'static str| {
        Server::start(move |seen| {
            let link = link.replace("NEXT", &format!("/v2/a/b/referrers/x?page={}", seen.target.len()));
            let entries: Vec<String> = match seen.target.contains("page=") {
                true => (0..600)
                    .map(|_| entry(&referrer("1")).replace(referrer("1").digest().hex(), &hex()))
                    .collect(),
                false => vec![entry(&referrer("1"))],
            };
            index(&entries).header("link", format!("<{link}>; rel=\"next\""))
        })
    };
    let class = async |link| {
        let server = pages(link).await;
        class(store(&server).referrers(&subject().digest, None).await)
    };
    assert_eq!(class("https://elsewhere.invalid/v2/").await, Class::Denied);
    assert_eq!(class("?page=1").await, Class::Network);
    assert_eq!(class("NEXT&x=").await, Class::Network);
}

/// Few entries, of which each is as long as one may be.
#[tokio::test]
async fn m20_a_list_of_endless_text_is_refused() {
    let server = Server::start(|seen| {
        let next = format!("<?page={}>; rel=\"next\"", hex());
        let long = "b".repeat(1_000_000);
        let one = || {
            format!(
                r#"{{"mediaType":"a/b","digest":"sha256:{}","size":1,"urls":["{long}"]}}"#,
                hex()
            )
        };
        assert!(is_api(seen));
        index(&std::array::from_fn::<_, 12, _>(|_| one())).header("link", next)
    })
    .await;
    let store = store(&server);
    assert_eq!(class(store.referrers(&subject().digest, None).await), Class::Network);
    assert!(server.lines().len() < 8, "{:?}", server.lines());
}

fn hex() -> String {
    (0..64).map(|_| char::from(fastrand::u8(b'a'..=b'f'))).collect()
}

#[tokio::test]
async fn oras_go_1396_gitlab_takes_the_fallback_tag_for_the_subject() {
    let server = Server::start(|seen| match (seen.method.as_str(), is_api(seen)) {
        (_, true) => Reply::new(404),
        ("PUT", _) => Reply::new(201),
        _ => Reply::new(200)
            .header("content-type", names::IMAGE_MANIFEST)
            .body("subject"),
    })
    .await;
    let store = store(&server);
    assert!(digests(&store).await.is_empty());
    let error = store.put_referrer(&referrer("1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.message().contains("for the digest in its name"), "{error}");
}

#[tokio::test]
async fn a_fallback_tag_of_something_else_lists_nothing_and_is_not_overwritten() {
    let shelf = Shelf::default();
    shelf.put(&fallback(), names::IMAGE_MANIFEST, "{}");
    let server = Server::start(move |seen| shelf.answer(seen)).await;
    let store = store(&server);
    assert!(digests(&store).await.is_empty());
    assert_eq!(class(store.put_referrer(&referrer("1")).await), Class::Conflict);
    let puts = |lines: Vec<String>| {
        lines
            .iter()
            .filter(|line| line.contains(&format!("PUT /v2/a/b/manifests/{}", fallback())))
            .count()
    };
    assert_eq!(puts(server.lines()), 0);
}

#[tokio::test]
async fn what_others_wrote_into_the_list_stays_byte_for_byte() {
    let shelf = Shelf::default();
    let foreign = [
        r#"{"size": 3, "own":[1, 2],"digest":"blake3:00","mediaType":"x/y"}"#.to_owned(),
        entry(&referrer("1")),
    ];
    let before = list(&foreign).replace("{\"schema", "{\"x\":{\"b\":1, \"a\":2},\"schema");
    shelf.put(&fallback(), names::IMAGE_INDEX, before.clone());
    let served = shelf.clone();
    let server = Server::start(move |seen| served.answer(seen)).await;
    let store = store(&server);
    let two = referrer("2");
    store.put_referrer(&two).await.unwrap();
    let after = shelf.get(&fallback()).unwrap();
    let ours = r#","annotations":{"text":"2"},"artifactType":"test/a+b"}]}"#;
    assert!(after.starts_with(before.trim_end_matches("]}")), "{after}");
    assert!(after.ends_with(ours), "{after}");
    store.delete_manifest(two.digest()).await.unwrap();
    store.forget_referrer(&subject().digest, two.digest()).await.unwrap();
    assert_eq!(shelf.get(&fallback()).unwrap(), before);
    // What is listed already is not written again.
    let puts = server.lines().iter().filter(|line| line.starts_with("PUT")).count();
    store.put_referrer(&referrer("1")).await.unwrap();
    assert_eq!(
        server.lines().iter().filter(|line| line.starts_with("PUT")).count(),
        puts + 1
    );
}

#[tokio::test]
async fn ggcr_2205_what_another_writer_takes_away_is_put_back_theirs_too_but_nothing_deleted() {
    let (ours, other, deleted, late) = (referrer("1"), referrer("2"), referrer("3"), referrer("4"));
    let shelf = Shelf::default();
    shelf.put("x", other.media_type(), other.bytes().clone());
    shelf.put(&fallback(), names::IMAGE_INDEX, list(&[entry(&other), entry(&deleted)]));
    let (served, tag) = (shelf.clone(), format!("/v2/a/b/manifests/{}", fallback()));
    let from_late = list(&[entry(&late)]);
    let server = Server::start(move |seen| {
        let reply = served.answer(seen);
        // Somebody who had read the list when it was empty.
        if seen.is("PUT", &tag) && seen.before == 0 {
            served.put(&fallback(), names::IMAGE_INDEX, from_late.clone());
        }
        reply
    })
    .await;
    store(&server).put_referrer(&ours).await.unwrap();
    let after = shelf.get(&fallback()).unwrap();
    for there in [&ours, &other, &late] {
        assert_eq!(after.matches(there.digest().hex()).count(), 1, "{after}");
    }
    assert!(!after.contains(deleted.digest().hex()), "{after}");
}

#[tokio::test]
async fn an_etag_is_sent_back_and_a_list_that_changed_is_read_again() {
    let shelf = Shelf::default();
    shelf.put(&fallback(), names::IMAGE_INDEX, list(&[]));
    let (served, tag) = (shelf.clone(), format!("/v2/a/b/manifests/{}", fallback()));
    let server = Server::start(move |seen| {
        let now = format!("\"{}\"", Digest::of(served.get(&fallback()).unwrap().as_bytes()));
        if seen.is("PUT", &tag) {
            if seen.before == 0 {
                served.put(&fallback(), names::IMAGE_INDEX, list(&[entry(&referrer("2"))]));
            }
            if seen.before == 0 || seen.header("if-match") != Some(&now) {
                return Reply::new(412);
            }
        }
        served.answer(seen).header("etag", now)
    })
    .await;
    store(&server).put_referrer(&referrer("1")).await.unwrap();
    let after = shelf.get(&fallback()).unwrap();
    for text in ["1", "2"] {
        assert!(after.contains(referrer(text).digest().hex()), "{after}");
    }
}

#[tokio::test]
async fn a_writer_that_never_stays_in_the_list_fails() {
    let shelf = Shelf::default();
    let server = Server::start(
        move |seen| match seen.target.ends_with(&fallback()) && seen.method == "PUT" {
            true => Reply::new(201),
            false => shelf.answer(seen),
        },
    )
    .await;
    let error = store(&server).put_referrer(&referrer("1")).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.message().contains(&fallback()), "{error}");
}

#[tokio::test]
async fn an_entry_that_the_registry_itself_drops_is_put_again_until_it_stays() {
    let one = referrer("1");
    let listed = entry(&one);
    let server = Server::start(move |seen| match is_api(seen) {
        // There, gone, there: only then it stays.
        true if [0, 2].contains(&seen.before) => index(&[]),
        true => index(std::slice::from_ref(&listed)),
        false => Reply::new(201).header("oci-subject", subject().digest),
    })
    .await;
    store(&server).put_referrer(&one).await.unwrap();
    let lines = server.lines();
    let puts = lines.iter().filter(|line| line.starts_with("PUT")).count();
    assert_eq!((puts, lines.len() - puts), (3, 5), "{lines:?}");
}

#[tokio::test]
async fn tasks_of_one_run_leave_their_entries_to_one_of_them() {
    let shelf = Shelf::default();
    let served = shelf.clone();
    let server = Server::start(move |seen| served.answer(seen)).await;
    let store = store(&server);
    assert!(digests(&store).await.is_empty());
    let manifests: Vec<RawManifest> = (0..20).map(|number| referrer(&number.to_string())).collect();
    futures_util::future::try_join_all(manifests.iter().map(|manifest| store.put_referrer(manifest)))
        .await
        .unwrap();
    let after = shelf.get(&fallback()).unwrap();
    assert!(manifests.iter().all(|manifest| after.contains(manifest.digest().hex())));
    let tag = format!("PUT /v2/a/b/manifests/{}", fallback());
    let puts = server.lines().iter().filter(|line| **line == tag).count();
    assert!(puts < 10, "{puts}");
}

fn tags(count: usize) -> Vec<crate::reference::Tag> {
    (0..count).map(|number| format!("t{number}").parse().unwrap()).collect()
}

#[tokio::test]
async fn regclient_93b2bd3_oci_tag_may_be_repeated_or_a_list() {
    let server = Server::start(|seen| match seen.before {
        0 if seen.target.contains("t0") => Reply::new(201)
            .header("oci-tag", "t0, t1,t3")
            .header("oci-tag", "t5")
            .header("oci-tag", "other"),
        _ => Reply::new(201).header("OCI-Tag", "t10"),
    })
    .await;
    let made = store(&server)
        .put_manifest_tagged(&referrer("1"), &tags(12))
        .await
        .unwrap();
    let made: Vec<&str> = made.iter().map(crate::reference::Tag::as_str).collect();
    assert_eq!(made, ["t0", "t1", "t3", "t5", "t10"]);
    let lines = server.lines();
    assert!(lines[0].ends_with("?tag=t0&tag=t1&tag=t2&tag=t3&tag=t4&tag=t5&tag=t6&tag=t7&tag=t8&tag=t9"));
    assert!(lines[1].ends_with("?tag=t10&tag=t11"));
}

#[tokio::test]
async fn tags_that_no_answer_names_were_not_made() {
    for refused in [200, 400, 404, 405, 414, 431, 501] {
        let server = Server::start(move |seen| match seen.target.contains('?') && refused != 200 {
            true => Reply::new(refused),
            false => Reply::new(201),
        })
        .await;
        let made = store(&server)
            .put_manifest_tagged(&referrer("1"), &tags(12))
            .await
            .unwrap();
        assert!(made.is_empty());
        let plain = format!("PUT /v2/a/b/manifests/{}", referrer("1").digest());
        assert_eq!(server.lines().len(), if refused == 200 { 1 } else { 2 });
        assert_eq!(server.lines().contains(&plain), refused != 200);
    }
    let server = Server::start(|_| Reply::new(403)).await;
    assert_eq!(
        class(store(&server).put_manifest_tagged(&referrer("1"), &tags(2)).await),
        Class::Denied
    );
    assert_eq!(server.lines().len(), 1);
}

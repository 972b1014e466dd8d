//! The fakes keep their promises: spoken to by a plain HTTP client, and by another program, so that a flow that fails
//! says something about us and not about them.

mod clouds;
mod peers;
mod registries;

use crate::support::connect::Internet;
use crate::support::message::{Reply, Request};

/// A client in this internet.
struct Browser(reqwest::Client);

/// What a test sends.
struct Call<'a> {
    method: &'a str,
    url: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Vec<u8>,
}

impl Browser {
    fn new(internet: &Internet) -> Self {
        // The error is that another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(internet.authority().as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .proxy(reqwest::Proxy::https(internet.proxy_url()).unwrap())
            .tls_certs_merge([authority])
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Browser(client.unwrap())
    }

    async fn send(&self, call: Call<'_>) -> Result<Reply, reqwest::Error> {
        let mut request = self.0.request(call.method.parse().unwrap(), call.url);
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(call.body).send().await?;
        let mut reply = Reply::new(answer.status().as_u16());
        for (name, value) in answer.headers() {
            reply.set(name.as_str(), value.to_str().unwrap());
        }
        reply.body = answer.bytes().await?;
        Ok(reply)
    }

    async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Reply {
        self.call("GET", url, headers, Vec::new()).await
    }

    async fn call(&self, method: &str, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let call = Call {
            method,
            url,
            headers,
            body,
        };
        self.send(call).await.unwrap()
    }

    async fn form(&self, url: &str, fields: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.call("POST", url, &kind, body.into()).await
    }
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    let found = reply.headers.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value)
}

fn json(reply: &Reply) -> serde_json::Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
}

/// A text of the answer's JSON.
fn text(reply: &Reply, name: &str) -> String {
    json(reply)[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {reply:?}"))
        .to_owned()
}

fn code(reply: &Reply) -> (u16, String) {
    (
        reply.status,
        json(reply)["errors"][0]["code"].as_str().unwrap().to_owned(),
    )
}

/// A host that nobody serves: the program would have asked the real one.
#[tokio::test]
async fn an_unknown_host_is_refused_and_noted() {
    let internet = Internet::new();
    let _known = internet.serve("known.example", std::sync::Arc::new(|_: &Request| Reply::new(204)));
    let browser = Browser::new(&internet);
    assert_eq!(
        browser
            .get("https://known.example/a?b=c", &[("x-secret", "se/cret")])
            .await
            .status,
        204
    );
    let call = Call {
        method: "GET",
        url: "https://unknown.example/",
        headers: &[],
        body: Vec::new(),
    };
    assert!(browser.send(call).await.is_err());
    assert_eq!(internet.unknown(), ["CONNECT unknown.example:443"]);
    assert_eq!(internet.lines("known.example"), ["GET /a"]);
    assert_eq!(
        internet.carriers("se/cret").into_iter().collect::<Vec<_>>(),
        ["known.example"]
    );
    // A certificate is its host's alone.
    let _other = internet.serve("other.example", std::sync::Arc::new(|_: &Request| Reply::new(204)));
    assert_eq!(browser.get("https://other.example/%73e%2Fcret", &[]).await.status, 204);
    assert_eq!(internet.carriers("%73e%2Fcret").len(), 1);
    assert_eq!(internet.carriers("se/cret").len(), 1);
}

//! Which source wins.

use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text, &Report::silent())
}

fn given(host: &str) -> Given {
    Given {
        host: Some(host.parse().unwrap()),
        ..Given::default()
    }
}

fn find(given: Given, env: &[(&str, &str)], repository: &str) -> Result<(Credential, String)> {
    find_in(given.into(), env, repository)
}

fn find_in(sources: Sources, env: &[(&str, &str)], repository: &str) -> Result<(Credential, String)> {
    let env: Env = env.iter().copied().collect();
    let report = Report::silent();
    let client = Client::new(&crate::http::Options::default(), &report)?;
    let credentials = Credentials::new(sources, &env, &client, &report)?;
    let (host, name) = repository.split_once('/').unwrap();
    let repository = Repository {
        host: host.parse().unwrap(),
        name: name.to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let found = runtime.block_on(credentials.find(&repository))?;
    Ok((found.credential, found.origin))
}

fn basic(username: &str, password: &str) -> Credential {
    Credential::Basic {
        username: username.to_owned(),
        password: secret(password),
    }
}

#[test]
fn what_was_given_goes_to_its_host_alone() {
    let given = Given {
        username: Some("me".to_owned()),
        password: Some(secret("p")),
        ..given("r.example:5000")
    };
    let found = |repository: &str| find(given.clone(), &[], repository).unwrap().0;
    assert_eq!(found("r.example:5000/a"), basic("me", "p"));
    for other in ["r.example/a", "evil.r.example:5000/a", "r.example.evil:5000/a"] {
        assert_eq!(found(other), Credential::Anonymous, "{other}");
    }
}

#[test]
fn docker_hub_is_one_host_under_all_its_names() {
    let given = Given {
        username: Some("me".to_owned()),
        password: Some(secret("p")),
        ..given("docker.io")
    };
    assert_eq!(find(given, &[], "index.docker.io/me/a").unwrap().0, basic("me", "p"));
}

#[test]
fn half_a_credential_names_the_missing_input() {
    let half = Given {
        username: Some("me".to_owned()),
        ..given("r.example")
    };
    insta::assert_snapshot!(
        find(half, &[], "r.example/a").unwrap_err(),
        @"`username` is given for r.example, but `password` is missing"
    );
    let half = Given {
        password: Some(secret("p")),
        ..given("r.example")
    };
    insta::assert_snapshot!(
        find(half, &[], "r.example/a").unwrap_err(),
        @"`password` is given for r.example, but `username` is missing"
    );
    let both = Given {
        password: Some(secret("p")),
        token: Some(secret("t")),
        ..given("r.example")
    };
    insta::assert_snapshot!(
        find(both, &[], "r.example/a").unwrap_err(),
        @"`password` and `token` are given for r.example, and only one can be used"
    );
}

#[test]
fn inputs_win_over_github_token_over_docker_config() {
    let config = r#"{"auths":{"ghcr.io":{"username":"docker","password":"d"}}}"#;
    let env = [("DOCKER_AUTH_CONFIG", config), ("GITHUB_ACTOR", "octocat")];
    let token = Given {
        github_token: Some(secret("g")),
        ..Given::default()
    };
    assert_eq!(
        find(Given::default(), &env, "ghcr.io/a").unwrap().0,
        basic("docker", "d")
    );
    assert_eq!(find(token.clone(), &env, "ghcr.io/a").unwrap().0, basic("octocat", "g"));
    let all = Given {
        registry_token: Some(secret("b")),
        host: Some("ghcr.io".parse().unwrap()),
        ..token
    };
    assert_eq!(find(all, &env, "ghcr.io/a").unwrap().0, Credential::Bearer(secret("b")));
}

fn auth(text: &str) -> AuthList {
    AuthList::read(text, "auth", &Env::default(), &Report::silent()).unwrap()
}

const AUTH: &str = "\
- {registry: r.example, username: host, password: p}
- {registry: r.example/org, username: org, password: p}
- {registry: r.example/org/app, username: app, password: p}
- {registry: open.example, provider: none}
";

#[test]
fn of_the_entries_of_auth_the_longest_wins() {
    let sources = Sources {
        auth: auth(AUTH),
        ..Sources::default()
    };
    let found = |repository: &str| find_in(sources.clone(), &[], repository).unwrap();
    for (repository, user) in [
        ("r.example/a", "host"),
        ("r.example/organisation/a", "host"),
        ("r.example/org/a", "org"),
        ("r.example/org/app", "app"),
        ("r.example/org/app/sub", "app"),
    ] {
        assert_eq!(found(repository).0, basic(user, "p"), "{repository}");
    }
    assert_eq!(found("r.example/org/a").1, "`auth` entry 2");
    assert_eq!(
        found("open.example/a"),
        (Credential::Anonymous, "`auth` entry 4".to_owned())
    );
    assert_eq!(found("s.example/a").0, Credential::Anonymous);
}

#[test]
fn an_input_comes_before_auth_but_for_a_namespace() {
    let sources = Sources {
        auth: auth(AUTH),
        given: Given {
            username: Some("input".to_owned()),
            password: Some(secret("p")),
            ..given("r.example")
        },
        ..Sources::default()
    };
    let found = |repository: &str| find_in(sources.clone(), &[], repository).unwrap().0;
    assert_eq!(found("r.example/a"), basic("input", "p"));
    assert_eq!(found("r.example/org/a"), basic("org", "p"));
}

#[test]
fn auth_comes_before_gitlab_which_comes_before_docker() {
    let config = r#"{"auths":{"r.example":{"username":"docker","password":"p"}}}"#;
    let env = [
        ("DOCKER_AUTH_CONFIG", config),
        ("GITLAB_CI", "true"),
        ("CI_REGISTRY", "r.example"),
        ("CI_JOB_TOKEN", "j"),
    ];
    let sources = |text: &str| Sources {
        auth: auth(text),
        ..Sources::default()
    };
    let found = |text: &str, env: &[(&str, &str)]| find_in(sources(text), env, "r.example/a").unwrap().0;
    assert_eq!(found(AUTH, &env), basic("host", "p"));
    assert_eq!(found("[]", &env), basic("gitlab-ci-token", "j"));
    assert_eq!(found("[]", &env[..1]), basic("docker", "p"));
    assert_eq!(found("[]", &env[2..]), Credential::Anonymous);
    let other = find_in(sources("[]"), &env[1..], "s.example/a").unwrap().0;
    assert_eq!(other, Credential::Anonymous);
}

/// The seams of the clouds give nothing for these hosts.
#[test]
fn a_provider_that_was_named_for_a_host_must_give_something() {
    let sources = |provider, host: Option<&str>| Sources {
        cloud: Cloud {
            provider: Some(provider),
            host: host.map(|host| host.parse().unwrap()),
            ..Cloud::default()
        },
        ..Sources::default()
    };
    let error = find_in(sources(Provider::Quay, Some("r.example")), &[], "r.example/a").unwrap_err();
    assert!([2, 3].contains(&error.class().exit_code()), "{error}");
    assert!(error.message().starts_with("`auth-provider`"), "{error}");
    for (provider, host) in [
        (Provider::Quay, Some("other.example")),
        (Provider::Quay, None),
        (Provider::Azure, None),
        (Provider::None, None),
    ] {
        let found = find_in(sources(provider, host), &[], "r.example/a").unwrap();
        assert_eq!(found.0, Credential::Anonymous, "{provider:?}");
    }
}

#[test]
fn login_takes_nothing_from_docker_and_is_never_anonymous() {
    let config = r#"{"auths":{"r.example":{"username":"docker","password":"p"}}}"#;
    let env = [("DOCKER_AUTH_CONFIG", config)].into_iter().collect();
    let report = Report::silent();
    let client = Client::new(&crate::http::Options::default(), &report).unwrap();
    let credentials = Credentials::to_store(Sources::default(), &env, &client, &report).unwrap();
    let repository = Repository {
        host: "r.example".parse().unwrap(),
        name: String::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(credentials.find(&repository)).unwrap_err();
    assert_eq!(error.to_string(), "there is no credential for r.example");
}

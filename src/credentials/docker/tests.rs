//! Configurations in all their forms and places.

use super::*;
use crate::report::Secret;

fn look(env: &Env, host: &str, name: &str) -> Result<Lookup> {
    let repository = Repository {
        host: host.parse().unwrap(),
        name: name.to_owned(),
    };
    let configs = Configs::read(env, &Report::silent())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(configs.find(&repository))
}

fn find(json: &str, host: &str, name: &str) -> Result<Option<Credential>> {
    let env = [("DOCKER_AUTH_CONFIG", json)].into_iter().collect();
    Ok(look(&env, host, name)?.found.map(|(credential, _)| credential))
}

fn basic(username: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic {
        username: username.to_owned(),
        password: Secret::new(password, &Report::silent()),
    })
}

#[test]
fn keys_in_all_the_forms_that_docker_wrote() {
    for key in [
        "r.example",
        "https://r.example",
        "http://r.example/",
        "https://r.example/v1/",
        "r.example/v2",
        "R.example",
    ] {
        let json = format!(r#"{{"auths":{{"{key}":{{"auth":"bWU6cDpx"}}}}}}"#);
        assert_eq!(find(&json, "r.example", "a").unwrap(), basic("me", "p:q"), "{key}");
        assert_eq!(find(&json, "other.r.example", "a").unwrap(), None, "{key}");
        assert_eq!(find(&json, "r.example:5000", "a").unwrap(), None, "{key}");
    }
    let hub = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6cA=="}}}"#;
    assert_eq!(find(hub, "docker.io", "me/a").unwrap(), basic("me", "p"));
}

#[test]
fn of_several_names_of_a_host_the_plain_one_counts() {
    let json = r#"{"auths":{"https://r.example":{"auth":"eDp5"},"r.example":{"auth":"bWU6cA=="},
        "http://r.example/v2/":{"auth":"eDp5"},"s.example":{},"https://s.example/v1/":{"auth":"bWU6cA=="}}}"#;
    assert_eq!(find(json, "r.example", "a").unwrap(), basic("me", "p"));
    assert_eq!(find(json, "s.example", "a").unwrap(), basic("me", "p"));
}

#[test]
fn of_namespaces_the_longest_wins() {
    let json = r#"{"auths":{
        "q.example":{"username":"a","password":"1"},
        "q.example/org":{"username":"b","password":"2"},
        "q.example/org/app":{"username":"c","password":"3"}}}"#;
    assert_eq!(find(json, "q.example", "org/app").unwrap(), basic("c", "3"));
    assert_eq!(find(json, "q.example", "org/other").unwrap(), basic("b", "2"));
    assert_eq!(find(json, "q.example", "organisation/app").unwrap(), basic("a", "1"));
}

#[test]
fn entries_in_all_their_forms() {
    let entry = |entry: &str| find(&format!(r#"{{"auths":{{"r.example":{entry}}}}}"#), "r.example", "a");
    let secret = |text: &str| Secret::new(text, &Report::silent());
    assert_eq!(entry(r#"{"auth":"bWU6cA"}"#).unwrap(), basic("me", "p"));
    assert_eq!(entry(r#"{"auth":"bWU6cAAA"}"#).unwrap(), basic("me", "p"));
    assert_eq!(
        entry(r#"{"auth":"MDow","identitytoken":"t"}"#).unwrap(),
        Some(Credential::RefreshToken(secret("t")))
    );
    assert_eq!(
        entry(r#"{"registrytoken":"t"}"#).unwrap(),
        Some(Credential::Bearer(secret("t")))
    );
    assert_eq!(entry("{}").unwrap(), None);
    assert!(entry(r#"{"auth":"!"}"#).is_err());
    assert!(entry(r#"{"auth":"bWU="}"#).is_err());
}

#[test]
fn a_broken_file_stops_the_run_only_if_it_was_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    fs_err::create_dir(path.join(".docker")).unwrap();
    for file in ["config.json", ".docker/config.json"] {
        fs_err::write(path.join(file), r#"{"auths":{"r.example":{"auth":"c2VjcmV0"#).unwrap();
    }
    let read = |variable: &str| {
        let env: Env = [(variable, path.as_str())].into_iter().collect();
        Configs::read(&env, &Report::silent())
    };
    assert!(read("HOME").unwrap().configs.is_empty());
    let error = read("DOCKER_CONFIG").err().unwrap();
    assert!(error.message().contains(path.join("config.json").as_str()), "{error}");
    assert!(!error.message().contains("c2VjcmV0"));
    let env: Env = [("DOCKER_AUTH_CONFIG", "{")].into_iter().collect();
    assert!(Configs::read(&env, &Report::silent()).is_err());
}

#[test]
fn the_old_dockercfg_counts_where_the_new_file_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().to_str().unwrap();
    let env = [("HOME", home)].into_iter().collect();
    let found = || {
        look(&env, "r.example", "a")
            .unwrap()
            .found
            .map(|(credential, _)| credential)
    };
    fs_err::write(
        directory.path().join(".dockercfg"),
        r#"{"https://r.example/v1/":{"auth":"bWU6cA==","email":"e"}}"#,
    )
    .unwrap();
    assert_eq!(found(), basic("me", "p"));
    fs_err::create_dir(directory.path().join(".docker")).unwrap();
    fs_err::write(directory.path().join(".docker/config.json"), "{}").unwrap();
    assert_eq!(found(), None);
}

#[test]
fn the_files_of_containers_are_read_after_dockers_own() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, host: &str, user: &str| {
        let path = directory.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(
            &path,
            format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"p"}}}}}}"#),
        )
        .unwrap();
        path.to_str().unwrap().to_owned()
    };
    let named = file("auth.json", "r.example/org", "named");
    file("docker/config.json", "s.example", "docker");
    file("run/containers/auth.json", "t.example", "run");
    file("config/containers/auth.json", "t.example", "config");
    let within = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let env: Env = [
        ("REGISTRY_AUTH_FILE", named),
        ("DOCKER_CONFIG", within("docker")),
        ("XDG_RUNTIME_DIR", within("run")),
        ("XDG_CONFIG_HOME", within("config")),
    ]
    .into_iter()
    .collect();
    let found = |host: &str, name: &str| look(&env, host, name).unwrap().found.map(|(credential, _)| credential);
    assert_eq!(found("r.example", "org/a"), basic("named", "p"));
    assert_eq!(found("r.example", "other/a"), None);
    assert_eq!(found("s.example", "a"), basic("docker", "p"));
    assert_eq!(found("t.example", "a"), basic("run", "p"));
}

#[cfg(unix)]
mod helpers {
    use super::*;
    use crate::credentials::helper::tests::Folder;

    /// The user name that `config` gives for r.example, where it is from and where not; else the error.
    fn asked(config: &str) -> String {
        let folder = Folder::new(&["good", "none", "fail", "junk"]);
        let path = folder.path();
        let env = [("DOCKER_AUTH_CONFIG", config), ("PATH", &path)].into_iter().collect();
        match look(&env, "r.example", "a") {
            Ok(Lookup { found: None, passed }) => format!("none; {}", passed.join(", ")),
            Ok(Lookup {
                found: Some((Credential::Basic { username, .. }, origin)),
                passed,
            }) => {
                format!("{username} from {origin}; {}", passed.join(", "))
            }
            Ok(Lookup { found, .. }) => format!("{found:?}"),
            Err(error) => format!("{}: {error}", error.class().exit_code()),
        }
    }

    #[test]
    fn a_helper_comes_before_an_entry_and_hides_none() {
        let mut told = String::new();
        for config in [
            r#"{"credHelpers":{"r.example":"good"},"auths":{"r.example":{"auth":"dTpw"}}}"#,
            r#"{"credsStore":"good","auths":{"r.example":{}}}"#,
            r#"{"credHelpers":{"r.example":"none"},"credsStore":"good"}"#,
            r#"{"credHelpers":{"r.example":""},"credsStore":"good"}"#,
            r#"{"credHelpers":{"s.example":"fail"},"auths":{"r.example":{"auth":"dTpw"}}}"#,
            r#"{"credHelpers":{"r.example":"fail"},"auths":{"r.example":{"auth":"dTpw"}}}"#,
            r#"{"credHelpers":{"r.example":"fail"}}"#,
            r#"{"credHelpers":{"r.example":"junk"}}"#,
            r#"{"credHelpers":{"r.example":"missing"}}"#,
            r#"{"credsStore":"desktop"}"#,
            r#"{"credsStore":"desktop","auths":{"r.example":{"auth":"dTpw"}}}"#,
            r#"{"credsStore":"none","auths":{"r.example":{"auth":"dTpw"}}}"#,
        ] {
            told += &format!("{}\n", asked(config).trim_end_matches([';', ' ']));
        }
        insta::assert_snapshot!(told, @"
        me from docker-credential-good, which DOCKER_AUTH_CONFIG names
        me from docker-credential-good, which DOCKER_AUTH_CONFIG names
        none; docker-credential-none (it knows no such host), DOCKER_AUTH_CONFIG (no entry for it)
        none; DOCKER_AUTH_CONFIG (no entry for it)
        u from DOCKER_AUTH_CONFIG
        u from DOCKER_AUTH_CONFIG; docker-credential-fail: it failed: the keychain is locked
        3: DOCKER_AUTH_CONFIG: docker-credential-fail: it failed: the keychain is locked
        2: DOCKER_AUTH_CONFIG: docker-credential-junk: its answer is not the JSON of a credential
        2: DOCKER_AUTH_CONFIG: docker-credential-missing: there is no such program on PATH
        none; docker-credential-desktop: there is no such program on PATH, DOCKER_AUTH_CONFIG (no entry for it)
        u from DOCKER_AUTH_CONFIG; docker-credential-desktop: there is no such program on PATH
        u from DOCKER_AUTH_CONFIG; docker-credential-none (it knows no such host)
        ");
    }

    #[test]
    fn each_is_asked_once_under_the_key_that_it_knows() {
        let folder = Folder::new(&["good"]);
        let (path, log) = (folder.path(), folder.file("log"));
        let config = r#"{"credsStore":"good","credHelpers":{"t.example":"good"},"auths":{"https://r.example":{}}}"#;
        let env: Env = [("DOCKER_AUTH_CONFIG", config), ("PATH", &path), ("HELPER_LOG", &log)]
            .into_iter()
            .collect();
        let configs = Configs::read(&env, &Report::silent()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for host in ["r.example", "s.example", "r.example", "docker.io", "t.example"] {
            let repository = Repository {
                host: host.parse().unwrap(),
                name: "a".to_owned(),
            };
            assert!(runtime.block_on(configs.find(&repository)).unwrap().found.is_some());
        }
        let keys = fs_err::read_to_string(&log).unwrap();
        assert!(!configs.forget(&Credential::Anonymous));
        let given = basic("me", "from-helper").unwrap();
        assert!(configs.forget(&given) && !configs.forget(&given));
        assert_eq!(
            keys,
            "https://r.example\ns.example\nhttps://index.docker.io/v1/\nt.example\n"
        );
    }
}

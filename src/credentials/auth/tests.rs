//! The list `auth`, right and wrong.

use super::*;

fn read(text: &str, env: &[(&str, &str)]) -> Result<Vec<Entry>, Errors> {
    let env = env.iter().copied().collect();
    AuthList::read(text, "OCI_ARTIFACT_AUTH", &env, &Report::silent()).map(|list| list.entries)
}

fn credential(entry: &Entry) -> &Credential {
    match &entry.source {
        Source::Fixed(credential) => credential,
        Source::Cloud(cloud) => panic!("{cloud:?}"),
    }
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

#[test]
fn yaml_and_json_say_the_same() {
    let yaml =
        "# two\n- registry: GHCR.io/one/\n  username: me\n  password: 0123\n- registry: r.example:5000\n  token: t\n";
    let json = r#"[{"registry":"ghcr.io/one","username":"me","password":"0123"},
        {"registry":"r.example:5000","token":"t"}]"#;
    for text in [yaml, json] {
        let entries = read(text, &[]).unwrap();
        assert_eq!(entries[0].host.as_str(), "ghcr.io");
        assert_eq!(entries[0].namespace.as_deref(), Some("one"));
        assert_eq!(*credential(&entries[0]), basic("me", "0123"));
        assert_eq!(*credential(&entries[1]), Credential::RefreshToken(secret("t")));
        assert_eq!(entries[1].origin, "`auth` entry 2");
    }
    assert!(read("", &[]).unwrap().is_empty());
    assert!(read("[]", &[]).unwrap().is_empty());
}

#[test]
fn secrets_come_from_variables_too() {
    let text = "[{registry: a.example, username: me, password-variable: P}, {registry: quay.io, token-variable: T},\
                {registry: b.example, username: u, token: t}, {registry: c.example, provider: none}]";
    let entries = read(text, &[("P", "p\n"), ("T", "t")]).unwrap();
    assert_eq!(*credential(&entries[0]), basic("me", "p"));
    assert_eq!(*credential(&entries[1]), basic("$oauthtoken", "t"));
    assert_eq!(*credential(&entries[2]), basic("u", "t"));
    assert_eq!(*credential(&entries[3]), Credential::Anonymous);
}

#[test]
fn a_provider_has_its_ids_and_its_host() {
    let text = "- registry: my.azurecr.io\n  provider: azure\n  azure-client-id: c\n  azure-tenant-id: t\n";
    let entries = read(text, &[]).unwrap();
    let Source::Cloud(cloud) = &entries[0].source else {
        panic!()
    };
    assert_eq!(cloud.provider, Some(Provider::Azure));
    assert_eq!(cloud.host, Some("my.azurecr.io".parse().unwrap()));
    assert_eq!(cloud.azure_client_id.as_deref(), Some("c"));
    assert_eq!(cloud.azure_tenant_id.as_deref(), Some("t"));
}

#[test]
fn all_that_is_wrong_is_told_by_entry_and_line_without_a_value() {
    let whole = [
        "registry: hunter2",
        "hunter2",
        "- hunter2",
        "- - hunter2",
        "- registry: [hunter2]",
        "- registry: *hunter2",
        "- registry: !hunter2 x",
        "- password: \"hunter2",
        "- {registry: a.example, username: me, password: hunter2}\n---\n- {}",
    ];
    let entries = [
        "{}",
        "{registry: a.example}",
        "{username: me, password: hunter2}",
        "{registry: https://hunter2, token: hunter2}",
        "{registry: 'a.example/b:hunter2', token: hunter2}",
        "{registry: a.example, username: me}",
        "{registry: a.example, password: hunter2}",
        "{registry: a.example, password-variable: P}",
        "{registry: a.example, username: me, password: ''}",
        "{registry: a.example, username: me, password: }",
        "{registry: a.example, username: me, password: hunter2, token: hunter2}",
        "{registry: a.example, username: me, pasword: hunter2}",
        "{registry: a.example, hunter2: hunter2}",
        "{registry: a.example, token: hunter2, token: hunter2}",
        "{registry: a.example, token-variable: NOT_SET}",
        "{registry: a.example, token-variable: 'hunter2 hunter2'}",
        "{registry: a.example, provider: hunter2}",
        "{registry: a.example, provider: aws, token: hunter2}",
        "{registry: a.example, aws-region: hunter2}",
    ];
    let mut told = String::new();
    let each = whole.iter().map(|text| (*text).to_owned());
    for text in each.chain([format!("- {}\n", entries.join("\n- "))]) {
        for error in read(&text, &[]).unwrap_err().iter() {
            assert_eq!(error.class().exit_code(), 2);
            told += &format!("{error}\n  {}\n", error.way_out().unwrap());
        }
    }
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told, @"
    OCI_ARTIFACT_AUTH: line 1: this is one map; put `- ` before it
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 1: this is not a list
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 1: an entry is not a map of keys and values
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 1: a value is not text; quote one that starts with '{' or '['
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 1: a value is not text; quote one that starts with '{' or '['
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 1: this is not YAML
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 1: a tag of YAML; a value that starts with '!' must be quoted
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 1: this is not YAML
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: line 2: a second document begins
      `auth` is a list in YAML or JSON, such as `[{registry: ghcr.io, token-variable: MY_TOKEN}]`
    OCI_ARTIFACT_AUTH: entry 1 (line 1): `registry` is missing
      name the host that the credential is for, such as `registry: ghcr.io`
    OCI_ARTIFACT_AUTH: entry 2 (line 2): it has no credential
      add `username` and `password-variable`, or `token-variable`, or `provider`; `provider: none` is anonymous
    OCI_ARTIFACT_AUTH: entry 3 (line 3): `registry` is missing
      name the host that the credential is for, such as `registry: ghcr.io`
    OCI_ARTIFACT_AUTH: entry 4 (line 4): `registry` is neither a host nor HOST/NAMESPACE
      write it without https:// and without a tag, such as ghcr.io or ghcr.io/octo-org
    OCI_ARTIFACT_AUTH: entry 5 (line 5): `registry` is neither a host nor HOST/NAMESPACE
      write it without https:// and without a tag, such as ghcr.io or ghcr.io/octo-org
    OCI_ARTIFACT_AUTH: entry 6 (line 6): `username` is given without a password
      add `password-variable` with the name of the variable that holds it
    OCI_ARTIFACT_AUTH: entry 7 (line 7): `password` is given without `username`
      add `username`; a token that needs no user goes into `token`
    OCI_ARTIFACT_AUTH: entry 8 (line 8): `password-variable` is given without `username`
      add `username`; a token that needs no user goes into `token`
    OCI_ARTIFACT_AUTH: entry 9 (line 9): `password` is blank
      leave it out, or give it a value; a secret that this job may not read is blank, as in a pull request from a fork
    OCI_ARTIFACT_AUTH: entry 10 (line 10): `password` is blank
      leave it out, or give it a value; a secret that this job may not read is blank, as in a pull request from a fork
    OCI_ARTIFACT_AUTH: entry 11 (line 11): `password` and `token` are both given
      an entry has one of them
    OCI_ARTIFACT_AUTH: entry 12 (line 12): a key is unknown
      did you mean `password`?
    OCI_ARTIFACT_AUTH: entry 13 (line 13): a key is unknown
      the keys are registry, username, password, password-variable, token, token-variable, provider, azure-client-id, azure-tenant-id, aws-role-arn, aws-region, gcp-workload-identity-provider, gcp-service-account, quay-robot
    OCI_ARTIFACT_AUTH: entry 14 (line 14): `token` stands twice
      leave one of them
    OCI_ARTIFACT_AUTH: entry 15 (line 15): `token-variable` names a variable that is not set, or is blank
      pass the secret to this step under that name, as in `env: {REGISTRY_PASSWORD: …}` and `password-variable: REGISTRY_PASSWORD`
    OCI_ARTIFACT_AUTH: entry 16 (line 16): `token-variable` is not the name of a variable
      pass the secret to this step under that name, as in `env: {REGISTRY_PASSWORD: …}` and `password-variable: REGISTRY_PASSWORD`
    OCI_ARTIFACT_AUTH: entry 17 (line 17): `provider` is unknown
      write azure, aws, gcp, quay, or none for anonymous
    OCI_ARTIFACT_AUTH: entry 18 (line 18): `provider` is given beside `token`
      an entry has one way to log in: leave one of them
    OCI_ARTIFACT_AUTH: entry 19 (line 19): `aws-region` is given without `provider`
      add `provider`: azure, aws, gcp or quay
    ");
}

#[test]
fn one_registry_has_one_entry() {
    let text = "- {registry: docker.io, token: t}\n- {registry: index.docker.io, token: t}\n";
    let errors = read(text, &[]).unwrap_err();
    insta::assert_snapshot!(errors.iter().next().unwrap(), @"OCI_ARTIFACT_AUTH: entry 2 (line 2): `registry` is that of entry 1 too");
    assert!(
        read(
            "[{registry: a.io/x, token: t}, {registry: a.io/y, token: t}, {registry: a.io, token: t}]",
            &[]
        )
        .is_ok()
    );
}

//! Azure Container Registry.

use std::sync::Arc;

use crate::support::cloud::ci::{GITHUB, GITHUB_MAIN, GITLAB, GITLAB_MAIN, Issuers, fork, github};
use crate::support::cloud::entra::{self, ASSERTION_AUDIENCE, CLIENT, Entra, REGISTRY_AUDIENCE, TENANT};
use crate::support::connect::Internet;
use crate::support::faults::Fault;
use crate::support::personality::acr::{Acr, HOST, STORAGE, Settings, TOKEN_USER};
use crate::support::runner::{Outcome, Run, Workspace};
use crate::support::server::Server;

use super::{Confined, article, confined, delete, each, oras_after_login, says, sources};

const REFERENCE: &str = "myregistry.azurecr.io/samples/artifact:readme";

/// A registry, its tenant, and the CI systems that the tenant trusts.
struct World {
    acr: Acr,
    entra: Arc<Entra>,
    issuers: Issuers,
    _login: Server,
    internet: Internet,
}

fn world(settings: Settings) -> World {
    let internet = Internet::new();
    let issuers = Issuers::start(&internet);
    with(internet, issuers, settings)
}

fn with(internet: Internet, issuers: Issuers, settings: Settings) -> World {
    let entra = Arc::new(Entra {
        believed: Arc::clone(&issuers.tokens),
        issued: Arc::default(),
        trusted: vec![(GITHUB, GITHUB_MAIN), (GITLAB, GITLAB_MAIN)],
    });
    World {
        acr: Acr::start(&internet, &entra, settings),
        _login: internet.serve(entra::HOST, Arc::clone(&entra) as _),
        entra,
        issuers,
        internet,
    }
}

/// With the ids of the identity, and nothing else.
fn ids(run: Run<'_>) -> Run<'_> {
    run.env("OCI_ARTIFACT_AZURE_CLIENT_ID", CLIENT)
        .env("OCI_ARTIFACT_AZURE_TENANT_ID", TENANT)
}

impl World {
    fn github<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        ids(self.issuers.github(&self.internet, workspace))
    }

    fn gitlab<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        ids(self.issuers.gitlab(&self.internet, workspace, ASSERTION_AUDIENCE))
    }

    /// With an access token that somebody got from Microsoft Entra.
    fn token<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        self.internet
            .run(workspace)
            .env("OCI_ARTIFACT_TOKEN", self.entra_token(REGISTRY_AUDIENCE))
    }

    fn entra_token(&self, audience: &str) -> String {
        let claims = serde_json::json!({
            "aud": audience, "iss": format!("https://sts.windows.net/{TENANT}/"), "tid": TENANT,
        });
        self.entra.issued.jwt(claims)
    }

    fn push<'w>(&self, workspace: &'w Workspace) -> Run<'w> {
        self.token(workspace).args(["push", REFERENCE, "readme.md"])
    }

    fn tokens(&self) -> Vec<Confined<'static>> {
        each(self.issuers.tokens.all(), &[entra::HOST])
            .chain(each(self.entra.issued.all(), &[HOST]))
            .chain(each(self.acr.refresh.all(), &[HOST]))
            .chain(each(self.acr.access.all(), &[HOST]))
            .collect()
    }

    /// What holds after every run: one exchange, scopes of that repository, blobs from the storage.
    fn check(&self, step: &str, workspace: &Workspace, outcome: &Outcome) {
        let count = |line: &str| self.internet.lines(HOST).iter().filter(|found| *found == line).count();
        assert_eq!(count("POST /oauth2/exchange"), 1, "{step}");
        assert!(count("POST /oauth2/token") >= 1, "{step}");
        assert_eq!(self.internet.lines(STORAGE).is_empty(), step != "pull", "{step}");
        confined(&self.internet, workspace, outcome, &self.tokens());
    }

    /// The same, and one login of the job.
    fn check_login(&self, step: &str, workspace: &Workspace, outcome: &Outcome) {
        self.check(step, workspace, outcome);
        let login = format!("POST /{TENANT}/oauth2/v2.0/token");
        assert_eq!(self.internet.lines(entra::HOST), [login], "{step}");
    }
}

#[test]
fn the_article_in_a_job_on_github_with_ids_alone() {
    let world = world(Settings::default());
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| {
        world.check_login(step, workspace, outcome);
        assert_eq!(world.issuers.asked(&world.internet), 1, "{step}");
    };
    article(
        &world.internet,
        &world.acr.registry,
        REFERENCE,
        |w| world.github(w),
        check,
    );
    delete(&world.acr.registry, REFERENCE, |w| world.github(w));
}

#[test]
fn the_article_in_a_job_on_gitlab_with_ids_alone() {
    let world = world(Settings::default());
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| world.check_login(step, workspace, outcome);
    article(
        &world.internet,
        &world.acr.registry,
        REFERENCE,
        |w| world.gitlab(w),
        check,
    );
    delete(&world.acr.registry, REFERENCE, |w| world.gitlab(w));
}

#[test]
fn the_ids_may_stand_in_azures_own_variables_and_the_login_on_another_host() {
    let world = world(Settings::default());
    let local = world.internet.local("authority", true, Arc::clone(&world.entra) as _);
    let workspace = sources();
    let run = world.issuers.github(&world.internet, &workspace);
    let outcome = run
        .env("AZURE_AUTHORITY_HOST", format!("https://{}", local.host()))
        .env("AZURE_CLIENT_ID", CLIENT)
        .env("AZURE_TENANT_ID", TENANT)
        .args(["push", REFERENCE, "readme.md"])
        .call();
    outcome.success();
    assert_eq!(world.internet.seen("authority").len(), 1);
    assert!(world.internet.seen(entra::HOST).is_empty());
}

#[test]
fn the_article_with_a_token_of_microsoft_entra() {
    let world = world(Settings::default());
    let check = |step: &str, workspace: &Workspace, outcome: &Outcome| world.check(step, workspace, outcome);
    article(
        &world.internet,
        &world.acr.registry,
        REFERENCE,
        |w| world.token(w),
        check,
    );
    delete(&world.acr.registry, REFERENCE, |w| world.token(w));
}

/// What `az acr login --expose-token` prints, as the article has it.
#[test]
fn the_article_with_the_all_zero_user_and_a_token() {
    let world = world(Settings::default());
    let refresh = world
        .acr
        .refresh
        .jwt(serde_json::json!({"iss": "Azure Container Registry", "aud": HOST}));
    fn user<'w>(run: Run<'w>, token: &str) -> Run<'w> {
        run.env("OCI_ARTIFACT_USERNAME", TOKEN_USER)
            .env("OCI_ARTIFACT_PASSWORD", token)
    }
    let check = |_: &str, workspace: &Workspace, outcome: &Outcome| {
        confined(&world.internet, workspace, outcome, &world.tokens());
    };
    let internet = &world.internet;
    article(
        internet,
        &world.acr.registry,
        REFERENCE,
        |w| user(internet.run(w), &refresh),
        check,
    );
}

/// What is kept is the registry's own token: Microsoft Entra's is good for other registries, and for no other tool.
#[test]
fn a_login_keeps_the_token_that_the_exchange_gave() {
    let world = world(Settings::default());
    let workspace = sources();
    let entra = world.entra_token(REGISTRY_AUDIENCE);
    let login = world
        .internet
        .run(&workspace)
        .env("OCI_ARTIFACT_TOKEN", &entra)
        .args(["login", HOST]);
    login.env("OCI_ARTIFACT_TIMEOUT", "30s").call().success();
    let config = fs_err::read_to_string(workspace.home().join(".docker/config.json")).unwrap();
    let refresh = world.acr.refresh.all();
    assert!(
        refresh.iter().any(|token| config.contains(token)) && !config.contains(&entra),
        "{config}"
    );
    let push = world.internet.run(&workspace).args(["push", REFERENCE, "readme.md"]);
    push.call().success();
}

#[test]
#[ignore = "needs the peers: scripts/test-peers"]
fn oras_goes_on_from_our_login() {
    let world = world(Settings::default());
    let workspace = sources();
    oras_after_login(&world.internet, &workspace, world.github(&workspace), REFERENCE);
}

#[test]
fn a_subject_that_the_identity_does_not_trust_is_told_with_its_claims() {
    let internet = Internet::new();
    let subject = "repo:Me/App:pull_request";
    let issuers = Issuers::with_subject(&internet, subject);
    let world = with(internet, issuers, Settings::default());
    let workspace = sources();
    let outcome = world.github(&workspace).args(["push", REFERENCE, "readme.md"]).call();
    says(
        &outcome,
        3,
        &[
            GITHUB,
            ASSERTION_AUDIENCE,
            subject,
            "AADSTS700213",
            "hint: ",
            "federated",
        ],
    );
    confined(&world.internet, &workspace, &outcome, &world.tokens());
    assert!(world.acr.registry.tags("samples/artifact").is_empty());
}

#[test]
fn a_wrong_tenant_or_client_is_named() {
    let world = world(Settings::default());
    let workspace = sources();
    let other = "11111111-2222-3333-4444-555555555555";
    for (input, code) in [("TENANT", "AADSTS90002"), ("CLIENT", "AADSTS700016")] {
        let run = world
            .github(&workspace)
            .env(format!("OCI_ARTIFACT_AZURE_{input}_ID"), other);
        let outcome = run.args(["push", REFERENCE, "readme.md"]).call();
        says(&outcome, 3, &[code, other, "hint: "]);
        confined(&world.internet, &workspace, &outcome, &world.tokens());
    }
}

#[test]
fn a_job_without_an_id_token_is_told_what_it_lacks() {
    let world = world(Settings::default());
    let workspace = sources();
    let run = ids(github(&world.internet, &workspace));
    let outcome = run.args(["push", REFERENCE, "readme.md"]).call();
    says(&outcome, 3, &["id-token: write"]);
    assert!(world.internet.seen(entra::HOST).is_empty());
}

#[test]
fn the_pull_request_of_a_fork_is_told_that_it_is_one() {
    let world = world(Settings::default());
    let workspace = sources();
    let run = fork(ids(github(&world.internet, &workspace)), &workspace);
    let outcome = run.args(["push", REFERENCE, "readme.md"]).call();
    says(&outcome, 3, &["fork"]);
    assert!(world.internet.seen(entra::HOST).is_empty());
}

/// Each repository has a token of its own; who we are is asked once.
#[test]
fn two_repositories_have_one_exchange() {
    let world = world(Settings::default());
    let workspace = sources();
    let spec = format!(
        "artifacts: [{{reference: {HOST}/a:v1, files: [readme.md]}}, \
                        {{reference: {HOST}/b:v1, files: [readme.md, details]}}]"
    );
    let outcome = world
        .token(&workspace)
        .env("OCI_ARTIFACT_SPEC", spec)
        .args(["push", "--registry", HOST])
        .call();
    outcome.success();
    world.check("push", &workspace, &outcome);
    for repository in ["a", "b"] {
        assert_eq!(world.acr.registry.tags(repository).len(), 1);
    }
}

/// A registry may be set up to refuse tokens of the resource manager.
#[test]
fn a_token_for_another_audience_is_refused_by_the_exchange() {
    let world = world(Settings::default());
    let workspace = sources();
    let token = world.entra_token("https://management.azure.com/");
    let outcome = world.push(&workspace).env("OCI_ARTIFACT_TOKEN", &token).call();
    says(&outcome, 3, &["invalid audience", "`token`"]);
    confined(&world.internet, &workspace, &outcome, &[(token, &[HOST])]);
}

#[test]
fn an_identity_that_may_only_pull_is_denied_in_bounded_time() {
    let world = world(Settings {
        roles: &["pull", "metadata_read"],
        ..Settings::default()
    });
    let workspace = sources();
    let outcome = world.push(&workspace).call();
    says(&outcome, 3, &["hint: "]);
    // Two blobs at once, each with the first token and with a few new ones; how many of these they share is chance.
    let lines = world.internet.lines(HOST);
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    let (uploads, tokens) = (count("/blobs/uploads/"), count("/oauth2/token"));
    assert!(uploads <= 12 && tokens <= 1 + uploads, "{lines:?}");
    assert_eq!(lines.len(), uploads + tokens + 3, "{lines:?}");
}

#[test]
fn the_firewall_is_named() {
    let world = world(Settings {
        firewall: true,
        ..Settings::default()
    });
    // And the request's id, which Azure's support asks for.
    says(
        &world.push(&sources()).call(),
        3,
        &["203.0.113.7", "firewall", "5d0f4c8e-0000"],
    );
}

#[test]
fn a_locked_tag_is_a_conflict() {
    let world = world(Settings {
        locked: &["readme"],
        ..Settings::default()
    });
    says(
        &world.push(&sources()).call(),
        5,
        &["keeps this tag or repository from being changed"],
    );
}

#[test]
fn a_tag_alone_is_deleted_by_the_registrys_own_call() {
    let world = world(Settings::default());
    let workspace = sources();
    world.push(&workspace).args(["--tags", "other"]).call().success();
    let outcome = world.token(&workspace).args(["untag", REFERENCE]).call();
    outcome.success();
    let tags = world.acr.registry.tags("samples/artifact");
    assert_eq!(tags.len(), 1);
    assert_eq!(tags[0].0, "other");
    assert!(world.acr.registry.manifest("samples/artifact", &tags[0].1).is_some());
    let own = "DELETE /acr/v1/samples/artifact/_tags/readme";
    assert!(world.acr.registry.lines().iter().any(|line| line == own));
}

#[test]
fn where_its_own_call_is_not_there_the_registrys_tool_is_named() {
    let world = world(Settings::default());
    let workspace = sources();
    world.push(&workspace).args(["--tags", "other"]).call().success();
    world.acr.registry.fault(Fault::on("DELETE", "/acr/v1/").answer(405));
    let outcome = world.token(&workspace).args(["untag", REFERENCE, "other"]).call();
    says(&outcome, 5, &["az acr repository untag"]);
    assert_eq!(world.acr.registry.tags("samples/artifact").len(), 2);
}

/// Azure/acr#588: the blobs went to one region, the manifest to another, which doesn't have them yet.
#[test]
fn azure_acr_588_blobs_that_another_region_lacks_are_pushed_again() {
    let world = world(Settings::default());
    let workspace = sources();
    let unknown = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#;
    let fault = Fault::on("PUT", "/manifests/")
        .answer(404)
        .header("content-type", "application/json")
        .body(unknown);
    world.acr.registry.fault(fault);
    world.push(&workspace).call().success();
    assert_eq!(world.acr.registry.tags("samples/artifact").len(), 1);
}

/// Azure/acr#866, azure-sdk-for-python#29738: what broke off can't be taken up, not even by a second PUT.
#[test]
fn azure_acr_866_an_upload_that_broke_is_begun_anew() {
    let world = world(Settings::default());
    let workspace = sources();
    workspace.write("large", vec![7; 3 << 20]);
    world
        .acr
        .registry
        .fault(Fault::on("PUT", "/blobs/uploads/").cut_request(1 << 20));
    let run = world
        .token(&workspace)
        .args(["push", REFERENCE, "large", "--concurrency", "1"]);
    run.call().success();
    let puts: Vec<_> = world
        .internet
        .seen(HOST)
        .into_iter()
        .filter(|seen| seen.method == "PUT")
        .collect();
    assert!(puts.iter().any(|put| !put.complete), "nothing broke");
    let mut sessions: Vec<&str> = puts.iter().map(|put| put.bare_path()).collect();
    let count = sessions.len();
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), count, "{sessions:?}");
    assert!(
        puts.iter().all(|put| put.status == Some(201) || !put.complete),
        "{puts:?}"
    );
}

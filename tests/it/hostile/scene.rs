//! Where an attack takes place: a registry to be made hostile, a server elsewhere that must not be given anything, a
//! folder with an output and a neighbour of it that must not change.

use std::any::Any;
use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::{Value, json};

use super::client::Action;
use crate::support::connect::Internet;
use crate::support::faults::Fault;
use crate::support::graph::{Graph, IMAGE};
use crate::support::message::{Reply, Request};
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::runner::Workspace;
use crate::support::server::Server;
use crate::support::tls::tls;

pub const USER: &str = "user";
pub const PASSWORD: &str = "the-password-of-the-job";

/// What begins every token of the registry in memory.
const TOKEN: &str = "-of-the-fake-registry";

pub const UNPACK: &str = "io.deis.oras.content.unpack";
pub const UNPACKED_DIGEST: &str = "io.deis.oras.content.digest";

pub struct Scene {
    pub workspace: Workspace,
    pub registry: Registry,
    /// Answers 200 to everything, and should not be asked with a credential.
    pub elsewhere: Server,
    /// Real names, where a case needs them.
    pub internet: Option<Internet>,
    pub action: Action,
    /// Where the client is sent instead of the registry itself.
    pub host: Option<String>,
    /// Behind the host: repository, tag, digest.
    pub name: String,
    /// Further flags for ours.
    pub flags: Vec<String>,
    pub tls: bool,
    /// Whether it is a job of GitHub Actions.
    pub job: bool,
    /// Whether who falls for it asks beyond this machine: ours alone is tried, which doesn't.
    pub beyond: bool,
    keep: Vec<Box<dyn Any>>,
}

impl Scene {
    /// Pulls `a:v1`, a file `app`, from a registry with tokens.
    pub fn new() -> Self {
        Scene::with(&Options::default())
    }

    /// The same with options; those of `auth` are this scene's.
    pub fn with(options: &Options) -> Self {
        let bearer = Bearer {
            username: USER,
            password: PASSWORD,
            ..Bearer::default()
        };
        Scene::asking(bearer, options)
    }

    /// Whose challenge names `realm` as the token service.
    pub fn realm(realm: &str, tls: bool) -> Self {
        let bearer = Bearer {
            username: USER,
            password: PASSWORD,
            realm: Some(realm.to_owned()),
            ..Bearer::default()
        };
        let options = Options {
            tls,
            ..Options::default()
        };
        Scene::asking(bearer, &options)
    }

    fn asking(bearer: Bearer, options: &Options) -> Self {
        let (auth, tls) = (Auth::Bearer(bearer), options.tls);
        Scene::before(
            Registry::with(Options {
                auth,
                ..options.clone()
            }),
            tls,
        )
    }

    /// Before a registry that is there.
    pub fn before(registry: Registry, tls: bool) -> Self {
        let scene = Scene {
            workspace: Workspace::new(),
            registry,
            elsewhere: elsewhere(),
            internet: None,
            action: Action::Pull,
            host: None,
            name: "a:v1".to_owned(),
            flags: Vec::new(),
            tls,
            job: false,
            beyond: false,
            keep: Vec::new(),
        };
        scene.workspace.write("file.txt", "what is pushed");
        scene.workspace.write("ca.pem", tls_authority());
        scene.workspace.write("outside/secret", "not the artifact's");
        fs_err::create_dir(scene.workspace.path().join("out")).unwrap();
        scene.artifact(|graph| {
            let mut layer = graph.blob("text/plain", APP);
            layer["annotations"] = title("app");
            vec![layer]
        })
    }

    /// The artifact `a:v1` has these layers instead.
    pub fn artifact(self, layers: impl FnOnce(&mut Graph) -> Vec<Value>) -> Self {
        let mut graph = Graph::default();
        let layers = layers(&mut graph);
        let artifact = graph.with_layers("test/app", None, &layers);
        graph.tag("v1", &artifact);
        graph.registry(&self.registry, "a");
        self
    }

    /// One directory, `docs`, packed as `bytes` say.
    pub fn packed(self, bytes: &[u8], more: &[(&str, &str)]) -> Self {
        self.artifact(|graph| {
            let mut layer = graph.blob("application/vnd.oci.image.layer.v1.tar+gzip", bytes);
            layer["annotations"] = title("docs");
            layer["annotations"][UNPACK] = json!("true");
            for (key, value) in more {
                layer["annotations"][*key] = json!(value);
            }
            vec![layer]
        })
    }

    /// The manifest of `a:v1` is this text.
    pub fn manifest(self, text: impl Into<bytes::Bytes>) -> Self {
        self.registry.seed_manifest("a", "v1", IMAGE, text);
        self
    }

    pub fn fault(self, fault: Fault) -> Self {
        self.registry.fault(fault);
        self
    }

    pub fn does(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// In a job of GitHub Actions.
    pub fn in_job(mut self, job: bool) -> Self {
        self.job = job;
        self
    }

    /// See the field.
    pub fn leads_beyond(mut self) -> Self {
        self.beyond = true;
        self
    }

    /// What has to live as long as the attack.
    pub fn keep(mut self, what: impl Any) -> Self {
        self.keep.push(Box::new(what));
        self
    }

    /// `HOST/NAME`.
    pub fn reference(&self) -> String {
        let host = self.host.clone().unwrap_or_else(|| self.registry.host());
        format!("{host}/{}", self.name)
    }

    /// What lies in the folder, the output apart.
    pub fn outside(&self) -> Tree {
        let mut tree = tree(&self.workspace.path().join(".."));
        tree.retain(|path, _| !path.starts_with("work/out/"));
        tree
    }

    /// What lies in the output.
    pub fn output(&self) -> Tree {
        tree(&self.workspace.path().join("out"))
    }

    /// What of the job's was sent to somebody else.
    pub fn leaks(&self) -> Vec<String> {
        let mut sent = self.elsewhere.requests();
        if let Some(internet) = &self.internet {
            sent.extend(internet.seen(COLLECTOR));
        }
        let gives = |request: &Request| {
            let text = format!("{request:?}");
            let header = |name| request.header(name).is_some();
            header("authorization") || header("cookie") || [PASSWORD, TOKEN].iter().any(|secret| text.contains(secret))
        };
        sent.iter()
            .filter(|request| gives(request))
            .map(Request::line)
            .collect()
    }
}

/// The name of an attacker's server on an [`Internet`].
pub const COLLECTOR: &str = "collector.example";

pub const APP: &[u8] = b"the bytes of the app";

/// Paths with what they hold.
pub type Tree = BTreeMap<String, Vec<u8>>;

/// Larger files are known by their size.
const SMALL: u64 = 16 * 1024 * 1024;

/// As `Workspace::tree`, but for what a bomb may have left.
fn tree(top: &Utf8Path) -> Tree {
    let describe = |entry: walkdir::DirEntry| {
        let path = Utf8Path::from_path(entry.path()).unwrap();
        let name = path.strip_prefix(top).unwrap().to_string();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            (name + "/", Vec::new())
        } else if metadata.is_symlink() {
            (
                name,
                format!("-> {}", fs_err::read_link(path).unwrap().display()).into(),
            )
        } else if metadata.is_file() && metadata.len() <= SMALL {
            (name, fs_err::read(path).unwrap_or_default())
        } else {
            (name, format!("{} bytes", metadata.len()).into())
        }
    };
    let entries = walkdir::WalkDir::new(top).min_depth(1);
    entries.into_iter().map(|entry| describe(entry.unwrap())).collect()
}

/// A title's annotations.
pub fn title(title: &str) -> Value {
    json!({"org.opencontainers.image.title": title})
}

fn elsewhere() -> Server {
    Server::start(None, |_| {
        Box::new(|_: &Request| Reply::new(200).body("application/json", "{}"))
    })
}

fn tls_authority() -> String {
    tls().authority.clone()
}

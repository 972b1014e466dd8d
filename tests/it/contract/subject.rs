//! The stores that the suite runs over.

use oci_artifact::credentials::{Credentials, Given};
use oci_artifact::env::Env;
use oci_artifact::http;
use oci_artifact::reference::{Case, Reference};
use oci_artifact::report::{Report, Secret};
use oci_artifact::store::{Archive, Store, Stores};

use crate::support::peers::{Access, Peer};
use crate::support::registry::{Auth, Bearer, Options, Registry};
use crate::support::tls::tls;

const USER: &str = "user";
const PASSWORD: &str = "secret";

/// A store to try, and what keeps it alive.
pub struct Subject {
    pub store: Store,
    /// Another repository beside it.
    pub neighbour: Store,
    _keep: Vec<Box<dyn Send>>,
}

impl Subject {
    pub fn layout() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = format!("oci:{}", directory.path().display());
        Subject::at(&place, false, false, vec![Box::new(directory)])
    }

    /// While it is written: nothing is deleted from it.
    pub fn archive() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| camino::Utf8PathBuf::from_path_buf(directory.path().join(name)).unwrap();
        Subject {
            store: Store::Archive(Archive::to_write(path("a.tar"))),
            neighbour: Store::Archive(Archive::to_write(path("b.tar"))),
            _keep: vec![Box::new(directory)],
        }
    }

    pub fn fake() -> Self {
        Subject::fake_with(Options::default())
    }

    fn fake_with(options: Options) -> Self {
        let (login, tls) = (!matches!(options.auth, Auth::Open), options.tls);
        let registry = Registry::with(options);
        Subject::at(&registry.reference("team"), login, tls, vec![Box::new(registry)])
    }

    pub fn fake_with_bearer() -> Self {
        Subject::fake_with(Options {
            auth: Auth::Bearer(Bearer {
                username: USER,
                password: PASSWORD,
                ..Bearer::default()
            }),
            absolute_location: true,
            tag_query: true,
            page: 3,
            ..Options::default()
        })
    }

    pub fn fake_with_basic_and_tls() -> Self {
        Subject::fake_with(Options {
            auth: Auth::Basic(USER, PASSWORD),
            tls: true,
            referrers: false,
            page: 2,
            ..Options::default()
        })
    }

    pub fn olareg() -> Self {
        Subject::peer(Peer::olareg(Access::default()), Access::default())
    }

    pub fn distribution() -> Self {
        Subject::peer(Peer::distribution(Access::default()), Access::default())
    }

    pub fn distribution_with_login_and_tls() -> Self {
        let access = Access {
            login: Some((USER, PASSWORD)),
            tls: true,
        };
        Subject::peer(Peer::distribution(access), access)
    }

    fn peer(peer: Peer, access: Access) -> Self {
        Subject::at(
            &format!("{}/team", peer.host()),
            access.login.is_some(),
            access.tls,
            vec![Box::new(peer)],
        )
    }

    fn at(place: &str, login: bool, with_tls: bool, mut keep: Vec<Box<dyn Send>>) -> Self {
        let location = |name: &str| {
            let (reference, _) = Reference::parse(&format!("{place}/{name}"), None, Case::Strict).unwrap();
            reference.location
        };
        let (report, one) = (Report::silent(), location("one"));
        let mut options = http::Options::default();
        if with_tls {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs_err::write(file.path(), &tls().authority).unwrap();
            options.ca_file = Some(file.path().to_path_buf().try_into().unwrap());
            keep.push(Box::new(file));
        }
        let given = Given {
            host: one.host().filter(|_| login).cloned(),
            username: login.then(|| USER.to_owned()),
            password: login.then(|| Secret::new(PASSWORD, &report)),
            ..Given::default()
        };
        let client = http::Client::new(&options, &report).unwrap();
        let credentials = Credentials::new(given.into(), &Env::default(), &client, &report).unwrap();
        let stores = Stores::new(client, credentials, report, false);
        Subject {
            store: stores.open(&one),
            neighbour: stores.open(&location("two")),
            _keep: keep,
        }
    }
}

//! The directory of a plane.

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use windlass_api::secret::SecretText;
use windlass_server::access::MASTERS;
use windlass_server::access::tokens;
use windlass_server::access::tokens::Issue;
use windlass_server::access::tokens::Purpose;
use windlass_server::kubeconfig;
use windlass_server::kubeconfig::Connection;
use windlass_server::tls::Authority;
use windlass_store::Store;

/// Where everything of a plane is kept.
pub(super) struct Place {
    root: PathBuf,
}

impl Place {
    /// Opens a directory, or the user's own, and makes what is missing.
    pub(super) fn open(root: Option<&Path>) -> anyhow::Result<Self> {
        let root = match root {
            Some(root) => root.to_owned(),
            None => default_root()
                .context("there is no place for state: set HOME, or name one with --data-dir DIR")?,
        };
        for (name, mode) in [("", 0o711), ("logs", 0o700), ("claims", 0o711)] {
            let path = root.join(name);
            let made = fs::DirBuilder::new().recursive(true).mode(mode).create(&path);
            made.with_context(|| format!("make {}", path.display()))?;
        }
        let root = fs::canonicalize(&root).with_context(|| format!("find {}", root.display()))?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join("state.db")
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub(super) fn claims(&self) -> PathBuf {
        self.root.join("claims")
    }

    /// Where the server's own runner keeps what it holds.
    pub(super) fn runner(&self) -> PathBuf {
        self.root.join("runner")
    }

    /// Writes the token of the server's own runner, unless there is one.
    pub(super) async fn write_runner_token(&self, store: &Store, path: &Path) -> anyhow::Result<()> {
        if path.exists() {
            return Ok(());
        }
        let issue = Issue {
            purpose: Purpose::Runner,
            user: "windlass:runner:built-in".to_owned(),
            groups: Vec::new(),
            expires_at: None,
            audiences: Vec::new(),
        };
        let token = tokens::issue(store, issue).await?.text;
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(token.expose().as_bytes()));
        written.with_context(|| format!("write {}", path.display()))
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.root.join("admin.kubeconfig")
    }

    /// The authority that signs the server's certificate.
    pub(super) fn authority(&self) -> anyhow::Result<Authority> {
        let directory = self.root.join("tls");
        Authority::open(&directory).with_context(|| format!("open {}", directory.display()))
    }

    /// Writes the file by which the operator connects. Its token is kept; it is made when there is none.
    pub(super) async fn write_kubeconfig(
        &self,
        store: &Store,
        address: SocketAddr,
        authority: &Authority,
    ) -> anyhow::Result<()> {
        let path = self.kubeconfig();
        let known = fs::read_to_string(&path).unwrap_or_default();
        let known = known.lines().find_map(|line| {
            line.trim()
                .strip_prefix("token: ")
                .map(|token| token.trim_matches('"').to_owned())
        });
        let token = match known {
            Some(token) => SecretText::new(token),
            None => {
                let issue = Issue {
                    purpose: Purpose::User,
                    user: "admin".to_owned(),
                    groups: vec![MASTERS.to_owned()],
                    expires_at: None,
                    audiences: Vec::new(),
                };
                tokens::issue(store, issue).await?.text
            }
        };
        let connection = Connection {
            cluster: "windlass",
            url: &format!("https://{}", reachable(address)),
            authority: Some(authority.certificate()),
            token: &token,
            namespace: "default",
        };
        let text = kubeconfig::render(&connection);
        let mut private = fs::OpenOptions::new();
        private.write(true).create(true).truncate(true).mode(0o600);
        let written = private
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| format!("write {}", path.display()))
    }
}

/// The address by which this machine reaches a listener.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

fn default_root() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/windlass/plane"));
    }
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))?;
    Some(data.join("windlass/plane"))
}

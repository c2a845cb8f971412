//! Who asks a registry: Docker's config.json, its credential helpers, and Kubernetes' pull secrets.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::helper;
use super::pattern::Pattern;
use crate::cache::Key;
use crate::credentials::Credentials;

/// Bytes of a configuration file; real ones have some hundred.
const MAX_FILE: u64 = 1 << 20;

/// Logins tried for one image; each costs a request or two.
const MAX_TRIED: usize = 8;

/// What a registry is shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// A password, or a token for the registry.
    Known(Credentials),
    /// A token that the registry's token service exchanges for another.
    Identity(String),
}

/// The logins for registries. Its `Debug` form shows none of them.
#[derive(Clone, Default)]
pub struct Keyring {
    /// Logins by what they are for.
    entries: Vec<(Pattern, Login)>,
    /// Names of helpers by registry.
    helpers: BTreeMap<String, String>,
    /// Names of helpers for every registry.
    stores: Vec<String>,
    /// Where helpers are looked for, when not where this process finds its programs.
    path: Option<OsString>,
    /// Logins to try after all of these.
    then: Option<Arc<Self>>,
}

/// A configuration of logins cannot be read. Never shows what it holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A file cannot be read.
    #[error("read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no configuration.
    #[error("read {}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<KeyringError>,
    },
    /// The text is larger than any configuration is.
    #[error("a configuration of logins of more than {MAX_FILE} bytes")]
    TooLarge,
    /// The text is no JSON of the right form.
    #[error("no valid configuration of logins (line {line}, column {column})")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A login cannot be decoded.
    #[error("the login for {0:?} is no base64 of user:password; log in again")]
    Auth(String),
    /// The name of a credential helper is none.
    #[error("credential helper {0:?} is no name of a program")]
    Helper(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// The logins found for one image, and what went wrong while looking.
pub(super) struct Found {
    pub(super) logins: Vec<Login>,
    pub(super) notes: Vec<String>,
}

impl Keyring {
    /// The logins of this machine's user: `$DOCKER_CONFIG/config.json` or else `~/.docker/config.json`, then
    /// `$XDG_RUNTIME_DIR/containers/auth.json`. Files that are not there are no error. `environment` gives
    /// variables by name; helpers are looked for in its `$PATH`.
    pub fn of_machine(environment: impl Fn(&str) -> Option<OsString>) -> Result<Self, KeyringError> {
        let directory = |name: &str| {
            let value = environment(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from)
        };
        let docker = directory("DOCKER_CONFIG").or_else(|| Some(directory("HOME")?.join(".docker")));
        let files = [
            docker.map(|path| path.join("config.json")),
            directory("XDG_RUNTIME_DIR").map(|path| path.join("containers/auth.json")),
        ];
        let mut keyring = Self {
            path: environment("PATH"),
            ..Self::default()
        };
        for path in files.into_iter().flatten() {
            if let Some(bytes) = read(&path)? {
                let found = Self::of_docker_config(&bytes).map_err(|source| KeyringError::Content {
                    path: path.clone(),
                    source: Box::new(source),
                })?;
                keyring = keyring.and(found);
            }
        }
        Ok(keyring)
    }

    /// Reads Docker's `config.json`, which is also what a secret of type `kubernetes.io/dockerconfigjson` holds.
    pub fn of_docker_config(bytes: &[u8]) -> Result<Self, KeyringError> {
        let config: Config = parsed(bytes)?;
        let mut keyring = Self::of_entries(config.auths)?;
        let named = config.cred_helpers.values().chain([&config.creds_store]);
        if let Some(odd) = named
            .into_iter()
            .find(|name| !name.is_empty() && !helper::is_name(name))
        {
            return Err(KeyringError::Helper(odd.chars().take(64).collect()));
        }
        keyring.helpers = config.cred_helpers;
        keyring.helpers.retain(|_, name| !name.is_empty());
        if !config.creds_store.is_empty() {
            keyring.stores.push(config.creds_store);
        }
        Ok(keyring)
    }

    /// Reads a secret of type `kubernetes.io/dockerconfigjson`: as Docker's file, but what runs a program of this
    /// machine is left out, because who writes a secret does not choose that.
    pub fn of_pull_secret(bytes: &[u8]) -> Result<Self, KeyringError> {
        let mut keyring = Self::of_docker_config(bytes)?;
        keyring.helpers.clear();
        keyring.stores.clear();
        Ok(keyring)
    }

    /// Reads a secret of the older type `kubernetes.io/dockercfg`.
    pub fn of_dockercfg(bytes: &[u8]) -> Result<Self, KeyringError> {
        Self::of_entries(parsed(bytes)?)
    }

    fn of_entries(entries: BTreeMap<String, Entry>) -> Result<Self, KeyringError> {
        let mut keyring = Self::default();
        for (name, entry) in entries {
            if let (Some(pattern), Some(login)) = (Pattern::parse(&name), entry.login(&name)?) {
                keyring.entries.push((pattern, login));
            }
        }
        Ok(keyring)
    }

    /// One login: for a registry (`host:port`), or for paths in it (`host/team`).
    pub fn of_login(registry: &str, credentials: Credentials) -> Self {
        let pattern = Pattern::parse(registry);
        Self {
            entries: pattern
                .map(|pattern| (pattern, Login::Known(credentials)))
                .into_iter()
                .collect(),
            ..Self::default()
        }
    }

    /// Both together; where both have a login for one prefix, this one's is tried first.
    #[must_use]
    pub fn and(mut self, mut other: Self) -> Self {
        self.entries.append(&mut other.entries);
        for (registry, name) in other.helpers {
            self.helpers.entry(registry).or_insert(name);
        }
        self.stores.append(&mut other.stores);
        self.path = self.path.or(other.path);
        self.then = self.then.or(other.then);
        self
    }

    /// All logins of this one, helpers included, and only after them those of another.
    #[must_use]
    pub fn then(mut self, other: Arc<Self>) -> Self {
        self.then = Some(match self.then {
            Some(next) => Arc::new(Self::clone(&next).then(other)),
            None => other,
        });
        self
    }

    /// Whether it knows no login and no helper to ask.
    pub fn is_empty(&self) -> bool {
        let own = self.entries.is_empty() && self.helpers.is_empty() && self.stores.is_empty();
        own && self.then.as_ref().is_none_or(|next| next.is_empty())
    }

    /// The logins for an image, best first: of the helpers, then by the longest prefix.
    pub(super) async fn find(&self, registry: &str, repository: &str) -> Found {
        let mut found = Found {
            logins: Vec::new(),
            notes: Vec::new(),
        };
        let mut ring = Some(self);
        while let Some(keyring) = ring {
            keyring.collect(registry, repository, &mut found).await;
            ring = keyring.then.as_deref();
        }
        found.logins.truncate(MAX_TRIED);
        found
    }

    async fn collect(&self, registry: &str, repository: &str, found: &mut Found) {
        let helper = self.helpers.get(registry).or_else(|| {
            let legacy = (registry == "docker.io").then_some(helper::DOCKER_HUB)?;
            self.helpers.get(legacy)
        });
        for name in helper.into_iter().chain(&self.stores) {
            match helper::get(name, registry, self.path.as_deref()).await {
                Ok(Some(login)) => found.logins.push(login),
                Ok(None) => {}
                Err(error) => found.notes.push(error.to_string()),
            }
        }
        let mut fitting: Vec<&(Pattern, Login)> = self
            .entries
            .iter()
            .filter(|(pattern, _)| pattern.matches(registry, repository))
            .collect();
        // Stable, so that among equals the one given first wins.
        fitting.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.rank()));
        found
            .logins
            .extend(fitting.into_iter().map(|(_, login)| login.clone()));
    }

    /// What tells it from a keyring with other logins, without showing any.
    pub(crate) fn fingerprint(&self) -> Key {
        let entries = self.entries.iter().flat_map(|(pattern, login)| {
            let (kind, secret) = login.parts();
            [pattern.to_string(), kind.to_owned(), secret]
        });
        let helpers = self
            .helpers
            .iter()
            .flat_map(|(registry, name)| [registry.clone(), name.clone()]);
        let parts: Vec<String> = entries
            .chain(helpers)
            .chain(self.stores.iter().cloned())
            .chain(
                self.then
                    .iter()
                    .map(|next| next.fingerprint().as_str().to_owned()),
            )
            .collect();
        Key::new(parts.iter().map(String::as_str))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .entries
            .iter()
            .map(|(pattern, _)| pattern.to_string())
            .collect();
        formatter
            .debug_struct("Keyring")
            .field("logins_for", &names)
            .field("helpers", &self.helpers)
            .field("stores", &self.stores)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// A login as helpers and files give it: the user `<token>` means that the secret is an identity token.
    pub(super) fn of_pair(username: String, password: String) -> Self {
        if username == "<token>" {
            return Self::Identity(password);
        }
        Self::Known(Credentials::Basic { username, password })
    }

    fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Known(credentials) => ("known", credentials.authorization()),
            Self::Identity(token) => ("identity", token.clone()),
        }
    }
}

impl Entry {
    /// The login of one entry; none where it is empty, as it is beside a credential store.
    fn login(self, name: &str) -> Result<Option<Login>, KeyringError> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(token) = filled(self.identitytoken) {
            return Ok(Some(Login::Identity(token)));
        }
        if let Some(token) = filled(self.registrytoken) {
            return Ok(Some(Login::Known(Credentials::Bearer(token))));
        }
        if let Some(auth) = filled(self.auth) {
            let refused = || KeyringError::Auth(name.chars().take(128).collect());
            let decoded = STANDARD.decode(auth.trim()).map_err(|_| refused())?;
            let text = String::from_utf8(decoded).map_err(|_| refused())?;
            let (username, password) = text.split_once(':').ok_or_else(refused)?;
            // Some tools pad the password with zeros.
            let password = password.trim_end_matches('\0').to_owned();
            return Ok(Some(Login::of_pair(username.to_owned(), password)));
        }
        match (filled(self.username), filled(self.password)) {
            (Some(username), Some(password)) => Ok(Some(Login::of_pair(username, password))),
            _ => Ok(None),
        }
    }
}

/// Reads JSON without ever repeating what it holds.
fn parsed<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, KeyringError> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(KeyringError::TooLarge);
    }
    serde_json::from_slice(bytes).map_err(|error| KeyringError::Syntax {
        line: error.line(),
        column: error.column(),
    })
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyringError> {
    let mut bytes = Vec::new();
    let outcome = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    match outcome {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyringError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Keyring;
    use super::Login;
    use crate::credentials::Credentials;

    /// The logins found, as `user` or as `token`.
    async fn found(keyring: &Keyring, registry: &str, repository: &str) -> String {
        let found = keyring.find(registry, repository).await;
        let names: Vec<String> = found
            .logins
            .iter()
            .map(|login| match login {
                Login::Known(Credentials::Basic { username, password }) => format!("{username}:{password}"),
                Login::Known(Credentials::Bearer(token)) => format!("bearer {token}"),
                Login::Identity(token) => format!("identity {token}"),
            })
            .collect();
        names.join(", ")
    }

    #[tokio::test]
    async fn every_form_of_a_login_is_read() {
        // Base64 of `a:b:c`, of `a:b` with a zero behind it, and of `<token>:t`.
        let rows = [
            (r#"{"auth": "YTpiOmM="}"#, "a:b:c"),
            (r#"{"auth": "YTpiAA=="}"#, "a:b"),
            (r#"{"auth": "PHRva2VuPjp0"}"#, "identity t"),
            (r#"{"username": "u", "password": "p", "email": "e"}"#, "u:p"),
            (
                r#"{"auth": "YTpiOmM=", "username": "u", "password": "p"}"#,
                "a:b:c",
            ),
            (r#"{"identitytoken": "i", "auth": "YTpi"}"#, "identity i"),
            (r#"{"registrytoken": "r"}"#, "bearer r"),
            (r#"{"username": "u"}"#, ""),
            ("{}", ""),
        ];
        for (entry, expected) in rows {
            let config = format!(r#"{{"auths": {{"host.test": {entry}}}, "HttpHeaders": {{}}}}"#);
            let keyring = Keyring::of_docker_config(config.as_bytes()).unwrap();
            assert_eq!(found(&keyring, "host.test", "a").await, expected, "{entry}");
            let older = format!(r#"{{"host.test": {entry}}}"#);
            let keyring = Keyring::of_dockercfg(older.as_bytes()).unwrap();
            assert_eq!(found(&keyring, "host.test", "a").await, expected, "{entry}");
        }
    }

    #[tokio::test]
    async fn the_longest_prefix_is_tried_first() {
        let logins = [
            "host.test",
            "host.test/team",
            "host.test/team/app",
            "*.test",
            "host.test:5000",
            "https://index.docker.io/v1/",
        ];
        let keyring = logins.iter().fold(Keyring::default(), |keyring, name| {
            let credentials = Credentials::Basic {
                username: (*name).to_owned(),
                password: "p".to_owned(),
            };
            keyring.and(Keyring::of_login(name, credentials))
        });
        let rows = [
            (
                "host.test",
                "team/app",
                "host.test/team/app:p, host.test/team:p, host.test:p, *.test:p",
            ),
            (
                "host.test",
                "team/app2",
                "host.test/team:p, host.test:p, *.test:p",
            ),
            ("host.test", "teams", "host.test:p, *.test:p"),
            ("other.test", "team", "*.test:p"),
            ("host.test:5000", "team", "host.test:5000:p"),
            ("host.test:5001", "team", ""),
            ("docker.io", "library/alpine", "https://index.docker.io/v1/:p"),
        ];
        for (registry, repository, expected) in rows {
            assert_eq!(
                found(&keyring, registry, repository).await,
                expected,
                "{registry}/{repository}"
            );
        }
    }

    #[tokio::test]
    async fn one_keyring_is_tried_after_another_whatever_its_prefixes() {
        let ring = |name: &str, user: &str| {
            let credentials = Credentials::Basic {
                username: user.to_owned(),
                password: "p".to_owned(),
            };
            Keyring::of_login(name, credentials)
        };
        let (wide, narrow, other) = (ring("a.test", "w"), ring("a.test/team", "n"), ring("a.test", "o"));
        let rows = [
            (wide.clone().and(narrow.clone()), "n:p, w:p"),
            (wide.clone().then(narrow.clone().into()), "w:p, n:p"),
            (
                wide.clone()
                    .then(narrow.clone().into())
                    .then(other.clone().into()),
                "w:p, n:p, o:p",
            ),
            (
                Keyring::default().then(wide.clone().and(narrow).into()),
                "n:p, w:p",
            ),
        ];
        let mut fingerprints = Vec::new();
        for (keyring, expected) in rows {
            assert_eq!(found(&keyring, "a.test", "team/app").await, expected);
            assert!(!fingerprints.contains(&keyring.fingerprint()), "{expected}");
            fingerprints.push(keyring.fingerprint());
            assert!(!keyring.is_empty());
        }
        assert!(Keyring::default().then(Keyring::default().into()).is_empty());
    }

    #[test]
    fn a_broken_configuration_is_refused_without_showing_it() {
        let rows = [
            (
                r#"{"auths": {"a": {"auth": 7}}}"#,
                "no valid configuration of logins (line 1, column 26)",
            ),
            (
                r#"{"auths": "hunter2"}"#,
                "no valid configuration of logins (line 1, column 19)",
            ),
            ("hunter2", "no valid configuration of logins (line 1, column 1)"),
            (
                r#"{"auths": {"a": {"auth": "hunter2!"}}}"#,
                "the login for \"a\" is no base64",
            ),
            (
                r#"{"auths": {"a": {"auth": "aHVudGVyMg=="}}}"#,
                "the login for \"a\" is no base64 of user:password",
            ),
            (
                r#"{"credsStore": "../evil"}"#,
                "credential helper \"../evil\" is no name of a program",
            ),
            (
                r#"{"credHelpers": {"a": "x y"}}"#,
                "credential helper \"x y\" is no name of a program",
            ),
        ];
        for (text, expected) in rows {
            let message = Keyring::of_docker_config(text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_pull_secret_runs_no_program() {
        let text =
            br#"{"credsStore": "x", "credHelpers": {"a": "b"}, "auths": {"host.test": {"auth": "YTpi"}}}"#;
        let keyring = Keyring::of_pull_secret(text).unwrap();
        assert_eq!(
            format!("{keyring:?}"),
            r#"Keyring { logins_for: ["host.test"], helpers: {}, stores: [], .. }"#
        );
    }

    #[test]
    fn the_files_of_a_machine_are_found() {
        let root = tempfile::TempDir::new().unwrap();
        let file = |path: &str, registry: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(
                path,
                format!(r#"{{"auths": {{"{registry}": {{"auth": "YTpi"}}}}}}"#),
            )
            .unwrap();
        };
        file("home/.docker/config.json", "home.test");
        file("docker/config.json", "docker.test");
        file("run/containers/auth.json", "run.test");
        let rows: &[(&[(&str, &str)], &str)] = &[
            (&[], "[]"),
            (&[("HOME", "home")], r#"["home.test"]"#),
            (
                &[("HOME", "home"), ("DOCKER_CONFIG", "docker")],
                r#"["docker.test"]"#,
            ),
            (
                &[("HOME", "home"), ("XDG_RUNTIME_DIR", "run")],
                r#"["home.test", "run.test"]"#,
            ),
            (
                &[
                    ("HOME", "gone"),
                    ("DOCKER_CONFIG", ""),
                    ("XDG_RUNTIME_DIR", "gone"),
                ],
                "[]",
            ),
        ];
        for (variables, expected) in rows {
            let environment = |name: &str| {
                let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
                let value = if value.is_empty() {
                    root.path().join("")
                } else {
                    root.path().join(value)
                };
                Some(value.into_os_string()).filter(|_| !variables.contains(&(name, "")))
            };
            let keyring = Keyring::of_machine(environment).unwrap();
            let shown = format!("{keyring:?}");
            assert!(
                shown.starts_with(&format!("Keyring {{ logins_for: {expected}")),
                "{shown}"
            );
        }
        std::fs::write(root.path().join("docker/config.json"), "hunter2").unwrap();
        let environment =
            |name: &str| (name == "DOCKER_CONFIG").then(|| root.path().join("docker").into_os_string());
        let message = Keyring::of_machine(environment).unwrap_err().to_string();
        let path = root.path().join("docker/config.json");
        let expected = format!(
            "read {}: no valid configuration of logins (line 1, column 1)",
            path.display()
        );
        assert_eq!(message, expected);
    }
}

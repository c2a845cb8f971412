//! Credentials of a service account as files in a step's home directory (upstream's creds-init). Pure.
//!
//! Secrets listed in the service account are used by their type: `basic-auth` with annotations `tekton.dev/git-*` or
//! `tekton.dev/docker-*`, `ssh-auth` with `tekton.dev/git-*`, and the two Docker configuration types as they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use windlass_api::core::LocalObjectReference;
use windlass_api::core::Secret;
use windlass_api::reasons::annotations;
use windlass_executor::job;

use super::files::secret_data;
use super::needs::Found;

/// Where the files lie for every step, wherever its home directory is.
const PLACE: &str = "/tekton/creds";

#[derive(Default)]
struct Files {
    basic: Vec<(String, String, String)>,
    ssh: Vec<(String, String, BTreeMap<String, Vec<u8>>)>,
    docker: Map<String, Value>,
}

/// The files by path relative to the home directory, and warnings about secrets that could not be used.
pub(crate) fn files(found: &Found) -> (BTreeMap<PathBuf, job::Secret>, Vec<String>) {
    let mut files = Files::default();
    let mut warnings = Vec::new();
    for reference in found.service_account.iter().flat_map(|account| &account.secrets) {
        match found.secrets.get(&reference.name) {
            Some(secret) => files.add(secret),
            None => warnings.push(format!(
                "Unable to retrieve some secrets ({}); attempting to use them may not succeed.",
                reference.name
            )),
        }
    }
    (files.write(), warnings)
}

/// Logins for registries, as Docker configurations: of the pod's pull secrets, then of the service account's. One that is
/// not there is passed over, as in a cluster.
pub(crate) fn logins(found: &Found, of_pod: &[LocalObjectReference]) -> Vec<job::Secret> {
    let of_account = found
        .service_account
        .iter()
        .flat_map(|account| &account.image_pull_secrets);
    let secrets = of_pod
        .iter()
        .chain(of_account)
        .filter_map(|reference| found.secrets.get(&reference.name));
    secrets
        .filter_map(|secret| {
            let mut data = secret_data(secret);
            match secret.r#type.as_str() {
                "kubernetes.io/dockerconfigjson" => data.remove(".dockerconfigjson"),
                "kubernetes.io/dockercfg" => data
                    .remove(".dockercfg")
                    .map(|old| [b"{\"auths\":", old.as_slice(), b"}"].concat()),
                _ => None,
            }
        })
        .map(job::Secret::new)
        .collect()
}

impl Files {
    fn add(&mut self, secret: &Secret) {
        let data = secret_data(secret);
        let text = |key: &str| {
            data.get(key)
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let targets = |prefix: &str| -> Vec<String> {
            let annotations = secret.metadata.annotations.iter();
            annotations
                .filter(|(key, _)| key.starts_with(prefix))
                .map(|(_, target)| target.clone())
                .collect()
        };
        match secret.r#type.as_str() {
            "kubernetes.io/basic-auth" => {
                let (user, password) = (
                    text("username").unwrap_or_default(),
                    text("password").unwrap_or_default(),
                );
                self.basic.extend(
                    targets(annotations::GIT_CREDENTIAL_PREFIX)
                        .into_iter()
                        .map(|url| (url, user.clone(), password.clone())),
                );
                for registry in targets(annotations::DOCKER_CREDENTIAL_PREFIX) {
                    let auth = STANDARD.encode(format!("{user}:{password}"));
                    let entry = json!({ "username": user, "password": password, "auth": auth, "email": "not@val.id" });
                    self.docker.insert(registry, entry);
                }
            }
            "kubernetes.io/ssh-auth" => {
                let hosts = targets(annotations::GIT_CREDENTIAL_PREFIX).into_iter();
                self.ssh
                    .extend(hosts.map(|host| (host, secret.metadata.name.clone(), data.clone())));
            }
            "kubernetes.io/dockerconfigjson" => {
                if let Some(Value::Object(config)) = json_of(&data, ".dockerconfigjson")
                    && let Some(Value::Object(auths)) = config.get("auths")
                {
                    self.docker.extend(auths.clone());
                }
            }
            "kubernetes.io/dockercfg" => {
                if let Some(Value::Object(auths)) = json_of(&data, ".dockercfg") {
                    self.docker.extend(auths);
                }
            }
            _ => {}
        }
    }

    fn write(mut self) -> BTreeMap<PathBuf, job::Secret> {
        let mut files = BTreeMap::new();
        let mut put = |path: &str, text: String| files.insert(PathBuf::from(path), job::Secret::new(text));
        let mut git_config = String::new();
        if !self.basic.is_empty() {
            // Credentials for a whole host come before those for one repository, which git then prefers.
            self.basic.sort_by_key(|(url, ..)| has_path(url));
            git_config.push_str("[credential]\n\thelper = store\n");
            let mut store = String::new();
            for (url, user, password) in &self.basic {
                let by_path = if has_path(url) {
                    "\tuseHttpPath = true\n"
                } else {
                    ""
                };
                let _ = write!(
                    git_config,
                    "[credential \"{url}\"]\n\tusername = {user}\n{by_path}"
                );
                let _ = writeln!(store, "{}", with_login(url, user, password));
            }
            put(".git-credentials", store);
        }
        if !self.ssh.is_empty() {
            let (config, known_hosts) = self.ssh_config(&mut put);
            put(".ssh/config", config);
            if !known_hosts.is_empty() {
                put(".ssh/known_hosts", known_hosts.join("\n"));
            }
        }
        if !git_config.is_empty() {
            put(".gitconfig", git_config);
        }
        if !self.docker.is_empty() {
            put(".docker/config.json", json!({ "auths": self.docker }).to_string());
        }
        files
    }

    fn ssh_config(&self, put: &mut impl FnMut(&str, String) -> Option<job::Secret>) -> (String, Vec<String>) {
        let mut hosts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut known_hosts = Vec::new();
        for (host, secret, data) in &self.ssh {
            let key = data
                .get("ssh-privatekey")
                .map(|key| String::from_utf8_lossy(key).into_owned());
            put(&format!(".ssh/id_{secret}"), key.unwrap_or_default());
            known_hosts.extend(
                data.get("known_hosts")
                    .map(|lines| String::from_utf8_lossy(lines).into_owned()),
            );
            hosts.entry(host).or_default().push(secret);
        }
        let mut config = String::new();
        for (target, secrets) in hosts {
            let (host, port) = target.split_once(':').unwrap_or((target, "22"));
            let _ = write!(config, "Host {host}\n    HostName {host}\n    Port {port}\n");
            for secret in secrets {
                let _ = writeln!(config, "    IdentityFile {PLACE}/.ssh/id_{secret}");
            }
        }
        (config, known_hosts)
    }
}

fn json_of(data: &BTreeMap<String, Vec<u8>>, key: &str) -> Option<Value> {
    serde_json::from_slice(data.get(key)?).ok()
}

fn has_path(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').is_some_and(|(_, path)| !path.is_empty())
}

/// The URL with user and password in front of its host, percent-encoded.
fn with_login(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    format!(
        "{scheme}://{}:{}@{rest}",
        percent_encoded(user),
        percent_encoded(password)
    )
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

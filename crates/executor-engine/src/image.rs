//! Images, as the engine has or gets them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::json;
use windlass_executor::job::Job;
use windlass_executor::job::Secret;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;

use crate::client::Client;
use crate::client::Error;
use crate::client::ImageInspect;
use crate::client::escape;

/// A line of progress is some hundred bytes long; what is longer is not kept whole.
const MAX_LINE: usize = 64 << 10;

/// A user's account at a registry, for images that the engine does not have yet.
#[derive(Clone, Debug)]
pub struct Login {
    /// Name of the account.
    pub user: String,
    /// Password or token.
    pub password: Secret,
}

/// Knows accounts at registries.
pub trait Logins: Send + Sync {
    /// The account with which an image is pulled; `None` leaves it to the engine.
    fn login(&self, image: &str) -> Option<Login>;
}

/// What of an image matters to a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// `name@sha256:…`, or the engine's own id for an image that came from no registry.
    pub(crate) id: String,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) cmd: Vec<String>,
    pub(crate) user: String,
}

impl Image {
    fn new(name: &str, inspect: ImageInspect) -> Self {
        let config = inspect.config.unwrap_or_default();
        let variables = config.env.unwrap_or_default().into_iter();
        let env = variables.filter_map(|variable| {
            let (name, value) = variable.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        });
        Self {
            id: digest(name, inspect.repo_digests.unwrap_or_default()).unwrap_or(inspect.id),
            env: env.collect(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
        }
    }

    /// Value of a variable that the image sets.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let mut variables = self.env.iter().rev();
        let found = variables.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The digest under the name that was asked for, or under any: an image may have several names.
fn digest(name: &str, digests: Vec<String>) -> Option<String> {
    let (repository, _) = split(name);
    let of_name = |digest: &&String| {
        let (known, _) = split(digest);
        known == repository || known.ends_with(&format!("/{repository}"))
    };
    let position = digests.iter().position(|digest| of_name(&digest)).unwrap_or(0);
    digests.into_iter().nth(position)
}

/// Repository, and the tag or digest if there is one.
fn split(name: &str) -> (&str, Option<&str>) {
    if let Some((repository, digest)) = name.split_once('@') {
        return (repository, Some(digest));
    }
    // A colon before the last slash belongs to the registry's port.
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(last..).and_then(|rest| rest.find(':')) {
        Some(colon) => {
            let (repository, tag) = name.split_at(last + colon);
            (repository, tag.get(1..))
        }
        None => (name, None),
    }
}

/// The images that one backend has seen to.
#[derive(Clone)]
pub(crate) struct Images {
    pub(crate) client: Client,
    pub(crate) logins: Option<Arc<dyn Logins>>,
    pub(crate) pull_timeout: Duration,
}

impl fmt::Debug for Images {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Images")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Images {
    /// Sees to every image that a job names; the first that cannot be had ends it.
    pub(crate) async fn of_job(&self, job: &Job) -> Result<BTreeMap<String, Arc<Image>>, StartFailure> {
        let steps = job.steps.iter().map(|step| &step.process.image);
        let sidecars = job.sidecars.iter().map(|sidecar| &sidecar.process.image);
        let names: BTreeSet<String> = steps.chain(sidecars).cloned().collect();
        let images = names.into_iter().map(|name| self.clone().named(name));
        futures::future::try_join_all(images)
            .await
            .map(BTreeMap::from_iter)
    }

    async fn named(self, name: String) -> Result<(String, Arc<Image>), StartFailure> {
        let image = self.get(&name).await?;
        Ok((name, Arc::new(image)))
    }

    /// Describes an image, pulling it when the engine does not have it.
    pub(crate) async fn get(&self, name: &str) -> Result<Image, StartFailure> {
        check(name)?;
        if let Some(image) = self.inspect(name).await? {
            return Ok(image);
        }
        let pulled = tokio::time::timeout(self.pull_timeout, self.pull(name)).await;
        pulled.map_err(|_| {
            let seconds = self.pull_timeout.as_secs();
            failure(name, &format!("not pulled within {seconds} s"))
        })??;
        let pulled = self.inspect(name).await?;
        pulled.ok_or_else(|| {
            failure(
                name,
                "the engine says that it pulled the image, and does not have it",
            )
        })
    }

    async fn inspect(&self, name: &str) -> Result<Option<Image>, StartFailure> {
        let found = self.client.image(name).await.map_err(|error| match error {
            Error::Refused { message, .. } => failure(name, &message),
            other => unreachable(&other),
        })?;
        Ok(found.map(|inspect| Image::new(name, inspect)))
    }

    async fn pull(&self, name: &str) -> Result<(), StartFailure> {
        let (repository, tag) = split(name);
        let query = format!(
            "fromImage={}&tag={}",
            escape(repository),
            escape(tag.unwrap_or("latest"))
        );
        let login = self.logins.as_ref().and_then(|logins| logins.login(name));
        let login = login.map(|login| {
            let password = String::from_utf8_lossy(login.password.expose());
            let registry = registry(repository);
            let account = json!({"username": login.user, "password": password, "serveraddress": registry});
            URL_SAFE.encode(account.to_string())
        });
        let refused = |error: Error| match error {
            Error::Refused { message, .. } => failure(name, &message),
            other => failure(name, &other.chain()),
        };
        let mut body = self.client.pull(&query, login).await.map_err(refused)?;
        let mut lines = BytesMut::new();
        let mut problem = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failure(name, &error.to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            lines.extend_from_slice(&data);
            while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
                let line = lines.split_to(end + 1);
                problem = said(&line).or(problem);
            }
            if lines.len() > MAX_LINE {
                lines.clear();
            }
        }
        match said(&lines).or(problem) {
            Some(problem) => Err(failure(name, &problem)),
            None => Ok(()),
        }
    }
}

/// The failure that a line of progress reports.
fn said(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Progress {
        error: Option<String>,
    }
    serde_json::from_slice::<Progress>(line)
        .ok()?
        .error
        .filter(|error| !error.is_empty())
}

fn registry(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "https://index.docker.io/v1/",
    }
}

/// A name becomes part of a path, so it must be a name.
fn check(name: &str) -> Result<(), StartFailure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:@._-".contains(&byte);
    let bad = name.is_empty()
        || name.len() > 1024
        || !name.bytes().all(plain)
        || name.starts_with(['/', '-', '.'])
        || name.contains("..")
        || name.contains("//");
    if bad {
        return Err(failure(
            name,
            "this is no image name; one looks like registry.example/team/tool:1.2",
        ));
    }
    Ok(())
}

fn failure(name: &str, why: &str) -> StartFailure {
    StartFailure {
        kind: StartFailureKind::ImagePull,
        message: format!(
            "cannot get image {name:?}: {}; check its name, or load it into the engine yourself",
            why.trim().trim_end_matches('.')
        ),
    }
}

/// An engine that does not do what it is there for.
pub(crate) fn unreachable(error: &Error) -> StartFailure {
    StartFailure {
        kind: StartFailureKind::Sandbox,
        message: format!("the container engine fails: {}", error.chain()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use super::digest;
    use super::registry;
    use super::said;
    use super::split;

    #[test]
    fn names_are_taken_apart_as_the_field_does() {
        let rows = [
            ("alpine", ("alpine", None)),
            ("alpine:3.20", ("alpine", Some("3.20"))),
            ("localhost:5000/a/b", ("localhost:5000/a/b", None)),
            ("localhost:5000/a/b:1", ("localhost:5000/a/b", Some("1"))),
            ("r.example/a@sha256:00", ("r.example/a", Some("sha256:00"))),
        ];
        for (name, then) in rows {
            assert_eq!(split(name), then, "{name}");
        }
        assert_eq!(registry("r.example/a"), "r.example");
        assert_eq!(registry("library/a"), "https://index.docker.io/v1/");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in [
            "",
            "a b",
            "../containers/x",
            "/a",
            "a?x=1",
            "a#b",
            "-a",
            "a//b",
            "é",
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
        assert!(check("localhost:5000/A/b_c@sha256:00ff").is_ok());
    }

    #[test]
    fn the_digest_is_that_of_the_name_asked_for() {
        let digests = || {
            vec![
                "r.example/b@sha256:1".to_owned(),
                "docker.io/library/a@sha256:2".into(),
            ]
        };
        assert_eq!(
            digest("a:1", digests()).as_deref(),
            Some("docker.io/library/a@sha256:2")
        );
        assert_eq!(
            digest("other", digests()).as_deref(),
            Some("r.example/b@sha256:1")
        );
        assert_eq!(digest("a", Vec::new()), None);
    }

    #[test]
    fn only_failures_of_a_pull_are_heard() {
        let rows: [(&[u8], Option<&str>); 5] = [
            (br#"{"status":"Pulling fs layer"}"#, None),
            (br#"{"errorDetail":{"message":"m"},"error":"m"}"#, Some("m")),
            (br#"{"error":""}"#, None),
            (b"garbage", None),
            (b"", None),
        ];
        for (line, then) in rows {
            assert_eq!(said(line).as_deref(), then);
        }
    }
}

//! Images for containers: from the store, or pulled into it.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use futures::future::BoxFuture;
use windlass_executor::host::Root;
use windlass_executor::host::Roots;
use windlass_executor::job::Job;
use windlass_executor::job::Process;
use windlass_executor::job::PullPolicy;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;
use windlass_fetch::oci::Client;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Platform;
use windlass_fetch::oci::Reference;

use crate::Config;
use crate::Image;
use crate::Limits;
use crate::Store;
use crate::import;

/// How long an image that was found is taken for granted: the steps of one task ask for the same one within milliseconds.
const FRESH: Duration = Duration::from_secs(1);

/// More images are not remembered at the same time.
const MOST: usize = 256;

/// Gives containers their images: what the store has, and otherwise what a registry has.
pub struct Images {
    store: Store,
    client: Client,
    /// Logins of this machine's user, tried after those of a job.
    keyring: Arc<Keyring>,
    platform: Platform,
    limits: Limits,
    known: Mutex<HashMap<String, (Arc<Root>, Instant)>>,
}

impl fmt::Debug for Images {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Images({})", self.store.root().display())
    }
}

impl Images {
    /// Uses a store, and registries by a client with this machine's logins.
    pub fn new(store: Store, client: Client, keyring: Arc<Keyring>) -> Self {
        Self {
            store,
            client,
            keyring,
            platform: Platform::of_machine(),
            limits: Limits::default(),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Arc<Root>, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn provide(&self, job: &Job, process: &Process) -> Result<Arc<Root>, StartFailure> {
        let reference: Reference = process.image.parse().map_err(|error| refused(&error))?;
        let name = reference.to_string();
        if process.pull != PullPolicy::Always
            && let Some(root) = self.remembered(&name)
        {
            return Ok(root);
        }
        let found = match process.pull {
            PullPolicy::Always => None,
            PullPolicy::IfNotPresent | PullPolicy::Never => self
                .store
                .find(&name, &self.platform)
                .map_err(|error| refused(&error))?,
        };
        let image = match found {
            Some(image) => image,
            None if process.pull == PullPolicy::Never => {
                return Err(StartFailure {
                    kind: StartFailureKind::ImagePull,
                    message: format!(
                        "image {name} is not in the store {}, and imagePullPolicy is Never: get it with `windlass image \
                         pull` or `windlass image load`",
                        self.store.root().display()
                    ),
                });
            }
            None => self.pull(job, reference, &name).await?,
        };
        Ok(self.remember(name, image))
    }

    async fn pull(&self, job: &Job, reference: Reference, name: &str) -> Result<Image, StartFailure> {
        let mut keyring = Keyring::default();
        for login in &job.pull_logins {
            keyring = keyring.and(Keyring::of_pull_secret(login.expose()).map_err(|error| refused(&error))?);
        }
        let keyring = Arc::new(keyring.then(Arc::clone(&self.keyring)));
        let source = self.client.image(reference, keyring);
        tracing::info!(image = name, "pulling");
        let imported = import::import(&self.store, name, &source, &self.platform, &self.limits, &()).await;
        imported.map_err(|error| match error {
            // It says itself which image it is, and what was tried.
            import::Error::Source { source, .. } => refused(&source),
            other => refused(&other),
        })
    }

    fn remembered(&self, name: &str) -> Option<Arc<Root>> {
        let known = self.known();
        let (root, since) = known.get(name)?;
        (since.elapsed() < FRESH).then(|| Arc::clone(root))
    }

    fn remember(&self, name: String, image: Image) -> Arc<Root> {
        let root = Arc::new(self.root(image));
        let mut known = self.known();
        if known.len() >= MOST {
            // What runs holds its image itself.
            known.clear();
        }
        known.insert(name, (Arc::clone(&root), Instant::now()));
        root
    }

    fn root(&self, image: Image) -> Root {
        let below = |layer: &PathBuf| {
            let relative = layer.strip_prefix(self.store.root());
            relative.unwrap_or(layer).to_owned()
        };
        let (entrypoint, cmd) = words(&image.config);
        Root {
            image_id: image_id(&image),
            layers: image.layers.iter().map(below).collect(),
            entrypoint,
            cmd,
            env: image.config.env.clone(),
            user: image.config.user.clone(),
            working_dir: image.config.working_dir.clone(),
            hold: Arc::new(image.lease),
        }
    }
}

impl Roots for Images {
    fn directory(&self) -> &Path {
        self.store.root()
    }

    fn root<'a>(
        &'a self,
        job: &'a Job,
        process: &'a Process,
    ) -> BoxFuture<'a, Result<Arc<Root>, StartFailure>> {
        Box::pin(self.provide(job, process))
    }
}

/// Entrypoint and command, by upstream's rule: the command of an image without an entrypoint is not replaced by the
/// arguments of a step, but takes them.
fn words(config: &Config) -> (Vec<String>, Vec<String>) {
    if config.entrypoint.is_empty() {
        (config.cmd.clone(), Vec::new())
    } else {
        (config.entrypoint.clone(), config.cmd.clone())
    }
}

/// What upstream records: the repository, and the digest of what was run.
fn image_id(image: &Image) -> String {
    let reference: Result<Reference, _> = image.name.parse();
    match reference {
        Ok(reference) => format!(
            "{}/{}@{}",
            reference.registry(),
            reference.repository(),
            image.digest
        ),
        Err(_) => image.digest.to_string(),
    }
}

/// The whole chain of causes in one sentence.
fn refused(error: &dyn std::error::Error) -> StartFailure {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        message = format!("{message}: {next}");
        cause = next.source();
    }
    StartFailure {
        kind: StartFailureKind::ImagePull,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::Config;

    #[test]
    fn a_command_without_an_entrypoint_takes_the_arguments() {
        let list = |words: &str| words.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let rows = [
            ("", "sh", "sh", ""),
            ("entry point", "cmd", "entry point", "cmd"),
            ("entry", "", "entry", ""),
            ("", "", "", ""),
        ];
        for (entrypoint, cmd, first, rest) in rows {
            let config = Config {
                entrypoint: list(entrypoint),
                cmd: list(cmd),
                ..Config::default()
            };
            assert_eq!(
                words(&config),
                (list(first), list(rest)),
                "{entrypoint:?} {cmd:?}"
            );
        }
    }
}

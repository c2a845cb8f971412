//! The plane's side of one attempt at an engine.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use futures::future::BoxFuture;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::runtime::Handle;
use tokio::sync::watch;
use windlass_executor::Sandbox;
use windlass_executor::backend::Connection;
use windlass_executor::backend::Launch;
use windlass_executor::backend::Running;
use windlass_executor::backend::expand_env;
use windlass_executor::job::Process;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;

use crate::client::Error;
use crate::client::Hijacked;
use crate::credentials;
use crate::image::Image;
use crate::image::unreachable;
use crate::layout::refuse;
use crate::mounts;
use crate::network;
use crate::place::Place;
use crate::program;
use crate::program::Program;
use crate::program::Surroundings;
use crate::running::End;
use crate::running::EngineProcess;
use crate::running::Pump;
use crate::running::program_refused;
use crate::tee::Copies;

/// How containers of a backend are made, whatever the job.
#[derive(Debug)]
pub(crate) struct Ways {
    /// Network for containers; nothing is the engine's default.
    pub(crate) network: Option<String>,
    /// The engine has an init to put in front of the program. Found out by trying.
    pub(crate) init: AtomicBool,
}

/// A sandbox at an engine.
pub(crate) struct EngineSandbox {
    place: Arc<Place>,
    ways: Arc<Ways>,
    /// Probed ports are published on this machine.
    publishes: bool,
    sidecars: Vec<Sidecar>,
    /// The latest command of a probe in each container.
    probes: Mutex<BTreeMap<String, String>>,
}

/// A sidecar that was started.
struct Sidecar {
    container: String,
    name: String,
    end: watch::Receiver<End>,
}

impl EngineSandbox {
    pub(crate) fn new(place: Arc<Place>, ways: Arc<Ways>, publishes: bool) -> Self {
        Self {
            place,
            ways,
            publishes,
            sidecars: Vec::new(),
            probes: Mutex::default(),
        }
    }

    /// The first sidecar that still runs: its network is everyone's.
    fn network_owner(&self) -> Option<&Sidecar> {
        self.sidecars
            .iter()
            .find(|sidecar| sidecar.end.borrow().is_none())
    }

    async fn launch(&mut self, launch: Launch<'_>) -> Result<Box<dyn Running>, StartFailure> {
        let Launch {
            container,
            process,
            tee,
            output,
        } = launch;
        let is_step = container.starts_with("step-");
        let place = &self.place;
        let image = place.image(&process.image).await?;
        let credentials = is_step && !place.layout.credentials.is_empty();
        let program = program::resolve(container, process, &image, credentials)?;
        let mounts = mounts::plan(&place.layout, process)?;
        let copies = Copies::open(tee, &mounts).map_err(|error| refuse(error.to_string()))?;
        let mut described = Vec::with_capacity(mounts.len());
        for mount in &mounts {
            let origin = place.origin(mount).await?;
            described.push(mounts::described(&mount.target, &origin, mount.read_only));
        }
        place.make_working_dir(&mounts, &program.working_dir).await?;
        place.send(container, process).await?;
        let made = self
            .make(container, process, &image, &program, &described)
            .await?;
        let (sender, end) = watch::channel(None);
        let pump = Pump {
            client: place.client.clone(),
            name: made.name.clone(),
            program: program.arguments.first().cloned().unwrap_or_default(),
            copies,
            sink: output.chunks,
            end: sender.clone(),
            place: is_step.then(|| Arc::downgrade(place)),
        };
        match made.started {
            Started::Runs(output) => drop(tokio::spawn(pump.run(output))),
            Started::Never { code, message } => {
                tokio::spawn(async move { pump.never_ran(code, &message).await });
            }
        }
        if !is_step {
            self.sidecars.push(Sidecar {
                container: container.to_owned(),
                name: made.name.clone(),
                end: end.clone(),
            });
        }
        Ok(Box::new(EngineProcess {
            image_id: image.id.clone(),
            name: made.name,
            client: self.place.client.clone(),
            end,
            lost: sender,
            runtime: Handle::current(),
        }))
    }

    /// Makes and starts a container. Tries once more without what turned out not to be there: an init, or the network of a
    /// sidecar that ended in the meantime.
    async fn make(
        &self,
        container: &str,
        process: &Process,
        image: &Image,
        program: &Program,
        mounts: &[serde_json::Value],
    ) -> Result<Made, StartFailure> {
        let mut alone = false;
        for last in [false, false, true] {
            let owner = self.network_owner().filter(|_| !alone);
            let init = self.ways.init.load(Ordering::Relaxed);
            let error = match self
                .attempt(container, process, image, program, mounts, owner, init)
                .await
            {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let message = error.to_string();
            if !last && init && lacks_init(&message) {
                tracing::warn!(
                    "the engine has no init for containers (Podman needs catatonit), so a program that ignores SIGTERM by \
                     default is only ended by SIGKILL"
                );
                self.ways.init.store(false, Ordering::Relaxed);
            } else if !last
                && owner.is_some_and(|owner| owner.end.borrow().is_some() || lacks_network(&message))
            {
                alone = true;
            } else {
                return Err(start_failure(container, &error));
            }
        }
        Err(refuse(format!("container {container:?} cannot be made")))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what a container is made of; a struct would only rename them"
    )]
    async fn attempt(
        &self,
        container: &str,
        process: &Process,
        image: &Image,
        program: &Program,
        mounts: &[serde_json::Value],
        owner: Option<&Sidecar>,
        init: bool,
    ) -> Result<Made, Error> {
        let place = &self.place;
        let network = match owner {
            Some(owner) => Some(format!("container:{}", owner.name)),
            None => self.ways.network.clone(),
        };
        let publishes = self.publishes && owner.is_none() && !container.starts_with("step-");
        let around = Surroundings {
            labels: place.labels(container),
            mounts: mounts.to_vec(),
            network,
            hostname: owner.is_none().then(|| place.layout.hostname.clone()),
            ports: place.layout.ports.iter().copied().filter(|_| publishes).collect(),
            init,
        };
        let body = program::described(process, program, &around);
        let name = place.create(container, body).await?;
        if container.starts_with("step-") && !place.layout.credentials.is_empty() {
            credentials::put(place, &name, image, program).await?;
        }
        let output = place.client.attach(&name).await?;
        let started = match place.client.start(&name).await {
            Ok(()) => Started::Runs(output),
            Err(Error::Refused {
                call,
                status,
                message,
            }) => match program_refused(&message) {
                Some(code) => Started::Never {
                    code,
                    message: format!("windlass: cannot run {:?}: {message}", program.arguments.first()),
                },
                None => {
                    return Err(Error::Refused {
                        call,
                        status,
                        message,
                    });
                }
            },
            Err(error) => return Err(error),
        };
        Ok(Made { name, started })
    }

    async fn check(&self, container: &str, process: &Process, command: &[String]) -> io::Result<i32> {
        let sidecar = self
            .sidecars
            .iter()
            .find(|sidecar| sidecar.container == container);
        let sidecar = sidecar.ok_or_else(|| io::Error::other(format!("{container} was not started")))?;
        let client = &self.place.client;
        let probes = || self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        // An engine cannot end a command, so one that hangs is not joined by another.
        let former = probes().get(container).cloned();
        if let Some(former) = former
            && client.exec_state(&former).await.is_ok_and(|(running, _)| running)
        {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the probe before still runs",
            ));
        }
        let image = self.place.image(&process.image).await;
        let image = image.map_err(|failure| io::Error::other(failure.message))?;
        let lookup = |name: &str| {
            let own = process.env.iter().rev().find(|variable| variable.name == name);
            own.map(|variable| variable.value.as_str())
                .or_else(|| image.variable(name))
        };
        let command: Vec<String> = command.iter().map(|word| expand_env(word, lookup)).collect();
        let body = json!({"AttachStdout": true, "AttachStderr": true, "Cmd": command});
        let id = client.exec(&sidecar.name, &body).await?;
        probes().insert(container.to_owned(), id.clone());
        let mut output = client.exec_start(&id).await?;
        // What a probe says is of no interest, and must be read for it to end.
        let mut nowhere = [0; 4096];
        while output.read(&mut nowhere).await? > 0 {}
        loop {
            match client.exec_state(&id).await? {
                (false, Some(code)) => return Ok(code),
                // It closed its output, or the engine has not noticed its end yet.
                _ => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    }
}

/// A container, and whether it runs.
struct Made {
    name: String,
    started: Started,
}

enum Started {
    Runs(Hijacked),
    /// Its program cannot be run, which is the step's failure and not the sandbox's.
    Never {
        code: i32,
        message: String,
    },
}

fn lacks_init(message: &str) -> bool {
    ["container-init", "catatonit", "docker-init", "init binary"]
        .iter()
        .any(|word| message.contains(word))
}

fn lacks_network(message: &str) -> bool {
    [
        "non running container",
        "is not running",
        "joining the network",
        "no such container",
        "network namespace",
    ]
    .iter()
    .any(|phrase| message.to_lowercase().contains(phrase))
}

fn start_failure(container: &str, error: &Error) -> StartFailure {
    match error {
        Error::Refused { message, .. } if message.to_lowercase().contains("no such image") => StartFailure {
            kind: StartFailureKind::ImagePull,
            message: format!("the image of {container:?} is gone from the engine: {message}"),
        },
        Error::Refused { message, .. } => refuse(format!(
            "container {container:?} cannot be made: the engine says: {message}"
        )),
        other => unreachable(other),
    }
}

impl Sandbox for EngineSandbox {
    fn start<'a>(&'a mut self, launch: Launch<'a>) -> BoxFuture<'a, Result<Box<dyn Running>, StartFailure>> {
        Box::pin(self.launch(launch))
    }

    fn probe<'a>(
        &'a self,
        container: &'a str,
        process: &'a Process,
        command: &'a [String],
    ) -> BoxFuture<'a, io::Result<i32>> {
        Box::pin(self.check(container, process, command))
    }

    fn connect(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Connection>>> {
        Box::pin(async move {
            let owner = self.network_owner();
            let owner =
                owner.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "no sidecar runs"))?;
            let here = self.ways.network.as_deref() == Some("host");
            let stream = network::connect(&self.place.client, &owner.name, port, here).await?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
        self.place.read(path, limit)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.place.write(path, content)
    }

    fn destroy(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move { self.place.clean().await })
    }
}

//! The host backend: a launcher process, and a sandbox for each job.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::JoinHandle;

use futures::future::BoxFuture;
use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::channel::Channel;
use super::channel::Readiness;
use super::facts;
use super::launcher::LAUNCHER_ARGUMENT;
use super::owned;
use super::owned::Owned;
use super::plan::Network;
use super::pool::Pool;
use super::pool::Waiting;
use super::process::Surroundings;
use super::roots::Root;
use super::roots::Roots;
use super::sandbox::HostSandbox;
use super::sandbox::Tekton;
use super::sandbox::stands;
use super::slot;
use super::slot::Slot;
use super::slot::Slots;
use super::spec;
use super::spec::HOME;
use super::spec::Layout;
use super::wire;
use super::wire::Answer;
use super::wire::Inbox;
use super::wire::Order;
use crate::backend::Backend;
use crate::backend::Sandbox;
use crate::job::Breakpoints;
use crate::job::Job;
use crate::observation::StartFailure;
use crate::observation::StartFailureKind;

/// Where the machine keeps files in memory.
const SHARED_MEMORY: &str = "/dev/shm";

/// `PATH` where nobody sets one.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How sandboxes are kept apart from the machine and from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Namespaces and a private view of the machine's files (`--executor host`).
    #[default]
    Isolated,
    /// Nothing but directories of their own (`--executor host-shared`): paths of `/workspace`, `/tekton` and mounts are
    /// rewritten in commands, scripts and variables, and everything else is the machine's.
    Shared,
    /// A container for each process, over the layers of its image (`--executor container`). Needs [`Config::roots`].
    Contained,
}

/// How to start the backend.
#[derive(Clone, Debug)]
pub struct Config {
    /// Isolation.
    pub mode: Mode,
    /// Directory for volumes on disk; made when missing. The backend makes a directory of its own below it, which is gone
    /// when the backend ends, even when this process is killed.
    pub scratch_dir: PathBuf,
    /// Program that calls [`launcher_main`](super::launcher_main) first in its `main`; the default is this program.
    pub launcher: PathBuf,
    /// Directory whose files the processes see copy-on-write wherever it lies. The default is this process's own.
    pub current_dir: Option<PathBuf>,
    /// Bytes that one sandbox may write outside its volumes; `None` is half of the machine's memory.
    pub memory_limit: Option<u64>,
    /// `PATH` of processes that do not set their own; the default is this process's. Containers have a usual one.
    pub path: String,
    /// Network of the processes; only containers can have one of their own.
    pub network: Network,
    /// Where containers get their images from.
    pub roots: Option<Arc<dyn Roots>>,
}

impl Default for Config {
    fn default() -> Self {
        let path = std::env::var("PATH").ok().filter(|path| !path.is_empty());
        Self {
            mode: Mode::default(),
            scratch_dir: std::env::temp_dir(),
            launcher: "/proc/self/exe".into(),
            current_dir: std::env::current_dir().ok(),
            memory_limit: None,
            path: path.unwrap_or_else(|| USUAL_PATH.to_owned()),
            network: Network::Host,
            roots: None,
        }
    }
}

/// Why the backend could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scratch directory could not be made.
    #[error("make the scratch directory {}", path.display())]
    Scratch {
        /// Which directory.
        path: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
    /// The launcher process could not be started, or ended at once.
    #[error("start the launcher {}", path.display())]
    Launcher {
        /// Which program.
        path: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
    /// The machine refuses what isolation needs.
    #[error(
        "isolate steps on this machine ({tried}); `--executor host-shared` runs them without isolation, or allow user \
         namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, \
         kernel.apparmor_restrict_unprivileged_userns)"
    )]
    Refused {
        /// What was tried, and what the machine said.
        tried: String,
    },
}

/// Runs steps with the machine's own tools.
///
/// # Guarantees
/// Every sandbox, process, mount and temporary file is gone when the backend is dropped, or when this process ends in
/// whatever way.
#[derive(Debug)]
pub struct Host {
    mode: Mode,
    path: String,
    roots: Option<Arc<dyn Roots>>,
    network: Network,
    any_user: bool,
    ash: Option<String>,
    scratch: Owned,
    /// Small files of sandboxes without a view, where the machine has a place for them in memory.
    in_memory: Option<Owned>,
    memory_dir: PathBuf,
    launcher: Mutex<Launcher>,
    slots: Arc<Slots>,
    pool: Arc<Pool>,
    cleaner: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Launcher {
    socket: Option<OwnedFd>,
    process: Child,
}

impl Host {
    /// Starts the launcher and lets it try whether the machine allows what the mode needs. Blocks for some milliseconds.
    pub fn start(config: Config) -> Result<Self, Error> {
        let scratch = Owned::make(&config.scratch_dir).map_err(|source| Error::Scratch {
            path: config.scratch_dir.clone(),
            source,
        })?;
        // Small files of sandboxes without a view; with a view they are in memory anyway.
        let shared_memory = || Owned::make(Path::new(SHARED_MEMORY)).ok();
        let in_memory = (config.mode == Mode::Shared).then(shared_memory).flatten();
        let memory_dir = in_memory
            .as_ref()
            .map_or_else(|| scratch.path().join("memory"), |owned| owned.path().to_owned());
        let remove = |error| {
            scratch.remove();
            in_memory.iter().for_each(Owned::remove);
            error
        };
        let failed = |source| Error::Launcher {
            path: config.launcher.clone(),
            source,
        };
        let setup = Order::Setup {
            isolation: match (config.mode, &config.roots) {
                (Mode::Isolated, _) => wire::Isolation::View,
                (Mode::Contained, Some(roots)) => wire::Isolation::Containers {
                    images: roots.directory().to_owned(),
                },
                (Mode::Shared, _) | (Mode::Contained, None) => wire::Isolation::Directories,
            },
            scratch: scratch.path().to_owned(),
            memory_dir: memory_dir.clone(),
            current_dir: config.current_dir.clone(),
            memory: config.memory_limit,
        };
        let mut launcher = spawn(&config.launcher, &setup).map_err(failed).map_err(remove)?;
        let answer = match launcher.answer() {
            Ok(Answer::Up { any_user }) => Ok(any_user),
            Ok(Answer::Refused(tried)) => Err(Error::Refused { tried }),
            Err(source) => Err(failed(source)),
        };
        let any_user = match answer {
            Ok(any_user) => any_user,
            Err(error) => {
                launcher.end();
                return Err(remove(error));
            }
        };
        let slots = Arc::new(Slots::new(scratch.path().to_owned()));
        Ok(Self {
            mode: config.mode,
            path: config.path,
            roots: config.roots,
            network: config.network,
            any_user,
            ash: find_ash(),
            pool: Arc::new(Pool::new(Arc::clone(&slots))),
            slots,
            scratch,
            in_memory,
            memory_dir,
            launcher: Mutex::new(launcher),
            cleaner: clean(config.scratch_dir),
        })
    }

    /// The backend's directory on disk, which is gone with the backend or with this process, however it ends. Others may
    /// keep files there that must not outlive it; names that begin with `plane-` are theirs.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Process id of the launcher, below which everything runs.
    pub fn launcher_id(&self) -> u32 {
        self.launcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .process
            .id()
    }

    /// Makes and removes an empty sandbox: an early, clear answer instead of a failure of the first job.
    pub async fn check(&self) -> Result<(), StartFailure> {
        let job = Job {
            id: crate::job::AttemptId {
                task_run_uid: "check".to_owned(),
                attempt: 0,
            },
            namespace: "default".to_owned(),
            task_run: "check".to_owned(),
            pod: "check".to_owned(),
            steps: Vec::new(),
            sidecars: Vec::new(),
            volumes: Vec::new(),
            results: Vec::new(),
            credentials: std::collections::BTreeMap::new(),
            masks: Vec::new(),
            pull_logins: Vec::new(),
            timeout: None,
            max_result_bytes: None,
            breakpoints: Breakpoints::default(),
        };
        let mut sandbox = self.make(&job).await?;
        sandbox.destroy().await.map_err(|error| unmade(&error))
    }

    async fn make(&self, job: &Job) -> Result<HostSandbox, StartFailure> {
        let roots = self.roots_of(job).await?;
        // One that has served lost what an extraordinary process wants.
        let waiting = spec::is_ordinary(job).then(|| self.pool.take()).flatten();
        let (socket, slot) = waiting.map_or((None, None), |waiting| (Some(waiting.socket), waiting.slot));
        let slot = match slot {
            Some(slot) => slot,
            None => self.slots.take().map_err(|error| unmade(&error))?,
        };
        let layout = match spec::lay_out(job, &slot, self.surroundings(&slot)) {
            Ok(layout) => layout,
            Err(failure) => {
                self.slots.free(slot);
                return Err(failure);
            }
        };
        let (channel, mut ready) = self.open(socket, &layout).map_err(|error| unmade(&error))?;
        let (gone, is_gone) = watch::channel(false);
        tokio::spawn(attend(
            Arc::clone(&channel),
            (Arc::clone(&self.slots), Arc::clone(&self.pool)),
            slot,
            layout.on_disk,
            gone,
        ));
        let closer = CloseOnDrop(&channel);
        // One answer less to wait for where the first thing that happens is the start of the only step.
        let is_single =
            job.steps.len() == 1 && job.sidecars.is_empty() && job.breakpoints == Breakpoints::default();
        let tekton = if is_single {
            Tekton::Expected(ready)
        } else {
            Tekton::Here(stands(&mut ready).await?)
        };
        std::mem::forget(closer);
        Ok(HostSandbox::new(channel, layout, tekton, roots, is_gone))
    }

    /// Has the images of all containers of a job, side by side.
    async fn roots_of(&self, job: &Job) -> Result<BTreeMap<String, Arc<Root>>, StartFailure> {
        let Some(roots) = self.roots.as_ref().filter(|_| self.mode == Mode::Contained) else {
            return Ok(BTreeMap::new());
        };
        let steps = job
            .steps
            .iter()
            .map(|step| (format!("step-{}", step.name), &step.process));
        let sidecars = job
            .sidecars
            .iter()
            .map(|car| (format!("sidecar-{}", car.name), &car.process));
        let all = steps
            .chain(sidecars)
            .map(|(name, process)| async move { roots.root(job, process).await.map(|root| (name, root)) });
        Ok(futures::future::try_join_all(all).await?.into_iter().collect())
    }

    /// Asks a first process for a sandbox: the one that waits, or else a new one.
    fn open(
        &self,
        waiting: Option<Arc<UnixStream>>,
        layout: &Layout,
    ) -> io::Result<(Arc<Channel>, Readiness)> {
        let prepare = wire::Command::Prepare(Box::new(layout.spec.clone()));
        if let Some(socket) = waiting {
            let (channel, ready) = Channel::new(socket);
            // It may have been killed meanwhile.
            if channel.send(&prepare, Vec::new()).is_ok() {
                return Ok((channel, ready));
            }
        }
        let socket = UnixStream::from_std(self.fork()?.into())?;
        let (channel, ready) = Channel::new(Arc::new(socket));
        channel.send(&prepare, Vec::new())?;
        Ok((channel, ready))
    }

    /// Asks the launcher for a copy of itself; returns the socket that drives it.
    fn fork(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = socket_pair()?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let launcher = self.launcher.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = launcher.socket.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        wire::send(socket, &Order::Fork, &[theirs.as_fd()])?;
        Ok(ours)
    }

    fn surroundings(&self, slot: &Slot) -> Surroundings {
        let mut rewrites = Vec::new();
        if self.mode == Mode::Shared {
            let tekton = self.memory_dir.join(slot.name());
            let places = [
                (HOME, slot.path().join("home")),
                ("/tekton", tekton),
                ("/workspace", slot.path().join("workspace")),
            ];
            rewrites
                .extend(places.map(|(path, place)| (path.to_owned(), place.to_string_lossy().into_owned())));
        }
        let user = rustix::process::geteuid();
        let mut surroundings = Surroundings {
            environment: Vec::new(),
            rewrites,
            ash: self.ash.clone(),
            user: user.as_raw(),
            can_switch_user: self.any_user,
            contained: (self.mode == Mode::Contained).then_some(self.network),
        };
        if surroundings.contained.is_some() {
            // The rest is the image's.
            surroundings.environment = vec![("PATH".to_owned(), USUAL_PATH.to_owned())];
            return surroundings;
        }
        let language = std::env::var("LANG").unwrap_or_else(|_| "C.UTF-8".to_owned());
        let environment = [
            ("PATH", self.path.clone()),
            ("HOME", surroundings.rewrite(HOME)),
            ("LANG", language),
        ];
        surroundings.environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        surroundings
    }
}

/// Attends to a sandbox until nothing of it is left.
async fn attend(
    channel: Arc<Channel>,
    (slots, pool): (Arc<Slots>, Arc<Pool>),
    slot: Slot,
    has_volumes: bool,
    gone: watch::Sender<bool>,
) {
    let again = channel.run().await;
    drop(channel);
    let untouched = match &again {
        _ if has_volumes => false,
        Some((_, untouched)) => *untouched,
        None => slot::is_untouched(slot.path()),
    };
    match again {
        Some((socket, _)) if untouched => {
            let slot = Some(slot);
            pool.give_back(Waiting { socket, slot });
        }
        Some((socket, _)) => {
            slots.give_back(slot, false).await;
            pool.give_back(Waiting { socket, slot: None });
        }
        None => slots.give_back(slot, untouched).await,
    }
    let _ = gone.send(true);
}

impl Backend for Host {
    fn name(&self) -> &'static str {
        match self.mode {
            Mode::Isolated => "host",
            Mode::Shared => "host-shared",
            Mode::Contained => "container",
        }
    }

    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Box<dyn Sandbox>, StartFailure>> {
        Box::pin(async move { Ok(Box::new(self.make(job).await?) as Box<dyn Sandbox>) })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.pool.clear();
        self.launcher
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .end();
        self.scratch.remove();
        self.in_memory.iter().for_each(Owned::remove);
        if let Some(cleaner) = self.cleaner.take() {
            let _ = cleaner.join();
        }
    }
}

impl Launcher {
    /// Waits for what the launcher says to its setup.
    fn answer(&self) -> io::Result<Answer> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        let answer = Inbox::default().receive(socket)?;
        answer
            .map(|(answer, _)| answer)
            .ok_or_else(|| io::Error::other("it ended before it answered"))
    }

    /// Lets go of the launcher and waits until it took everything down.
    fn end(&mut self) {
        drop(self.socket.take());
        let _ = self.process.wait();
    }
}

/// Lets go of a sandbox whose preparation is not awaited any more.
struct CloseOnDrop<'c>(&'c Channel);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn unmade(error: &io::Error) -> StartFailure {
    StartFailure {
        kind: StartFailureKind::Sandbox,
        message: format!("the sandbox could not be made: {error}"),
    }
}

/// The stand-in for busybox's shell; says once when there is none.
fn find_ash() -> Option<String> {
    let ash = facts::find_ash();
    if ash.is_none() {
        tracing::warn!("no busybox and no bash: `sh` of images such as alpine is this machine's own");
    }
    ash.map(|path| path.to_string_lossy().into_owned())
}

/// Removes, beside the first jobs, what killed processes left behind.
fn clean(scratch_dir: PathBuf) -> Option<JoinHandle<()>> {
    let clean = move || {
        owned::remove_abandoned(&scratch_dir);
        owned::remove_abandoned(Path::new(SHARED_MEMORY));
    };
    std::thread::Builder::new()
        .name("cleaner".to_owned())
        .spawn(clean)
        .ok()
}

fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

fn spawn(program: &Path, setup: &Order) -> io::Result<Launcher> {
    let (ours, theirs) = socket_pair()?;
    // Before there is a launcher: when this process is killed while it starts, it knows what to remove.
    wire::send(&ours, setup, &[])?;
    let process = Command::new(program)
        .arg0("windlass")
        .arg(LAUNCHER_ARGUMENT)
        .env_clear()
        // A terminal's interrupt must not reach it: the plane decides when it ends.
        .process_group(0)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Launcher {
        socket: Some(ours),
        process,
    })
}

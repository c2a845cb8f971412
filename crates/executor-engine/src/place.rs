//! What exists at the engine for one attempt, and how it goes away again.
//!
//! # Guarantees
//! Everything is written down before it is asked for, under a name that only this attempt uses. What is asked for is asked
//! by a task of its own that holds the place, so giving up halfway leaves nothing behind: the place is cleaned when its last
//! holder is gone.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;
use tokio::runtime::Handle;
use windlass_executor::job::Process;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;

use crate::archive::Entry;
use crate::archive::pack;
use crate::client::Client;
use crate::client::Error;
use crate::client::full;
use crate::detect::Detected;
use crate::detect::Kind;
use crate::image::Image;
use crate::image::Images;
use crate::image::unreachable;
use crate::layout::Backing;
use crate::layout::Layout;
use crate::layout::TEKTON_STORE;
use crate::layout::hash;
use crate::layout::refuse;
use crate::layout::script_entry;
use crate::mounts::Origin;
use crate::mounts::Planned;
use crate::mounts::described;
use crate::mounts::locate;
use crate::removal::Made;
use crate::removal::remove;
use crate::tree::MAX_TREE;
use crate::tree::Tree;

/// The containers and volumes of an attempt.
pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) found: Detected,
    pub(crate) layout: Layout,
    images: Images,
    known: Mutex<BTreeMap<String, Arc<Image>>>,
    tree: Mutex<Tree>,
    scripts: Mutex<BTreeMap<String, u64>>,
    /// Where the engine keeps each of the layout's stores.
    mountpoints: Mutex<Vec<String>>,
    made: Mutex<Made>,
    /// Looks that were begun.
    looks: AtomicU64,
    /// A look is under way that nobody waits for.
    looking: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    /// Makes the volumes of a layout and fills them. `image` is any image that the engine has.
    pub(crate) async fn make(
        client: Client,
        found: Detected,
        layout: Layout,
        images: Images,
        known: BTreeMap<String, Arc<Image>>,
        image: &str,
    ) -> Result<Arc<Self>, StartFailure> {
        let scripts = layout.scripts.clone();
        let place = Arc::new(Self {
            client,
            found,
            layout,
            images,
            known: Mutex::new(known),
            tree: Mutex::default(),
            scripts: Mutex::new(scripts),
            mountpoints: Mutex::default(),
            made: Mutex::default(),
            looks: AtomicU64::new(0),
            looking: AtomicBool::new(false),
        });
        let making = Arc::clone(&place);
        let image = image.to_owned();
        // Cannot be given up halfway: see the guarantee above.
        let made = tokio::spawn(async move { making.fill(&image).await }).await;
        match made {
            Ok(Ok(())) => Ok(place),
            Ok(Err(failure)) => {
                if let Err(error) = place.clean().await {
                    tracing::warn!(%error, "could not remove what was made of a sandbox");
                }
                Err(failure)
            }
            Err(error) => Err(StartFailure {
                kind: StartFailureKind::Sandbox,
                message: format!("the sandbox was given up: {error}"),
            }),
        }
    }

    async fn fill(&self, image: &str) -> Result<(), StartFailure> {
        let stores = &self.layout.stores;
        lock(&self.made).volumes = stores.iter().map(|store| store.name.clone()).collect();
        let mut mountpoints = Vec::with_capacity(stores.len());
        for store in stores {
            let made = self.client.create_volume(&store.name, &self.layout.labels).await;
            mountpoints.push(made.map_err(|error| unreachable(&error))?);
        }
        *lock(&self.mountpoints) = mountpoints;
        let keeper = self.keeper();
        lock(&self.made).containers.push(keeper.clone());
        let mounts = stores.iter().map(|store| {
            let name = store.name.clone();
            described(&store.kept_at, &Origin::Volume { name, sub_path: None }, false)
        });
        // Never started: it is what files are put through and got from.
        let body = json!({
            "Image": image,
            "Entrypoint": ["/never-started"],
            "Cmd": [],
            "User": "0",
            "Labels": self.labels("keeper"),
            "HostConfig": {
                "Mounts": mounts.collect::<Vec<_>>(),
                "NetworkMode": "none",
                "LogConfig": {"Type": "none"},
            },
        });
        self.client
            .create(&keeper, &body)
            .await
            .map_err(|error| unreachable(&error))?;
        let content = stores.iter().enumerate();
        let content = content.map(|(number, store)| (number, store.content.clone()));
        self.put(content.collect())
            .await
            .map_err(|error| unreachable(&error))
    }

    /// Name of the container that is never started.
    pub(crate) fn keeper(&self) -> String {
        format!("{}-keeper", self.layout.token)
    }

    /// Labels of a container.
    pub(crate) fn labels(&self, container: &str) -> Value {
        let mut labels = self.layout.labels.clone();
        labels["dev.windlass.container"] = json!(container);
        labels
    }

    /// Puts entries into stores, each relative to its root.
    async fn put(&self, content: Vec<(usize, Vec<Entry>)>) -> Result<(), Error> {
        let garbage = |error: io::Error| Error::Garbage {
            call: "pack files".into(),
            why: error.to_string(),
        };
        let content = content
            .into_iter()
            .filter_map(|(number, entries)| Some((self.layout.stores.get(number)?, entries)));
        if self.found.kind == Kind::Docker {
            // Docker leaves the place itself as it is when an archive names it, so everything is put from the root.
            let below = content
                .flat_map(|(store, entries)| entries.into_iter().map(|entry| entry.below(&store.kept_at)));
            let archive = pack(&below.collect::<Vec<_>>()).map_err(garbage)?;
            return self.client.put(&self.keeper(), "/", full(archive)).await;
        }
        for (store, entries) in content.filter(|(_, entries)| !entries.is_empty()) {
            let archive = pack(&entries).map_err(garbage)?;
            self.client
                .put(&self.keeper(), &store.kept_at, full(archive))
                .await?;
        }
        Ok(())
    }

    /// What is known of an image.
    pub(crate) async fn image(&self, name: &str) -> Result<Arc<Image>, StartFailure> {
        if let Some(image) = lock(&self.known).get(name) {
            return Ok(Arc::clone(image));
        }
        let image = Arc::new(self.images.get(name).await?);
        lock(&self.known).insert(name.to_owned(), Arc::clone(&image));
        Ok(image)
    }

    /// Tells the processes what the plane wrote, and puts a script in place that is not there yet.
    pub(crate) async fn send(&self, container: &str, process: &Process) -> Result<(), StartFailure> {
        let mut entries = lock(&self.tree).unsent();
        let unsent = entries.len();
        let script = process.script.as_ref().map(|script| (hash(script), script));
        let script = script.filter(|(hash, _)| lock(&self.scripts).get(container) != Some(hash));
        if let Some((_, script)) = script {
            entries.push(script_entry(container, script));
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.put(vec![(TEKTON_STORE, entries.clone())])
            .await
            .map_err(|error| unreachable(&error))?;
        lock(&self.tree).sent(entries.get(..unsent).unwrap_or_default());
        if let Some((hash, _)) = script {
            lock(&self.scripts).insert(container.to_owned(), hash);
        }
        Ok(())
    }

    /// Looks at what the processes left below `/tekton`.
    pub(crate) async fn look(&self) -> io::Result<()> {
        let number = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        let archive = self.client.get(&self.keeper(), "/tekton", MAX_TREE).await?;
        let (bytes, whole) = archive.ok_or_else(|| io::Error::other("the sandbox is gone"))?;
        lock(&self.tree).replace(number, &bytes, whole)
    }

    /// Reads what was there at the last look. Where somebody may be waiting for a file to appear without a step to end, which
    /// is below `/tekton/run`, another look is begun, for whoever asks again.
    pub(crate) fn read(self: &Arc<Self>, path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let awaited = path.starts_with("/tekton/run");
        if awaited
            && let Ok(runtime) = Handle::try_current()
            && !self.looking.swap(true, Ordering::Relaxed)
        {
            let place = Arc::clone(self);
            runtime.spawn(async move {
                if let Err(error) = place.look().await {
                    tracing::debug!(%error, "could not look for a file");
                }
                place.looking.store(false, Ordering::Relaxed);
            });
        }
        lock(&self.tree).read(path, limit)
    }

    pub(crate) fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        lock(&self.tree).write(path, content)
    }

    /// Finds out where the content of a mount lies, making its sub path.
    pub(crate) async fn origin(&self, mount: &Planned) -> Result<Origin, StartFailure> {
        match &mount.backing {
            Backing::Memory(size) => Ok(Origin::Memory(*size)),
            Backing::Directory(path) => {
                let inside = make_inside(path, &mount.sub_path)
                    .map_err(|why| refuse(format!("cannot mount at {:?}: {why}", mount.target)))?;
                Ok(Origin::Directory(inside.to_string_lossy().into_owned()))
            }
            Backing::Store(number) => {
                if !mount.sub_path.is_empty() {
                    self.make_in_store(*number, &mount.sub_path)
                        .await
                        .map_err(|why| refuse(format!("cannot mount at {:?}: {why}", mount.target)))?;
                }
                Ok(self.origin_in_store(*number, &mount.sub_path))
            }
        }
    }

    fn origin_in_store(&self, number: usize, sub_path: &[String]) -> Origin {
        // Podman gives a volume that it mounts first the content, owner and mode of the image's directory in its place,
        // and cannot be told not to; it leaves a directory alone, also that of a volume.
        let plain = self.found.kind == Kind::Docker && (sub_path.is_empty() || self.found.mounts_sub_paths());
        if plain {
            let store = self.layout.stores.get(number);
            return Origin::Volume {
                name: store.map(|store| store.name.clone()).unwrap_or_default(),
                sub_path: (!sub_path.is_empty()).then(|| sub_path.join("/")),
            };
        }
        let directory = lock(&self.mountpoints).get(number).cloned().unwrap_or_default();
        let parts = std::iter::once(directory).chain(sub_path.iter().cloned());
        Origin::Directory(parts.collect::<Vec<_>>().join("/"))
    }

    /// Makes a working directory below `/workspace`, as far as it lies in something that is mounted.
    pub(crate) async fn make_working_dir(
        &self,
        mounts: &[Planned],
        working_dir: &str,
    ) -> Result<(), StartFailure> {
        if !Path::new(working_dir).starts_with("/workspace") {
            return Ok(());
        }
        let Some((mount, rest)) = locate(mounts, working_dir) else {
            return Ok(());
        };
        let rest = rest
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned());
        let rest: Vec<String> = rest.filter(|part| part != ".").collect();
        if rest.is_empty() || mount.read_only || rest.iter().any(|part| part == "..") {
            return Ok(());
        }
        let parts = [mount.sub_path.as_slice(), &rest].concat();
        let made = match &mount.backing {
            Backing::Memory(_) => Ok(()),
            Backing::Directory(path) => make_inside(path, &parts).map(drop),
            Backing::Store(number) => self.make_in_store(*number, &parts).await,
        };
        made.map_err(|why| refuse(format!("working directory {working_dir:?} cannot be made: {why}")))
    }

    /// Makes a directory inside a volume where it is missing, and refuses one that a link leads to.
    async fn make_in_store(&self, number: usize, parts: &[String]) -> Result<(), String> {
        let Some(store) = self.layout.stores.get(number) else {
            return Err("the volume does not exist".into());
        };
        for depth in 1..=parts.len() {
            let inside = parts.get(..depth).unwrap_or_default().join("/");
            let at = format!("{}/{inside}", store.kept_at);
            let stat = self.client.stat(&self.keeper(), &at).await;
            match stat.map_err(|error| error.chain())? {
                Some(stat) if stat.is_directory() => {}
                Some(_) => return Err(format!("{inside:?} in the volume is a link or a file")),
                None => {
                    let missing = depth..=parts.len();
                    let missing = missing.map(|depth| parts.get(..depth).unwrap_or_default().join("/"));
                    let entries = missing.map(|path| Entry::directory(path, 0o777)).collect();
                    let made = self.put(vec![(number, entries)]).await;
                    return made.map_err(|error| error.chain());
                }
            }
        }
        Ok(())
    }

    /// Makes a container under a name of its own, which is returned.
    pub(crate) async fn create(self: &Arc<Self>, container: &str, body: Value) -> Result<String, Error> {
        let name = {
            let mut made = lock(&self.made);
            made.count += 1;
            let name = format!(
                "{}-{}-{}",
                self.layout.token,
                made.count,
                crate::layout::plain(container, 64)
            );
            made.containers.push(name.clone());
            name
        };
        let place = Arc::clone(self);
        let asked = name.clone();
        let created = tokio::spawn(async move { place.client.create(&asked, &body).await }).await;
        created.map_err(|error| Error::Garbage {
            call: format!("create container {name}"),
            why: error.to_string(),
        })??;
        Ok(name)
    }

    /// Removes everything. Can be called again, and goes on where it failed before.
    pub(crate) async fn clean(&self) -> io::Result<()> {
        let made = lock(&self.made).clone();
        remove(&self.client, &made).await?;
        let mut left = lock(&self.made);
        left.containers.retain(|name| !made.containers.contains(name));
        left.volumes.retain(|name| !made.volumes.contains(name));
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let made = lock(&self.made).clone();
        if made.containers.is_empty() && made.volumes.is_empty() {
            return;
        }
        let client = self.client.clone();
        // A thread of its own: the runtime may be about to end, and would take a task with it.
        let thread = std::thread::Builder::new().name("remove-sandbox".into());
        let spawned = thread.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let removed = runtime.and_then(|runtime| runtime.block_on(remove(&client, &made)));
            if let Err(error) = removed {
                tracing::warn!(%error, "could not remove a sandbox");
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "could not remove a sandbox");
        }
    }
}

/// Makes a directory inside one of this machine where it is missing, and refuses one that a link leads to.
fn make_inside(base: &Path, parts: &[String]) -> Result<PathBuf, String> {
    if !base.is_dir() {
        return Err(format!("{} is not a directory of this machine", base.display()));
    }
    let mut path = base.to_owned();
    for part in parts {
        path.push(part);
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(format!("{part:?} in {} is a link or a file", base.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    Ok(path)
}

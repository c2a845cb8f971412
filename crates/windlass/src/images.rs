//! The image store on this machine, for the `image` commands.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use windlass_cli::images::Event;
use windlass_cli::images::Image;
use windlass_cli::images::ImageStore;
use windlass_cli::images::Images;
use windlass_cli::images::Layer;
use windlass_cli::images::Prune;
use windlass_cli::images::Removed;
use windlass_cli::images::Target;
use windlass_cli::images::Watch;
use windlass_executor_oci::Limits;
use windlass_executor_oci::Store;
use windlass_executor_oci::archive;
use windlass_executor_oci::import;
use windlass_executor_oci::store;
use windlass_executor_oci::store::Policy;
use windlass_executor_oci::store::Record;
use windlass_fetch::oci::Platform;
use windlass_fetch::oci::Reference;
use windlass_fetch::oci::Source;

use crate::registries;

/// How long a part of a blob is kept for who pulls it again, when a prune is not told to remove everything.
const KEEP_PARTIAL: Duration = Duration::from_hours(24);

/// Stores in directories.
pub(crate) struct OnDisk;

impl Images for OnDisk {
    fn open(&self, root: Option<&Path>) -> anyhow::Result<Box<dyn ImageStore>> {
        let root = match root {
            Some(root) => root.to_owned(),
            None => default_root()?,
        };
        let store = Store::open(&root)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("start the threads that transfer images")?;
        Ok(Box::new(Directory { store, runtime }))
    }
}

/// The store of this user.
pub(crate) fn default_root() -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name);
    let root = store::default_root(
        rustix::process::geteuid().is_root(),
        variable("XDG_DATA_HOME").as_deref(),
        variable("HOME").as_deref(),
    );
    root.context("there is no place for images: set HOME or XDG_DATA_HOME, or name one with --store DIR")
}

/// The registry's image of a name, and the whole name.
fn source(name: &str) -> anyhow::Result<(String, Box<dyn Source>)> {
    let reference: Reference = name.parse()?;
    // A user who names an image means it, wherever it is.
    let client = registries::client(windlass_fetch::Policy::trusting())?;
    let source = client.image(reference.clone(), registries::keyring());
    Ok((reference.to_string(), Box::new(source)))
}

/// The name under which an image is recorded and found: the canonical one, where it is a name at all.
fn whole_name(name: &str) -> String {
    name.parse()
        .map_or_else(|_| name.to_owned(), |reference: Reference| reference.to_string())
}

/// The machine that an image is to run on.
fn platform(text: Option<&str>) -> anyhow::Result<Platform> {
    let Some(text) = text else {
        return Ok(Platform::of_machine());
    };
    let mut parts = text.split('/');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let platform = Platform {
        os: part(),
        architecture: part(),
        variant: part(),
    };
    if platform.os.is_empty() || platform.architecture.is_empty() || parts.next().is_some() {
        bail!("`{text}` is no platform; write linux/amd64 or linux/arm/v7");
    }
    Ok(platform)
}

struct Directory {
    store: Store,
    runtime: tokio::runtime::Runtime,
}

impl Directory {
    fn import(
        &self,
        name: &str,
        source: &dyn Source,
        platform: &Platform,
        watch: Watch<'_>,
    ) -> anyhow::Result<Image> {
        let limits = Limits::default();
        let progress = Told(watch);
        let importing = import::import(&self.store, name, source, platform, &limits, &progress);
        self.runtime.block_on(importing)?;
        let records = self.records(name)?;
        let image = records.iter().find(|record| record.is_for(platform)).map(image);
        image.context("the image was removed again by somebody else")
    }

    fn records(&self, name: &str) -> anyhow::Result<Vec<Record>> {
        let mut records = self.store.list()?;
        records.retain(|record| record.name == name);
        Ok(records)
    }
}

impl ImageStore for Directory {
    fn pull(&self, name: &str, wanted: Option<&str>, watch: Watch<'_>) -> anyhow::Result<Image> {
        let platform = platform(wanted)?;
        let (name, source) = source(name)?;
        self.import(&name, source.as_ref(), &platform, watch)
    }

    fn load(
        &self,
        from: &Path,
        name: Option<&str>,
        wanted: Option<&str>,
        watch: Watch<'_>,
    ) -> anyhow::Result<Vec<Image>> {
        let platform = platform(wanted)?;
        let found = archive::open(from, self.store.root(), &Limits::default())?;
        let is_alone = found.len() == 1;
        let mut images = Vec::new();
        for found in found {
            let names = names(&found.names, name.filter(|_| is_alone));
            if names.is_empty() {
                let hint = if is_alone {
                    "; give it one with --name"
                } else {
                    ", and it is one of several"
                };
                bail!("{} does not name its image{hint}", from.display());
            }
            for name in names {
                images.push(self.import(&name, found.source.as_ref(), &platform, watch)?);
            }
        }
        Ok(images)
    }

    fn save(&self, names: &[String], to: &Target) -> anyhow::Result<()> {
        let mut records = Vec::new();
        for name in names {
            records.extend(self.records(&whole_name(name))?);
        }
        match to {
            Target::Directory(directory) => archive::save_layout(&self.store, &records, directory)?,
            Target::Stdout => archive::save(&self.store, &records, &mut std::io::stdout().lock())?,
            Target::File(path) => {
                let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
                archive::save(
                    &self.store,
                    &records,
                    &mut BufWriter::with_capacity(1 << 20, file),
                )?;
            }
        }
        Ok(())
    }

    fn list(&self) -> anyhow::Result<Vec<Image>> {
        Ok(self.store.list()?.iter().map(image).collect())
    }

    fn find(&self, name: &str) -> anyhow::Result<Vec<Image>> {
        Ok(self.records(&whole_name(name))?.iter().map(image).collect())
    }

    fn remove(&self, names: &[String]) -> anyhow::Result<Removed> {
        let policy = Policy {
            names: names.iter().map(|name| whole_name(name)).collect(),
            keep_partial: KEEP_PARTIAL,
            ..Policy::default()
        };
        Ok(removed(self.store.sweep(&policy)?))
    }

    fn prune(&self, what: &Prune) -> anyhow::Result<Removed> {
        let mut policy = Policy {
            unused_for: what.unused_for,
            keep_bytes: what.keep,
            ..Policy::default()
        };
        if what.all {
            policy.names = self.store.list()?.into_iter().map(|record| record.name).collect();
        }
        Ok(removed(self.store.sweep(&policy)?))
    }
}

/// Whole names that an archive gives, or the name that the user gives. A tag alone is no name.
fn names(found: &[String], given: Option<&str>) -> Vec<String> {
    if let Some(given) = given {
        return vec![whole_name(given)];
    }
    let is_name = |name: &&String| name.contains([':', '/', '@']);
    found
        .iter()
        .filter(is_name)
        .map(|name| whole_name(name))
        .collect()
}

fn image(record: &Record) -> Image {
    let layer = |layer: &store::Layer| Layer {
        digest: layer.digest.to_string(),
        size: layer.size,
        unpacked: layer.bytes,
    };
    Image {
        name: record.name.clone(),
        platform: record.platform.clone(),
        digest: record.manifest.to_string(),
        created: record.created.clone(),
        used: record.used,
        layers: record.layers.iter().map(layer).collect(),
        config: serde_json::to_value(&record.config).unwrap_or_default(),
    }
}

fn removed(removed: store::Removed) -> Removed {
    let images = removed.images.into_iter();
    Removed {
        images: images
            .map(|image| (image.name, image.platform, image.digest.to_string()))
            .collect(),
        layers: removed.layers,
        blobs: removed.blobs,
        partial: removed.partial,
        bytes: removed.bytes,
    }
}

/// Passes on what an import does.
struct Told<'a>(Watch<'a>);

impl import::Progress for Told<'_> {
    fn event(&self, event: &import::Event) {
        match event {
            import::Event::Layers { count, bytes } => (self.0)(Event::Begun {
                layers: *count,
                bytes: *bytes,
            }),
            import::Event::Present { size, .. } => (self.0)(Event::Bytes(*size)),
            import::Event::Bytes { count, .. } => (self.0)(Event::Bytes(*count)),
            import::Event::Unpacked { .. } => (self.0)(Event::Layer),
            import::Event::Transferred { .. } => {}
        }
    }
}

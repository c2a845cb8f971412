//! Brings an image into the store.
//!
//! # Expected flow
//! 1. The manifest and the configuration are read and verified, and must agree with each other.
//! 2. Blobs that are missing are transferred, several at a time.
//! 3. Layers are unpacked from the lowest up, each while it is still on its way. What a layer becomes depends on those
//!    below it, so the order is fixed; decompressing and hashing run on threads of their own.
//! 4. When everything has the digests it must have and is on disk, the name is recorded.
//!
//! # Guarantees
//! Content that is in the store is not transferred again. Imports of the same image by several processes share the work.
//! When this fails or is killed, the store holds nothing that is not whole, and the next try continues.

mod error;
mod feed;
mod layers;
mod plan;
mod progress;
mod transfer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use futures::StreamExt as _;
use futures::TryStreamExt as _;
use futures::future::BoxFuture;
use windlass_fetch::oci::Manifest;
use windlass_fetch::oci::Platform;
use windlass_fetch::oci::Source;

pub use error::Error;
pub use error::Mismatch;
pub use error::Result;
pub use progress::Event;
pub use progress::Progress;

use crate::config::Document;
use crate::config::platform_text;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::store;
use crate::store::Image;
use crate::store::Layer;
use crate::store::Record;
use crate::store::Store;
use feed::Feed;
use plan::Step;
use plan::Wanted;
use transfer::Ended;
use transfer::Transfer;

/// Blobs under way at the same time: what other clients do, and registries expect.
const PARALLEL: usize = 4;

/// Brings the image that `source` has for a platform into the store, under a name.
///
/// `name` is what [`Store::find`] will be asked for; it is not looked into.
///
/// # Errors
/// Names the image's place, the blob or layer at fault, and in a layer the entry.
pub async fn import(
    store: &Store,
    name: &str,
    source: &dyn Source,
    platform: &Platform,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Image> {
    let _inside = store.enter().await?;
    let import = Import {
        store,
        source,
        limits,
        progress,
    };
    let manifest = source.manifest(platform).await.map_err(|source| Error::Source {
        place: import.source.place(),
        source,
    })?;
    let (document, config) = import.config(&manifest).await?;
    let steps =
        plan::steps(&manifest, &document, platform, limits).map_err(|fault| import.document(fault))?;
    // Twice, because what an earlier attempt left may turn out to be damaged.
    let layers = match import.layers(&steps).await? {
        Some(layers) => layers,
        None => import.layers(&steps).await?.ok_or_else(|| Error::Worker {
            place: source.place(),
            what: "a transfer that had to begin again",
        })?,
    };
    let manifest_digest = store.write_blob(&manifest.bytes)?;
    if manifest.digest != manifest_digest.to_string() {
        return Err(import.document(Mismatch::Digest(manifest_digest)));
    }
    let record = Record {
        name: name.to_owned(),
        platform: platform_text(platform),
        manifest: manifest_digest,
        index: manifest.index,
        config_digest: config,
        config: document.config,
        created: document.created,
        layers,
        updated: store::seconds(SystemTime::now()),
        used: 0,
    };
    import.publish(record).await
}

struct Import<'a> {
    store: &'a Store,
    source: &'a dyn Source,
    limits: &'a Limits,
    progress: &'a dyn Progress,
}

impl Import<'_> {
    /// The configuration document, from the store or the source.
    async fn config(&self, manifest: &Manifest) -> Result<(Document, Digest)> {
        let wanted = plan::config(manifest, self.limits).map_err(|fault| self.document(fault))?;
        let transfer = self.transfer(&());
        if let Ended::Stale = transfer.run(&wanted, &Feed::default()).await? {
            transfer.run(&wanted, &Feed::default()).await?;
        }
        let bytes = self.store.read_blob(&wanted.digest, self.limits.config);
        let bytes = bytes.inspect_err(|_| self.store.drop_blob(&wanted.digest))?;
        let document = serde_json::from_slice(&bytes)
            .map_err(|error| self.document(Mismatch::Config(error.to_string())))?;
        Ok((document, wanted.digest))
    }

    /// Transfers and unpacks all layers. `None`: what an earlier attempt left was damaged, and is gone now.
    async fn layers(&self, steps: &[Step]) -> Result<Option<Vec<Layer>>> {
        let (blobs, order) = blobs(steps);
        self.progress.event(&Event::Layers {
            count: steps.len(),
            bytes: blobs.values().map(|(wanted, _)| wanted.size).sum(),
        });
        let cancelled = Arc::new(AtomicBool::new(false));
        // Dropping this future must end the threads, too.
        let _cancel = CancelOnDrop(Arc::clone(&cancelled));
        let work = layers::Work {
            store: self.store.clone(),
            steps: steps.to_vec(),
            feeds: blobs
                .iter()
                .map(|(digest, (_, feed))| (*digest, Arc::clone(feed)))
                .collect(),
            limits: self.limits.clone(),
            cancelled: Arc::clone(&cancelled),
        };
        let (unpacked_sender, mut unpacked) = tokio::sync::mpsc::unbounded_channel();
        let unpacking = tokio::task::spawn_blocking(move || work.run(&unpacked_sender));
        let unpacking = async {
            while let Some(digest) = unpacked.recv().await {
                self.progress.event(&Event::Unpacked { digest });
            }
            unpacking.await
        };
        tokio::pin!(unpacking);
        let transfer = self.transfer(self.progress);
        let mut waiting: Vec<BoxFuture<'_, Result<Ended>>> = Vec::with_capacity(order.len());
        for digest in &order {
            if let Some((wanted, feed)) = blobs.get(digest) {
                waiting.push(Box::pin(transfer.run(wanted, feed)));
            }
        }
        let transfers = futures::stream::iter(waiting)
            .buffer_unordered(PARALLEL)
            .try_fold(false, |stale, ended| {
                futures::future::ready(Ok(stale | matches!(ended, Ended::Stale)))
            });
        let ended = tokio::select! {
            biased;
            unpacked = &mut unpacking => return self.unpacked(unpacked, &blobs).await,
            ended = transfers => ended,
        };
        match ended {
            Ok(false) => self.unpacked(unpacking.await, &blobs).await,
            Ok(true) => {
                cancelled.store(true, Ordering::Relaxed);
                let _ = unpacking.await;
                Ok(None)
            }
            Err(error) => {
                cancelled.store(true, Ordering::Relaxed);
                let _ = unpacking.await;
                Err(error)
            }
        }
    }

    /// What unpacking came to. `None`: what it read was damaged in the store, and is gone now.
    async fn unpacked(
        &self,
        ended: Result<Result<Vec<Layer>, layers::Failed>, tokio::task::JoinError>,
        blobs: &Blobs<'_>,
    ) -> Result<Option<Vec<Layer>>> {
        match ended {
            Ok(Ok(layers)) => Ok(Some(layers)),
            Ok(Err(layers::Failed::Layer(layer, source))) => {
                if let Some((wanted, feed)) = blobs.get(&layer)
                    && feed.is_inherited()
                    && self.drop_damaged(wanted).await?
                {
                    return Ok(None);
                }
                Err(Error::Unpack {
                    place: self.source.place(),
                    layer,
                    source,
                })
            }
            Ok(Err(layers::Failed::Store(error))) => Err(error.into()),
            Ok(Err(layers::Failed::Cancelled)) | Err(_) => Err(Error::Worker {
                place: self.source.place(),
                what: "unpacking",
            }),
        }
    }

    /// Removes what the store has of a blob unless it is whole and right. Says whether it did.
    async fn drop_damaged(&self, wanted: &Wanted) -> Result<bool> {
        if let Some(ingest) = self.store.ingest(&wanted.digest, wanted.size).await? {
            ingest.discard()?;
            return Ok(true);
        }
        let (store, digest) = (self.store.clone(), wanted.digest);
        let checked = tokio::task::spawn_blocking(move || store.is_blob_damaged(&digest)).await;
        let is_damaged = checked.map_err(|_| Error::Worker {
            place: self.source.place(),
            what: "checking",
        })??;
        if is_damaged {
            self.store.drop_blob(&wanted.digest);
        }
        Ok(is_damaged)
    }

    /// Writes everything out, and then the name.
    async fn publish(&self, record: Record) -> Result<Image> {
        let store = self.store.clone();
        let published = tokio::task::spawn_blocking(move || {
            store.sync()?;
            let chains: Vec<Digest> = record.layers.iter().map(|layer| layer.chain).collect();
            store.mark_durable(&chains)?;
            let path = store.write_record(&record)?;
            store.image(&path, record)
        });
        let image = published.await.map_err(|_| Error::Worker {
            place: self.source.place(),
            what: "publishing",
        })??;
        image.ok_or_else(|| Error::Worker {
            place: self.source.place(),
            what: "publishing",
        })
    }

    fn transfer<'b>(&'b self, progress: &'b dyn Progress) -> Transfer<'b> {
        Transfer {
            store: self.store,
            source: self.source,
            progress,
        }
    }

    fn document(&self, fault: Mismatch) -> Error {
        Error::Document {
            place: self.source.place(),
            fault,
        }
    }
}

/// Blobs, each with what reads it while it comes.
type Blobs<'a> = BTreeMap<Digest, (&'a Wanted, Arc<Feed>)>;

/// The distinct blobs that layers come from, and the order in which they are needed.
fn blobs(steps: &[Step]) -> (Blobs<'_>, Vec<Digest>) {
    let mut blobs = BTreeMap::new();
    let mut order = Vec::new();
    for step in steps {
        blobs.entry(step.blob.digest).or_insert_with(|| {
            order.push(step.blob.digest);
            (&step.blob, Arc::default())
        });
    }
    (blobs, order)
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

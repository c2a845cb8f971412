//! Unpacks an image's layers, from the lowest up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc::UnboundedSender;

use super::feed::Feed;
use super::plan::Step;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::store;
use crate::store::Layer;
use crate::store::Store;
use crate::unpack;
use crate::unpack::Budget;
use crate::unpack::Target;

/// Everything that unpacking needs, on a thread of its own.
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) steps: Vec<Step>,
    pub(super) feeds: HashMap<Digest, Arc<Feed>>,
    pub(super) limits: Limits,
    pub(super) cancelled: Arc<AtomicBool>,
}

/// Why layers were not unpacked.
#[derive(Debug)]
pub(super) enum Failed {
    /// The layer with this blob was refused.
    Layer(Digest, Box<unpack::Error>),
    /// The store refused.
    Store(store::Error),
    /// Nobody wants them any more.
    Cancelled,
}

impl From<store::Error> for Failed {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl Work {
    /// Unpacks what is not unpacked yet, and tells which layers are there.
    pub(super) fn run(&self, done: &UnboundedSender<Digest>) -> Result<Vec<Layer>, Failed> {
        let mut budget = Budget::new(&self.limits);
        let mut lowers = Vec::with_capacity(self.steps.len());
        let mut layers = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let bytes = self.step(step, &lowers, &mut budget)?;
            lowers.push(self.store.layer_directory(&step.chain));
            layers.push(Layer {
                digest: step.blob.digest,
                size: step.blob.size,
                diff_id: step.diff_id,
                chain: step.chain,
                bytes,
            });
            // Who watched may be gone.
            let _ = done.send(step.blob.digest);
        }
        Ok(layers)
    }

    /// Unpacks one layer unless it is there; the size of its archive.
    fn step(&self, step: &Step, lowers: &[PathBuf], budget: &mut Budget) -> Result<u64, Failed> {
        if let Some(facts) = self.store.layer(&step.chain) {
            return Ok(facts.bytes);
        }
        let Some(work) = self.store.begin_layer(&step.chain, &self.cancelled)? else {
            let facts = self.store.layer(&step.chain).ok_or(Failed::Cancelled)?;
            return Ok(facts.bytes);
        };
        let feed = self.feeds.get(&step.blob.digest).ok_or(Failed::Cancelled)?;
        let target = Target {
            directory: &work.directory,
            lowers,
            ownership: self.store.ownership(),
            limits: &self.limits,
            cancelled: &self.cancelled,
        };
        let reader = Box::new(feed.reader(Arc::clone(&self.cancelled)));
        let unpacked = unpack::layer(reader, target, budget).and_then(|unpacked| {
            if unpacked.diff_id == step.diff_id {
                return Ok(unpacked);
            }
            Err(unpack::Error::DiffId {
                expected: step.diff_id,
                got: unpacked.diff_id,
            })
        });
        match unpacked {
            Ok(unpacked) => {
                work.publish(&self.store, step.below, unpacked)?;
                Ok(unpacked.bytes)
            }
            Err(error) => {
                self.cancelled.store(true, Ordering::Relaxed);
                work.discard();
                Err(Failed::Layer(step.blob.digest, Box::new(error)))
            }
        }
    }
}

//! Removing what is not needed.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use serde::Serialize;

use super::Record;
use super::Store;
use super::error::Error;
use super::error::Result;
use super::error::call;
use super::image::read_record;
use super::layer::remove_tree;
use super::lock;
use super::lock::Mode;
use super::seconds;
use crate::digest::Digest;

/// How long removing waits for pulls to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which images go. Content that no image needs always goes, and what a running step uses always stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Images go that were not used for so long. Default: age does not matter.
    pub unused_for: Option<Duration>,
    /// Images go, least recently used first, until the others take at most so many bytes. Default: size does not matter.
    pub keep_bytes: Option<u64>,
    /// These images go; names as they are recorded.
    pub names: Vec<String>,
    /// Parts of blobs that were not transferred completely stay when they are younger, so that a pull can be resumed.
    pub keep_partial: Duration,
}

/// An image that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedImage {
    /// Its name.
    pub name: String,
    /// Its platform.
    pub platform: String,
    /// Digest of its manifest.
    pub digest: Digest,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Images.
    pub images: Vec<RemovedImage>,
    /// Unpacked layers.
    pub layers: u64,
    /// Blobs.
    pub blobs: u64,
    /// Remains of pulls that did not end.
    pub partial: u64,
    /// Bytes of the disk that this gave back.
    pub bytes: u64,
}

impl Store {
    /// Removes images by a policy, and all content that no image and no running step needs.
    ///
    /// # Errors
    /// [`Error::Busy`] while an image is being pulled or loaded.
    pub fn sweep(&self, policy: &Policy) -> Result<Removed> {
        let mut removed = Removed::default();
        let mut trash = Vec::new();
        {
            let _alone = self.alone()?;
            let records = self.records()?;
            let now = seconds(SystemTime::now());
            let (gone, kept): (Vec<_>, Vec<_>) = {
                let goes = choose(&records, policy, now);
                let pairs = records.into_iter().zip(goes);
                let (gone, kept): (Vec<_>, Vec<_>) = pairs.partition(|(_, goes)| *goes);
                (first(gone), first(kept))
            };
            for record in gone {
                let path = self.record_path(&record.name, &record.platform);
                fs::remove_file(&path).map_err(call("remove", &path))?;
                removed.images.push(RemovedImage {
                    name: record.name,
                    platform: record.platform,
                    digest: record.manifest,
                });
            }
            let mut needed = kept;
            needed.extend(self.leased()?);
            removed.layers = self.take_out("layers", &layers(&needed), &mut trash)?;
            removed.blobs = self.take_out("blobs/sha256", &blobs(&needed), &mut trash)?;
            removed.partial = self.take_partial(policy.keep_partial, &mut trash)?;
            self.drop_locks()?;
        }
        // The rest takes its time, and nobody has to wait for it.
        for path in trash {
            removed.bytes += remove_tree(&path)?;
        }
        Ok(removed)
    }

    /// Waits a little until nobody is inside.
    fn alone(&self) -> Result<fs::File> {
        let path = self.layout().part("lock");
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(file) = lock::try_lock(&path, Mode::Exclusive)? {
                return Ok(file);
            }
            if Instant::now() >= until {
                return Err(Error::Busy);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Images whose content is held by somebody, in this process or another. Files of leases that nobody holds go.
    fn leased(&self) -> Result<Vec<Record>> {
        let directory = self.layout().part("leases");
        let mut leased = Vec::new();
        for entry in fs::read_dir(&directory).map_err(call("list", &directory))? {
            let path = entry.map_err(call("list", &directory))?.path();
            if lock::try_lock(&path, Mode::Exclusive)?.is_some() {
                fs::remove_file(&path).map_err(call("remove", &path))?;
            } else {
                leased.extend(read_record(&path)?);
            }
        }
        Ok(leased)
    }

    /// Moves everything out of a part of the store that is not needed.
    fn take_out(&self, part: &str, needed: &BTreeSet<Digest>, trash: &mut Vec<PathBuf>) -> Result<u64> {
        let directory = self.layout().part(part);
        let mut count = 0;
        for entry in fs::read_dir(&directory).map_err(call("list", &directory))? {
            let path = entry.map_err(call("list", &directory))?.path();
            let digest = path.file_name().and_then(|name| Digest::from_hex(name.to_str()?));
            if digest.is_none_or(|digest| !needed.contains(&digest)) {
                let to = self.layout().fresh("trash");
                fs::rename(&path, &to).map_err(call("remove", &path))?;
                trash.push(to);
                count += 1;
            }
        }
        Ok(count)
    }

    /// Whatever is in `ingest` belongs to nobody now, except that a young part of a blob may be of use.
    fn take_partial(&self, keep: Duration, trash: &mut Vec<PathBuf>) -> Result<u64> {
        let directory = self.layout().part("ingest");
        let ours: BTreeSet<PathBuf> = trash.iter().cloned().collect();
        let mut count = 0;
        for entry in fs::read_dir(&directory).map_err(call("list", &directory))? {
            let entry = entry.map_err(call("list", &directory))?;
            let path = entry.path();
            let is_blob = entry.file_name().to_str().and_then(Digest::from_hex).is_some();
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.map_or(Duration::MAX, |modified| modified.elapsed().unwrap_or_default());
            if ours.contains(&path) || is_blob && age < keep {
                continue;
            }
            count += 1;
            trash.push(path);
        }
        Ok(count)
    }

    /// Nobody holds any of them while we are alone.
    fn drop_locks(&self) -> Result<()> {
        let directory = self.layout().part("locks");
        for entry in fs::read_dir(&directory).map_err(call("list", &directory))? {
            let path = entry.map_err(call("list", &directory))?.path();
            fs::remove_file(&path).map_err(call("remove", &path))?;
        }
        Ok(())
    }
}

fn first<T, U>(pairs: Vec<(T, U)>) -> Vec<T> {
    pairs.into_iter().map(|(first, _)| first).collect()
}

fn layers(records: &[Record]) -> BTreeSet<Digest> {
    let layers = records.iter().flat_map(|record| &record.layers);
    layers.map(|layer| layer.chain).collect()
}

fn blobs(records: &[Record]) -> BTreeSet<Digest> {
    records.iter().flat_map(Record::blobs).collect()
}

/// Says of each image whether it goes.
fn choose(records: &[Record], policy: &Policy, now: u64) -> Vec<bool> {
    let mut goes: Vec<bool> = records
        .iter()
        .map(|record| {
            let idle = now.saturating_sub(record.used);
            policy.names.contains(&record.name) || policy.unused_for.is_some_and(|most| idle > most.as_secs())
        })
        .collect();
    let Some(most) = policy.keep_bytes else {
        return goes;
    };
    // The most recently used stay, as many as fit. Shared layers count once.
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|index| records.get(*index).map(|record| std::cmp::Reverse(record.used)));
    let (mut seen, mut total, mut is_full) = (BTreeSet::new(), 0_u64, false);
    for index in order {
        let (Some(record), Some(goes)) = (records.get(index), goes.get_mut(index)) else {
            continue;
        };
        if *goes {
            continue;
        }
        let own = record.layers.iter().filter(|layer| seen.insert(layer.chain));
        total += own.map(|layer| layer.size + layer.bytes).sum::<u64>();
        is_full |= total > most;
        *goes = is_full;
    }
    goes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Layer;

    fn record(name: &str, used: u64, layers: &[(u8, u64)]) -> Record {
        let digest = Digest::of(name.as_bytes());
        let layer = |(id, bytes): &(u8, u64)| Layer {
            digest: Digest::of(&[*id]),
            size: 0,
            diff_id: Digest::of(&[*id]),
            chain: Digest::of(&[*id]),
            bytes: *bytes,
        };
        Record {
            name: name.to_owned(),
            platform: "linux/amd64".to_owned(),
            manifest: digest,
            index: None,
            config_digest: digest,
            config: crate::Config::default(),
            created: String::new(),
            layers: layers.iter().map(layer).collect(),
            updated: 0,
            used,
        }
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let records = [
            record("old", 100, &[(1, 10), (2, 10)]),
            record("new", 300, &[(1, 10), (3, 10)]),
            record("middle", 200, &[(1, 10), (4, 10)]),
        ];
        let seconds = |count| Some(Duration::from_secs(count));
        let policy = Policy::default;
        let rows = [
            (policy(), vec![]),
            (
                Policy {
                    unused_for: seconds(250),
                    ..policy()
                },
                vec!["old"],
            ),
            (
                Policy {
                    unused_for: seconds(50),
                    ..policy()
                },
                vec!["old", "new", "middle"],
            ),
            // The shared base counts once: 20 for the newest, 10 more for each other.
            (
                Policy {
                    keep_bytes: Some(30),
                    ..policy()
                },
                vec!["old"],
            ),
            (
                Policy {
                    keep_bytes: Some(40),
                    ..policy()
                },
                vec![],
            ),
            (
                Policy {
                    keep_bytes: Some(0),
                    ..policy()
                },
                vec!["old", "new", "middle"],
            ),
            (
                Policy {
                    names: vec!["new".to_owned()],
                    ..policy()
                },
                vec!["new"],
            ),
        ];
        for (policy, then) in rows {
            let goes = choose(&records, &policy, 400);
            let gone = records.iter().zip(goes).filter(|(_, goes)| *goes);
            let names: Vec<&str> = gone.map(|(record, _)| record.name.as_str()).collect();
            assert_eq!(names, then, "{policy:?}");
        }
    }
}

//! Durable commits per second of the SQLite store, beside what the disk allows: a bare loop that appends as many bytes
//! to a file and waits for the disk each time. Both run in turns, because the disk's pace changes with its neighbours.
//!
//! `cargo run --release -p windlass-store --example commit_rate [DIRECTORY]`

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use windlass_api::Object;
use windlass_api::Time;
use windlass_api::core::ConfigMap;
use windlass_api::meta::ObjectMeta;
use windlass_store::Stamp;
use windlass_store::Store;
use windlass_store::Write;
use windlass_store::admission::AdmitAll;
use windlass_store::backend::Sqlite;

/// How long each measurement runs.
const TURN: Duration = Duration::from_secs(3);

/// Bytes of data of each object.
const DATA: usize = 256;

#[derive(Default)]
struct Counter(AtomicU64);

impl Stamp for Counter {
    fn now(&self) -> Time {
        Time::from_millis(1_700_000_000_000)
    }

    fn uid(&self) -> String {
        format!("uid-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn suffix(&self) -> String {
        format!("{:05}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let place = parent.join(format!("windlass-commit-rate-{}", std::process::id()));
    std::fs::create_dir_all(&place)?;
    let measured = measure(&place).await;
    std::fs::remove_dir_all(&place)?;
    measured
}

async fn measure(place: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout();
    writeln!(out, "producers  commits/s  disk waits/s  ratio")?;
    for producers in [1, 16, 64] {
        let disk = waits(&place.join("floor"))?;
        let backend = Sqlite::open(&place.join(format!("{producers}.db")))?;
        let (admission, stamp) = (Box::new(AdmitAll), Box::new(Counter::default()));
        let store = Store::durable(admission, stamp, Box::new(backend))?;
        let commits = commits(&store, producers).await?;
        writeln!(
            out,
            "{producers:>9}  {commits:>9.0}  {disk:>12.0}  {:>5.1}",
            commits / disk
        )?;
    }
    Ok(())
}

/// Appends of a record's bytes per second, each waited for.
fn waits(path: &Path) -> io::Result<f64> {
    let mut file = File::create(path)?;
    let record = [b'x'; 2 * DATA];
    let started = Instant::now();
    let mut done = 0_u32;
    while started.elapsed() < TURN {
        file.write_all(&record)?;
        file.sync_data()?;
        done += 1;
    }
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}

/// Creates per second of so many producers, each of which waits for its own.
async fn commits(store: &Store, producers: u32) -> Result<f64, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let tasks = (0..producers).map(|producer| tokio::spawn(produce(store.clone(), producer, started)));
    let mut done = 0;
    for task in tasks.collect::<Vec<_>>() {
        done += task.await??;
    }
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}

async fn produce(store: Store, producer: u32, started: Instant) -> Result<u32, windlass_store::Error> {
    let mut done = 0;
    while started.elapsed() < TURN {
        let object = Object::ConfigMap(Arc::new(ConfigMap {
            metadata: ObjectMeta {
                namespace: "default".to_owned(),
                name: format!("p{producer}-{done}"),
                ..ObjectMeta::default()
            },
            data: BTreeMap::from([("value".to_owned(), "x".repeat(DATA))]),
            ..ConfigMap::default()
        }));
        store.commit(vec![Write::Create(object)]).await?;
        done += 1;
    }
    Ok(done)
}

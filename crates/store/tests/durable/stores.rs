//! Stores on disk, and objects to put into them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::core::ConfigMap;
use windlass_api::meta::ObjectMeta;
use windlass_store::Stamp;
use windlass_store::Store;
use windlass_store::admission::AdmitAll;
use windlass_store::backend::Backend;
use windlass_store::backend::Error;
use windlass_store::backend::Sqlite;

/// How long the thread of a store that was dropped may take to let go of its file.
const RELEASE: Duration = Duration::from_secs(20);

/// Time stands still and identities count up.
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

/// A store on a backend that admits everything.
pub(crate) fn on(backend: Box<dyn Backend>) -> Result<Store, Error> {
    Store::durable(Box::new(AdmitAll), Box::new(Counter::default()), backend)
}

/// The store in a file, as soon as whoever had it has let it go.
pub(crate) fn open(path: &Path) -> Store {
    let since = Instant::now();
    loop {
        match Sqlite::open(path) {
            Ok(backend) => return on(Box::new(backend)).expect("load"),
            Err(Error::InUse) if since.elapsed() < RELEASE => std::thread::yield_now(),
            Err(error) => unreachable!("{error}"),
        }
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(Kind::ConfigMap, "default", name)
}

pub(crate) fn config_map(name: &str, value: &str) -> Object {
    Object::ConfigMap(Arc::new(ConfigMap {
        metadata: ObjectMeta {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            ..ObjectMeta::default()
        },
        data: BTreeMap::from([("value".to_owned(), value.to_owned())]),
        ..ConfigMap::default()
    }))
}

/// What a config map holds.
pub(crate) fn value(object: &Object) -> &str {
    object.get::<ConfigMap>().expect("a config map").data["value"].as_str()
}

pub(crate) fn version(object: &Object) -> u64 {
    let version = &object.metadata().resource_version;
    version.parse().expect("a numeric version")
}

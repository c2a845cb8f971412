//! Stores to test, and objects to put into them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::core::ConfigMap;
use windlass_api::meta::ObjectMeta;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::taskrun::TaskRunStatus;
use windlass_store::Admission;
use windlass_store::Error;
use windlass_store::Stamp;
use windlass_store::Store;
use windlass_store::Write;
use windlass_store::backend::Sqlite;

/// Opens an empty store with [`Rules`] and [`Counter`].
pub(crate) type Open = fn() -> Store;

/// The store in memory.
pub(crate) fn memory() -> Store {
    Store::new(Box::new(Rules), Box::new(Counter::default()))
}

/// The store in a SQLite file below the build's directory for tests; what an earlier run left there goes first.
pub(crate) fn sqlite() -> Store {
    static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("contract");
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir_all(&place).expect("a directory");
        place
    });
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let number = OPENED.fetch_add(1, Ordering::Relaxed);
    let backend = Sqlite::open(&PLACE.join(format!("{number}.db"))).expect("open");
    let (rules, counter) = (Box::new(Rules), Box::new(Counter::default()));
    Store::durable(rules, counter, Box::new(backend)).expect("an empty store")
}

/// Label of an object that admission refuses.
pub(crate) const REFUSED: &str = "refused";

/// Label of an object that admission trips over.
pub(crate) const TRIPPING: &str = "tripping";

/// Label that admission adds to every object.
pub(crate) const ADMITTED: &str = "admitted";

/// Admission that can be seen.
pub(crate) struct Rules;

impl Admission for Rules {
    fn admit(&self, new: &mut Object, old: Option<&Object>) -> Result<(), String> {
        assert!(
            !new.metadata().labels.contains_key(TRIPPING),
            "a fault of admission"
        );
        if new.metadata().labels.contains_key(REFUSED) {
            let verb = if old.is_some() { "update" } else { "create" };
            return Err(format!("{verb} refused"));
        }
        new.metadata_mut()
            .labels
            .insert(ADMITTED.to_owned(), String::new());
        Ok(())
    }
}

/// Time stands still, identities count up, and every suffix comes three times.
#[derive(Default)]
pub(crate) struct Counter {
    uids: AtomicU64,
    suffixes: AtomicU64,
}

/// The time at which every object is created.
pub(crate) const NOW: i64 = 1_700_000_000_123;

impl Stamp for Counter {
    fn now(&self) -> Time {
        Time::from_millis(NOW)
    }

    fn uid(&self) -> String {
        format!("uid-{}", self.uids.fetch_add(1, Ordering::Relaxed))
    }

    fn suffix(&self) -> String {
        format!("s{:04}", self.suffixes.fetch_add(1, Ordering::Relaxed) / 3)
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(Kind::ConfigMap, "default", name)
}

pub(crate) fn run_key(name: &str) -> Key {
    Key::new(Kind::TaskRun, "default", name)
}

pub(crate) fn config_map(namespace: &str, name: &str, value: &str) -> Object {
    Object::ConfigMap(Arc::new(ConfigMap {
        metadata: metadata(namespace, name),
        data: BTreeMap::from([("value".to_owned(), value.to_owned())]),
        ..ConfigMap::default()
    }))
}

/// A run whose desired state is `status` and whose status is `message`.
pub(crate) fn run(name: &str, status: &str, message: &str) -> Object {
    let mut run = TaskRun {
        metadata: metadata("default", name),
        ..TaskRun::default()
    };
    status.clone_into(&mut Arc::make_mut(&mut run.spec).status);
    message.clone_into(&mut run.status.pod_name);
    Object::TaskRun(Arc::new(run))
}

/// The run with so many archived attempts, which differ from one `mark` to the next.
pub(crate) fn archived(object: Object, attempts: usize, mark: usize) -> Object {
    let Object::TaskRun(mut run) = object else {
        return object;
    };
    let status = &mut Arc::make_mut(&mut run).status;
    status.retries_status.resize(attempts, TaskRunStatus::default());
    status.pod_name = mark.to_string();
    Object::TaskRun(run)
}

/// Desired state and status of a run, as [`run`] takes them.
pub(crate) fn parts(object: &Object) -> (&str, &str) {
    let run = object.get::<TaskRun>().expect("a task run");
    (&run.spec.status, &run.status.pod_name)
}

fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..ObjectMeta::default()
    }
}

/// Commits one write.
pub(crate) async fn write(store: &Store, write: Write) -> Result<Object, Error> {
    let mut objects = store.commit(vec![write]).await?;
    assert_eq!(objects.len(), 1);
    Ok(objects.remove(0))
}

/// Creates an object that nothing speaks against.
pub(crate) async fn create(store: &Store, object: Object) -> Object {
    write(store, Write::Create(object)).await.expect("create")
}

pub(crate) fn version(object: &Object) -> u64 {
    object
        .metadata()
        .resource_version
        .parse()
        .expect("a numeric version")
}

/// What is stored.
pub(crate) fn stored(store: &Store, key: &Key) -> Object {
    store.get(key).expect("stored")
}

/// What is stored, without the version, to be written back whatever happens meanwhile.
pub(crate) fn unversioned(mut object: Object) -> Object {
    object.metadata_mut().resource_version.clear();
    object
}

//! Random commits against a model that is too simple to be wrong.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_store::Error;
use windlass_store::Event;
use windlass_store::EventType;
use windlass_store::Store;
use windlass_store::Watch;
use windlass_store::Write;

use crate::backend::Open;
use crate::backend::parts;
use crate::backend::run;
use crate::backend::run_key;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const VALUES: [&str; 3] = ["", "x", "y"];

#[derive(Clone, Debug)]
enum Change {
    Create,
    Update(usize),
    UpdateStatus(usize),
    Delete,
}

/// A change of an object, and how many versions ago the writer read it, if it says so.
#[derive(Clone, Debug)]
struct Step {
    name: usize,
    change: Change,
    read: Option<u64>,
}

/// What the model knows of an object.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    desired: &'static str,
    status: &'static str,
    version: u64,
    generation: i64,
}

#[derive(Clone, Debug, Default)]
struct Model {
    version: u64,
    objects: BTreeMap<&'static str, Known>,
    events: Vec<(EventType, &'static str, u64)>,
}

impl Model {
    /// What the store should do; `false` when it should refuse.
    fn apply(&mut self, step: &Step) -> bool {
        let name = NAMES[step.name];
        let next = self.version + 1;
        let read = step.read.map(|ago| self.version.saturating_sub(ago));
        let kind = match (&step.change, self.objects.get_mut(name)) {
            (Change::Create, None) => {
                let known = Known {
                    desired: "",
                    status: "",
                    version: next,
                    generation: 1,
                };
                self.objects.insert(name, known);
                EventType::Added
            }
            (Change::Delete, Some(_)) => {
                self.objects.remove(name);
                EventType::Deleted
            }
            (Change::Create, Some(_)) | (_, None) => return false,
            (Change::Update(_) | Change::UpdateStatus(_), Some(known))
                if read.is_some_and(|read| read != known.version) =>
            {
                return false;
            }
            (Change::Update(value), Some(known)) => {
                if known.desired == VALUES[*value] {
                    return true;
                }
                known.desired = VALUES[*value];
                known.generation += 1;
                known.version = next;
                EventType::Modified
            }
            (Change::UpdateStatus(value), Some(known)) => {
                if known.status == VALUES[*value] {
                    return true;
                }
                known.status = VALUES[*value];
                known.version = next;
                EventType::Modified
            }
        };
        self.version = next;
        self.events.push((kind, name, next));
        true
    }

    /// The write for a step, as of now.
    fn write(&self, step: &Step) -> Write {
        let name = NAMES[step.name];
        let versioned = |mut object: Object| {
            if let Some(ago) = step.read {
                object.metadata_mut().resource_version = self.version.saturating_sub(ago).to_string();
            }
            object
        };
        match step.change {
            Change::Create => Write::Create(run(name, "", "")),
            Change::Update(value) => Write::Update(versioned(run(name, VALUES[value], "forged"))),
            Change::UpdateStatus(value) => Write::UpdateStatus(versioned(run(name, "forged", VALUES[value]))),
            Change::Delete => Write::Delete {
                key: run_key(name),
                uid: String::new(),
            },
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let change = prop_oneof![
        3 => Just(Change::Create),
        3 => (0..VALUES.len()).prop_map(Change::Update),
        3 => (0..VALUES.len()).prop_map(Change::UpdateStatus),
        1 => Just(Change::Delete),
    ];
    let read = prop_oneof![2 => Just(None), 1 => (0..4_u64).prop_map(Some)];
    let step = (0..NAMES.len(), change, read).prop_map(|(name, change, read)| Step { name, change, read });
    prop::collection::vec(prop::collection::vec(step, 1..4), 1..40)
}

/// Everything the store shows equals the model, and every watcher can rebuild it from its events.
pub(crate) fn check(open: Open) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime");
    TestRunner::default()
        .run(&(steps(), 0..40_usize), |(commits, joined_at)| {
            runtime.block_on(follow(&open(), commits, joined_at));
            Ok(())
        })
        .expect("the store follows the model");
}

async fn follow(store: &Store, commits: Vec<Vec<Step>>, joined_at: usize) {
    let mut model = Model::default();
    let mut early = store.watch(&[Kind::TaskRun], None, None).expect("watch");
    let mut late = None;
    for (at, commit) in commits.iter().enumerate() {
        if at == joined_at {
            late = Some(store.watch(&[Kind::TaskRun], None, None).expect("watch"));
        }
        let mut after = model.clone();
        let mut writes = Vec::new();
        let mut accepted = true;
        for step in commit {
            writes.push(after.write(step));
            accepted = accepted && after.apply(step);
        }
        let answer = store.commit(writes).await;
        assert_eq!(answer.is_ok(), accepted, "{answer:?}");
        if let Err(Error::Gone(_) | Error::Invalid { .. }) = answer {
            unreachable!("{answer:?}");
        }
        if accepted {
            model = after;
        }
        assert_shows(store, &model);
    }
    let events = drain(&mut early);
    let seen = |event: &Event| (event.kind, event.object.key().name.to_string(), event.version);
    let expected = model
        .events
        .iter()
        .map(|(kind, name, version)| (*kind, (*name).to_owned(), *version));
    assert_eq!(
        events.iter().map(seen).collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    let list = store.list(Kind::TaskRun, None).objects;
    assert_eq!(rebuilt(events), list);
    if let Some(mut late) = late {
        assert_eq!(rebuilt(drain(&mut late)), list);
    }
}

fn assert_shows(store: &Store, model: &Model) {
    let list = store.list(Kind::TaskRun, Some("default"));
    assert_eq!(list.version, model.version);
    let shown = list.objects.iter().map(|object| {
        let (desired, status) = parts(object);
        let metadata = object.metadata();
        (
            metadata.name.as_str(),
            desired,
            status,
            metadata.resource_version.clone(),
            metadata.generation,
        )
    });
    let expected = model.objects.iter().map(|(name, known)| {
        (
            *name,
            known.desired,
            known.status,
            known.version.to_string(),
            known.generation,
        )
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

fn drain(watch: &mut Watch) -> Vec<Event> {
    std::iter::from_fn(|| watch.try_next()).collect()
}

fn rebuilt(events: Vec<Event>) -> Vec<Object> {
    let mut objects: BTreeMap<Key, Object> = BTreeMap::new();
    for event in events {
        match event.kind {
            EventType::Deleted => objects.remove(&event.object.key()),
            EventType::Added | EventType::Modified => objects.insert(event.object.key(), event.object),
        };
    }
    objects.into_values().collect()
}

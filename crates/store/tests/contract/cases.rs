//! The promises, one by one.

use std::collections::BTreeSet;

use windlass_api::Kind;
use windlass_api::Time;
use windlass_store::Error;
use windlass_store::Event;
use windlass_store::EventType;
use windlass_store::Watch;
use windlass_store::Write;

use crate::backend::ADMITTED;
use crate::backend::NOW;
use crate::backend::Open;
use crate::backend::REFUSED;
use crate::backend::TRIPPING;
use crate::backend::archived;
use crate::backend::config_map;
use crate::backend::create;
use crate::backend::key;
use crate::backend::parts;
use crate::backend::run;
use crate::backend::run_key;
use crate::backend::stored;
use crate::backend::unversioned;
use crate::backend::version;
use crate::backend::write;

/// More events than any backend keeps for those who resume, and than any watcher may fall behind.
const FLOOD: usize = 70_000;

fn waiting(watch: &mut Watch) -> Vec<Event> {
    std::iter::from_fn(|| watch.try_next()).collect()
}

fn told(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| format!("{:?} {}", event.kind, event.object.metadata().name);
    events.iter().map(line).collect()
}

pub(crate) async fn a_created_object_gets_its_identity(open: Open) {
    let store = open();
    let mut given = config_map("default", "a", "1");
    let metadata = given.metadata_mut();
    "mine".clone_into(&mut metadata.uid);
    metadata.generation = 7;
    "99".clone_into(&mut metadata.resource_version);
    let object = create(&store, given).await;
    let metadata = object.metadata();
    assert_eq!(metadata.uid, "uid-0");
    assert_eq!(metadata.generation, 1);
    assert_eq!(metadata.resource_version, "1");
    assert_eq!(
        metadata.creation_timestamp,
        Some(Time::from_millis(NOW - NOW % 1000))
    );
    assert_eq!(store.get(&key("a")), Some(object));
}

pub(crate) async fn a_name_is_completed_until_it_is_free(open: Open) {
    let store = open();
    let mut names = BTreeSet::new();
    let long = "x".repeat(80);
    for prefix in ["a-", "a-", "a-", long.as_str()] {
        let mut given = config_map("default", "", "1");
        prefix.clone_into(&mut given.metadata_mut().generate_name);
        names.insert(create(&store, given).await.metadata().name.clone());
    }
    let expected = ["a-s0000", "a-s0001", "a-s0002"].map(str::to_owned).into_iter();
    let shortened = format!("{}s0002", &long[..58]);
    assert_eq!(names, expected.chain([shortened]).collect());
}

pub(crate) async fn an_object_needs_a_name_that_is_free(open: Open) {
    let store = open();
    let nameless = write(&store, Write::Create(config_map("default", "", "1"))).await;
    assert!(matches!(nameless, Err(Error::Invalid { .. })), "{nameless:?}");
    create(&store, config_map("default", "a", "1")).await;
    let again = write(&store, Write::Create(config_map("default", "a", "2"))).await;
    assert_eq!(again, Err(Error::AlreadyExists(key("a"))));
    create(&store, config_map("other", "a", "2")).await;
    create(&store, run("a", "", "")).await;
}

pub(crate) async fn a_status_is_never_created(open: Open) {
    let store = open();
    let object = create(&store, run("a", "", "done by a file")).await;
    assert_eq!(parts(&object), ("", ""));
}

pub(crate) async fn an_update_changes_desired_state_only(open: Open) {
    let store = open();
    let created = create(&store, run("a", "", "")).await;
    write(&store, Write::UpdateStatus(run("a", "", "seen")))
        .await
        .expect("update status");
    let mut change = run("a", "Cancelled", "forged");
    "forged".clone_into(&mut change.metadata_mut().uid);
    change.metadata_mut().generation = 40;
    let updated = write(&store, Write::Update(change)).await.expect("update");
    assert_eq!(parts(&updated), ("Cancelled", "seen"));
    assert_eq!(updated.metadata().uid, created.metadata().uid);
    assert_eq!(
        updated.metadata().creation_timestamp,
        created.metadata().creation_timestamp
    );
    assert_eq!(updated.metadata().generation, 2);
    let missing = write(&store, Write::Update(run("b", "", ""))).await;
    assert_eq!(missing, Err(Error::NotFound(run_key("b"))));
}

pub(crate) async fn a_status_update_changes_status_only(open: Open) {
    let store = open();
    let created = create(&store, run("a", "", "")).await;
    let mut change = run("a", "Cancelled", "seen");
    change
        .metadata_mut()
        .labels
        .insert("more".to_owned(), String::new());
    let updated = write(&store, Write::UpdateStatus(change))
        .await
        .expect("update status");
    assert_eq!(parts(&updated), ("", "seen"));
    let mut metadata = updated.metadata().clone();
    metadata
        .resource_version
        .clone_from(&created.metadata().resource_version);
    assert_eq!(metadata, *created.metadata());
    let missing = write(&store, Write::UpdateStatus(run("b", "", ""))).await;
    assert_eq!(missing, Err(Error::NotFound(run_key("b"))));
}

pub(crate) async fn only_desired_state_makes_a_generation(open: Open) {
    let store = open();
    let object = create(&store, run("a", "", "")).await;
    let mut labelled = object.clone();
    labelled
        .metadata_mut()
        .labels
        .insert("more".to_owned(), String::new());
    let labelled = write(&store, Write::Update(labelled)).await.expect("label");
    let seen = write(&store, Write::UpdateStatus(run("a", "", "seen")))
        .await
        .expect("status");
    let cancelled = write(&store, Write::Update(run("a", "Cancelled", "")))
        .await
        .expect("cancel");
    let generations = [&object, &labelled, &seen, &cancelled].map(|object| object.metadata().generation);
    assert_eq!(generations, [1, 1, 1, 2]);
    let versions = [&object, &labelled, &seen, &cancelled].map(version);
    assert_eq!(versions, [1, 2, 3, 4]);
}

pub(crate) async fn what_changes_nothing_writes_nothing(open: Open) {
    let store = open();
    let object = create(&store, run("a", "", "")).await;
    let mut watch = store.watch(&[Kind::TaskRun], None, Some(1)).expect("watch");
    let writes = vec![
        Write::Update(object.clone()),
        Write::UpdateStatus(object.clone()),
        Write::Update(unversioned(object.clone())),
    ];
    assert_eq!(
        store.commit(writes).await,
        Ok(vec![object.clone(), object.clone(), object])
    );
    assert_eq!(store.list(Kind::TaskRun, None).version, 1);
    assert_eq!(waiting(&mut watch), []);
}

pub(crate) async fn stale_writes_are_refused(open: Open) {
    let store = open();
    let old = create(&store, run("a", "", "")).await;
    write(&store, Write::UpdateStatus(run("a", "", "seen")))
        .await
        .expect("update status");
    let conflict = Error::Conflict {
        key: run_key("a"),
        given: "1".to_owned(),
        stored: "2".to_owned(),
    };
    for stale in [Write::Update(old.clone()), Write::UpdateStatus(old.clone())] {
        assert_eq!(write(&store, stale).await, Err(conflict.clone()));
    }
    assert_eq!(parts(&stored(&store, &run_key("a"))), ("", "seen"));
}

pub(crate) async fn a_deletion_can_ask_for_an_identity(open: Open) {
    let store = open();
    let delete = |uid: &str| Write::Delete {
        key: key("a"),
        uid: uid.to_owned(),
    };
    create(&store, config_map("default", "a", "1")).await;
    let other = write(&store, delete("uid-9")).await;
    assert!(matches!(other, Err(Error::Conflict { .. })), "{other:?}");
    let last = write(&store, delete("uid-0")).await.expect("delete");
    assert_eq!(version(&last), 2);
    assert_eq!(store.get(&key("a")), None);
    assert_eq!(write(&store, delete("")).await, Err(Error::NotFound(key("a"))));
    create(&store, config_map("default", "a", "1")).await;
    write(&store, delete("")).await.expect("delete whichever it is");
}

pub(crate) async fn what_is_held_goes_when_the_last_finalizer_does(open: Open) {
    let store = open();
    let held = |finalizers: &[&str]| {
        let mut object = config_map("default", "a", "1");
        object.metadata_mut().finalizers = finalizers.iter().map(|&name| name.to_owned()).collect();
        object
    };
    let delete = || Write::Delete {
        key: key("a"),
        uid: String::new(),
    };
    let mut watch = store.watch(&[Kind::ConfigMap], None, None).expect("watch");
    create(&store, held(&["example/a", "example/b"])).await;
    let marked = write(&store, delete()).await.expect("mark");
    assert_eq!(marked.metadata().generation, 2);
    assert_eq!(
        marked.metadata().deletion_timestamp,
        Some(Time::from_millis(NOW - NOW % 1000))
    );
    assert_eq!(
        write(&store, delete()).await,
        Ok(marked),
        "marking again changes nothing"
    );
    let more = write(&store, Write::Update(held(&["example/a", "example/c"]))).await;
    assert!(matches!(more, Err(Error::Invalid { .. })), "{more:?}");
    let fewer = write(&store, Write::Update(held(&["example/a"])))
        .await
        .expect("update");
    assert!(fewer.metadata().deletion_timestamp.is_some(), "a mark stays");
    let last = write(&store, Write::Update(held(&[]))).await.expect("update");
    assert_eq!(version(&last), 4);
    assert_eq!(store.get(&key("a")), None);
    assert_eq!(
        told(&waiting(&mut watch)),
        ["Added a", "Modified a", "Modified a", "Deleted a"]
    );
}

pub(crate) async fn a_commit_happens_only_if_what_it_asserts_holds(open: Open) {
    let store = open();
    create(&store, config_map("default", "a", "1")).await;
    let guarded = |version: &str| {
        vec![
            Write::Assert {
                key: key("a"),
                version: version.to_owned(),
            },
            Write::Create(config_map("default", "b", "1")),
        ]
    };
    let stale = store.commit(guarded("7")).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })), "{stale:?}");
    assert_eq!(store.get(&key("b")), None);
    store.commit(guarded("1")).await.expect("what it asserts holds");
    assert_eq!(
        version(&stored(&store, &key("a"))),
        1,
        "an assertion writes nothing"
    );
    assert_eq!(store.version(), 2);
}

pub(crate) async fn a_dry_run_answers_as_a_commit_and_changes_nothing(open: Open) {
    let store = open();
    create(&store, config_map("default", "a", "1")).await;
    let writes = || {
        vec![
            Write::Update(config_map("default", "a", "2")),
            Write::UpdateStatus(config_map("default", "a", "2")),
        ]
    };
    let before = store.list(Kind::ConfigMap, None);
    let tried = store.dry_run(writes()).expect("a dry run");
    let after = store.list(Kind::ConfigMap, None);
    assert_eq!((before.version, before.objects), (after.version, after.objects));
    assert_eq!(store.commit(writes()).await.expect("a commit"), tried);
    let again = vec![Write::Create(config_map("default", "a", "1"))];
    assert_eq!(
        store.dry_run(again.clone()).err(),
        store.commit(again).await.err()
    );
}

pub(crate) async fn large_data_leaves_the_past_sooner(open: Open) {
    let store = open();
    create(&store, config_map("default", "a", "")).await;
    for mark in 0..80 {
        let large = config_map("default", "a", &format!("{mark}{}", "x".repeat(1 << 20)));
        write(&store, Write::Update(large)).await.expect("write");
    }
    let resume = |from| store.watch(&[Kind::ConfigMap], None, Some(from)).err();
    assert_eq!(resume(store.version() - 1), None);
    assert_eq!(resume(1), Some(Error::Gone(1)));
}

pub(crate) async fn versions_grow_and_are_never_used_again(open: Open) {
    let store = open();
    let first = create(&store, config_map("default", "a", "1")).await;
    let gone = write(
        &store,
        Write::Delete {
            key: key("a"),
            uid: String::new(),
        },
    )
    .await
    .expect("delete");
    let refused = write(&store, Write::Update(config_map("default", "a", "1"))).await;
    assert!(refused.is_err(), "{refused:?}");
    let second = create(&store, config_map("default", "a", "1")).await;
    let third = create(&store, config_map("default", "b", "1")).await;
    assert_eq!([&first, &gone, &second, &third].map(version), [1, 2, 3, 4]);
    assert_ne!(first.metadata().uid, second.metadata().uid);
}

pub(crate) async fn a_commit_happens_whole_or_not_at_all(open: Open) {
    let store = open();
    create(&store, config_map("default", "a", "1")).await;
    let mut watch = store.watch(&[Kind::ConfigMap], None, Some(1)).expect("watch");
    let doomed = vec![
        Write::Create(config_map("default", "b", "1")),
        Write::Update(config_map("default", "a", "2")),
        Write::Delete {
            key: key("missing"),
            uid: String::new(),
        },
    ];
    assert_eq!(store.commit(doomed).await, Err(Error::NotFound(key("missing"))));
    assert_eq!(store.get(&key("b")), None);
    assert_eq!(store.list(Kind::ConfigMap, None).version, 1);
    assert_eq!(waiting(&mut watch), []);
    let good = vec![
        Write::Create(config_map("default", "b", "1")),
        Write::Update(config_map("default", "a", "2")),
    ];
    let objects = store.commit(good).await.expect("commit");
    assert_eq!(objects.iter().map(version).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(told(&waiting(&mut watch)), ["Added b", "Modified a"]);
}

pub(crate) async fn a_commit_sees_its_own_writes(open: Open) {
    let store = open();
    let delete = || Write::Delete {
        key: key("a"),
        uid: String::new(),
    };
    let writes = vec![
        Write::Create(config_map("default", "a", "1")),
        Write::Update(config_map("default", "a", "2")),
        delete(),
        Write::Create(config_map("default", "a", "3")),
    ];
    let objects = store.commit(writes).await.expect("commit");
    assert_eq!(objects.iter().map(version).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(stored(&store, &key("a")), objects[3]);
    let twice = vec![delete(), delete()];
    assert_eq!(store.commit(twice).await, Err(Error::NotFound(key("a"))));
    let twice = vec![
        Write::Create(config_map("default", "b", "1")),
        Write::Create(config_map("default", "b", "1")),
    ];
    assert_eq!(store.commit(twice).await, Err(Error::AlreadyExists(key("b"))));
}

pub(crate) async fn admission_defaults_and_refuses(open: Open) {
    let store = open();
    let object = create(&store, config_map("default", "a", "1")).await;
    assert!(object.metadata().labels.contains_key(ADMITTED));
    let refused = |mut object: windlass_api::Object| {
        object
            .metadata_mut()
            .labels
            .insert(REFUSED.to_owned(), String::new());
        object
    };
    let rows = [
        (
            Write::Create(refused(config_map("default", "b", "1"))),
            key("b"),
            "create refused",
        ),
        (Write::Update(refused(object.clone())), key("a"), "update refused"),
    ];
    for (attempt, key, message) in rows {
        let message = message.to_owned();
        assert_eq!(write(&store, attempt).await, Err(Error::Invalid { key, message }));
    }
    assert_eq!(stored(&store, &key("a")), object);
}

pub(crate) async fn a_fault_of_admission_costs_one_commit(open: Open) {
    let store = open();
    let mut tripping = config_map("default", "b", "1");
    let labels = &mut tripping.metadata_mut().labels;
    labels.insert(TRIPPING.to_owned(), String::new());
    let first = Write::Create(config_map("default", "a", "1"));
    let failed = store.commit(vec![first, Write::Create(tripping)]).await;
    assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
    assert_eq!((store.get(&key("a")), store.version()), (None, 0));
    let next = create(&store, config_map("default", "a", "1")).await;
    assert_eq!(version(&next), 1);
}

pub(crate) async fn a_list_is_sorted_and_of_one_namespace(open: Open) {
    let store = open();
    for (namespace, name) in [("b", "z"), ("b", "a"), ("a", "m"), ("ab", "c"), ("c", "b")] {
        create(&store, config_map(namespace, name, "1")).await;
    }
    create(&store, run("r", "", "")).await;
    let names = |namespace: Option<&str>| {
        let list = store.list(Kind::ConfigMap, namespace);
        assert_eq!(list.version, 6);
        let name = |object: &windlass_api::Object| {
            format!("{}/{}", object.metadata().namespace, object.metadata().name)
        };
        list.objects.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(None), "a/m ab/c b/a b/z c/b");
    assert_eq!(names(Some("b")), "b/a b/z");
    assert_eq!(names(Some("nobody")), "");
}

pub(crate) async fn a_watch_without_version_starts_with_what_exists(open: Open) {
    let store = open();
    for name in ["b", "a"] {
        create(&store, config_map("default", name, "1")).await;
    }
    write(&store, Write::Update(config_map("default", "a", "2")))
        .await
        .expect("update");
    let mut watch = store.watch(&[Kind::ConfigMap], None, None).expect("watch");
    create(&store, config_map("default", "c", "1")).await;
    write(
        &store,
        Write::Delete {
            key: key("b"),
            uid: String::new(),
        },
    )
    .await
    .expect("delete");
    let events = waiting(&mut watch);
    assert_eq!(told(&events), ["Added a", "Added b", "Added c", "Deleted b"]);
    assert_eq!(events.last().map(|event| version(&event.object)), Some(5));
    assert_eq!(events.last().map(|event| event.version), Some(5));
}

pub(crate) async fn a_watch_from_a_list_misses_nothing(open: Open) {
    let store = open();
    create(&store, config_map("default", "a", "1")).await;
    let list = store.list(Kind::ConfigMap, None);
    create(&store, config_map("default", "b", "1")).await;
    let mut watch = store
        .watch(&[Kind::ConfigMap], None, Some(list.version))
        .expect("watch");
    write(&store, Write::Update(config_map("default", "a", "2")))
        .await
        .expect("update");
    assert_eq!(told(&waiting(&mut watch)), ["Added b", "Modified a"]);
    let mut from_the_start = store.watch(&[Kind::ConfigMap], None, Some(0)).expect("watch");
    assert_eq!(
        told(&waiting(&mut from_the_start)),
        ["Added a", "Added b", "Modified a"]
    );
}

pub(crate) async fn a_watch_filters_by_kind_and_namespace(open: Open) {
    let store = open();
    let mut one = store.watch(&[Kind::ConfigMap], Some("a"), None).expect("watch");
    let mut all = store
        .watch(&[Kind::ConfigMap, Kind::TaskRun], None, None)
        .expect("watch");
    create(&store, config_map("a", "x", "1")).await;
    create(&store, config_map("b", "y", "1")).await;
    create(&store, run("r", "", "")).await;
    assert_eq!(told(&waiting(&mut one)), ["Added x"]);
    assert_eq!(told(&waiting(&mut all)), ["Added x", "Added y", "Added r"]);
    let mut late = store
        .watch(&[Kind::TaskRun], Some("default"), Some(0))
        .expect("watch");
    assert_eq!(told(&waiting(&mut late)), ["Added r"]);
}

pub(crate) async fn an_unknown_version_is_gone(open: Open) {
    let store = open();
    let gone = |from| store.watch(&[Kind::ConfigMap], None, Some(from)).err();
    assert_eq!(gone(0), None);
    assert_eq!(gone(1), Some(Error::Gone(1)));
    for at in 0..FLOOD {
        let object = config_map("default", "a", &at.to_string());
        let next = if at == 0 {
            Write::Create(object)
        } else {
            Write::Update(object)
        };
        write(&store, next).await.expect("write");
    }
    let now = FLOOD as u64;
    assert_eq!(gone(0), Some(Error::Gone(0)));
    assert_eq!(gone(1), Some(Error::Gone(1)));
    assert_eq!(gone(now - 1), None);
    assert_eq!(gone(now), None);
    assert_eq!(gone(now + 1), Some(Error::Gone(now + 1)));
}

pub(crate) async fn large_objects_leave_the_past_sooner(open: Open) {
    let store = open();
    let mut large = create(&store, run("r", "", "")).await;
    for attempt in 0..20 {
        // Ten thousand archived attempts are more than ten megabytes, and each write has its own.
        large = archived(large, 10_000, attempt);
        large = write(&store, Write::UpdateStatus(large)).await.expect("write");
    }
    let resume = |from| store.watch(&[Kind::TaskRun], None, Some(from)).err();
    assert_eq!(resume(version(&large) - 1), None);
    assert_eq!(resume(1), Some(Error::Gone(1)));
}

pub(crate) async fn a_slow_watcher_is_cut_off_and_harms_nobody(open: Open) {
    let store = open();
    let mut slow = store.watch(&[Kind::ConfigMap], None, None).expect("watch");
    let mut quick = store.watch(&[Kind::ConfigMap], None, None).expect("watch");
    let mut quick_saw = 0;
    for at in 0..FLOOD {
        let object = config_map("default", "a", &at.to_string());
        let next = if at == 0 {
            Write::Create(object)
        } else {
            Write::Update(object)
        };
        write(&store, next).await.expect("write");
        quick_saw += waiting(&mut quick).len();
    }
    assert_eq!(quick_saw, FLOOD);
    let mut last = 0;
    while let Some(event) = slow.next().await {
        assert_eq!(event.version, last + 1);
        last = event.version;
    }
    assert!(last < FLOOD as u64, "it was never cut off");
    let mut again = store.watch(&[Kind::ConfigMap], None, None).expect("watch");
    assert_eq!(again.try_next().map(|event| event.kind), Some(EventType::Added));
}

pub(crate) async fn concurrent_writers_lose_no_change(open: Open) {
    const WRITERS: usize = 8;
    const CHANGES: usize = 50;
    let store = open();
    create(&store, config_map("default", "a", "0")).await;
    let count = |object: &windlass_api::Object| match object {
        windlass_api::Object::ConfigMap(map) => map.data["value"].parse::<usize>().expect("a number"),
        other => unreachable!("{other:?}"),
    };
    let writers = (0..WRITERS).map(|_| {
        let store = store.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("runtime");
            for _ in 0..CHANGES {
                loop {
                    let old = stored(&store, &key("a"));
                    let mut next = config_map("default", "a", &(count(&old) + 1).to_string());
                    next.metadata_mut()
                        .resource_version
                        .clone_from(&old.metadata().resource_version);
                    match runtime.block_on(write(&store, Write::Update(next))) {
                        Ok(_) => break,
                        Err(Error::Conflict { .. }) => {}
                        Err(other) => unreachable!("{other}"),
                    }
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.join().expect("writer");
    }
    assert_eq!(count(&stored(&store, &key("a"))), WRITERS * CHANGES);
    assert_eq!(
        version(&stored(&store, &key("a"))),
        (WRITERS * CHANGES + 1) as u64
    );
}

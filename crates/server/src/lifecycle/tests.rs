use std::sync::Arc;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Resource as _;
use windlass_api::core::ConfigMap;
use windlass_api::meta::ObjectMeta;
use windlass_api::meta::OwnerReference;
use windlass_store::Event;
use windlass_store::EventType;

use super::dependents::Chore;
use super::dependents::Dependents;

fn map(name: &str, owners: &[(&str, bool)]) -> ConfigMap {
    let owners = owners.iter().map(|(uid, blocks)| OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: (*uid).to_owned(),
        uid: (*uid).to_owned(),
        controller: None,
        block_owner_deletion: Some(*blocks),
    });
    ConfigMap {
        metadata: ObjectMeta {
            name: name.to_owned(),
            namespace: "default".to_owned(),
            uid: name.to_owned(),
            owner_references: owners.collect(),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

fn event(kind: EventType, map: ConfigMap) -> Event {
    let object: Object = Arc::new(map).into_object();
    Event {
        kind,
        object,
        version: 1,
    }
}

fn key(name: &str) -> Key {
    Key::new(Kind::ConfigMap, "default", name)
}

fn delete(name: &str) -> Chore {
    Chore::Delete {
        key: key(name),
        uid: name.to_owned(),
    }
}

fn ending(name: &str, finalizer: &str) -> ConfigMap {
    let mut map = map(name, &[]);
    map.metadata.finalizers.push(finalizer.to_owned());
    map.metadata.deletion_timestamp = Some(windlass_api::Time::from_millis(1));
    map
}

#[test]
fn what_is_owned_goes_when_its_last_owner_is_gone() {
    let mut all = Dependents::default();
    for owner in ["a", "b"] {
        assert_eq!(all.note(&event(EventType::Added, map(owner, &[]))), []);
    }
    assert_eq!(
        all.note(&event(
            EventType::Added,
            map("child", &[("a", false), ("b", false)])
        )),
        []
    );
    assert_eq!(all.note(&event(EventType::Deleted, map("a", &[]))), []);
    assert_eq!(
        all.note(&event(EventType::Deleted, map("b", &[]))),
        [delete("child")]
    );
}

#[test]
fn what_comes_after_its_owner_is_gone_goes_at_once() {
    let mut all = Dependents::default();
    assert_eq!(
        all.note(&event(EventType::Added, map("child", &[("never", false)]))),
        [delete("child")]
    );
    let mut foreign = map("other", &[("x", false)]);
    foreign.metadata.owner_references[0].api_version = "elsewhere.example/v1".to_owned();
    assert_eq!(
        all.note(&event(EventType::Added, foreign)),
        [],
        "its owner is not seen here"
    );
}

#[test]
fn an_owner_in_the_foreground_waits_for_those_that_block_it() {
    let mut all = Dependents::default();
    all.note(&event(EventType::Added, map("a", &[])));
    all.note(&event(EventType::Added, map("one", &[("a", true)])));
    all.note(&event(EventType::Added, map("two", &[("a", false)])));
    let chores = all.note(&event(EventType::Modified, ending("a", "foregroundDeletion")));
    assert_eq!(chores, [delete("one"), delete("two")]);
    assert!(all.still(&chores[0]));
    let release = Chore::Release {
        key: key("a"),
        finalizer: "foregroundDeletion",
    };
    assert_eq!(
        all.note(&event(EventType::Deleted, map("one", &[("a", true)]))),
        [release]
    );
}

#[test]
fn orphans_are_left_alone() {
    let mut all = Dependents::default();
    all.note(&event(EventType::Added, map("a", &[])));
    all.note(&event(EventType::Added, map("child", &[("a", false)])));
    let disown = Chore::Disown {
        key: key("child"),
        owner: "a".to_owned(),
    };
    assert_eq!(
        all.note(&event(EventType::Modified, ending("a", "orphan"))),
        [disown]
    );
    assert_eq!(all.note(&event(EventType::Modified, map("child", &[]))), []);
    let release = Chore::Release {
        key: key("a"),
        finalizer: "orphan",
    };
    assert_eq!(
        all.note(&event(EventType::Modified, ending("a", "orphan"))),
        [release]
    );
}

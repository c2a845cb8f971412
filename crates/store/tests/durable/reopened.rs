//! A store that is opened again shows what it showed.

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::object::Custom;
use windlass_api::object::CustomKind;
use windlass_api::object::Scope;
use windlass_store::Error;
use windlass_store::Write;

use crate::stores::config_map;
use crate::stores::key;
use crate::stores::open;
use crate::stores::version;

#[tokio::test]
async fn what_was_acknowledged_is_shown_and_versions_go_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.db");
    let store = open(&path);
    let writes = ["a", "b", "c"].map(|name| Write::Create(config_map(name, "1")));
    store.commit(writes.into()).await.expect("create");
    let delete = Write::Delete {
        key: key("c"),
        uid: String::new(),
    };
    store
        .commit(vec![Write::Update(config_map("b", "2")), delete])
        .await
        .expect("write");
    let shown = store.list(Kind::ConfigMap, None);
    drop(store);
    let store = open(&path);
    let again = store.list(Kind::ConfigMap, None);
    assert_eq!((again.version, again.objects), (5, shown.objects));
    let watch = |from| store.watch(&[Kind::ConfigMap], None, Some(from));
    assert_eq!(watch(4).err(), Some(Error::Gone(4)), "the past is not kept");
    assert!(watch(5).is_ok());
    let next = store
        .commit(vec![Write::Create(config_map("d", "1"))])
        .await
        .expect("create");
    assert_eq!(version(&next[0]), 6);
}

#[tokio::test]
async fn objects_of_kinds_that_users_defined_are_shown_and_watched() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.db");
    let kind = CustomKind::intern("durable.example", "v1", "Crate", "crates", Scope::Namespaced);
    let kind = kind.expect("room for a kind");
    let json = serde_json::json!({
        "apiVersion": "durable.example/v1",
        "kind": "Crate",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"size": 3},
    });
    let object = Custom::from_json(kind, json).expect("an object");
    let store = open(&path);
    let create = vec![Write::Create(Object::Custom(object.into()))];
    let created = store.commit(create).await.expect("create");
    drop(store);
    let store = open(&path);
    assert_eq!(store.list(Kind::Custom(kind), None).objects, created);
    let mut watch = store
        .watch(&[Kind::Custom(kind)], Some("default"), None)
        .expect("watch");
    assert_eq!(
        watch.try_next().map(|event| event.object).as_ref(),
        created.first()
    );
}

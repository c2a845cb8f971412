use std::collections::BTreeMap;

use windlass_api::core::ConfigMap;
use windlass_api::meta::ObjectMeta;
use windlass_api::tekton::TaskRun;
use windlass_runtime::ManualClock;
use windlass_runtime::SeededIds;
use windlass_store::logs::SegmentId;

use super::*;
use crate::Webhooks;

struct Place {
    client: LocalClient,
    logs: Logs,
    _directory: tempfile::TempDir,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let stamp = StampFrom {
        clock: Arc::new(ManualClock::new(Time::from_millis(1_700_000_000_000))),
        ids: Arc::new(SeededIds::default()),
    };
    let logs = Logs::new(directory.path().to_owned());
    let store = Store::new(Box::new(Webhooks::default()), Box::new(stamp));
    Place {
        client: LocalClient::new(store, logs.clone()),
        logs,
        _directory: directory,
    }
}

fn map(name: &str, value: &str) -> Object {
    Object::ConfigMap(Arc::new(ConfigMap {
        metadata: ObjectMeta {
            name: name.into(),
            namespace: "default".into(),
            ..ObjectMeta::default()
        },
        data: BTreeMap::from([("value".into(), value.into())]),
        ..ConfigMap::default()
    }))
}

fn key(name: &str) -> Key {
    Key::new(Kind::ConfigMap, "default", name)
}

#[tokio::test]
async fn refusals_keep_their_kind_and_say_what_to_do() {
    let Place { client, .. } = place();
    let first = client.create(map("a", "1")).await.unwrap();
    client.update(map("a", "2")).await.unwrap();
    let rows = [
        (
            client.create(map("a", "1")).await.unwrap_err(),
            Error::AlreadyExists("failed to create ConfigMap default/a: it exists already".into()),
        ),
        (
            client.update(first).await.unwrap_err(),
            Error::Conflict(
                "failed to update ConfigMap default/a: it was changed (version 2, not 1); read it again and repeat the \
                 change"
                    .into(),
            ),
        ),
        (
            client.update(map("b", "1")).await.unwrap_err(),
            Error::NotFound("failed to find ConfigMap default/b".into()),
        ),
        (
            client.delete(&key("b"), "").await.unwrap_err(),
            Error::NotFound("failed to find ConfigMap default/b".into()),
        ),
        (
            client.watch(&[Kind::ConfigMap], None, Some(99)).await.err().unwrap(),
            Error::Gone(
                "failed to watch from version 99: it is not known here; list again and watch from the version of that \
                 list"
                    .into(),
            ),
        ),
    ];
    for (error, expected) in rows {
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn admission_defaults_what_is_sound_and_refuses_the_rest() {
    let Place { client, .. } = place();
    let read = |yaml: &str| {
        let manifest = windlass_api::manifest::Manifest::read("run", yaml.as_bytes());
        assert!(!manifest.has_errors(), "{:?}", manifest.problems);
        let mut object = manifest.entries.into_iter().next().unwrap().object;
        "default".clone_into(&mut object.metadata_mut().namespace);
        object
    };
    let sound = read(
        "{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: r}, spec: {taskSpec: {steps: [{image: i}]}}}",
    );
    let created = client.create(sound).await.unwrap();
    let run = created.get::<TaskRun>().unwrap();
    assert_eq!(run.spec.service_account_name, "default");
    assert_eq!(
        run.spec.timeout.map(|timeout| timeout.to_string()).as_deref(),
        Some("1h0m0s")
    );
    let broken = read("{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: q}, spec: {}}");
    assert_eq!(
        client.create(broken).await.unwrap_err(),
        Error::Invalid(
            "validation failed: expected exactly one, got neither: spec.taskRef, spec.taskSpec".into()
        )
    );
}

#[tokio::test]
async fn watches_and_lists_agree() {
    let Place { client, .. } = place();
    client.create(map("a", "1")).await.unwrap();
    let list = client.list(Kind::ConfigMap, Some("default")).await.unwrap();
    let mut watch = client
        .watch(&[Kind::ConfigMap], None, Some(list.version))
        .await
        .unwrap();
    client.update(map("a", "2")).await.unwrap();
    client.delete(&key("a"), "").await.unwrap();
    let first = watch.next().await.unwrap();
    let second = watch.next().await.unwrap();
    assert_eq!(first.kind, client::EventType::Modified);
    assert_eq!(second.kind, client::EventType::Deleted);
    assert_eq!(client.get(&key("a")).await, Ok(None));
    assert!(
        client
            .list(Kind::ConfigMap, None)
            .await
            .unwrap()
            .objects
            .is_empty()
    );
}

#[tokio::test]
async fn logs_come_as_they_were_selected() {
    let Place { client, logs, .. } = place();
    for (pod, text) in [("p", "one"), ("q", "two")] {
        let id = SegmentId {
            namespace: "default".into(),
            pod: pod.into(),
            container: "step-a".into(),
        };
        logs.append(&id, Time::from_millis(0), text.as_bytes()).unwrap();
        logs.close(&id).unwrap();
    }
    let query = LogQuery {
        pod: "q".into(),
        ..LogQuery::default()
    };
    let mut stream = client.logs(query).await.unwrap();
    let chunk = stream.next().await.unwrap();
    assert_eq!(
        (&*chunk.pod, &*chunk.container, &chunk.bytes[..]),
        ("q", "step-a", &b"two"[..])
    );
    assert!(stream.next().await.unwrap().bytes.is_empty());
    assert_eq!(stream.next().await, None);
}

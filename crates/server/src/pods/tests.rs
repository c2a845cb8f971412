use std::collections::HashMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use insta::assert_snapshot;
use serde_json::json;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::tekton::TaskRun;
use windlass_store::Logs;
use windlass_store::logs::SegmentId;

use super::log;
use super::log::Options;
use super::of_run;

fn run() -> Arc<TaskRun> {
    let step = |name: &str, state: serde_json::Value| {
        let mut step =
            json!({"name": name, "container": format!("step-{name}"), "imageID": "alpine@sha256:1"});
        step.as_object_mut()
            .unwrap()
            .extend(state.as_object().unwrap().clone());
        step
    };
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
    let running = json!({"running": {"startedAt": "2026-01-01T00:00:02Z"}});
    let object = Object::of_kind(
        Kind::TaskRun,
        json!({
            "metadata": {"name": "build", "namespace": "default", "uid": "01234567-89ab-4cde-8f01-23456789abcd",
                "resourceVersion": "7", "labels": {"app": "x"}, "annotations": {"a": "b"}},
            "spec": {"serviceAccountName": "default"},
            "status": {
                "podName": "build-pod-retry1", "startTime": "2026-01-01T00:00:01Z",
                "conditions": [{"type": "Succeeded", "status": "Unknown", "reason": "Running"}],
                "steps": [step("one", running), step("two", json!({}))],
                "taskSpec": {"steps": [
                    {"name": "one", "image": "alpine", "command": ["sh"], "args": ["-c", "true"], "workingDir": "/w",
                        "env": [{"name": "PASSWORD", "value": "hidden"}]},
                    {"name": "two", "image": "alpine"},
                ]},
                "retriesStatus": [{
                    "podName": "build-pod", "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z",
                    "conditions": [{"type": "Succeeded", "status": "False"}], "steps": [step("one", ended)],
                }],
            },
        }),
    );
    Arc::clone(object.unwrap().get::<TaskRun>().unwrap())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a whole pod")]
fn every_attempt_is_a_pod() {
    let pods = of_run(&run());
    let names: Vec<_> = pods
        .iter()
        .map(|pod| (pod.name.as_str(), pod.containers.join(" ")))
        .collect();
    assert_eq!(
        names,
        [
            ("build-pod", "step-one".to_owned()),
            ("build-pod-retry1", "step-one step-two".to_owned())
        ]
    );
    assert_eq!(pods[0].json["status"]["phase"], "Failed");
    assert_snapshot!(serde_json::to_string_pretty(&pods[1].json).unwrap(), @r#"
    {
      "apiVersion": "v1",
      "kind": "Pod",
      "metadata": {
        "name": "build-pod-retry1",
        "namespace": "default",
        "uid": "01234567-89ab-5cde-8f01-234567890001",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:01Z",
        "labels": {
          "app": "x",
          "tekton.dev/taskRun": "build",
          "tekton.dev/taskRunUID": "01234567-89ab-4cde-8f01-23456789abcd"
        },
        "annotations": {
          "a": "b"
        },
        "ownerReferences": [
          {
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "name": "build",
            "uid": "01234567-89ab-4cde-8f01-23456789abcd",
            "controller": true,
            "blockOwnerDeletion": true
          }
        ]
      },
      "spec": {
        "containers": [
          {
            "name": "step-one",
            "image": "alpine",
            "command": [
              "sh"
            ],
            "args": [
              "-c",
              "true"
            ],
            "workingDir": "/w"
          },
          {
            "name": "step-two",
            "image": "alpine"
          }
        ],
        "restartPolicy": "Never",
        "serviceAccountName": "default"
      },
      "status": {
        "phase": "Running",
        "startTime": "2026-01-01T00:00:01Z",
        "conditions": [
          {
            "type": "PodScheduled",
            "status": "True",
            "lastTransitionTime": "2026-01-01T00:00:01Z"
          },
          {
            "type": "Initialized",
            "status": "True",
            "lastTransitionTime": "2026-01-01T00:00:01Z"
          },
          {
            "type": "ContainersReady",
            "status": "True",
            "lastTransitionTime": "2026-01-01T00:00:01Z"
          },
          {
            "type": "Ready",
            "status": "True",
            "lastTransitionTime": "2026-01-01T00:00:01Z"
          }
        ],
        "containerStatuses": [
          {
            "name": "step-one",
            "state": {
              "running": {
                "startedAt": "2026-01-01T00:00:02Z"
              }
            },
            "ready": true,
            "started": true,
            "restartCount": 0,
            "image": "alpine",
            "imageID": "alpine@sha256:1"
          },
          {
            "name": "step-two",
            "state": {
              "waiting": {
                "reason": "PodInitializing"
              }
            },
            "ready": false,
            "started": false,
            "restartCount": 0,
            "image": "alpine",
            "imageID": "alpine@sha256:1"
          }
        ]
      }
    }
    "#);
}

#[test]
fn variables_of_steps_are_not_shown() {
    let all = format!("{:?}", of_run(&run()));
    assert!(!all.contains("hidden"), "{all}");
}

async fn printed(query: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::open(directory.path().to_owned());
    let id = SegmentId {
        namespace: "default".into(),
        pod: "p".into(),
        container: "step-a".into(),
    };
    for (second, text) in [(1, "one\ntw"), (2, "o\n"), (5, "three\nfour")] {
        logs.append(&id, Time::from_millis(second * 1_000), text.as_bytes())
            .unwrap();
    }
    logs.close(&id).unwrap();
    let query: HashMap<_, _> = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let options = match Options::of_query(&query) {
        Ok(options) => options,
        Err(error) => return error.to_string(),
    };
    let stream = log::read(&logs, &id, &options, Time::from_millis(6_000)).unwrap();
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    String::from_utf8(pieces.concat()).unwrap()
}

#[tokio::test]
async fn a_log_is_given_whole_or_in_part() {
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[], "one\ntwo\nthree\nfour"),
        (&[("follow", "true")], "one\ntwo\nthree\nfour"),
        (&[("tailLines", "2")], "three\nfour"),
        (&[("tailLines", "0")], ""),
        (&[("tailLines", "99")], "one\ntwo\nthree\nfour"),
        (&[("limitBytes", "5")], "one\nt"),
        (&[("limitBytes", "0")], ""),
        (&[("sinceSeconds", "2")], "three\nfour"),
        (&[("sinceTime", "1970-01-01T00:00:02Z")], "o\nthree\nfour"),
        (
            &[("timestamps", "true"), ("tailLines", "3")],
            "1970-01-01T00:00:01Z two\n1970-01-01T00:00:05Z three\n1970-01-01T00:00:05Z four",
        ),
        (&[("tailLines", "-1")], "read tailLines=\"-1\": a number from 0"),
        (&[("follow", "maybe")], "read follow=\"maybe\": true or false"),
    ];
    for (query, expected) in rows {
        assert_eq!(printed(query).await, *expected, "{query:?}");
    }
}

use std::path::Path;
use std::path::PathBuf;

use super::*;
use crate::defaults::Defaults;
use crate::object::Kind;
use crate::object::Object;
use crate::problem::FieldPath;
use crate::validation::Flags;

fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::read("ci.yaml", text.as_bytes());
    manifest.check(&Defaults::default(), &Flags::permissive());
    manifest
}

fn problems(text: &str) -> String {
    let lines: Vec<String> = read(text).problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn documents_lists_and_old_versions_are_read() {
    let manifest = read(
        r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
# nothing here
---
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: old}
spec: {steps: [{image: busybox, resources: {limits: {cpu: 1}}, script: "true"}]}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {a: b}}
  - apiVersion: tekton.dev/v1
    kind: TaskList
    items:
      - metadata: {name: listed}
        spec: {steps: [{image: busybox}]}
---
apiVersion: tekton.dev/v1alpha1
kind: StepAction
metadata: {name: action}
spec: {image: busybox}
"#,
    );
    assert_eq!(manifest.problems, []);
    let read: Vec<(Kind, &str, usize, &str)> = manifest
        .entries
        .iter()
        .map(|entry| {
            (
                entry.object.kind(),
                entry.object.metadata().name.as_str(),
                entry.document,
                entry.api_version.as_str(),
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            (Kind::ConfigMap, "settings", 0, "v1"),
            (Kind::Task, "old", 1, "tekton.dev/v1beta1"),
            (Kind::Secret, "token", 2, "v1"),
            (Kind::Task, "listed", 2, "tekton.dev/v1"),
            (Kind::StepAction, "action", 3, "tekton.dev/v1alpha1"),
        ]
    );
    let Object::Task(task) = &manifest.entries[1].object else {
        panic!("no task")
    };
    assert_eq!(task.spec.steps[0].compute_resources.limits["cpu"].as_str(), "1");
}

#[test]
fn every_problem_has_its_place() {
    insta::assert_snapshot!(problems(r"
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: Broken
spec:
  tasks:
    - name: build
      taskRef: {name: build}
      runAfter: [tests]
    - name: test
      taskSpec:
        steps:
          - image: busybox
            onError: perhaps
            script: echo $(params.nam)
        params:
          - name: name
"), @r#"
    ci.yaml:5:9: metadata.name: invalid resource name "Broken": must be a valid DNS label
      hint: a name has lower case letters, digits, '-' and '.', and starts and ends with a letter or digit
    ci.yaml:15:22: spec.tasks[1].taskSpec.steps[0].onError: invalid value: "perhaps"
      hint: Task step onError must be either "continue" or "stopAndFail"
    ci.yaml:10:7: spec.tasks[0].runAfter: invalid value: couldn't add link between build and tests: task build depends on tests but tests wasn't present in Pipeline
      hint: did you mean "test"?
    ci.yaml:16:21: spec.tasks[1].taskSpec.steps[0].script: non-existent variable in "echo $(params.nam)"
      hint: nothing declares $(params.nam); did you mean $(params.name)?
    "#);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_kept() {
    let text = r"
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: good}
spec: {steps: [{image: busybox}]}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: bad}
spec: {stepz: []}
---
apiVersion: tekton.dev/v2
kind: Task
---
kind: Pipelin
apiVersion: tekton.dev/v1
---
kind: PipelineRun
---
- a list
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
---
apiVersion: v1
kind: List
items:
  - {apiVersion: tekton.dev/v1, kind: ClusterTask}
";
    assert_eq!(read(text).entries.len(), 1);
    insta::assert_snapshot!(problems(text), @r#"
    ci.yaml:10:8: spec.stepz: unknown field "stepz"
      hint: did you mean "steps"?
    ci.yaml:12:13: apiVersion: no kind "Task" in apiVersion "tekton.dev/v2"
      hint: use apiVersion tekton.dev/v1
    ci.yaml:15:7: kind: unknown kind "Pipelin" of apiVersion "tekton.dev/v1"
      hint: did you mean "Pipeline"?
    ci.yaml:18:1: apiVersion: missing field(s)
      hint: PipelineRun is "tekton.dev/v1"
    ci.yaml:20:1: expected an object, got a list
    ci.yaml:23:7: warning: kind: RoleBinding (rbac.authorization.k8s.io/v1) is ignored
      hint: it has no effect on runs without a cluster
    ci.yaml:28:39: items[0].kind: unknown kind "ClusterTask" of apiVersion "tekton.dev/v1"
      hint: cluster tasks are gone from Tekton; make it a Task
    "#);
}

#[test]
fn no_text_is_no_objects_and_bad_yaml_is_a_problem() {
    assert_eq!(read("").entries.len() + read("").problems.len(), 0);
    assert_eq!(read("---\n---\n").problems, []);
    let broken = read("a: [");
    assert!(broken.has_errors() && broken.problems[0].file.as_deref() == Some("ci.yaml"));
}

#[test]
fn one_object_is_read_from_json() {
    let task = serde_json::json!({"apiVersion": "tekton.dev/v1beta1", "kind": "Task", "spec": {"steps": []}});
    assert_eq!(Object::from_json(task).unwrap().kind(), Kind::Task);
    let unknown = Object::from_json(serde_json::json!({"apiVersion": "v1", "kind": "Node"})).unwrap_err();
    assert_eq!(unknown[0].code, "unknown-kind");
    assert!(Object::from_json(serde_json::json!({"apiVersion": "v1", "kind": "List", "items": []})).is_err());
    assert!(Object::from_json(serde_json::json!(3)).is_err());
}

#[test]
fn a_field_that_is_not_there_stands_where_it_should_be() {
    let manifest = read("apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: t\nspec:\n  params: []\n");
    let problem = &manifest.problems[0];
    assert_eq!(
        (problem.path.to_string(), problem.position.unwrap().line),
        ("spec.steps".to_owned(), 5)
    );
    let path = FieldPath::root().field("metadata").field("name");
    assert_eq!(manifest.entries[0].position(&path).to_string(), "4:9");
}

/// The folder of upstream's example files, if it is on this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "looks for the corpus, which is not part of the crate"
)]
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("WINDLASS_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    folder.join("tekton/examples").canonicalize().ok()
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            found.push(path);
        }
    }
}

/// Examples that are refused, and why.
const REFUSED: &[(&str, &str)] = &[(
    "v1/pipelineruns/no-ci/compressed-results-pipeline.yaml",
    "its script refers to the result `digest-${i}`, which upstream's webhook refuses as well",
)];

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "reads the corpus, which is not part of the crate"
)]
fn every_upstream_example_is_read_checked_and_written_back() {
    let Some(corpus) = corpus() else {
        assert!(std::env::var_os("CI").is_none(), "the corpus is missing");
        eprintln!("skipped: the corpus of upstream's examples is not here");
        return;
    };
    let mut files = Vec::new();
    yaml_files(&corpus, &mut files);
    let mut wrong = Vec::new();
    let mut objects = 0;
    for file in &files {
        let name = file.strip_prefix(&corpus).unwrap().display().to_string();
        let mut manifest = Manifest::read(&name, &std::fs::read(file).unwrap());
        manifest.check(&Defaults::default(), &Flags::permissive());
        objects += manifest.entries.len();
        let errors = manifest.problems.iter().filter(|problem| problem.is_error());
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            assert!(!errors.is_empty(), "{name} is no exception any more: {reason}");
        } else {
            wrong.extend(errors);
        }
        for entry in &manifest.entries {
            match Object::from_json(entry.object.to_json()) {
                Ok(again) => assert_eq!(again, entry.object, "{name}"),
                Err(problems) => panic!("{name}: {problems:?}"),
            }
        }
    }
    assert!(objects > 100, "only {objects} objects in {}", corpus.display());
    assert!(
        wrong.is_empty(),
        "{} of {} files:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}

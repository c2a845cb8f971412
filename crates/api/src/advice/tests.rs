use crate::defaults::Defaults;
use crate::manifest::Manifest;
use crate::validation::Flags;

fn advice(text: &str) -> String {
    let mut manifest = Manifest::read("ci.yaml", text.as_bytes());
    manifest.check(&Defaults::default(), &Flags::permissive());
    assert_eq!(manifest.problems, []);
    manifest.advise();
    manifest
        .problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn params_are_used_in_any_spelling() {
    let task = |param: &str, script: &str| {
        format!(
            "{{apiVersion: tekton.dev/v1, kind: Task, metadata: {{name: t}}, spec: {{params: [{{name: {param}}}], \
             steps: [{{image: i, script: '{script}'}}]}}}}"
        )
    };
    let rows = [
        ("p", "$(params.p)", true),
        ("p", "$(params[\"p\"])", true),
        ("p", "$(inputs.params.p)", true),
        ("a.b", "$(params[\"a.b\"])", true),
        ("p", "$(params.q) $p", false),
    ];
    for (param, script, used) in rows {
        let mut text = task(param, script);
        if script.contains("params.q") {
            text = text.replace("params: [", "params: [{name: q}, ");
        }
        assert_eq!(
            advice(&text).is_empty(),
            used,
            "{param} {script}: {}",
            advice(&text)
        );
    }
}

#[test]
fn pipelines_get_advice_with_its_place() {
    insta::assert_snapshot!(advice(r"
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  params:
    - name: unused
    - name: url
  tasks:
    - name: build
      taskSpec:
        results: [{name: digest}]
        steps: [{image: i, script: $(params.url)}]
    - name: deploy
      taskRef: {name: deploy, apiVersion: tekton.dev/v1}
      params:
        - {name: digest, value: $(tasks.build.results.digset)}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec: {tasks: [{name: a, taskRef: {name: t}}]}
"), @r#"
    ci.yaml:7:13: warning: spec.params[0].name: parameter "unused" is not used
    ci.yaml:14:7: warning: spec.tasks[1]: task "build" has no result "digset"
      hint: did you mean "digest"?
    ci.yaml:15:43: warning: spec.tasks[1].taskRef.apiVersion: a reference with an apiVersion is a custom task, which nothing carries out
      hint: leave apiVersion out to refer to a Task
    ci.yaml:21:18: warning: metadata.name: Pipeline "p" is given more than once
      hint: it stands at ci.yaml:4:18 too
    "#);
}

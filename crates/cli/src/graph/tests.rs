use insta::assert_snapshot;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::TaskSpec;

use super::Graph;
use super::dot;
use super::mermaid;
use super::svg;
use super::text;
use crate::terminal::Style;

const PIPELINE: &str = "\
tasks:
  - {name: fetch, retries: 3}
  - {name: lint, runAfter: [fetch], onError: continue}
  - name: build
    params: [{name: commit, value: $(tasks.fetch.results.commit)}]
    matrix:
      params: [{name: os, value: [linux, bsd]}, {name: arch, value: '$(params.archs[*])'}]
      include: [{name: extra}]
  - name: deploy
    runAfter: [lint]
    timeout: 5m
    when:
      - {input: $(tasks.build.results.digest), operator: notin, values: ['', none]}
      - {cel: \"'$(params.a)' < 'b'\"}
  - {name: docs, pipelineSpec: {}}
finally:
  - {name: report, params: [{name: d, value: $(tasks.build.results.digest)}]}
  - {name: clean}
";

fn graph() -> Graph {
    let value = windlass_api::yaml::load(PIPELINE.as_bytes())
        .unwrap()
        .remove(0)
        .value;
    let spec: PipelineSpec = serde_json::from_value(value).unwrap();
    Graph::of_pipeline("Pipeline ship".to_owned(), &spec)
}

#[test]
fn text_goes_layer_by_layer() {
    assert_snapshot!(text(&graph(), Style::default()), @r#"
    Pipeline ship
      ┬─ fetch   [retries 3]
      └─ docs    [pipeline]
      │
      ┬─ lint    ← fetch  [may fail]
      └─ build   ← fetch.commit  [matrix os×2 arch×$(params.archs[*]) include 1]
      │
      ── deploy  ← lint, build.digest  [when $(tasks.build.results.digest) notin ["", none]]  [when '$(params.a)' < 'b']  [timeout 5m0s]
      ┆
      finally
      ┬─ report  ← build.digest
      └─ clean
    "#);
}

#[test]
fn mermaid_and_dot_mark_what_is_special() {
    assert_snapshot!(mermaid(&graph()), @r#"
    ---
    title: "Pipeline ship"
    ---
    flowchart LR
      t0["fetch<br/>retries 3"]
      t1["lint<br/>may fail"]
      t2[["build<br/>matrix os×2 arch×$(params.archs[*]) include 1"]]
      t3{{"deploy<br/>when $(tasks.build.results.digest) notin [#quot;#quot;, none]<br/>when '$(params.a)' #lt; 'b'<br/>timeout 5m0s"}}
      t4["docs<br/>pipeline"]
      t0 --> t1
      t0 --> t2
      t1 --> t3
      t2 --> t3
      subgraph finally
        f0["report"]
        f1["clean"]
      end
      t3 -.-> finally
      t4 -.-> finally
    "#);
    assert_snapshot!(dot(&graph()), @r#"
    digraph "Pipeline ship" {
      rankdir=LR;
      compound=true;
      node [shape=box, style=rounded, fontname="sans-serif"];
      t0 [label="fetch\nretries 3"];
      t1 [label="lint\nmay fail"];
      t2 [label="build\nmatrix os×2 arch×$(params.archs[*]) include 1", peripheries=2];
      t3 [label="deploy\nwhen $(tasks.build.results.digest) notin [\"\", none]\nwhen '$(params.a)' < 'b'\ntimeout 5m0s", style="rounded,dashed"];
      t4 [label="docs\npipeline"];
      t0 -> t1;
      t0 -> t2;
      t1 -> t3;
      t2 -> t3;
      subgraph cluster_finally {
        label="finally";
        style=dashed;
        f0 [label="report"];
        f1 [label="clean"];
      }
      t3 -> f0 [lhead=cluster_finally, style=dashed];
      t4 -> f0 [lhead=cluster_finally, style=dashed];
    }
    "#);
}

#[test]
fn svg_draws_every_node_and_edge_once() {
    let picture = svg(&graph());
    let count = |what: &str| picture.matches(what).count();
    // A matrix is two boxes, `finally` has a frame.
    assert_eq!(
        (count("<rect"), count("<path"), count("class=\"group\"")),
        (7 + 1 + 1, 4, 1)
    );
    assert!(picture.contains("&lt; 'b'"), "texts are escaped");
    assert_snapshot!(picture.lines().next().unwrap(), @r#"
    <svg xmlns="http://www.w3.org/2000/svg" width="1031" height="214" viewBox="0 0 1031 214">
    "#);
}

#[test]
fn steps_of_a_task_are_a_chain() {
    let value = windlass_api::yaml::load(
        b"steps: [{name: a}, {image: b, onError: continue}, {name: c, timeout: 5s}]",
    );
    let spec: TaskSpec = serde_json::from_value(value.unwrap().remove(0).value).unwrap();
    assert_snapshot!(text(&Graph::of_task("Task t".to_owned(), &spec), Style::default()), @r#"
    Task t
      ── a
      │
      ── unnamed-1  ← a  [may fail]
      │
      ── c          ← unnamed-1  [timeout 5s]
    "#);
}

#[test]
fn layers_of_a_large_graph_are_found_in_linear_time() {
    let tasks = (0..20_000).map(|number| windlass_api::tekton::PipelineTask {
        name: format!("t{number}"),
        run_after: if number < 10 {
            Vec::new()
        } else {
            vec![format!("t{}", number - 10)]
        },
        ..windlass_api::tekton::PipelineTask::default()
    });
    let spec = PipelineSpec {
        tasks: tasks.collect(),
        ..PipelineSpec::default()
    };
    let graph = Graph::of_pipeline(String::new(), &spec);
    assert_eq!((graph.layers.len(), graph.layers[0].len()), (2_000, 10));
}

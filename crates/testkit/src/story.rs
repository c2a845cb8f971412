//! How a run went, in a few lines that a person can check.

use std::fmt::Write as _;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use windlass_api::Key;
use windlass_api::Kind;

use crate::plane::Plane;

/// Tells how a run stands: its condition, then steps, sidecars, results and attempts of a `TaskRun`, or children, skipped
/// tasks and results of a `PipelineRun`, each child with its own story.
pub async fn tell(plane: &Plane, key: &Key) -> String {
    let mut story = Story {
        plane,
        text: String::new(),
    };
    story.run(key, "", 0).await;
    story.text
}

/// Tells every condition that a run had, in order.
pub fn history(plane: &Plane, key: &Key) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for object in plane.versions(key) {
        let now = condition(&object.to_json()["status"]);
        if now != last {
            let _ = writeln!(text, "{now}");
            last = now;
        }
    }
    text
}

struct Story<'p> {
    plane: &'p Plane,
    text: String,
}

impl Story<'_> {
    /// The story of one run; boxed because a pipeline holds runs.
    fn run<'a>(&'a mut self, key: &'a Key, remark: &'a str, depth: usize) -> BoxFuture<'a, ()> {
        async move {
            let found = self
                .plane
                .client()
                .get(key)
                .await
                .expect("a plane in memory answers");
            let name = format!("{} {}{remark}", key.kind, key.name);
            let Some(object) = found else {
                self.line(depth, &format!("{name}: gone"));
                return;
            };
            let object = object.to_json();
            let status = &object["status"];
            self.line(depth, &format!("{name}: {}", condition(status)));
            match key.kind {
                Kind::TaskRun => self.task_run(status, depth + 1),
                Kind::PipelineRun => self.pipeline_run(key, status, depth + 1).await,
                _ => self.results(status, depth + 1),
            }
        }
        .boxed()
    }

    fn task_run(&mut self, status: &Value, depth: usize) {
        for attempt in items(&status["retriesStatus"]) {
            self.line(
                depth,
                &format!("attempt in {}: {}", text(&attempt["podName"]), condition(attempt)),
            );
            self.containers(attempt, depth + 1);
        }
        self.containers(status, depth);
        self.results(status, depth);
    }

    fn containers(&mut self, status: &Value, depth: usize) {
        for (role, list) in [("step", "steps"), ("sidecar", "sidecars")] {
            for container in items(&status[list]) {
                self.line(
                    depth,
                    &format!("{role} {}: {}", text(&container["name"]), state(container)),
                );
            }
        }
        for step in items(&status["steps"]) {
            for result in items(&step["results"]) {
                let (step, result, value) = (text(&step["name"]), text(&result["name"]), &result["value"]);
                self.line(depth, &format!("result of step {step} {result} = {value}"));
            }
        }
    }

    async fn pipeline_run(&mut self, key: &Key, status: &Value, depth: usize) {
        for child in items(&status["childReferences"]) {
            let kind = Kind::ALL
                .iter()
                .find(|kind| Some(kind.as_str()) == child["kind"].as_str());
            let kind = *kind.expect("a child of a known kind");
            let mut remark = format!(" ({})", text(&child["pipelineTaskName"]));
            if let Some(name) = child["displayName"].as_str() {
                let _ = write!(remark, " {name:?}");
            }
            remark.push_str(&guards(&child["whenExpressions"]));
            let child = Key::new(kind, &*key.namespace, text(&child["name"]));
            self.run(&child, &remark, depth).await;
        }
        for task in items(&status["skippedTasks"]) {
            let (name, reason) = (text(&task["name"]), text(&task["reason"]));
            self.line(
                depth,
                &format!("skipped {name}: {reason}{}", guards(&task["whenExpressions"])),
            );
        }
        self.results(status, depth);
    }

    fn results(&mut self, status: &Value, depth: usize) {
        for result in items(&status["results"]) {
            self.line(
                depth,
                &format!("result {} = {}", text(&result["name"]), result["value"]),
            );
        }
    }

    fn line(&mut self, depth: usize, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = 2 * depth);
    }
}

/// The condition of a run: status, reason, message.
fn condition(status: &Value) -> String {
    let of = |condition: &Value| {
        let parts = ["status", "reason", "message"].map(|part| text(&condition[part]));
        parts.join(" ").trim_end().to_owned()
    };
    let mut conditions: Vec<String> = items(&status["conditions"]).iter().map(of).collect();
    if conditions.is_empty() {
        conditions.push("no condition".to_owned());
    }
    conditions.join("; ")
}

/// What a container does or did: exit code, reason, termination reason, message.
fn state(container: &Value) -> String {
    let ended = &container["terminated"];
    if ended.is_object() {
        let code = ended["exitCode"].as_i64().unwrap_or(0);
        let mut line = format!("{code} {}", text(&ended["reason"]));
        for (mark, part) in [(" ", &container["terminationReason"]), (": ", &ended["message"])] {
            if let Some(part) = part.as_str() {
                line.push_str(mark);
                line.push_str(part);
            }
        }
        return line;
    }
    let waiting = &container["waiting"];
    if waiting.is_object() {
        return format!("waiting {}", text(&waiting["reason"]))
            .trim_end()
            .to_owned();
    }
    if container["running"].is_object() {
        "running".to_owned()
    } else {
        "unknown".to_owned()
    }
}

fn guards(when: &Value) -> String {
    let guard = |when: &Value| match when["cel"].as_str() {
        Some(expression) => format!(" [{expression}]"),
        None => format!(
            " [{} {} {}]",
            when["input"],
            text(&when["operator"]),
            when["values"]
        ),
    };
    items(when).iter().map(guard).collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

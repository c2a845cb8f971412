//! The events of the recent past, for watchers that resume.

use std::collections::VecDeque;

use serde_json::Value;
use windlass_api::Object;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::taskrun::TaskRunStatus;

use crate::write::Event;

/// Events kept: some minutes of a busy plane.
const MOST_EVENTS: usize = 16_384;

/// Bytes that these events may take. A run with thousands of attempts or children is large, and is written
/// as often as it has them.
const MOST_BYTES: usize = 64 << 20;

/// Bytes of a status apart from what grows.
const STATUS: usize = 1024;

/// Bytes of one entry of a list.
const ENTRY: usize = 256;

/// Recent events, oldest first.
#[derive(Default)]
pub(crate) struct Window {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
}

impl Window {
    /// Adds an event, with its size in bytes as JSON where that is known: parsed, it may take more. The oldest ones go when
    /// there is no room for it.
    pub(crate) fn push(&mut self, event: Event, size: Option<usize>) {
        let bytes = size.unwrap_or(0).max(weigh(&event.object));
        while self.events.len() >= MOST_EVENTS || self.bytes + bytes > MOST_BYTES {
            let Some((_, gone)) = self.events.pop_front() else {
                break;
            };
            self.bytes -= gone;
        }
        self.bytes += bytes;
        self.events.push_back((event, bytes));
    }

    /// The events, oldest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().map(|(event, _)| event)
    }
}

/// About how many bytes an event keeps that no other event shares: specifications are shared, statuses and data are not.
fn weigh(object: &Object) -> usize {
    match object {
        Object::TaskRun(run) => {
            let attempts = run.status.retries_status.iter().map(attempt);
            attempt(&run.status) + attempts.sum::<usize>()
        }
        Object::PipelineRun(run) => {
            let status = &run.status;
            let results = status.results.iter().map(|result| value(&result.value));
            let entries = status.child_references.len() + status.skipped_tasks.len();
            STATUS + entries * ENTRY + results.sum::<usize>()
        }
        Object::ConfigMap(map) => {
            let text = map
                .data
                .iter()
                .map(|(key, value)| ENTRY + key.len() + value.len());
            let binary = map
                .binary_data
                .iter()
                .map(|(key, value)| ENTRY + key.len() + value.len());
            STATUS + text.sum::<usize>() + binary.sum::<usize>()
        }
        Object::Secret(secret) => {
            let sizes = secret.data.iter();
            let data = sizes.map(|(key, value)| ENTRY + key.len() + value.expose().len());
            STATUS + data.sum::<usize>()
        }
        Object::Custom(custom) => {
            let body = custom.body.iter().map(|(key, value)| key.len() + json(value));
            STATUS + body.sum::<usize>()
        }
        _ => STATUS,
    }
}

/// About how many bytes a JSON value takes.
fn json(value: &Value) -> usize {
    // Of an entry, the value itself and its place among others.
    let own = ENTRY / 4;
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(json).sum::<usize>(),
        Value::Object(fields) => {
            let of_fields = fields.iter().map(|(key, value)| own + key.len() + json(value));
            own + of_fields.sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => own,
    }
}

fn attempt(status: &TaskRunStatus) -> usize {
    let of_steps = status.steps.iter().map(|step| {
        let message = step.terminated.as_ref().map_or(0, |end| end.message.len());
        let results = step.results.iter().map(|result| value(&result.value));
        2 * ENTRY + message + results.sum::<usize>()
    });
    let results = status.results.iter().map(|result| value(&result.value));
    STATUS + of_steps.sum::<usize>() + results.sum::<usize>()
}

fn value(value: &ParamValue) -> usize {
    ENTRY
        + match value {
            ParamValue::String(text) => text.len(),
            ParamValue::Array(items) => items.iter().map(|item| ENTRY / 8 + item.len()).sum(),
            ParamValue::Object(entries) => {
                let bytes = entries
                    .iter()
                    .map(|(key, item)| ENTRY / 4 + key.len() + item.len());
                bytes.sum()
            }
        }
}

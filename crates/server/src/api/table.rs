//! Objects as tables (`meta.k8s.io/v1` `Table`), which is what `kubectl get` asks for.

use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::Value;
use serde_json::json;
use windlass_api::Duration;
use windlass_api::Kind;
use windlass_api::Time;

use super::handle::Asked;
use super::read::Row;
use super::view;
use crate::resources::Registry;
use crate::resources::Resource;
use crate::resources::Source;

/// In which form objects are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Whole,
    /// Their metadata only.
    Metadata,
    /// As rows of a table.
    Table,
}

/// The first form of an `Accept` header that is served.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    for wanted in accepted.unwrap_or_default().split(',') {
        let mut parts = wanted.split(';').map(str::trim);
        if parts.next() != Some("application/json") {
            continue;
        }
        let as_what = parts.find_map(|part| part.strip_prefix("as="));
        return match as_what {
            Some("Table") => Form::Table,
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Form::Metadata,
            _ => Form::Whole,
        };
    }
    Form::Whole
}

/// What a row holds of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    None,
    Metadata,
    Object,
}

/// Rows as the client asked for them.
pub(super) fn render(asked: &Asked, rows: &[Row], metadata: &Value) -> Value {
    let include = match asked.query.get("includeObject").map(String::as_str) {
        Some("None") => Include::None,
        Some("Object") => Include::Object,
        _ => Include::Metadata,
    };
    of(
        &asked.api.registry,
        &asked.resource,
        rows,
        metadata,
        include,
        asked.api.clock.now(),
    )
}

/// A column: its heading, its type, whether only wide tables show it, and where its value comes from.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) form: &'static str,
    pub(crate) is_wide: bool,
    pub(crate) cell: fn(&Value, Time) -> Value,
}

const fn column(name: &'static str, form: &'static str, cell: fn(&Value, Time) -> Value) -> Column {
    Column {
        name,
        form,
        is_wide: false,
        cell,
    }
}

fn name(object: &Value, _: Time) -> Value {
    object["metadata"]["name"].clone()
}

fn age(object: &Value, now: Time) -> Value {
    since(&object["metadata"]["creationTimestamp"], now)
}

/// The time that has passed, as people say it.
fn since(time: &Value, now: Time) -> Value {
    let at = time.as_str().and_then(|text| text.parse::<Time>().ok());
    at.map_or_else(|| "<unknown>".into(), |at| human(now.since(at)).into())
}

/// A span in at most two units: `5s`, `3m20s`, `4h`, `2d3h`, `40d`.
pub(crate) fn human(span: Duration) -> String {
    let seconds = span.as_millis() / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, rest: &str| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{rest}")
        }
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

fn count(object: &Value, field: &str) -> usize {
    let value = &object[field];
    value
        .as_object()
        .map_or_else(|| value.as_array().map_or(0, Vec::len), serde_json::Map::len)
}

fn succeeded<'a>(object: &'a Value, field: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|condition| condition["type"] == "Succeeded"));
    found.map_or(&Value::Null, |condition| &condition[field])
}

/// The columns of upstream's runs.
const RUN: &[Column] = &[
    column("Name", "string", name),
    column("Succeeded", "string", |object, _| {
        succeeded(object, "status").clone()
    }),
    column("Reason", "string", |object, _| {
        succeeded(object, "reason").clone()
    }),
    column("StartTime", "date", |object, now| {
        moment(&object["status"]["startTime"], now)
    }),
    column("CompletionTime", "date", |object, now| {
        moment(&object["status"]["completionTime"], now)
    }),
];

/// Columns of type date show how long ago it was; nothing for what has not happened.
fn moment(time: &Value, now: Time) -> Value {
    if time.is_null() {
        Value::Null
    } else {
        since(time, now)
    }
}

const PLAIN: &[Column] = &[column("Name", "string", name), column("Age", "string", age)];

const NAMESPACE: &[Column] = &[
    column("Name", "string", name),
    column("Status", "string", |object, _| object["status"]["phase"].clone()),
    column("Age", "string", age),
];

const CONFIG_MAP: &[Column] = &[
    column("Name", "string", name),
    column("Data", "integer", |object, _| {
        (count(object, "data") + count(object, "binaryData")).into()
    }),
    column("Age", "string", age),
];

const SECRET: &[Column] = &[
    column("Name", "string", name),
    column("Type", "string", |object, _| object["type"].clone()),
    column("Data", "integer", |object, _| count(object, "data").into()),
    column("Age", "string", age),
];

const SERVICE_ACCOUNT: &[Column] = &[
    column("Name", "string", name),
    column("Secrets", "integer", |object, _| count(object, "secrets").into()),
    column("Age", "string", age),
];

const EVENT: &[Column] = &[
    column("Last Seen", "string", |object, now| {
        since(&object["lastTimestamp"], now)
    }),
    column("Type", "string", |object, _| object["type"].clone()),
    column("Reason", "string", |object, _| object["reason"].clone()),
    column("Object", "string", |object, _| {
        let of = &object["involvedObject"];
        let kind = of["kind"].as_str().unwrap_or_default().to_lowercase();
        format!("{kind}/{}", of["name"].as_str().unwrap_or_default()).into()
    }),
    column("Message", "string", |object, _| {
        object["message"].as_str().unwrap_or_default().trim().into()
    }),
];

const POD: &[Column] = &[
    column("Name", "string", name),
    column("Ready", "string", |object, _| {
        let all = object["status"]["containerStatuses"].as_array();
        let ready = all.map_or(0, |all| all.iter().filter(|one| one["ready"] == true).count());
        format!("{ready}/{}", all.map_or(0, Vec::len)).into()
    }),
    column("Status", "string", |object, _| {
        match object["status"]["phase"].as_str() {
            Some("Succeeded") => "Completed".into(),
            Some("Failed") => "Error".into(),
            Some(phase) => phase.into(),
            None => Value::Null,
        }
    }),
    column("Restarts", "string", |_, _| "0".into()),
    column("Age", "string", age),
];

const CREATED_AT: &[Column] = &[
    column("Name", "string", name),
    column("Created At", "date", |object, _| {
        object["metadata"]["creationTimestamp"].clone()
    }),
];

const BINDING: &[Column] = &[
    column("Name", "string", name),
    column("Role", "string", |object, _| {
        let role = &object["roleRef"];
        let text = |name: &str| role[name].as_str().unwrap_or_default();
        format!("{}/{}", text("kind"), text("name")).into()
    }),
    column("Age", "string", age),
];

const LEASE: &[Column] = &[
    column("Name", "string", name),
    column("Holder", "string", |object, _| {
        object["spec"]["holderIdentity"].clone()
    }),
    column("Age", "string", age),
];

const RUNNER: &[Column] = &[
    column("Name", "string", name),
    column("Ready", "string", |object, _| {
        let conditions = object["status"]["conditions"].as_array();
        let ready = conditions.and_then(|all| all.iter().find(|condition| condition["type"] == "Ready"));
        ready.map_or(Value::Null, |condition| condition["status"].clone())
    }),
    column("Held", "integer", |object, _| {
        object["status"]["held"].as_i64().unwrap_or(0).into()
    }),
    column("Capacity", "integer", |object, _| {
        object["spec"]["capacity"].clone()
    }),
    column("Age", "string", age),
];

/// The columns of a resource.
pub(crate) fn columns(source: Source) -> &'static [Column] {
    match source {
        Source::Pods => POD,
        Source::Empty => PLAIN,
        Source::Stored(kind) => match kind {
            Kind::TaskRun | Kind::PipelineRun | Kind::CustomRun => RUN,
            Kind::Namespace => NAMESPACE,
            Kind::ConfigMap => CONFIG_MAP,
            Kind::Secret => SECRET,
            Kind::ServiceAccount => SERVICE_ACCOUNT,
            Kind::Event => EVENT,
            Kind::Role | Kind::ClusterRole | Kind::CustomResourceDefinition => CREATED_AT,
            Kind::RoleBinding | Kind::ClusterRoleBinding => BINDING,
            Kind::Lease => LEASE,
            Kind::Runner => RUNNER,
            _ => PLAIN,
        },
    }
}

/// The table of some objects.
pub(super) fn of(
    _: &Registry,
    resource: &Resource,
    rows: &[Row],
    metadata: &Value,
    include: Include,
    now: Time,
) -> Value {
    let columns = columns(resource.source);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            let format = if column.name == "Name" { "name" } else { "" };
            json!({
                "name": column.name,
                "type": column.form,
                "format": format,
                "description": "",
                "priority": i32::from(column.is_wide),
            })
        })
        .collect();
    let rows: Vec<Value> = rows
        .iter()
        .map(|(object, _)| {
            let cells: Vec<Value> = columns.iter().map(|column| (column.cell)(object, now)).collect();
            let object = match include {
                Include::None => Value::Null,
                Include::Metadata => view::metadata_only(object.clone()),
                Include::Object => object.clone(),
            };
            json!({"cells": cells, "object": object})
        })
        .collect();
    let metadata = match (metadata.get("resourceVersion"), rows.as_slice()) {
        (None, [only]) => json!({"resourceVersion": only["object"]["metadata"]["resourceVersion"]}),
        _ => metadata.clone(),
    };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_at_most_two_units() {
        let rows = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (3_600, "60m"),
            (11_000, "3h3m"),
            (90_000, "25h"),
            (180_000, "2d2h"),
            (864_000, "10d"),
            (70_000_000, "2y80d"),
            (400_000_000, "12y"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(human(Duration::from_secs(seconds)), expected, "{seconds}");
        }
    }
}

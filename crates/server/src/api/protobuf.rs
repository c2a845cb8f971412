//! Bodies in the binary form that Go clients send for built-in kinds (`application/vnd.kubernetes.protobuf`).
//!
//! Only what is sent to this server is read: the kinds of the core group and of access, deletion options and reviews.
//! Numbers and types of fields are those of the published `.proto` files. Unknown fields are passed over, as the format
//! demands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Map;
use serde_json::Value;
use windlass_api::Time;
use windlass_api::time::MicroTime;

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// Most messages within messages; no kind that is read has half as many.
const DEEPEST: usize = 16;

/// What a field holds.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Number,
    Flag,
    Base64,
    Message(&'static [Field]),
    /// A message that is one text, as amounts are.
    TextOf,
    Moment,
    MicroMoment,
    MapOf(&'static Form),
    Many(&'static Form),
}

/// A field: its number, its name in JSON, what it holds.
type Field = (u64, &'static str, Form);

const TEXTS: Form = Form::Many(&Form::Text);
const TEXT_MAP: Form = Form::MapOf(&Form::Text);

const OWNER: &[Field] = &[
    (1, "kind", Form::Text),
    (3, "name", Form::Text),
    (4, "uid", Form::Text),
    (5, "apiVersion", Form::Text),
    (6, "controller", Form::Flag),
    (7, "blockOwnerDeletion", Form::Flag),
];

const METADATA: &[Field] = &[
    (1, "name", Form::Text),
    (2, "generateName", Form::Text),
    (3, "namespace", Form::Text),
    (4, "selfLink", Form::Text),
    (5, "uid", Form::Text),
    (6, "resourceVersion", Form::Text),
    (7, "generation", Form::Number),
    (8, "creationTimestamp", Form::Moment),
    (9, "deletionTimestamp", Form::Moment),
    (10, "deletionGracePeriodSeconds", Form::Number),
    (11, "labels", TEXT_MAP),
    (12, "annotations", TEXT_MAP),
    (13, "ownerReferences", Form::Many(&Form::Message(OWNER))),
    (14, "finalizers", TEXTS),
];

const REFERENCE: &[Field] = &[
    (1, "kind", Form::Text),
    (2, "namespace", Form::Text),
    (3, "name", Form::Text),
    (4, "uid", Form::Text),
    (5, "apiVersion", Form::Text),
    (6, "resourceVersion", Form::Text),
    (7, "fieldPath", Form::Text),
];

const LOCAL_REFERENCE: &[Field] = &[(1, "name", Form::Text)];

const RULE: &[Field] = &[
    (1, "verbs", TEXTS),
    (2, "apiGroups", TEXTS),
    (3, "resources", TEXTS),
    (4, "resourceNames", TEXTS),
    (5, "nonResourceURLs", TEXTS),
];

const SUBJECT: &[Field] = &[
    (1, "kind", Form::Text),
    (2, "apiGroup", Form::Text),
    (3, "name", Form::Text),
    (4, "namespace", Form::Text),
];

const ROLE_REF: &[Field] = &[
    (1, "apiGroup", Form::Text),
    (2, "kind", Form::Text),
    (3, "name", Form::Text),
];

const META: Field = (1, "metadata", Form::Message(METADATA));

const ROLE: &[Field] = &[META, (2, "rules", Form::Many(&Form::Message(RULE)))];

const BINDING: &[Field] = &[
    META,
    (2, "subjects", Form::Many(&Form::Message(SUBJECT))),
    (3, "roleRef", Form::Message(ROLE_REF)),
];

const RESOURCE_ATTRIBUTES: &[Field] = &[
    (1, "namespace", Form::Text),
    (2, "verb", Form::Text),
    (3, "group", Form::Text),
    (4, "version", Form::Text),
    (5, "resource", Form::Text),
    (6, "subresource", Form::Text),
    (7, "name", Form::Text),
];

const PATH_ATTRIBUTES: &[Field] = &[(1, "path", Form::Text), (2, "verb", Form::Text)];

const ACCESS: &[Field] = &[
    (1, "resourceAttributes", Form::Message(RESOURCE_ATTRIBUTES)),
    (2, "nonResourceAttributes", Form::Message(PATH_ATTRIBUTES)),
];

const SUBJECT_ACCESS: &[Field] = &[
    (1, "resourceAttributes", Form::Message(RESOURCE_ATTRIBUTES)),
    (2, "nonResourceAttributes", Form::Message(PATH_ATTRIBUTES)),
    (3, "user", Form::Text),
    (4, "groups", TEXTS),
    (6, "uid", Form::Text),
];

const EVENT: &[Field] = &[
    META,
    (2, "involvedObject", Form::Message(REFERENCE)),
    (3, "reason", Form::Text),
    (4, "message", Form::Text),
    (
        5,
        "source",
        Form::Message(&[(1, "component", Form::Text), (2, "host", Form::Text)]),
    ),
    (6, "firstTimestamp", Form::Moment),
    (7, "lastTimestamp", Form::Moment),
    (8, "count", Form::Number),
    (9, "type", Form::Text),
    (10, "eventTime", Form::MicroMoment),
    (12, "action", Form::Text),
    (13, "related", Form::Message(REFERENCE)),
    (14, "reportingComponent", Form::Text),
    (15, "reportingInstance", Form::Text),
];

const LEASE: &[Field] = &[
    (1, "holderIdentity", Form::Text),
    (2, "leaseDurationSeconds", Form::Number),
    (3, "acquireTime", Form::MicroMoment),
    (4, "renewTime", Form::MicroMoment),
    (5, "leaseTransitions", Form::Number),
];

/// The fields of a kind; `None` for one that is not read in this form.
fn fields(api_version: &str, kind: &str) -> Option<&'static [Field]> {
    Some(match (api_version, kind) {
        ("v1", "ConfigMap") => &[
            META,
            (2, "data", TEXT_MAP),
            (3, "binaryData", Form::MapOf(&Form::Base64)),
            (4, "immutable", Form::Flag),
        ],
        ("v1", "Secret") => &[
            META,
            (2, "data", Form::MapOf(&Form::Base64)),
            (3, "type", Form::Text),
            (4, "stringData", TEXT_MAP),
            (5, "immutable", Form::Flag),
        ],
        ("v1", "Namespace") => &[
            META,
            (2, "spec", Form::Message(&[(1, "finalizers", TEXTS)])),
            (3, "status", Form::Message(&[(1, "phase", Form::Text)])),
        ],
        ("v1", "ServiceAccount") => &[
            META,
            (2, "secrets", Form::Many(&Form::Message(REFERENCE))),
            (3, "imagePullSecrets", Form::Many(&Form::Message(LOCAL_REFERENCE))),
            (4, "automountServiceAccountToken", Form::Flag),
        ],
        ("v1", "ResourceQuota") => &[
            META,
            (
                2,
                "spec",
                Form::Message(&[(1, "hard", Form::MapOf(&Form::TextOf)), (2, "scopes", TEXTS)]),
            ),
        ],
        ("v1", "Event") => EVENT,
        ("rbac.authorization.k8s.io/v1", "Role" | "ClusterRole") => ROLE,
        ("rbac.authorization.k8s.io/v1", "RoleBinding" | "ClusterRoleBinding") => BINDING,
        ("coordination.k8s.io/v1", "Lease") => &[META, (2, "spec", Form::Message(LEASE))],
        (_, "DeleteOptions") => &[
            (1, "gracePeriodSeconds", Form::Number),
            (
                2,
                "preconditions",
                Form::Message(&[(1, "uid", Form::Text), (2, "resourceVersion", Form::Text)]),
            ),
            (3, "orphanDependents", Form::Flag),
            (4, "propagationPolicy", Form::Text),
            (5, "dryRun", TEXTS),
        ],
        _ => return review(api_version, kind),
    })
}

/// Fields of questions about access.
fn review(api_version: &str, kind: &str) -> Option<&'static [Field]> {
    Some(match (api_version, kind) {
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview") => &[META, (2, "spec", Form::Message(ACCESS))],
        ("authorization.k8s.io/v1", "SubjectAccessReview" | "LocalSubjectAccessReview") => {
            &[META, (2, "spec", Form::Message(SUBJECT_ACCESS))]
        }
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview") => {
            &[META, (2, "spec", Form::Message(&[(1, "namespace", Form::Text)]))]
        }
        ("authentication.k8s.io/v1", "SelfSubjectReview") => &[META],
        ("authentication.k8s.io/v1", "TokenReview") => &[
            META,
            (
                2,
                "spec",
                Form::Message(&[(1, "token", Form::Text), (2, "audiences", TEXTS)]),
            ),
        ],
        _ => return None,
    })
}

/// The object in a body, with `apiVersion` and `kind`.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(super) fn decode(body: &[u8]) -> Result<Value, String> {
    let envelope = body
        .strip_prefix(MAGIC)
        .ok_or("the body does not begin as protobuf of Kubernetes does")?;
    let type_meta: &[Field] = &[(1, "apiVersion", Form::Text), (2, "kind", Form::Text)];
    let mut api_version = String::new();
    let mut kind = String::new();
    let mut raw: &[u8] = &[];
    let mut rest = envelope;
    while !rest.is_empty() {
        match next(&mut rest)? {
            (1, Content::Bytes(bytes)) => {
                let meta = message(bytes, type_meta, 0)?;
                let text = |name: &str| {
                    meta.get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                (api_version, kind) = (text("apiVersion"), text("kind"));
            }
            (2, Content::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let known = fields(&api_version, &kind);
    let known = known.ok_or_else(|| format!("{kind} of {api_version} is not read as protobuf; send JSON"))?;
    let mut object = message(raw, known, 0)?;
    object.insert("apiVersion".to_owned(), Value::String(api_version));
    object.insert("kind".to_owned(), Value::String(kind));
    Ok(Value::Object(object))
}

/// What a field holds on the wire.
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or("the body ends within a number")?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("the body holds a number that is too long".to_owned())
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let taken = rest
        .split_at_checked(length)
        .ok_or("the body ends within a field")?;
    *rest = taken.1;
    Ok(taken.0)
}

/// The next field's number and content.
fn next<'a>(rest: &mut &'a [u8]) -> Result<(u64, Content<'a>), String> {
    let tag = varint(rest)?;
    let content = match tag & 7 {
        0 => Content::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Content::Other)?,
        2 => {
            let length = varint(rest)?;
            Content::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Content::Other)?,
        other => return Err(format!("the body holds a field of the unknown form {other}")),
    };
    Ok((tag >> 3, content))
}

fn message(mut rest: &[u8], fields: &[Field], depth: usize) -> Result<Map<String, Value>, String> {
    if depth > DEEPEST {
        return Err("the body is nested too deeply".to_owned());
    }
    let mut object = Map::new();
    while !rest.is_empty() {
        let (number, content) = next(&mut rest)?;
        let Some((_, name, form)) = fields.iter().find(|(known, ..)| *known == number) else {
            continue;
        };
        match form {
            Form::Many(of) => {
                let item = value(&content, of, depth)?;
                let items = object.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = items {
                    items.push(item);
                }
            }
            Form::MapOf(of) => {
                let (key, item) = entry(&content, of, depth)?;
                let entries = object.entry(*name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(entries) = entries {
                    entries.insert(key, item);
                }
            }
            form => {
                let item = value(&content, form, depth)?;
                // Go writes what is empty, too; in JSON it is left out.
                if !matches!(&item, Value::Null) && item != "" {
                    object.insert((*name).to_owned(), item);
                }
            }
        }
    }
    Ok(object)
}

fn value(content: &Content<'_>, form: &Form, depth: usize) -> Result<Value, String> {
    Ok(match (content, form) {
        (Content::Number(number), Form::Flag) => Value::Bool(*number != 0),
        (Content::Number(number), Form::Number) => Value::from(number.cast_signed()),
        (Content::Bytes(bytes), Form::Text) => {
            let text = std::str::from_utf8(bytes).map_err(|_| "the body holds a text that is no UTF-8")?;
            Value::String(text.to_owned())
        }
        (Content::Bytes(bytes), Form::Base64) => Value::String(STANDARD.encode(bytes)),
        (Content::Bytes(bytes), Form::Message(fields)) => Value::Object(message(bytes, fields, depth + 1)?),
        (Content::Bytes(bytes), Form::TextOf) => {
            let mut whole = message(bytes, &[(1, "text", Form::Text)], depth + 1)?;
            whole.remove("text").unwrap_or_default()
        }
        (Content::Bytes(bytes), Form::Moment | Form::MicroMoment) => {
            let parts = message(
                bytes,
                &[(1, "seconds", Form::Number), (2, "nanos", Form::Number)],
                depth + 1,
            )?;
            let part = |name: &str| parts.get(name).and_then(Value::as_i64).unwrap_or(0);
            if part("seconds") == 0 && part("nanos") == 0 {
                return Ok(Value::Null);
            }
            let millis = part("seconds")
                .saturating_mul(1_000)
                .saturating_add(part("nanos") / 1_000_000);
            let time = Time::from_millis(millis);
            let written = match form {
                Form::Moment => serde_json::to_value(time),
                _ => serde_json::to_value(MicroTime(time)),
            };
            written.unwrap_or_default()
        }
        _ => return Err("the body holds a field of another form than its kind has".to_owned()),
    })
}

fn entry(content: &Content<'_>, of: &Form, depth: usize) -> Result<(String, Value), String> {
    let Content::Bytes(bytes) = content else {
        return Err("the body holds a map that is none".to_owned());
    };
    let mut rest = *bytes;
    let mut key = String::new();
    let mut item = match of {
        Form::Text | Form::Base64 => Value::String(String::new()),
        _ => Value::Null,
    };
    while !rest.is_empty() {
        let (number, content) = next(&mut rest)?;
        match number {
            1 => {
                if let Value::String(text) = value(&content, &Form::Text, depth)? {
                    key = text;
                }
            }
            2 => item = value(&content, of, depth + 1)?,
            _ => {}
        }
    }
    Ok((key, item))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).expect("short")];
        bytes.extend_from_slice(content);
        bytes
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    #[test]
    fn an_object_is_read_as_its_json_would_be() {
        let metadata = [
            field(1, b"a"),
            field(11, &[field(1, b"k"), field(2, b"v")].concat()),
        ]
        .concat();
        let entry = [field(1, b"x"), field(2, b"1")].concat();
        let raw = [
            field(1, &metadata),
            field(2, &entry),
            vec![4 << 3, 1],
            field(15, b"new"),
        ]
        .concat();
        let expected = serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "labels": {"k": "v"}}, "data": {"x": "1"}, "immutable": true,
        });
        assert_eq!(decode(&body("v1", "ConfigMap", &raw)), Ok(expected));
        let secret = decode(&body("v1", "Secret", &field(2, &entry))).expect("a secret");
        assert_eq!(secret["data"]["x"], "MQ==");
    }

    #[test]
    fn what_is_not_read_is_refused_with_a_way_out() {
        let unknown = decode(&body("apps/v1", "Deployment", b""));
        assert_eq!(
            unknown,
            Err("Deployment of apps/v1 is not read as protobuf; send JSON".to_owned())
        );
        assert!(decode(b"{}").is_err());
        assert!(
            decode(&body("v1", "ConfigMap", &[2 << 3 | 2, 200])).is_err(),
            "it ends within a field"
        );
        assert!(
            decode(&body("v1", "ConfigMap", &[1 << 3, 1])).is_err(),
            "metadata is a number"
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..200)) {
            for kind in ["ConfigMap", "Secret", "Namespace", "Event"] {
                let mut whole = body("v1", kind, b"");
                whole.truncate(whole.len() - 2);
                whole.extend(field(2, &raw[..raw.len().min(120)]));
                let _ = decode(&whole);
            }
        }
    }
}

//! What a request asks for, read from its method, path and query. Pure.

use std::collections::HashMap;

use http::Method;

use super::status::Status;
use crate::access::Verb;

/// Most bytes of a path.
const LONGEST_PATH: usize = 4_096;

/// Most parameters of a query.
const MOST_PARAMETERS: usize = 100;

/// A request for a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) namespace: String,
    pub(super) plural: String,
    pub(super) name: String,
    pub(super) subresource: String,
}

/// The target of a path below `/api/` or `/apis/`; `None` for paths that concern no resource.
///
/// # Errors
/// When the path tries something.
pub(super) fn target(path: &str) -> Result<Option<Target>, Status> {
    if path.len() > LONGEST_PATH {
        return Err(Status::bad_request("the path is too long"));
    }
    let segments: Vec<String> = path
        .trim_start_matches('/')
        .split('/')
        .map(decode)
        .collect::<Option<_>>()
        .ok_or_else(|| Status::bad_request("the path is malformed"))?;
    let mut rest = segments.into_iter();
    let (group, version) = match rest.next().as_deref() {
        Some("api") => (String::new(), rest.next()),
        Some("apis") => (rest.next().unwrap_or_default(), rest.next()),
        _ => return Ok(None),
    };
    let rest: Vec<String> = rest.collect();
    let Some(version) = version.filter(|version| !version.is_empty()) else {
        return Ok(None);
    };
    let mut target = Target {
        group,
        version,
        ..Target::default()
    };
    let parts: Vec<&str> = rest.iter().map(String::as_str).collect();
    // A namespace is an object, and a place for others.
    let within = match parts.as_slice() {
        ["namespaces", namespace, within @ ..]
            if !within.is_empty() && !matches!(within, ["status" | "finalize"]) =>
        {
            (*namespace).clone_into(&mut target.namespace);
            within
        }
        all => all,
    };
    let mut texts = within.iter().map(|text| (*text).to_owned());
    target.plural = texts.next().unwrap_or_default();
    target.name = texts.next().unwrap_or_default();
    target.subresource = texts.next().unwrap_or_default();
    if target.plural.is_empty() {
        return Ok(None);
    }
    if texts.next().is_some() {
        return Err(Status::no_path());
    }
    Ok(Some(target))
}

/// A segment without its percent signs; `None` for what could lead elsewhere.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    let leads_elsewhere = matches!(text.as_str(), "." | "..") || text.contains(['/', '\0', '\\']);
    (!leads_elsewhere).then_some(text)
}

/// The parameters of a query; the first of several with one name counts.
pub(super) fn query(text: Option<&str>) -> HashMap<String, String> {
    let pairs = text
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    let mut parameters = HashMap::new();
    for pair in pairs.take(MOST_PARAMETERS) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.entry(form(name)).or_insert_with(|| form(value));
    }
    parameters
}

/// Text as forms write it: `+` is a space, `%` begins a byte. What is malformed stays as it is.
fn form(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let decoded = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, decoded) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a flag of a query is set.
pub(super) fn is_set(query: &HashMap<String, String>, name: &str) -> bool {
    query
        .get(name)
        .is_some_and(|value| matches!(value.as_str(), "" | "true" | "1"))
}

/// What is done to a target; `None` for a method that is never offered.
pub(super) fn verb(method: &Method, target: &Target, query: &HashMap<String, String>) -> Option<Verb> {
    let is_named = !target.name.is_empty();
    Some(match *method {
        Method::GET | Method::HEAD if is_set(query, "watch") => Verb::Watch,
        Method::GET | Method::HEAD if is_named => Verb::Get,
        Method::GET | Method::HEAD => Verb::List,
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE if is_named => Verb::Delete,
        Method::DELETE => Verb::DeleteCollection,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_they_concern() {
        let rows: &[(&str, &str)] = &[
            ("/api/v1/pods", " v1 - pods - -"),
            ("/api/v1/namespaces", " v1 - namespaces - -"),
            ("/api/v1/namespaces/a", " v1 - namespaces a -"),
            ("/api/v1/namespaces/a/status", " v1 - namespaces a status"),
            ("/api/v1/namespaces/a/secrets", " v1 a secrets - -"),
            ("/api/v1/namespaces/a/pods/p/log", " v1 a pods p log"),
            (
                "/apis/tekton.dev/v1/namespaces/a/taskruns/b/status",
                "tekton.dev v1 a taskruns b status",
            ),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin",
                "rbac.authorization.k8s.io v1 - clusterroles system:admin -",
            ),
            ("/api/v1", "none"),
            ("/apis/tekton.dev/v1", "none"),
            ("/version", "none"),
            ("/api/v1/namespaces/a/pods/p/log/more", "refused"),
            ("/api/v1/namespaces/../secrets", "refused"),
            ("/api/v1/namespaces/%2e%2e/secrets", "refused"),
            ("/api/v1/namespaces/a%2fb/secrets", "refused"),
            ("/api/v1/secrets/%00", "refused"),
            ("/api/v1/secrets/%zz", "refused"),
            ("/api/v1/secrets/%ff", "refused"),
        ];
        for (path, expected) in rows {
            let text = |text: &str| {
                if text.is_empty() {
                    "-".to_owned()
                } else {
                    text.to_owned()
                }
            };
            let seen = match target(path) {
                Err(_) => "refused".to_owned(),
                Ok(None) => "none".to_owned(),
                Ok(Some(found)) => format!(
                    "{} {} {} {} {} {}",
                    found.group,
                    found.version,
                    text(&found.namespace),
                    text(&found.plural),
                    text(&found.name),
                    text(&found.subresource)
                ),
            };
            assert_eq!(seen, *expected, "{path}");
        }
    }

    #[test]
    fn queries_are_read_as_forms() {
        let read = query(Some("labelSelector=a%3Db%2Cc&watch=1&empty&x=1+2&watch=0&bad=%z"));
        let get = |name: &str| read.get(name).map(String::as_str);
        assert_eq!(get("labelSelector"), Some("a=b,c"));
        assert_eq!(get("watch"), Some("1"));
        assert_eq!(get("empty"), Some(""));
        assert_eq!(get("x"), Some("1 2"));
        assert_eq!(get("bad"), Some("%z"));
    }
}

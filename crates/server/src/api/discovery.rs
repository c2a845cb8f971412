//! What is served, told to clients: the older form and the aggregated one.

use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderMap;
use http::header::ACCEPT;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use serde_json::json;

use super::status::Status;
use crate::access::Verb;
use crate::resources::Registry;
use crate::resources::Resource;
use crate::resources::Source;

/// Review kinds, which are asked and never stored: group, version, kind, name in paths, whether in a namespace.
const REVIEWS: &[(&str, &str, &str, &str, bool)] = &[
    (
        "authentication.k8s.io",
        "v1",
        "SelfSubjectReview",
        "selfsubjectreviews",
        false,
    ),
    (
        "authentication.k8s.io",
        "v1",
        "TokenReview",
        "tokenreviews",
        false,
    ),
    (
        "authorization.k8s.io",
        "v1",
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        true,
    ),
    (
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        false,
    ),
    (
        "authorization.k8s.io",
        "v1",
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        false,
    ),
    (
        "authorization.k8s.io",
        "v1",
        "SubjectAccessReview",
        "subjectaccessreviews",
        false,
    ),
];

/// One resource as discovery tells it.
struct Told {
    group: String,
    version: String,
    kind: String,
    plural: String,
    singular: String,
    short_names: Vec<String>,
    categories: Vec<String>,
    namespaced: bool,
    verbs: Vec<&'static str>,
    /// Name and kind of subresources, and their verbs.
    subresources: Vec<(&'static str, String, &'static [&'static str])>,
}

fn told(registry: &Registry) -> Vec<Told> {
    let stored = registry.all();
    let mut all: Vec<Told> = stored.iter().map(|resource| of(resource)).collect();
    all.extend(
        REVIEWS
            .iter()
            .map(|(group, version, kind, plural, namespaced)| Told {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
                kind: (*kind).to_owned(),
                plural: (*plural).to_owned(),
                singular: kind.to_lowercase(),
                short_names: Vec::new(),
                categories: Vec::new(),
                namespaced: *namespaced,
                verbs: vec!["create"],
                subresources: Vec::new(),
            }),
    );
    all
}

fn of(resource: &Resource) -> Told {
    let mut subresources: Vec<(&'static str, String, &'static [&'static str])> = Vec::new();
    if resource.has_status {
        subresources.push(("status", resource.kind.clone(), &["get", "patch", "update"]));
    }
    if resource.source == Source::Pods {
        subresources.push(("log", "Pod".to_owned(), &["get"]));
    }
    let mut verbs: Vec<&'static str> = resource.verbs.iter().copied().map(Verb::as_str).collect();
    verbs.sort_unstable();
    Told {
        group: resource.group.clone(),
        version: resource.version.clone(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
        singular: resource.singular.clone(),
        short_names: resource.short_names.clone(),
        categories: resource.categories.clone(),
        namespaced: resource.namespaced,
        verbs,
        subresources,
    }
}

/// Groups and their versions, the preferred one first.
fn groups(all: &[Told]) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for told in all {
        match groups.iter_mut().find(|(group, _)| *group == told.group) {
            Some((_, versions)) if versions.contains(&told.version.as_str()) => {}
            Some((_, versions)) => versions.push(&told.version),
            None => groups.push((&told.group, vec![&told.version])),
        }
    }
    for (_, versions) in &mut groups {
        versions.sort_by_key(|version| (version.contains("alpha"), version.contains("beta"), *version));
    }
    groups.sort_unstable_by_key(|(group, _)| *group);
    groups
}

/// The answer to a path at or below `/api` or `/apis` that names no resource.
pub(super) fn answer(registry: &Registry, path: &str, headers: &HeaderMap) -> Result<Response, Status> {
    let all = told(registry);
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let aggregated = aggregated_form(headers);
    match segments.as_slice() {
        ["api"] => Ok(match aggregated {
            Some(form) => aggregated_answer(&all, true, form),
            None => axum::Json(json!({
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
            }))
            .into_response(),
        }),
        ["apis"] => Ok(match aggregated {
            Some(form) => aggregated_answer(&all, false, form),
            None => {
                let groups = groups(&all);
                let named = groups.iter().filter(|(group, _)| !group.is_empty());
                let list: Vec<Value> = named
                    .map(|(group, versions)| group_json(group, versions))
                    .collect();
                axum::Json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list}))
                    .into_response()
            }
        }),
        ["api", version] => resources(&all, "", version),
        ["apis", group] => {
            let groups = groups(&all);
            let found = groups.iter().find(|(known, _)| known == group);
            let (group, versions) = found.ok_or_else(Status::no_path)?;
            let mut json = group_json(group, versions);
            json["kind"] = "APIGroup".into();
            json["apiVersion"] = "v1".into();
            Ok(axum::Json(json).into_response())
        }
        ["apis", group, version] => resources(&all, group, version),
        _ => Err(Status::no_path()),
    }
}

fn group_json(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let all: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": group, "versions": all, "preferredVersion": all.first()})
}

fn resources(all: &[Told], group: &str, version: &str) -> Result<Response, Status> {
    let mut list = Vec::new();
    for told in all
        .iter()
        .filter(|told| told.group == group && told.version == version)
    {
        let mut json = json!({
            "name": told.plural,
            "singularName": told.singular,
            "namespaced": told.namespaced,
            "kind": told.kind,
            "verbs": told.verbs,
        });
        if !told.short_names.is_empty() {
            json["shortNames"] = json!(told.short_names);
        }
        if !told.categories.is_empty() {
            json["categories"] = json!(told.categories);
        }
        list.push(json);
        list.extend(told.subresources.iter().map(|(name, kind, verbs)| {
            json!({
                "name": format!("{}/{name}", told.plural),
                "singularName": "",
                "namespaced": told.namespaced,
                "kind": kind,
                "verbs": verbs,
            })
        }));
    }
    if list.is_empty() {
        return Err(Status::no_path());
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let json = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list});
    Ok(axum::Json(json).into_response())
}

/// The version of the aggregated form that a client accepts, the first one that is served.
fn aggregated_form(headers: &HeaderMap) -> Option<&'static str> {
    let accepted = headers.get(ACCEPT)?.to_str().ok()?;
    for wanted in accepted.split(',') {
        let parts: Vec<&str> = wanted.split(';').map(str::trim).collect();
        if parts.contains(&"as=APIGroupDiscoveryList") {
            if parts.contains(&"v=v2") {
                return Some("v2");
            }
            if parts.contains(&"v=v2beta1") {
                return Some("v2beta1");
            }
        } else if parts.first() == Some(&"application/json") {
            return None;
        }
    }
    None
}

fn aggregated_answer(all: &[Told], is_core: bool, form: &str) -> Response {
    let groups = groups(all);
    let items: Vec<Value> = groups
        .iter()
        .filter(|(group, _)| group.is_empty() == is_core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let of_version = all
                        .iter()
                        .filter(|told| told.group == *group && told.version == *version);
                    let resources: Vec<Value> = of_version.map(aggregated_resource).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            json!({"metadata": {"name": group, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    let json = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{form}"),
        "metadata": {},
        "items": items,
    });
    let form = format!("application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList");
    ([(CONTENT_TYPE, form)], json.to_string()).into_response()
}

fn aggregated_resource(told: &Told) -> Value {
    let kind = |kind: &str| json!({"group": told.group, "version": told.version, "kind": kind});
    let mut json = json!({
        "resource": told.plural,
        "responseKind": kind(&told.kind),
        "scope": if told.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": told.singular,
        "verbs": told.verbs,
    });
    if !told.short_names.is_empty() {
        json["shortNames"] = json!(told.short_names);
    }
    if !told.categories.is_empty() {
        json["categories"] = json!(told.categories);
    }
    if !told.subresources.is_empty() {
        let subresources: Vec<Value> = told
            .subresources
            .iter()
            .map(|(name, of, verbs)| json!({"subresource": name, "responseKind": kind(of), "verbs": verbs}))
            .collect();
        json["subresources"] = json!(subresources);
    }
    json
}

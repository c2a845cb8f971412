//! The table of what is built in.

use windlass_api::Kind;

use super::Resource;
use super::Source;
use crate::access::Verb;

/// Short names and categories by group and name in paths.
const NAMES: &[(&str, &str, &[&str], &[&str])] = &[
    ("", "configmaps", &["cm"], &[]),
    ("", "events", &["ev"], &[]),
    ("", "namespaces", &["ns"], &[]),
    ("", "persistentvolumeclaims", &["pvc"], &[]),
    ("", "pods", &["po"], &["all"]),
    ("", "resourcequotas", &["quota"], &[]),
    ("", "serviceaccounts", &["sa"], &[]),
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        &["crd", "crds"],
        &["api-extensions"],
    ),
    ("apps", "deployments", &["deploy"], &["all"]),
    ("tekton.dev", "customruns", &[], TEKTON),
    ("tekton.dev", "pipelineruns", &["pr", "prs"], TEKTON),
    ("tekton.dev", "pipelines", &[], TEKTON),
    ("tekton.dev", "stepactions", &[], TEKTON),
    ("tekton.dev", "taskruns", &["tr", "trs"], TEKTON),
    ("tekton.dev", "tasks", &[], TEKTON),
    ("tekton.dev", "verificationpolicies", &[], TEKTON),
];

const TEKTON: &[&str] = &["tekton", "tekton-pipelines"];

/// Versions that are served besides the stored one, least preferred last.
fn other_versions(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Task | Kind::Pipeline | Kind::TaskRun | Kind::PipelineRun => &["v1beta1"],
        Kind::StepAction => &["v1alpha1"],
        _ => &[],
    }
}

/// Every resource that is built in.
pub(super) fn resources() -> Vec<Resource> {
    let mut all = Vec::new();
    for kind in Kind::ALL.iter().copied() {
        let stored = stored(kind, kind.version());
        for version in other_versions(kind) {
            all.push(Resource {
                version: (*version).to_owned(),
                ..stored.clone()
            });
        }
        all.push(stored);
    }
    let reading = vec![Verb::Get, Verb::List, Verb::Watch];
    all.push(named("", "v1", "Pod", "pods", Source::Pods, reading.clone()));
    all.push(named(
        "apps",
        "v1",
        "Deployment",
        "deployments",
        Source::Empty,
        reading,
    ));
    all.sort_by_key(|resource| {
        resource.version.starts_with("v1alpha") || resource.version.starts_with("v1beta")
    });
    all
}

fn stored(kind: Kind, version: &str) -> Resource {
    let verbs = Verb::ALL.iter().copied();
    let verbs = verbs.filter(|verb| *verb != Verb::Impersonate).collect();
    Resource {
        namespaced: kind.is_namespaced(),
        has_status: kind.has_status(),
        ..named(
            kind.group(),
            version,
            kind.as_str(),
            kind.plural(),
            Source::Stored(kind),
            verbs,
        )
    }
}

fn named(group: &str, version: &str, kind: &str, plural: &str, source: Source, verbs: Vec<Verb>) -> Resource {
    let names = NAMES
        .iter()
        .find(|(of, name, ..)| *of == group && *name == plural);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short_names: names.map(|(_, _, short, _)| texts(short)).unwrap_or_default(),
        categories: names
            .map(|(.., categories)| texts(categories))
            .unwrap_or_default(),
        namespaced: true,
        verbs,
        has_status: false,
        source,
    }
}

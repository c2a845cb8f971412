//! Which kinds of objects are read, and which are passed over.

use crate::decode::nearest;
use crate::object::Kind;
use crate::problem::FieldPath;
use crate::problem::Problem;

/// Code of the problem that no object of this kind is known.
const UNKNOWN_KIND: &str = "unknown-kind";
/// Code of the problem that an object means nothing here.
const IGNORED_KIND: &str = "ignored-kind";
/// Code of the problem that an object does not say what it is.
const MISSING_KIND: &str = "missing-kind";

/// What is known of an `apiVersion` and `kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// A kind of the plane.
    Kind(Kind),
    /// A list of objects; the kind of those that do not say it themselves.
    List(Option<Kind>),
    /// Nothing to be read: a warning for what only matters on a cluster, otherwise an error.
    Not(Box<Problem>),
}

/// Versions besides the stored one in which a kind is accepted.
fn other_versions(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Task | Kind::Pipeline | Kind::TaskRun | Kind::PipelineRun => &["tekton.dev/v1beta1"],
        Kind::StepAction => &["tekton.dev/v1alpha1"],
        Kind::ResolutionRequest => &["resolution.tekton.dev/v1alpha1"],
        _ => &[],
    }
}

fn accepts(kind: Kind, api_version: &str) -> bool {
    kind.api_version() == api_version || other_versions(kind).contains(&api_version)
}

fn kind_named(name: &str) -> Option<Kind> {
    kinds_of_runs().find(|kind| kind.as_str() == name)
}

/// Groups whose objects matter on a cluster, or to another part of the plane, but not to runs.
const IGNORED_GROUPS: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "networking.k8s.io",
    "operator.tekton.dev",
    "policy",
    "rbac.authorization.k8s.io",
    "resolution.tekton.dev",
    "scheduling.k8s.io",
    "secrets-store.csi.x-k8s.io",
    "storage.k8s.io",
    "triggers.tekton.dev",
    "windlass.dev",
];

/// Kinds of other groups that are passed over.
const IGNORED_KINDS: &[(&str, &str)] = &[
    ("", "Event"),
    ("", "LimitRange"),
    ("", "Namespace"),
    ("", "PersistentVolume"),
    ("", "Pod"),
    ("", "ResourceQuota"),
    ("", "Service"),
    ("tekton.dev", "VerificationPolicy"),
];

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether objects of a kind have no effect on runs without a cluster.
fn is_ignored(api_version: &str, kind: &str) -> bool {
    let group = group(api_version);
    IGNORED_GROUPS.contains(&group) || IGNORED_KINDS.contains(&(group, kind))
}

/// The kinds that have an effect on runs.
fn kinds_of_runs() -> impl Iterator<Item = Kind> {
    let kinds = Kind::ALL.iter().copied();
    kinds.filter(|kind| !is_ignored(kind.api_version(), kind.as_str()))
}

/// Finds out what an object is from what it says of itself.
pub fn known(api_version: &str, kind: &str) -> Known {
    if api_version.is_empty() || kind.is_empty() {
        let field = if kind.is_empty() { "kind" } else { "apiVersion" };
        let problem = Problem::error(MISSING_KIND, FieldPath::root().field(field), "missing field(s)");
        return Known::Not(Box::new(problem.hint(missing_hint(kind))));
    }
    if kind == "List" && api_version == "v1" {
        return Known::List(None);
    }
    if is_ignored(api_version, kind) {
        let message = format!("{kind} ({api_version}) is ignored");
        let problem = Problem::warning(IGNORED_KIND, FieldPath::root().field("kind"), message);
        return Known::Not(Box::new(
            problem.hint("it has no effect on runs without a cluster"),
        ));
    }
    if let Some(kind) = kind_named(kind).filter(|kind| accepts(*kind, api_version)) {
        return Known::Kind(kind);
    }
    let item = kind.strip_suffix("List").and_then(kind_named);
    if let Some(item) = item.filter(|item| accepts(*item, api_version)) {
        return Known::List(Some(item));
    }
    Known::Not(Box::new(unknown(api_version, kind)))
}

fn missing_hint(kind: &str) -> String {
    match kind_named(kind) {
        Some(kind) => format!("{kind} is {:?}", kind.api_version()),
        None => {
            "every object starts with apiVersion and kind, for instance tekton.dev/v1 and Task".to_owned()
        }
    }
}

fn unknown(api_version: &str, kind: &str) -> Problem {
    let root = FieldPath::root();
    if let Some(right) = kind_named(kind) {
        let message = format!("no kind {kind:?} in apiVersion {api_version:?}");
        let problem = Problem::error(UNKNOWN_KIND, root.field("apiVersion"), message);
        return problem.hint(format!("use apiVersion {}", right.api_version()));
    }
    let message = format!("unknown kind {kind:?} of apiVersion {api_version:?}");
    let problem = Problem::error(UNKNOWN_KIND, root.field("kind"), message);
    let hint = match kind {
        "ClusterTask" => "cluster tasks are gone from Tekton; make it a Task".to_owned(),
        "Run" => "it is called CustomRun, of apiVersion tekton.dev/v1beta1".to_owned(),
        "PipelineResource" => {
            "pipeline resources are gone from Tekton; use workspaces, params and results".to_owned()
        }
        _ => match nearest(kind, kinds_of_runs().map(Kind::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => {
                let all: Vec<&str> = kinds_of_runs().map(Kind::as_str).collect();
                format!("known kinds: {}", all.join(", "))
            }
        },
    };
    problem.hint(hint)
}

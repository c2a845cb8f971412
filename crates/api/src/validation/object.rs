//! Any object.

use super::flags::Flags;
use super::place::Place;
use super::violation::Check;
use super::violation::INVALID_NAME;
use super::violation::INVALID_VALUE;
use super::violation::MISSING_FIELD;
use super::violation::Violation;
use crate::meta::ObjectMeta;
use crate::names::LABEL_MAX;
use crate::names::SUBDOMAIN_MAX;
use crate::names::generate_name;
use crate::names::is_dns_label;
use crate::names::is_dns_subdomain;
use crate::names::is_result_name;
use crate::names::qualified_name_problems;
use crate::object::Kind;
use crate::object::Object;
use crate::reasons::pipeline_run;
use crate::reasons::task_run;

/// What Kubernetes says of the value of a label.
const LABEL_RULE: &str = "consist of at most 63 alphanumeric characters, '-', '_' or '.', and start and end with an \
     alphanumeric character";

/// What Kubernetes says of the name of a namespace.
const NAMESPACE_RULE: &str = "consist of lower case alphanumeric characters or '-', and must start and end with an \
     alphanumeric character";

/// Everything that keeps an object from being created, at once.
///
/// Defaults have to be set before (see [`crate::defaults`]): the type of a parameter, for one, is required. The
/// messages are those of upstream's webhook, the paths lead to where the cause is.
pub fn validate_create(object: &Object, flags: &Flags) -> Vec<Violation> {
    let mut check = Check::new(flags);
    let root = Place::root();
    check.metadata(&root.field("metadata"), object.metadata(), object.kind());
    check.labels(&root.field("metadata").field("labels"), object.metadata());
    check.body(&root, object);
    check.violations
}

impl Check<'_> {
    fn metadata(&mut self, at: &Place<'_>, metadata: &ObjectMeta, kind: Kind) {
        // Namespaces name directories, too.
        if !metadata.namespace.is_empty() && !is_dns_label(&metadata.namespace) {
            let message = format!(
                "Invalid value: {:?}: a lowercase RFC 1123 label must {NAMESPACE_RULE}",
                metadata.namespace
            );
            self.add(Violation::new(INVALID_NAME, &at.field("namespace"), message));
        }
        let (name, field) = if !metadata.name.is_empty() {
            (metadata.name.clone(), "name")
        } else if !metadata.generate_name.is_empty() {
            (generate_name(&metadata.generate_name, 0), "generateName")
        } else {
            let message = "name or generateName is required";
            self.add(Violation::new(MISSING_FIELD, &at.field("name"), message));
            return;
        };
        let most = match kind {
            Kind::Task
            | Kind::Pipeline
            | Kind::TaskRun
            | Kind::PipelineRun
            | Kind::StepAction
            | Kind::CustomRun
            | Kind::Namespace => LABEL_MAX,
            _ => SUBDOMAIN_MAX,
        };
        let is_role = matches!(
            kind,
            Kind::Role | Kind::ClusterRole | Kind::RoleBinding | Kind::ClusterRoleBinding
        );
        // Roles are called `system:admin` and the like: whatever is one segment of a path.
        let is_segment = !matches!(name.as_str(), "." | "..") && !name.contains(['/', '%']);
        if is_role && is_segment {
            return;
        }
        if !is_dns_subdomain(&name) {
            let message = format!("invalid resource name {name:?}: must be a valid DNS label");
            let violation = Violation::new(INVALID_NAME, &at.field(field), message);
            self.add(violation.hint("a name has lower case letters, digits, '-' and '.', and starts and ends with a letter or digit"));
        } else if name.len() > most {
            let message = format!("Invalid resource name: length must be no more than {most} characters");
            self.add(Violation::new(INVALID_NAME, &at.field(field), message));
        }
    }

    fn labels(&mut self, at: &Place<'_>, metadata: &ObjectMeta) {
        for (key, value) in &metadata.labels {
            for problem in qualified_name_problems(key) {
                let message = format!("Invalid value: {key:?}: {problem}");
                self.add(Violation::new(INVALID_NAME, &at.key(key), message));
            }
            if !value.is_empty() && (value.len() > LABEL_MAX || !is_result_name(value)) {
                let message = format!(
                    "Invalid value: {value:?}: a valid label must be an empty string or {LABEL_RULE}"
                );
                self.add(Violation::new(INVALID_VALUE, &at.key(key), message));
            }
        }
    }

    fn body(&mut self, root: &Place<'_>, object: &Object) {
        let at = root.field("spec");
        match object {
            Object::Task(task) => {
                self.task_spec(&at, (&task.spec).into());
                self.task_usage(&at, (&task.spec).into(), None);
            }
            Object::Pipeline(pipeline) => {
                self.pipeline_spec(&at, &pipeline.spec);
                self.pipeline_usage(&at, &pipeline.spec);
            }
            Object::TaskRun(run) => {
                let started = run.status.start_time.is_some();
                if started && run.spec.status == task_run::REQUEST_PENDING {
                    self.pending_after_start(&at, "TaskRun");
                }
                self.task_run_spec(&at, &run.spec);
            }
            Object::PipelineRun(run) => {
                let started = run.status.start_time.is_some();
                if started && run.spec.status == pipeline_run::REQUEST_PENDING {
                    self.pending_after_start(&at, "PipelineRun");
                }
                self.pipeline_run_spec(&at, &run.spec);
            }
            Object::StepAction(action) => self.step_action_spec(&at, &action.spec),
            Object::CustomRun(run) => self.custom_run_spec(&at, &run.spec),
            Object::Secret(secret) => {
                let at = root.field("data");
                for key in secret.data.keys() {
                    self.data_key(&at, key);
                    if secret.bytes(key).is_err() && !secret.string_data.contains_key(key) {
                        let violation = Violation::new(INVALID_VALUE, &at.key(key), "illegal base64 data");
                        self.add(violation.hint("plain text goes into stringData"));
                    }
                }
            }
            Object::ConfigMap(map) => {
                for (field, keys) in [("data", map.data.keys()), ("binaryData", map.binary_data.keys())] {
                    let at = root.field(field);
                    for key in keys {
                        self.data_key(&at, key);
                    }
                }
                let at = root.field("binaryData");
                for key in map.binary_data.keys().filter(|key| map.bytes(key).is_err()) {
                    self.add(Violation::new(INVALID_VALUE, &at.key(key), "illegal base64 data"));
                }
            }
            _ => {}
        }
    }

    fn pending_after_start(&mut self, at: &Place<'_>, kind: &str) {
        let value = format!("{kind} cannot be Pending after it is started");
        self.add(Violation::invalid(&at.field("status"), value));
    }

    /// Keys become names of files.
    fn data_key(&mut self, at: &Place<'_>, key: &str) {
        let valid = key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !valid || key.is_empty() || key.len() > SUBDOMAIN_MAX || key == "." || key.starts_with("..") {
            let message = format!(
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.', and must not start with \
                 '..': {key:?}"
            );
            self.add(Violation::new(INVALID_NAME, &at.key(key), message));
        }
    }
}

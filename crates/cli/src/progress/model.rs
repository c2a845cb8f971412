//! A run and its children, as the plane tells of them.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use windlass_api::Duration;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::meta::ObjectMeta;
use windlass_api::reasons::labels;

use super::state::STATES;
use super::state::State;
use super::state::times;

/// A run below the one that was started.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// As last seen.
    pub(crate) object: Object,
    /// What people call it: the pipeline task, with those of the pipelines around it and the number of its combination.
    pub(crate) label: Arc<str>,
    /// The run that made it.
    pub(crate) parent: Key,
    /// Where it stands.
    pub(crate) state: State,
}

impl Run {
    /// How long it took, or takes so far.
    pub(crate) fn duration(&self, now: Time) -> Option<Duration> {
        duration(&self.object, now)
    }

    /// The step that runs.
    pub(crate) fn step(&self) -> Option<&str> {
        running_step(&self.object)
    }
}

/// How long a run took, or takes so far.
pub(crate) fn duration(object: &Object, now: Time) -> Option<Duration> {
    let (start, end) = times(object);
    start.map(|start| end.unwrap_or(now).since(start))
}

/// The step of a run that runs.
pub(crate) fn running_step(object: &Object) -> Option<&str> {
    let Object::TaskRun(run) = object else {
        return None;
    };
    run.status
        .steps
        .iter()
        .find(|step| step.running.is_some())
        .map(|step| step.name.as_str())
}

/// A run and its children.
#[derive(Debug)]
pub(crate) struct Progress {
    root: Object,
    root_label: Arc<str>,
    runs: IndexMap<Key, Run>,
    pods: HashMap<Arc<str>, Arc<str>>,
    counts: [usize; STATES],
}

impl Progress {
    /// The progress of a run that was just created.
    pub(crate) fn new(root: Object) -> Self {
        let root_label = root_label(&root).into();
        Self {
            root,
            root_label,
            runs: IndexMap::new(),
            pods: HashMap::new(),
            counts: [0; STATES],
        }
    }

    /// The run that was started.
    pub(crate) fn root(&self) -> &Object {
        &self.root
    }

    /// What people call the run that was started.
    pub(crate) fn root_label(&self) -> &str {
        &self.root_label
    }

    /// Where the run that was started stands.
    pub(crate) fn root_state(&self) -> State {
        State::of(&self.root)
    }

    /// The runs below it, in the order of their appearance.
    pub(crate) fn runs(&self) -> impl DoubleEndedIterator<Item = (&Key, &Run)> {
        self.runs.iter()
    }

    /// How many runs below it are in a state; pipelines among them are not counted.
    pub(crate) fn count(&self, state: State) -> usize {
        self.counts.get(state.index()).copied().unwrap_or_default()
    }

    /// Whether it ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.root_state().is_final()
    }

    /// Whether everything below it ended.
    pub(crate) fn is_quiet(&self) -> bool {
        self.count(State::Pending) == 0 && self.count(State::Running) == 0
    }

    /// What people call the task whose attempt a pod is.
    pub(crate) fn label_of_pod(&self, pod: &str) -> Option<&Arc<str>> {
        self.pods.get(pod)
    }

    /// Takes a change; returns whether it concerns this run.
    pub(crate) fn see(&mut self, object: Object) -> bool {
        let key = object.key();
        if key == self.root.key() {
            let label = Arc::clone(&self.root_label);
            self.see_pods(&object, &label);
            self.root = object;
            return true;
        }
        let state = State::of(&object);
        let is_task = object.kind() != Kind::PipelineRun;
        if let Some(run) = self.runs.get_mut(&key) {
            let (old, label) = (run.state, Arc::clone(&run.label));
            run.state = state;
            run.object = object.clone();
            if is_task {
                self.count_down(old);
                self.count_up(state);
            }
            self.see_pods(&object, &label);
            return true;
        }
        let Some((parent, label)) = self.place(&object) else {
            return false;
        };
        if is_task {
            self.count_up(state);
        }
        self.see_pods(&object, &label);
        self.runs.insert(
            key,
            Run {
                object,
                label,
                parent,
                state,
            },
        );
        true
    }

    fn count_up(&mut self, state: State) {
        if let Some(count) = self.counts.get_mut(state.index()) {
            *count += 1;
        }
    }

    fn count_down(&mut self, state: State) {
        if let Some(count) = self.counts.get_mut(state.index()) {
            *count = count.saturating_sub(1);
        }
    }

    fn see_pods(&mut self, object: &Object, label: &Arc<str>) {
        let Object::TaskRun(run) = object else {
            return;
        };
        let attempts = run.status.retries_status.iter().map(|attempt| &attempt.pod_name);
        for pod in attempts
            .chain([&run.status.pod_name])
            .filter(|pod| !pod.is_empty())
        {
            if !self.pods.contains_key(pod.as_str()) {
                self.pods.insert(pod.as_str().into(), Arc::clone(label));
            }
        }
    }

    /// The parent of an object that is new, and what to call it; `None` when it is no part of this run.
    fn place(&self, object: &Object) -> Option<(Key, Arc<str>)> {
        let metadata = object.metadata();
        let owner = metadata
            .owner_references
            .iter()
            .find(|owner| owner.kind == Kind::PipelineRun.as_str())?;
        let parent = Key::new(
            Kind::PipelineRun,
            metadata.namespace.as_str(),
            owner.name.as_str(),
        );
        let own = own_label(metadata, &owner.name);
        if parent == self.root.key() {
            return Some((parent, own.into()));
        }
        let label = format!("{}/{own}", self.runs.get(&parent)?.label).into();
        Some((parent, label))
    }
}

/// The child's name without its parent's: the pipeline task, and the number of a matrix combination. Names that were
/// cut because they were too long leave the pipeline task.
fn own_label<'a>(metadata: &'a ObjectMeta, parent: &str) -> &'a str {
    let rest = metadata
        .name
        .strip_prefix(parent)
        .and_then(|rest| rest.strip_prefix('-'));
    match metadata.labels.get(labels::PIPELINE_TASK) {
        Some(task) => rest
            .filter(|rest| rest.starts_with(task.as_str()))
            .unwrap_or(task),
        None => rest.unwrap_or(&metadata.name),
    }
}

fn root_label(root: &Object) -> String {
    let reference = match root {
        Object::TaskRun(run) => run
            .spec
            .task_ref
            .as_ref()
            .map(|reference| reference.name.as_str()),
        Object::PipelineRun(run) => run
            .spec
            .pipeline_ref
            .as_ref()
            .map(|reference| reference.name.as_str()),
        _ => None,
    };
    let metadata = root.metadata();
    let generated = metadata.generate_name.trim_end_matches('-');
    let own = if generated.is_empty() {
        &metadata.name
    } else {
        generated
    };
    reference
        .filter(|name| !name.is_empty())
        .unwrap_or(own)
        .to_owned()
}

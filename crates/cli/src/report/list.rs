//! A run and all its children as one `List`.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;
use windlass_api::Key;
use windlass_api::Object;

use super::secrets::Secrets;
use crate::progress::Progress;
use crate::progress::Run;

/// A `v1` `List`: the run, then its children in the order of its `childReferences`, each followed by its own.
///
/// Values have their secrets covered.
pub(crate) fn list(progress: &Progress, secrets: &Secrets) -> Value {
    let mut children: BTreeMap<&Key, Vec<&Run>> = BTreeMap::new();
    for (_, run) in progress.runs() {
        children.entry(&run.parent).or_default().push(run);
    }
    let mut items = Vec::new();
    push(progress.root(), &mut children, &mut items);
    // Children whose parent went away would be lost otherwise.
    items.extend(children.into_values().flatten().map(|run| run.object.to_json()));
    for item in &mut items {
        secrets.cover_values(item);
    }
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn push(object: &Object, children: &mut BTreeMap<&Key, Vec<&Run>>, items: &mut Vec<Value>) {
    items.push(object.to_json());
    let Some(mut own) = children.remove(&object.key()) else {
        return;
    };
    if let Object::PipelineRun(run) = object {
        let order: BTreeMap<&str, usize> = run
            .status
            .child_references
            .iter()
            .enumerate()
            .map(|(place, child)| (child.name.as_str(), place))
            .collect();
        own.sort_by_key(|run| {
            order
                .get(run.object.metadata().name.as_str())
                .copied()
                .unwrap_or(usize::MAX)
        });
    }
    for run in own {
        push(&run.object, children, items);
    }
}

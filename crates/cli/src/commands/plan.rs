//! `windlass run --dry-run`: what would run, in which order and with what.

use std::fmt::Write as _;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::manifest::Manifest;
use windlass_api::tekton::Param;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::Step;
use windlass_api::tekton::task::StepTemplate;
use windlass_api::tekton::workspaces::WorkspaceBinding;

use crate::graph::Graph;
use crate::graph::Node;
use crate::graph::step_name;
use crate::input::Definition;
use crate::input::Found;
use crate::launch::Launch;
use crate::launch::value_text;
use crate::report::table;
use crate::terminal::Paint;
use crate::terminal::Style;

/// Pipelines in pipelines are shown down to this depth.
const DEEPEST: usize = 8;

/// Describes what would run.
pub(crate) fn describe(launch: &Launch, manifest: &Manifest, style: Style) -> String {
    let run = &launch.run;
    let found = Found::of(run, manifest);
    let metadata = run.metadata();
    let name = if metadata.name.is_empty() {
        format!("{}…", metadata.generate_name)
    } else {
        metadata.name.clone()
    };
    let mut text = format!(
        "{} in namespace {}\n",
        style.paint(Paint::Strong, &format!("{} {name}", run.kind())),
        metadata.namespace
    );
    if let Some(elsewhere) = found.elsewhere() {
        let _ = writeln!(text, "  {elsewhere}");
    }
    let definition = found.here();
    push_params(&mut text, params_of(run), definition, style);
    push_workspaces(&mut text, workspaces_of(run), definition, launch, style);
    text.push('\n');
    let planner = Planner {
        manifest,
        from: run,
        style,
    };
    match definition {
        Some(Definition::Pipeline(spec)) => planner.push_pipeline(&mut text, spec, 0),
        Some(Definition::Task(spec)) => {
            planner.push_steps(&mut text, &spec.steps, spec.step_template.as_ref(), 0);
        }
        None => {}
    }
    text
}

fn params_of(run: &Object) -> &[Param] {
    match run {
        Object::PipelineRun(run) => &run.spec.params,
        Object::TaskRun(run) => &run.spec.params,
        Object::CustomRun(run) => &run.spec.params,
        _ => &[],
    }
}

fn workspaces_of(run: &Object) -> &[WorkspaceBinding] {
    match run {
        Object::PipelineRun(run) => &run.spec.workspaces,
        Object::TaskRun(run) => &run.spec.workspaces,
        Object::CustomRun(run) => &run.spec.workspaces,
        _ => &[],
    }
}

fn push_params(text: &mut String, given: &[Param], definition: Option<Definition<'_>>, style: Style) {
    let declared = definition.map(Definition::params).unwrap_or_default();
    let mut rows = Vec::new();
    for param in given {
        rows.push([param.name.clone(), value_text(&param.value), "given".to_owned()]);
    }
    for spec in declared
        .iter()
        .filter(|spec| !given.iter().any(|param| param.name == spec.name))
    {
        let (value, from) = match &spec.default {
            Some(value) => (value_text(value), "default"),
            None => (String::new(), "missing"),
        };
        rows.push([spec.name.clone(), value, from.to_owned()]);
    }
    push_table(text, &["PARAM", "VALUE", "FROM"], rows, style);
}

fn push_workspaces(
    text: &mut String,
    bound: &[WorkspaceBinding],
    definition: Option<Definition<'_>>,
    launch: &Launch,
    style: Style,
) {
    let mut rows: Vec<[String; 2]> = bound
        .iter()
        .map(|binding| [binding.name.clone(), source(binding, launch)])
        .collect();
    let declared = definition.map(Definition::workspaces).unwrap_or_default();
    for workspace in declared
        .iter()
        .filter(|workspace| !bound.iter().any(|binding| binding.name == workspace.name))
    {
        let what = if workspace.optional {
            "not bound (optional)"
        } else {
            "missing"
        };
        rows.push([workspace.name.to_owned(), what.to_owned()]);
    }
    push_table(text, &["WORKSPACE", "SOURCE"], rows, style);
}

fn push_table<const N: usize>(text: &mut String, head: &[&str; N], rows: Vec<[String; N]>, style: Style) {
    if rows.is_empty() {
        return;
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| row.into_iter().map(|cell| (cell, None)).collect())
        .collect();
    text.push('\n');
    text.push_str(&table(style, head, &rows));
}

fn source(binding: &WorkspaceBinding, launch: &Launch) -> String {
    let below = if binding.sub_path.is_empty() {
        String::new()
    } else {
        format!(", below {}", binding.sub_path)
    };
    let what = if let Some(claim) = &binding.persistent_volume_claim {
        let named = launch
            .directories
            .iter()
            .find(|(_, name, _)| *name == claim.claim_name);
        named.map_or_else(
            || format!("claim {}", claim.claim_name),
            |(_, _, directory)| format!("directory {}", directory.display()),
        )
    } else if binding.volume_claim_template.is_some() {
        "a directory that lives as long as the run".to_owned()
    } else if binding.empty_dir.is_some() {
        "an empty directory for each task".to_owned()
    } else if let Some(map) = &binding.config_map {
        format!("ConfigMap {}", map.name)
    } else if let Some(secret) = &binding.secret {
        format!("Secret {}", secret.secret_name)
    } else if binding.projected.is_some() {
        "several sources in one directory".to_owned()
    } else if let Some(csi) = &binding.csi {
        format!("CSI driver {}", csi.driver)
    } else {
        "nothing".to_owned()
    };
    what + &below
}

/// Describes the tasks of a run.
#[derive(Clone, Copy)]
struct Planner<'a> {
    manifest: &'a Manifest,
    from: &'a Object,
    style: Style,
}

impl Planner<'_> {
    fn push_pipeline(self, text: &mut String, spec: &PipelineSpec, depth: usize) {
        let indent = "     ".repeat(depth);
        let graph = Graph::of_pipeline(String::new(), spec);
        for (number, layer) in graph.layers.iter().enumerate() {
            for (position, place) in layer.iter().enumerate() {
                let (Some(node), Some(task)) = (graph.nodes.get(*place), spec.tasks.get(*place)) else {
                    continue;
                };
                let number = if position == 0 {
                    (number + 1).to_string()
                } else {
                    String::new()
                };
                self.push_task(text, &format!("{indent}{number:>3}"), node, task, depth);
            }
        }
        for (position, (node, task)) in graph.finally.iter().zip(&spec.finally).enumerate() {
            if position == 0 {
                let _ = writeln!(text, "{indent}  finally");
            }
            self.push_task(text, &format!("{indent}   "), node, task, depth);
        }
    }

    fn push_task(self, text: &mut String, number: &str, node: &Node, task: &PipelineTask, depth: usize) {
        let mut about = Vec::new();
        if !node.after.is_empty() {
            about.push(format!("← {}", node.after.join(", ")));
        }
        about.extend(node.marks.iter().map(|mark| format!("[{mark}]")));
        let about = self.style.paint(Paint::Faint, &about.join("  "));
        let line = format!(
            "{number}  {}  {about}",
            self.style.paint(Paint::Strong, &node.name)
        );
        let _ = writeln!(text, "{}", line.trim_end());
        self.push_body(text, task, depth + 1);
    }

    fn push_body(self, text: &mut String, task: &PipelineTask, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        if let Some(spec) = &task.pipeline_spec {
            return self.push_pipeline(text, spec, depth);
        }
        if let Some(spec) = task.task_spec.as_ref().filter(|spec| spec.api_version.is_empty()) {
            return self.push_steps(text, &spec.steps, spec.step_template.as_ref(), depth);
        }
        let found = match (&task.pipeline_ref, &task.task_ref, &task.task_spec) {
            (Some(reference), _, _) => Found::by_name(
                Kind::Pipeline,
                &reference.name,
                &reference.resolver,
                self.from,
                self.manifest,
            ),
            (None, Some(reference), _) if !reference.api_version.is_empty() && reference.kind != "Task" => {
                Found::Custom(format!("{} {}", reference.api_version, reference.kind))
            }
            (None, Some(reference), _) => Found::by_name(
                Kind::Task,
                &reference.name,
                &reference.resolver,
                self.from,
                self.manifest,
            ),
            (None, None, Some(spec)) => Found::Custom(format!("{} {}", spec.api_version, spec.kind)),
            (None, None, None) => Found::Nothing,
        };
        match found.here() {
            Some(Definition::Pipeline(spec)) => self.push_pipeline(text, spec, depth),
            Some(Definition::Task(spec)) => {
                self.push_steps(text, &spec.steps, spec.step_template.as_ref(), depth);
            }
            None => {
                if let Some(elsewhere) = found.elsewhere() {
                    let _ = writeln!(text, "{}  {elsewhere}", "     ".repeat(depth));
                }
            }
        }
    }

    fn push_steps(self, text: &mut String, steps: &[Step], template: Option<&StepTemplate>, depth: usize) {
        let indent = "     ".repeat(depth);
        let names: Vec<String> = steps
            .iter()
            .enumerate()
            .map(|(place, step)| step_name(&step.name, place))
            .collect();
        let width = names
            .iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or_default();
        for (name, step) in names.iter().zip(steps) {
            let padding = width.saturating_sub(name.chars().count());
            let image = self.image(step, template);
            let line = format!(
                "{indent}  {name}{:padding$}  {}",
                "",
                self.style.paint(Paint::Faint, &image)
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }

    fn image(self, step: &Step, template: Option<&StepTemplate>) -> String {
        if let Some(reference) = &step.r#ref {
            if !reference.resolver.is_empty() {
                return format!("fetched by the {} resolver when it runs", reference.resolver);
            }
            let found = self
                .manifest
                .entries
                .iter()
                .find_map(|entry| match &entry.object {
                    Object::StepAction(action) if action.metadata.name == reference.name => Some(action),
                    _ => None,
                });
            return found.map_or_else(
                || format!("StepAction {:?} is not in the input", reference.name),
                |action| format!("{} (StepAction {})", action.spec.image, reference.name),
            );
        }
        let of_template = || {
            template
                .map(|template| template.image.clone())
                .unwrap_or_default()
        };
        if step.image.is_empty() {
            of_template()
        } else {
            step.image.clone()
        }
    }
}

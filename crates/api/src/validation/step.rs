//! Steps and sidecars.

use std::borrow::Cow;
use std::collections::HashSet;

use super::flags::Stability;
use super::params::Scope;
use super::place::Place;
use super::violation::Check;
use super::violation::DISALLOWED_FIELD;
use super::violation::DUPLICATE_NAME;
use super::violation::FEATURE_DISABLED;
use super::violation::INVALID_NAME;
use super::violation::INVALID_VALUE;
use super::violation::INVALID_VARIABLE;
use super::violation::Violation;
use crate::core::VolumeMount;
use crate::names::is_dns_label;
use crate::tekton::Step;
use crate::tekton::task::Sidecar;
use crate::tekton::task::StepTemplate;

impl Check<'_> {
    /// The steps of a task, each as it is once the template is merged into it.
    pub(super) fn steps(&mut self, at: &Place<'_>, steps: &[Step], template: Option<&StepTemplate>) {
        let mut names = HashSet::new();
        for (index, step) in steps.iter().enumerate() {
            let at = at.index(index);
            if !step.name.is_empty() && !names.insert(step.name.as_str()) {
                let violation = Violation::both(&at, &["name"]).code(DUPLICATE_NAME);
                self.add(violation.hint(format!("another step is called {:?}", step.name)));
            }
            self.step(&at, step, template);
            self.step_results(&at, &step.results);
            let results: HashSet<&str> = step.results.iter().map(|result| result.name.as_str()).collect();
            if !results.is_empty() {
                self.known_variables(&at.field("script"), &step.script, "step.results", &results);
            }
            self.when_expressions(&at, &step.when);
        }
    }

    fn step(&mut self, at: &Place<'_>, step: &Step, template: Option<&StepTemplate>) {
        self.step_artifacts_enabled(at, step);
        match &step.r#ref {
            Some(reference) => {
                let reference_at = at.unprinted("ref");
                self.reference(
                    &reference_at,
                    &reference.name,
                    &reference.resolver,
                    &reference.params,
                );
                self.exclusive_with_ref(at, step);
            }
            None => self.own_step(at, step, template),
        }
        if !step.name.is_empty() && !is_dns_label(&step.name) {
            let message = format!("invalid value {:?}", step.name);
            self.add(Violation::new(INVALID_NAME, &at.field("name"), message).details(
                "Task step name must be a valid DNS Label, For more info refer to \
                 https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names",
            ));
        }
        if let Some(timeout) = step.timeout.filter(|timeout| timeout.is_negative()) {
            self.add(Violation::invalid(
                &at.spelt("timeout", "negative timeout"),
                timeout,
            ));
        }
        self.mounts(&at.field("volumeMounts"), &step.volume_mounts);
        self.step_on_error(at, step);
        self.step_features(at, step);
        self.step_result_references(at, step);
    }

    fn own_step(&mut self, at: &Place<'_>, step: &Step, template: Option<&StepTemplate>) {
        if !step.params.is_empty() {
            let message = "params cannot be used without Ref";
            self.add(Violation::new(DISALLOWED_FIELD, &at.field("params"), message));
        }
        if step.image.is_empty() && template.is_none_or(|template| template.image.is_empty()) {
            self.add(Violation::missing(&at.spelt("image", "Image")));
        }
        let command =
            !step.command.is_empty() || template.is_some_and(|template| !template.command.is_empty());
        if !step.script.is_empty() && command {
            self.add(script_with_command(at));
        }
    }

    fn exclusive_with_ref(&mut self, at: &Place<'_>, step: &Step) {
        let set = [
            (!step.image.is_empty(), "image", "image"),
            (!step.command.is_empty(), "command", "command"),
            (!step.args.is_empty(), "args", "args"),
            (!step.script.is_empty(), "script", "script"),
            (!step.working_dir.is_empty(), "workingDir", "working dir"),
            (!step.env.is_empty(), "env", "env"),
            (!step.volume_mounts.is_empty(), "volumeMounts", "volumeMounts"),
            (!step.results.is_empty(), "results", "results"),
        ];
        for (_, field, word) in set.into_iter().filter(|(set, ..)| *set) {
            let message = format!("{word} cannot be used with Ref");
            self.add(Violation::new(DISALLOWED_FIELD, &at.field(field), message));
        }
    }

    pub(super) fn mounts(&mut self, at: &Place<'_>, mounts: &[VolumeMount]) {
        for (index, mount) in mounts.iter().enumerate() {
            let at = at.index(index);
            let cleaned = clean(&mount.mount_path);
            if cleaned.starts_with("/tekton/") && !cleaned.starts_with("/tekton/home") {
                let message = format!(
                    "volumeMount cannot be mounted under /tekton/ (volumeMount {:?} mounted at {:?})",
                    mount.name, mount.mount_path
                );
                self.add(Violation::new(INVALID_VALUE, &at.field("mountPath"), message));
            }
            if mount.name.starts_with("tekton-internal-") {
                let message = format!(
                    "volumeMount name {:?} cannot start with \"tekton-internal-\"",
                    mount.name
                );
                self.add(Violation::new(INVALID_NAME, &at.field("name"), message));
            }
        }
    }

    fn step_on_error(&mut self, at: &Place<'_>, step: &Step) {
        let allowed = ["", "continue", "stopAndFail"];
        if !allowed.contains(&step.on_error.as_str()) && !step.on_error.starts_with("$(params") {
            let message = format!("invalid value: \"{}\"", step.on_error);
            self.add(
                Violation::new(INVALID_VALUE, &at.field("onError"), message)
                    .details("Task step onError must be either \"continue\" or \"stopAndFail\""),
            );
        }
    }

    fn step_features(&mut self, at: &Place<'_>, step: &Step) {
        if step.script.trim_start().starts_with("#!win") {
            self.feature(&at.field("script"), "windows script support", Stability::Alpha);
        }
        if step.stdout_config.is_some() {
            self.feature(
                &at.field("stdoutConfig"),
                "step stdout stream support",
                Stability::Alpha,
            );
        }
        if step.stderr_config.is_some() {
            self.feature(
                &at.field("stderrConfig"),
                "step stderr stream support",
                Stability::Alpha,
            );
        }
    }

    /// Results and artifacts of steps are known too late for most fields.
    fn step_result_references(&mut self, at: &Place<'_>, step: &Step) {
        let result = "stepResult substitutions are only allowed in env, command and args. Found usage in";
        let artifact =
            "stepArtifact substitutions are only allowed in env, command, args and script. Found usage in";
        for (field, text) in early_texts(step) {
            if refers_to_step_result(text) {
                self.add(Violation::new(INVALID_VARIABLE, &at.field(field), result));
            }
            if field != "script"
                && (refers_to_artifact(text, "steps") || text.contains("$(step.artifacts.path)"))
            {
                self.add(Violation::new(INVALID_VARIABLE, &at.field(field), artifact));
            }
        }
    }

    fn step_artifacts_enabled(&mut self, at: &Place<'_>, step: &Step) {
        if self.flags.enable_artifacts {
            return;
        }
        let mut texts = std::iter::once(&step.script)
            .chain(&step.command)
            .chain(&step.args)
            .chain(step.env.iter().map(|env| &env.value));
        let uses = |text: &String| {
            refers_to_artifact(text, "steps")
                || refers_to_artifact(text, "tasks")
                || text.contains("$(step.artifacts.path)")
                || text.contains("$(artifacts.path)")
        };
        if texts.any(uses) {
            self.add(artifacts_disabled(at));
        }
    }

    /// Sidecars.
    pub(super) fn sidecars(&mut self, at: &Place<'_>, sidecars: &[Sidecar]) {
        for (index, sidecar) in sidecars.iter().enumerate() {
            let at = at.index(index);
            if sidecar.name == "tekton-log-results" {
                let message = format!("Invalid: cannot use reserved sidecar name {} ", sidecar.name);
                self.add(Violation::new(INVALID_NAME, &at.field("name"), message));
            }
            if sidecar.image.is_empty() {
                self.add(Violation::missing(&at.field("image")));
            }
            if !sidecar.script.is_empty() && !sidecar.command.is_empty() {
                self.add(script_with_command(&at));
            }
        }
    }

    /// Requires that arrays stand only where they can be spread out.
    pub(super) fn step_arrays(&mut self, at: &Place<'_>, step: &Step, is_array: &dyn Fn(&str) -> bool) {
        for_texts(at, step, &mut |at, text, place| match place {
            TextPlace::Element => self.isolated_arrays(at, text, is_array),
            TextPlace::Single => self.no_arrays(at, text, is_array),
            TextPlace::OnError => {}
        });
    }

    /// Requires that a step refers to parameters of the scope, and to keys of objects.
    pub(super) fn step_params(&mut self, at: &Place<'_>, step: &Step, scope: &Scope<'_>) {
        for_texts(at, step, &mut |at, text, place| {
            self.params_exist(at, text, scope);
            if !matches!(place, TextPlace::OnError) {
                self.object_params(at, text, scope);
            }
        });
    }

    /// Requires that a step refers to known variables of a prefix.
    pub(super) fn step_variables(
        &mut self,
        at: &Place<'_>,
        step: &Step,
        prefix: &str,
        names: &HashSet<&str>,
    ) {
        for_texts(at, step, &mut |at, text, _| {
            self.known_variables(at, text, prefix, names);
        });
    }
}

/// The violation that artifacts are used without their flag.
pub(super) fn artifacts_disabled(at: &Place<'_>) -> Violation {
    let message = "feature flag enable-artifacts should be set to true to use artifacts feature.";
    Violation::new(FEATURE_DISABLED, at, message)
}

/// The violation that a script and a command are given.
pub(super) fn script_with_command(at: &Place<'_>) -> Violation {
    Violation::new(
        DISALLOWED_FIELD,
        &at.field("script"),
        "script cannot be used with command",
    )
    .hint("give the script its arguments in args, and its interpreter in its first line")
}

enum TextPlace {
    /// An element of `command` or `args`.
    Element,
    /// Anything else.
    Single,
    /// `onError`, which only takes whole parameters.
    OnError,
}

/// Calls with each text of a step in which variables are replaced and that admission looks at.
fn for_texts(at: &Place<'_>, step: &Step, call: &mut dyn FnMut(&Place<'_>, &str, TextPlace)) {
    let single: [(&'static str, &String); 4] = [
        ("name", &step.name),
        ("image", &step.image),
        ("workingDir", &step.working_dir),
        ("script", &step.script),
    ];
    for (field, text) in single.into_iter().filter(|(_, text)| text.contains("$(")) {
        call(&at.field(field), text, TextPlace::Single);
    }
    for (field, texts) in [("command", &step.command), ("args", &step.args)] {
        let at = at.field(field);
        for (index, text) in texts.iter().enumerate().filter(|(_, text)| text.contains("$(")) {
            call(&at.index(index), text, TextPlace::Element);
        }
    }
    let env_at = at.field("env");
    for (index, env) in step
        .env
        .iter()
        .enumerate()
        .filter(|(_, env)| env.value.contains("$("))
    {
        call(&env_at.keyed(index, &env.name), &env.value, TextPlace::Single);
    }
    let mounts_at = at.spelt("volumeMounts", "volumeMount");
    for (index, mount) in step.volume_mounts.iter().enumerate() {
        let at = mounts_at.index(index);
        for (field, text) in [
            ("name", &mount.name),
            ("mountPath", &mount.mount_path),
            ("subPath", &mount.sub_path),
        ] {
            if text.contains("$(") {
                call(&at.field(field), text, TextPlace::Single);
            }
        }
    }
    if step.on_error.contains("$(") {
        call(&at.field("onError"), &step.on_error, TextPlace::OnError);
    }
}

/// The texts of a step that are used before any step runs.
fn early_texts(step: &Step) -> impl Iterator<Item = (&'static str, &str)> {
    let single = [
        ("name", &step.name),
        ("image", &step.image),
        ("script", &step.script),
        ("imagePullPolicy", &step.image_pull_policy),
        ("workingDir", &step.working_dir),
    ];
    let env_from = step.env_from.iter().flat_map(|from| {
        let names = [&from.config_map_ref, &from.secret_ref]
            .into_iter()
            .flatten()
            .map(|source| &source.name);
        names.chain([&from.prefix]).map(|text| ("envFrom", text))
    });
    let mounts = step.volume_mounts.iter();
    let mounts = mounts.flat_map(|mount| [&mount.name, &mount.mount_path, &mount.sub_path]);
    let devices = step
        .volume_devices
        .iter()
        .flat_map(|device| [&device.name, &device.device_path]);
    single
        .into_iter()
        .chain(env_from)
        .chain(mounts.map(|text| ("volumeMounts", text)))
        .chain(devices.map(|text| ("volumeDevices", text)))
        .map(|(field, text)| (field, text.as_str()))
        .filter(|(_, text)| text.contains("$("))
}

/// Whether a text has `$(steps.<step>.results.<result>)`.
fn refers_to_step_result(text: &str) -> bool {
    text.split("$(steps.").skip(1).any(|rest| {
        let line = rest.split('\n').next().unwrap_or_default();
        line.split_once(".results.")
            .is_some_and(|(_, result)| result.contains(')'))
    })
}

/// Whether a text has `$(<section>.<name>.inputs.<artifact>)` or the same with `outputs`.
pub(super) fn refers_to_artifact(text: &str, section: &str) -> bool {
    text.split("$(").skip(1).any(|rest| {
        let words = rest.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'));
        let Some((name, rest)) = words.and_then(|rest| rest.split_once('.')) else {
            return false;
        };
        let artifact = rest
            .strip_prefix("inputs.")
            .or_else(|| rest.strip_prefix("outputs."));
        let Some((artifact, _)) = artifact.and_then(|rest| rest.split_once(')')) else {
            return false;
        };
        !name.is_empty() && !artifact.is_empty() && !artifact.contains('.')
    })
}

/// The shortest path of the same meaning: Go's `path.Clean`.
pub(super) fn clean(path: &str) -> Cow<'_, str> {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => Cow::Owned(format!("/{joined}")),
        (false, true) => Cow::Borrowed("."),
        (false, false) => Cow::Owned(joined),
    }
}

//! Resolves a [`Process`] into a [`Program`]: what a sandbox executes, with nothing left to decide.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::image;
use super::plan::MountSpec;
use super::plan::Network;
use super::plan::Shell;
use super::plan::container::ContainerSpec;
use super::roots::Root;
use crate::backend::Tee;
use crate::backend::expand_env;
use crate::job::Process;
use crate::job::Secret;
use crate::job::Security;
use crate::observation::StartFailure;
use crate::observation::StartFailureKind;

/// What a sandbox executes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    /// Program and arguments; the program is looked up in the `PATH` of `environment` when it has no slash.
    pub(super) arguments: Vec<String>,
    /// `NAME=value`, each name once.
    pub(super) environment: Vec<Secret>,
    /// Executable file to write first: path and text.
    pub(super) script: Option<(String, Secret)>,
    /// Absolute path; made when missing.
    pub(super) working_dir: String,
    /// Mounts that only this process has.
    pub(super) mounts: Vec<MountSpec>,
    /// Directories that this process can only read: what earlier steps left behind is not to be changed.
    pub(super) sealed: Vec<String>,
    /// Program that is `sh` for this process only, where the processes of the sandbox differ.
    pub(super) shell: Shell,
    /// Files that receive a copy of standard output and standard error.
    pub(super) tee: [Option<String>; 2],
    /// Identity and privileges.
    pub(super) security: Security,
    /// What the process leaves behind is not taken for another's: it has a guardian that adopts its orphans.
    pub(super) guarded: bool,
    /// The root of its own that the process has.
    pub(super) container: Option<ContainerSpec>,
}

/// What the resolution depends on besides the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// Variables that every process has unless it sets them itself.
    pub(super) environment: Vec<(String, String)>,
    /// Literal paths and what they become, longer ones first: empty where the view holds.
    pub(super) rewrites: Vec<(String, String)>,
    /// Program that stands in for busybox's shell.
    pub(super) ash: Option<String>,
    /// User that a process is when it asks for none.
    pub(super) user: u32,
    /// A process can become any user.
    pub(super) can_switch_user: bool,
    /// Processes have images, which decide what is not decided here, and this network.
    pub(super) contained: Option<Network>,
}

/// A failure of a container's configuration.
pub(super) fn refuse(message: impl Into<String>) -> StartFailure {
    StartFailure {
        kind: StartFailureKind::ContainerConfig,
        message: message.into(),
    }
}

/// Resolves `process`, to be started as `container`.
pub(super) fn resolve(
    container: &str,
    process: &Process,
    tee: Tee<'_>,
    surroundings: &Surroundings,
    root: Option<&Root>,
) -> Result<Program, StartFailure> {
    if root.is_none() {
        check_user(container, process, surroundings)?;
    }
    let environment = environment(process, surroundings, root);
    let lookup = |name: &str| environment.get(name).map(|(_, value)| value.as_str());
    let rewrite = |text: &str| surroundings.rewrite(text);
    let expand = |text: &String| rewrite(&expand_env(text, lookup));
    let args = process.args.iter().map(expand);
    let (arguments, script) = if let Some(script) = &process.script {
        let path = rewrite(&format!("/tekton/scripts/{container}"));
        let text = Secret::new(rewrite(script));
        (
            std::iter::once(path.clone()).chain(args).collect(),
            Some((path, text)),
        )
    } else if process.command.is_empty() {
        let default = match root {
            Some(root) => image_command(container, process, root)?,
            None => known_command(container, process)?,
        };
        (default.into_iter().chain(args).collect(), None)
    } else {
        (process.command.iter().map(expand).chain(args).collect(), None)
    };
    let default_dir = match root {
        None => "/workspace",
        Some(root) if root.working_dir.is_empty() => "/",
        Some(root) => &root.working_dir,
    };
    let working_dir = if process.working_dir.is_empty() {
        default_dir
    } else {
        &process.working_dir
    };
    let program = Program {
        arguments,
        environment: ordered(&environment),
        script,
        working_dir: rewrite(working_dir),
        sealed: Vec::new(),
        mounts: Vec::new(),
        shell: Shell::Machine,
        tee: [tee.stdout.map(rewrite), tee.stderr.map(rewrite)],
        security: process.security.clone(),
        guarded: false,
        container: root.map(|root| ContainerSpec {
            layers: root.layers.clone(),
            number: 0,
            joins: None,
            step: None,
            user: root.user.clone(),
            credentials: Vec::new(),
        }),
    };
    check_text(container, &program)?;
    Ok(program)
}

/// The same process with another command: a probe in its view.
pub(super) fn probe(
    container: &str,
    process: &Process,
    command: &[String],
    near: &Surroundings,
    root: Option<&Root>,
) -> Result<Program, StartFailure> {
    let process = Process {
        command: command.to_vec(),
        args: Vec::new(),
        script: None,
        ..process.clone()
    };
    resolve(container, &process, Tee::default(), near, root)
}

/// What an image is known to run by itself, where it is not there to be asked.
fn known_command(container: &str, process: &Process) -> Result<Vec<String>, StartFailure> {
    let known = image::default_command(&process.image, &process.args).ok_or_else(|| {
        refuse(format!(
            "the entrypoint of image {:?} is unknown, because the host executor runs the machine's own tools and \
             pulls no images: give {container} a command or a script",
            process.image
        ))
    })?;
    Ok(known.iter().map(|part| (*part).to_owned()).collect())
}

/// What an image runs by itself: arguments of the process take the place of its `CMD`.
fn image_command(container: &str, process: &Process, root: &Root) -> Result<Vec<String>, StartFailure> {
    let mut command = root.entrypoint.clone();
    if process.args.is_empty() {
        command.extend(root.cmd.iter().cloned());
    }
    if command.is_empty() && process.args.is_empty() {
        return Err(refuse(format!(
            "image {:?} has neither an entrypoint nor a command: give {container} a command or a script",
            process.image
        )));
    }
    Ok(command)
}

impl Surroundings {
    /// Replaces literal paths wherever they occur as a whole path or the start of one: `/workspace` in `/workspace/x`, not
    /// in `/workspaces` or `/my/workspace`. What was put in is not looked at again.
    pub(super) fn rewrite(&self, text: &str) -> String {
        if self.rewrites.is_empty() {
            return text.to_owned();
        }
        let part_of_name = |character: char| character.is_alphanumeric() || "_-.".contains(character);
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        let mut previous = None;
        while let Some(next) = rest.chars().next() {
            let starts =
                next == '/' && previous.is_none_or(|character| !part_of_name(character) && character != '/');
            let found = self.rewrites.iter().filter(|_| starts).find_map(|(from, to)| {
                let after = rest.strip_prefix(from.as_str())?;
                after
                    .chars()
                    .next()
                    .is_none_or(|character| !part_of_name(character))
                    .then_some((to, after))
            });
            if let Some((to, after)) = found {
                replaced.push_str(to);
                previous = to.chars().next_back();
                rest = after;
            } else {
                replaced.push(next);
                previous = Some(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
            }
        }
        replaced
    }
}

impl Program {
    /// Makes `sh` another program without a view: by the first directory of `PATH`, and by naming it where the program or the
    /// first line of the script is `/bin/sh`.
    pub(super) fn with_shell(&mut self, shell: &str) {
        let directory = shell.strip_suffix("/sh").unwrap_or(shell);
        for entry in &mut self.environment {
            if let Some(path) = entry.expose().strip_prefix(b"PATH=") {
                *entry = Secret::new([b"PATH=", directory.as_bytes(), b":", path].concat());
            }
        }
        let line = self
            .script
            .as_ref()
            .and_then(|(_, text)| text.expose().split(|byte| *byte == b'\n').next());
        let line = line
            .and_then(|line| std::str::from_utf8(line).ok())
            .and_then(|line| line.strip_prefix("#!"));
        let interpreter = line.map(|line| {
            line.split_ascii_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        if let Some((first, options)) = interpreter.as_deref().and_then(<[String]>::split_first)
            && first == "/bin/sh"
        {
            let command = std::iter::once(shell.to_owned()).chain(options.iter().cloned());
            self.arguments.splice(0..0, command);
        } else if let Some(first) = self.arguments.first_mut().filter(|first| *first == "/bin/sh") {
            shell.clone_into(first);
        }
    }
}

/// The final environment: name to position and value, so that later entries win and order is kept.
fn environment(
    process: &Process,
    surroundings: &Surroundings,
    root: Option<&Root>,
) -> BTreeMap<String, (usize, String)> {
    let mut variables: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let own = process
        .env
        .iter()
        .map(|variable| (&variable.name, surroundings.rewrite(&variable.value)));
    let given = surroundings
        .environment
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    let image = root.into_iter().flat_map(|root| &root.env);
    let image = image.map(|entry| entry.split_once('=').unwrap_or((entry, "")));
    let image = image.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let own = own.map(|(name, value)| (name.clone(), value));
    for (name, value) in given.chain(image).chain(own) {
        let position = variables.len();
        variables
            .entry(name.clone())
            .and_modify(|entry| entry.1.clone_from(&value))
            .or_insert((position, value));
    }
    variables
}

fn ordered(variables: &BTreeMap<String, (usize, String)>) -> Vec<Secret> {
    let mut entries: Vec<_> = variables.iter().collect();
    entries.sort_by_key(|(_, (position, _))| *position);
    entries
        .into_iter()
        .map(|(name, (_, value))| Secret::new(format!("{name}={value}")))
        .collect()
}

fn check_user(container: &str, process: &Process, surroundings: &Surroundings) -> Result<(), StartFailure> {
    let security = &process.security;
    let user = security.user.unwrap_or(surroundings.user);
    if security.run_as_non_root && user == 0 {
        return Err(refuse(if security.user.is_some() {
            format!(
                "container {container:?} has runAsNonRoot and runAsUser 0: container's runAsUser breaks non-root policy"
            )
        } else {
            format!("container {container:?} has runAsNonRoot and would run as root: give it a runAsUser")
        }));
    }
    if user != surroundings.user && !surroundings.can_switch_user {
        return Err(refuse(format!(
            "container {container:?} asks for user {user}, and only root can change the user of a process: run as \
             root, or leave runAsUser out"
        )));
    }
    Ok(())
}

/// The kernel ends strings at a NUL byte, so a text that holds one would be cut silently.
fn check_text(container: &str, program: &Program) -> Result<(), StartFailure> {
    let variables = program.environment.iter().map(Secret::expose);
    let paths = program.tee.iter().flatten().chain([&program.working_dir]);
    let mut all = program
        .arguments
        .iter()
        .chain(paths)
        .map(String::as_bytes)
        .chain(variables);
    if all.any(|text| text.contains(&0)) {
        return Err(refuse(format!(
            "command, arguments or environment of {container} hold a NUL character"
        )));
    }
    let working_dir = PathBuf::from(&program.working_dir);
    if working_dir.is_absolute() {
        return Ok(());
    }
    Err(refuse(format!(
        "working directory {:?} of {container} is not an absolute path",
        program.working_dir
    )))
}

#[cfg(test)]
mod tests;

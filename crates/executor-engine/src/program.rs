//! Resolves a process into what an engine is asked to run, with nothing left to decide.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;
use windlass_executor::backend::expand_env;
use windlass_executor::job::Process;
use windlass_executor::job::Security;
use windlass_executor::job::SystemCalls;
use windlass_executor::observation::StartFailure;

use crate::image::Image;
use crate::layout::refuse;
use crate::mounts::HOME;

/// What a container runs.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Program and arguments.
    pub(crate) arguments: Vec<String>,
    /// `NAME=value`, each name once, without what the image sets by itself.
    pub(crate) environment: Vec<String>,
    /// Absolute path, or empty for the image's own.
    pub(crate) working_dir: String,
    /// `user:group`, `user`, or empty for the image's own.
    pub(crate) user: String,
}

/// What surrounds the program in its container.
pub(crate) struct Surroundings {
    pub(crate) labels: Value,
    pub(crate) mounts: Vec<Value>,
    /// `container:<id>`, a network of the engine, or nothing for its default.
    pub(crate) network: Option<String>,
    /// Name of the machine, where the container has a network of its own.
    pub(crate) hostname: Option<String>,
    /// Ports to be reached from this machine.
    pub(crate) ports: Vec<u16>,
    /// Have a small init as the first process.
    pub(crate) init: bool,
}

/// Resolves `process`, to be started as `container`.
pub(crate) fn resolve(
    container: &str,
    process: &Process,
    image: &Image,
    has_credentials: bool,
) -> Result<Program, StartFailure> {
    let user = user(container, process, image)?;
    let environment = environment(process, image, has_credentials);
    let lookup = |name: &str| {
        let own = environment.get(name).map(|(_, value)| value.as_str());
        own.or_else(|| image.variable(name))
    };
    let expand = |text: &String| expand_env(text, lookup);
    let mut args = process.args.iter().map(expand).peekable();
    let arguments: Vec<String> = if process.script.is_some() {
        std::iter::once(format!("/tekton/scripts/{container}"))
            .chain(args)
            .collect()
    } else if !process.command.is_empty() {
        process.command.iter().map(expand).chain(args).collect()
    } else if image.entrypoint.is_empty() {
        image.cmd.iter().cloned().chain(args).collect()
    } else if args.peek().is_none() {
        image.entrypoint.iter().chain(&image.cmd).cloned().collect()
    } else {
        image.entrypoint.iter().cloned().chain(args).collect()
    };
    if process.script.is_none()
        && process.command.is_empty()
        && image.entrypoint.is_empty()
        && image.cmd.is_empty()
    {
        return Err(refuse(format!(
            "image {:?} has neither an entrypoint nor a command: give {container} a command or a script",
            process.image
        )));
    }
    let mut environment: Vec<_> = environment.into_iter().collect();
    environment.sort_by_key(|(_, (position, _))| *position);
    let program = Program {
        arguments,
        environment: environment
            .into_iter()
            .map(|(name, (_, value))| format!("{name}={value}"))
            .collect(),
        working_dir: process.working_dir.clone(),
        user,
    };
    check_text(container, &program)?;
    Ok(program)
}

/// The process's own variables, with their position, so that later entries win and order is kept.
fn environment(process: &Process, image: &Image, has_credentials: bool) -> BTreeMap<String, (usize, String)> {
    let mut variables: BTreeMap<String, (usize, String)> = BTreeMap::new();
    // No file can be put into a root file system that refuses writes, so credentials get a home that takes them.
    let moves = has_credentials && process.security.read_only_root && image.variable("HOME").is_none();
    let home = moves.then(|| ("HOME".to_owned(), HOME.to_owned()));
    let own = process
        .env
        .iter()
        .map(|variable| (variable.name.clone(), variable.value.clone()));
    for (name, value) in home.into_iter().chain(own) {
        let position = variables.len();
        variables
            .entry(name)
            .and_modify(|entry| entry.1.clone_from(&value))
            .or_insert((position, value));
    }
    variables
}

/// As whom the process runs.
fn user(container: &str, process: &Process, image: &Image) -> Result<String, StartFailure> {
    let security = &process.security;
    let by_image = image.user.split(':').next().unwrap_or_default();
    if security.run_as_non_root {
        match security.user {
            Some(0) => {
                return Err(refuse(format!(
                    "container {container:?} has runAsNonRoot and runAsUser 0: container's runAsUser breaks non-root policy"
                )));
            }
            None if by_image.is_empty() || by_image.parse() == Ok(0_u32) || by_image == "root" => {
                return Err(refuse(format!(
                    "container {container:?} has runAsNonRoot and would run as root: give it a runAsUser"
                )));
            }
            None if by_image.parse::<u32>().is_err() => {
                return Err(refuse(format!(
                    "container {container:?} has runAsNonRoot, and its image names its user {by_image:?} without a number: \
                     give it a runAsUser"
                )));
            }
            Some(_) | None => {}
        }
    }
    Ok(match (security.user, security.group) {
        (Some(user), Some(group)) => format!("{user}:{group}"),
        (Some(user), None) => user.to_string(),
        (None, Some(group)) if by_image.is_empty() => format!("0:{group}"),
        (None, Some(group)) => format!("{by_image}:{group}"),
        (None, None) => String::new(),
    })
}

fn check_text(container: &str, program: &Program) -> Result<(), StartFailure> {
    let texts = program.arguments.iter().chain(&program.environment);
    let mut texts = texts.chain([&program.working_dir]);
    if texts.any(|text| text.contains('\0')) {
        return Err(refuse(format!(
            "command, arguments or environment of {container} hold a NUL character"
        )));
    }
    if program.working_dir.is_empty() || program.working_dir.starts_with('/') {
        return Ok(());
    }
    Err(refuse(format!(
        "working directory {:?} of {container} is not an absolute path",
        program.working_dir
    )))
}

fn security_options(security: &Security) -> Vec<&'static str> {
    let fixed = security.allow_privilege_escalation == Some(false);
    let unconfined = security.system_calls == SystemCalls::All;
    let options = [
        fixed.then_some("no-new-privileges"),
        unconfined.then_some("seccomp=unconfined"),
    ];
    options.into_iter().flatten().collect()
}

/// How the engine is told to make a container.
pub(crate) fn described(process: &Process, program: &Program, around: &Surroundings) -> Value {
    let security = &process.security;
    let groups = security.supplemental_groups.iter().chain(&security.fs_group);
    let groups: Vec<String> = groups.map(u32::to_string).collect();
    let mut host = json!({
        "Mounts": around.mounts,
        "Init": around.init,
        // What is attached before the start gets everything; a copy on the engine's disk would keep secrets there.
        "LogConfig": {"Type": "none"},
        "GroupAdd": groups,
        "Privileged": security.privileged,
        "ReadonlyRootfs": security.read_only_root,
        "CapAdd": security.add_capabilities,
        "CapDrop": security.drop_capabilities,
    });
    let options = security_options(security);
    if !options.is_empty() {
        host["SecurityOpt"] = json!(options);
    }
    if let Some(bytes) = process.limits.memory_bytes {
        host["Memory"] = json!(bytes);
        // The same number is no swap beyond it, as in a cluster.
        host["MemorySwap"] = json!(bytes);
    }
    if let Some(millis) = process.limits.cpu_millis {
        host["NanoCpus"] = json!(millis.saturating_mul(1_000_000));
    }
    if let Some(network) = &around.network {
        host["NetworkMode"] = json!(network);
    }
    let mut body = json!({
        "Image": process.image,
        "Entrypoint": program.arguments,
        "Cmd": [],
        "Env": program.environment,
        "Labels": around.labels,
        "User": program.user,
        "AttachStdin": false,
        "OpenStdin": false,
        "Tty": false,
    });
    if !program.working_dir.is_empty() {
        body["WorkingDir"] = json!(program.working_dir);
    }
    if let Some(hostname) = &around.hostname {
        body["Hostname"] = json!(hostname);
    }
    if !around.ports.is_empty() {
        let exposed = around.ports.iter().map(|port| (format!("{port}/tcp"), json!({})));
        body["ExposedPorts"] = exposed.collect::<serde_json::Map<_, _>>().into();
        let loopback = json!([{"HostIp": "127.0.0.1", "HostPort": ""}]);
        let bound = around
            .ports
            .iter()
            .map(|port| (format!("{port}/tcp"), loopback.clone()));
        host["PortBindings"] = bound.collect::<serde_json::Map<_, _>>().into();
    }
    body["HostConfig"] = host;
    body
}

#[cfg(test)]
mod tests;

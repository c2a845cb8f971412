//! What was handed to the executor, as text.

use std::fmt::Write as _;

use windlass_executor::Job;
use windlass_executor::job::Process;
use windlass_executor::job::VolumeSource;

/// Tells the asked parts of a job.
pub(super) fn tell(job: &Job, parts: &[String], directory: &str) -> String {
    let mut text = format!("job {}\n", job.pod);
    for part in parts {
        match part.as_str() {
            "run" => run(job, &mut text),
            "env" => each(job, &mut text, |process, line| {
                for variable in &process.env {
                    let _ = write!(line, " {}={:?}", variable.name, variable.value);
                }
            }),
            "volumes" => volumes(job, &mut text),
            "files" => files(job, &mut text),
            "sidecars" => sidecars(job, &mut text),
            "limits" => limits(job, &mut text),
            other => unreachable!("a job has no {other}"),
        }
    }
    text.replace(directory, "<plane>")
}

fn each(job: &Job, text: &mut String, describe: impl Fn(&Process, &mut String)) {
    let steps = job.steps.iter().map(|step| ("step", &step.name, &step.process));
    let sidecars = job
        .sidecars
        .iter()
        .map(|sidecar| ("sidecar", &sidecar.name, &sidecar.process));
    for (role, name, process) in steps.chain(sidecars) {
        let mut line = format!("  {role} {name}:");
        describe(process, &mut line);
        let _ = writeln!(text, "{line}");
    }
}

fn run(job: &Job, text: &mut String) {
    each(job, text, |process, line| {
        let _ = write!(line, " {}", process.image);
        if let Some(script) = &process.script {
            let _ = write!(line, " script {script:?}");
        }
        for (name, list) in [("command", &process.command), ("args", &process.args)] {
            if !list.is_empty() {
                let _ = write!(line, " {name} {list:?}");
            }
        }
        if !process.working_dir.is_empty() {
            let _ = write!(line, " in {}", process.working_dir);
        }
    });
}

fn volumes(job: &Job, text: &mut String) {
    for volume in &job.volumes {
        let source = match &volume.source {
            VolumeSource::Empty { memory, size_limit } => {
                let kind = if *memory { "empty in memory" } else { "empty" };
                size_limit.map_or_else(
                    || kind.to_owned(),
                    |limit| format!("{kind}, at most {limit} bytes"),
                )
            }
            VolumeSource::Directory(path) => format!("directory {}", path.display()),
            VolumeSource::Files(files) => {
                let file = |file: &windlass_executor::job::File| {
                    let content = String::from_utf8_lossy(file.content.expose()).into_owned();
                    format!(" {}={content:?} {:o}", file.path.display(), file.mode)
                };
                format!("files{}", files.iter().map(file).collect::<String>())
            }
        };
        let _ = writeln!(text, "  volume {}: {source}", volume.name);
    }
    each(job, text, |process, line| {
        for mount in &process.mounts {
            let _ = write!(line, " {}={}", mount.path, mount.volume);
            if !mount.sub_path.is_empty() {
                let _ = write!(line, "/{}", mount.sub_path);
            }
            if mount.read_only {
                line.push_str(":ro");
            }
        }
    });
}

fn files(job: &Job, text: &mut String) {
    for (path, content) in &job.credentials {
        let content = String::from_utf8_lossy(content.expose()).into_owned();
        let _ = writeln!(text, "  credential {}: {content:?}", path.display());
    }
    let masks = job
        .masks
        .iter()
        .map(|mask| String::from_utf8_lossy(mask.expose()).into_owned());
    let _ = writeln!(text, "  masks {:?}", masks.collect::<Vec<_>>());
}

fn sidecars(job: &Job, text: &mut String) {
    for sidecar in &job.sidecars {
        let _ = writeln!(text, "  sidecar {}: {:?}", sidecar.name, sidecar.readiness);
    }
}

fn limits(job: &Job, text: &mut String) {
    let _ = writeln!(text, "  timeout {:?}", job.timeout);
    for step in &job.steps {
        let _ = writeln!(
            text,
            "  step {}: timeout {:?}, continue {}, {:?}",
            step.name, step.timeout, step.continue_on_error, step.process.limits
        );
    }
}

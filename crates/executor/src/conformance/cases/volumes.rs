//! Volumes and mounts.

use std::path::Path;

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::Ran;
use crate::conformance::bench::ensure;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::job::File;
use crate::job::Job;
use crate::job::Mount;
use crate::job::Secret;
use crate::job::Step;
use crate::job::Volume;
use crate::job::VolumeSource;
use crate::observation::AttemptEnd;

super::cases! {
    "an empty volume is shared by the steps that mount it" Volumes empty,
    "a directory is mounted, and what is written stays" Volumes directory,
    "files of a volume have content and mode" Volumes files,
    "a read-only mount refuses writes" PrivateView read_only,
    "a sub path is made and is all that shows" Volumes sub_path,
    "a sub path does not leave its volume" Volumes sub_path_escape,
    "a volume of files does not leave its directory" Volumes file_escape,
    "a mount may lie inside another" Volumes nested,
}

fn mount(volume: &str, path: &str) -> Mount {
    Mount {
        volume: volume.into(),
        path: path.into(),
        sub_path: String::new(),
        read_only: false,
    }
}

fn mounting(mut step: Step, mount: Mount) -> Step {
    step.process.mounts.push(mount);
    step
}

fn with_volume(mut job: Job, name: &str, source: VolumeSource) -> Job {
    job.volumes.push(Volume {
        name: name.into(),
        source,
    });
    job
}

fn scratch() -> VolumeSource {
    VolumeSource::Empty {
        memory: false,
        size_limit: None,
    }
}

fn file(path: &str, content: &str, mode: u32) -> File {
    File {
        path: path.into(),
        content: Secret::new(content),
        mode,
    }
}

/// A directory of the machine for the time of a case.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new(case: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("windlass-conformance-{case}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        Ok(Self(path))
    }

    fn source(&self) -> VolumeSource {
        VolumeSource::Directory(self.0.clone())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn empty(bench: Bench) -> Claim {
    let steps = vec![
        mounting(script("a", "echo shared > /scratch/file"), mount("v", "/scratch")),
        mounting(
            script("b", "cat /elsewhere/deep/file"),
            mount("v", "/elsewhere/deep"),
        ),
    ];
    bench
        .run(&with_volume(bench.job(steps), "v", scratch()))
        .await
        .printed("step-b", "shared\n")
}

async fn directory(bench: Bench) -> Claim {
    let directory = Directory::new("directory")?;
    std::fs::write(directory.0.join("given"), "given\n").map_err(|error| error.to_string())?;
    let step = mounting(
        script("a", "cat /data/given; echo made > /data/made"),
        mount("v", "/data"),
    );
    bench
        .run(&with_volume(bench.job(vec![step]), "v", directory.source()))
        .await
        .printed("step-a", "given\n")?;
    let made = std::fs::read_to_string(directory.0.join("made")).map_err(|error| error.to_string())?;
    equal("what was written", &made.as_str(), &"made\n")
}

async fn files(bench: Bench) -> Claim {
    let files = VolumeSource::Files(vec![
        file("plain", "text", 0o644),
        file("deep/run", "#!/bin/sh\necho ran\n", 0o755),
    ]);
    let step = mounting(
        script("a", "cat /config/plain; echo; /config/deep/run"),
        mount("v", "/config"),
    );
    bench
        .run(&with_volume(bench.job(vec![step]), "v", files))
        .await
        .printed("step-a", "text\nran\n")
}

async fn read_only(bench: Bench) -> Claim {
    let text = "if touch /data/made 2> /dev/null; then echo written; else echo refused; fi";
    let step = mounting(
        script("a", text),
        Mount {
            read_only: true,
            ..mount("v", "/data")
        },
    );
    bench
        .run(&with_volume(bench.job(vec![step]), "v", scratch()))
        .await
        .printed("step-a", "refused\n")
}

async fn sub_path(bench: Bench) -> Claim {
    let inner = Mount {
        sub_path: "deep/er".into(),
        ..mount("v", "/inner")
    };
    let steps = vec![
        mounting(script("a", "echo in > /inner/file"), inner),
        mounting(
            script("b", "cat /outer/deep/er/file; ls /outer"),
            mount("v", "/outer"),
        ),
    ];
    bench
        .run(&with_volume(bench.job(steps), "v", scratch()))
        .await
        .printed("step-b", "in\ndeep\n")
}

/// Fails the case when a step could see the file `secret` in the place where it mounted.
fn kept_out(ran: &Ran, what: &str) -> Claim {
    ensure(!ran.log("step-a").contains("stolen"), || {
        format!("{what} showed what lies outside")
    })?;
    ensure(ran.end() != Some(&AttemptEnd::Succeeded), || {
        format!("{what} was accepted")
    })
}

async fn sub_path_escape(bench: Bench) -> Claim {
    let outside = Directory::new("outside")?;
    let inside = Directory::new("inside")?;
    std::fs::write(outside.0.join("secret"), "stolen\n").map_err(|error| error.to_string())?;
    std::os::unix::fs::symlink(&outside.0, inside.0.join("link")).map_err(|error| error.to_string())?;
    let name = outside
        .0
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    for sub_path in [
        format!("../{name}"),
        outside.0.display().to_string(),
        "link".into(),
        "link/.".into(),
    ] {
        let escape = Mount {
            sub_path: sub_path.clone(),
            ..mount("v", "/data")
        };
        let step = mounting(script("a", "cat /data/secret"), escape);
        let ran = bench
            .run(&with_volume(bench.job(vec![step]), "v", inside.source()))
            .await;
        kept_out(&ran, &sub_path)?;
    }
    Ok(())
}

async fn file_escape(bench: Bench) -> Claim {
    let mark = format!("/tmp/windlass-conformance-file-{}", std::process::id());
    for path in [mark.clone(), format!("../../../../../../../..{mark}")] {
        let files = VolumeSource::Files(vec![file(&path, "stolen", 0o644)]);
        let step = mounting(script("a", "true"), mount("v", "/config"));
        let ran = bench.run(&with_volume(bench.job(vec![step]), "v", files)).await;
        let came_through = Path::new(&mark).exists();
        let _ = std::fs::remove_file(&mark);
        ensure(!came_through, || format!("{path} was written on the machine"))?;
        ensure(ran.end() != Some(&AttemptEnd::Succeeded), || {
            format!("{path} was accepted")
        })?;
    }
    Ok(())
}

async fn nested(bench: Bench) -> Claim {
    let files = VolumeSource::Files(vec![file("name", "inner", 0o644)]);
    let step = script("a", "cat /outer/inner/name; touch /outer/file; ls /outer");
    let step = mounting(
        mounting(step, mount("inner", "/outer/inner")),
        mount("outer", "/outer"),
    );
    let job = with_volume(
        with_volume(bench.job(vec![step]), "outer", scratch()),
        "inner",
        files,
    );
    bench.run(&job).await.printed("step-a", "innerfile\ninner\n")
}

//! The private view: what a step sees, and what the machine does not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use windlass_executor::Backend;
use windlass_executor::host::Config;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;
use windlass_executor::job::File;
use windlass_executor::job::Job;
use windlass_executor::job::Mount;
use windlass_executor::job::Process;
use windlass_executor::job::Secret;
use windlass_executor::job::Security;
use windlass_executor::job::Volume;
use windlass_executor::job::VolumeSource;
use windlass_executor::observation::StartFailureKind;

use crate::place::Ended;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::job;
use crate::place::run;
use crate::place::said;
use crate::place::same;
use crate::place::shell;
use crate::place::trial;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let isolated = Mode::Isolated;
    vec![
        trial("a_step_sees_its_own_place", isolated, a_step_sees_its_own_place),
        trial(
            "what_a_step_writes_stays_in_its_sandbox",
            isolated,
            what_a_step_writes_stays_in_its_sandbox,
        ),
        trial(
            "the_current_directory_is_copied_on_write",
            isolated,
            the_current_directory_is_copied_on_write,
        ),
        trial(
            "sandboxes_do_not_see_each_other",
            isolated,
            sandboxes_do_not_see_each_other,
        ),
        trial("sh_follows_the_image", isolated, sh_follows_the_image),
        trial("sh_follows_the_image", Mode::Shared, sh_follows_the_image),
        trial(
            "mounts_of_one_step_may_lie_anywhere",
            isolated,
            mounts_of_one_step_may_lie_anywhere,
        ),
        trial(
            "volumes_of_every_source_appear",
            isolated,
            volumes_of_every_source_appear,
        ),
        trial(
            "each_step_has_its_own_mounts",
            isolated,
            each_step_has_its_own_mounts,
        ),
        trial(
            "a_sub_path_stays_in_its_volume",
            isolated,
            a_sub_path_stays_in_its_volume,
        ),
        trial(
            "privileges_follow_the_security_context",
            isolated,
            privileges_follow_the_security_context,
        ),
        trial(
            "only_regular_files_of_the_sandbox_are_read",
            isolated,
            only_regular_files_of_the_sandbox_are_read,
        ),
    ]
}

fn fine(output: &str) -> Ended {
    Ended {
        code: 0,
        output: output.to_owned(),
    }
}

async fn a_step_sees_its_own_place(place: Place) -> Outcome {
    let rows = [
        ("pwd; hostname", "/workspace\nrun-pod\n"),
        ("ls -A /workspace /tmp | sort", "\n/tmp:\n/workspace:\n"),
        (
            "ls /tekton | xargs",
            "artifacts bin creds home results run scripts steps\n",
        ),
        (
            "readlink /tekton/steps/0; ls /tekton/steps/0",
            "step-s0\nartifacts\nresults\n",
        ),
        (
            "ls -d /proc/[0-9]* | wc -l | xargs -I{} test {} -lt 9 && echo few",
            "few\n",
        ),
        (
            "echo x >/dev/null; echo $HOME; echo y >$HOME/file; cat ~/file",
            "/tekton/home\ny\n",
        ),
        ("echo x >/dev/shm/file && cat /dev/shm/file", "x\n"),
        (
            "find /dev -type b; head -c 3 /dev/zero | wc -c; ls -d /proc/self/fd",
            "3\n/proc/self/fd\n",
        ),
        (
            "echo 1 2>/dev/null >/proc/sys/vm/swappiness || echo refused",
            "refused\n",
        ),
        (
            "touch /sys/x 2>/dev/null || echo refused; touch /dev/x 2>/dev/null || echo refused",
            "refused\nrefused\n",
        ),
    ];
    for (script, output) in rows {
        let ended = said(place.script(script).await)?;
        same(&ended, &fine(output)).map_err(|failure| Failed::from(format!("{script}: {failure:?}")))?;
    }
    Ok(())
}

async fn what_a_step_writes_stays_in_its_sandbox(place: Place) -> Outcome {
    let script = "for d in / /tmp /etc /usr /var/tmp /home /root /workspace /tekton; do
        (echo x >$d/windlass-leak-test) 2>/dev/null; done; ls /workspace /tmp | sort | xargs";
    let ended = said(place.script(script).await)?;
    same(
        &ended,
        &fine("/tmp: /workspace: windlass-leak-test windlass-leak-test\n"),
    )?;
    for directory in [
        "/",
        "/tmp",
        "/etc",
        "/usr",
        "/var/tmp",
        "/home",
        "/root",
        "/workspace",
        "/tekton",
    ] {
        same(&Path::new(directory).join("windlass-leak-test").exists(), &false)?;
    }
    same(
        &said(place.script("ls -A /workspace /tmp | xargs").await)?,
        &fine("/tmp: /workspace:\n"),
    )
}

async fn the_current_directory_is_copied_on_write(place: Place) -> Outcome {
    let directory = place.scratch.path().join("project");
    fs::create_dir(&directory)?;
    fs::write(directory.join("file"), "old")?;
    let config = Config {
        scratch_dir: place.scratch.path().join("scratch"),
        current_dir: Some(directory.clone()),
        ..Config::default()
    };
    let host = Host::start(config)?;
    let job = job(vec![]);
    let mut sandbox = said(host.prepare(&job).await)?;
    let script = format!(
        "cd {}; cat file; echo new >file; echo more >other; cat file other",
        directory.display()
    );
    let ended = said(run(sandbox.as_mut(), "step-a", &shell(&script)).await)?;
    same(&ended, &fine("oldnew\nmore\n"))?;
    same(&fs::read_to_string(directory.join("file"))?, &"old".to_owned())?;
    same(&directory.join("other").exists(), &false)
}

async fn sandboxes_do_not_see_each_other(place: Place) -> Outcome {
    let job = job(vec![]);
    let mut one = said(place.host.prepare(&job).await)?;
    let mut other = said(place.host.prepare(&job).await)?;
    let write =
        "echo one >/tmp/file; echo one >/workspace/file; echo one >/dev/shm/file; mkdir /tekton/home/x";
    same(
        &said(run(one.as_mut(), "step-a", &shell(write)).await)?,
        &fine(""),
    )?;
    let look = "ls /tmp /workspace /dev/shm /tekton/home | xargs";
    let ended = said(run(other.as_mut(), "step-a", &shell(look)).await)?;
    same(&ended, &fine("/dev/shm: /tekton/home: /tmp: /workspace:\n"))
}

async fn sh_follows_the_image(place: Place) -> Outcome {
    let if_ash =
        "sh -c '[[ a == a ]] && echo same' 2>/dev/null || echo other; readlink -f /bin/sh | sed 's,.*/,,'";
    let process = |image: &str| Process {
        image: image.to_owned(),
        ..shell(if_ash)
    };
    let machine = fs::canonicalize("/bin/sh")?;
    let machine = machine
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let alone = said(place.run(&job(vec![process("alpine:3.20")])).await)?;
    let mixed = said(place.run(&job(vec![process("bash"), process("ubuntu")])).await)?;
    let outputs = alone
        .iter()
        .chain(&mixed)
        .filter_map(|ended| ended.output.lines().next());
    let plain = if machine == "dash" { "other" } else { "same" };
    same(&outputs.collect(), &vec!["same", "same", plain])
}

fn mount(volume: &str, path: &str, sub_path: &str, read_only: bool) -> Mount {
    Mount {
        volume: volume.to_owned(),
        path: path.to_owned(),
        sub_path: sub_path.to_owned(),
        read_only,
    }
}

fn with_volumes(mut job: Job, volumes: Vec<(&str, VolumeSource)>) -> Job {
    job.volumes = volumes
        .into_iter()
        .map(|(name, source)| Volume {
            name: name.to_owned(),
            source,
        })
        .collect();
    job
}

async fn volumes_of_every_source_appear(place: Place) -> Outcome {
    let directory = place.scratch.path().join("claim");
    fs::create_dir(&directory)?;
    fs::write(directory.join("old"), "old\n")?;
    let content = |name: &str, mode| File {
        path: name.into(),
        content: Secret::new(format!("{name}\n")),
        mode,
    };
    let files = vec![content("key", 0o400), content("deep/er", 0o644)];
    let mounts = vec![
        mount("claim", "/workspace/source", "", false),
        mount("claim", "/data/read", "", true),
        mount("empty", "/workspace/empty", "", false),
        mount("memory", "/cache", "sub", false),
        mount("files", "/etc/config", "", false),
        mount("files", "/etc/single.conf", "deep/er", false),
    ];
    let script = "cat /workspace/source/old /data/read/old /etc/config/key /etc/config/deep/er /etc/single.conf
        stat -c %a /etc/config/key
        echo new >/workspace/source/new; echo x >/workspace/empty/x; echo y >/cache/y; cat /workspace/empty/x /cache/y
        for d in /data/read /etc/config; do touch $d/x 2>/dev/null || echo refused; done";
    let job = with_volumes(
        job(vec![Process {
            mounts,
            ..shell(script)
        }]),
        vec![
            ("claim", VolumeSource::Directory(directory.clone())),
            (
                "empty",
                VolumeSource::Empty {
                    memory: false,
                    size_limit: None,
                },
            ),
            (
                "memory",
                VolumeSource::Empty {
                    memory: true,
                    size_limit: Some(1 << 20),
                },
            ),
            ("files", VolumeSource::Files(files)),
        ],
    );
    let ended = said(place.run(&job).await)?;
    same(
        &ended,
        &vec![fine(
            "old\nold\nkey\ndeep/er\ndeep/er\n400\nx\ny\nrefused\nrefused\n",
        )],
    )?;
    same(&fs::read_to_string(directory.join("new"))?, &"new\n".to_owned())
}

async fn each_step_has_its_own_mounts(place: Place) -> Outcome {
    let empty = || VolumeSource::Empty {
        memory: false,
        size_limit: None,
    };
    let script = "ls -A /data 2>/dev/null; ls -A /tekton/.volumes; echo $0 | sed 's,.*/,,' >/data/file; cat /data/file";
    let step = |mounts| Process {
        mounts,
        ..shell(script)
    };
    let job = with_volumes(
        job(vec![
            step(vec![mount("a", "/data", "", false)]),
            step(vec![mount("b", "/data", "", false)]),
            step(vec![mount("a", "/data", "", true)]),
        ]),
        vec![("a", empty()), ("b", empty())],
    );
    let ended = said(place.run(&job).await)?;
    let outputs: Vec<&str> = ended.iter().map(|ended| ended.output.as_str()).collect();
    same(&outputs.get(..2), &Some(&["step-s0\n", "step-s1\n"][..]))?;
    let last = outputs.last().copied().unwrap_or_default();
    same(
        &(last.starts_with("file\n"), last.ends_with("\nstep-s0\n")),
        &(true, true),
    )
}

async fn mounts_of_one_step_may_lie_anywhere(place: Place) -> Outcome {
    let paths = [
        "/etc/deep/mount",
        "/mount",
        "/usr/share/mount",
        "/workspace/mount",
        "/tekton/home/mount",
    ];
    let mounts = paths.iter().map(|path| mount("a", path, "", false)).collect();
    let look = format!(
        "for d in {}; do echo x >$d/file && rm $d/file; done; echo done",
        paths.join(" ")
    );
    let job = with_volumes(
        job(vec![
            Process {
                mounts,
                ..shell(&look)
            },
            shell("ls -A /workspace/mount /usr/share/mount | xargs"),
        ]),
        vec![(
            "a",
            VolumeSource::Empty {
                memory: false,
                size_limit: None,
            },
        )],
    );
    let ended = said(place.run(&job).await)?;
    same(
        &ended,
        &vec![fine("done\n"), fine("/usr/share/mount: /workspace/mount:\n")],
    )
}

async fn a_sub_path_stays_in_its_volume(place: Place) -> Outcome {
    let directory = place.scratch.path().join("claim");
    fs::create_dir(&directory)?;
    symlink("/etc", directory.join("evil"))?;
    symlink("..", directory.join("up"))?;
    for sub_path in ["evil", "up", "evil/ssl", "../claim", "/etc"] {
        let mounts = vec![mount("claim", "/data", sub_path, false)];
        let job = with_volumes(
            job(vec![Process {
                mounts,
                ..shell("ls /data")
            }]),
            vec![("claim", VolumeSource::Directory(directory.clone()))],
        );
        let refused = place.run(&job).await.is_err();
        same(&(sub_path, refused), &(sub_path, true))?;
    }
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "a table of rows")]
async fn privileges_follow_the_security_context(place: Place) -> Outcome {
    if !rustix::process::geteuid().is_root() {
        let security = Security {
            user: Some(1),
            ..Security::default()
        };
        let failure = place
            .run(&job(vec![Process {
                security,
                ..shell("id")
            }]))
            .await
            .err();
        return same(
            &failure.map(|failure| failure.kind),
            &Some(StartFailureKind::ContainerConfig),
        );
    }
    let plain = Security::default;
    let no_escalation = Security {
        allow_privilege_escalation: Some(false),
        ..plain()
    };
    let user = Security {
        user: Some(1234),
        supplemental_groups: vec![77],
        fs_group: Some(88),
        ..plain()
    };
    let dropped = Security {
        drop_capabilities: vec!["ALL".to_owned()],
        ..plain()
    };
    let one = Security {
        add_capabilities: vec!["SYS_TIME".to_owned()],
        ..dropped.clone()
    };
    let rows = [
        (
            plain(),
            "grep CapEff /proc/self/status",
            "CapEff:\t00000000a80425fb\n",
        ),
        (
            dropped,
            "grep CapEff /proc/self/status",
            "CapEff:\t0000000000000000\n",
        ),
        (
            one,
            "grep CapEff /proc/self/status",
            "CapEff:\t0000000002000000\n",
        ),
        (plain(), "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t0\n"),
        (
            no_escalation,
            "grep NoNewPrivs /proc/self/status",
            "NoNewPrivs:\t1\n",
        ),
        (
            user,
            "id -u; id -g; id -G; touch /workspace/x && echo written",
            "1234\n0\n0 77 88\nwritten\n",
        ),
        (
            Security {
                read_only_root: true,
                ..plain()
            },
            "touch /x /usr/x 2>/dev/null || echo refused; touch /workspace/x /tmp/x /tekton/results/x && echo written",
            "refused\nwritten\n",
        ),
        (
            plain(),
            "mknod /tmp/disk b 254 0 && dd if=/tmp/disk count=1 2>/dev/null | wc -c",
            "0\n",
        ),
        (
            plain(),
            "mount -t tmpfs x /tmp 2>/dev/null || echo refused",
            "refused\n",
        ),
    ];
    for (security, script, output) in rows {
        let ended = said(
            place
                .run(&job(vec![Process {
                    security,
                    ..shell(script)
                }]))
                .await,
        )?;
        same(&ended, &vec![fine(output)])
            .map_err(|failure| Failed::from(format!("{script}: {failure:?}")))?;
    }
    Ok(())
}

async fn only_regular_files_of_the_sandbox_are_read(place: Place) -> Outcome {
    let job = job(vec![]);
    let mut sandbox = said(place.host.prepare(&job).await)?;
    let script = "cd /tekton/results; echo good >good; ln -s /etc/passwd link; ln -s good near; mkfifo pipe; mkdir dir
        ln -s /etc evil; head -c 100 /dev/zero >large; echo keep >/workspace/keep; ln -s /workspace/keep target";
    same(
        &said(run(sandbox.as_mut(), "step-a", &shell(script)).await)?,
        &fine(""),
    )?;
    let read = |path: &str| sandbox.read(Path::new(path), 10).map_err(|error| error.kind());
    same(&read("/tekton/results/good"), &Ok(Some(b"good\n".to_vec())))?;
    for name in ["link", "near", "pipe", "dir", "evil/passwd", "missing", "good/x"] {
        same(
            &(name, read(&format!("/tekton/results/{name}"))),
            &(name, Ok(None)),
        )?;
    }
    same(
        &read("/tekton/results/large"),
        &Err(std::io::ErrorKind::FileTooLarge),
    )?;
    for path in [
        "/etc/passwd",
        "/tekton/../etc/passwd",
        "/tekton",
        "tekton/results/good",
    ] {
        same(
            &(path, read(path)),
            &(path, Err(std::io::ErrorKind::InvalidInput)),
        )?;
    }
    sandbox.write(Path::new("/tekton/results/target"), b"new")?;
    sandbox.write(Path::new("/tekton/steps/step-x/exitCode"), b"0")?;
    let script = "cat /workspace/keep /tekton/results/target /tekton/steps/step-x/exitCode";
    same(
        &said(run(sandbox.as_mut(), "step-a", &shell(script)).await)?,
        &fine("keep\nnew0"),
    )
}

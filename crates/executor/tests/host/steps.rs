//! Steps: how they are started and how they end.

use std::collections::BTreeMap;

use libtest_mimic::Trial;
use windlass_executor::host::Mode;
use windlass_executor::job::EnvVar;
use windlass_executor::job::Process;
use windlass_executor::job::Secret;
use windlass_executor::job::Security;
use windlass_executor::observation::StartFailureKind;

use crate::place::Ended;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::job;
use crate::place::said;
use crate::place::same;
use crate::place::shell;
use crate::place::trial;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for mode in [Mode::Isolated, Mode::Shared] {
        trials.extend([
            trial("steps_share_the_workspace", mode, steps_share_the_workspace),
            trial("steps_end_as_a_shell_says", mode, steps_end_as_a_shell_says),
            trial(
                "commands_expand_their_variables",
                mode,
                commands_expand_their_variables,
            ),
            trial(
                "the_plane_s_environment_stays_out",
                mode,
                the_plane_s_environment_stays_out,
            ),
            trial("a_script_may_be_large", mode, a_script_may_be_large),
            trial(
                "an_image_s_own_command_is_known_or_refused",
                mode,
                an_image_s_own_command_is_known_or_refused,
            ),
            trial(
                "root_is_refused_where_it_is_not_wanted",
                mode,
                root_is_refused_where_it_is_not_wanted,
            ),
            trial(
                "credentials_lie_in_the_home_directory",
                mode,
                credentials_lie_in_the_home_directory,
            ),
        ]);
    }
    trials
}

async fn steps_share_the_workspace(place: Place) -> Outcome {
    let job = job(vec![
        shell("echo one >/workspace/file"),
        shell("cat /workspace/file; pwd | sed 's,.*/,,'"),
    ]);
    let ended = said(place.run(&job).await)?;
    same(
        &ended.last().map(|ended| ended.output.as_str()),
        &Some("one\nworkspace\n"),
    )
}

async fn steps_end_as_a_shell_says(place: Place) -> Outcome {
    let command = |parts: &[&str]| Process {
        command: parts.iter().map(|part| (*part).to_owned()).collect(),
        ..shell("")
    };
    let rows = [
        (
            shell("echo out; echo err >&2; echo again; exit 3"),
            3,
            "out\nerr\nagain\n",
        ),
        (shell("kill -9 $$"), 137, ""),
        (shell("cat; echo end"), 0, "end\n"),
        (
            command(&["no-such-tool"]),
            127,
            "cannot execute \"no-such-tool\": not found in PATH of this machine\n",
        ),
        (
            command(&["/no/such/tool"]),
            127,
            "cannot execute \"/no/such/tool\": no such file on this machine\n",
        ),
        (
            command(&["/etc/passwd"]),
            126,
            "cannot execute \"/etc/passwd\": Permission denied (os error 13)\n",
        ),
        (
            Process {
                script: Some("#!/no/such/interpreter\n".to_owned()),
                ..shell("")
            },
            127,
            "cannot execute the script: its interpreter is not on this machine: #!/no/such/interpreter\n",
        ),
    ];
    for (mut process, code, output) in rows {
        if !process.command.is_empty() {
            process.script = None;
        }
        let ended = said(place.run(&job(vec![process])).await)?;
        same(
            &ended,
            &vec![Ended {
                code,
                output: output.to_owned(),
            }],
        )?;
    }
    Ok(())
}

async fn commands_expand_their_variables(place: Place) -> Outcome {
    let variable = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let process = Process {
        image: "ubuntu".to_owned(),
        command: vec!["echo".to_owned()],
        args: ["$(A)", "$$(A)", "$(UNKNOWN)", "$A"].map(str::to_owned).to_vec(),
        env: vec![variable("A", "first"), variable("A", "last")],
        ..Process::default()
    };
    let ended = said(place.run(&job(vec![process])).await)?;
    same(
        &ended,
        &vec![Ended {
            code: 0,
            output: "last $(A) $(UNKNOWN) $A\n".to_owned(),
        }],
    )
}

async fn the_plane_s_environment_stays_out(place: Place) -> Outcome {
    let process = Process {
        command: vec!["env".to_owned()],
        script: None,
        ..shell("")
    };
    let ended = said(place.run(&job(vec![process])).await)?;
    let names: Vec<&str> = ended
        .iter()
        .flat_map(|ended| ended.output.lines())
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    same(&names, &vec!["PATH", "HOME", "LANG"])
}

async fn a_script_may_be_large(place: Place) -> Outcome {
    let script = format!(
        "{}\necho done",
        "# a long comment line of a long script\n".repeat(10 << 20 >> 5)
    );
    same(
        &said(place.script(&script).await)?,
        &Ended {
            code: 0,
            output: "done\n".to_owned(),
        },
    )
}

async fn an_image_s_own_command_is_known_or_refused(place: Place) -> Outcome {
    let process = |image: &str| Process {
        image: image.to_owned(),
        args: vec!["-c".to_owned(), "echo hello".to_owned()],
        ..Process::default()
    };
    let ended = said(place.run(&job(vec![process("busybox:1.36")])).await)?;
    same(
        &ended,
        &vec![Ended {
            code: 0,
            output: "hello\n".to_owned(),
        }],
    )?;
    let failure = place.run(&job(vec![process("example.com/tool")])).await.err();
    same(
        &failure.map(|failure| failure.kind),
        &Some(StartFailureKind::ContainerConfig),
    )
}

async fn root_is_refused_where_it_is_not_wanted(place: Place) -> Outcome {
    let security = Security {
        run_as_non_root: true,
        ..Security::default()
    };
    let process = Process {
        security,
        ..shell("id -u")
    };
    let ran = place.run(&job(vec![process])).await;
    if rustix::process::geteuid().is_root() {
        same(
            &ran.err().map(|failure| failure.kind),
            &Some(StartFailureKind::ContainerConfig),
        )
    } else {
        same(&said(ran)?.len(), &1)
    }
}

async fn credentials_lie_in_the_home_directory(place: Place) -> Outcome {
    let mut job = job(vec![shell(
        "cat $HOME/.docker/config.json; stat -c %a $HOME/.docker/config.json",
    )]);
    job.credentials = BTreeMap::from([(".docker/config.json".into(), Secret::new("{}\n"))]);
    let ended = said(place.run(&job).await)?;
    same(
        &ended,
        &vec![Ended {
            code: 0,
            output: "{}\n600\n".to_owned(),
        }],
    )
}

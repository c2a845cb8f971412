//! Containers: what a process finds in its image, and what it does not find of the machine.

use libtest_mimic::Trial;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use windlass_executor::Backend;
use windlass_executor::backend::Launch;
use windlass_executor::backend::OutputSink;
use windlass_executor::backend::Tee;
use windlass_executor::host::Config;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;
use windlass_executor::host::Network;
use windlass_executor::job::EnvVar;
use windlass_executor::job::Process;
use windlass_executor::job::Security;
use windlass_executor::observation::StartFailureKind;

use crate::place::Ended;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::job;
use crate::place::roots;
use crate::place::said;
use crate::place::same;
use crate::place::shell;
use crate::place::trial;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let mode = Mode::Contained;
    vec![
        trial("an_image_s_own_command_runs", mode, an_image_s_own_command_runs),
        trial(
            "an_image_s_environment_is_the_base",
            mode,
            an_image_s_environment_is_the_base,
        ),
        trial("an_image_s_user_is_who_runs", mode, an_image_s_user_is_who_runs),
        trial(
            "steps_share_what_tekton_promises",
            mode,
            steps_share_what_tekton_promises,
        ),
        trial(
            "each_step_has_a_root_of_its_own",
            mode,
            each_step_has_a_root_of_its_own,
        ),
        trial(
            "nothing_of_the_machine_is_seen",
            mode,
            nothing_of_the_machine_is_seen,
        ),
        trial("the_kernel_is_out_of_reach", mode, the_kernel_is_out_of_reach),
        trial("names_are_found", mode, names_are_found),
        trial("a_missing_image_says_so", mode, a_missing_image_says_so),
        trial(
            "a_network_of_its_own_is_reached_from_outside",
            mode,
            a_network_of_its_own_is_reached_from_outside,
        ),
        trial(
            "a_step_ends_with_all_it_started",
            mode,
            a_step_ends_with_all_it_started,
        ),
    ]
}

fn text(code: i32, output: &str) -> Ended {
    Ended {
        code,
        output: output.to_owned(),
    }
}

async fn an_image_s_own_command_runs(place: Place) -> Outcome {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let rows: [(&[&str], &[&str], &str); 4] = [
        (&[], &[], "entry cmd\n"),
        (&[], &["arg"], "entry arg\n"),
        (&["echo", "own"], &[], "own\n"),
        (&["echo", "own"], &["$(KEPT)"], "own image\n"),
    ];
    for (command, args, then) in rows {
        let process = Process {
            image: "busybox".to_owned(),
            command: words(command),
            args: words(args),
            ..Process::default()
        };
        same(&said(place.run(&job(vec![process])).await)?, &vec![text(0, then)])?;
    }
    Ok(())
}

async fn an_image_s_environment_is_the_base(place: Place) -> Outcome {
    let mut process = shell("echo $FROM $KEPT $HOME $PATH; pwd; cat /etc/above; hostname");
    let variable = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    process.env = vec![variable("FROM", "step")];
    let found = said(place.run(&job(vec![process])).await)?;
    let usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let then = format!("step image /root {usual}\n/\nabove\nrun-pod\n");
    same(&found, &vec![text(0, &then)])
}

async fn an_image_s_user_is_who_runs(place: Place) -> Outcome {
    let is_root = rustix::process::geteuid().is_root();
    let process = |user: &str, own: Option<u32>| Process {
        image: format!("busybox@{user}"),
        security: Security {
            user: own,
            ..Security::default()
        },
        ..shell("id -u; id -g; id -G; echo $HOME; touch /workspace/mine$$ && echo written")
    };
    let rows = [
        ("", None, "0\n0\n0\n/root\nwritten\n"),
        ("build", None, "1000\n100\n100 10\n/home/build\nwritten\n"),
        ("1000:7", None, "1000\n7\n7 10\n/home/build\nwritten\n"),
        ("build", Some(1234), "1234\n0\n0\n/\nwritten\n"),
    ];
    for (user, own, then) in rows {
        let found = place.run(&job(vec![process(user, own)])).await;
        if is_root || then.starts_with('0') {
            same(&said(found)?, &vec![text(0, then)])?;
        } else {
            let failure = found.expect_err("another user needs root");
            same(&failure.kind, &StartFailureKind::ContainerConfig)?;
        }
    }
    let failure = place
        .run(&job(vec![process("nobody", None)]))
        .await
        .expect_err("an unknown user");
    same(
        &failure.message.as_str(),
        &"image user \"nobody\" cannot be had: the image's /etc/passwd has no user \"nobody\"",
    )
}

async fn steps_share_what_tekton_promises(place: Place) -> Outcome {
    let write = "echo a >/workspace/a; echo r >/tekton/results/r; echo h >/tekton/home/h; echo s >/dev/shm/s";
    let read = "cat /workspace/a /tekton/results/r /tekton/home/h /dev/shm/s; ls /tekton/steps";
    let found = said(place.run(&job(vec![shell(write), shell(read)])).await)?;
    same(
        &found,
        &vec![text(0, ""), text(0, "a\nr\nh\ns\n0\n1\nstep-s0\nstep-s1\n")],
    )
}

async fn each_step_has_a_root_of_its_own(place: Place) -> Outcome {
    let write = "echo changed >/etc/above; rm /bin/wget; mkdir /new; cat /etc/above";
    let read = "cat /etc/above; test -e /bin/wget && test ! -e /new && echo untouched";
    let found = said(place.run(&job(vec![shell(write), shell(read)])).await)?;
    same(&found, &vec![text(0, "changed\n"), text(0, "above\nuntouched\n")])?;
    same(&said(place.script(read).await)?, &text(0, "above\nuntouched\n"))
}

async fn nothing_of_the_machine_is_seen(place: Place) -> Outcome {
    let marker = place.scratch.path().join("secret");
    std::fs::write(&marker, "secret")?;
    let script = format!(
        "ls / | tr '\\n' ' '; echo; test -e {} && echo seen; \
         ls /proc | grep -c '^[0-9]'; test -e /images && echo images; test -e /scratch && echo scratch; \
         find / -xdev -name secret 2>/dev/null; true",
        marker.display()
    );
    // The processes of the container are the shell, `ls` and `grep`, and the first process.
    same(
        &said(place.script(&script).await)?,
        &text(0, "bin dev etc home proc root sys tekton tmp workspace \n4\n"),
    )
}

async fn the_kernel_is_out_of_reach(place: Place) -> Outcome {
    let script = "echo 1 2>/dev/null >/proc/sys/kernel/panic || echo sys; \
                  echo h 2>/dev/null >/proc/sysrq-trigger || echo sysrq; \
                  test -s /proc/keys || echo keys; wc -c </proc/timer_list 2>/dev/null; \
                  mkdir /sys/kernel/x 2>/dev/null || echo sysfs; \
                  mount -t tmpfs none /tmp 2>/dev/null || echo mount; \
                  mknod /tmp/disk b 254 0 2>/dev/null; cat /tmp/disk >/dev/null 2>&1 || echo device; \
                  grep CapBnd /proc/self/status | cut -f2; ls /dev | tr '\\n' ' '";
    let found = said(place.script(script).await)?;
    let then = "sys\nsysrq\nkeys\n0\nsysfs\nmount\ndevice\n00000000a80425fb\n\
                fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ";
    same(&found, &text(0, then))
}

async fn names_are_found(place: Place) -> Outcome {
    let script = "grep -c localhost /etc/hosts; tail -1 /etc/hosts; cat /etc/hostname; \
                  test -e /etc/resolv.conf && echo 10.0.0.1 other >>/etc/hosts && tail -1 /etc/hosts";
    same(
        &said(place.script(script).await)?,
        &text(0, "2\n127.0.1.1\trun-pod\nrun-pod\n10.0.0.1 other\n"),
    )
}

async fn a_missing_image_says_so(place: Place) -> Outcome {
    let process = Process {
        image: "missing".to_owned(),
        ..shell("true")
    };
    let failure = place
        .run(&job(vec![process]))
        .await
        .expect_err("there is no such image");
    same(
        &(failure.kind, failure.message.as_str()),
        &(StartFailureKind::ImagePull, "no such image"),
    )
}

async fn a_step_ends_with_all_it_started(place: Place) -> Outcome {
    let found = said(place.script("(sleep 1000 &) ; setsid sleep 1001 & exit 3").await)?;
    same(&found, &text(3, ""))?;
    same(&said(place.script("kill -9 $$").await)?, &text(137, ""))
}

async fn a_network_of_its_own_is_reached_from_outside(place: Place) -> Outcome {
    let config = Config {
        mode: Mode::Contained,
        scratch_dir: place.scratch.path().to_owned(),
        network: Network::Private,
        roots: roots(Mode::Contained, place.scratch.path())?,
        ..Config::default()
    };
    let host = Host::start(config)?;
    // The same port in two sandboxes at once: neither sees the other.
    let serve = "echo $0 | nc -l -p 8080";
    let mut sandboxes = Vec::new();
    for name in ["one", "two"] {
        let mut process = shell("");
        process.script = None;
        process.command = ["sh", "-c", serve, name].map(str::to_owned).to_vec();
        let job = job(vec![process.clone()]);
        let mut sandbox = said(host.prepare(&job).await)?;
        let (chunks, output) = tokio::sync::mpsc::channel(16);
        let launch = Launch {
            container: "step-s0",
            process: &process,
            tee: Tee::default(),
            output: OutputSink { chunks },
        };
        let running = said(sandbox.start(launch).await)?;
        sandboxes.push((name, sandbox, running, output));
    }
    for (name, sandbox, running, _) in &mut sandboxes {
        let connection = loop {
            // The server needs a moment to listen.
            match sandbox.connect(8080).await {
                Ok(connection) => break connection,
                Err(error) if error.kind() != std::io::ErrorKind::ConnectionRefused => {
                    return Err(error.into());
                }
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let mut text = String::new();
        let mut reader = BufReader::new(connection);
        reader.read_line(&mut text).await?;
        same(&text.trim(), &&**name)?;
        // The server ends when its client does.
        drop(reader);
        same(&running.wait().await?.code, &0)?;
    }
    if tokio::net::TcpStream::connect(("127.0.0.1", 8080)).await.is_ok() {
        return Err("the machine sees the port".into());
    }
    Ok(())
}

//! Order, exit codes, and what follows from them.

use std::time::Duration;

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::command;
use crate::conformance::bench::either;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::conformance::bench::with_env;
use crate::observation::AttemptEnd;
use crate::observation::StepEnd;

super::cases! {
    "steps run in order" Nothing order,
    "a failure skips the rest" Nothing failure,
    "onError continue goes on" Nothing continue_on_error,
    "a step that exceeds its timeout is killed" Nothing step_timeout,
    "a signal is 128 and its number" Shell signals,
    "later steps read the exit code of earlier ones" Shell exit_code_file,
    "variables expand in command and args, and only there" Shell expansion,
    "a script gets its args" Shell script_args,
    "a script of ten megabytes runs" Shell large_script,
    "a script with an interpreter of its own runs" Shell shebang,
}

async fn order(bench: Bench) -> Claim {
    let steps = ["a", "b", "c"].map(|name| {
        either(
            name,
            &format!("echo {name}"),
            &[("FAKE_OUTPUT", &format!("{name}\n"))],
        )
    });
    let ran = bench.steps(steps.to_vec()).await;
    for name in ["a", "b", "c"] {
        ran.printed(&format!("step-{name}"), &format!("{name}\n"))?;
    }
    let ordered = ran
        .reports
        .windows(2)
        .all(|pair| pair[0].finished_at <= pair[1].started_at);
    equal("each step starts after its predecessor ended", &ordered, &true)
}

async fn failure(bench: Bench) -> Claim {
    let ran = bench
        .steps(vec![
            either("a", "exit 3", &[("FAKE_EXIT_CODE", "3")]),
            script("b", "echo never"),
        ])
        .await;
    equal("ends", &ran.ends(), &vec![StepEnd::Exited(3), StepEnd::Skipped])?;
    equal("log of the step that never ran", &ran.log("step-b").as_str(), &"")?;
    equal("end", &ran.end(), &Some(&AttemptEnd::Failed))
}

async fn continue_on_error(bench: Bench) -> Claim {
    let mut steps = vec![
        either("a", "exit 3", &[("FAKE_EXIT_CODE", "3")]),
        script("b", "true"),
    ];
    steps[0].continue_on_error = true;
    let ran = bench.steps(steps).await;
    ran.succeeded()?;
    equal("ends", &ran.ends(), &vec![StepEnd::Exited(3), StepEnd::Exited(0)])
}

async fn step_timeout(bench: Bench) -> Claim {
    let sleeper = either("a", "trap '' TERM; sleep 1000", &[("FAKE_SLEEP", "forever")]);
    let mut steps = vec![sleeper, script("b", "true")];
    steps[0].timeout = Some(Duration::from_millis(300));
    let ran = bench.steps(steps).await;
    equal("ends", &ran.ends(), &vec![StepEnd::TimedOut, StepEnd::Skipped])
}

async fn signals(bench: Bench) -> Claim {
    for (signal, code) in [("KILL", 137), ("TERM", 143), ("SEGV", 139)] {
        let ran = bench
            .steps(vec![script("a", &format!("kill -{signal} $$; sleep 1000"))])
            .await;
        equal(signal, &ran.ends(), &vec![StepEnd::Exited(code)])?;
    }
    Ok(())
}

async fn exit_code_file(bench: Bench) -> Claim {
    let read = "cat /tekton/steps/step-a/exitCode; echo; cat /tekton/steps/0/exitCode";
    let mut steps = vec![script("a", "exit 42"), script("b", read)];
    steps[0].continue_on_error = true;
    bench.steps(steps).await.printed("step-b", "42\n42")
}

async fn expansion(bench: Bench) -> Claim {
    let env = [("NAME", "value"), ("OTHER", "$(NAME)")];
    let mut direct = with_env(command("a", &["sh", "-c", r#"printf '%s\n' "$0" "$@""#]), &env);
    direct.process.args = ["$(NAME)-$(UNKNOWN)", "$$(NAME)", "$(OTHER)"]
        .map(Into::into)
        .to_vec();
    let text = with_env(script("b", "echo '$(NAME) $$(NAME)'"), &env);
    let ran = bench.steps(vec![direct, text]).await;
    ran.printed("step-a", "value-$(UNKNOWN)\n$(NAME)\n$(NAME)\n")?;
    ran.printed("step-b", "$(NAME) $$(NAME)\n")
}

async fn script_args(bench: Bench) -> Claim {
    let mut step = script("a", r#"printf '<%s>' "$@""#);
    step.process.args = ["one", "two words", "", "$HOME *"].map(Into::into).to_vec();
    bench
        .steps(vec![step])
        .await
        .printed("step-a", "<one><two words><><$HOME *>")
}

async fn large_script(bench: Bench) -> Claim {
    let filler = "# nothing to see in this line, nor in the next\n".repeat(10 * 1024 * 1024 / 47);
    bench
        .steps(vec![script("a", &format!("{filler}echo end"))])
        .await
        .printed("step-a", "end\n")
}

async fn shebang(bench: Bench) -> Claim {
    let mut step = script("a", "");
    step.process.script = Some("#!/bin/cat\nnot a shell\n".into());
    bench
        .steps(vec![step])
        .await
        .printed("step-a", "#!/bin/cat\nnot a shell\n")
}

//! The view that steps share.

use std::path::Path;

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::ensure;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::job::Secret;

super::cases! {
    "steps share /workspace, /tekton/home and results" Shell shared,
    "a working directory below /workspace is made" Shell working_dir,
    "the default working directory can be written" Shell default_dir,
    "credentials lie in the home directory" Shell credentials,
    "attempts do not see each other's files" PrivateView apart,
    "nothing that a step writes reaches the machine" PrivateView contained,
}

async fn shared(bench: Bench) -> Claim {
    let write = "echo w > /workspace/file; echo h > /tekton/home/file; echo r > /tekton/results/one";
    let read = "cat /workspace/file /tekton/home/file /tekton/results/one";
    bench
        .steps(vec![script("a", write), script("b", read)])
        .await
        .printed("step-b", "w\nh\nr\n")
}

async fn working_dir(bench: Bench) -> Claim {
    let mut step = script("a", "pwd; touch here");
    step.process.working_dir = "/workspace/deep/er".into();
    let ran = bench
        .steps(vec![step, script("b", "ls /workspace/deep/er")])
        .await;
    // Without a view of its own the directory lies deeper in the machine's tree.
    ensure(ran.log("step-a").ends_with("/workspace/deep/er\n"), || {
        format!("{ran:?}")
    })?;
    ran.printed("step-b", "here\n")
}

async fn default_dir(bench: Bench) -> Claim {
    bench
        .steps(vec![script("a", "touch here && ls here")])
        .await
        .printed("step-a", "here\n")
}

async fn credentials(bench: Bench) -> Claim {
    let mut job = bench.job(vec![script(
        "a",
        r#"cat "$HOME/.docker/config.json"; ls -ld "$HOME/.docker" >&2"#,
    )]);
    job.credentials
        .insert(".docker/config.json".into(), Secret::new("{\"auths\":{}}"));
    let ran = bench.run(&job).await;
    ran.succeeded()?;
    ensure(ran.log("step-a").contains("{\"auths\":{}}"), || {
        format!("log says {:?}", ran.log("step-a"))
    })
}

async fn apart(bench: Bench) -> Claim {
    let text = "for place in /workspace /tmp /tekton/home; do\n\
                if [ -e $place/mark ]; then echo seen in $place; fi; touch $place/mark; done; sleep 0.2";
    let run = || bench.steps(vec![script("a", text)]);
    let (first, second) = tokio::join!(run(), run());
    let third = run().await;
    for ran in [first, second, third] {
        ran.printed("step-a", "")?;
    }
    Ok(())
}

async fn contained(bench: Bench) -> Claim {
    let mark = format!("windlass-conformance-{}", std::process::id());
    let places = ["/tmp", "/var", "/usr", "/etc", "/workspace", "/tekton"];
    let text = format!(
        "for place in {} ''; do touch $place/{mark} 2> /dev/null || true; done",
        places.join(" ")
    );
    bench
        .steps(vec![script("a", &text)])
        .await
        .printed("step-a", "")?;
    let found: Vec<_> = places
        .iter()
        .filter(|place| Path::new(&format!("{place}/{mark}")).exists())
        .collect();
    equal("places where a file came through", &found, &Vec::new())
}

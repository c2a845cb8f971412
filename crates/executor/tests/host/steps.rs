//! Steps: what they see, how they end, what they leave.

use libtest_mimic::Trial;
use windlass_executor::host::Mode;

use crate::place::Ended;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::job;
use crate::place::same;
use crate::place::shell;
use crate::place::trial;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for mode in [Mode::Isolated, Mode::Shared] {
        trials.push(trial(
            "output_and_exit_code_arrive",
            mode,
            output_and_exit_code_arrive,
        ));
        trials.push(trial(
            "steps_share_the_workspace",
            mode,
            steps_share_the_workspace,
        ));
    }
    trials
}

async fn output_and_exit_code_arrive(place: Place) -> Outcome {
    let ended = place
        .script("echo out; echo err >&2; echo again; exit 3")
        .await
        .map_err(|failure| failure.message)?;
    same(
        &ended,
        &Ended {
            code: 3,
            output: "out\nerr\nagain\n".to_owned(),
        },
    )
}

async fn steps_share_the_workspace(place: Place) -> Outcome {
    let job = job(vec![
        shell("echo one >/workspace/file"),
        shell("cat /workspace/file; pwd | sed 's,.*/,,'"),
    ]);
    let ended = place.run(&job).await.map_err(|failure| failure.message)?;
    same(
        &ended.last().map(|ended| ended.output.as_str()),
        &Some("one\nworkspace\n"),
    )
}

//! The queue over a hand-moved clock, and the built-in runner over the fake.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use super::Jobs;
use super::LostPolicy;
use super::Now;
use super::Queue;
use super::QueueConfig;
use super::Refusal;
use super::ledger::Effect;
use super::ledger::Ledger;
use super::serve;
use crate::fake::Fake;
use crate::job::AttemptId;
use crate::job::Breakpoints;
use crate::job::EnvVar;
use crate::job::Job;
use crate::job::Process;
use crate::job::Step;
use crate::observation::AttemptEnd;
use crate::observation::Observation;
use crate::output::Discard;
use crate::runner::Cancel;
use crate::runner::Expanded;
use crate::runner::Runner;
use crate::runner::RunnerConfig;

fn job(name: &str, sleep: &str) -> Job {
    let env = vec![EnvVar {
        name: "FAKE_SLEEP".into(),
        value: sleep.into(),
    }];
    let process = Process {
        env,
        ..Process::default()
    };
    Job {
        id: id(name),
        namespace: "default".into(),
        task_run: name.into(),
        pod: name.into(),
        steps: vec![Step {
            name: "a".into(),
            process,
            ..Step::default()
        }],
        sidecars: Vec::new(),
        volumes: Vec::new(),
        results: Vec::new(),
        credentials: std::collections::BTreeMap::new(),
        masks: Vec::new(),
        pull_logins: Vec::new(),
        timeout: None,
        max_result_bytes: None,
        breakpoints: Breakpoints::default(),
    }
}

fn id(name: &str) -> AttemptId {
    AttemptId {
        task_run_uid: name.into(),
        attempt: 0,
    }
}

/// A ledger, its clock, and what it asked for.
struct Desk {
    ledger: Ledger,
    began: Instant,
    effects: Vec<Effect>,
}

impl Desk {
    fn new(on_lost: LostPolicy) -> Self {
        let config = QueueConfig {
            lease: Duration::from_secs(30),
            on_lost,
            remembered: 2,
        };
        Self {
            ledger: Ledger::new(config),
            began: Instant::now(),
            effects: Vec::new(),
        }
    }

    fn at(&self, seconds: u64) -> Now {
        Now {
            monotonic: self.began + Duration::from_secs(seconds),
            wall: SystemTime::UNIX_EPOCH,
        }
    }

    fn publish(&mut self, name: &str) {
        self.ledger.publish(job(name, "0s"), &mut self.effects);
    }

    fn claim(&mut self, seconds: u64) -> Option<(String, u64)> {
        let now = self.at(seconds);
        self.ledger
            .claim(true, now)
            .map(|lease| (lease.job.task_run.clone(), lease.fence))
    }

    fn report(&mut self, name: &str, fence: u64, observation: Observation) -> Result<(), Refusal> {
        self.ledger
            .report(&id(name), fence, observation, &mut self.effects)
    }

    fn expire(&mut self, seconds: u64) {
        let now = self.at(seconds);
        self.ledger.expire(now, &mut self.effects);
    }

    fn cancel(&mut self, name: &str, cancel: Cancel) {
        let now = self.at(0);
        self.ledger.cancel(&id(name), cancel, now, &mut self.effects);
    }

    /// What was asked for since the last look.
    fn effects(&mut self) -> Vec<String> {
        let word = |effect| match effect {
            Effect::Wake => "wake".into(),
            Effect::Deliver(id, Observation::Finished(outcome)) => {
                format!("{} finished {:?}", id.task_run_uid, outcome.end)
            }
            Effect::Deliver(id, observation) => format!("{} {observation:?}", id.task_run_uid),
            Effect::Cancel(id, cancel) => format!("{} cancel {cancel:?}", id.task_run_uid),
            Effect::Release(id, step, release) => format!("{} release {step} {release:?}", id.task_run_uid),
            Effect::Gone(id) => format!("{} gone", id.task_run_uid),
        };
        self.effects.drain(..).map(word).collect()
    }
}

fn started() -> Observation {
    Observation::StepStarted {
        step: 0,
        at: SystemTime::UNIX_EPOCH,
    }
}

fn finished() -> Observation {
    let outcome = crate::observation::Outcome {
        end: AttemptEnd::Succeeded,
        sidecars: Vec::new(),
        at: SystemTime::UNIX_EPOCH,
    };
    Observation::Finished(outcome)
}

#[test]
fn attempts_are_claimed_once_and_in_order() {
    let mut desk = Desk::new(LostPolicy::Fail);
    for name in ["a", "b", "a"] {
        desk.publish(name);
    }
    assert_eq!(desk.effects(), ["wake", "wake"]);
    assert_eq!(desk.claim(0), Some(("a".into(), 1)));
    assert_eq!(desk.claim(0), Some(("b".into(), 2)));
    assert_eq!(desk.claim(0), None);
    assert_eq!(desk.report("a", 1, finished()), Ok(()));
    assert_eq!(desk.effects(), ["a finished Succeeded"]);
    desk.publish("a");
    assert_eq!(desk.effects(), [] as [&str; 0]);
    assert_eq!(desk.report("a", 1, finished()), Err(Refusal::Unknown));
}

#[test]
fn ended_attempts_are_forgotten_beyond_the_bound() {
    let mut desk = Desk::new(LostPolicy::Fail);
    for name in ["a", "b", "c"] {
        desk.publish(name);
        desk.cancel(name, Cancel::Graceful);
    }
    desk.effects();
    desk.publish("b");
    assert_eq!(desk.effects(), [] as [&str; 0]);
    desk.publish("a");
    assert_eq!(desk.effects(), ["wake"]);
}

#[test]
fn a_lease_without_heartbeat_expires() {
    let lost = r#"a finished Lost("its runner was not heard of any more")"#;
    let rows: [(LostPolicy, bool, &[&str]); 6] = [
        (LostPolicy::Fail, false, &["a gone", lost]),
        (LostPolicy::Fail, true, &["a gone", lost]),
        (LostPolicy::RepublishUnstarted, false, &["a gone", "wake"]),
        (LostPolicy::RepublishUnstarted, true, &["a gone", lost]),
        (LostPolicy::Republish, false, &["a gone", "wake"]),
        (LostPolicy::Republish, true, &["a gone", "wake"]),
    ];
    for (policy, has_started, then) in rows {
        let mut desk = Desk::new(policy);
        desk.publish("a");
        desk.claim(0);
        if has_started {
            desk.report("a", 1, started()).expect("held");
        }
        desk.effects();
        desk.expire(29);
        assert_eq!(desk.effects(), [] as [&str; 0], "{policy:?}");
        let now = desk.at(29);
        desk.ledger.heartbeat(&id("a"), 1, now).expect("held");
        desk.expire(58);
        assert_eq!(desk.effects(), [] as [&str; 0], "{policy:?}");
        desk.expire(59);
        assert_eq!(desk.effects(), then, "{policy:?} {has_started}");
        assert!(desk.report("a", 1, finished()).is_err());
        assert_eq!(desk.ledger.next_expiry(), None);
    }
}

#[test]
fn a_stale_number_is_refused() {
    let mut desk = Desk::new(LostPolicy::Republish);
    desk.publish("a");
    desk.claim(0);
    desk.expire(30);
    assert_eq!(desk.claim(31), Some(("a".into(), 2)));
    let now = desk.at(32);
    assert_eq!(desk.report("a", 1, started()), Err(Refusal::Stale));
    assert_eq!(desk.ledger.heartbeat(&id("a"), 1, now), Err(Refusal::Stale));
    assert_eq!(desk.report("a", 2, started()), Ok(()));
}

#[test]
fn cancelling_reaches_whoever_has_the_attempt() {
    let mut desk = Desk::new(LostPolicy::Republish);
    for name in ["a", "b"] {
        desk.publish(name);
    }
    desk.claim(0);
    desk.effects();
    desk.cancel("b", Cancel::Graceful);
    assert_eq!(desk.effects(), ["b finished Cancelled"]);
    assert_eq!(desk.claim(0), None);
    for cancel in [Cancel::Graceful, Cancel::Graceful, Cancel::Kill, Cancel::Graceful] {
        desk.cancel("a", cancel);
    }
    assert_eq!(desk.effects(), ["a cancel Graceful", "a cancel Kill"]);
    // A cancelled attempt is not offered again, whatever the policy.
    desk.expire(30);
    assert_eq!(desk.effects(), ["a gone", "a finished Cancelled"]);
    desk.cancel("a", Cancel::Kill);
    assert_eq!(desk.effects(), [] as [&str; 0]);
}

#[test]
fn what_was_handed_out_or_adopted_is_never_offered_again() {
    for is_adopted in [false, true] {
        let mut desk = Desk::new(LostPolicy::RepublishUnstarted);
        let now = desk.at(0);
        if is_adopted {
            assert!(desk.ledger.adopt(job("a", "0s"), now).is_some());
            assert!(desk.ledger.adopt(job("a", "0s"), now).is_none());
        } else {
            desk.publish("a");
            desk.claim(0);
            assert_eq!(desk.ledger.hand_out(&id("a"), 2), Err(Refusal::Stale));
            assert_eq!(desk.ledger.hand_out(&id("a"), 1), Ok(()));
        }
        desk.effects();
        desk.publish("a");
        assert_eq!((desk.effects(), desk.claim(0)), (Vec::new(), None));
        desk.expire(30);
        let lost = r#"a finished Lost("its runner was not heard of any more")"#;
        assert_eq!(desk.effects(), ["a gone", lost], "{is_adopted}");
    }
}

fn runner(fake: &Fake, capacity: usize) -> Runner {
    let config = RunnerConfig {
        capacity,
        ..RunnerConfig::default()
    };
    Runner::new(
        Arc::new(fake.clone()),
        |_, _, _| Ok(Expanded::AsWritten),
        Arc::new(Discard),
        config,
    )
}

#[tokio::test(start_paused = true)]
async fn the_built_in_runner_runs_what_is_published_in_order_and_within_its_capacity() {
    let fake = Fake::new();
    let (queue, mut observations) = Queue::new(QueueConfig::default());
    let serving = tokio::spawn(serve(queue.clone(), runner(&fake, 2)));
    for index in 0..7 {
        queue.publish(job(&format!("job-{index}"), "1s"));
    }
    let mut ended = Vec::new();
    while ended.len() < 7 {
        if let Some((id, Observation::Finished(outcome))) = observations.recv().await {
            assert_eq!(outcome.end, AttemptEnd::Succeeded);
            ended.push(id.task_run_uid);
        }
    }
    assert_eq!(
        ended,
        ["job-0", "job-1", "job-2", "job-3", "job-4", "job-5", "job-6"]
    );
    // Two sandboxes with a process each.
    assert_eq!((fake.most_alive(), fake.alive(), queue.live()), (4, 0, 0));
    serving.abort();
}

#[tokio::test(start_paused = true)]
async fn the_built_in_runner_is_cancelled_and_stopped() {
    let fake = Fake::new();
    let (queue, mut observations) = Queue::new(QueueConfig::default());
    let serving = tokio::spawn(serve(queue.clone(), runner(&fake, 2)));
    for name in ["cancelled", "stopped", "waiting"] {
        queue.publish(job(name, "forever"));
    }
    let mut ends = Vec::new();
    let mut running = 0;
    while let Some((id, observation)) = observations.recv().await {
        match observation {
            Observation::StepStarted { .. } => {
                running += 1;
                match running {
                    2 => queue.cancel(&self::id("cancelled"), Cancel::Graceful),
                    3 => serving.abort(),
                    _ => {}
                }
            }
            Observation::Finished(outcome) => ends.push((id.task_run_uid, outcome.end)),
            _ => {}
        }
        if ends.len() == 3 {
            break;
        }
    }
    ends[1..].sort_by(|left, right| left.0.cmp(&right.0));
    let lost = || AttemptEnd::Lost("its runner stopped".into());
    assert_eq!(
        ends,
        [
            ("cancelled".into(), AttemptEnd::Cancelled),
            ("stopped".into(), lost()),
            ("waiting".into(), lost())
        ]
    );
    assert_eq!((fake.alive(), queue.live()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn leases_of_outside_runners_expire_on_the_clock() {
    let config = QueueConfig {
        on_lost: LostPolicy::Fail,
        ..QueueConfig::default()
    };
    let (queue, mut observations) = Queue::new(config);
    let watching = tokio::spawn({
        let queue = queue.clone();
        async move { queue.watch_leases().await }
    });
    queue.publish(job("a", "0s"));
    let claim = queue.try_claim(true).expect("an attempt");
    tokio::time::sleep(Duration::from_secs(20)).await;
    queue.heartbeat(&id("a"), claim.lease.fence).expect("held");
    let began = tokio::time::Instant::now();
    let (_, observation) = observations.recv().await.expect("a report");
    assert!(
        matches!(observation, Observation::Finished(outcome) if matches!(outcome.end, AttemptEnd::Lost(_)))
    );
    assert_eq!(began.elapsed().as_secs(), 30);
    watching.abort();
}

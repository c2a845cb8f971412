//! Plays a scenario on a plane of its own.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::validation::Flags;
use windlass_api::yaml;
use windlass_executor::fake::Fake;
use windlass_pipelines::Config;

use crate::plane::Plane;
use crate::plane::Setup;
use crate::redact::redact;
use crate::scenario::command::Command;
use crate::scenario::file::Scenario;
use crate::scenario::job;
use crate::story;

/// How a scenario went.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// Everything it told.
    pub transcript: String,
    /// Writes of the controllers: the moments at which they can crash.
    pub writes: usize,
}

/// Plays a scenario; for each of `crashes`, the controllers are dropped after that many of their writes and started anew.
///
/// # Panics
/// When a run is stuck, or something that is named does not exist.
pub fn play(scenario: &Scenario, crashes: &[usize]) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("start a runtime");
    runtime.block_on(async {
        let mut stage = Stage {
            plane: Plane::start(setup(scenario, crashes)),
            transcript: String::new(),
            runs: Vec::new(),
        };
        for command in &scenario.commands {
            stage.perform(command).await;
        }
        let tells =
            |command: &Command| matches!(command, Command::Await(_) | Command::Show(_) | Command::Until(_));
        if !scenario.commands.iter().any(tells) {
            for run in std::mem::take(&mut stage.runs) {
                stage.plane.end(&run).await;
                stage.tell(&run).await;
            }
        }
        Played {
            transcript: stage.transcript.trim().to_owned(),
            writes: stage.plane.writes(),
        }
    })
}

fn setup(scenario: &Scenario, crashes: &[usize]) -> Setup {
    let mut setup = Setup {
        crashes: crashes.to_vec(),
        ..Setup::default()
    };
    let mut settings = Vec::new();
    for command in &scenario.commands {
        let Command::Config(setting) = command else {
            continue;
        };
        match setting.as_str() {
            "beta" => setup.flags = Some(Flags::default()),
            "broken-backend" => setup.fake = Fake::broken("no place for a sandbox"),
            setting => settings.push(setting.to_owned()),
        }
    }
    setup.config = Some(Box::new(move |config| {
        for setting in &settings {
            configure(config, setting);
        }
    }));
    setup
}

fn configure(config: &mut Config, setting: &str) {
    match setting {
        "fail-fast" => config.fail_fast = true,
        "strict-limits" => config.max_result_bytes = Some(4096),
        "refuse-unknown-custom-tasks" => config.refuse_unknown_custom_tasks = true,
        "small-matrices" => config.max_matrix_combinations = 4,
        other => unreachable!("there is no setting {other}"),
    }
}

struct Stage {
    plane: Arc<Plane>,
    transcript: String,
    runs: Vec<Key>,
}

impl Stage {
    async fn perform(&mut self, command: &Command) {
        if let Command::Await(key) | Command::Until(key) | Command::Yaml(key, _) | Command::Merge(key, _) =
            command
            && self
                .plane
                .client()
                .get(key)
                .await
                .is_ok_and(|found| found.is_none())
        {
            self.print(&format!("there is no {key}"));
            return;
        }
        match command {
            Command::Apply(text) => self.apply(text).await,
            Command::Note(text) => self.print(text),
            Command::Wait(span) => tokio::time::sleep(*span).await,
            Command::Show(key) => {
                self.plane.settle().await;
                self.tell(key).await;
            }
            Command::Await(key) => {
                self.plane.end(key).await;
                self.tell(key).await;
            }
            Command::Until(key) => drop(self.plane.end(key).await),
            Command::Merge(key, patch) => self.merge(key, patch, false).await,
            Command::Status(key, patch) => self.merge(key, patch, true).await,
            Command::Delete(key) => {
                let deleted = self.plane.client().delete(key, "").await;
                deleted.expect("it exists");
                self.plane.settle().await;
            }
            Command::Fail(key, times) => self.plane.fail_writes(key, *times),
            Command::Yaml(key, pointers) => self.yaml(key, pointers).await,
            Command::Job(run, parts) => {
                for job in self.plane.jobs(run) {
                    let text = job::tell(&job, parts, &self.plane.directory());
                    self.print(&text);
                }
            }
            Command::Log(pod, container) => {
                let log = self.plane.log(pod, container);
                self.print(&log);
            }
            Command::History(key) => {
                self.plane.settle().await;
                let history = story::history(&self.plane, key);
                self.print(&history);
            }
            Command::Journal => {
                let journal = self.plane.fake().journal().join("\n");
                self.print(&journal);
            }
            Command::Config(_) | Command::Once => {}
        }
    }

    async fn apply(&mut self, text: &str) {
        match self.plane.apply(text).await {
            Ok(keys) => {
                let is_run =
                    |key: &Key| matches!(key.kind, Kind::TaskRun | Kind::PipelineRun | Kind::CustomRun);
                self.runs.extend(keys.into_iter().filter(is_run));
            }
            Err(error) => self.print(&format!("refused: {error}")),
        }
    }

    async fn merge(&mut self, key: &Key, patch: &str, is_status: bool) {
        self.plane.settle().await;
        let documents = yaml::load(patch.as_bytes()).expect("a patch in YAML");
        let patch = documents.into_iter().next().expect("a patch").value;
        let mut next = self.plane.object(key).await.to_json();
        merge(if is_status { &mut next["status"] } else { &mut next }, patch);
        let next = Object::from_json(next).expect("the patch fits");
        let client = self.plane.client();
        let result = if is_status {
            client.update_status(next).await
        } else {
            client.update(next).await
        };
        if let Err(error) = result {
            self.print(&format!("refused: {error}"));
        }
    }

    async fn yaml(&mut self, key: &Key, pointers: &[String]) {
        self.plane.settle().await;
        let mut object = self.plane.object(key).await.to_json();
        redact(&mut object);
        for pointer in pointers {
            let text = match object.pointer(pointer) {
                None => "nothing\n".to_owned(),
                Some(part) => yaml::emit(part),
            };
            self.print(&format!("{key} {pointer}\n{text}"));
        }
    }

    async fn tell(&mut self, key: &Key) {
        let story = story::tell(&self.plane, key).await;
        self.print(&story);
    }

    fn print(&mut self, text: &str) {
        for line in text.lines() {
            let _ = writeln!(self.transcript, "{}", line.trim_end());
        }
    }
}

/// RFC 7386.
fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(members) => {
            if !target.is_object() {
                *target = Value::Object(serde_json::Map::new());
            }
            for (name, member) in members {
                if member.is_null() {
                    target.as_object_mut().map(|target| target.shift_remove(&name));
                } else {
                    merge(&mut target[name], member);
                }
            }
        }
        other => *target = other,
    }
}

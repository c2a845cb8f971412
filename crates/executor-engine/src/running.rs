//! A started container: one task moves its output, sees its end, and collects what it leaves behind.

use std::io;
use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::watch;
use windlass_executor::backend::Chunk;
use windlass_executor::backend::Exit;
use windlass_executor::backend::Running;
use windlass_executor::backend::Stream;

use crate::client::Client;
use crate::client::Error;
use crate::client::Frames;
use crate::client::Hijacked;
use crate::client::State;
use crate::place::Place;
use crate::tee::Copies;

const SIGKILL: i32 = 9;

/// Room for one read of output.
const READ: usize = 64 << 10;

/// Pauses between looks at a container whose output has ended: its end follows within milliseconds, and waiting for it by
/// the engine's own means takes some engines a quarter of a second.
const LOOKS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
];

/// Beginning of the output that is kept to see whether the program ran at all; messages of an init are shorter.
const MAX_OPENING: usize = 512;

/// How a process ended: with an exit, or out of sight.
pub(crate) type End = Option<Result<Exit, String>>;

/// A process in a container of its own.
pub(crate) struct EngineProcess {
    pub(crate) image_id: String,
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) end: watch::Receiver<End>,
    /// Ends the process for its observers when the engine cannot.
    pub(crate) lost: watch::Sender<End>,
    pub(crate) runtime: Handle,
}

impl Running for EngineProcess {
    fn image_id(&self) -> &str {
        &self.image_id
    }

    fn wait(&mut self) -> BoxFuture<'_, io::Result<Exit>> {
        Box::pin(async move {
            let end = self.end.wait_for(Option::is_some).await;
            let end = end.ok().and_then(|end| end.clone());
            end.unwrap_or_else(|| Err("the sandbox was removed".into()))
                .map_err(io::Error::other)
        })
    }

    fn signal(&mut self, signal: i32) -> io::Result<()> {
        if self.end.borrow().is_some() {
            return Ok(());
        }
        let (client, name, lost) = (self.client.clone(), self.name.clone(), self.lost.clone());
        self.runtime.spawn(async move {
            let Err(error) = client.kill(&name, signal).await else {
                return;
            };
            let error = error.chain();
            tracing::warn!(error, signal, "could not signal a container");
            if signal == SIGKILL {
                // Nothing is stronger, and whoever asked must not wait for ever for an engine that hangs.
                lost.send_if_modified(|end| {
                    let open = end.is_none();
                    end.get_or_insert(Err(error));
                    open
                });
            }
        });
        Ok(())
    }
}

/// Looks after one container until it ended.
pub(crate) struct Pump {
    pub(crate) client: Client,
    /// Name at the engine.
    pub(crate) name: String,
    /// The program that it was asked to run, for a message.
    pub(crate) program: String,
    pub(crate) copies: Copies,
    pub(crate) sink: mpsc::Sender<Chunk>,
    pub(crate) end: watch::Sender<End>,
    /// Where to look at what the process left behind; not for sidecars. Weak, because a sandbox that is dropped must go
    /// while its processes still run.
    pub(crate) place: Option<Weak<Place>>,
}

impl Pump {
    /// Moves the output of a started container until it ended.
    pub(crate) async fn run(mut self, output: Hijacked) {
        let opening = self.flow(output).await;
        let state = state_after_end(&self.client, &self.name).await;
        let end = match state {
            Ok(state) => Ok(self.judge(state, &opening).await),
            Err(error) => Err(error.chain()),
        };
        self.conclude(end).await;
    }

    /// Concludes a container that the engine could not start because its program cannot be run.
    pub(crate) async fn never_ran(mut self, code: i32, message: &str) {
        self.say(message).await;
        let exit = Exit {
            code,
            out_of_memory: false,
        };
        self.conclude(Ok(exit)).await;
    }

    /// Hands the output on; returns its beginning.
    async fn flow(&mut self, mut output: Hijacked) -> Vec<u8> {
        let mut frames = Frames::default();
        let mut opening = Vec::new();
        loop {
            frames.buffer().reserve(READ);
            match output.read_buf(frames.buffer()).await {
                Ok(0) => return opening,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, container = self.name, "the output of a container broke off");
                    return opening;
                }
            }
            loop {
                match frames.next() {
                    Ok(Some(chunk)) => {
                        if opening.len() <= MAX_OPENING {
                            opening.extend_from_slice(&chunk.bytes);
                        }
                        self.hand_on(chunk).await;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, container = self.name, "lost the output of a container");
                        return opening;
                    }
                }
            }
        }
    }

    async fn hand_on(&mut self, chunk: Chunk) {
        self.copies.take(&chunk);
        // When nobody listens any more, the process must not block for that.
        let _ = self.sink.send(chunk).await;
    }

    async fn say(&mut self, message: &str) {
        self.hand_on(Chunk {
            stream: Stream::Stderr,
            bytes: Bytes::from(format!("{}\n", message.trim_end())),
        })
        .await;
    }

    async fn judge(&mut self, state: State, opening: &[u8]) -> Exit {
        let mut code = state.exit_code;
        if let Some((refused, why)) = init_refused(code, opening) {
            code = refused;
            let program = std::mem::take(&mut self.program);
            self.say(&format!("windlass: cannot run {program:?}: {why}"))
                .await;
        }
        Exit {
            code,
            out_of_memory: state.out_of_memory,
        }
    }

    async fn conclude(self, end: Result<Exit, String>) {
        if let Err(error) = self.copies.finish(&self.client, &self.name).await {
            tracing::warn!(%error, container = self.name, "could not keep a copy of output");
        }
        if let Some(place) = self.place.as_ref().and_then(Weak::upgrade)
            && let Err(error) = place.look().await
        {
            tracing::warn!(%error, container = self.name, "could not look at what a step left behind");
        }
        self.end.send_if_modified(|known| {
            let open = known.is_none();
            known.get_or_insert(end);
            open
        });
    }
}

/// How a container ended whose output did.
async fn state_after_end(client: &Client, name: &str) -> Result<State, Error> {
    for pause in LOOKS {
        tokio::time::sleep(pause).await;
        let state = client.container(name).await?.state;
        if !state.running {
            return Ok(state);
        }
    }
    // It closed its output and goes on.
    loop {
        client.wait(name).await?;
        let state = client.container(name).await?.state;
        if !state.running {
            return Ok(state);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether all that a container said was its init's complaint that there is no such program; the exit code that a shell
/// would give, and the reason.
fn init_refused(code: i32, opening: &[u8]) -> Option<(i32, &str)> {
    if code == 0 || opening.len() > MAX_OPENING {
        return None;
    }
    let said = std::str::from_utf8(opening).ok()?.trim_end();
    let catatonit = || {
        said.strip_prefix("ERROR (catatonit:")?
            .split_once("failed to exec pid1: ")
    };
    let tini = || said.strip_prefix("[FATAL tini (")?.rsplit_once(" failed: ");
    let (_, why) = catatonit().or_else(tini).filter(|_| !said.contains('\n'))?;
    let code = if why.starts_with("Permission denied") {
        126
    } else {
        127
    };
    Some((code, why))
}

/// Whether an engine's refusal to start a container is about its program, and the exit code that a shell would give.
pub(crate) fn program_refused(message: &str) -> Option<i32> {
    let about_program = message.contains("exec: ")
        || message.contains("OCI runtime attempted to invoke")
        || message.contains("executable file");
    if !about_program {
        return None;
    }
    let text = message.to_lowercase();
    if ["not found", "no such file", "not a directory"]
        .iter()
        .any(|word| text.contains(word))
    {
        return Some(127);
    }
    ["permission denied", "exec format error", "is a directory"]
        .iter()
        .any(|word| text.contains(word))
        .then_some(126)
}

#[cfg(test)]
mod tests {
    use super::init_refused;
    use super::program_refused;

    /// Exit code, output, and what is made of them.
    type Row<'r> = (i32, &'r str, Option<(i32, &'r str)>);

    #[test]
    fn a_program_that_is_not_there_is_told_from_one_that_fails() {
        let catatonit = "ERROR (catatonit:6): failed to exec pid1: No such file or directory\n";
        let rows: [Row; 7] = [
            (1, catatonit, Some((127, "No such file or directory"))),
            (0, catatonit, None),
            (
                126,
                "[FATAL tini (7)] exec ./x failed: Permission denied",
                Some((126, "Permission denied")),
            ),
            (
                127,
                "[FATAL tini (7)] exec ./x failed: No such file or directory",
                Some((127, "No such file or directory")),
            ),
            (1, "sh: x: not found\n", None),
            (1, "ERROR (catatonit:6): failed to exec pid1: a\nand more\n", None),
            (1, "", None),
        ];
        for (code, said, then) in rows {
            assert_eq!(init_refused(code, said.as_bytes()), then, "{said:?}");
        }
    }

    #[test]
    fn a_refused_start_may_be_the_programs_fault() {
        let rows = [
            (
                "runc: runc create failed: unable to start container process: exec: \"x\": executable file not found in $PATH: \
                 OCI runtime attempted to invoke a command that was not found",
                Some(127),
            ),
            (
                "unable to start container process: exec: \"/tekton/scripts/a\": stat /tekton/scripts/a: no such file or directory",
                Some(127),
            ),
            (
                "crun: open executable: Permission denied: OCI runtime permission denied error",
                None,
            ),
            (
                "unable to start container process: exec: \"/etc/passwd\": permission denied",
                Some(126),
            ),
            ("invalid mount config: bind source path does not exist: /x", None),
            ("cgroups: cannot found cgroup mount destination", None),
        ];
        for (message, then) in rows {
            assert_eq!(program_refused(message), then, "{message}");
        }
    }
}

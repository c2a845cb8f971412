//! Runs the `git` program shut in: its own process group, no inherited settings, bounded in every direction.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::process::Stdio;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process_group;
use tempfile::TempDir;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::error::Error;
use crate::limits::Limits;
use crate::policy::Policy;

/// Variables that a trusted environment hands on: where keys, certificates and proxies are.
const TRUSTED: [&str; 12] = [
    "HOME",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// Settings of every run. What a repository or a machine could bring along is switched off by name, although
/// no configuration file but our own is read, so that a new default of git does not open it again.
const CONFIG: [(&str, &str); 17] = [
    ("protocol.version", "2"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    // Blobs above this size are streamed instead of held in memory.
    ("core.bigFileThreshold", "16m"),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    // One pack instead of loose objects, so that the limit on the size of a file bounds the download.
    ("fetch.unpackLimit", "1"),
    ("transfer.unpackLimit", "1"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
    ("http.followRedirects", "false"),
];

/// How much of what the program says about a failure is kept, in bytes from the end.
const MAX_COMPLAINT: usize = 8 << 10;

/// The program with the settings of one fetch and a directory that goes away with it.
pub(super) struct Program {
    scratch: TempDir,
    environment: Vec<(OsString, OsString)>,
    config: Vec<(String, String)>,
    limits: Limits,
}

/// What a run that ended by itself left behind.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) success: bool,
    /// Standard output, at most as long as was allowed.
    pub(super) output: Vec<u8>,
    /// Whether more output came than was allowed; the run was stopped then.
    pub(super) overflowed: bool,
    /// The end of standard error.
    pub(super) complaint: String,
}

impl Program {
    /// Prepares the program; `environment` and `config` are what the place of the repository asks for.
    pub(super) async fn prepare(policy: &Policy, limits: Limits, pinned: bool) -> Result<Self, Error> {
        check_version(pinned).await?;
        let scratch = tempfile::Builder::new()
            .prefix("windlass-git-")
            .tempdir()
            .map_err(|source| Error::Directory {
                path: std::env::temp_dir(),
                source,
            })?;
        let mut environment = base_environment(scratch.path());
        if policy.trust_environment {
            environment.retain(|(name, _)| name != "HOME");
            environment.extend(
                TRUSTED
                    .iter()
                    .filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))),
            );
        }
        Ok(Self {
            scratch,
            environment,
            config: Vec::new(),
            limits,
        })
    }

    /// Sets what the next runs need to reach one place, instead of what was set before.
    pub(super) fn reach(&mut self, environment: &[(String, String)], config: &[(String, String)]) {
        for (name, value) in environment {
            self.environment.retain(|(known, _)| known != name.as_str());
            self.environment.push((name.into(), value.into()));
        }
        self.config = config.to_vec();
    }

    /// The limits of the fetch.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Makes an empty repository by hand, which spares a process.
    pub(super) fn repository(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.scratch.path().join(name);
        let make = || -> io::Result<()> {
            fs::create_dir_all(path.join("objects"))?;
            fs::create_dir_all(path.join("refs"))?;
            fs::write(path.join("HEAD"), "ref: refs/heads/none\n")?;
            fs::write(path.join("config"), "[core]\n\trepositoryformatversion = 0\n")
        };
        make().map_err(|source| Error::Directory {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// Runs one command in a repository, feeding it `input` and taking at most `max_output` bytes.
    ///
    /// # Guarantees
    /// When the future is dropped, the program and whatever it started are killed.
    pub(super) async fn run(
        &self,
        repository: &Path,
        arguments: &[&str],
        input: &[u8],
        max_output: u64,
    ) -> Result<Finished, Error> {
        let mut command = self.command();
        command.args(arguments).env("GIT_DIR", repository);
        self.finish(command, input, max_output).await
    }

    /// Runs one command in a repository with a work tree.
    pub(super) async fn run_in(
        &self,
        repository: &Path,
        work_tree: &Path,
        arguments: &[&str],
    ) -> Result<Finished, Error> {
        let mut command = self.command();
        command
            .args(arguments)
            .env("GIT_DIR", repository)
            .env("GIT_WORK_TREE", work_tree)
            .current_dir(work_tree);
        self.finish(command, &[], 4096).await
    }

    fn command(&self) -> Command {
        // A shell sets the limits, because they must hold before the program starts anything itself. With the
        // signal for too large files ignored, the program is told by its write and can say so.
        const LIMITED: &str =
            r#"trap '' XFSZ; ulimit -c 0; ulimit -f "$0"; ulimit -v "$1" 2>/dev/null; shift; exec git "$@""#;
        let mut command = Command::new("sh");
        command.arg("-c").arg(LIMITED);
        // Shells count file sizes in blocks of 512 bytes and memory in KiB.
        command.arg((self.limits.max_transfer / 512).to_string());
        command.arg((self.limits.max_memory / 1024).to_string());
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let own = self
            .config
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let mut count = 0;
        for (key, value) in CONFIG.into_iter().chain(own) {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command.current_dir(self.scratch.path());
        command
    }

    async fn finish(&self, mut command: Command, input: &[u8], max_output: u64) -> Result<Finished, Error> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(Error::Program)?;
        let mut group = Group::of(&child);
        let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut pipe) = stdin.take() {
                // A program that has heard enough closes the pipe, which is no failure.
                let _ = pipe.write_all(input).await;
            }
        };
        let read = async {
            let Some(pipe) = stdout else {
                return Ok((Vec::new(), false));
            };
            let outcome = read_at_most(pipe, max_output).await;
            if matches!(outcome, Ok((_, true))) {
                group.kill();
            }
            outcome
        };
        let ((), output, complaint) = tokio::join!(write, read, read_end(stderr));
        let (output, overflowed) = output.map_err(Error::Program)?;
        let status: ExitStatus = child.wait().await.map_err(Error::Program)?;
        group.forget();
        if status.code() == Some(127) {
            return Err(Error::ProgramMissing);
        }
        Ok(Finished {
            success: status.success(),
            output,
            overflowed,
            complaint,
        })
    }
}

fn base_environment(scratch: &Path) -> Vec<(OsString, OsString)> {
    let fixed = [
        ("LC_ALL", "C"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_PROTOCOL_FROM_USER", "0"),
        ("GIT_ALLOW_PROTOCOL", ""),
        ("GIT_SSH_VARIANT", "ssh"),
        ("GIT_NO_LAZY_FETCH", "1"),
    ];
    let mut environment: Vec<(OsString, OsString)> = fixed
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    environment.extend(["HOME", "TMPDIR"].map(|name| (name.into(), scratch.as_os_str().to_owned())));
    environment.extend(std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
    environment
}

/// Kills a process group when dropped, unless it is known to have ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
        )
    }

    fn kill(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended just now.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn read_at_most(pipe: impl AsyncRead + Unpin, limit: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    pipe.take(limit.saturating_add(1)).read_to_end(&mut bytes).await?;
    let overflowed = bytes.len() as u64 > limit;
    if overflowed {
        bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok((bytes, overflowed))
}

/// Reads to the end, keeping only the last bytes.
async fn read_end(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if kept.len() > 2 * MAX_COMPLAINT {
            kept.drain(..kept.len() - MAX_COMPLAINT);
        }
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// Settings are handed over in the environment since 2.31, addresses are pinned since 2.37; older programs
/// would ignore both without a word.
async fn check_version(pinned: bool) -> Result<(), Error> {
    static VERSION: OnceCell<(u32, u32)> = OnceCell::const_new();
    let (major, minor) = *VERSION.get_or_try_init(installed_version).await?;
    let (needed, name) = if pinned {
        ((2, 37), "2.37")
    } else {
        ((2, 31), "2.31")
    };
    if (major, minor) < needed {
        return Err(Error::ProgramTooOld {
            found: format!("{major}.{minor}"),
            needed: name,
        });
    }
    Ok(())
}

async fn installed_version() -> Result<(u32, u32), Error> {
    let mut command = Command::new("git");
    command.arg("version").stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::ProgramMissing,
        _ => Error::Program(error),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).ok_or_else(|| Error::ProgramTooOld {
        found: text.trim().chars().take(64).collect(),
        needed: "2.31",
    })
}

/// Reads `git version 2.39.5 (Apple Git-154)` and its like.
pub(super) fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

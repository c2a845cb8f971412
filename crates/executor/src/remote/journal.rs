//! What a runner must not forget when it is killed: which attempts it holds, and what was reported and printed of them.
//!
//! One directory per attempt: `claim.json`, `reports.jsonl`, and `<container>.log` per process. No file holds a secret: jobs
//! are not kept, and what is printed was masked before.

use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FlockOperation;
use serde::Deserialize;
use serde::Serialize;

use super::error::Error;
use crate::job::AttemptId;
use crate::observation::Observation;

/// The directory of a runner; locked while it lives.
pub(super) struct Journal {
    attempts: PathBuf,
    /// Identity of the directory.
    pub(super) instance: String,
    _lock: File,
}

/// What was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Given {
    pub(super) attempt: AttemptId,
    pub(super) fence: u64,
}

/// An attempt as a directory shows it.
pub(super) struct Found {
    pub(super) given: Given,
    pub(super) directory: PathBuf,
    pub(super) reports: Vec<Observation>,
    /// Containers and the lengths of their logs.
    pub(super) logs: Vec<(String, u64)>,
}

impl Journal {
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let attempts = directory.join("attempts");
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(&attempts)
            .map_err(|source| at(&attempts, source))?;
        let path = directory.join("lock");
        let lock = private().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|source| at(&path, source))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(Error::InUse(directory.to_owned())),
            Err(error) => return Err(at(&path, error.into())),
        }
        let path = directory.join("instance");
        let instance = instance(&path).map_err(|source| at(&path, source))?;
        Ok(Self {
            attempts,
            instance,
            _lock: lock,
        })
    }

    /// Notes an attempt before anything of it begins; answers with its directory.
    pub(super) fn give(&self, given: &Given) -> Result<PathBuf, Error> {
        let name = format!("{}-{}", given.attempt.task_run_uid, given.attempt.attempt);
        if name.contains('/') || name.starts_with('.') {
            return Err(at(
                &self.attempts,
                io::Error::other("the identity of an attempt is no name of a file"),
            ));
        }
        let directory = self.attempts.join(name);
        let noted = || -> io::Result<()> {
            match std::fs::remove_dir_all(&directory) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            DirBuilder::new().mode(0o700).create(&directory)?;
            let mut file = private()
                .create_new(true)
                .write(true)
                .open(directory.join("claim.json"))?;
            file.write_all(&serde_json::to_vec(given)?)
        };
        noted().map_err(|source| at(&directory, source))?;
        Ok(directory)
    }

    /// What an earlier process held. What had not begun is forgotten: it is handed out again.
    pub(super) fn find(&self) -> Result<Vec<Found>, Error> {
        let entries = std::fs::read_dir(&self.attempts).map_err(|source| at(&self.attempts, source))?;
        let mut all = Vec::new();
        for entry in entries {
            let directory = entry.map_err(|source| at(&self.attempts, source))?.path();
            match found(&directory).map_err(|source| at(&directory, source))? {
                Some(found) => all.push(found),
                None => std::fs::remove_dir_all(&directory).map_err(|source| at(&directory, source))?,
            }
        }
        Ok(all)
    }
}

/// Opens a file of an attempt to add to it.
pub(super) fn appending(directory: &Path, name: &str) -> io::Result<File> {
    private()
        .create(true)
        .append(true)
        .read(true)
        .open(directory.join(name))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn at(path: &Path, source: io::Error) -> Error {
    Error::Journal {
        path: path.to_owned(),
        source,
    }
}

fn instance(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.is_empty() => Ok(text),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => {
            let text = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?
                .trim()
                .to_owned();
            let mut file = private().create(true).truncate(true).write(true).open(path)?;
            file.write_all(text.as_bytes())?;
            Ok(text)
        }
    }
}

fn found(directory: &Path) -> io::Result<Option<Found>> {
    let Ok(given) = std::fs::read(directory.join("claim.json")) else {
        return Ok(None);
    };
    let Ok(given) = serde_json::from_slice::<Given>(&given) else {
        return Ok(None);
    };
    let text = match std::fs::read_to_string(directory.join("reports.jsonl")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    if text.is_empty() {
        return Ok(None);
    }
    // A last line that was being written when the process was killed is none.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let reports = whole
        .lines()
        .map_while(|line| serde_json::from_str(line).ok())
        .collect();
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(container) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_suffix(".log"))
        {
            logs.push((container.to_owned(), entry.metadata()?.len()));
        }
    }
    Ok(Some(Found {
        given,
        directory: directory.to_owned(),
        reports,
        logs,
    }))
}

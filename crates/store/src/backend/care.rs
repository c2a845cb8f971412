//! Copies of a SQLite file, and whether one is sound.

use std::fs::File;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use windlass_api::Object;

use super::Backend as _;
use super::Error;
use super::Record;
use super::Sqlite;
use super::sqlite::io;
use super::sqlite::lock;
use super::sqlite::refusal;

/// Pages that are copied before writers get a turn.
const PAGES: i32 = 1_024;

/// Versions that a restored file leaves out, so that none is given again that was given after the backup was made: more
/// than any plane commits between two backups, and few enough for nine million restores within the integers of JSON.
const RESTORED_LATER: u64 = 1_000_000_000;

impl Sqlite {
    /// Copies everything into a new file while others go on.
    ///
    /// # Errors
    /// When there is nothing to copy, the new file exists, or it cannot be written. No new file is left behind then.
    pub fn backup(from: &Path, to: &Path) -> Result<(), Error> {
        exists(from)?;
        let mut private = OpenOptions::new();
        private.write(true).create_new(true).mode(0o600);
        let target = private.open(to).map_err(|error| io(&error))?;
        let copied = copy(from, to).and_then(|()| settle(&target, to));
        if copied.is_err() {
            // What is left is no backup; that it could not be made says more than that it could not be removed.
            let _ = std::fs::remove_file(to);
        }
        copied
    }

    /// Makes a new file out of a backup, once it proves sound. Versions go on far behind those of the backup, so that
    /// clients that saw later ones list again rather than miss something.
    ///
    /// # Errors
    /// When the backup is damaged, or the new file exists (it is never written over) or is in use.
    pub fn restore(backup: &Path, to: &Path) -> Result<(), Error> {
        let _lock = lock(to)?;
        Self::backup(backup, to)?;
        let restored = advance(to);
        if restored.is_err() {
            let _ = std::fs::remove_file(to);
        }
        restored
    }

    /// Everything that is wrong with a file, a line each: its pages, rows that cannot be read, and rows that contradict
    /// what they hold.
    ///
    /// # Errors
    /// When it is not there or cannot be opened.
    pub fn check(path: &Path) -> Result<Vec<String>, Error> {
        exists(path)?;
        Self::open(path)?.problems()
    }

    fn problems(&mut self) -> Result<Vec<String>, Error> {
        let mut problems = match self.damaged_pages() {
            Ok(lines) => lines,
            Err(Error::Corrupt(damage)) => vec![damage],
            Err(error) => return Err(error),
        };
        match self.load() {
            Ok(loaded) => {
                let unfit = loaded
                    .records
                    .iter()
                    .filter_map(|record| unfit(record, loaded.version));
                problems.extend(unfit);
            }
            Err(error) => problems.push(error.to_string()),
        }
        Ok(problems)
    }

    /// What SQLite finds wrong with the pages of the file.
    fn damaged_pages(&self) -> Result<Vec<String>, Error> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare("PRAGMA integrity_check")?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            lines
                .filter(|line| line.as_ref().map_or(true, |line| line != "ok"))
                .collect()
        };
        read().map_err(|error| refusal(&error))
    }
}

fn exists(path: &Path) -> Result<(), Error> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Unavailable(format!("there is no file {}", path.display()))),
        Err(error) => Err(io(&error)),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| refusal(&error))?;
    let mut target = Connection::open(to).map_err(|error| refusal(&error))?;
    let backup = rusqlite::backup::Backup::new(&source, &mut target).map_err(|error| refusal(&error))?;
    backup
        .run_to_completion(PAGES, Duration::ZERO, None)
        .map_err(|error| refusal(&error))
}

/// Sees to it that a new file and its name are on disk.
fn settle(file: &File, path: &Path) -> Result<(), Error> {
    file.sync_all().map_err(|error| io(&error))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(directory.unwrap_or_else(|| Path::new("."))).map_err(|error| io(&error))?;
    directory.sync_all().map_err(|error| io(&error))
}

/// Checks a restored file, which this process has locked, and moves its version on.
fn advance(path: &Path) -> Result<(), Error> {
    let mut restored = Sqlite::open_locked(path)?;
    if let Some(first) = restored.problems()?.into_iter().next() {
        return Err(Error::Corrupt(first));
    }
    let sql = "UPDATE meta SET value = value + ?1 WHERE name = 'version'";
    let later = i64::try_from(RESTORED_LATER).unwrap_or(i64::MAX);
    let moved = restored.connection.execute(sql, [later]);
    moved.map(drop).map_err(|error| refusal(&error))
}

/// What is wrong with a record by itself.
fn unfit(record: &Record, newest: u64) -> Option<String> {
    let Record {
        kind,
        namespace,
        name,
        version,
        ..
    } = record;
    let row = format!("{kind} {namespace}/{name}");
    if *version > newest {
        return Some(format!(
            "{row} is newer ({version}) than the newest commit ({newest})"
        ));
    }
    let read = serde_json::from_slice(&record.json).map_err(|error| error.to_string());
    let read = read.and_then(|value| {
        Object::of_kind(*kind, value)
            .map_err(|problems| problems.first().map_or_else(String::new, ToString::to_string))
    });
    let object = match read {
        Ok(object) => object,
        Err(problem) => return Some(format!("{row} cannot be read: {problem}")),
    };
    let key = object.key();
    if key.name != *name || key.namespace != *namespace {
        return Some(format!("{row} holds {}/{}", key.namespace, key.name));
    }
    let held = &object.metadata().resource_version;
    (*held != version.to_string()).then(|| format!("{row} is of version {version}, but says {held:?}"))
}

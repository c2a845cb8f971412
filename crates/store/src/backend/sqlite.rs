//! Commits in one SQLite file.

use std::fs::File;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OptionalExtension as _;
use rusqlite::params;
use windlass_api::Kind;
use windlass_api::object::CustomKind;
use windlass_api::object::Scope;

use super::Backend;
use super::Error;
use super::Loaded;
use super::Record;
use crate::write::EventType;

/// Steps from an empty file to the present form, one for each; a released step never changes.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta (name, value) VALUES ('version', 0);
    CREATE TABLE objects (
        grp TEXT NOT NULL,
        plural TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        api_version TEXT NOT NULL,
        namespaced INTEGER NOT NULL,
        version INTEGER NOT NULL,
        json BLOB NOT NULL,
        PRIMARY KEY (grp, plural, namespace, name)
    ) WITHOUT ROWID;
"];

/// Commits in one SQLite file, which belongs to one process at a time.
pub struct Sqlite {
    pub(super) connection: Connection,
    /// Held for as long as the file is in use.
    _lock: Option<File>,
}

impl Sqlite {
    /// Opens a file, or makes it. Beside it lie its journal and a lock.
    ///
    /// # Errors
    /// When another process has it, it is damaged, or it was written by a newer release.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let lock = lock(path)?;
        Ok(Self {
            _lock: Some(lock),
            ..Self::open_locked(path)?
        })
    }

    /// Opens a file whose lock this process has already.
    pub(super) fn open_locked(path: &Path) -> Result<Self, Error> {
        // SQLite takes over the mode of the file for those that it makes beside it.
        let mut private = OpenOptions::new();
        private.write(true).create(true).truncate(false).mode(0o600);
        private.open(path).map_err(|error| io(&error))?;
        let mut connection = Connection::open(path).map_err(|error| refusal(&error))?;
        prepare(&connection).map_err(|error| refusal(&error))?;
        migrate(&mut connection)?;
        Ok(Self {
            connection,
            _lock: None,
        })
    }
}

#[cfg(test)]
impl Sqlite {
    /// Lets the file have so many pages and no more, as a disk of that size would.
    pub(super) fn limit_pages(&self, most: u32) {
        let limited = self.connection.pragma_update(None, "max_page_count", most);
        limited.expect("a limit can be set");
    }

    /// Lets the file be read only, or written again.
    pub(super) fn forbid_writes(&self, forbidden: bool) {
        let set = self.connection.pragma_update(None, "query_only", forbidden);
        set.expect("the mode can be set");
    }
}

pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let mut name = PathBuf::from(path).into_os_string();
    name.push(".lock");
    let mut private = OpenOptions::new();
    private.write(true).create(true).truncate(false).mode(0o600);
    let lock = private.open(name).map_err(|error| io(&error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse),
        Err(std::fs::TryLockError::Error(error)) => Err(io(&error)),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Durable when acknowledged, also when the power fails.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // 4,000 pages of 4 KiB before the journal is folded in: 16 MiB.
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)
}

fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| refusal(&error))?;
    if found > known {
        return Err(Error::Newer { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    let all = || -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        for step in MIGRATIONS.iter().skip(done) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", known)?;
        transaction.commit()
    };
    if found < known {
        let mut all = all;
        all().map_err(|error| refusal(&error))?;
    }
    Ok(())
}

impl Backend for Sqlite {
    fn load(&mut self) -> Result<Loaded, Error> {
        let connection = &self.connection;
        let read = || -> rusqlite::Result<Result<Loaded, Error>> {
            let version = connection.query_row("SELECT value FROM meta WHERE name = 'version'", [], |row| {
                row.get(0)
            });
            let version: Option<i64> = version.optional()?;
            let Some(version) = version.and_then(|version| u64::try_from(version).ok()) else {
                return Ok(Err(Error::Corrupt("it does not say its version".to_owned())));
            };
            let mut statement = connection.prepare(
                "SELECT grp, plural, namespace, name, kind, api_version, namespaced, version, json FROM objects",
            )?;
            let mut rows = statement.query([])?;
            let mut records = Vec::new();
            while let Some(row) = rows.next()? {
                match record(row)? {
                    Ok(record) => records.push(record),
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(Loaded { version, records }))
        };
        read().map_err(|error| refusal(&error))?
    }

    fn begin(&mut self, _: u64) -> Result<Vec<Record>, Error> {
        Ok(Vec::new())
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), Error> {
        let Some(last) = records.last() else {
            return Ok(());
        };
        let write = || -> rusqlite::Result<()> {
            let transaction = self.connection.transaction()?;
            for record in records {
                keep(&transaction, record)?;
            }
            transaction
                .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'version'")?
                .execute(params![signed(last.version)])?;
            transaction.commit()
        };
        let mut write = write;
        write().map_err(|error| refusal(&error))
    }

    fn abandon(&mut self) {}

    fn tail(&mut self, _: u64, _: Duration) -> Result<Vec<Record>, Error> {
        Ok(Vec::new())
    }
}

fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn keep(connection: &Connection, record: &Record) -> rusqlite::Result<()> {
    let (group, plural) = (record.kind.group(), record.kind.plural());
    if record.event == EventType::Deleted {
        let sql = "DELETE FROM objects WHERE grp = ?1 AND plural = ?2 AND namespace = ?3 AND name = ?4";
        let mut statement = connection.prepare_cached(sql)?;
        return statement
            .execute(params![group, plural, &*record.namespace, &*record.name])
            .map(drop);
    }
    let sql = "INSERT INTO objects (grp, plural, namespace, name, kind, api_version, namespaced, version, json) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
               ON CONFLICT DO UPDATE SET version = excluded.version, json = excluded.json, kind = excluded.kind, \
               api_version = excluded.api_version, namespaced = excluded.namespaced";
    let mut statement = connection.prepare_cached(sql)?;
    let done = statement.execute(params![
        group,
        plural,
        &*record.namespace,
        &*record.name,
        record.kind.as_str(),
        record.kind.api_version(),
        record.kind.is_namespaced(),
        signed(record.version),
        &*record.json,
    ]);
    done.map(drop)
}

fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Record, Error>> {
    let (group, plural): (String, String) = (row.get(0)?, row.get(1)?);
    let (kind, api_version): (String, String) = (row.get(4)?, row.get(5)?);
    let scope = if row.get(6)? {
        Scope::Namespaced
    } else {
        Scope::Cluster
    };
    let version: i64 = row.get(7)?;
    let known = Kind::built_in(&group, &plural).or_else(|| {
        let version = api_version.rsplit('/').next().unwrap_or_default();
        CustomKind::intern(&group, version, &kind, &plural, scope).map(Kind::Custom)
    });
    let Some(kind) = known else {
        return Ok(Err(Error::Corrupt("it holds too many kinds".to_owned())));
    };
    let json: Vec<u8> = row.get(8)?;
    Ok(Ok(Record {
        kind,
        namespace: row.get::<_, String>(2)?.into(),
        name: row.get::<_, String>(3)?.into(),
        version: u64::try_from(version).unwrap_or(0),
        event: EventType::Added,
        json: Bytes::from(json),
    }))
}

pub(super) fn io(error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::Full,
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => Error::ReadOnly,
        _ => Error::Unavailable(error.to_string()),
    }
}

pub(super) fn refusal(error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full,
        Some(ErrorCode::ReadOnly) => Error::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::InUse,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt(error.to_string()),
        _ => Error::Unavailable(error.to_string()),
    }
}

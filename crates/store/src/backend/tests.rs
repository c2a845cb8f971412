use std::path::Path;
use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::object::CustomKind;
use windlass_api::object::Scope;

use super::Backend;
use super::Error;
use super::Record;
use super::Sqlite;
use crate::write::EventType;

fn record(name: &str, version: u64, event: EventType) -> Record {
    let json = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"default","resourceVersion":"{version}"}}}}"#
    );
    Record {
        kind: Kind::ConfigMap,
        namespace: "default".into(),
        name: name.into(),
        version,
        event,
        json: json.into(),
    }
}

fn names(path: &Path) -> (u64, Vec<String>) {
    let loaded = Sqlite::open(path).unwrap().load().unwrap();
    (
        loaded.version,
        loaded
            .records
            .iter()
            .map(|record| record.name.to_string())
            .collect(),
    )
}

#[test]
fn what_was_committed_is_there_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut backend = Sqlite::open(&path).unwrap();
    backend.begin(0).unwrap();
    backend
        .commit(&[record("a", 1, EventType::Added), record("b", 2, EventType::Added)])
        .unwrap();
    backend.commit(&[record("b", 3, EventType::Deleted)]).unwrap();
    drop(backend);
    // The version of a deletion is not used again either.
    assert_eq!(names(&path), (3, vec!["a".to_owned()]));
}

#[test]
fn kinds_that_users_defined_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let kind = CustomKind::intern("store.example", "v2", "Box", "boxes", Scope::Cluster).unwrap();
    let mut backend = Sqlite::open(&path).unwrap();
    let one = Record {
        kind: Kind::Custom(kind),
        namespace: Arc::from(""),
        ..record("a", 1, EventType::Added)
    };
    backend.commit(std::slice::from_ref(&one)).unwrap();
    drop(backend);
    assert_eq!(Sqlite::open(&path).unwrap().load().unwrap().records, [one]);
}

#[test]
fn a_file_belongs_to_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let first = Sqlite::open(&path).unwrap();
    assert_eq!(Sqlite::open(&path).err(), Some(Error::InUse));
    drop(first);
    assert!(Sqlite::open(&path).is_ok());
}

#[test]
fn a_file_of_a_newer_release_or_no_file_of_ours_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    drop(Sqlite::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert_eq!(
        Sqlite::open(&path).err(),
        Some(Error::Newer { found: 99, known: 1 })
    );
    let other = directory.path().join("other.db");
    std::fs::write(
        &other,
        "this is no database, whatever its name says, and it is long enough",
    )
    .unwrap();
    assert!(matches!(Sqlite::open(&other).err(), Some(Error::Corrupt(_))));
}

#[test]
fn a_full_disk_refuses_a_commit_and_keeps_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut backend = Sqlite::open(&path).unwrap();
    backend.commit(&[record("a", 1, EventType::Added)]).unwrap();
    backend.limit_pages(16);
    let large = Record {
        json: format!(r#""{}""#, "x".repeat(1 << 20)).into(),
        ..record("b", 2, EventType::Added)
    };
    assert_eq!(backend.commit(&[large]), Err(Error::Full));
    backend.limit_pages(1 << 20);
    backend.commit(&[record("c", 2, EventType::Added)]).unwrap();
    drop(backend);
    assert_eq!(names(&path), (2, vec!["a".to_owned(), "c".to_owned()]));
}

#[test]
fn a_file_that_may_not_be_written_says_so_and_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut backend = Sqlite::open(&path).unwrap();
    backend.commit(&[record("a", 1, EventType::Added)]).unwrap();
    backend.forbid_writes(true);
    assert_eq!(
        backend.commit(&[record("b", 2, EventType::Added)]),
        Err(Error::ReadOnly)
    );
    assert_eq!(backend.load().map(|loaded| loaded.version), Ok(1));
    backend.forbid_writes(false);
    backend.commit(&[record("c", 2, EventType::Added)]).unwrap();
    drop(backend);
    assert_eq!(names(&path), (2, vec!["a".to_owned(), "c".to_owned()]));
}

#[test]
fn a_damaged_page_is_found_and_nothing_is_served_without_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut backend = Sqlite::open(&path).unwrap();
    let many: Vec<Record> = (1..500)
        .map(|n| record(&format!("n{n}"), n, EventType::Added))
        .collect();
    backend.commit(&many).unwrap();
    drop(backend);
    let copy = directory.path().join("copy.db");
    Sqlite::backup(&path, &copy).unwrap();
    assert_eq!(Sqlite::check(&path), Ok(Vec::new()));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let found = Sqlite::check(&path).unwrap();
    let is_damage = |line: &String| line.contains("malformed") || line.contains("page");
    assert!(found.iter().any(is_damage), "{found:?}");
    // It is not served with a hole in it, and not repaired behind anybody's back.
    let loaded = Sqlite::open(&path).unwrap().load();
    assert!(matches!(loaded, Err(Error::Corrupt(_))), "{loaded:?}");
    assert_eq!(names(&copy).1.len(), many.len());
}

#[test]
fn a_backup_is_whole_while_others_write() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (
        directory.path().join("state.db"),
        directory.path().join("copy.db"),
    );
    let mut backend = Sqlite::open(&path).unwrap();
    backend.commit(&[record("a", 1, EventType::Added)]).unwrap();
    Sqlite::backup(&path, &copy).unwrap();
    backend.commit(&[record("b", 2, EventType::Added)]).unwrap();
    assert_eq!(names(&copy), (1, vec!["a".to_owned()]));
    assert!(
        Sqlite::backup(&path, &copy).is_err(),
        "a backup is never written over"
    );
}

#[test]
fn a_backup_or_check_of_nothing_says_so_and_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (
        directory.path().join("state.db"),
        directory.path().join("copy.db"),
    );
    assert!(matches!(Sqlite::backup(&path, &copy), Err(Error::Unavailable(_))));
    assert!(matches!(Sqlite::check(&path), Err(Error::Unavailable(_))));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_restored_file_gives_no_version_of_the_lost_one_again() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (
        directory.path().join("state.db"),
        directory.path().join("copy.db"),
    );
    let mut backend = Sqlite::open(&path).unwrap();
    backend.commit(&[record("a", 1, EventType::Added)]).unwrap();
    Sqlite::backup(&path, &copy).unwrap();
    backend.commit(&[record("b", 2, EventType::Added)]).unwrap();
    assert_eq!(
        Sqlite::restore(&copy, &path),
        Err(Error::InUse),
        "what a server uses stays"
    );
    drop(backend);
    assert!(Sqlite::restore(&copy, &path).is_err(), "what is there stays");
    assert_eq!(names(&path).0, 2);
    let restored = directory.path().join("restored.db");
    Sqlite::restore(&copy, &restored).unwrap();
    assert_eq!(names(&restored), (1_000_000_001, vec!["a".to_owned()]));
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let directory = tempfile::tempdir().unwrap();
    let (copy, restored) = (
        directory.path().join("copy.db"),
        directory.path().join("restored.db"),
    );
    let mut backend = Sqlite::open(&copy).unwrap();
    let unreadable = Record {
        json: r#"{"metadata":{"name":"a","namespace":"default"},"data":7}"#.into(),
        ..record("a", 1, EventType::Added)
    };
    backend.commit(&[unreadable]).unwrap();
    drop(backend);
    let refused = Sqlite::restore(&copy, &restored);
    let Err(Error::Corrupt(problem)) = refused else {
        unreachable!("{refused:?}");
    };
    assert!(
        problem.starts_with("ConfigMap default/a cannot be read"),
        "{problem}"
    );
    assert!(!restored.exists());
}

#[test]
fn a_row_that_contradicts_what_it_holds_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut backend = Sqlite::open(&path).unwrap();
    let swapped = Record {
        json: record("b", 1, EventType::Added).json,
        ..record("a", 1, EventType::Added)
    };
    let older = Record {
        version: 3,
        ..record("c", 2, EventType::Added)
    };
    backend
        .commit(&[swapped, older, record("d", 3, EventType::Added)])
        .unwrap();
    backend.commit(&[record("e", 9, EventType::Added)]).unwrap();
    backend.commit(&[record("f", 4, EventType::Added)]).unwrap();
    drop(backend);
    insta::assert_snapshot!(Sqlite::check(&path).unwrap().join("\n"), @r#"
    ConfigMap default/a holds default/b
    ConfigMap default/c is of version 3, but says "2"
    ConfigMap default/e is newer (9) than the newest commit (4)
    "#);
}

/// A file as the release of a form left it, and what it holds.
fn opened(form: i64, dump: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(dump).unwrap();
    connection.pragma_update(None, "user_version", form).unwrap();
    drop(connection);
    assert_eq!(Sqlite::check(&path), Ok(Vec::new()), "form {form}");
    let loaded = Sqlite::open(&path).unwrap().load().unwrap();
    let rows = loaded.records.iter().map(|record| {
        let Record {
            kind,
            namespace,
            name,
            version,
            ..
        } = record;
        format!("\n{kind} {namespace}/{name} {version}")
    });
    format!("{}{}", loaded.version, rows.collect::<String>())
}

#[test]
fn a_file_of_the_first_release_opens() {
    insta::assert_snapshot!(opened(1, include_str!("forms/1.sql")), @"
    12
    ConfigMap default/settings 4
    Namespace /default 1
    Crate default/one 9
    Task default/hello 5
    ");
}

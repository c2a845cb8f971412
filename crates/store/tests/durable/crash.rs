//! A process that is killed while it writes loses nothing that it acknowledged.
//!
//! The test runs itself as a child that writes without end and prints each acknowledgement; it kills the child after
//! some of them, and compares what is on disk with what was promised.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_store::Store;
use windlass_store::Write;
use windlass_store::backend::Backend as _;
use windlass_store::backend::Sqlite;

use crate::stores::config_map;
use crate::stores::key;
use crate::stores::open;
use crate::stores::value;
use crate::stores::version;

/// Where the child writes.
const PLACE: &str = "WINDLASS_TEST_STORE";

/// Times that a child is killed.
const ROUNDS: usize = 20;

/// Writers of a child, each with an object of its own.
const WRITERS: usize = 8;

/// What stands before an acknowledgement, among the lines that the test harness prints.
const ACKNOWLEDGED: &str = "acknowledged ";

/// Every so many writes an object is deleted and made anew.
const LIFE: u64 = 10;

#[derive(Default)]
struct Promised {
    /// Last write of each object that was acknowledged or found.
    last: BTreeMap<String, u64>,
    /// Newest version that was on disk when the last child had ended.
    version: u64,
}

#[test]
fn no_acknowledged_write_is_lost_and_no_version_is_given_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.db");
    let mut promised = Promised::default();
    for round in 0..ROUNDS {
        // Spread over the life of a child without order; the moment within a commit is chance.
        run_and_kill(&path, 1 + round * 7919 % 311, &mut promised);
        compare(&path, &mut promised);
    }
}

/// Lets a child write until it has acknowledged so many writes, and kills it.
fn run_and_kill(path: &Path, writes: usize, promised: &mut Promised) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--ignored",
            "--exact",
            "crash::writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(PLACE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start a child");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut seen = BTreeSet::new();
    for line in lines.map_while(Result::ok) {
        let Some((_, acknowledged)) = line.split_once(ACKNOWLEDGED) else {
            continue;
        };
        let mut words = acknowledged.split(' ');
        let (Some(name), Some(number), Some(version)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let (Ok(number), Ok(version)) = (number.parse(), version.parse::<u64>()) else {
            continue;
        };
        let new = version > promised.version && seen.insert(version);
        assert!(new, "version {version} was given twice");
        promised.last.insert(name.to_owned(), number);
        if seen.len() == writes {
            child.kill().expect("kill the child");
        }
    }
    child.wait().expect("the child's end");
    let seen_all = seen.len() >= writes;
    assert!(seen_all, "the child ended by itself after {seen:?}");
    promised.version = seen.last().copied().unwrap_or(promised.version);
}

/// What is on disk is what was promised, or one write of each object more that nobody was told of.
fn compare(path: &Path, promised: &mut Promised) {
    assert_eq!(Sqlite::check(path), Ok(Vec::new()));
    let loaded = Sqlite::open(path).expect("open").load().expect("load");
    assert!(loaded.version >= promised.version);
    promised.version = loaded.version;
    let mut found = BTreeMap::new();
    for record in &loaded.records {
        let json = serde_json::from_slice(&record.json).expect("JSON");
        let object = Object::of_kind(Kind::ConfigMap, json).expect("an object");
        found.insert(
            record.name.to_string(),
            value(&object).parse::<u64>().expect("a number"),
        );
    }
    for (name, last) in &mut promised.last {
        let found = found.get(name).copied();
        let possible = match (after(*last), found) {
            (None, Some(number)) => number % LIFE == 0,
            (held, found) => found == held || found == after(*last + 1),
        };
        assert!(possible, "{name}: {found:?} after {last} was acknowledged");
        if let Some(number) = found {
            *last = number;
        } else if after(*last).is_some() {
            *last += 1;
        }
    }
}

/// What an object holds after a write; `None` when it was the one that deletes it.
fn after(number: u64) -> Option<u64> {
    (number % LIFE != LIFE - 1).then_some(number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it writes without end; the test beside it starts and kills it"]
async fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(PLACE).map(PathBuf::from) else {
        return;
    };
    let store = open(&path);
    let writers =
        (0..WRITERS).map(|writer| tokio::spawn(write_on(store.clone(), format!("object-{writer}"))));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
}

/// Writes one object again and again, from where its last write left it.
async fn write_on(store: Store, name: String) {
    let mut number = match store.get(&key(&name)) {
        Some(object) => value(&object).parse::<u64>().expect("a number") + 1,
        None => LIFE,
    };
    loop {
        let object = config_map(&name, &number.to_string());
        let write = match number % LIFE {
            0 => Write::Create(object),
            turn if turn == LIFE - 1 => Write::Delete {
                key: key(&name),
                uid: String::new(),
            },
            _ => Write::Update(object),
        };
        let stored = store.commit(vec![write]).await.expect("a commit");
        let line = format!("{ACKNOWLEDGED}{name} {number} {}\n", version(&stored[0]));
        std::io::stdout()
            .lock()
            .write_all(line.as_bytes())
            .expect("print");
        number += 1;
    }
}

use windlass_api::Time;

use super::*;
use crate::access::Attributes;
use crate::access::User;
use crate::access::Verb;

fn entry(name: &str) -> Entry {
    let attributes = Attributes {
        user: User {
            name: "alice\n{}".to_owned(),
            ..User::default()
        },
        verb: Verb::Create,
        group: String::new(),
        version: "v1".to_owned(),
        resource: "secrets".to_owned(),
        subresource: String::new(),
        namespace: "here".to_owned(),
        name: name.to_owned(),
        path: String::new(),
    };
    Entry::of(&attributes, 201, Time::from_millis(1_700_000_000_000))
}

#[test]
fn an_entry_is_one_line_whatever_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::open(directory.path(), Limits::default()).unwrap();
    audit.record(&entry("one")).unwrap();
    drop(audit);
    let audit = Audit::open(directory.path(), Limits::default()).unwrap();
    audit.record(&entry("two")).unwrap();
    let text = std::fs::read_to_string(directory.path().join("audit.log")).unwrap();
    insta::assert_snapshot!(text, @r#"
    {"time":"2023-11-14T22:13:20Z","user":"alice\n{}","verb":"create","resource":"secrets","namespace":"here","name":"one","code":201}
    {"time":"2023-11-14T22:13:20Z","user":"alice\n{}","verb":"create","resource":"secrets","namespace":"here","name":"two","code":201}
    "#);
}

#[test]
fn files_are_closed_when_full_and_the_oldest_goes() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 200, files: 2 };
    let audit = Audit::open(directory.path(), limits).unwrap();
    for number in 0..5 {
        audit.record(&entry(&format!("n{number}"))).unwrap();
    }
    let holds = |file: &str, name: &str| {
        let text = std::fs::read_to_string(directory.path().join(file)).unwrap();
        text.contains(&format!("{name:?}")) && text.lines().count() == 1
    };
    assert!(holds("audit.log", "n4") && holds("audit.log.1", "n3") && holds("audit.log.2", "n2"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
}

#[test]
fn writes_and_refusals_are_due_and_reads_are_not() {
    let rows = [
        (Verb::Get, 200, false),
        (Verb::Watch, 200, false),
        (Verb::Get, 403, true),
        (Verb::List, 401, true),
        (Verb::Patch, 200, true),
        (Verb::Delete, 404, true),
    ];
    for (verb, code, expected) in rows {
        let asked = Attributes::of_path(User::default(), verb, "/");
        assert_eq!(Entry::is_due(&asked, code), expected, "{verb:?} {code}");
    }
    let review = Attributes {
        group: "authorization.k8s.io".to_owned(),
        ..Attributes::of_path(User::default(), Verb::Create, "")
    };
    assert!(!Entry::is_due(&review, 201) && Entry::is_due(&review, 403));
}

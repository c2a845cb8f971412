use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use super::Command;
use super::Event;
use super::HEADER;
use super::Inbox;
use super::encode;
use super::send;

fn signal(number: u32) -> Command {
    Command::Signal { number, signal: 15 }
}

#[test]
fn frames_survive_any_cut_and_keep_their_order() {
    let bytes: Vec<u8> = (0..20)
        .flat_map(|number| encode(&signal(number), 0).unwrap())
        .collect();
    for size in [1, 2, 4, 5, 7, 64, bytes.len()] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut inbox = Inbox::default();
        let mut numbers = Vec::new();
        for part in bytes.chunks(size) {
            (&theirs).write_all(part).unwrap();
            inbox.fill(&ours).unwrap();
            while let Some((Command::Signal { number, .. }, _)) = inbox.next().unwrap() {
                numbers.push(number);
            }
        }
        assert_eq!(numbers, (0..20).collect::<Vec<u32>>(), "parts of {size}");
    }
}

#[test]
fn descriptors_stay_with_their_frame() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
    for (number, (_, end)) in pairs.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        send(&theirs, &Event::Started { number: 100 + number }, &[]).unwrap();
        send(&theirs, &Event::Started { number }, &[end.as_fd()]).unwrap();
    }
    drop(theirs);
    let mut inbox = Inbox::default();
    for (number, (mut reader, end)) in pairs.into_iter().enumerate() {
        drop(end);
        let (_, none) = inbox.receive::<Event>(&ours).unwrap().unwrap();
        assert!(none.is_empty());
        let (event, mut one) = inbox.receive::<Event>(&ours).unwrap().unwrap();
        assert!(matches!(event, Event::Started { number: found } if usize::try_from(found) == Ok(number)));
        let end: OwnedFd = one.pop().unwrap();
        UnixStream::from(end).write_all(b"x").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), one.len()), ("x", 0));
    }
    assert!(inbox.receive::<Event>(&ours).unwrap().is_none());
}

#[test]
fn garbage_is_an_error() {
    let rows: [&[u8]; 3] = [&[255; HEADER], &[1, 0, 0, 0, 0, 250], &[2, 0, 0, 0, 0, 1, 200]];
    for bytes in rows {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&theirs).write_all(bytes).unwrap();
        drop(theirs);
        assert!(Inbox::default().receive::<Event>(&ours).is_err(), "{bytes:?}");
    }
}

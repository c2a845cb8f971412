use super::*;

fn id(container: &str) -> SegmentId {
    SegmentId {
        namespace: "default".into(),
        pod: "p".into(),
        container: container.into(),
    }
}

fn logs() -> (tempfile::TempDir, Logs) {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::new(directory.path().to_owned());
    (directory, logs)
}

async fn rest(mut reader: Reader) -> Vec<(String, Vec<u8>)> {
    let mut pieces: Vec<(String, Vec<u8>)> = Vec::new();
    while let Some(piece) = reader.next().await.unwrap() {
        match pieces.last_mut() {
            Some((container, bytes)) if *container == *piece.id.container && !piece.bytes.is_empty() => {
                bytes.extend_from_slice(&piece.bytes);
            }
            _ => pieces.push((piece.id.container.to_string(), piece.bytes.to_vec())),
        }
    }
    pieces
}

#[tokio::test]
async fn a_reader_gets_every_byte_once_and_the_end() {
    let (_directory, logs) = logs();
    logs.append(&id("a"), Time::from_millis(1), b"one\n").unwrap();
    let reader = logs.read(Selection::default(), false);
    logs.append(&id("a"), Time::from_millis(2), b"two\n").unwrap();
    logs.close(&id("a")).unwrap();
    assert_eq!(
        rest(reader).await,
        [("a".to_owned(), b"one\ntwo\n".to_vec()), ("a".to_owned(), vec![])]
    );
}

#[tokio::test]
async fn a_follower_sees_segments_that_come_later() {
    let (_directory, logs) = logs();
    let mut reader = logs.read(
        Selection {
            container: "b".into(),
            ..Selection::default()
        },
        true,
    );
    logs.append(&id("a"), Time::from_millis(1), b"not for it")
        .unwrap();
    logs.append(&id("b"), Time::from_millis(1), b"hello").unwrap();
    assert_eq!(
        reader.next().await.unwrap(),
        Some(Piece {
            id: id("b"),
            bytes: "hello".into()
        })
    );
    logs.append(&id("b"), Time::from_millis(2), b" again").unwrap();
    assert_eq!(
        reader.next().await.unwrap(),
        Some(Piece {
            id: id("b"),
            bytes: " again".into()
        })
    );
    logs.close(&id("b")).unwrap();
    assert_eq!(
        reader.next().await.unwrap(),
        Some(Piece {
            id: id("b"),
            bytes: Bytes::new()
        })
    );
}

#[tokio::test]
async fn a_flood_goes_to_disk_and_comes_back_whole() {
    let (directory, logs) = logs();
    let line = [b'x'; 1000];
    for _ in 0..200 {
        logs.append(&id("a"), Time::from_millis(1), &line).unwrap();
    }
    logs.close(&id("a")).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let pieces = rest(logs.read(Selection::default(), false)).await;
    assert_eq!(
        pieces.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(),
        200_000
    );
    assert_eq!(logs.tail(&id("a"), 10).unwrap(), [b'x'; 10]);
}

fn piece(container: &str, bytes: &'static str) -> Piece {
    Piece {
        id: id(container),
        bytes: bytes.into(),
    }
}

fn everything() -> Selection {
    Selection::default()
}

#[tokio::test]
async fn a_selection_reads_what_it_names() {
    let (_directory, logs) = logs();
    let at = Time::from_millis(1);
    for (namespace, pod, container) in [("a", "p", "x"), ("a", "q", "x"), ("b", "p", "y")] {
        let id = SegmentId {
            namespace: namespace.into(),
            pod: pod.into(),
            container: container.into(),
        };
        logs.append(&id, at, format!("{namespace}{pod}{container}").as_bytes())
            .unwrap();
    }
    let rows = [
        (("", "", ""), "apxaqxbpy"),
        (("a", "", ""), "apxaqx"),
        (("", "p", ""), "apxbpy"),
        (("", "", "y"), "bpy"),
        (("a", "p", "y"), ""),
    ];
    for ((namespace, pod, container), expected) in rows {
        let selection = Selection {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
        };
        let pieces = rest(logs.read(selection, false)).await;
        let printed: Vec<u8> = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert_eq!(String::from_utf8(printed).unwrap(), expected);
    }
}

#[tokio::test]
async fn every_reader_has_a_position_of_its_own() {
    let (_directory, logs) = logs();
    let at = Time::from_millis(1);
    let mut first = logs.read(everything(), true);
    logs.append(&id("a"), at, b"one").unwrap();
    assert_eq!(first.next().await.unwrap(), Some(piece("a", "one")));
    let mut second = logs.read(everything(), true);
    logs.append(&id("a"), at, b"two").unwrap();
    assert_eq!(first.next().await.unwrap(), Some(piece("a", "two")));
    assert_eq!(second.next().await.unwrap(), Some(piece("a", "onetwo")));
}

#[tokio::test]
async fn a_reader_that_stops_waiting_loses_nothing() {
    let (_directory, logs) = logs();
    let mut reader = logs.read(everything(), true);
    for _ in 0..3 {
        let waiting = reader.next();
        futures::pin_mut!(waiting);
        assert!(futures::poll!(waiting).is_pending());
    }
    logs.append(&id("a"), Time::from_millis(1), b"one").unwrap();
    assert_eq!(reader.next().await.unwrap(), Some(piece("a", "one")));
}

#[tokio::test]
async fn readers_that_are_gone_are_forgotten() {
    let (_directory, logs) = logs();
    logs.append(&id("a"), Time::from_millis(1), b"one").unwrap();
    logs.close(&id("a")).unwrap();
    for _ in 0..100 {
        drop(logs.read(everything(), true));
    }
    let segment = logs.segment(&id("a")).unwrap();
    assert_eq!(locked(&segment.content).followers.len(), 1);
    assert_eq!(locked(&logs.inner.state).followers.len(), 1);
}

#[tokio::test]
async fn a_log_that_is_too_long_ends_with_a_notice() {
    for size in [1, 7, 70_000] {
        let directory = tempfile::tempdir().unwrap();
        let logs = Logs::with_limit(directory.path().to_owned(), 100_000);
        let printed = vec![b'x'; 100_001];
        for part in printed.chunks(size) {
            logs.append(&id("a"), Time::from_millis(1), part).unwrap();
        }
        logs.append(&id("a"), Time::from_millis(1), b"never seen")
            .unwrap();
        let (_, kept) = rest(logs.read(everything(), false)).await.remove(0);
        let (head, notice) = kept.split_at(100_000);
        assert!(head.iter().all(|byte| *byte == b'x'));
        assert_eq!(
            String::from_utf8_lossy(notice),
            "\n[log ends here: more than 100000 bytes]\n"
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_loses_only_what_did_not_fit() {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::new(directory.path().join("missing"));
    let at = Time::from_millis(1);
    logs.append(&id("a"), at, b"head ").unwrap();
    let error = logs
        .append(&id("a"), at, &vec![b'x'; place::IN_MEMORY])
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    logs.append(&id("a"), at, b"tail").unwrap();
    assert_eq!(logs.tail(&id("a"), 100).unwrap(), b"head tail");
}

#[test]
fn a_tail_is_the_end_of_a_segment() {
    let (_directory, logs) = logs();
    assert_eq!(logs.tail(&id("a"), 10).unwrap(), b"");
    logs.append(&id("a"), Time::from_millis(1), b"0123456789")
        .unwrap();
    let rows: [(usize, &[u8]); 4] = [(0, b""), (3, b"789"), (10, b"0123456789"), (99, b"0123456789")];
    for (limit, expected) in rows {
        assert_eq!(logs.tail(&id("a"), limit).unwrap(), expected, "{limit}");
    }
}

#[test]
fn times_of_a_long_log_grow_coarse_and_stay_in_order() {
    let (_directory, logs) = logs();
    for millis in 0..100_000 {
        logs.append(&id("a"), Time::from_millis(millis), b"x").unwrap();
    }
    let segment = logs.segment(&id("a")).unwrap();
    let content = locked(&segment.content);
    assert!(content.times.len() <= MAX_TIMES);
    assert!(content.times.is_sorted());
    assert_eq!(content.times.last(), Some(&(100_000, Time::from_millis(99_999))));
}

#[test]
fn concurrent_writers_keep_their_own_order() {
    const WRITERS: u8 = 4;
    const LINES: usize = 2000;
    let (_directory, logs) = logs();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let logs = &logs;
            scope.spawn(move || {
                for line in 0..LINES {
                    let text = format!("{writer} {line:06}\n");
                    logs.append(&id("a"), Time::from_millis(1), text.as_bytes())
                        .unwrap();
                }
            });
        }
    });
    let all = String::from_utf8(logs.tail(&id("a"), usize::MAX).unwrap()).unwrap();
    for writer in 0..WRITERS {
        let own = all
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("{writer} ")));
        let expected: Vec<String> = (0..LINES).map(|line| format!("{line:06}")).collect();
        assert_eq!(own.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn logs_that_were_opened_are_found_again_and_continued() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Logs::open(directory.path().to_owned());
    let first = open();
    first.append(&id("a"), Time::from_millis(1), b"one\n").unwrap();
    first.append(&id("b"), Time::from_millis(1), b"done\n").unwrap();
    first.close(&id("b")).unwrap();
    drop(first);
    let second = open();
    assert_eq!(second.length(&id("a")).unwrap(), 4);
    assert_eq!(
        second
            .append_at(&id("a"), 0, Time::from_millis(5), b"one\ntwo\n")
            .unwrap(),
        8
    );
    second.close(&id("a")).unwrap();
    let of_pod = Selection {
        namespace: "default".into(),
        pod: "p".into(),
        container: String::new(),
    };
    let mut pieces = rest(open().read(of_pod, false)).await;
    pieces.sort();
    let expected = [("a", "one\ntwo\n"), ("b", "done\n")];
    let ends = expected.map(|(name, _)| (name.to_owned(), Vec::new()));
    let texts = expected.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let mut expected: Vec<_> = ends.into_iter().chain(texts).collect();
    expected.sort();
    assert_eq!(pieces, expected);
    let times = open().times(&id("a")).unwrap();
    assert_eq!(times, [(4, Time::from_millis(1)), (8, Time::from_millis(5))]);
}

#[test]
fn bytes_that_are_sent_again_are_passed_over_and_gaps_refused() {
    let (_directory, logs) = logs();
    let at = Time::from_millis(1);
    let rows: &[(u64, &str, u64)] = &[
        (0, "abc", 3),
        (1, "bcd", 4),
        (0, "ab", 4),
        (9, "x", 4),
        (4, "", 4),
    ];
    for (offset, text, length) in rows {
        let known = logs.append_at(&id("a"), *offset, at, text.as_bytes()).unwrap();
        assert_eq!(known, *length, "{offset} {text}");
    }
    assert_eq!(logs.tail(&id("a"), 10).unwrap(), b"abcd");
}

#[test]
fn a_name_that_leads_elsewhere_names_no_log() {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::open(directory.path().to_owned());
    for name in ["..", "../x", "a/b", "", ".hidden", "a\0b"] {
        let id = SegmentId {
            pod: name.into(),
            ..id("a")
        };
        assert!(logs.append(&id, Time::from_millis(1), b"x").is_err(), "{name:?}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn the_logs_of_a_removed_pod_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::open(directory.path().to_owned());
    logs.append(&id("a"), Time::from_millis(1), b"x").unwrap();
    logs.remove("default", "p").unwrap();
    assert_eq!(logs.length(&id("a")).unwrap(), 0);
    logs.remove("default", "never").unwrap();
}

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
    logs.close(&id("a"));
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
    logs.close(&id("b"));
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
    logs.close(&id("a"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let pieces = rest(logs.read(Selection::default(), false)).await;
    assert_eq!(
        pieces.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(),
        200_000
    );
    assert_eq!(logs.tail(&id("a"), 10).unwrap(), [b'x'; 10]);
}

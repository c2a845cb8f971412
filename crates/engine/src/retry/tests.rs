use super::*;

#[test]
fn failures_and_timeouts_are_retried_as_often_as_allowed() {
    use Ending::*;
    let now = Time::from_millis(5000);
    // (limit, archived, ending), then the retry's number.
    let rows = [
        (0, 0, Failed, None),
        (2, 0, Failed, Some(1)),
        (2, 1, Failed, Some(2)),
        (2, 2, Failed, None),
        (2, 3, Failed, None),
        (2, 1, TimedOut, Some(2)),
        (2, 2, TimedOut, None),
        (2, 0, Cancelled, None),
        (2, 0, Succeeded, None),
    ];
    for (limit, archived, ending, expected) in rows {
        let retries = Retries {
            limit,
            ..Retries::default()
        };
        let expected = expected.map_or(Next::Stop, |retry| Next::Retry { retry, at: now });
        assert_eq!(
            retries.next(archived, ending, now),
            expected,
            "{archived} of {limit}, {ending:?}"
        );
    }
}

#[test]
fn a_retry_waits_as_long_as_its_backoff() {
    let retries = Retries {
        limit: 3,
        backoff: Backoff {
            initial: Duration::from_secs(2),
            factor: 3,
            limit: Duration::ZERO,
        },
    };
    let next = retries.next(1, Ending::Failed, Time::from_millis(1000));
    let at = Time::from_millis(7000);
    assert_eq!(next, Next::Retry { retry: 2, at });
}

#[test]
fn backoff_grows_to_its_limit() {
    // (initial, factor, limit), then the waits before retries 1, 2, 3 and 1000, in nanoseconds.
    let rows = [
        ((0, 0, 0), [0, 0, 0, 0]),
        ((10, 0, 0), [10, 10, 10, 10]),
        ((10, 1, 0), [10, 10, 10, 10]),
        ((10, 2, 0), [10, 20, 40, i64::MAX]),
        ((10, 3, 50), [10, 30, 50, 50]),
        ((10, 2, 5), [5, 5, 5, 5]),
        ((-10, 2, 5), [0, 0, 0, 0]),
        ((10, 2, -5), [0, 0, 0, 0]),
    ];
    for ((initial, factor, limit), waits) in rows {
        let backoff = Backoff {
            initial: Duration::from_nanos(initial),
            factor,
            limit: Duration::from_nanos(limit),
        };
        let found = [1, 2, 3, 1000].map(|retry| backoff.delay(retry).as_nanos());
        assert_eq!(found, waits, "{backoff:?}");
        assert_eq!(backoff.delay(0), backoff.delay(1));
    }
}

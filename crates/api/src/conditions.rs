//! The rules by which a condition changes.

use crate::meta::Condition;
use crate::time::Time;

/// Type of the one condition that every run has.
pub const SUCCEEDED: &str = "Succeeded";

/// Sets a condition; its transition time moves when status, reason or message changes, and conditions stay sorted by
/// type, as the runs' upstream controller does it. Returns whether anything changed.
pub fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Time,
) -> bool {
    let place = conditions.binary_search_by(|condition| condition.r#type.as_str().cmp(kind));
    let next = Condition {
        r#type: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: Some(now),
        ..Condition::default()
    };
    match place {
        Ok(index) => match conditions.get_mut(index) {
            Some(old) if old.status == status && old.reason == reason && old.message == message => {
                return false;
            }
            Some(old) => *old = next,
            None => conditions.push(next),
        },
        Err(index) => conditions.insert(index, next),
    }
    true
}

/// The condition of a type.
pub fn get<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.r#type == kind)
}

/// Whether a run with these conditions has ended, well or badly.
pub fn is_done(conditions: &[Condition]) -> bool {
    get(conditions, SUCCEEDED).is_some_and(|condition| condition.status != "Unknown")
}

/// Whether a run with these conditions ended well.
pub fn is_true(conditions: &[Condition]) -> bool {
    get(conditions, SUCCEEDED).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_time_moves_with_any_change_and_only_then() {
        let mut conditions = Vec::new();
        assert!(set(
            &mut conditions,
            SUCCEEDED,
            "Unknown",
            "Started",
            "",
            Time::from_millis(1)
        ));
        assert!(!set(
            &mut conditions,
            SUCCEEDED,
            "Unknown",
            "Started",
            "",
            Time::from_millis(2)
        ));
        assert_eq!(conditions[0].last_transition_time, Some(Time::from_millis(1)));
        assert!(set(
            &mut conditions,
            SUCCEEDED,
            "Unknown",
            "Started",
            "more",
            Time::from_millis(3)
        ));
        assert_eq!(conditions[0].last_transition_time, Some(Time::from_millis(3)));
        assert!(set(
            &mut conditions,
            "Another",
            "True",
            "R",
            "",
            Time::from_millis(4)
        ));
        assert_eq!(conditions[0].r#type, "Another");
        assert!(!is_done(&conditions));
    }
}

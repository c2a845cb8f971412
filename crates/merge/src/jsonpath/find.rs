//! Following a path.

use std::cmp::Ordering;

use serde_json::Value;

use crate::fields::equal;
use crate::jsonpath::Error;
use crate::jsonpath::syntax::Comparison;
use crate::jsonpath::syntax::Filter;
use crate::jsonpath::syntax::Slice;
use crate::jsonpath::syntax::Step;

/// Most values that may be looked at. Steps multiply, so that a short path could look longer than anyone waits.
pub const MAX_VISITS: usize = 5_000_000;

/// How many values may still be looked at.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MAX_VISITS)
    }

    fn spend(&mut self, visits: usize) -> Result<(), Error> {
        self.0 = self.0.checked_sub(visits).ok_or(Error::TooMany)?;
        Ok(())
    }
}

/// The values that the steps lead to from the given ones.
pub(super) fn find<'a>(
    steps: &'a [Step],
    from: Vec<&'a Value>,
    budget: &mut Budget,
) -> Result<Vec<&'a Value>, Error> {
    // What finds nothing costs as well.
    budget.spend(1)?;
    let mut values = from;
    for step in steps {
        let mut found = Vec::new();
        for value in values {
            let before = found.len();
            follow(step, value, &mut found, budget)?;
            budget.spend(1 + found.len() - before)?;
        }
        values = found;
    }
    Ok(values)
}

fn follow<'a>(
    step: &'a Step,
    value: &'a Value,
    found: &mut Vec<&'a Value>,
    budget: &mut Budget,
) -> Result<(), Error> {
    match step {
        Step::Field(name) => found.extend(value.get(name.as_str())),
        Step::All => found.extend(children(value)),
        Step::Descend => descend(value, found),
        Step::Index(index) => {
            let items = items(value);
            found.extend(position(*index, items.len()).and_then(|position| items.get(position)));
        }
        Step::Slice(slice) => found.extend(sliced(items(value), *slice)),
        Step::Union(branches) => {
            for branch in branches {
                found.extend(find(&branch.steps, vec![value], budget)?);
            }
        }
        Step::Filter(filter) => {
            for item in items(value) {
                if holds(filter, item, budget)? {
                    found.push(item);
                }
            }
        }
        Step::Literal(literal) => found.push(literal),
    }
    Ok(())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

/// Only what has something in it: a field of a scalar is never found.
fn descend<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let children = children(value);
    if children.is_empty() {
        return;
    }
    found.push(value);
    for child in children {
        descend(child, found);
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    let position = if index < 0 {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    (position < length).then_some(position)
}

fn sliced(items: &[Value], slice: Slice) -> impl Iterator<Item = &Value> {
    let place = |bound: Option<i64>, otherwise: usize| {
        let Some(bound) = bound else { return otherwise };
        let magnitude = usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX);
        if bound < 0 {
            items.len().saturating_sub(magnitude)
        } else {
            magnitude.min(items.len())
        }
    };
    let (start, end) = (place(slice.start, 0), place(slice.end, items.len()));
    let range = items.get(start..end).unwrap_or_default();
    range.iter().step_by(slice.step.unwrap_or(1))
}

fn holds(filter: &Filter, item: &Value, budget: &mut Budget) -> Result<bool, Error> {
    let left = find(&filter.left.steps, vec![item], budget)?;
    let Some((comparison, right)) = &filter.right else {
        return Ok(!left.is_empty());
    };
    let right = find(&right.steps, vec![item], budget)?;
    let (Some(left), Some(right)) = (left.first(), right.first()) else {
        return Ok(false);
    };
    let order = order(left, right);
    Ok(match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => !equal(left, right),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    })
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        _ => None,
    }
}

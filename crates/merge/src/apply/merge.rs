//! Server-side apply.

use std::borrow::Cow;

use serde_json::Map;
use serde_json::Value;

use crate::apply::actor::Actor;
use crate::apply::error::Error;
use crate::apply::identity::Identity;
use crate::apply::last_applied;
use crate::apply::managers::Managers;
use crate::apply::managers::Owned;
use crate::apply::managers::with_entries;
use crate::apply::managers::without_entries;
use crate::apply::managers::without_entries_equal;
use crate::apply::prune::prune;
use crate::apply::take::take;
use crate::apply::take::unowned;
use crate::apply::track::track;
use crate::fields::Element;
use crate::fields::FieldSet;
use crate::schema::Schema;
use crate::typed::check;
use crate::typed::compare;
use crate::typed::is_within;
use crate::typed::merge;
use crate::typed::owned;
use crate::typed::remove;

/// Owns what was there before anyone was recorded.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Applies `config` to the live object, or to nothing, and returns the object with its entries.
///
/// `force` takes fields in conflict away from those who own them. What the server sets beyond that (`uid`, `generation`,
/// defaults) is the caller's.
///
/// # Errors
/// See [`enum@Error`]; the live object is then to stay as it is.
pub fn apply(
    schema: &Schema,
    live: Option<&Value>,
    config: &Value,
    actor: &Actor<'_>,
    force: bool,
) -> Result<Value, Error> {
    check_config(schema, config)?;
    let nothing = Value::Object(Map::new());
    let before = live.unwrap_or(&nothing);
    let mut managers = Managers::of(before).map_err(Error::ManagedFields)?;
    let mut is_new = live.is_none() || managers.settle(schema);
    if managers.is_empty() && live.is_some() {
        let first = Actor {
            manager: BEFORE_FIRST_APPLY,
            ..actor.clone()
        };
        track(schema, &nothing, before, &mut managers, &first);
        is_new = true;
    }

    let config = without_ignored(schema, config, actor.ignored);
    let mut fields = owned(schema, &config);
    fields.subtract_with_below(actor.ignored);
    fields.subtract(&unowned());
    let attempt = Attempt {
        schema,
        before,
        config: &config,
        fields,
        actor,
    };
    if !is_new && attempt.is_done(&managers) {
        return Ok(before.clone());
    }
    let mut outcome = attempt.run_with_migration(managers, force)?;
    is_new |= last_applied::refresh(&mut outcome.object, &config, actor);

    is_new |= outcome.changed;
    // Items of a list may have changed places only.
    if !is_new && without_entries_equal(before, &outcome.object) {
        return Ok(before.clone());
    }
    if let Some(owner) = outcome.managers.entries.get_mut(&Identity::applier(actor)) {
        owner.time = Some(actor.now);
    }
    Ok(with_entries(outcome.object, &outcome.managers))
}

/// The configuration without what this endpoint does not set.
fn without_ignored<'a>(schema: &Schema, config: &'a Value, ignored: &FieldSet) -> Cow<'a, Value> {
    if has_any(config, ignored) {
        Cow::Owned(remove(schema, config, ignored))
    } else {
        Cow::Borrowed(config)
    }
}

fn has_any(value: &Value, fields: &FieldSet) -> bool {
    fields.nodes().any(|(element, node)| match element {
        Element::Field(name) => value
            .get(name)
            .is_some_and(|content| node.member || has_any(content, &node.below)),
        // Whether an item is there is found out by looking for it, which removing does.
        _ => true,
    })
}

fn check_config(schema: &Schema, config: &Value) -> Result<(), Error> {
    if !config.is_object() {
        return Err(Error::NoObject);
    }
    if config
        .pointer("/metadata/managedFields")
        .is_some_and(|entries| !entries.is_null())
    {
        return Err(Error::ManagedFieldsGiven);
    }
    let problems = check(schema, config);
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let problems = match lines.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        all => format!("errors:\n  {}", all.join("\n  ")),
    };
    Err(Error::Misfit {
        subject: subject(config),
        problems,
    })
}

/// Which object it is, as upstream writes it.
fn subject(config: &Value) -> String {
    let text = |pointer: &str| {
        let text = config.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default()
    };
    let (group, version) = match text("/apiVersion").split_once('/') {
        Some(parts) => parts,
        None => ("", text("/apiVersion")),
    };
    format!(
        "{}/{}; {group}/{version}, Kind={}",
        text("/metadata/namespace"),
        text("/metadata/name"),
        text("/kind")
    )
}

/// What is to be applied to what.
struct Attempt<'a> {
    schema: &'a Schema,
    before: &'a Value,
    config: &'a Value,
    /// What the applier is to own.
    fields: FieldSet,
    actor: &'a Actor<'a>,
}

/// What came of it.
struct Outcome {
    object: Value,
    managers: Managers,
    /// Whether a field differs from before, or has another owner.
    changed: bool,
}

impl Attempt<'_> {
    /// Whether it is surely there already, owned as it is to be. Controllers that apply over and over ask for nothing
    /// else most of the time.
    fn is_done(&self, managers: &Managers) -> bool {
        let last = managers.entries.get(&Identity::applier(self.actor));
        let is_owned =
            last.is_some_and(|last| last.fields == self.fields && last.api_version == self.actor.api_version);
        is_owned
            && !last_applied::may_migrate(self.before, self.actor)
            && is_within(self.schema, self.before, self.config)
    }

    /// Applies; where `kubectl` meets nothing but what its own client-side apply left, by force.
    fn run_with_migration(&self, managers: Managers, force: bool) -> Result<Outcome, Error> {
        if force || !last_applied::may_migrate(self.before, self.actor) {
            return self.run(managers, force);
        }
        let conflicts = match self.run(managers.clone(), false) {
            Err(Error::Conflicts(conflicts)) => conflicts,
            other => return other,
        };
        match last_applied::remaining(self.schema, self.before, conflicts) {
            Some(remaining) => Err(Error::Conflicts(remaining)),
            None => self.run(managers, true),
        }
    }

    fn run(&self, mut managers: Managers, force: bool) -> Result<Outcome, Error> {
        let identity = Identity::applier(self.actor);
        let last = managers.entries.remove(&identity);
        let mine = Owned {
            fields: self.fields.clone(),
            api_version: self.actor.api_version.to_owned(),
            time: last.as_ref().and_then(|last| last.time),
        };
        let owns_other = match &last {
            Some(last) => last.fields != mine.fields || last.api_version != mine.api_version,
            None => !mine.fields.is_empty(),
        };
        managers.entries.insert(identity.clone(), mine);
        let mut object = merge(self.schema, without_entries(self.before), self.config);
        if let Some(last) = last {
            object = prune(self.schema, object, &managers, &last.fields);
        }
        let mut change = compare(self.schema, self.before, &object);
        change.forget(self.actor.ignored);
        // The entries are no longer in the object, and not yet again.
        change.removed.subtract(&unowned());
        let taken = take(&mut managers, Some(&identity), &change, force).map_err(Error::Conflicts)?;
        Ok(Outcome {
            object,
            managers,
            changed: owns_other || taken || !change.is_empty(),
        })
    }
}

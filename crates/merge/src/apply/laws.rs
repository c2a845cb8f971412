//! What holds for every sequence of writes.

use proptest::prelude::*;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use windlass_api::Time;

use super::Actor;
use super::Error;
use super::Managers;
use super::Operation;
use super::apply;
use super::take::unowned;
use super::track_update;
use crate::fields::FieldSet;
use crate::schema::Schema;
use crate::typed::Comparison;
use crate::typed::compare;
use crate::typed::is_within;
use crate::typed::owned;

fn schema() -> Schema {
    let text = json!({"type": "string"});
    let schema = json!({"type": "object", "properties": {"metadata": {"type": "object"}, "spec": {
        "type": "object",
        "properties": {
            "text": text,
            "free": {"type": "object", "additionalProperties": text},
            "atomic": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": text},
            "list": {"type": "array", "items": text},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
            "keyed": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": text, "a": text, "b": text}},
            },
            "any": {"x-kubernetes-preserve-unknown-fields": true},
        },
    }}});
    Schema::from_openapi(&schema, &Map::new()).unwrap()
}

fn specs() -> impl Strategy<Value = Value> {
    let text = || "[xyz]".prop_map(Value::from);
    let texts = || proptest::collection::btree_set("[pqr]", 0..3);
    let free = || proptest::collection::btree_map("[abc]", text(), 0..3);
    let keyed = proptest::collection::btree_map("[mno]", free(), 0..3).prop_map(|items| {
        let item = |(name, fields): (String, std::collections::BTreeMap<String, Value>)| {
            let kept = fields.into_iter().filter(|(key, _)| key != "c");
            let named = std::iter::once(("name".to_owned(), Value::from(name)));
            Value::Object(named.chain(kept).collect())
        };
        Value::Array(items.into_iter().map(item).collect())
    });
    let fields = (
        proptest::option::of(text()),
        proptest::option::of(prop_oneof![5 => free().prop_map(|map| json!(map)), 1 => Just(Value::Null)]),
        proptest::option::of(free()),
        proptest::option::of(texts()),
        proptest::option::of(texts()),
        proptest::option::of(keyed),
        proptest::option::of(free()),
    );
    fields.prop_map(|(text, free, atomic, list, set, keyed, any)| {
        let all = [
            ("text", text),
            ("free", free),
            ("atomic", atomic.map(|map| json!(map))),
            ("list", list.map(|list| json!(list))),
            ("set", set.map(|set| json!(set))),
            ("keyed", keyed),
            ("any", any.map(|map| json!({"deep": map}))),
        ];
        let given = all.into_iter();
        let spec: Map<String, Value> = given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        let labels = if spec.contains_key("text") {
            json!({"l": "1"})
        } else {
            json!({})
        };
        json!({"metadata": {"name": "a", "labels": labels}, "spec": spec})
    })
}

#[derive(Clone, Debug)]
enum Write {
    Apply(String, Value, bool),
    Update(String, Value),
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let write = prop_oneof![
        3 => ("[ABC]", specs(), any::<bool>()).prop_map(|(who, spec, force)| Write::Apply(who, spec, force)),
        1 => ("[ABC]", specs()).prop_map(|(who, spec)| Write::Update(who, spec)),
    ];
    proptest::collection::vec(write, 1..6)
}

fn write(schema: &Schema, live: Option<&Value>, write: &Write, second: i64) -> Result<Value, Error> {
    let ignored = FieldSet::new();
    let (Write::Apply(manager, ..) | Write::Update(manager, ..)) = write;
    let actor = Actor {
        manager,
        api_version: "v1",
        subresource: "",
        now: Time::from_millis(second * 1000),
        ignored: &ignored,
    };
    match write {
        Write::Apply(_, config, force) => apply(schema, live, config, &actor, *force),
        Write::Update(_, new) => Ok(track_update(schema, live, new.clone(), &actor)),
    }
}

fn run(schema: &Schema, writes: &[Write]) -> Option<Value> {
    let mut live = None;
    for (second, step) in (0..).zip(writes) {
        if let Ok(object) = write(schema, live.as_ref(), step, second) {
            live = Some(object);
        }
    }
    live
}

fn without_entries(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .shift_remove("managedFields");
    object
}

fn all_owned(object: &Value) -> FieldSet {
    let managers = Managers::of(object).unwrap();
    managers
        .iter()
        .fold(FieldSet::new(), |all, (_, owner)| all.union(&owner.fields))
}

proptest! {
    #[test]
    fn applying_twice_is_applying_once(before in writes(), config in specs()) {
        let schema = schema();
        let live = run(&schema, &before);
        let step = Write::Apply("A".to_owned(), config, true);
        let once = write(&schema, live.as_ref(), &step, 10).unwrap();
        let twice = write(&schema, Some(&once), &step, 11).unwrap();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn what_is_applied_is_in_the_object_and_owned(before in writes(), config in specs()) {
        let schema = schema();
        let live = run(&schema, &before);
        let step = Write::Apply("A".to_owned(), config.clone(), true);
        let object = write(&schema, live.as_ref(), &step, 10).unwrap();
        let again = crate::typed::merge(&schema, object.clone(), &config);
        prop_assert_eq!(compare(&schema, &object, &again), Comparison::default());
        if is_within(&schema, &object, &config) {
            prop_assert_eq!(&again, &object);
        }
        let fields = owned(&schema, &config).difference(&unowned());
        let managers = Managers::of(&object).unwrap();
        let mine = managers.iter().find(|(identity, _)| identity.manager == "A" && identity.operation == Operation::Apply);
        prop_assert_eq!(mine.map(|(_, owner)| owner.fields.clone()).unwrap_or_default(), fields);
    }

    #[test]
    fn who_applies_first_gets_what_it_applies(config in specs()) {
        let schema = schema();
        let step = Write::Apply("A".to_owned(), config.clone(), false);
        let object = write(&schema, None, &step, 1).unwrap();
        prop_assert_eq!(without_entries(&object), config);
    }

    #[test]
    fn nobody_owns_what_is_not_there(before in writes()) {
        let schema = schema();
        if let Some(object) = run(&schema, &before) {
            let object_alone = without_entries(&object);
            // Maps that were added are owned as well as what is in them.
            let there = owned(&schema, &object_alone).union(&compare(&schema, &json!({}), &object_alone).added);
            let absent = all_owned(&object).difference(&there);
            prop_assert_eq!(absent, FieldSet::new());
        }
    }

    #[test]
    fn entries_are_read_as_they_were_written(before in writes()) {
        if let Some(object) = run(&schema(), &before) {
            let managers = Managers::of(&object).unwrap();
            let written = object.pointer("/metadata/managedFields").cloned();
            prop_assert_eq!(managers.to_value(), written.unwrap_or_else(|| json!([])));
        }
    }

    #[test]
    fn conflicts_are_only_about_what_others_own(before in writes(), config in specs()) {
        let schema = schema();
        let live = run(&schema, &before);
        let managers = live.as_ref().map_or_else(Managers::default, |live| Managers::of(live).unwrap());
        let step = Write::Apply("A".to_owned(), config, false);
        // Where nobody is recorded, the conflict is with all who wrote before.
        if let Err(Error::Conflicts(conflicts)) = write(&schema, live.as_ref(), &step, 10)
            && !managers.is_empty()
        {
            for conflict in &conflicts.0 {
                let mut owners = managers.iter();
                let owner = owners.find(|(identity, _)| **identity == conflict.manager).unwrap();
                prop_assert!(owner.1.fields.contains(&conflict.path));
                let is_own = owner.0.manager == "A" && owner.0.operation == Operation::Apply;
                prop_assert!(!is_own);
            }
        }
    }

    #[test]
    fn an_updater_owns_what_it_changed(before in writes(), new in specs()) {
        let schema = schema();
        let live = run(&schema, &before);
        let object = write(&schema, live.as_ref(), &Write::Update("U".to_owned(), new), 10).unwrap();
        let old = live.as_ref().map_or_else(|| json!({}), without_entries);
        let change = compare(&schema, &old, &without_entries(&object));
        let changed = change.modified.union(&change.added).difference(&unowned());
        let was_tracked = live.as_ref().is_none_or(|live| !Managers::of(live).unwrap().is_empty());
        if was_tracked {
            let managers = Managers::of(&object).unwrap();
            let mine = managers.iter().find(|(identity, _)| identity.manager == "U");
            prop_assert_eq!(mine.map(|(_, owner)| owner.fields.clone()).unwrap_or_default(), changed);
        }
    }

    #[test]
    fn any_object_ends(live in crate::random::objects(), config in crate::random::objects(), force in any::<bool>()) {
        for schema in [schema(), Schema::deduced()] {
            let ignored = FieldSet::new().with_field(&["status"]);
            let actor = Actor {
                manager: "kubectl",
                api_version: "v1",
                subresource: "",
                now: Time::from_millis(0),
                ignored: &ignored,
            };
            let wrap = |value: &Value| json!({"metadata": value, "spec": {"keyed": value, "set": value, "any": value}});
            let _ends = apply(&schema, Some(&live), &config, &actor, force);
            let _ends = apply(&schema, Some(&wrap(&live)), &wrap(&config), &actor, force);
            let _ends = track_update(&schema, Some(&wrap(&live)), wrap(&config), &actor);
        }
    }
}

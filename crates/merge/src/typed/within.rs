//! Whether one value says nothing that another does not say.

use serde_json::Value;

use crate::fields::equal;
use crate::schema::Schema;
use crate::schema::TypeId;
use crate::typed::item::are_paired;
use crate::typed::view::View;
use crate::typed::view::view;

/// Whether laying the applied value over the live one would change nothing. Says no where it does not know: where lists
/// have other items or another order.
pub(crate) fn is_within(schema: &Schema, live: &Value, applied: &Value) -> bool {
    within(schema, schema.root(), live, applied)
}

fn within(schema: &Schema, id: TypeId, live: &Value, applied: &Value) -> bool {
    let view = view(schema.atom(id), applied);
    if view.is_atomic() {
        return equal(live, applied);
    }
    match (view, live, applied) {
        (View::Map(map), Value::Object(live), Value::Object(applied)) => {
            applied.iter().all(|(name, content)| {
                let id = map.field(name).unwrap_or(TypeId::DEDUCED);
                live.get(name)
                    .is_some_and(|place| within(schema, id, place, content))
            })
        }
        (View::List(list), Value::Array(live), Value::Array(applied)) => {
            let mut pairs = live.iter().zip(applied);
            are_paired(list, live, applied)
                && pairs.all(|(live, item)| within(schema, list.items, live, item))
        }
        _ => equal(live, applied),
    }
}

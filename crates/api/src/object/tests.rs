use serde_json::json;

use super::CustomKind;
use super::Kind;
use super::Object;
use super::Scope;

fn widgets() -> CustomKind {
    CustomKind::intern("test.example", "v1", "Widget", "widgets", Scope::Namespaced).expect("few kinds")
}

#[test]
fn a_custom_kind_is_known_by_its_names() {
    widgets();
    let again = CustomKind::intern("test.example", "v2", "Widget", "widgets", Scope::Namespaced);
    assert_eq!(again, Some(widgets()));
    let cluster = CustomKind::intern("test.example", "v1", "Widget", "widgets", Scope::Cluster);
    assert_ne!(cluster, Some(widgets()));
    assert_eq!(Kind::Custom(widgets()).api_version(), "test.example/v1");
    assert_eq!(Kind::Custom(widgets()).group(), "test.example");
}

#[test]
fn a_custom_object_keeps_every_field() {
    let value = json!({
        "apiVersion": "test.example/v1", "kind": "Widget",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"size": 3}, "status": {"seen": true}, "extra": [1, null],
    });
    let object = Object::of_kind(Kind::Custom(widgets()), value.clone()).expect("decodes");
    assert_eq!(object.to_json(), value);
    assert_eq!(object.metadata().name, "a");
}

#[test]
fn a_status_changes_apart_from_the_rest() {
    let read = |size: i64, seen: bool| {
        let value = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"},
            "spec": {"finalizers": [size.to_string()]}, "status": {"phase": seen.to_string()}});
        Object::of_kind(Kind::Namespace, value).expect("decodes")
    };
    let mut object = read(1, true);
    object.copy_status(&read(2, false));
    assert_eq!(object, read(1, false));
    object.keep_all_but_status(&read(3, true));
    assert_eq!(object, read(3, false));
    object.clear_status();
    assert_eq!(object.to_json().get("status"), None);
}

#[test]
fn every_kind_is_found_by_group_and_plural() {
    for kind in Kind::ALL {
        assert_eq!(Kind::built_in(kind.group(), kind.plural()), Some(*kind));
    }
    assert_eq!(Kind::built_in("", "pods"), None);
}

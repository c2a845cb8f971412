use proptest::prelude::*;
use serde_json::json;

use super::Element;
use super::FieldSet;
use super::Key;

fn elements() -> impl Strategy<Value = Element> {
    let scalar = prop_oneof![
        (0..3_i64).prop_map(|number| Key::new(json!(number))),
        "[ab\"]".prop_map(|text| Key::new(json!(text))),
        any::<bool>().prop_map(|truth| Key::new(json!(truth))),
    ];
    prop_oneof![
        4 => "[abc.:]{1,2}".prop_map(Element::Field),
        1 => scalar.clone().prop_map(Element::Value),
        1 => (0..3_i64).prop_map(Element::Index),
        1 => proptest::collection::btree_map("[ab]", scalar, 1..3)
            .prop_map(|keys| Element::Keyed(keys.into_iter().map(|(name, value)| (name.into(), value)).collect())),
    ]
}

fn paths() -> impl Strategy<Value = Vec<Vec<Element>>> {
    proptest::collection::vec(proptest::collection::vec(elements(), 1..4), 0..12)
}

fn set(paths: &[Vec<Element>]) -> FieldSet {
    let mut set = FieldSet::new();
    for path in paths {
        set.insert(path);
    }
    set
}

#[test]
fn sets_are_written_as_fields_v1() {
    let name = |value| Element::Keyed(vec![("name".into(), Key::new(json!(value)))]);
    let field = |name: &str| Element::field(name);
    let set = set(&[
        vec![field("spec"), field("replicas")],
        vec![field("spec"), field("containers"), name("a")],
        vec![field("spec"), field("containers"), name("a"), field("image")],
        vec![
            field("metadata"),
            field("finalizers"),
            Element::Value(Key::new(json!("x/y"))),
        ],
        vec![field("data")],
        vec![field("list"), Element::Index(3)],
    ]);
    insta::assert_snapshot!(set.to_fields_v1(), @r#"{"f:data":{},"f:list":{"i:3":{}},"f:metadata":{"f:finalizers":{"v:\"x/y\"":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{}}},"f:replicas":{}}}"#);
    let texts: Vec<String> = set.paths().iter().map(|path| super::path_text(path)).collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    .data
    .list[3]
    .metadata.finalizers[="x/y"]
    .spec.replicas
    .spec.containers[name="a"]
    .spec.containers[name="a"].image
    "#);
    assert_eq!(set.len(), 6);
}

#[test]
fn what_is_not_known_is_skipped_and_what_is_broken_refused() {
    let read = FieldSet::from_fields_v1(&json!({"x:future": {"f:a": {}}, "f:b": {}})).unwrap();
    assert_eq!(read, FieldSet::new().with_field(&["b"]));
    let rows = [
        json!(1),
        json!({"f": {}}),
        json!({"f:a": []}),
        json!({"v:{": {}}),
        json!({"k:1": {}}),
        json!({"i:x": {}}),
        json!({"field:x": {}}),
    ];
    for row in rows {
        assert!(FieldSet::from_fields_v1(&row).is_err(), "{row}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(paths in paths()) {
        let set = set(&paths);
        prop_assert_eq!(FieldSet::from_fields_v1(&set.to_fields_v1()), Ok(set));
    }

    #[test]
    fn sets_obey_the_laws_of_sets(left in paths(), right in paths()) {
        let (a, b) = (set(&left), set(&right));
        for path in left.iter().chain(&right) {
            let (in_a, in_b) = (a.contains(path), b.contains(path));
            prop_assert_eq!(a.clone().union(&b).contains(path), in_a || in_b);
            prop_assert_eq!(a.intersection(&b).contains(path), in_a && in_b);
            prop_assert_eq!(a.difference(&b).contains(path), in_a && !in_b);
            let covered = (1..=path.len()).any(|length| b.contains(&path[..length]));
            prop_assert_eq!(a.recursive_difference(&b).contains(path), in_a && !covered);
            prop_assert_eq!(a.within(&b).contains(path), in_a && covered);
        }
        prop_assert!(a.difference(&a).is_empty());
        prop_assert!(a.intersection(&b).is_subset(&b));
        prop_assert!(a.is_subset(&a.clone().union(&b)));
        prop_assert_eq!(a.paths().len(), a.len());
        prop_assert_eq!(&set(&a.paths()), &a);
    }
}

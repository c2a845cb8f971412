//! Scenarios: who applies or updates what, and what is then in the object and whose it is.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use windlass_api::Time;

use super::Actor;
use super::Error;
use super::Managers;
use super::apply;
use super::keep_times;
use super::track_update;
use crate::fields::FieldSet;
use crate::fields::path_text;
use crate::schema::Schema;

/// An object and the clock; each step is a second later.
struct Scene {
    schema: Schema,
    object: Option<Value>,
    second: i64,
    log: String,
}

impl Scene {
    fn new(schema: &Value) -> Self {
        Self {
            schema: Schema::from_openapi(schema, &Map::new()).unwrap(),
            object: None,
            second: 0,
            log: String::new(),
        }
    }

    fn step(
        &mut self,
        act: impl FnOnce(&Schema, Option<&Value>, &Actor<'_>) -> Result<Value, Error>,
        manager: &str,
    ) {
        self.second += 1;
        let ignored = FieldSet::new();
        let actor = Actor {
            manager,
            api_version: "v1",
            subresource: "",
            now: Time::from_millis(self.second * 1000),
            ignored: &ignored,
        };
        match act(&self.schema, self.object.as_ref(), &actor) {
            Ok(object) => self.object = Some(object),
            Err(error) => self.log.extend([error.to_string(), "\n".to_owned()]),
        }
    }

    fn applies(mut self, manager: &str, config: &Value) -> Self {
        self.step(
            |schema, live, actor| apply(schema, live, config, actor, false),
            manager,
        );
        self
    }

    fn forces(mut self, manager: &str, config: &Value) -> Self {
        self.step(
            |schema, live, actor| apply(schema, live, config, actor, true),
            manager,
        );
        self
    }

    fn updates(mut self, manager: &str, change: impl FnOnce(&mut Value)) -> Self {
        self.step(
            |schema, live, actor| {
                let mut new = live.cloned().unwrap_or_else(|| json!({}));
                change(&mut new);
                Ok(track_update(schema, live, new, actor))
            },
            manager,
        );
        self
    }

    /// Everything: what was refused, the object, and who owns what.
    fn end(self) -> String {
        let mut text = self.log;
        let mut object = self.object.unwrap_or(Value::Null);
        let managers = Managers::of(&object).unwrap();
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.shift_remove("managedFields");
        }
        text += &object.to_string();
        for (identity, owned) in managers.iter() {
            let paths: Vec<String> = owned.fields.paths().iter().map(|path| path_text(path)).collect();
            let seconds = owned.time.map_or(-1, |time| time.as_millis() / 1000);
            let operation = identity.operation.as_str();
            let line = format!(
                "\n{} {operation} {seconds}: {}",
                identity.manager,
                paths.join(" ")
            );
            text.push_str(&line);
        }
        text
    }
}

fn config_map() -> Value {
    json!({"type": "object", "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "data": {"type": "object", "additionalProperties": {"type": "string"}},
    }})
}

fn workload() -> Value {
    json!({"type": "object", "properties": {
        "metadata": {"type": "object"},
        "spec": {"type": "object", "properties": {
            "replicas": {"type": "integer"},
            "args": {"type": "array", "items": {"type": "string"}},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "selector": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": true},
            "containers": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {
                    "name": {"type": "string"},
                    "image": {"type": "string"},
                    "ports": {
                        "type": "array", "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {"type": "object", "properties": {
                            "port": {"type": "integer"},
                            "protocol": {"type": "string", "default": "TCP"},
                            "name": {"type": "string"},
                        }},
                    },
                }},
            },
        }},
        "status": {"type": "object", "properties": {"ready": {"type": "integer"}}},
    }})
}

fn data(content: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": content})
}

#[test]
fn applying_owns_what_is_applied_and_removes_what_no_longer_is() {
    let scene = Scene::new(&config_map())
        .applies("one", &data(&json!({"a": "1", "b": "2"})))
        .applies("one", &data(&json!({"a": "1", "c": "3"})));
    insta::assert_snapshot!(scene.end(), @r#"
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","c":"3"}}
    one Apply 2: .data.a .data.c
    "#);
}

#[test]
fn an_applier_without_data_leaves_no_data() {
    let scene = Scene::new(&config_map())
        .applies("one", &data(&json!({"a": "1"})))
        .applies(
            "one",
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        );
    insta::assert_snapshot!(scene.end(), @r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#);
}

#[test]
fn what_names_the_object_outlives_what_was_applied_beside_it() {
    let labelled = json!({"metadata": {"name": "a", "labels": {"l": "1"}}, "data": {"a": "1"}});
    let scene = Scene::new(&config_map())
        .applies("one", &labelled)
        .updates("server", |object| object["metadata"]["uid"] = json!("u"))
        .applies("one", &json!({"data": {"a": "1"}}));
    insta::assert_snapshot!(scene.end(), @r#"
    {"metadata":{"name":"a","uid":"u"},"data":{"a":"1"}}
    one Apply 3: .data.a
    "#);
}

#[test]
fn two_appliers_share_an_object_and_equal_fields() {
    let scene = Scene::new(&config_map())
        .applies("one", &data(&json!({"a": "1", "b": "2"})))
        .applies("two", &data(&json!({"b": "2", "c": "3"})))
        .applies("one", &data(&json!({})));
    insta::assert_snapshot!(scene.end(), @r#"
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"b":"2","c":"3"}}
    one Apply 3: .data
    two Apply 2: .data.b .data.c
    "#);
}

#[test]
fn fields_of_others_are_conflicts_unless_forced() {
    let scene = Scene::new(&config_map())
        .applies("one", &data(&json!({"a": "1", "b": "2"})))
        .updates("kubectl-edit", |object| object["data"]["c"] = json!("3"))
        .applies("two", &data(&json!({"a": "9"})))
        .applies("two", &data(&json!({"a": "9", "b": "9", "c": "9"})))
        .forces("two", &data(&json!({"a": "9", "c": "9"})));
    insta::assert_snapshot!(scene.end(), @r#"
    Apply failed with 1 conflict: conflict with "one": .data.a
    Apply failed with 3 conflicts: conflicts with "kubectl-edit" using v1:
    - .data.c
    conflicts with "one":
    - .data.a
    - .data.b
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"9","b":"2","c":"9"}}
    one Apply 1: .data.b
    two Apply 5: .data.a .data.c
    "#);
}

#[test]
fn applying_the_same_again_changes_nothing_and_takes_no_time() {
    let config = data(&json!({"a": "1"}));
    let scene = Scene::new(&config_map())
        .applies("one", &config)
        .applies("one", &config)
        .updates("other", |_| ())
        .forces("one", &config);
    insta::assert_snapshot!(scene.end(), @r#"
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1"}}
    one Apply 1: .data.a
    "#);
}

#[test]
fn an_update_takes_what_it_changes_and_frees_what_it_removes() {
    let scene = Scene::new(&config_map())
        .updates("creator", |object| {
            *object = data(&json!({"a": "1", "b": "2", "c": "3"}));
        })
        .updates("editor", |object| {
            object["data"]["a"] = json!("9");
            object["data"].as_object_mut().unwrap().remove("b");
        });
    insta::assert_snapshot!(scene.end(), @r#"
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"9","c":"3"}}
    creator Update 1: .data .data.c
    editor Update 2: .data.a
    "#);
}

#[test]
fn who_owns_nothing_is_forgotten() {
    let scene = Scene::new(&config_map())
        .applies("one", &data(&json!({"a": "1"})))
        .updates("two", |object| object["data"]["a"] = json!("2"))
        .updates("three", |object| object["data"]["a"] = json!("3"));
    insta::assert_snapshot!(scene.end(), @r#"
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"3"}}
    three Update 3: .data.a
    "#);
}

#[test]
fn items_are_told_apart_by_their_keys() {
    let with = |containers: &Value| json!({"metadata": {"name": "a"}, "spec": {"containers": containers}});
    let scene = Scene::new(&workload())
        .applies("one", &with(&json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}])))
        .applies("two", &with(&json!([{"name": "c"}, {"name": "b", "ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}])))
        .applies("one", &with(&json!([{"name": "a", "image": "2"}])));
    insta::assert_snapshot!(scene.end(), @r#"
    {"metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":"2"},{"name":"c"},{"name":"b","ports":[{"port":80},{"port":80,"protocol":"UDP"}]}]}}
    one Apply 3: .spec.containers[name="a"] .spec.containers[name="a"].image .spec.containers[name="a"].name
    two Apply 2: .spec.containers[name="b"] .spec.containers[name="c"] .spec.containers[name="b"].name .spec.containers[name="b"].ports[port=80,protocol="TCP"] .spec.containers[name="b"].ports[port=80,protocol="UDP"] .spec.containers[name="b"].ports[port=80,protocol="TCP"].port .spec.containers[name="b"].ports[port=80,protocol="UDP"].port .spec.containers[name="b"].ports[port=80,protocol="UDP"].protocol .spec.containers[name="c"].name
    "#);
}

#[test]
fn a_given_up_item_stays_for_other_appliers_and_goes_with_what_updaters_put_into_it() {
    let with = |containers: &Value| json!({"metadata": {"name": "a"}, "spec": {"containers": containers}});
    let scene = Scene::new(&workload())
        .applies(
            "one",
            &with(&json!([{"name": "a"}, {"name": "b", "ports": [{"port": 1}]}, {"name": "c"}])),
        )
        .applies("two", &with(&json!([{"name": "b", "ports": [{"port": 2}]}])))
        .updates("controller", |object| {
            object["spec"]["containers"][1]["image"] = json!("i");
            object["spec"]["containers"][2]["image"] = json!("i");
        })
        .applies("one", &with(&json!([{"name": "a"}])));
    insta::assert_snapshot!(scene.end(), @r#"
    {"metadata":{"name":"a"},"spec":{"containers":[{"name":"a"},{"name":"b","ports":[{"port":2}],"image":"i"}]}}
    controller Update 3: .spec.containers[name="b"].image
    one Apply 4: .spec.containers[name="a"] .spec.containers[name="a"].name
    two Apply 2: .spec.containers[name="b"] .spec.containers[name="b"].name .spec.containers[name="b"].ports[port=2,protocol="TCP"] .spec.containers[name="b"].ports[port=2,protocol="TCP"].port
    "#);
}

#[test]
fn a_given_up_map_stays_as_far_as_others_filled_it() {
    let scene = Scene::new(&workload())
        .applies(
            "one",
            &json!({"metadata": {"name": "a"}, "spec": {"replicas": 1}, "status": {"ready": 1}}),
        )
        .updates("controller", |object| object["spec"]["args"] = json!(["x"]))
        .applies("one", &json!({"metadata": {"name": "a"}, "spec": null}))
        .applies("one", &json!({"metadata": {"name": "a"}, "spec": {}}))
        .applies("one", &json!({"metadata": {"name": "a"}}));
    insta::assert_snapshot!(scene.end(), @r#"
    {"metadata":{"name":"a"},"spec":{"args":["x"]}}
    controller Update 2: .spec.args
    "#);
}

#[test]
fn what_became_one_value_is_owned_as_a_whole() {
    let mut scene = Scene::new(&workload());
    let entry = |name: &str, fields: Value| json!({"manager": name, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
    scene.object = Some(json!({
        "metadata": {"name": "a", "managedFields": [
            entry("one", json!({"f:spec": {"f:selector": {"f:a": {}}, "f:args": {"v:\"x\"": {}}}})),
        ]},
        "spec": {"selector": {"a": "1"}, "args": ["x"]},
    }));
    let scene = scene.applies(
        "two",
        &json!({"metadata": {"name": "a"}, "spec": {"selector": {"b": "1"}, "args": ["y"]}}),
    );
    insta::assert_snapshot!(scene.end(), @r#"
    Apply failed with 2 conflicts: conflicts with "one":
    - .spec.args
    - .spec.selector
    {"metadata":{"name":"a"},"spec":{"selector":{"a":"1"},"args":["x"]}}
    one Apply -1: .spec.args[="x"] .spec.selector.a
    "#);
}

#[test]
fn sets_merge_and_atomic_values_do_not() {
    let with = |spec: &Value| json!({"metadata": {"name": "a"}, "spec": spec});
    let scene = Scene::new(&workload())
        .applies(
            "one",
            &with(&json!({"tags": ["a", "b"], "args": ["x", "y"], "selector": {"a": 1}})),
        )
        .applies("two", &with(&json!({"tags": ["c", "b"]})))
        .applies("two", &with(&json!({"args": ["z"], "selector": {"b": 1}})))
        .forces("two", &with(&json!({"args": ["z"], "selector": {"b": 1}})));
    insta::assert_snapshot!(scene.end(), @r#"
    Apply failed with 2 conflicts: conflicts with "one":
    - .spec.args
    - .spec.selector
    {"metadata":{"name":"a"},"spec":{"tags":["a","b"],"args":["z"],"selector":{"b":1}}}
    one Apply 1: .spec.tags[="a"] .spec.tags[="b"]
    two Apply 4: .spec.args .spec.selector
    "#);
}

#[test]
fn what_was_there_before_is_owned_by_nobody_in_particular() {
    let mut scene = Scene::new(&config_map());
    scene.object = Some(data(&json!({"a": "1", "b": "2"})));
    let scene = scene
        .updates("ignored", |object| object["data"]["b"] = json!("3"))
        .applies("one", &data(&json!({"a": "1"})))
        .applies("one", &data(&json!({"b": "4"})));
    insta::assert_snapshot!(scene.end(), @r#"
    Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.b
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","b":"3"}}
    before-first-apply Update 2: .data .data.a .data.b
    one Apply 2: .data.a
    "#);
}

#[test]
fn clients_may_edit_and_delete_the_entries() {
    let reset = Scene::new(&config_map())
        .applies("one", &data(&json!({"a": "1"})))
        .updates("two", |object| object["metadata"]["managedFields"] = json!([{}]))
        .updates("two", |object| object["data"]["b"] = json!("2"));
    insta::assert_snapshot!(reset.end(), @r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","b":"2"}}"#);
    let renamed = Scene::new(&config_map())
        .applies("one", &data(&json!({"a": "1"})))
        .updates("two", |object| {
            object["metadata"]["managedFields"][0]["manager"] = json!("renamed");
        })
        .updates("two", |object| object["metadata"]["managedFields"] = json!([]));
    insta::assert_snapshot!(renamed.end(), @r#"
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1"}}
    renamed Apply 1: .data.a
    "#);
}

#[test]
fn the_oldest_of_many_updaters_become_ancient() {
    let mut scene = Scene::new(&config_map()).applies("zero", &data(&json!({})));
    for number in 0..13 {
        let (name, key) = (format!("m{number:02}"), format!("k{number:02}"));
        scene = scene.updates(&name, |object| object["data"][key] = json!("x"));
    }
    insta::assert_snapshot!(scene.end(), @r#"
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k00":"x","k01":"x","k02":"x","k03":"x","k04":"x","k05":"x","k06":"x","k07":"x","k08":"x","k09":"x","k10":"x","k11":"x","k12":"x"}}
    ancient-changes Update 5: .data.k00 .data.k01 .data.k02 .data.k03
    m04 Update 6: .data.k04
    m05 Update 7: .data.k05
    m06 Update 8: .data.k06
    m07 Update 9: .data.k07
    m08 Update 10: .data.k08
    m09 Update 11: .data.k09
    m10 Update 12: .data.k10
    m11 Update 13: .data.k11
    m12 Update 14: .data.k12
    zero Apply 1: .data
    "#);
}

#[test]
fn kubectl_takes_over_from_its_client_side() {
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    let applied = data(&json!({"a": "1", "b": "2"}));
    let start = |scene: Scene| {
        scene.updates("kubectl-client-side-apply", |object| {
            *object = applied.clone();
            object["metadata"]["annotations"] = json!({annotation: applied.to_string()});
        })
    };
    let taken = start(Scene::new(&config_map()))
        .applies("other", &data(&json!({"a": "9"})))
        .applies("kubectl", &data(&json!({"a": "9"})));
    insta::assert_snapshot!(taken.end(), @r#"
    Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"data\":{\"a\":\"9\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}\n"}},"data":{"a":"9","b":"2"}}
    kubectl Apply 3: .data.a
    kubectl-client-side-apply Update 1: .data .data.b .metadata.annotations .metadata.annotations.kubectl.kubernetes.io/last-applied-configuration
    "#);
    let contested = start(Scene::new(&config_map()))
        .updates("editor", |object| object["data"]["b"] = json!("3"))
        .applies("kubectl", &data(&json!({"a": "9", "b": "2"})));
    insta::assert_snapshot!(contested.end(), @r#"
    Apply failed with 1 conflict: conflict with "editor" using v1: .data.b
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"1\",\"b\":\"2\"}}"}},"data":{"a":"1","b":"3"}}
    editor Update 2: .data.b
    kubectl-client-side-apply Update 1: .data .data.a .metadata.annotations .metadata.annotations.kubectl.kubernetes.io/last-applied-configuration
    "#);
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let rows = [
        json!([]),
        json!({"metadata": {"managedFields": [{}]}}),
        json!({"apiVersion": "apps/v1", "kind": "W", "metadata": {"name": "a", "namespace": "n"}, "spec": {"x": 1}}),
        json!({"spec": {"containers": [{"image": "1"}]}}),
        json!({"spec": {"containers": [{"name": "a"}, {"name": "a"}], "tags": ["b", "b"]}}),
        json!({"spec": {"containers": {"a": 1}, "args": "secret"}}),
        json!({"spec": {"tags": [["a"], {}, null]}}),
    ];
    let mut scene = Scene::new(&workload());
    for row in rows {
        scene = scene.applies("one", &row);
    }
    insta::assert_snapshot!(scene.end(), @r#"
    an applied configuration is an object
    metadata.managedFields must be nil
    failed to create typed patch object (n/a; apps/v1, Kind=W): .spec.x: field not declared in schema
    failed to create typed patch object (/; /, Kind=): .spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)
    failed to create typed patch object (/; /, Kind=): errors:
      .spec.containers: duplicate entries for key [name="a"]
      .spec.tags: duplicate entries for key [="b"]
    failed to create typed patch object (/; /, Kind=): errors:
      .spec.containers: expected list, got map
      .spec.args: expected list, got string
    failed to create typed patch object (/; /, Kind=): errors:
      .spec.tags: element 0: not supported: associative list with lists as elements
      .spec.tags: element 1: associative list without keys has an element that's a map type
      .spec.tags: element 2: associative list without keys has an element that's an explicit null
    null
    "#);
}

#[test]
fn each_endpoint_owns_its_part() {
    let schema = Schema::from_openapi(&workload(), &Map::new()).unwrap();
    let status = FieldSet::new().with_field(&["status"]);
    let rest = FieldSet::new().with_field(&["spec"]).with_field(&["metadata"]);
    let main = Actor {
        manager: "one",
        api_version: "v1",
        subresource: "",
        now: Time::from_millis(0),
        ignored: &status,
    };
    let endpoint = Actor {
        subresource: "status",
        ignored: &rest,
        ..main.clone()
    };
    let config = json!({"metadata": {"name": "a", "labels": {"l": "1"}}, "spec": {"replicas": 1}, "status": {"ready": 1}});
    let object = apply(&schema, None, &config, &main, false).unwrap();
    assert_eq!(object.get("status"), None);
    let mut new = object.clone();
    new["status"] = json!({"ready": 2});
    let object = track_update(&schema, Some(&object), new, &endpoint);
    insta::assert_snapshot!(object["metadata"]["managedFields"], @r#"[{"manager":"one","operation":"Apply","apiVersion":"v1","time":"1970-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{"f:l":{}}},"f:spec":{"f:replicas":{}}}},{"manager":"one","operation":"Update","apiVersion":"v1","time":"1970-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:status":{".":{},"f:ready":{}}},"subresource":"status"}]"#);
    let object =
        apply(&schema, Some(&object), &config, &endpoint, false).expect_err("it is another entry's field");
    insta::assert_snapshot!(object, @r#"Apply failed with 1 conflict: conflict with "one" with subresource "status" using v1: .status.ready"#);
}

#[test]
fn only_times_are_no_change() {
    let object = |time: &str, field: &str, data: &str| {
        json!({"metadata": {"name": "a", "managedFields": [{
            "manager": "one", "operation": "Apply", "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {field: {}}},
        }]}, "data": {"k": data}})
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let live = object(early, "f:k", "1");
    let rows = [
        (object(late, "f:k", "1"), true),
        (object(late, "f:other", "1"), false),
        (object(late, "f:k", "2"), false),
        (json!({"metadata": {"name": "a"}, "data": {"k": "1"}}), false),
    ];
    for (new, is_kept) in rows {
        let expected = if is_kept { live.clone() } else { new.clone() };
        assert_eq!(keep_times(&live, new.clone()), expected, "{new}");
    }
}

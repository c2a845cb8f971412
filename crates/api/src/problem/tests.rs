use super::FieldPath;
use super::Position;
use super::Problem;
use super::Problems;

fn name_of_a_param() -> FieldPath {
    FieldPath::root()
        .field("spec")
        .field("tasks")
        .index(0)
        .field("params")
        .index(2)
        .field("name")
}

#[test]
fn paths_read_as_kubernetes_writes_them() {
    let root = FieldPath::root();
    let rows = [
        (root.clone(), ""),
        (name_of_a_param(), "spec.tasks[0].params[2].name"),
        (
            root.field("metadata")
                .field("labels")
                .key("app.kubernetes.io/name"),
            "metadata.labels[app.kubernetes.io/name]",
        ),
        (root.index(3).field("kind"), "[3].kind"),
        (
            root.field("spec").join(&root.field("steps").index(1)),
            "spec.steps[1]",
        ),
    ];
    for (path, text) in rows {
        assert_eq!(path.to_string(), text);
    }
}

#[test]
fn paths_order_list_elements_by_number() {
    let tasks = FieldPath::root().field("tasks");
    assert!(tasks.index(9) < tasks.index(10));
    assert!(tasks < tasks.index(0));
}

#[test]
fn a_problem_prints_what_is_known() {
    let problem = Problem::error("unknown-field", name_of_a_param(), "unknown field \"nam\"")
        .hint("did you mean \"name\"?")
        .at(Position { line: 4, column: 9 })
        .in_file("ci.yaml");
    insta::assert_snapshot!(problem, @r#"
    ci.yaml:4:9: spec.tasks[0].params[2].name: unknown field "nam"
      hint: did you mean "name"?
    "#);
    insta::assert_snapshot!(Problem::warning("x", FieldPath::root(), "no steps"), @"warning: no steps");
}

#[test]
fn a_problem_serialises_flat() {
    let problem = Problem::error("unknown-field", name_of_a_param(), "m").at(Position { line: 4, column: 9 });
    assert_eq!(
        serde_json::to_string(&Problems::from(problem)).unwrap(),
        r#"[{"line":4,"column":9,"path":"spec.tasks[0].params[2].name","message":"m","severity":"error","code":"unknown-field"}]"#
    );
    assert_eq!(
        serde_json::to_string(&Problem::warning("x", FieldPath::root(), "m")).unwrap(),
        r#"{"message":"m","severity":"warning","code":"x"}"#
    );
}

#[test]
fn sorting_goes_by_file_then_place() {
    let at = |file: &str, line| {
        Problem::error("x", FieldPath::root(), "m")
            .in_file(file)
            .at(Position { line, column: 1 })
    };
    let mut problems = Problems::from(vec![at("b", 1), at("a", 10), at("a", 9)]);
    problems.sort();
    insta::assert_snapshot!(problems, @r"
    a:9:1: m
    a:10:1: m
    b:1:1: m
    ");
}

use super::*;

#[test]
fn children_are_named_as_upstream_names_them() {
    let fifty = "12345678901234567890123456789012345678901234567890";
    let dashed = "0123456789-0123456789-0123456789-0123456789";
    let rows = [
        (
            "pipeline-run".to_owned(),
            "-task2".to_owned(),
            "pipeline-run-task2",
        ),
        (
            "pipeline-run".to_owned(),
            format!("-task2-{dashed}-0123456789"),
            "pipeline-runee4a397d6eab67777d4e6f9991cd19e6-task2-0123456789-0",
        ),
        (
            format!("pipeline-run-{dashed}"),
            "-task3".to_owned(),
            "pipeline-run-0123456789-0123456789-0123456789-0123456789-task3",
        ),
        (
            format!("pipeline-run-{dashed}"),
            format!("-task2-{dashed}-0123456789"),
            "pipeline-run-0123456789-012345607ad8c7aac5873cdfabe472a68996b5c",
        ),
        (
            format!("pipeline-run-{fifty}"),
            "-task2".to_owned(),
            "pipeline-run-123456789012f022e3ec9d06c5795de718d2f11bdd71-task2",
        ),
        (
            "pipeline-run".to_owned(),
            format!("-task2-{fifty}"),
            "pipeline-run155b61773fd25b1fbd46dba34cd7cbeb-task2-123456789012",
        ),
    ];
    for (parent, suffix, then) in rows {
        assert_eq!(child_name(&parent, &suffix), then);
    }
}

#[test]
fn child_names_never_end_in_a_sign_or_split_a_character() {
    let name = child_name("p", &format!("-{}-{}", "x".repeat(28), "y".repeat(40)));
    assert!(
        name.len() <= LABEL_MAX && name.ends_with(|last: char| last.is_ascii_alphanumeric()),
        "{name}"
    );
    let name = child_name(&"ü".repeat(40), "-task");
    assert!(name.len() <= LABEL_MAX, "{name}");
}

#[test]
fn generated_names_fit_and_differ() {
    assert_eq!(generate_name("build-", 0), "build-bbbbb");
    assert_eq!(generate_name("build-", 1), "build-cbbbb");
    assert_eq!(generate_name("build-", SUFFIX_DRAWS - 1), "build-99999");
    assert_eq!(generate_name("build-", SUFFIX_DRAWS), "build-bbbbb");
    assert_eq!(generate_name(&"x".repeat(70), 0).len(), LABEL_MAX);
}

#[test]
fn names_follow_the_rules_of_their_kind() {
    type Rule = fn(&str) -> bool;
    let long = "a".repeat(64);
    let rows: [(&str, Rule, &[&str], &[&str]); 5] = [
        (
            "label",
            is_dns_label,
            &["a", "a-b", "0"],
            &["", "-a", "a-", "A", "a.b", "a_b", &long],
        ),
        (
            "subdomain",
            is_dns_subdomain,
            &["a", "a.b-c", &long],
            &["", "a..b", ".a", "a.", "A.b", "../a"],
        ),
        (
            "param",
            is_param_name,
            &["a", "_a", "a.b-C_1"],
            &["", "1a", "-a", "a b", "a/b", "ä"],
        ),
        (
            "object param",
            is_object_param_name,
            &["a", "_a-b"],
            &["", "a.b", "1a"],
        ),
        (
            "result",
            is_result_name,
            &["a", "A.b_c-1", "1"],
            &["", ".", "..", "../x", "a/b", "-a", "a-", "a b"],
        ),
    ];
    for (rule_name, rule, good, bad) in rows {
        for name in good {
            assert!(rule(name), "{rule_name} refuses {name:?}");
        }
        for name in bad {
            assert!(!rule(name), "{rule_name} accepts {name:?}");
        }
    }
}

#[test]
fn qualified_names_are_explained_as_kubernetes_explains_them() {
    assert_eq!(
        qualified_name_problems("example.com/My.name"),
        Vec::<String>::new()
    );
    assert_eq!(qualified_name_problems("/a"), ["prefix part must be non-empty"]);
    assert_eq!(
        qualified_name_problems("a/").first().map(String::as_str),
        Some("name part must be non-empty")
    );
    assert!(
        qualified_name_problems("a/b/c")
            .first()
            .is_some_and(|text| text.starts_with("a qualified name must"))
    );
    assert_eq!(
        qualified_name_problems("$(params.x)"),
        [
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
             alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
             '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        ]
    );
}

#[test]
fn long_container_names_are_cut_at_a_letter() {
    assert_eq!(restrict_length("step-a"), "step-a");
    assert_eq!(
        restrict_length(&format!("{}---x", "a".repeat(61))),
        "a".repeat(61)
    );
}

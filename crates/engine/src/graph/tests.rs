use super::*;

/// Tasks by name, `!` marking those of `finally`, and edges `parent>child` or `parent=>child` for results.
fn build(tasks: &str, edges: &str) -> Result<Graph, Error> {
    let mut builder = Graph::builder();
    for name in tasks.split_whitespace() {
        builder.node(match name.strip_prefix('!') {
            Some(name) => Node::finally(name),
            None => Node::dag(name),
        });
    }
    let place = |name: &str| {
        let names = tasks.split_whitespace().map(|task| task.trim_start_matches('!'));
        let index = names.clone().position(|task| task == name).unwrap_or(99);
        NodeId::new(u32::try_from(index).unwrap())
    };
    for edge in edges.split_whitespace() {
        let (parent, child) = edge.split_once('>').unwrap();
        let (parent, kind) = match parent.strip_suffix('=') {
            Some(parent) => (parent, EdgeKind::Resource),
            None => (parent, EdgeKind::Order),
        };
        builder.edge(place(parent), place(child), kind);
    }
    builder.build()
}

#[test]
fn faults_are_told_by_name() {
    let rows = [
        ("a a", "", "task \"a\" is declared twice"),
        ("a !a", "", "task \"a\" is declared twice"),
        (
            "a b",
            "a>x",
            "an edge joins #0 and #99, of which one does not exist",
        ),
        (
            "a b",
            "x>a",
            "an edge joins #99 and #0, of which one does not exist",
        ),
        ("a", "a>a", "cycle detected; task \"a\" depends on \"a\""),
        ("a b", "a>b b>a", "cycle detected; task \"a\" depends on \"b\""),
        // The first by name is told, with all that keeps it, though it is only downstream of the cycle.
        (
            "z y b c a",
            "z>y y>z z>b c>b y>b b>a",
            "cycle detected; task \"a\" depends on \"b\"",
        ),
        (
            "z y b c",
            "z>y y>z z>b c>b y>b",
            "cycle detected; task \"b\" depends on \"y\", \"z\"",
        ),
        (
            "a !f",
            "a>f",
            "task \"f\" cannot be ordered after \"a\": tasks of finally all start together",
        ),
        (
            "a !f",
            "f>a",
            "task \"a\" cannot be ordered after \"f\": tasks of finally all start together",
        ),
        (
            "a !f !g",
            "f=>g",
            "task \"g\" cannot be ordered after \"f\": tasks of finally all start together",
        ),
    ];
    for (tasks, edges, expected) in rows {
        let error = build(tasks, edges).expect_err(edges);
        assert_eq!(error.to_string(), expected, "{tasks}, {edges}");
    }
}

#[test]
fn neighbours_are_told_once_and_sorted() {
    use EdgeKind::Order;
    use EdgeKind::Resource;
    let graph = build("a b c !f", "b>c a>c a=>c a>c b=>f a>b").unwrap();
    let [a, b, c, f] = [0, 1, 2, 3].map(NodeId::new);
    assert_eq!(graph.children(a), [(b, Order), (c, Resource)]);
    assert_eq!(graph.children(b), [(c, Order), (f, Resource)]);
    assert_eq!(graph.children(c), []);
    assert_eq!(graph.parents(a), []);
    assert_eq!(graph.parents(c), [(a, Resource), (b, Order)]);
    assert_eq!(graph.parents(f), [(b, Resource)]);
    assert_eq!(graph.children(NodeId::new(4)), []);
    assert_eq!(graph.node(NodeId::new(4)), None);
    assert_eq!(graph.find("c"), Some(c));
    assert_eq!(graph.find("x"), None);
    assert_eq!(graph.node(b).map(|node| node.name.as_str()), Some("b"));
    assert_eq!(graph.section(Section::Dag), [a, b, c]);
    assert_eq!(graph.section(Section::Finally), [f]);
    assert_eq!(graph.topological(), [a, b, c, f]);
    assert_eq!((graph.len(), graph.is_empty()), (4, false));
    assert_eq!(graph.nodes().map(|(id, _)| id).collect::<Vec<_>>(), [a, b, c, f]);
}

#[test]
fn tasks_are_sorted_after_what_they_wait_for() {
    let graph = build("d c b a", "a>b b>c c>d a>d").unwrap();
    assert_eq!(graph.topological(), [3, 2, 1, 0].map(NodeId::new));
    let empty = build("", "").unwrap();
    assert!(empty.is_empty() && empty.topological().is_empty());
}

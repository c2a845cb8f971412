//! As Mermaid, which forges and editors draw.

use std::fmt::Write as _;

use super::model::Graph;
use super::model::Node;

/// A `flowchart` definition.
pub(crate) fn mermaid(graph: &Graph) -> String {
    let mut text = format!(
        "---\ntitle: \"{}\"\n---\nflowchart LR\n",
        graph.title.replace('"', "'")
    );
    for (place, node) in graph.nodes.iter().enumerate() {
        let _ = writeln!(text, "  t{place}{}", shape(node));
    }
    for (place, node) in graph.nodes.iter().enumerate() {
        for parent in &node.parents {
            let _ = writeln!(text, "  t{parent} --> t{place}");
        }
    }
    if graph.finally.is_empty() {
        return text;
    }
    text.push_str("  subgraph finally\n");
    for (place, node) in graph.finally.iter().enumerate() {
        let _ = writeln!(text, "    f{place}{}", shape(node));
    }
    text.push_str("  end\n");
    for place in ends(graph) {
        let _ = writeln!(text, "  t{place} -.-> finally");
    }
    text
}

/// Nodes that no other waits for.
pub(super) fn ends(graph: &Graph) -> Vec<usize> {
    let is_parent = |place: usize| graph.nodes.iter().any(|node| node.parents.contains(&place));
    (0..graph.nodes.len())
        .filter(|place| !is_parent(*place))
        .collect()
}

/// Box, or rhomb for a condition, or stack for a matrix; marks below the name.
fn shape(node: &Node) -> String {
    let lines: Vec<String> = std::iter::once(&node.name)
        .chain(&node.marks)
        .map(|line| escaped(line))
        .collect();
    let label = lines.join("<br/>");
    match (node.is_conditional, node.is_matrix) {
        (true, _) => format!("{{{{\"{label}\"}}}}"),
        (false, true) => format!("[[\"{label}\"]]"),
        (false, false) => format!("[\"{label}\"]"),
    }
}

/// Entities, as Mermaid writes them: with `#` in place of `&`.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '&' => safe.push_str("#amp;"),
            '`' => safe.push_str("#96;"),
            '\n' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

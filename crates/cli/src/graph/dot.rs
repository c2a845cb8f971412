//! As DOT, for Graphviz.

use std::fmt::Write as _;

use super::mermaid::ends;
use super::model::Graph;
use super::model::Node;

/// A `digraph`.
pub(crate) fn dot(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.title));
    text.push_str(
        "  rankdir=LR;\n  compound=true;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
    );
    for (place, node) in graph.nodes.iter().enumerate() {
        let _ = writeln!(text, "  t{place} [{}];", attributes(node));
    }
    for (place, node) in graph.nodes.iter().enumerate() {
        for parent in &node.parents {
            let _ = writeln!(text, "  t{parent} -> t{place};");
        }
    }
    if !graph.finally.is_empty() {
        text.push_str("  subgraph cluster_finally {\n    label=\"finally\";\n    style=dashed;\n");
        for (place, node) in graph.finally.iter().enumerate() {
            let _ = writeln!(text, "    f{place} [{}];", attributes(node));
        }
        text.push_str("  }\n");
        for place in ends(graph) {
            let _ = writeln!(text, "  t{place} -> f0 [lhead=cluster_finally, style=dashed];");
        }
    }
    text.push_str("}\n");
    text
}

fn attributes(node: &Node) -> String {
    let lines: Vec<&str> = std::iter::once(&node.name)
        .chain(&node.marks)
        .map(String::as_str)
        .collect();
    let mut attributes = format!("label={}", quoted(&lines.join("\n")));
    if node.is_conditional {
        attributes.push_str(", style=\"rounded,dashed\"");
    }
    if node.is_matrix {
        attributes.push_str(", peripheries=2");
    }
    attributes
}

fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}

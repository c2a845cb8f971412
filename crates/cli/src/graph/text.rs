//! As text: one line per node, layer by layer.

use std::fmt::Write as _;

use super::model::Graph;
use super::model::Node;
use crate::terminal::Paint;
use crate::terminal::Style;

/// Columns for names before marks start, at most.
const WIDEST: usize = 40;

/// Draws layers from top to bottom: nodes of one layer can run at the same time.
pub(crate) fn text(graph: &Graph, style: Style) -> String {
    let mut text = format!("{}\n", style.paint(Paint::Strong, &graph.title));
    let names = graph
        .nodes
        .iter()
        .chain(&graph.finally)
        .map(|node| node.name.chars().count());
    let width = names.max().unwrap_or_default().min(WIDEST);
    let last = graph.layers.len();
    for (number, layer) in graph.layers.iter().enumerate() {
        let nodes: Vec<&Node> = layer.iter().filter_map(|place| graph.nodes.get(*place)).collect();
        push(&mut text, &nodes, width, style);
        if number + 1 < last {
            text.push_str("  │\n");
        }
    }
    if !graph.finally.is_empty() {
        let _ = writeln!(text, "  ┆\n{}", style.paint(Paint::Faint, "  finally"));
        push(&mut text, &graph.finally.iter().collect::<Vec<_>>(), width, style);
    }
    text
}

fn push(text: &mut String, nodes: &[&Node], width: usize, style: Style) {
    for (place, node) in nodes.iter().enumerate() {
        let branch = match (nodes.len(), place) {
            (1, _) => "──",
            (_, 0) => "┬─",
            (count, place) if place + 1 == count => "└─",
            _ => "├─",
        };
        let padding = width.saturating_sub(node.name.chars().count());
        let mut about = Vec::new();
        if !node.after.is_empty() {
            about.push(format!("← {}", node.after.join(", ")));
        }
        about.extend(node.marks.iter().map(|mark| format!("[{mark}]")));
        let line = format!(
            "  {branch} {}{:padding$}  {}",
            node.name,
            "",
            style.paint(Paint::Faint, &about.join("  "))
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

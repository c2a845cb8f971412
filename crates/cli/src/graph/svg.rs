//! As a picture of its own.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::model::Graph;
use super::model::Node;

/// Height of a line of text, in pixels; all other sizes follow from it.
const LINE: f64 = 16.0;
/// Width of a character of a name. Names are drawn in a fixed-width font, so that this holds everywhere.
const CHARACTER: f64 = 7.8;
/// Space inside a box.
const PADDING: f64 = 10.0;
/// Space between columns, through which edges run.
const GAP: f64 = 56.0;
/// Space between boxes of a column.
const ROW_GAP: f64 = 18.0;
/// Space around the picture.
const MARGIN: f64 = 20.0;
/// Characters of a mark that are shown.
const MARK: usize = 48;

/// Colours that follow the reader's choice of light or dark.
const STYLE: &str = "\
  <style>
    text { font: 13px ui-monospace, monospace; fill: #1b1f24 }
    .mark { font-size: 11px; fill: #57606a }
    .title { font-weight: bold }
    rect { fill: #f6f8fa; stroke: #57606a }
    .conditional { stroke-dasharray: 5 3 }
    .group { fill: none; stroke-dasharray: 2 4 }
    path { fill: none; stroke: #8c959f }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .mark { fill: #9198a1 } rect { fill: #161b22; stroke: #9198a1 }
      .group { fill: none } path { stroke: #6e7681 }
    }
  </style>
";

/// A box with a place.
#[derive(Clone, Copy, Debug)]
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Layers as columns from left to right, `finally` apart on the right.
pub(crate) fn svg(graph: &Graph) -> String {
    let mut columns: Vec<Vec<&Node>> = ordered(graph)
        .iter()
        .map(|layer| layer.iter().filter_map(|place| graph.nodes.get(*place)).collect())
        .collect();
    let graph_columns = columns.len();
    if !graph.finally.is_empty() {
        columns.push(graph.finally.iter().collect());
    }
    let frames = place(&columns);
    let (right, bottom) = frames
        .iter()
        .flatten()
        .fold((0.0_f64, 0.0_f64), |(right, bottom), frame| {
            (
                right.max(frame.x + frame.width),
                bottom.max(frame.y + frame.height),
            )
        });
    let (width, height) = (right.max(200.0) + 2.0 * MARGIN, bottom + 2.0 * MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\">\n{STYLE}  <text class=\"title\" x=\"{MARGIN}\" y=\"{:.1}\">{}</text>\n",
        MARGIN + 4.0,
        escaped(&graph.title)
    );
    push_edges(&mut text, graph, &columns, &frames);
    for (number, (column, frames)) in columns.iter().zip(&frames).enumerate() {
        if number == graph_columns {
            push_group(&mut text, frames);
        }
        for (node, frame) in column.iter().zip(frames) {
            push_box(&mut text, node, frame);
        }
    }
    text.push_str("</svg>\n");
    text
}

/// The layers with each node near the middle of what it waits for, which spares most crossings.
fn ordered(graph: &Graph) -> Vec<Vec<usize>> {
    let mut height = vec![0.0_f64; graph.nodes.len()];
    let mut layers = graph.layers.clone();
    for layer in &mut layers {
        let mean = |place: &usize| -> f64 {
            let parents = graph.nodes.get(*place).map_or(&[][..], |node| &node.parents);
            let sum: f64 = parents.iter().filter_map(|parent| height.get(*parent)).sum();
            if parents.is_empty() {
                0.0
            } else {
                sum / count(parents.len())
            }
        };
        let mut keyed: Vec<(f64, usize)> = layer.iter().map(|place| (mean(place), *place)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        *layer = keyed.into_iter().map(|(_, place)| place).collect();
        let half = count(layer.len()) / 2.0;
        for (row, place) in layer.iter().enumerate() {
            if let Some(height) = height.get_mut(*place) {
                *height = count(row) - half;
            }
        }
    }
    layers
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn place(columns: &[Vec<&Node>]) -> Vec<Vec<Frame>> {
    let height_of = |node: &Node| 2.0 * PADDING + LINE * count(1 + node.marks.len());
    let column_height = |column: &Vec<&Node>| -> f64 {
        column.iter().map(|node| height_of(node) + ROW_GAP).sum::<f64>() - ROW_GAP
    };
    let tallest = columns.iter().map(column_height).fold(0.0, f64::max);
    let mut x = MARGIN;
    let mut placed = Vec::new();
    for column in columns {
        let width = column.iter().map(|node| width_of(node)).fold(0.0, f64::max);
        let mut y = MARGIN + 2.0 * LINE + (tallest - column_height(column)) / 2.0;
        let mut frames = Vec::new();
        for node in column {
            let height = height_of(node);
            frames.push(Frame { x, y, width, height });
            y += height + ROW_GAP;
        }
        placed.push(frames);
        x += width + GAP;
    }
    placed
}

fn width_of(node: &Node) -> f64 {
    let marks = node
        .marks
        .iter()
        .map(|mark| count(mark.chars().count().min(MARK)) * 0.85);
    2.0 * PADDING + CHARACTER * marks.fold(count(node.name.chars().count()), f64::max)
}

fn push_edges(text: &mut String, graph: &Graph, columns: &[Vec<&Node>], frames: &[Vec<Frame>]) {
    let placed = columns
        .iter()
        .zip(frames)
        .flat_map(|(column, frames)| column.iter().zip(frames));
    let by_name: HashMap<&str, Frame> = placed.map(|(node, frame)| (node.name.as_str(), *frame)).collect();
    let frame_of = |place: usize| {
        graph
            .nodes
            .get(place)
            .and_then(|node| by_name.get(node.name.as_str()).copied())
    };
    for (place, node) in graph.nodes.iter().enumerate() {
        for parent in &node.parents {
            if let (Some(from), Some(to)) = (frame_of(*parent), frame_of(place)) {
                let (x1, y1) = (from.x + from.width, from.y + from.height / 2.0);
                let (x2, y2) = (to.x, to.y + to.height / 2.0);
                let bend = (GAP / 2.0).min((x2 - x1).abs() / 2.0);
                let _ = writeln!(
                    text,
                    "  <path d=\"M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}\"/>",
                    x1 + bend,
                    x2 - bend
                );
            }
        }
    }
}

fn push_group(text: &mut String, frames: &[Frame]) {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return;
    };
    let (x, y) = (first.x - 12.0, first.y - 26.0);
    let (width, height) = (first.width + 24.0, last.y + last.height - y + 12.0);
    let _ = writeln!(
        text,
        "  <rect class=\"group\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\"/>\n  \
         <text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\">finally</text>",
        x + 12.0,
        y + 17.0
    );
}

fn push_box(text: &mut String, node: &Node, frame: &Frame) {
    let Frame { x, y, width, height } = *frame;
    if node.is_matrix {
        let _ = writeln!(
            text,
            "  <rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"5\"/>",
            x + 4.0,
            y + 4.0
        );
    }
    let class = if node.is_conditional {
        " class=\"conditional\""
    } else {
        ""
    };
    let _ = writeln!(
        text,
        "  <rect{class} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"5\"/>"
    );
    let mut line = y + PADDING + LINE * 0.8;
    let left = x + PADDING;
    let _ = writeln!(
        text,
        "  <text x=\"{left:.1}\" y=\"{line:.1}\">{}</text>",
        escaped(&node.name)
    );
    for mark in &node.marks {
        line += LINE;
        let short: String = mark.chars().take(MARK).collect();
        let _ = writeln!(
            text,
            "  <text class=\"mark\" x=\"{left:.1}\" y=\"{line:.1}\">{}</text>",
            escaped(&short)
        );
    }
}

fn escaped(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    clean
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

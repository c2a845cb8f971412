//! Text in columns.

use crate::terminal::Paint;
use crate::terminal::Style;

/// A cell: its text and how it looks.
pub(crate) type Cell = (String, Option<Paint>);

/// Lines of a table with a head; columns are as wide as what they hold, and nothing follows the last.
pub(crate) fn table(style: Style, head: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, (text, _)) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    let head: Vec<Cell> = head
        .iter()
        .map(|title| ((*title).to_owned(), Some(Paint::Faint)))
        .collect();
    let mut text = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for ((cell, paint), width) in row.iter().zip(&widths) {
            let padding = width.saturating_sub(cell.chars().count()) + 2;
            line.push_str(&paint.map_or_else(|| cell.clone(), |paint| style.paint(paint, cell)));
            line.extend(std::iter::repeat_n(' ', padding));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

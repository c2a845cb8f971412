//! What is wrong where the text is no YAML at all.

use saphyr_parser::ScanError;

use crate::problem::FieldPath;
use crate::problem::Problem;
use crate::yaml::load::position;

/// Explains a syntax error, with the usual cause where the line shows it.
pub(super) fn problem(error: &ScanError, text: &str, path: &FieldPath) -> Problem {
    let at = position(*error.marker());
    let problem = Problem::error(
        "yaml-syntax",
        path.clone(),
        format!("not valid YAML: {}", error.info()),
    )
    .at(at);
    let line = text
        .lines()
        .nth(usize::try_from(at.line).unwrap_or(usize::MAX).saturating_sub(1))
        .unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    if line[..indent].contains('\t') {
        problem.hint("this line is indented with a tab; YAML allows only spaces")
    } else if error.info().contains("mapping values are not allowed") {
        problem.hint("quote the text if it contains \": \", or check the indentation")
    } else if line.trim_start().starts_with(['@', '`', '%']) || line.contains(": @") || line.contains(": `") {
        problem.hint("quote text that begins with @, ` or %")
    } else {
        problem
    }
}

//! What is wrong where the text is no YAML at all.

use granit_parser::ErrorKind;

use crate::problem::FieldPath;
use crate::problem::Position;
use crate::problem::Problem;

/// Explains a syntax error, with its usual cause.
pub(super) fn problem(kind: &ErrorKind, path: FieldPath, at: Position, text: &str) -> Problem {
    let (message, hint) = explain(kind);
    let message = message.map_or_else(|| format!("not valid YAML: {kind}"), str::to_owned);
    let problem = Problem::error("yaml-syntax", path, message).at(at);
    if is_indented_with_tab(text, at) {
        return problem.hint("this line is indented with a tab; YAML allows only spaces");
    }
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn explain(kind: &ErrorKind) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            Some("a \"key: value\" cannot stand here"),
            Some("quote the text if it contains \": \", or align the key with its neighbours"),
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            Some("expected a key and a colon here"),
            Some("align this line with its neighbours, and quote text that contains quotes or brackets"),
        ),
        ErrorKind::ExpectedBlockSequenceEntry => (
            Some("expected the next item of the list here"),
            Some("align \"- \" with the items before it, and keys with the keys before them"),
        ),
        ErrorKind::BlockSequenceEntryNotAllowed => (
            Some("a list item cannot stand here"),
            Some("begin the list on a line of its own, or quote text that begins with \"- \""),
        ),
        ErrorKind::UnexpectedCharacter { .. } => (
            Some("text cannot begin with this character"),
            Some("put text that begins with @, ` or % in quotes"),
        ),
        ErrorKind::InvalidIndentation => (
            Some("this line fits no level of indentation"),
            Some("align it with the lines it belongs to"),
        ),
        ErrorKind::UnclosedQuotedScalar => (
            Some("a quote is opened and never closed"),
            Some("close the quote"),
        ),
        ErrorKind::InvalidQuotedScalarIndent | ErrorKind::DocumentIndicatorInQuotedScalar => (
            Some("a quote is opened above and not closed before this line"),
            Some("close the quote, or indent all lines inside it"),
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            Some("text goes on after the closing quote"),
            Some("put the whole text in quotes, and escape quotes inside it"),
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            Some("unknown escape after a backslash in double quotes"),
            Some("double the backslash, or use single quotes"),
        ),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping => (
            Some("a bracket is opened and never closed"),
            Some("close the bracket"),
        ),
        ErrorKind::MismatchedFlowCollectionEnd { .. } | ErrorKind::MisplacedFlowCollectionEnd => (
            Some("this bracket closes nothing that is open"),
            Some("close brackets in the reverse order of opening them, each by its own kind"),
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => (
            Some("expected a comma or the closing bracket of the list here"),
            Some("separate the items by commas, and quote text that contains brackets or commas"),
        ),
        ErrorKind::ExpectedFlowMappingSeparator => (
            Some("expected a comma or the closing brace of the object here"),
            Some("separate the members by commas, and quote text that contains braces or commas"),
        ),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            (Some("a tab cannot be used as indentation"), Some("use spaces"))
        }
        _ => (None, None),
    }
}

fn is_indented_with_tab(text: &str, at: Position) -> bool {
    let line = usize::try_from(at.line).unwrap_or(usize::MAX).saturating_sub(1);
    let line = text.lines().nth(line).unwrap_or_default();
    line.chars()
        .take_while(|character| character.is_whitespace())
        .any(|character| character == '\t')
}

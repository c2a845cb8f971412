//! From bytes to documents.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use granit_parser::ErrorKind;
use granit_parser::Event;
use granit_parser::Marker;
use granit_parser::Parser;
use granit_parser::ScalarStyle;
use granit_parser::ScanError;
use granit_parser::Tag;
use serde_json::Map;
use serde_json::Value;

use crate::problem::FieldPath;
use crate::problem::Position;
use crate::problem::Problem;
use crate::problem::Problems;
use crate::yaml::document::Document;
use crate::yaml::document::Mark;
use crate::yaml::document::Spans;
use crate::yaml::frame::Content;
use crate::yaml::frame::Frame;
use crate::yaml::frame::Node;
use crate::yaml::frame::Pending;
use crate::yaml::frame::segment_for;
use crate::yaml::scalar;
use crate::yaml::source;
use crate::yaml::syntax;

/// How big a file may be. Going over a limit is an error, never a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file. Default 16 MiB, which leaves room for scripts of 10 MB.
    pub bytes: usize,
    /// Levels of nesting. Default 100; no known kind needs more than 25.
    pub depth: usize,
    /// Keys, scalars, lists and objects of all documents, aliases counted as often as they are used.
    /// Default one million, about five times what a pipeline of 10,000 tasks has.
    pub nodes: usize,
    /// Bytes of text of all documents, aliases counted as often as they are used. Default 64 MiB.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            depth: 100,
            nodes: 1_000_000,
            text: 64 << 20,
        }
    }
}

/// A file of a million mistakes needs no million messages.
const MAX_PROBLEMS: usize = 100;

/// Reads all documents of a YAML or JSON file, within the default [`Limits`].
///
/// Empty documents are left out. Object keys that are no text become text (`true`, `1`), anchors, aliases
/// and merge keys are resolved.
///
/// # Errors
/// All problems up to the first syntax error, each with its place; the file has to be named by the caller
/// (see [`Problems::name_file`]).
pub fn load(bytes: &[u8]) -> Result<Vec<Document>, Problems> {
    load_within(bytes, &Limits::default())
}

/// Reads all documents of a YAML or JSON file, within limits of the caller's.
pub fn load_within(bytes: &[u8], limits: &Limits) -> Result<Vec<Document>, Problems> {
    if bytes.len() > limits.bytes {
        let message = format!(
            "the file has {} bytes, more than the limit of {}",
            bytes.len(),
            limits.bytes
        );
        return Err(Problem::error("yaml-limit", FieldPath::root(), message).into());
    }
    let text = source::decode_text(bytes).map_err(|problem| Problems::from(*problem))?;
    let mut loader = Loader::new(*limits);
    // One level more than the limit, so that the loader is the one to complain.
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: limits.depth + 1,
        block_nesting_limit: limits.depth + 1,
    };
    let mut parser = Parser::new_from_str_with_options(&text, options);
    while let Some(next) = parser.next_event() {
        let step = match next {
            Ok((event, span)) => loader.on_event(event, position(span.start)),
            Err(error) => Err(Stop::Document(Box::new(loader.syntax_problem(&error, &text)))),
        };
        let abandoned = match step {
            Ok(()) => continue,
            Err(Stop::Document(problem)) => loader.report(*problem),
            stop @ Err(Stop::File(_)) => stop,
        };
        if let Err(Stop::Document(problem) | Stop::File(problem)) = abandoned {
            loader.problems.push(*problem);
            break;
        }
        loader.abandon_document();
        if !parser.proceed_next_document().unwrap_or(false) {
            break;
        }
    }
    if loader.problems.is_empty() {
        Ok(loader.documents)
    } else {
        Err(loader.problems)
    }
}

pub(super) fn position(marker: Marker) -> Position {
    Position {
        line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
    }
}

/// Why reading cannot simply go on.
enum Stop {
    /// This document makes no sense; the next one may.
    Document(Box<Problem>),
    /// Enough has been read of this file.
    File(Box<Problem>),
}

type Step = Result<(), Stop>;

/// What an anchor names, with what using it costs.
struct Anchored {
    node: Node,
    nodes: usize,
    text: usize,
    height: usize,
}

struct Loader {
    limits: Limits,
    /// Nodes and bytes of text so far, over all documents.
    nodes: usize,
    text: usize,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    names: HashSet<Arc<str>>,
    documents: Vec<Document>,
    problems: Problems,
}

impl Loader {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            nodes: 0,
            text: 0,
            frames: Vec::new(),
            anchors: HashMap::new(),
            names: HashSet::new(),
            documents: Vec::new(),
            problems: Problems::new(),
        }
    }

    fn syntax_problem(&self, error: &ScanError, text: &str) -> Problem {
        let at = position(*error.marker());
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => self.too_deep(at),
            kind => syntax::problem(kind, self.path(), at, text),
        }
    }

    /// Forgets what was read of a document that turned out to be none.
    fn abandon_document(&mut self) {
        self.frames.clear();
        self.anchors.clear();
    }

    fn path(&self) -> FieldPath {
        self.frames.iter().filter_map(Frame::segment).collect()
    }

    fn on_event(&mut self, event: Event<'_>, at: Position) -> Step {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.on_scalar(&text, style, anchor, tag.as_deref(), at)
            }
            Event::SequenceStart(_, anchor, _) => self.open(Content::List(Vec::new()), anchor, at),
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Object {
                    members: Map::new(),
                    pending: Pending::Nothing,
                    merges: Vec::new(),
                };
                self.open(content, anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.on_alias(anchor, at),
            Event::UnresolvedAlias(name) => self.on_unknown_alias(&name, at),
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            // Starts, ends and comments hold no values.
            _ => Ok(()),
        }
    }

    fn open(&mut self, content: Content, anchor: usize, at: Position) -> Step {
        self.spend(1, 0, at)?;
        self.check_depth(1, at)?;
        self.frames.push(Frame {
            content,
            marks: Vec::new(),
            at,
            anchor,
            nodes_before: self.nodes - 1,
            text_before: self.text,
            height: 1,
        });
        Ok(())
    }

    fn close(&mut self) -> Step {
        let Some(mut frame) = self.frames.pop() else {
            return Ok(());
        };
        for problem in frame.apply_merges(&self.path()) {
            self.report(problem)?;
        }
        let (anchor, height) = (frame.anchor, frame.height);
        let cost = (self.nodes - frame.nodes_before, self.text - frame.text_before);
        self.complete(frame.into_node(), anchor, cost, height)
    }

    fn on_scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Position,
    ) -> Step {
        self.spend(1, text.len(), at)?;
        if style == ScalarStyle::Plain
            && text == "<<"
            && tag.is_none_or(scalar::is_merge_tag)
            && let Some(pending) = self.frames.last_mut().and_then(Frame::awaits_key)
        {
            *pending = Pending::Merge(at);
            return Ok(());
        }
        let value = match scalar::tagged_value(text, style, tag) {
            Ok(value) => value,
            Err((message, hint)) => {
                self.report(
                    Problem::error("yaml-scalar", self.path(), message)
                        .hint(hint)
                        .at(at),
                )?;
                Value::Null
            }
        };
        let node = Node {
            value,
            mark: Mark {
                key: None,
                at,
                children: Vec::new(),
            },
        };
        self.complete(node, anchor, (1, text.len()), 0)
    }

    fn on_alias(&mut self, anchor: usize, at: Position) -> Step {
        let Some(target) = self.anchors.get(&anchor) else {
            let problem = Problem::error(
                "yaml-alias",
                self.path(),
                "the alias names an object or list that contains it",
            );
            self.report(problem.at(at))?;
            return self.complete(Node::null(at), 0, (1, 0), 0);
        };
        let (nodes, text, height) = (target.nodes, target.text, target.height);
        self.spend(nodes, text, at)?;
        self.check_depth(height, at)?;
        let Some(target) = self.anchors.get(&anchor) else {
            return Ok(());
        };
        let mut node = target.node.clone();
        if node.mark.children.is_empty() {
            node.mark.at = at;
        }
        self.complete(node, 0, (nodes, text), height)
    }

    fn on_unknown_alias(&mut self, name: &str, at: Position) -> Step {
        self.spend(1, 0, at)?;
        let message = format!("no anchor &{name} stands before this alias in its document");
        let problem = Problem::error("yaml-alias", self.path(), message).at(at);
        self.report(problem.hint("put text that begins with * in quotes"))?;
        self.complete(Node::null(at), 0, (1, 0), 0)
    }

    /// Hands a finished node to what contains it.
    fn complete(&mut self, node: Node, anchor: usize, (nodes, text): (usize, usize), height: usize) -> Step {
        if anchor != 0 {
            // The copy is kept, so it counts like one more use.
            self.spend(nodes, text, node.mark.at)?;
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    nodes,
                    text,
                    height,
                },
            );
        }
        let Some(frame) = self.frames.last_mut() else {
            if !node.value.is_null() {
                self.documents.push(Document {
                    value: node.value,
                    spans: Spans::new(node.mark),
                });
            }
            return Ok(());
        };
        frame.height = frame.height.max(height + 1);
        match &mut frame.content {
            Content::List(items) => {
                items.push(node.value);
                frame.marks.push(node.mark);
                Ok(())
            }
            Content::Object { pending, .. } => match std::mem::replace(pending, Pending::Nothing) {
                Pending::Nothing => self.on_key(&node),
                Pending::Skip => Ok(()),
                Pending::Merge(at) => {
                    frame.keep_merge(node, at);
                    Ok(())
                }
                Pending::Key(name, at) => {
                    frame.insert(name, at, node);
                    Ok(())
                }
            },
        }
    }

    fn on_key(&mut self, node: &Node) -> Step {
        let at = node.mark.at;
        let Some(text) = scalar::key_text(&node.value) else {
            self.set_pending(Pending::Skip);
            let problem =
                Problem::error("yaml-key", self.path(), "only text can be a key of an object").at(at);
            return self.report(match node.value {
                Value::Null => problem.hint("put the key in quotes"),
                _ => problem.hint("put text that begins with { or [ in quotes"),
            });
        };
        let name = self.shared_name(text);
        match self.frames.last().and_then(|frame| frame.place_of(&name)) {
            None => {
                self.set_pending(Pending::Key(name, at));
                Ok(())
            }
            Some(first) => {
                self.set_pending(Pending::Skip);
                let message = format!(
                    "key {name:?} stands here twice: on line {} and on line {}",
                    first.line, at.line
                );
                let path = self.path().then(segment_for(&name));
                self.report(
                    Problem::error("yaml-duplicate-key", path, message)
                        .at(at)
                        .hint("keep one of the two"),
                )
            }
        }
    }

    fn shared_name(&mut self, text: String) -> Arc<str> {
        if let Some(name) = self.names.get(text.as_str()) {
            return Arc::clone(name);
        }
        let name = Arc::<str>::from(text);
        self.names.insert(Arc::clone(&name));
        name
    }

    fn set_pending(&mut self, next: Pending) {
        if let Some(pending) = self.frames.last_mut().and_then(Frame::awaits_key) {
            *pending = next;
        }
    }

    /// Notes a problem after which reading can go on.
    fn report(&mut self, problem: Problem) -> Step {
        if self.problems.len() + 1 >= MAX_PROBLEMS {
            return Err(Stop::File(Box::new(problem)));
        }
        self.problems.push(problem);
        Ok(())
    }

    fn spend(&mut self, nodes: usize, text: usize, at: Position) -> Step {
        self.nodes = self.nodes.saturating_add(nodes);
        self.text = self.text.saturating_add(text);
        let exceeded = if self.nodes > self.limits.nodes {
            format!(
                "more than {} keys and values, aliases counted as often as used",
                self.limits.nodes
            )
        } else if self.text > self.limits.text {
            format!(
                "more than {} bytes of text, aliases counted as often as used",
                self.limits.text
            )
        } else {
            return Ok(());
        };
        let problem = Problem::error("yaml-limit", self.path(), exceeded).at(at);
        Err(Stop::File(Box::new(
            problem.hint("split the file, or use fewer aliases"),
        )))
    }

    fn check_depth(&self, more: usize, at: Position) -> Step {
        if self.frames.len() + more <= self.limits.depth {
            return Ok(());
        }
        Err(Stop::Document(Box::new(self.too_deep(at))))
    }

    fn too_deep(&self, at: Position) -> Problem {
        let message = format!("nested more than {} levels deep", self.limits.depth);
        // The path would be as deep as the nesting: the place says enough.
        Problem::error("yaml-limit", FieldPath::root(), message).at(at)
    }
}

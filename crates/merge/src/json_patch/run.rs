//! Carrying out a patch.

use serde_json::Value;
use thiserror::Error;

use crate::json_patch::operation::Action;
use crate::json_patch::operation::MAX_OPERATIONS;
use crate::json_patch::operation::Operation;
use crate::json_patch::operation::Patch;
use crate::json_patch::pointer::Pointer;
use crate::json_patch::pointer::container;
use crate::json_patch::pointer::index_of;

/// Most bytes, as JSON, that the `copy` operations of one patch may add; the API server's bound of a request, 3 MiB.
pub const MAX_COPIED: usize = 3 * 1024 * 1024;

/// Most fields and items that one patch may move to make or fill gaps. Ten thousand operations at the front of a list of
/// a thousand are allowed; at the front of the longest that fits into an object they would take minutes.
pub const MAX_MOVED: usize = 20_000_000;

/// How deep a patched document may be: what a JSON reader accepts.
pub const MAX_DEPTH: usize = 127;

/// Why a patch does not apply. The document is then unchanged, because a patched copy is what succeeds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The patch is no array.
    #[error("a JSON patch is an array of operations")]
    NoArray,
    /// The patch has too many operations; a server answers 413.
    #[error("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}")]
    TooMany {
        /// How many it has.
        count: usize,
    },
    /// An operation is malformed or does not apply; a server answers 422.
    #[error("{message}")]
    Operation {
        /// Which one, counted from zero.
        index: usize,
        /// Its `path`, as written.
        path: String,
        /// What is wrong, in the words of the API server where it has some.
        message: String,
    },
}

/// Decodes `patch` and returns the document with it applied.
///
/// # Errors
/// See [`enum@Error`].
pub fn apply(document: Value, patch: &Value) -> Result<Value, Error> {
    Patch::decode(patch)?.apply(document)
}

impl Patch {
    /// Returns the document with the patch applied.
    ///
    /// # Errors
    /// When an operation does not apply.
    pub fn apply(&self, mut document: Value) -> Result<Value, Error> {
        let mut spent = Spent::default();
        for (index, operation) in self.operations.iter().enumerate() {
            run(&mut document, operation, &mut spent).map_err(|message| Error::Operation {
                index,
                path: operation.path.text().to_owned(),
                message,
            })?;
        }
        Ok(document)
    }
}

/// What the operations so far have cost.
#[derive(Default)]
struct Spent {
    copied: usize,
    moved: usize,
}

impl Spent {
    fn copy(&mut self, bytes: usize) -> Result<(), String> {
        self.copied = self.copied.saturating_add(bytes);
        if self.copied <= MAX_COPIED {
            return Ok(());
        }
        Err(format!(
            "Unable to complete the copy, the accumulated size increase of copy is {}, exceeding the limit {MAX_COPIED}",
            self.copied
        ))
    }

    fn shift(&mut self, places: usize) -> Result<(), String> {
        self.moved = self.moved.saturating_add(places);
        if self.moved <= MAX_MOVED {
            return Ok(());
        }
        Err(format!(
            "the patch moves more than {MAX_MOVED} fields and items out of their places"
        ))
    }
}

fn run(document: &mut Value, operation: &Operation, spent: &mut Spent) -> Result<(), String> {
    let path = &operation.path;
    match &operation.action {
        Action::Add(value) => add(document, path, value.clone(), "add", spent),
        Action::Remove => remove(document, path, "remove", spent).map(drop),
        Action::Replace(value) => replace(document, path, value),
        Action::Move(from) => relocate(document, from, path, spent),
        Action::Copy(from) => duplicate(document, from, path, spent),
        Action::Test(value) => test(document, path, value),
    }
}

fn place<'a, 'p>(
    document: &'a mut Value,
    path: &'p Pointer,
    op: &str,
    what: &str,
) -> Result<(&'a mut Value, &'p str), String> {
    let found = path
        .split()
        .and_then(|(parents, key)| Some((container(document, parents)?, key)));
    found.ok_or_else(|| {
        // Upstream quotes the path in two of the six operations.
        let quote = if matches!(op, "add" | "remove") { "\"" } else { "" };
        let text = path.text();
        format!("{op} operation does not apply: {what}: {quote}{text}{quote}: missing value")
    })
}

fn add(
    document: &mut Value,
    path: &Pointer,
    value: Value,
    op: &str,
    spent: &mut Spent,
) -> Result<(), String> {
    let what = match op {
        "add" => "doc is missing path",
        _ => "doc is missing destination path",
    };
    shallow(path, &value, op)?;
    let (parent, key) = place(document, path, op, what)?;
    match parent {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
            Ok(())
        }
        Value::Array(items) if key == "-" => {
            items.push(value);
            Ok(())
        }
        Value::Array(items) => {
            let position = index_of(key, items.len() + 1)
                .ok_or_else(|| format!("error in {op} for path: '{}': {}", path.text(), no_index(key)))?;
            spent.shift(items.len() - position)?;
            items.insert(position, value);
            Ok(())
        }
        _ => Err(format!("error in {op} for path: '{}'", path.text())),
    }
}

fn remove(document: &mut Value, path: &Pointer, op: &str, spent: &mut Spent) -> Result<Value, String> {
    let what = match op {
        "remove" => "doc is missing path",
        _ => "doc is missing from path",
    };
    let (parent, key) = place(document, path, op, what)?;
    spent.shift(match parent {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    })?;
    let removed = match parent {
        // The order of the other fields is kept.
        Value::Object(fields) => fields
            .shift_remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
        Value::Array(items) => index_of(key, items.len())
            .map(|position| items.remove(position))
            .ok_or_else(|| no_index(key)),
        _ => Err("missing value".to_owned()),
    };
    // Upstream names a moved value by its key alone.
    let name = if op == "remove" { path.text() } else { key };
    removed.map_err(|fault| format!("error in {op} for path: '{name}': {fault}"))
}

fn replace(document: &mut Value, path: &Pointer, value: &Value) -> Result<(), String> {
    shallow(path, value, "replace")?;
    if path.split().is_none() {
        if !value.is_object() && !value.is_array() {
            return Err("replace operation value must be object or array".to_owned());
        }
        *document = value.clone();
        return Ok(());
    }
    let (parent, key) = place(document, path, "replace", "doc is missing path")?;
    match parent {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value.clone());
            return Ok(());
        }
        Value::Array(items) => {
            let position = index_of(key, items.len());
            if let Some(item) = position.and_then(|position| items.get_mut(position)) {
                *item = value.clone();
                return Ok(());
            }
        }
        _ => {}
    }
    Err(format!(
        "replace operation does not apply: doc is missing key: {}: missing value",
        path.text()
    ))
}

fn relocate(document: &mut Value, from: &Pointer, path: &Pointer, spent: &mut Spent) -> Result<(), String> {
    if path.is_within(from) {
        return Err(format!(
            "move operation does not apply: '{}' lies within '{}'",
            path.text(),
            from.text()
        ));
    }
    let value = remove(document, from, "move", spent)?;
    add(document, path, value, "move", spent)
}

fn duplicate(document: &mut Value, from: &Pointer, path: &Pointer, spent: &mut Spent) -> Result<(), String> {
    let (parent, key) = place(document, from, "copy", "doc is missing from path")?;
    let value = match parent {
        Value::Object(fields) => fields.get(key).cloned().unwrap_or(Value::Null),
        Value::Array(items) => index_of(key, items.len())
            .and_then(|position| items.get(position).cloned())
            .ok_or_else(|| format!("error in copy for from: '{}': {}", from.text(), no_index(key)))?,
        _ => Value::Null,
    };
    spent.copy(size(&value))?;
    add(document, path, value, "copy", spent)
}

fn test(document: &mut Value, path: &Pointer, value: &Value) -> Result<(), String> {
    let failed = || format!("testing value {} failed: test failed", path.text());
    if path.split().is_none() {
        return if document == value { Ok(()) } else { Err(failed()) };
    }
    let (parent, key) = place(document, path, "test", "is missing path")?;
    let found = match parent {
        Value::Object(fields) => fields.get(key).unwrap_or(&Value::Null),
        Value::Array(items) => index_of(key, items.len())
            .and_then(|position| items.get(position))
            .ok_or_else(|| format!("error in test for path: '{}': {}", path.text(), no_index(key)))?,
        _ => &Value::Null,
    };
    if found == value { Ok(()) } else { Err(failed()) }
}

fn no_index(key: &str) -> String {
    if key.parse::<i64>().is_err() {
        return format!("strconv.Atoi: parsing {key:?}: invalid syntax");
    }
    format!("Unable to access invalid index: {key}: invalid index referenced")
}

fn shallow(path: &Pointer, value: &Value, op: &str) -> Result<(), String> {
    if path.depth() + depth(value) <= MAX_DEPTH {
        return Ok(());
    }
    Err(format!(
        "{op} operation does not apply: the document would be deeper than {MAX_DEPTH}"
    ))
}

/// How many containers lie in each other at most.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// About as many bytes as the value has as JSON; counted, not written.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            let sizes = fields.iter().map(|(key, value)| key.len() + 4 + size(value));
            sizes.sum::<usize>() + 2
        }
    }
}

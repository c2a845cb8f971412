//! Names of entries, before the file system is asked.

use super::error::Fault;
use crate::limits::Limits;

/// What an entry's name asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The entry itself.
    Make,
    /// To hide what lower layers have under the name.
    Hide,
    /// To hide everything that lower layers have in the directory.
    HideContent,
    /// Nothing: bookkeeping of an old storage driver.
    Ignore,
}

/// An entry's name, taken apart: relative, without empty components, `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The directories above it.
    pub(super) parents: Vec<Vec<u8>>,
    /// Its last component; empty for the root.
    pub(super) name: Vec<u8>,
    /// What is asked.
    pub(super) request: Request,
}

/// Prefix of whiteouts.
const HIDE: &[u8] = b".wh.";

/// Prefix of names with a meaning of their own.
const SPECIAL: &[u8] = b".wh..wh.";

/// The whiteout of a directory's whole content.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Takes a name apart. A leading `/` is dropped, as everywhere in the field; `..` is refused.
pub(super) fn place(path: &[u8], limits: &Limits) -> Result<Place, Fault> {
    let mut parents = components(path, limits)?;
    let name = parents.pop().unwrap_or_default();
    if parents.iter().any(|parent| parent.starts_with(SPECIAL)) {
        return Ok(Place {
            parents,
            name,
            request: Request::Ignore,
        });
    }
    if parents.iter().any(|parent| parent.starts_with(HIDE)) {
        return Err(Fault::Whiteout);
    }
    let (name, request) = match name.strip_prefix(HIDE) {
        None => (name, Request::Make),
        Some(_) if name == OPAQUE => (Vec::new(), Request::HideContent),
        Some(_) if name.starts_with(SPECIAL) => (name, Request::Ignore),
        Some(b"" | b"." | b"..") => return Err(Fault::Whiteout),
        Some(hidden) => (hidden.to_vec(), Request::Hide),
    };
    Ok(Place {
        parents,
        name,
        request,
    })
}

/// The components of a path of strangers.
pub(super) fn components(path: &[u8], limits: &Limits) -> Result<Vec<Vec<u8>>, Fault> {
    if path.len() > limits.path {
        return Err(Fault::Path {
            what: "bytes",
            got: path.len(),
            most: limits.path,
        });
    }
    let mut components = Vec::new();
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return Err(Fault::Name),
            name if name.contains(&0) => return Err(Fault::Name),
            name if name.len() > 255 => {
                return Err(Fault::Path {
                    what: "bytes in one component",
                    got: name.len(),
                    most: 255,
                });
            }
            name => components.push(name.to_vec()),
        }
    }
    if components.len() > limits.depth {
        return Err(Fault::Path {
            what: "components",
            got: components.len(),
            most: limits.depth,
        });
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_and_what() {
        let rows: [(&str, &str); 13] = [
            ("a/b/c", "Make a/b c"),
            ("/etc/passwd", "Make etc passwd"),
            ("./a//b/", "Make a b"),
            ("./", "Make  "),
            ("a/.wh.b", "Hide a b"),
            ("a/.wh..wh..opq", "HideContent a "),
            ("a/.wh..wh.plnk", "Ignore a .wh..wh.plnk"),
            (".wh..wh.plnk/12.3", "Ignore .wh..wh.plnk 12.3"),
            (
                "../a",
                "the name leads out of the image or names nothing; refused",
            ),
            (
                "a/..",
                "the name leads out of the image or names nothing; refused",
            ),
            ("a/.wh...", "the whiteout does not name a file to hide"),
            ("a/.wh.", "the whiteout does not name a file to hide"),
            (".wh.a/b", "the whiteout does not name a file to hide"),
        ];
        for (path, then) in rows {
            let said = match place(path.as_bytes(), &Limits::default()) {
                Ok(place) => format!(
                    "{:?} {} {}",
                    place.request,
                    String::from_utf8_lossy(&place.parents.join(&b'/')),
                    String::from_utf8_lossy(&place.name)
                ),
                Err(fault) => fault.to_string(),
            };
            assert_eq!(said, then, "{path}");
        }
    }
}

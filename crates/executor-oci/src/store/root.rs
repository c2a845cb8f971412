//! Where the store lies.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

/// The store's directory: root's is the machine's, an ordinary user's is below `$XDG_DATA_HOME` or `$HOME/.local/share`.
/// Only absolute values of the variables count. `None` when an ordinary user has neither.
pub fn default_root(is_root: bool, xdg_data_home: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    if is_root {
        return Some(PathBuf::from("/var/lib/windlass/images"));
    }
    let absolute = |value: Option<&OsStr>| {
        value
            .map(Path::new)
            .filter(|path| path.is_absolute())
            .map(Path::to_owned)
    };
    let data = absolute(xdg_data_home).or_else(|| Some(absolute(home)?.join(".local/share")));
    Some(data?.join("windlass/images"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_store_of_its_own() {
        let rows = [
            (
                true,
                Some("/x"),
                Some("/home/u"),
                Some("/var/lib/windlass/images"),
            ),
            (false, Some("/x"), Some("/home/u"), Some("/x/windlass/images")),
            (
                false,
                Some("x"),
                Some("/home/u"),
                Some("/home/u/.local/share/windlass/images"),
            ),
            (
                false,
                None,
                Some("/home/u"),
                Some("/home/u/.local/share/windlass/images"),
            ),
            (false, Some(""), None, None),
        ];
        for (is_root, xdg, home, then) in rows {
            let root = default_root(is_root, xdg.map(OsStr::new), home.map(OsStr::new));
            assert_eq!(root.as_deref(), then.map(Path::new));
        }
    }
}

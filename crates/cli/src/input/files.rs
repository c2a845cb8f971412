//! From names of files to checked objects.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use windlass_api::defaults::Defaults;
use windlass_api::manifest::Manifest;
use windlass_api::problem::FieldPath;
use windlass_api::problem::Problem;
use windlass_api::problem::Problems;
use windlass_api::validation::Flags;

use crate::error::Error;
use crate::error::Result;

/// Bytes of one file that are read; the loader's own bounds are tighter for all but long texts.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Endings of files that a directory is searched for.
const ENDINGS: &[&str] = &["yaml", "yml", "json"];

/// Code of the problem that two objects have one name.
const TWICE: &str = "object-twice";

/// Reads and checks every object of files, directories and `-` (stdin); `namespace` is that of objects which name none.
///
/// # Errors
/// When a file cannot be read. What is wrong *in* files is in the manifest's problems, sorted.
pub(crate) fn read(paths: &[PathBuf], namespace: &str, flags: &Flags) -> Result<Manifest> {
    let mut manifest = Manifest::default();
    for path in paths {
        if path.as_os_str() == "-" {
            manifest.extend(Manifest::read(
                "<stdin>",
                &bytes_of(std::io::stdin().lock(), "<stdin>")?,
            ));
            continue;
        }
        for file in files_of(path)? {
            let name = file.display().to_string();
            let opened = fs::File::open(&file).map_err(|error| unreadable(&name, &error))?;
            manifest.extend(Manifest::read(&name, &bytes_of(opened, &name)?));
        }
    }
    for entry in &mut manifest.entries {
        let metadata = entry.object.metadata_mut();
        if metadata.namespace.is_empty() {
            namespace.clone_into(&mut metadata.namespace);
        }
    }
    manifest.check(&Defaults::default(), flags);
    let twice = duplicates(&manifest);
    let mut problems: Problems = std::mem::take(&mut manifest.problems).into();
    problems.extend(twice);
    problems.sort();
    manifest.problems = problems.into_iter().collect();
    Ok(manifest)
}

/// Objects that have the kind and name of an earlier one.
fn duplicates(manifest: &Manifest) -> Vec<Problem> {
    let mut first = BTreeMap::new();
    let mut problems = Vec::new();
    let path = FieldPath::root().field("metadata").field("name");
    for entry in manifest
        .entries
        .iter()
        .filter(|entry| !entry.object.metadata().name.is_empty())
    {
        let key = entry.object.key();
        let place = format!("{}:{}", entry.file, entry.position(&path));
        match first.get(&key) {
            None => drop(first.insert(key, place)),
            Some(earlier) => {
                let message = format!("there are two {} objects {:?}", key.kind, key.name.as_ref());
                let problem =
                    Problem::error(TWICE, path.clone(), message).hint(format!("the first is at {earlier}"));
                problems.push(entry.locate(problem));
            }
        }
    }
    problems
}

fn bytes_of(source: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        let megabytes = MAX_BYTES >> 20;
        return Err(Error::input(format!(
            "{name}: the file is larger than {megabytes} MiB"
        )));
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &std::io::Error) -> Error {
    Error::input(format!("{name}: cannot be read: {error}"))
}

/// The file itself, or the files of a directory and of the directories in it, sorted; hidden ones are passed over.
fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    let name = path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| unreadable(&name, &error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in visible(path)? {
        if entry.is_dir() && !entry.is_symlink() {
            files.extend(visible(&entry)?.into_iter().filter(|file| is_input(file)));
        } else if is_input(&entry) {
            files.push(entry);
        }
    }
    if files.is_empty() {
        let hint = "files that end in .yaml, .yml or .json are read, also those one directory further down";
        return Err(Error::input(format!("{name}: the directory holds no input")).hint(hint));
    }
    Ok(files)
}

fn visible(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| unreadable(&directory.display().to_string(), &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_input(path: &Path) -> bool {
    let ends = path
        .extension()
        .and_then(|end| end.to_str())
        .is_some_and(|end| ENDINGS.contains(&end));
    ends && path.is_file()
}

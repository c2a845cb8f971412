//! The files of an archive, by name: in a directory, or in a tar archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::path::PathBuf;

use super::error::Error;
use super::error::Result;
use crate::limits::Limits;
use crate::unpack::header::Kind;
use crate::unpack::tar;

/// Most files of an archive: an image has one for each layer, and an archive some thousand images.
const MEMBERS: usize = 100_000;

/// Most bytes of a document in an archive.
pub(super) const DOCUMENT: u64 = 8 << 20;

/// Most links to be followed from one name; real archives have one.
const HOPS: usize = 8;

/// Where files lie.
#[derive(Debug)]
pub(super) struct Files {
    /// The archive, for messages.
    pub(super) place: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Directory(PathBuf),
    Tar {
        file: File,
        members: BTreeMap<String, Member>,
    },
}

#[derive(Debug)]
enum Member {
    /// Offset and size of its content.
    File(u64, u64),
    /// Another name for this one.
    Link(String),
}

impl Files {
    /// Opens a directory or an archive; a compressed one is unpacked into a nameless file in `scratch`.
    pub(super) fn open(path: &Path, scratch: &Path, limits: &Limits) -> Result<Self> {
        let place = path.display().to_string();
        let failed = |source| Error::Read {
            place: place.clone(),
            source,
        };
        // A pipe without a writer must not hold us up.
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty());
        let file = File::from(file.map_err(|errno| failed(errno.into()))?);
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            let form = Form::Directory(path.to_owned());
            return Ok(Self { place, form });
        }
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is neither a file nor a directory")));
        }
        let file = plain(file, scratch, limits).map_err(failed)?;
        let members = members(&file, &place)?;
        Ok(Self {
            place,
            form: Form::Tar { file, members },
        })
    }

    /// Whether there is a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// The part of a file that holds what has a name: the path to open it by, its offset and its size.
    pub(super) fn find(&self, name: &str) -> Result<(PathBuf, u64, u64)> {
        let missing = || Error::Missing {
            place: self.place.clone(),
            file: name.chars().take(200).collect(),
        };
        let name = tidy(name).ok_or_else(missing)?;
        match &self.form {
            Form::Directory(directory) => {
                let path = directory.join(&name);
                let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file);
                let size = metadata.ok_or_else(missing)?.len();
                Ok((path, 0, size))
            }
            Form::Tar { file, members } => {
                let mut name = name.as_str();
                for _ in 0..HOPS {
                    match members.get(name) {
                        Some(Member::File(offset, size)) => {
                            // Opened anew, each reader has a position of its own.
                            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                            return Ok((path.into(), *offset, *size));
                        }
                        Some(Member::Link(target)) => name = target,
                        None => break,
                    }
                }
                Err(missing())
            }
        }
    }

    /// A reader of a file's content.
    pub(super) fn read(&self, name: &str) -> Result<io::Take<File>> {
        let (path, offset, size) = self.find(name)?;
        let opened = File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            Ok(file.take(size))
        });
        opened.map_err(|source| self.failed(name, source))
    }

    /// A small file, whole.
    pub(super) fn document(&self, name: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let reader = self.read(name)?;
        if reader.limit() > DOCUMENT {
            return Err(Error::Document {
                place: self.place.clone(),
                file: name.to_owned(),
                what: format!("it has {} bytes; at most {DOCUMENT} are read", reader.limit()),
            });
        }
        let read = reader.take(DOCUMENT).read_to_end(&mut bytes);
        read.map_err(|source| self.failed(name, source))?;
        Ok(bytes)
    }

    /// A document in JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        let bytes = self.document(name)?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Document {
            place: self.place.clone(),
            file: name.to_owned(),
            what: error.to_string(),
        })
    }

    pub(super) fn failed(&self, name: &str, source: io::Error) -> Error {
        Error::Read {
            place: format!("{}: {name}", self.place),
            source,
        }
    }
}

/// The archive itself, or what it unpacks to.
fn plain(mut file: File, scratch: &Path, limits: &Limits) -> io::Result<File> {
    let mut head = [0; 4];
    let count = file.read(&mut head)?;
    file.rewind()?;
    let head = head.get(..count).unwrap_or_default();
    let mut decoder: Box<dyn Read> = match head {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(file)?),
        _ => return Ok(file),
    };
    let mut unpacked = tempfile::tempfile_in(scratch)?;
    let most = limits.bytes.saturating_add(1);
    let count = io::copy(&mut (&mut decoder).take(most), &mut unpacked)?;
    if count == most {
        return Err(io::Error::other(format!(
            "it unpacks to more than the limit of {} bytes",
            limits.bytes
        )));
    }
    Ok(unpacked)
}

/// Where each file of a tar archive lies. Content is passed over, not read.
fn members(file: &File, place: &str) -> Result<BTreeMap<String, Member>> {
    let wrong = |what: String| Error::Tar {
        place: place.to_owned(),
        what,
    };
    let failed = |source| Error::Read {
        place: place.to_owned(),
        source,
    };
    let mut start = file;
    start.rewind().map_err(failed)?;
    let mut reader = tar::Reader::new(BufReader::new(file));
    let mut members = BTreeMap::new();
    loop {
        let entry = match reader.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(members),
            // What does not even begin like one is not a damaged archive but something else.
            Err(_) if members.is_empty() => {
                return Err(Error::Unknown {
                    place: place.to_owned(),
                });
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        let name = String::from_utf8_lossy(&entry.path).into_owned();
        let link = String::from_utf8_lossy(&entry.link).into_owned();
        let member = match entry.kind {
            Kind::File if entry.sparse.is_none() => Some(Member::File(reader.position(), entry.size)),
            Kind::HardLink => tidy(&link).map(Member::Link),
            Kind::Symlink => relative(&name, &link).map(Member::Link),
            _ => None,
        };
        if let (Some(name), Some(member)) = (tidy(&name), member) {
            members.insert(name, member);
        }
        if members.len() > MEMBERS {
            return Err(wrong(format!("more than {MEMBERS} files")));
        }
        let skip = |input: &mut BufReader<&File>, bytes: u64| {
            let bytes = i64::try_from(bytes).map_err(io::Error::other)?;
            input.seek_relative(bytes)
        };
        reader.skip_content_by(skip).map_err(failed)?;
    }
}

/// A name without empty components and `.`; `None` when it leads out of the archive.
fn tidy(name: &str) -> Option<String> {
    let mut components: Vec<&str> = Vec::new();
    for component in name.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop()?;
            }
            component => components.push(component),
        }
    }
    (!components.is_empty()).then(|| components.join("/"))
}

/// What a link in an archive stands for.
fn relative(name: &str, target: &str) -> Option<String> {
    let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
    tidy(&format!("{directory}/{target}"))
}

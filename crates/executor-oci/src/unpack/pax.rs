//! Extended headers: `LENGTH KEY=VALUE` lines that replace what a header block cannot hold.

use super::header::id;

/// Most extended attributes of one entry: an inode hardly holds more.
const XATTRS: usize = 256;

/// What extended headers say about an entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mtime: Option<(i64, u32)>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: SparseKeys,
}

/// GNU tar's keys for files with holes.
#[derive(Clone, Debug, Default)]
pub(super) struct SparseKeys {
    pub(super) version: Option<(u64, u64)>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) map: Option<Vec<u8>>,
}

impl Pax {
    /// Adds the records of one extended header; later ones win, an empty value takes back.
    pub(super) fn add(&mut self, mut data: &[u8]) -> Result<(), String> {
        while !data.is_empty() && data != [0] {
            let (record, rest) = split(data).ok_or("an extended header is malformed")?;
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or("a record of an extended header has no `=`")?;
            let (key, value) = record.split_at(equals);
            self.set(key, value.get(1..).unwrap_or_default())?;
            data = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        match key {
            b"path" => self.path = text(value, "path")?,
            b"linkpath" => self.link = text(value, "linkpath")?,
            b"size" => self.size = number(value, "size")?,
            b"uid" => self.uid = number(value, "uid")?.map(id).transpose()?,
            b"gid" => self.gid = number(value, "gid")?.map(id).transpose()?,
            b"mtime" => self.mtime = (!value.is_empty()).then(|| time(value)),
            b"GNU.sparse.major" => {
                self.sparse.version.get_or_insert_default().0 =
                    number(value, "GNU.sparse.major")?.unwrap_or(0);
            }
            b"GNU.sparse.minor" => {
                self.sparse.version.get_or_insert_default().1 =
                    number(value, "GNU.sparse.minor")?.unwrap_or(0);
            }
            b"GNU.sparse.name" => self.sparse.name = text(value, "GNU.sparse.name")?,
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => {
                self.sparse.size = number(value, "GNU.sparse.size")?;
            }
            b"GNU.sparse.map" => self.sparse.map = Some(value.to_vec()),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.set_xattr(name, value)?;
                }
            }
        }
        Ok(())
    }

    fn set_xattr(&mut self, name: &[u8], value: &[u8]) -> Result<(), String> {
        if name.is_empty() || name.contains(&0) || name.len() > 255 {
            return Err("an extended attribute's name is malformed".to_owned());
        }
        self.xattrs.retain(|(other, _)| other != name);
        if self.xattrs.len() >= XATTRS {
            return Err(format!("more than {XATTRS} extended attributes"));
        }
        self.xattrs.push((name.to_vec(), value.to_vec()));
        Ok(())
    }
}

/// The first record without its length and its newline, and what follows it.
fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = data.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(data.get(..space)?).ok()?.parse().ok()?;
    let record = data.get(space + 1..length)?.strip_suffix(b"\n")?;
    Some((record, data.get(length..)?))
}

fn text(value: &[u8], key: &str) -> Result<Option<Vec<u8>>, String> {
    if value.contains(&0) {
        return Err(format!("`{key}` of an extended header holds a NUL"));
    }
    Ok((!value.is_empty()).then(|| value.to_vec()))
}

pub(super) fn number(value: &[u8], key: &str) -> Result<Option<u64>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    if value.starts_with(b"-") {
        return Err(format!("{key} is negative"));
    }
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| format!("{key} is not a number"))
}

/// Seconds with a fraction; what cannot be read or lies before 1970 counts as 1970.
fn time(value: &[u8]) -> (i64, u32) {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Ok(seconds @ 0..) = seconds.parse::<i64>() else {
        return (0, 0);
    };
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    (seconds, digits.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_or_refused() {
        let rows: [(&[u8], Result<(), &str>); 8] = [
            (b"12 path=abc\n", Ok(())),
            (b"30 mtime=1350244992.023960108\n", Ok(())),
            (b"12 path=a\0c\n", Err("`path` of an extended header holds a NUL")),
            (b"11 size=-1\n", Err("size is negative")),
            (b"11 size=1x\n", Err("size is not a number")),
            (b"99 path=abc\n", Err("an extended header is malformed")),
            (b"0 path=abc\n", Err("an extended header is malformed")),
            (b"11 nothing\n", Err("a record of an extended header has no `=`")),
        ];
        for (given, then) in rows {
            let read = Pax::default().add(given);
            assert_eq!(read, then.map_err(str::to_owned), "{}", given.escape_ascii());
        }
        assert_eq!(time(b"1350244992.023960108"), (1_350_244_992, 23_960_108));
        assert_eq!(time(b"-5.5"), (0, 0));
    }
}

//! The bytes in `Secret` and `ConfigMap` objects.

use std::collections::BTreeMap;
use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::core::ConfigMap;
use crate::core::Secret;
use crate::secret::SecretText;

/// Why the bytes under a key could not be had. Never shows them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such key.
    #[error("find key {0:?}")]
    MissingKey(String),
    /// What stands under the key is no base64.
    #[error("decode the base64 under key {0:?}")]
    Decode(String),
}

impl Secret {
    /// Moves `stringData` into `data`, where it wins, as the API server does.
    pub fn encode_string_data(&mut self) {
        for (key, text) in mem::take(&mut self.string_data) {
            self.data
                .insert(key, SecretText::new(STANDARD.encode(text.expose())));
        }
    }

    /// The bytes under a key; of `stringData` first.
    pub fn bytes(&self, key: &str) -> Result<Vec<u8>, Error> {
        if let Some(text) = self.string_data.get(key) {
            return Ok(text.expose().as_bytes().to_vec());
        }
        let text = self
            .data
            .get(key)
            .ok_or_else(|| Error::MissingKey(key.to_owned()))?;
        decoded(key, text.expose())
    }

    /// The bytes under every key, in order of the keys.
    pub fn entries(&self) -> Result<BTreeMap<&str, Vec<u8>>, Error> {
        entries(self.data.keys().chain(self.string_data.keys()), |key| {
            self.bytes(key)
        })
    }
}

impl ConfigMap {
    /// The bytes under a key, of `data` or of `binaryData`.
    pub fn bytes(&self, key: &str) -> Result<Vec<u8>, Error> {
        if let Some(text) = self.data.get(key) {
            return Ok(text.as_bytes().to_vec());
        }
        let text = self
            .binary_data
            .get(key)
            .ok_or_else(|| Error::MissingKey(key.to_owned()))?;
        decoded(key, text)
    }

    /// The bytes under every key, in order of the keys.
    pub fn entries(&self) -> Result<BTreeMap<&str, Vec<u8>>, Error> {
        entries(self.data.keys().chain(self.binary_data.keys()), |key| {
            self.bytes(key)
        })
    }
}

fn entries<'a>(
    keys: impl Iterator<Item = &'a String>,
    bytes: impl Fn(&str) -> Result<Vec<u8>, Error>,
) -> Result<BTreeMap<&'a str, Vec<u8>>, Error> {
    keys.map(|key| Ok((key.as_str(), bytes(key)?))).collect()
}

fn decoded(key: &str, text: &str) -> Result<Vec<u8>, Error> {
    // Values wrapped by hand carry line breaks, which the API server's decoder skips too.
    let text: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    STANDARD.decode(text).map_err(|_| Error::Decode(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_give_bytes_of_either_form() {
        let mut secret: Secret = serde_json::from_value(json!({
            "data": {"a": "b2xk", "wrapped": "YWJj\nZGVm\n", "bad": "§"},
            "stringData": {"a": "new"},
        }))
        .unwrap();
        assert_eq!(secret.bytes("a").unwrap(), b"new");
        assert_eq!(secret.bytes("wrapped").unwrap(), b"abcdef");
        assert_eq!(secret.bytes("bad"), Err(Error::Decode("bad".into())));
        assert_eq!(secret.bytes("none"), Err(Error::MissingKey("none".into())));
        secret.encode_string_data();
        assert!(secret.string_data.is_empty());
        assert_eq!(secret.bytes("a").unwrap(), b"new");
        assert!(!format!("{secret:?}").contains("bmV3"));
    }

    #[test]
    fn config_maps_give_bytes_of_either_form() {
        let map: ConfigMap =
            serde_json::from_value(json!({"data": {"a": "text"}, "binaryData": {"b": "/wA="}})).unwrap();
        let entries = map.entries().unwrap();
        assert_eq!(
            entries,
            BTreeMap::from([("a", b"text".to_vec()), ("b", vec![0xff, 0])])
        );
    }
}

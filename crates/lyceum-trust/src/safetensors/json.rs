//! The JSON of a header, in which a repeated name is an error rather than the last one winning.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{Header, Tensor};
use crate::Malformed;
use crate::limits::MAX_TENSORS;

const METADATA: &str = "__metadata__";

pub(super) fn parse(json: &[u8]) -> Result<Header, Malformed> {
    serde_json::from_slice(json)
        .map_err(|error| Malformed::new(format!("the safetensors header is malformed: {error}")))
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut tensors = BTreeMap::new();
        let mut metadata: Option<BTreeMap<String, String>> = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                // Some writers say `null` for "none".
                if metadata.replace(map.next_value::<Option<_>>()?.unwrap_or_default()).is_some() {
                    return Err(A::Error::custom("`__metadata__` stands twice"));
                }
                continue;
            }
            if tensors.len() == MAX_TENSORS {
                return Err(A::Error::custom("it has too many tensors"));
            }
            if tensors.insert(name, map.next_value::<Tensor>()?).is_some() {
                return Err(A::Error::custom("a tensor stands twice"));
            }
        }
        Ok(Header { tensors, metadata: metadata.unwrap_or_default() })
    }
}

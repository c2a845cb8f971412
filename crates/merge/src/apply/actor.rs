//! Who writes.

use windlass_api::Time;

use crate::fields::FieldSet;

/// Who writes an object, through which of its endpoints, and when.
#[derive(Clone, Debug)]
pub struct Actor<'a> {
    /// The field manager: `fieldManager` of the request, or the name of the client.
    pub manager: &'a str,
    /// Group and version of the request, as `v1` or `tekton.dev/v1`.
    pub api_version: &'a str,
    /// The subresource written to, as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// The time of the entry; written in whole seconds.
    pub now: Time,
    /// Fields that this endpoint does not set, with all below them: `status` for the object of a kind that has a status
    /// endpoint, everything but `status` for that endpoint. They are neither changed nor owned.
    pub ignored: &'a FieldSet,
}

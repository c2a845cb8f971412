//! Kinds of the plane itself (`windlass.dev/v1alpha1`): runners, what they hold, and tokens.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::meta::Condition;
use crate::meta::ObjectMeta;
use crate::quantity::Quantity;
use crate::time::Time;

/// A program that executes attempts of tasks; it registers itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Runner {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What it can do.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: RunnerSpec,
    /// How it does.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: RunnerStatus,
}

/// What a runner can do, and whether it shall.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunnerSpec {
    /// Attempts that it executes at once.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub capacity: i32,
    /// Executors that it has, for instance `host` or `container`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executors: Vec<String>,
    /// Resources of its machine, for instance `cpu` and `memory`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, Quantity>,
    /// Keys and effects that attempts must tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<RunnerTaint>,
    /// Whether it gets nothing new.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub unschedulable: bool,
}

/// What keeps attempts that do not tolerate it from a runner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunnerTaint {
    /// Key.
    pub key: String,
    /// Value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `NoSchedule` or `PreferNoSchedule`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub effect: String,
}

/// How a runner does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunnerStatus {
    /// `Ready`: whether it was heard of lately.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Attempts that it holds.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub held: i32,
    /// When it was last heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_heartbeat: Option<Time>,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Its machine's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub machine: String,
}

/// The right of a runner to execute an attempt of a task run; its `resourceVersion` at creation is the fencing number.
///
/// Named `<uid of the task run>-<attempt>`, so that an attempt is claimed once. Removed when the attempt's end is in the
/// task run's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Claim {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What is claimed by whom.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: ClaimSpec,
}

/// What is claimed by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimSpec {
    /// Name of the task run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task_run: String,
    /// Identity of the task run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task_run_uid: String,
    /// Number of the attempt, from 0.
    pub attempt: i32,
    /// Name of the runner.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runner: String,
    /// When it was claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Time>,
}

/// A secret that proves who somebody is. The secret itself is shown once and never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Token {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// Whose it is and how long it lasts.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: TokenSpec,
    /// When it was used.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: TokenStatus,
}

/// Whose a token is and how long it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenSpec {
    /// Name of the user, for instance `alice` or `system:serviceaccount:<namespace>:<name>`.
    pub user: String,
    /// Groups of the user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Who may use it and what for: `user`, `runner` or `serviceaccount`; default `user`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// SHA-256 of the secret, in hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// When it ends; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Whether it was taken back.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub revoked: bool,
    /// Audiences that it is meant for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
}

/// When a token was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenStatus {
    /// Last use, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
}

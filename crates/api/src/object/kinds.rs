//! The table of kinds.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::Custom;
use super::CustomKind;
use super::Key;
use super::Resource;
use crate::cluster::Event;
use crate::cluster::Namespace;
use crate::cluster::ResourceQuota;
use crate::coordination::Lease;
use crate::core::ConfigMap;
use crate::core::PersistentVolumeClaim;
use crate::core::Secret;
use crate::core::ServiceAccount;
use crate::decode::decode;
use crate::extensions::CustomResourceDefinition;
use crate::meta::ObjectMeta;
use crate::plane::Claim;
use crate::plane::Runner;
use crate::plane::Token;
use crate::problem::Problem;
use crate::rbac::ClusterRole;
use crate::rbac::ClusterRoleBinding;
use crate::rbac::Role;
use crate::rbac::RoleBinding;
use crate::schema::KindSchema;
use crate::tekton::CustomRun;
use crate::tekton::Pipeline;
use crate::tekton::PipelineRun;
use crate::tekton::ResolutionRequest;
use crate::tekton::StepAction;
use crate::tekton::Task;
use crate::tekton::TaskRun;
use crate::tekton::VerificationPolicy;

/// Whether objects of a kind live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each object is in a namespace.
    Namespaced,
    /// Objects are in no namespace.
    Cluster,
}

macro_rules! kinds {
    ($($variant:ident = $api_version:literal, $plural:literal, $scope:ident;)+) => {
        /// A kind of object that the plane knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $api_version, "` `", stringify!($variant), "`.")] $variant,)+
            /// A kind that users defined.
            Custom(CustomKind),
        }

        impl Kind {
            /// Every kind that is built in.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),+];

            /// Name of the kind.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                    Self::Custom(kind) => &kind.definition().kind,
                }
            }

            /// Group and version in which objects are stored.
            pub fn api_version(self) -> &'static str {
                match self {
                    $(Self::$variant => $api_version,)+
                    Self::Custom(kind) => &kind.definition().api_version,
                }
            }

            /// Name in paths.
            pub fn plural(self) -> &'static str {
                match self {
                    $(Self::$variant => $plural,)+
                    Self::Custom(kind) => &kind.definition().plural,
                }
            }

            /// Whether its objects live in namespaces.
            pub fn scope(self) -> Scope {
                match self {
                    $(Self::$variant => Scope::$scope,)+
                    Self::Custom(kind) => kind.definition().scope,
                }
            }

            /// The schema of its fields; of a custom kind, one that takes anything.
            pub fn schema(self) -> KindSchema {
                match self {
                    $(Self::$variant => KindSchema::of::<$variant>($api_version, stringify!($variant)),)+
                    Self::Custom(kind) => KindSchema::of::<Value>(&kind.definition().api_version, &kind.definition().kind),
                }
            }
        }

        /// An object of a known kind, shared without copying. Comparing two versions costs what differs: parts that
        /// they share are the same without a look.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Object {
            $(#[doc = concat!("A `", stringify!($variant), "`.")] $variant(Arc<$variant>),)+
            /// An object of a kind that users defined.
            Custom(Arc<Custom>),
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$variant(_) => Kind::$variant,)+
                    Self::Custom(object) => Kind::Custom(object.kind),
                }
            }

            /// Name, labels and the rest.
            pub fn metadata(&self) -> &ObjectMeta {
                match self {
                    $(Self::$variant(object) => &object.metadata,)+
                    Self::Custom(object) => &object.metadata,
                }
            }

            /// Name, labels and the rest, to change; copies the object if it is shared.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Self::$variant(object) => &mut Arc::make_mut(object).metadata,)+
                    Self::Custom(object) => &mut Arc::make_mut(object).metadata,
                }
            }

            /// The object as JSON, with `apiVersion` and `kind`.
            pub fn to_json(&self) -> Value {
                let body = match self {
                    $(Self::$variant(object) => serde_json::to_value(object.as_ref()),)+
                    Self::Custom(object) => return object.to_json(),
                };
                let mut fields = match body {
                    Ok(Value::Object(fields)) => fields,
                    // Every kind is a struct with text keys, which cannot fail to serialise.
                    Ok(_) | Err(_) => serde_json::Map::new(),
                };
                fields.insert("apiVersion".to_owned(), Value::String(self.kind().api_version().to_owned()));
                fields.insert("kind".to_owned(), Value::String(self.kind().as_str().to_owned()));
                Value::Object(fields)
            }

            /// Reads an object of a kind in the version in which it is stored.
            ///
            /// # Errors
            /// Unknown fields (not of custom kinds, whose schema is their definition's), wrong types.
            pub fn of_kind(kind: Kind, value: Value) -> Result<Self, Vec<Problem>> {
                Ok(match kind {
                    $(Kind::$variant => Self::$variant(Arc::new(decode(value)?)),)+
                    Kind::Custom(kind) => Self::Custom(Arc::new(Custom::from_json(kind, value)?)),
                })
            }
        }

        $(impl Resource for $variant {
            const KIND: Kind = Kind::$variant;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }

            fn into_object(self: Arc<Self>) -> Object {
                Object::$variant(self)
            }

            fn from_object(object: &Object) -> Option<&Arc<Self>> {
                match object {
                    Object::$variant(object) => Some(object),
                    _ => None,
                }
            }
        })+
    };
}

kinds! {
    Task = "tekton.dev/v1", "tasks", Namespaced;
    Pipeline = "tekton.dev/v1", "pipelines", Namespaced;
    TaskRun = "tekton.dev/v1", "taskruns", Namespaced;
    PipelineRun = "tekton.dev/v1", "pipelineruns", Namespaced;
    StepAction = "tekton.dev/v1beta1", "stepactions", Namespaced;
    CustomRun = "tekton.dev/v1beta1", "customruns", Namespaced;
    VerificationPolicy = "tekton.dev/v1alpha1", "verificationpolicies", Namespaced;
    ResolutionRequest = "resolution.tekton.dev/v1beta1", "resolutionrequests", Namespaced;
    ConfigMap = "v1", "configmaps", Namespaced;
    Secret = "v1", "secrets", Namespaced;
    ServiceAccount = "v1", "serviceaccounts", Namespaced;
    PersistentVolumeClaim = "v1", "persistentvolumeclaims", Namespaced;
    Namespace = "v1", "namespaces", Cluster;
    Event = "v1", "events", Namespaced;
    ResourceQuota = "v1", "resourcequotas", Namespaced;
    Role = "rbac.authorization.k8s.io/v1", "roles", Namespaced;
    ClusterRole = "rbac.authorization.k8s.io/v1", "clusterroles", Cluster;
    RoleBinding = "rbac.authorization.k8s.io/v1", "rolebindings", Namespaced;
    ClusterRoleBinding = "rbac.authorization.k8s.io/v1", "clusterrolebindings", Cluster;
    Lease = "coordination.k8s.io/v1", "leases", Namespaced;
    CustomResourceDefinition = "apiextensions.k8s.io/v1", "customresourcedefinitions", Cluster;
    Runner = "windlass.dev/v1alpha1", "runners", Cluster;
    Claim = "windlass.dev/v1alpha1", "claims", Namespaced;
    Token = "windlass.dev/v1alpha1", "tokens", Cluster;
}

impl Kind {
    /// Group; empty for the core group.
    pub fn group(self) -> &'static str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// Version in which objects are stored, without the group.
    pub fn version(self) -> &'static str {
        self.api_version().rsplit('/').next().unwrap_or_default()
    }

    /// Whether its objects live in namespaces.
    pub fn is_namespaced(self) -> bool {
        self.scope() == Scope::Namespaced
    }

    /// The built-in kind of a group and a name in paths.
    pub fn built_in(group: &str, plural: &str) -> Option<Self> {
        let mut kinds = Self::ALL.iter().copied();
        kinds.find(|kind| kind.plural() == plural && kind.group() == group)
    }
}

impl Object {
    /// The key under which it is stored.
    pub fn key(&self) -> Key {
        let metadata = self.metadata();
        Key {
            kind: self.kind(),
            namespace: metadata.namespace.as_str().into(),
            name: metadata.name.as_str().into(),
        }
    }

    /// The typed object inside, if it has the kind asked for.
    pub fn get<T: Resource>(&self) -> Option<&Arc<T>> {
        T::from_object(self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

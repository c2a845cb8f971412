//! Any object of the plane, its kind and its key.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::core::ConfigMap;
use crate::core::PersistentVolumeClaim;
use crate::core::Secret;
use crate::core::ServiceAccount;
use crate::meta::ObjectMeta;
use crate::tekton::CustomRun;
use crate::tekton::Pipeline;
use crate::tekton::PipelineRun;
use crate::tekton::StepAction;
use crate::tekton::Task;
use crate::tekton::TaskRun;

/// A typed object that the plane stores.
pub trait Resource: Clone + fmt::Debug + Eq + Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;

    /// Name, labels and the rest.
    fn metadata(&self) -> &ObjectMeta;

    /// Name, labels and the rest, to change.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;

    /// Wraps it without copying.
    fn into_object(self: Arc<Self>) -> Object;

    /// The typed object inside, if it has this kind.
    fn from_object(object: &Object) -> Option<&Arc<Self>>;

    /// The key under which it is stored.
    fn key(&self) -> Key {
        let metadata = self.metadata();
        Key {
            kind: Self::KIND,
            namespace: metadata.namespace.as_str().into(),
            name: metadata.name.as_str().into(),
        }
    }
}

macro_rules! kinds {
    ($($variant:ident = $api_version:literal, $plural:literal;)+) => {
        /// A kind of object that the plane knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $api_version, "` `", stringify!($variant), "`.")] $variant,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),+];

            /// Name of the kind.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// Group and version in which objects are stored.
            pub fn api_version(self) -> &'static str {
                match self { $(Self::$variant => $api_version,)+ }
            }

            /// Name in paths.
            pub fn plural(self) -> &'static str {
                match self { $(Self::$variant => $plural,)+ }
            }
        }

        /// An object of a known kind, shared without copying. Comparing two versions costs what differs: parts that
        /// they share are the same without a look.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Object {
            $(#[doc = concat!("A `", stringify!($variant), "`.")] $variant(Arc<$variant>),)+
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant,)+ }
            }

            /// Name, labels and the rest.
            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Self::$variant(object) => &object.metadata,)+ }
            }

            /// Name, labels and the rest, to change; copies the object if it is shared.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Self::$variant(object) => &mut Arc::make_mut(object).metadata,)+ }
            }

            /// The object as JSON, with `apiVersion` and `kind`.
            pub fn to_json(&self) -> Value {
                let body = match self { $(Self::$variant(object) => serde_json::to_value(object.as_ref()),)+ };
                let mut fields = match body {
                    Ok(Value::Object(fields)) => fields,
                    // Every kind is a struct with text keys, which cannot fail to serialise.
                    Ok(_) | Err(_) => serde_json::Map::new(),
                };
                fields.insert("apiVersion".to_owned(), Value::String(self.kind().api_version().to_owned()));
                fields.insert("kind".to_owned(), Value::String(self.kind().as_str().to_owned()));
                Value::Object(fields)
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
    Task = "tekton.dev/v1", "tasks";
    Pipeline = "tekton.dev/v1", "pipelines";
    TaskRun = "tekton.dev/v1", "taskruns";
    PipelineRun = "tekton.dev/v1", "pipelineruns";
    StepAction = "tekton.dev/v1beta1", "stepactions";
    CustomRun = "tekton.dev/v1beta1", "customruns";
    ConfigMap = "v1", "configmaps";
    Secret = "v1", "secrets";
    ServiceAccount = "v1", "serviceaccounts";
    PersistentVolumeClaim = "v1", "persistentvolumeclaims";
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

/// Names an object: kind, namespace, name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Kind of the object.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Key {
    /// Makes a key.
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

//! Which lists of the built-in kinds merge. A table, after the types of Kubernetes' API.

/// The fields of a map that merge otherwise than by default. By default maps merge and lists are replaced.
#[derive(Debug)]
pub struct Shape {
    /// Fields by name.
    pub fields: &'static [(&'static str, Field)],
}

/// How one field merges.
#[derive(Debug)]
pub struct Field {
    /// What happens to a list; nothing for a field that is a map.
    pub merging: Merging,
    /// The shape of the map, or of the items of the list.
    pub shape: &'static Shape,
}

/// What happens to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merging {
    /// It is replaced.
    Replace,
    /// Its values are joined.
    Values,
    /// Items with the same value of this field merge.
    Key(&'static str),
}

impl Shape {
    /// The shape of a kind; nothing for kinds that users define.
    pub fn of(api_version: &str, kind: &str) -> Option<&'static Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let shape = match (group, kind) {
            ("", "Pod") => &POD,
            ("", "ServiceAccount") => &SERVICE_ACCOUNT,
            ("", "Namespace" | "PersistentVolumeClaim") => &WITH_CONDITIONS,
            ("apps", "Deployment") => &DEPLOYMENT,
            (
                ""
                | "apiextensions.k8s.io"
                | "apps"
                | "authorization.k8s.io"
                | "coordination.k8s.io"
                | "events.k8s.io"
                | "rbac.authorization.k8s.io",
                _,
            ) => &PLAIN,
            _ => return None,
        };
        Some(shape)
    }

    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        let mut fields = self.fields.iter();
        fields.find(|(known, _)| *known == name).map(|(_, field)| field)
    }
}

/// The shape of what is not named: maps merge, lists are replaced.
pub(super) static DEFAULT: Shape = Shape { fields: &[] };

const fn map(shape: &'static Shape) -> Field {
    Field {
        merging: Merging::Replace,
        shape,
    }
}

const fn keyed(key: &'static str) -> Field {
    items(key, &DEFAULT)
}

const fn items(key: &'static str, shape: &'static Shape) -> Field {
    Field {
        merging: Merging::Key(key),
        shape,
    }
}

static METADATA: Shape = Shape {
    fields: &[
        (
            "finalizers",
            Field {
                merging: Merging::Values,
                shape: &DEFAULT,
            },
        ),
        ("ownerReferences", keyed("uid")),
    ],
};

static PLAIN: Shape = Shape {
    fields: &[("metadata", map(&METADATA))],
};

static CONDITIONS: Shape = Shape {
    fields: &[("conditions", keyed("type"))],
};

static WITH_CONDITIONS: Shape = Shape {
    fields: &[("metadata", map(&METADATA)), ("status", map(&CONDITIONS))],
};

static SERVICE_ACCOUNT: Shape = Shape {
    fields: &[("metadata", map(&METADATA)), ("secrets", keyed("name"))],
};

static CONTAINER: Shape = Shape {
    fields: &[
        ("env", keyed("name")),
        ("ports", keyed("containerPort")),
        ("volumeDevices", keyed("devicePath")),
        ("volumeMounts", keyed("mountPath")),
    ],
};

static POD_SPEC: Shape = Shape {
    fields: &[
        ("containers", items("name", &CONTAINER)),
        ("ephemeralContainers", items("name", &CONTAINER)),
        ("hostAliases", keyed("ip")),
        ("imagePullSecrets", keyed("name")),
        ("initContainers", items("name", &CONTAINER)),
        ("resourceClaims", keyed("name")),
        ("schedulingGates", keyed("name")),
        ("topologySpreadConstraints", keyed("topologyKey")),
        ("volumes", keyed("name")),
    ],
};

static POD_STATUS: Shape = Shape {
    fields: &[
        ("conditions", keyed("type")),
        ("hostIPs", keyed("ip")),
        ("podIPs", keyed("ip")),
        ("resourceClaimStatuses", keyed("name")),
    ],
};

static POD: Shape = Shape {
    fields: &[
        ("metadata", map(&METADATA)),
        ("spec", map(&POD_SPEC)),
        ("status", map(&POD_STATUS)),
    ],
};

static POD_TEMPLATE: Shape = Shape {
    fields: &[("metadata", map(&METADATA)), ("spec", map(&POD_SPEC))],
};

static DEPLOYMENT_SPEC: Shape = Shape {
    fields: &[("template", map(&POD_TEMPLATE))],
};

static DEPLOYMENT: Shape = Shape {
    fields: &[
        ("metadata", map(&METADATA)),
        ("spec", map(&DEPLOYMENT_SPEC)),
        ("status", map(&CONDITIONS)),
    ],
};

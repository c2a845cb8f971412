-- A store of form 1, as the first release with `windlass serve` leaves it. Never changed.
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('version', 12);
CREATE TABLE objects (
    grp TEXT NOT NULL,
    plural TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    api_version TEXT NOT NULL,
    namespaced INTEGER NOT NULL,
    version INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (grp, plural, namespace, name)
) WITHOUT ROWID;
INSERT INTO objects VALUES ('', 'namespaces', '', 'default', 'Namespace', 'v1', 0, 1,
    CAST('{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default","uid":"u-1","resourceVersion":"1","generation":1},"spec":{"finalizers":["kubernetes"]}}' AS BLOB));
INSERT INTO objects VALUES ('', 'configmaps', 'default', 'settings', 'ConfigMap', 'v1', 1, 4,
    CAST('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"default","uid":"u-2","resourceVersion":"4","generation":2},"data":{"a":"1"}}' AS BLOB));
INSERT INTO objects VALUES ('tekton.dev', 'tasks', 'default', 'hello', 'Task', 'tekton.dev/v1', 1, 5,
    CAST('{"apiVersion":"tekton.dev/v1","kind":"Task","metadata":{"name":"hello","namespace":"default","uid":"u-3","resourceVersion":"5","generation":1},"spec":{"steps":[{"name":"say","image":"docker.io/library/busybox","script":"echo hello"}]}}' AS BLOB));
INSERT INTO objects VALUES ('store.example', 'crates', 'default', 'one', 'Crate', 'store.example/v1', 1, 9,
    CAST('{"apiVersion":"store.example/v1","kind":"Crate","metadata":{"name":"one","namespace":"default","uid":"u-4","resourceVersion":"9","generation":1},"spec":{"size":3}}' AS BLOB));

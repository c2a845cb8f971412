//! A task out of a bundle, by the real binary from a real registry that wants a login.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use windlass_fetch::Credentials;
use windlass_fetch::Policy;
use windlass_fetch::oci::Client;
use windlass_fetch::oci::Keyring;
use windlass_testkit::skip;

/// The documented exit code of a machine that cannot do what was asked.
const ENVIRONMENT: i32 = 4;

/// A line of htpasswd for `me` and `hunter2`, by bcrypt at its lowest cost.
const HTPASSWD: &str = "me:$2y$05$4xZqA096MdiDi1WQXBr5Oensj.Z33.6/GarL3OWHy8ue4bjkZPLdS\n";

const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: hello}
spec:
  steps: [{name: greet, image: busybox, script: 'echo hello from a bundle'}]
";

/// What every run brings: two logins, one of them in a service account. HOST stands for the registry.
const LOGINS: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: login}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '{\"auths\": {\"HOST/team\": {\"username\": \"me\", \"password\": \"hunter2\"}}}'}
---
apiVersion: v1
kind: Secret
metadata: {name: wrong}
type: kubernetes.io/dockercfg
stringData: {.dockercfg: '{\"HOST\": {\"username\": \"me\", \"password\": \"hunter3\"}}'}
---
apiVersion: v1
kind: Secret
metadata: {name: plain}
stringData: {password: hunter2}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: puller}
imagePullSecrets: [{name: gone}, {name: wrong}, {name: login}]
---
";

/// Debian's registry, with a password, on a free port of the loopback interface.
struct Registry {
    child: Child,
    host: String,
    _data: TempDir,
}

impl Registry {
    fn start() -> Option<Self> {
        let data = tempfile::tempdir().unwrap();
        let root = data.path().display();
        fs::write(data.path().join("htpasswd"), HTPASSWD).unwrap();
        let config = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": format!("{root}/data")}},
            "http": {"addr": "127.0.0.1:0"},
            "auth": {"htpasswd": {"realm": "test", "path": format!("{root}/htpasswd")}},
        });
        let file = data.path().join("config.json");
        fs::write(&file, config.to_string()).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let port: u16 = lines
            .find_map(|line| {
                let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
                rest.split(|character: char| !character.is_ascii_digit())
                    .next()?
                    .parse()
                    .ok()
            })
            .unwrap();
        // Read on, or it would wait for its log to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            child,
            host: format!("localhost:{port}"),
            _data: data,
        })
    }

    /// Puts the task there as a bundle, raw and uncompressed.
    async fn fill(&self, name: &str) {
        let credentials = Credentials::Basic {
            username: "me".to_owned(),
            password: "hunter2".to_owned(),
        };
        let keyring = Keyring::of_login(&self.host, credentials);
        let image = Client::plain(Policy::trusting()).image(
            format!("{}/{name}", self.host).parse().unwrap(),
            Arc::new(keyring),
        );
        let layer = image.push_blob(TASK).await.unwrap();
        let config = image.push_blob("{}").await.unwrap();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer,
                "size": TASK.len(),
                "annotations": {
                    "dev.tekton.image.apiVersion": "v1",
                    "dev.tekton.image.kind": "task",
                    "dev.tekton.image.name": "hello",
                },
            }],
        });
        image
            .push_manifest(media_type, manifest.to_string())
            .await
            .unwrap();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run says whose task comes from a bundle; `None` when this machine cannot isolate steps.
fn run(registry: &Registry, params: &str, variables: &[(&str, &str)]) -> Option<(bool, String)> {
    let place = tempfile::tempdir().unwrap();
    let run = format!(
        "{LOGINS}apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: r}}\nspec:\n  taskRef:\n    \
         resolver: bundles\n    params: [{{name: name, value: hello}}, {params}]\n"
    );
    fs::write(place.path().join("run.yaml"), run.replace("HOST", &registry.host)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.args(["run", "run.yaml"]).current_dir(place.path());
    // The logins of whoever runs the tests have no part in this.
    command
        .env("HOME", place.path())
        .env_remove("DOCKER_CONFIG")
        .env_remove("XDG_RUNTIME_DIR");
    let variables = variables
        .iter()
        .map(|(name, value)| (name, value.replace("HOST", &registry.host)));
    let output = command.envs(variables).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).replace(&registry.host, "HOST");
    // Settings that make no sense are the environment's fault as well.
    if output.status.code() == Some(ENVIRONMENT) && said.contains("isolate steps") {
        return None;
    }
    Some((output.status.success(), said))
}

#[tokio::test]
async fn a_task_of_a_bundle_runs_with_the_logins_of_its_reference() {
    let Some(registry) = Registry::start() else {
        skip!("docker-registry is not installed");
    };
    registry.fill("team/tasks:1").await;
    // What is on this machine is not looked for by a proxy.
    let mirrored: &[(&str, &str)] = &[
        ("WINDLASS_REGISTRY_MIRRORS", "registry.test=http://HOST/team"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("no_proxy", ""),
    ];
    let rows: [(&str, &[(&str, &str)]); 3] = [
        (
            "{name: bundle, value: 'HOST/team/tasks:1'}, {name: secret, value: login}",
            &[],
        ),
        (
            "{name: bundle, value: 'HOST/team/tasks:1'}, {name: serviceAccount, value: puller}",
            &[],
        ),
        (
            "{name: bundle, value: 'registry.test/tasks:1'}, {name: secret, value: login}",
            mirrored,
        ),
    ];
    for (params, variables) in rows {
        let Some((succeeded, said)) = run(&registry, params, variables) else {
            skip!("this machine does not let steps be isolated");
        };
        assert!(
            succeeded && said.contains("hello from a bundle"),
            "{params}\n{said}"
        );
        assert!(!said.contains("hunter"), "{params}\n{said}");
    }
}

#[tokio::test]
async fn what_keeps_a_bundle_from_being_had_is_said() {
    let Some(registry) = Registry::start() else {
        skip!("docker-registry is not installed");
    };
    registry.fill("team/tasks:1").await;
    let rows = [
        (
            "",
            "not authorized (HTTP status 401, UNAUTHORIZED), no login for it is known",
        ),
        (
            ", {name: secret, value: wrong}",
            "and the login for it was refused",
        ),
        (
            ", {name: secret, value: plain}",
            "secret \"plain\" has type \"Opaque\", and logins for registries are in one of kubernetes.io/dockerconfigjson",
        ),
        (
            ", {name: secret, value: none}",
            "secret \"none\" not found in namespace \"default\"",
        ),
        (
            ", {name: serviceAccount, value: none}",
            "service account \"none\" not found in namespace \"default\"",
        ),
        (
            ", {name: secret, value: login}, {name: kind, value: pipeline}",
            "could not find object in image with kind: pipeline and name: hello; HOST/team/tasks:1 holds task hello",
        ),
        (
            ", {name: bundel, value: x}",
            "unknown parameter \"bundel\"; it takes bundle, name, kind",
        ),
    ];
    for (params, expected) in rows {
        let params = format!("{{name: bundle, value: 'HOST/team/tasks:1'}}{params}");
        let Some((succeeded, said)) = run(&registry, &params, &[]) else {
            skip!("this machine does not let steps be isolated");
        };
        assert!(!succeeded && said.contains(expected), "{params}\n{said}");
        assert!(!said.contains("hunter"), "{params}\n{said}");
    }
}

#[test]
fn settings_and_names_that_make_no_sense_are_refused() {
    let Some(registry) = Registry::start() else {
        skip!("docker-registry is not installed");
    };
    let rows = [
        (
            "WINDLASS_REGISTRY_MIRRORS",
            "nonsense",
            "mirror \"nonsense\" is not prefix=url",
        ),
        (
            "WINDLASS_REGISTRIES",
            "gone.yaml",
            "read gone.yaml, which WINDLASS_REGISTRIES names",
        ),
        (
            "",
            "",
            "invalid image name \"Team/tasks\": its repository must be lowercase",
        ),
    ];
    for (variable, value, expected) in rows {
        let variables = [(variable, value)];
        let variables = if variable.is_empty() { &[][..] } else { &variables };
        let Some((succeeded, said)) = run(&registry, "{name: bundle, value: 'Team/tasks'}", variables) else {
            skip!("this machine does not let steps be isolated");
        };
        assert!(!succeeded && said.contains(expected), "{variable}\n{said}");
    }
}

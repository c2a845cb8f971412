use std::path::Path;

use serde_json::json;

use crate::exit::Exit;
use crate::fake::NoPlanes;
use crate::fake::Said;
use crate::fake::execute_with_images;
use crate::images::Event;
use crate::images::Image;
use crate::images::ImageStore;
use crate::images::Images;
use crate::images::Layer;
use crate::images::Prune;
use crate::images::Removed;
use crate::images::Target;
use crate::images::Watch;

/// A store with one image.
struct OneImage;

impl Images for OneImage {
    fn open(&self, _: Option<&Path>) -> anyhow::Result<Box<dyn ImageStore>> {
        Ok(Box::new(Self))
    }
}

fn app() -> Image {
    Image {
        name: "docker.io/team/app:1\x1b[2J".to_owned(),
        platform: "linux/amd64".to_owned(),
        digest: format!("sha256:{}", "0123456789abcdef".repeat(4)),
        created: "2026-01-02T03:04:05Z".to_owned(),
        used: 1_700_000_000,
        layers: vec![Layer {
            digest: format!("sha256:{}", "a".repeat(64)),
            size: 1_234_567,
            unpacked: 5_000_000,
        }],
        config: json!({"Entrypoint": ["/app"], "Cmd": [], "Env": ["PATH=/bin"], "User": "1000", "WorkingDir": ""}),
    }
}

impl ImageStore for OneImage {
    fn pull(&self, _: &str, _: Option<&str>, _: Watch<'_>) -> anyhow::Result<Image> {
        anyhow::bail!("no registry here")
    }

    fn load(
        &self,
        _: &Path,
        _: Option<&str>,
        _: Option<&str>,
        watch: Watch<'_>,
    ) -> anyhow::Result<Vec<Image>> {
        watch(Event::Begun { layers: 1, bytes: 10 });
        watch(Event::Bytes(10));
        watch(Event::Layer);
        Ok(vec![app()])
    }

    fn save(&self, _: &[String], to: &Target) -> anyhow::Result<()> {
        assert_eq!(to, &Target::Directory("out/".into()));
        Ok(())
    }

    fn list(&self) -> anyhow::Result<Vec<Image>> {
        Ok(vec![app()])
    }

    fn find(&self, name: &str) -> anyhow::Result<Vec<Image>> {
        Ok(if name == "app" { vec![app()] } else { Vec::new() })
    }

    fn remove(&self, _: &[String]) -> anyhow::Result<Removed> {
        Ok(Removed {
            images: vec![(app().name, app().platform, app().digest)],
            layers: 1,
            blobs: 3,
            partial: 0,
            bytes: 6_000_000,
        })
    }

    fn prune(&self, what: &Prune) -> anyhow::Result<Removed> {
        assert_eq!(what.keep, Some(20_000_000_000));
        Ok(Removed::default())
    }
}

fn say(arguments: &[&str]) -> Said {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("app.tar"), "").unwrap();
    execute_with_images(&NoPlanes, &OneImage, directory.path(), arguments)
}

/// Arguments, exit, stdout, stderr.
type Row = (&'static [&'static str], Exit, &'static str, &'static str);

const ROWS: [Row; 8] = [
    (
        &["image", "load", "@/app.tar"],
        Exit::Succeeded,
        "docker.io/team/app:1␛[2J  sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  1 layer, 5.0 MB\n",
        "",
    ),
    (
        &["image", "load", "@/none.tar"],
        Exit::InvalidInput,
        "",
        "error: none.tar does not exist\n",
    ),
    (&["image", "save", "app", "--to", "out/"], Exit::Succeeded, "", ""),
    (
        &["image", "inspect", "app"],
        Exit::Succeeded,
        "name        docker.io/team/app:1␛[2J\n\
             platform    linux/amd64\n\
             digest      sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\
             created     2026-01-02T03:04:05Z\n\
             last used   2023-11-14T22:13:20Z\n\
             entrypoint  [\"/app\"]\n\
             user        1000\n\
             variable    PATH=/bin\n\
             layer       sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  1.2 MB, 5.0 MB unpacked\n",
        "",
    ),
    (
        &["image", "inspect", "other"],
        Exit::InvalidInput,
        "",
        "error: no image `other` in the store\n  hint: `windlass image list` shows what is there\n",
    ),
    (
        &["image", "remove", "app"],
        Exit::Succeeded,
        "removed docker.io/team/app:1␛[2J (linux/amd64)\n1 image, 1 layer, 3 blobs gone, 6.0 MB free again\n",
        "",
    ),
    (
        &["image", "prune", "--keep", "20GB"],
        Exit::Succeeded,
        "nothing to remove\n",
        "",
    ),
    (
        &["image", "pull", "app"],
        Exit::Environment,
        "",
        "error: no registry here\n",
    ),
];

#[test]
fn commands_say_what_they_did() {
    for (arguments, exit, out, err) in ROWS {
        let said = say(arguments);
        assert_eq!(
            (said.exit, said.out.as_str(), said.err.as_str()),
            (exit, out, err),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_list_has_one_line_for_each_image() {
    let said = say(&["image", "list"]);
    let lines: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["NAME", "PLATFORM", "DIGEST", "SIZE", "LAST", "USED"]);
    assert_eq!(
        lines[1][..5],
        [
            "docker.io/team/app:1␛[2J",
            "linux/amd64",
            "sha256:0123456789ab",
            "5.0",
            "MB"
        ]
    );
    let said = say(&["image", "list", "--output", "json"]);
    let list: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(list[0]["layers"][0]["unpackedSize"], 5_000_000);
    assert_eq!(list[0]["lastUsed"], "2023-11-14T22:13:20Z");
}

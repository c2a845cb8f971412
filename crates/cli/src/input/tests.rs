use std::fs;

use windlass_api::validation::Flags;

use super::read;

fn task(name: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: {name}}}\nspec: {{steps: [{{image: busybox}}]}}\n"
    )
}

#[test]
fn directories_are_read_one_level_deep_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let files = [
        "b.yaml",
        "a.yml",
        "note.txt",
        ".hidden.yaml",
        "tasks/c.json",
        "tasks/deep/d.yaml",
        ".git/e.yaml",
    ];
    for file in files {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let name = file.replace(['/', '.'], "-");
        fs::write(path, task(name.trim_matches('-'))).unwrap();
    }
    let manifest = read(&[directory.path().to_owned()], "default", &Flags::default()).unwrap();
    let names: Vec<&str> = manifest
        .entries
        .iter()
        .map(|entry| entry.object.metadata().name.as_str())
        .collect();
    assert_eq!(names, ["a-yml", "b-yaml", "tasks-c-json"]);
}

#[test]
fn objects_get_the_namespace_they_leave_open() {
    let directory = tempfile::tempdir().unwrap();
    let own = task("own").replace("{name: own}", "{name: own, namespace: theirs}");
    fs::write(
        directory.path().join("a.yaml"),
        format!("{}---\n{own}", task("open")),
    )
    .unwrap();
    let manifest = read(&[directory.path().join("a.yaml")], "ours", &Flags::default()).unwrap();
    let spaces: Vec<&str> = manifest
        .entries
        .iter()
        .map(|entry| entry.object.metadata().namespace.as_str())
        .collect();
    assert_eq!(spaces, ["ours", "theirs"]);
}

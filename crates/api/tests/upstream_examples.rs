//! Every example of upstream's is read. They are not part of the project: without them there is nothing to test.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may look for its input, and say that it is not there"
)]

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use windlass_api::core;
use windlass_api::decode::decode;
use windlass_api::decode::type_meta;
use windlass_api::problem::Problem;
use windlass_api::problem::Problems;
use windlass_api::tekton;
use windlass_api::yaml;

/// Where the examples are.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("WINDLASS_CORPUS").map_or_else(beside, Into::into);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "skipped in CI: no corpus at {}",
        folder.display()
    );
    eprintln!("skipped: no corpus at {}", folder.display());
    None
}

fn yaml_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            files.push(path);
        }
    }
}

fn decode_any(value: Value) -> Result<(), Vec<Problem>> {
    match type_meta(&value) {
        ("tekton.dev/v1", "Task") => decode::<tekton::Task>(value).map(drop),
        ("tekton.dev/v1", "TaskRun") => decode::<tekton::TaskRun>(value).map(drop),
        ("tekton.dev/v1", "Pipeline") => decode::<tekton::Pipeline>(value).map(drop),
        ("tekton.dev/v1", "PipelineRun") => decode::<tekton::PipelineRun>(value).map(drop),
        ("tekton.dev/v1beta1", "StepAction") => decode::<tekton::StepAction>(value).map(drop),
        ("v1", "ConfigMap") => decode::<core::ConfigMap>(value).map(drop),
        ("v1", "Secret") => decode::<core::Secret>(value).map(drop),
        ("v1", "ServiceAccount") => decode::<core::ServiceAccount>(value).map(drop),
        ("v1", "PersistentVolumeClaim") => decode::<core::PersistentVolumeClaim>(value).map(drop),
        _ => Ok(()),
    }
}

#[test]
fn every_upstream_example_is_read() {
    let Some(corpus) = corpus() else { return };
    let mut files = Vec::new();
    yaml_files(&corpus, &mut files);
    assert!(files.len() > 100, "the corpus is there but nearly empty");
    let mut refused = Problems::new();
    for file in files {
        let documents = match yaml::load(&std::fs::read(&file).unwrap()) {
            Ok(documents) => documents,
            Err(mut problems) => {
                problems.name_file(&file.display().to_string());
                refused.extend(problems);
                continue;
            }
        };
        for document in documents {
            for mut problem in decode_any(document.value).err().into_iter().flatten() {
                document.spans.locate(&mut problem);
                refused.push(problem.in_file(file.display().to_string()));
            }
        }
    }
    assert!(refused.is_empty(), "{refused}");
}

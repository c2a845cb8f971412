//! The fences between crates: who may import whom, and what deciding may not touch.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use serde_json::Value;

use crate::workspace;

/// One row per crate: its folder, the crates of ours it may import, and whether it is pure.
struct Layer {
    name: &'static str,
    imports: &'static [&'static str],
    pure: bool,
}

const fn pure(name: &'static str, imports: &'static [&'static str]) -> Layer {
    Layer {
        name,
        imports,
        pure: true,
    }
}

const fn layer(name: &'static str, imports: &'static [&'static str]) -> Layer {
    Layer {
        name,
        imports,
        pure: false,
    }
}

/// The table of the architecture page. Imports point down only; nothing imports its neighbour.
const LAYERS: &[Layer] = &[
    pure("api", &[]),
    pure("engine", &["api"]),
    pure("merge", &["api"]),
    layer("store", &["merge", "api"]),
    layer("runtime", &["api"]),
    layer("fetch", &["api"]),
    layer("executor", &["api"]),
    layer("executor-oci", &["executor", "fetch", "api"]),
    layer("executor-engine", &["executor", "api"]),
    layer("executor-pod", &["executor", "api"]),
    layer("pipelines", &["runtime", "fetch", "executor", "engine", "api"]),
    layer("triggers", &["runtime", "fetch", "engine", "api"]),
    layer("gitops", &["runtime", "fetch", "merge", "api"]),
    layer("notify", &["runtime", "api"]),
    layer("server", &["store", "runtime", "executor", "merge", "api"]),
    layer("cli", &["runtime", "api"]),
    layer("xtask", &[]),
];

/// Crates that may import every other one of ours: the binary that wires them, and the tests' whole plane.
const TOP: &[&str] = &["windlass", "testkit"];

/// Outside crates that bring a clock, files, threads or an event loop with them.
const IMPURE: &[&str] = &[
    "tokio",
    "futures",
    "rustix",
    "libc",
    "tempfile",
    "mio",
    "async-trait",
    "reqwest",
    "hyper",
];

/// What a `decide.rs` may not name: it turns facts and a given time into a plan, and does nothing.
const UNDECIDED: &[&str] = &[
    "async fn",
    ".await",
    "tokio::",
    "windlass_runtime",
    "runtime::",
    "SystemTime",
    "Instant::now",
];

/// Prints every violation; fails when there is one.
pub(crate) fn run() -> Result<ExitCode> {
    let problems = problems()?;
    for problem in &problems {
        println!("check-layers: {problem}");
    }
    if problems.is_empty() {
        println!("check-layers: ok");
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Lists what breaks the layer table in this workspace.
pub(crate) fn problems() -> Result<Vec<String>> {
    let metadata = workspace::metadata()?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata lists no packages")?;
    let mut problems: Vec<String> = packages.iter().flat_map(check_package).collect();
    for path in workspace::files()? {
        if path.file_name().is_some_and(|name| name == "decide.rs") {
            let source = std::fs::read_to_string(workspace::root().join(&path))
                .with_context(|| format!("read {}", path.display()))?;
            problems.extend(check_decision(&path, &source));
        }
    }
    Ok(problems)
}

fn check_package(package: &Value) -> Vec<String> {
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let name = text(package, "name");
    let dependencies = package.get("dependencies").and_then(Value::as_array);
    // Development dependencies are free: they cannot end up in the product.
    let normal = dependencies
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("kind").is_none_or(Value::is_null));
    let names: Vec<String> = normal.map(|entry| text(entry, "name")).collect();
    check_imports(&name, &names)
}

fn check_imports(package: &str, dependencies: &[String]) -> Vec<String> {
    let name = package.strip_prefix("windlass-").unwrap_or(package);
    if TOP.contains(&name) {
        return Vec::new();
    }
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!(
            "{package} has no row in the layer table (crates/xtask/src/layers.rs)"
        )];
    };
    let mut problems = Vec::new();
    for dependency in dependencies {
        match dependency.strip_prefix("windlass-") {
            Some(own) if !layer.imports.contains(&own) => {
                problems.push(format!(
                    "{package} imports {dependency}, but may import only {}",
                    listed(layer.imports)
                ));
            }
            None if layer.pure && IMPURE.contains(&dependency.as_str()) => {
                problems.push(format!("{package} is pure, but depends on {dependency}"));
            }
            _ => {}
        }
    }
    problems
}

fn listed(imports: &[&str]) -> String {
    if imports.is_empty() {
        "nothing of ours".to_owned()
    } else {
        imports.join(", ")
    }
}

fn check_decision(path: &Path, source: &str) -> Vec<String> {
    let lines = source.lines().enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(index, line)| {
        let found = UNDECIDED.iter().filter(move |word| line.contains(**word));
        found.map(move |word| {
            format!(
                "{}:{}: deciding is pure, but names `{word}`",
                path.display(),
                index + 1
            )
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::check_decision;
    use super::check_imports;

    #[test]
    fn imports_point_down_only() {
        let rows: &[(&str, &[&str], usize)] = &[
            (
                "windlass-pipelines",
                &["windlass-engine", "windlass-api", "tokio"],
                0,
            ),
            ("windlass-pipelines", &["windlass-store"], 1),
            ("windlass-engine", &["windlass-api", "serde_json"], 0),
            ("windlass-engine", &["tokio", "windlass-runtime"], 2),
            ("windlass-api", &["windlass-engine"], 1),
            ("windlass-cli", &["windlass-pipelines"], 1),
            ("windlass", &["windlass-pipelines", "windlass-cli"], 0),
            ("windlass-novelty", &[], 1),
        ];
        for (package, dependencies, problems) in rows {
            let dependencies: Vec<String> = dependencies.iter().map(|name| (*name).to_owned()).collect();
            let found = check_imports(package, &dependencies);
            assert_eq!(found.len(), *problems, "{package} → {dependencies:?}: {found:?}");
        }
    }

    #[test]
    fn decisions_neither_wait_nor_read_clocks() {
        let path = Path::new("decide.rs");
        assert_eq!(
            check_decision(path, "// tokio::spawn is for apply.rs\nasync fn decide() {}\n"),
            ["decide.rs:2: deciding is pure, but names `async fn`"],
        );
        assert!(check_decision(path, "fn decide(now: Time) {}\n").is_empty());
    }
}

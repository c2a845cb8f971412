//! A hub that answers as Artifact Hub does.

use windlass_fetch::Fetched;
use windlass_fetch::Policy;
use windlass_fetch::http::Client;
use windlass_fetch::hub::Error;
use windlass_fetch::hub::Request;
use windlass_fetch::hub::fetch;

use crate::server::Server;

const FILES: &[(&str, &str)] = &[
    (
        "/api/v1/packages/tekton-task/tekton-catalog-tasks/git-clone",
        r#"{"version": "0.10.0", "available_versions": [
            {"version": "0.9.0", "prerelease": false}, {"version": "0.10.0"}, {"version": "odd"},
            {"version": "0.8.0"}, {"version": "1.0.0-rc.1", "prerelease": true}]}"#,
    ),
    (
        "/api/v1/packages/tekton-task/tekton-catalog-tasks/git-clone/0.10.0",
        r#"{"data": {"manifestRaw": "kind: Task # 0.10"}}"#,
    ),
    (
        "/api/v1/packages/tekton-task/tekton-catalog-tasks/git-clone/0.9.0",
        r#"{"data": {"manifestRaw": "kind: Task # 0.9"}}"#,
    ),
    (
        "/api/v1/packages/tekton-task/tekton-catalog-tasks/empty/1.0.0",
        r#"{"data": {}}"#,
    ),
    (
        "/api/v1/packages/tekton-task/tekton-catalog-tasks/broken/1.0.0",
        "{",
    ),
    ("/api/v1/packages/tekton-task/tekton-catalog-tasks/broken", "[]"),
];

async fn get(server: &Server, name: &str, version: &str) -> Result<Fetched, Error> {
    let request = Request {
        base_url: server.url(""),
        ..Request::task(name, version)
    };
    fetch(&request, &Client::new(Policy::trusting()).unwrap()).await
}

#[tokio::test]
async fn versions_and_constraints_lead_to_a_definition() {
    let server = Server::of_files(FILES);
    let rows = [
        ("0.9", "kind: Task # 0.9"),
        ("v0.9.0", "kind: Task # 0.9"),
        (">= 0.7.0", "kind: Task # 0.10"),
        (">= 0.7.0, < 0.10", "kind: Task # 0.9"),
        ("!= 0.10.0", "kind: Task # 0.9"),
        ("~> 0.9.0", "kind: Task # 0.9"),
    ];
    for (version, content) in rows {
        let fetched = get(&server, "git-clone", version).await.unwrap();
        assert_eq!(String::from_utf8(fetched.bytes).unwrap(), content, "{version}");
    }
    let fetched = get(&server, "git-clone", "0.9").await.unwrap();
    let url = server.url("/api/v1/packages/tekton-task/tekton-catalog-tasks/git-clone/0.9.0");
    assert_eq!(fetched.source.uri, url);
    assert_eq!(fetched.source.digest.keys().collect::<Vec<_>>(), ["sha256"]);
}

#[tokio::test]
async fn what_the_hub_does_not_have_is_said_by_name() {
    let server = Server::of_files(FILES);
    let rows = [
        (
            "git-clone",
            ">= 2",
            "no version found for constraint >= 2 of git-clone; available: 0.10.0, 0.9.0, 0.8.0",
        ),
        (
            "git-clone",
            "3.0",
            "fail to fetch Artifact Hub resource: requested resource 'http",
        ),
        (
            "nosuch",
            ">= 1",
            "fail to fetch Artifact Hub resource: requested resource 'http",
        ),
        (
            "git-clone",
            "latest",
            "version param \"latest\" is neither a version",
        ),
        ("git-clone", "", "version param \"\" is neither a version"),
        ("empty", "1.0", "error unmarshalling json response of http"),
        ("broken", "1.0", "error unmarshalling json response of http"),
        ("broken", "> 1.0", "error unmarshalling json response of http"),
        (
            "../git-clone",
            "0.9",
            "name param \"../git-clone\" is no valid name",
        ),
    ];
    for (name, version, expected) in rows {
        let message = get(&server, name, version).await.unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

//! The file by which `kubectl` and `tkn` find a plane.

/// Renders a kubeconfig of one plane and one user. `ca` is the authority's certificate in PEM, for servers with TLS of
/// their own making.
pub fn render(name: &str, url: &str, ca: Option<&str>, token: &str, namespace: &str) -> String {
    use base64::Engine as _;
    let trust = ca.map_or(String::new(), |pem| {
        let data = base64::engine::general_purpose::STANDARD.encode(pem);
        format!("    certificate-authority-data: {data}\n")
    });
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters:\n- name: {name}\n  cluster:\n    server: {url}\n\
         {trust}users:\n- name: {name}\n  user:\n    token: {token}\ncontexts:\n- name: {name}\n  context:\n    cluster: \
         {name}\n    user: {name}\n    namespace: {namespace}\n"
    )
}

//! How clients find a plane, and what they prove themselves with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use windlass_api::secret::SecretText;

/// What a client must know.
#[derive(Clone, Debug)]
pub struct Connection<'a> {
    /// Name of the plane, for people.
    pub cluster: &'a str,
    /// Address, for instance `https://127.0.0.1:6443`.
    pub url: &'a str,
    /// Certificate of the authority that the server's is signed by, as PEM; without one, those of the system count.
    pub authority: Option<&'a str>,
    /// The proof.
    pub token: &'a SecretText,
    /// Namespace of commands that name none.
    pub namespace: &'a str,
}

/// A file for `KUBECONFIG`. It holds the token: it belongs to its reader alone.
pub fn render(connection: &Connection<'_>) -> String {
    let cluster = quoted(connection.cluster);
    let user = quoted(&format!("{}-user", connection.cluster));
    let authority = connection.authority.map_or_else(String::new, |pem| {
        format!("\n    certificate-authority-data: {}", STANDARD.encode(pem))
    });
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {cluster}
  cluster:
    server: {}{authority}
contexts:
- name: {cluster}
  context:
    cluster: {cluster}
    namespace: {}
    user: {user}
current-context: {cluster}
users:
- name: {user}
  user:
    token: {}
",
        quoted(connection.url),
        quoted(connection.namespace),
        quoted(connection.token.expose()),
    )
}

/// A text as YAML reads it back, whatever is in it: JSON is YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_finds_the_plane_and_no_text_escapes_its_place() {
        let token = SecretText::new("wlu_a\"\n  evil: true");
        let connection = Connection {
            cluster: "windlass",
            url: "https://127.0.0.1:6443",
            authority: Some("PEM"),
            token: &token,
            namespace: "default",
        };
        insta::assert_snapshot!(render(&connection), @r#"
        apiVersion: v1
        kind: Config
        clusters:
        - name: "windlass"
          cluster:
            server: "https://127.0.0.1:6443"
            certificate-authority-data: UEVN
        contexts:
        - name: "windlass"
          context:
            cluster: "windlass"
            namespace: "default"
            user: "windlass-user"
        current-context: "windlass"
        users:
        - name: "windlass-user"
          user:
            token: "wlu_a\"\n  evil: true"
        "#);
    }
}

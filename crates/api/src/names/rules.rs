//! Which texts are allowed as names.

/// Longest DNS-1123 label, and longest name of an object of `tekton.dev`.
pub const LABEL_MAX: usize = 63;

/// Longest DNS-1123 subdomain.
pub const SUBDOMAIN_MAX: usize = 253;

/// Whether a text is a DNS-1123 label: at most 63 of `a-z`, `0-9` and `-`, not starting or ending with `-`.
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= LABEL_MAX && is_label_of_any_length(text)
}

/// Whether a text is a DNS-1123 subdomain: labels joined by dots, at most 253 characters in all.
///
/// As in Kubernetes, the single labels in it may be longer than 63.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_MAX && text.split('.').all(is_label_of_any_length)
}

fn is_label_of_any_length(text: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.iter().all(inner)
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

/// Whether a string or array parameter may have this name: letters, digits, `_`, `-` and `.`, starting with a letter or `_`.
pub fn is_param_name(text: &str) -> bool {
    is_variable(text, |byte| matches!(byte, b'_' | b'-' | b'.'))
}

/// Whether an object parameter, or a key of one, may have this name: as [`is_param_name`], without dots.
pub fn is_object_param_name(text: &str) -> bool {
    is_variable(text, |byte| matches!(byte, b'_' | b'-'))
}

fn is_variable(text: &str, sign: impl Fn(u8) -> bool) -> bool {
    text.bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || sign(byte))
}

/// Whether a result may have this name: letters, digits, `_`, `-` and `.`, starting and ending with a letter or digit.
///
/// No such name leaves the directory it is used in.
pub fn is_result_name(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && ends(text.bytes().next())
        && ends(text.bytes().next_back())
}

const QUALIFIED_NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
     with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
     or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Why a text is no qualified name (`name` or `prefix/name`), in Kubernetes' words; empty when it is one.
pub fn qualified_name_problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut parts = text.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            prefix_problems(prefix, &mut problems);
            name
        }
        _ => {
            return vec![format!(
                "a qualified name {QUALIFIED_NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX {
        problems.push("name part must be no more than 63 characters".to_owned());
    }
    if !is_result_name(name) {
        problems.push(format!("name part {QUALIFIED_NAME_RULE}"));
    }
    problems
}

fn prefix_problems(prefix: &str, problems: &mut Vec<String>) {
    if prefix.is_empty() {
        problems.push("prefix part must be non-empty".to_owned());
        return;
    }
    if prefix.len() > SUBDOMAIN_MAX {
        problems.push("prefix part must be no more than 253 characters".to_owned());
    }
    if !prefix.split('.').all(is_label_of_any_length) {
        problems.push(format!("prefix part {SUBDOMAIN_RULE}"));
    }
}

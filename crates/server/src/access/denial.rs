//! How a refusal is told.

use super::Attributes;

/// The sentence of a refusal, word for word as upstream's; `reason` may be empty.
pub fn denial(attributes: &Attributes, reason: &str) -> String {
    let user = &attributes.user.name;
    let verb = attributes.verb.as_str();
    let mut message = if attributes.path.is_empty() {
        let resource = match attributes.subresource.as_str() {
            "" => attributes.resource.clone(),
            subresource => format!("{}/{subresource}", attributes.resource),
        };
        let place = match attributes.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let what = match attributes.group.as_str() {
            "" => attributes.resource.clone(),
            group => format!("{}.{group}", attributes.resource),
        };
        let name = match attributes.name.as_str() {
            "" => String::new(),
            name => format!(" {name:?}"),
        };
        let group = &attributes.group;
        format!(
            "{what}{name} is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group {group:?} {place}"
        )
    } else {
        format!(
            "forbidden: User {user:?} cannot {verb} path {:?}",
            attributes.path
        )
    };
    if !reason.is_empty() {
        message.push_str(": ");
        message.push_str(reason);
    }
    message
}

//! What things may be called, and how the names of children are made.
//!
//! The rules are those of Kubernetes (DNS-1123) and of Tekton's admission; the made-up names are the same, byte for
//! byte, as upstream's, because people and tools compute them.

mod made;
mod rules;
#[cfg(test)]
mod tests;

pub use made::SUFFIX_DRAWS;
pub use made::child_name;
pub use made::generate_name;
pub use made::restrict_length;
pub use rules::LABEL_MAX;
pub use rules::SUBDOMAIN_MAX;
pub use rules::is_dns_label;
pub use rules::is_dns_subdomain;
pub use rules::is_object_param_name;
pub use rules::is_param_name;
pub use rules::is_result_name;
pub use rules::qualified_name_problems;

//! Which node stands in which layer.

use super::model::Node;

/// Places of nodes by layer: the length of the longest way to each from a node that waits for nothing. Nodes on a
/// cycle, which admission refuses, would come last.
pub(super) fn layers(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut open: Vec<usize> = nodes.iter().map(|node| node.parents.len()).collect();
    for (place, node) in nodes.iter().enumerate() {
        for parent in &node.parents {
            if let Some(children) = children.get_mut(*parent) {
                children.push(place);
            }
        }
    }
    let mut layers = Vec::new();
    let mut layer: Vec<usize> = (0..nodes.len())
        .filter(|place| open.get(*place) == Some(&0))
        .collect();
    let mut placed = 0;
    while !layer.is_empty() {
        placed += layer.len();
        let mut next = Vec::new();
        for child in layer.iter().filter_map(|place| children.get(*place)).flatten() {
            if let Some(count) = open.get_mut(*child) {
                *count -= 1;
                if *count == 0 {
                    next.push(*child);
                }
            }
        }
        next.sort_unstable();
        layers.push(std::mem::replace(&mut layer, next));
    }
    if placed < nodes.len() {
        layers.push(
            (0..nodes.len())
                .filter(|place| open.get(*place).is_some_and(|count| *count > 0))
                .collect(),
        );
    }
    layers
}

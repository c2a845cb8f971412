//! The set and its operations.

use std::cmp::Ordering;

use crate::fields::element::Element;

/// A set of paths. A path in it says nothing of the paths below or above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Sorted, and each with something in it. Most sets have few elements at one place, for which a list is smaller and
    /// faster than a tree.
    nodes: Vec<(Element, Node)>,
}

/// What the set holds at one element: the path itself, paths below it, or both; never neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) member: bool,
    pub(crate) below: FieldSet,
}

impl Node {
    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// The set without paths.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a path. The empty one names the whole object, which nobody owns, and is left out.
    pub fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let place = match self.position(first) {
            Ok(place) => place,
            Err(place) => {
                self.nodes.insert(place, (first.clone(), Node::default()));
                place
            }
        };
        let Some((_, node)) = self.nodes.get_mut(place) else {
            return;
        };
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Adds a path of plain fields.
    #[must_use]
    pub fn with_field(mut self, path: &[&str]) -> Self {
        let elements: Vec<Element> = path.iter().map(|name| Element::field(*name)).collect();
        self.insert(&elements);
        self
    }

    /// Whether the path is in the set.
    pub fn contains(&self, path: &[Element]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return false;
        };
        self.node(first).is_some_and(|node| {
            if rest.is_empty() {
                node.member
            } else {
                node.below.contains(rest)
            }
        })
    }

    /// Whether it has no paths.
    pub fn is_empty(&self) -> bool {
        // Nodes without paths are never kept.
        self.nodes.is_empty()
    }

    /// The number of paths.
    pub fn len(&self) -> usize {
        let sizes = self.nodes.iter();
        sizes
            .map(|(_, node)| usize::from(node.member) + node.below.len())
            .sum()
    }

    /// The paths, members before what lies below their siblings, in upstream's order.
    pub fn paths(&self) -> Vec<Vec<Element>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Vec<Element>, paths: &mut Vec<Vec<Element>>) {
        for (element, _) in self.nodes.iter().filter(|(_, node)| node.member) {
            let mut path = prefix.clone();
            path.push(element.clone());
            paths.push(path);
        }
        for (element, node) in &self.nodes {
            prefix.push(element.clone());
            node.below.collect(prefix, paths);
            prefix.pop();
        }
    }

    /// The paths of both.
    #[must_use]
    pub fn union(self, other: &FieldSet) -> Self {
        if self.nodes.is_empty() {
            return other.clone();
        }
        let mut nodes = Vec::with_capacity(self.nodes.len() + other.nodes.len());
        let mut theirs = other.nodes.iter().peekable();
        for (element, mut node) in self.nodes {
            while let Some(next) = theirs.next_if(|(other, _)| *other < element) {
                nodes.push(next.clone());
            }
            if let Some((_, other)) = theirs.next_if(|(other, _)| *other == element) {
                node.member |= other.member;
                node.below = node.below.union(&other.below);
            }
            nodes.push((element, node));
        }
        nodes.extend(theirs.cloned());
        Self { nodes }
    }

    /// The paths that are in both.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> Self {
        self.zipped(other, |member, theirs| match theirs {
            Some(node) => (member && node.member, Below::Descend),
            None => (false, Below::Drop),
        })
    }

    /// The paths that are not in the other; what lies below a path of the other stays.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> Self {
        self.zipped(other, |member, theirs| match theirs {
            Some(node) => (member && !node.member, Below::Descend),
            None => (member, Below::Keep),
        })
    }

    /// The paths that are neither in the other nor below a path of it.
    #[must_use]
    pub fn recursive_difference(&self, other: &FieldSet) -> Self {
        self.zipped(other, |member, theirs| match theirs {
            Some(node) if node.member => (false, Below::Drop),
            Some(_) => (member, Below::Descend),
            None => (member, Below::Keep),
        })
    }

    /// The paths that are in the other, or below a path of it.
    #[must_use]
    pub fn within(&self, other: &FieldSet) -> Self {
        self.zipped(other, |member, theirs| match theirs {
            Some(node) if node.member => (member, Below::Keep),
            Some(_) => (false, Below::Descend),
            None => (false, Below::Drop),
        })
    }

    fn zipped(&self, other: &FieldSet, rule: fn(bool, Option<&Node>) -> (bool, Below)) -> Self {
        let mut result = FieldSet::new();
        for (element, node) in &self.nodes {
            let theirs = other.node(element);
            let (member, below) = rule(node.member, theirs);
            let below = match (below, theirs) {
                (Below::Descend, Some(theirs)) => node.below.zipped(&theirs.below, rule),
                (Below::Keep, _) => node.below.clone(),
                (Below::Descend | Below::Drop, _) => FieldSet::new(),
            };
            let node = Node { member, below };
            // Most nodes of most results are empty: their names are not copied.
            if !node.is_empty() {
                result.nodes.push((element.clone(), node));
            }
        }
        result
    }

    /// Takes out the paths of the other; what lies below them stays.
    pub(crate) fn subtract(&mut self, other: &FieldSet) {
        self.carve(other, false);
    }

    /// Takes out the paths of the other with all that lies below them.
    pub(crate) fn subtract_with_below(&mut self, other: &FieldSet) {
        self.carve(other, true);
    }

    fn carve(&mut self, other: &FieldSet, with_below: bool) {
        let mut emptied = false;
        for (element, theirs) in &other.nodes {
            let place = self.position(element).ok();
            let Some((_, node)) = place.and_then(|place| self.nodes.get_mut(place)) else {
                continue;
            };
            if theirs.member {
                node.member = false;
                if with_below {
                    node.below = FieldSet::new();
                }
            }
            node.below.carve(&theirs.below, with_below);
            emptied |= node.is_empty();
        }
        if emptied {
            self.nodes.retain(|(_, node)| !node.is_empty());
        }
    }

    /// Whether every path is in the other.
    pub fn is_subset(&self, other: &FieldSet) -> bool {
        self.nodes.iter().all(|(element, node)| {
            let theirs = other.node(element);
            theirs
                .is_some_and(|theirs| (theirs.member || !node.member) && node.below.is_subset(&theirs.below))
        })
    }

    /// The set with these elements, in any order; of those that are there twice, the last.
    pub(crate) fn from_nodes(mut nodes: Vec<(Element, Node)>) -> Self {
        nodes.retain(|(_, node)| !node.is_empty());
        if !nodes.is_sorted_by(|left, right| left.0 < right.0) {
            // Stable, so that the last of equals is the last.
            nodes.sort_by(|left, right| left.0.cmp(&right.0));
            nodes.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        Self { nodes }
    }

    fn position(&self, element: &Element) -> Result<usize, usize> {
        self.nodes.binary_search_by(|(own, _)| own.cmp(element))
    }

    pub(crate) fn node(&self, element: &Element) -> Option<&Node> {
        let place = self.position(element).ok()?;
        self.nodes.get(place).map(|(_, node)| node)
    }

    /// What is at a field, found without making an element of its name.
    pub(crate) fn field(&self, name: &str) -> Option<&Node> {
        let found = self.nodes.binary_search_by(|(own, _)| match own {
            Element::Field(own) => own.as_str().cmp(name),
            // Fields come before all other elements.
            _ => Ordering::Greater,
        });
        self.nodes.get(found.ok()?).map(|(_, node)| node)
    }

    pub(crate) fn nodes_mut(&mut self) -> impl Iterator<Item = (&Element, &mut Node)> {
        self.nodes.iter_mut().map(|(element, node)| (&*element, node))
    }

    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = (&Element, &Node)> {
        self.nodes.iter().map(|(element, node)| (element, node))
    }
}

enum Below {
    Keep,
    Drop,
    Descend,
}

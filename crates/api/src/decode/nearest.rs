//! What a misspelled word was meant to be.

/// The candidate most like a word, if any is like enough to be worth suggesting.
///
/// Compares without regard to case; one edit in three characters is like enough. Words of more than 64
/// characters have no likeness.
///
/// ```
/// assert_eq!(windlass_api::decode::nearest("parms", ["name", "params"]), Some("params"));
/// assert_eq!(windlass_api::decode::nearest("colour", ["name", "params"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let word: Vec<char> = word
        .chars()
        .take(LONGEST + 1)
        .flat_map(char::to_lowercase)
        .collect();
    if word.len() > LONGEST {
        return None;
    }
    let allowed = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (edits(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(edits, candidate)| edits <= allowed && edits < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and substitutions that make one word of the other.
fn edits(from: &[char], to: &str) -> usize {
    let mut previous: Vec<usize> = (0..=from.len()).collect();
    for (row, wanted) in to.chars().enumerate() {
        let mut current = Vec::with_capacity(previous.len());
        let mut left = row + 1;
        current.push(left);
        for (found, pair) in from.iter().zip(previous.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            left = (left + 1)
                .min(above + 1)
                .min(diagonal + usize::from(*found != wanted));
            current.push(left);
        }
        previous = current;
    }
    previous.last().copied().unwrap_or_default()
}

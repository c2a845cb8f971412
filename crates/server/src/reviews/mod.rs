//! Questions about access, asked like objects and never stored: who am I, may I, may they, what may I.

mod answer;
mod router;
#[cfg(test)]
mod tests;

pub use router::Reviews;
pub use router::router;

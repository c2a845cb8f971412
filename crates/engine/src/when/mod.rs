//! Guards: whether a task or step may run.

mod evaluate;

pub use evaluate::Error;
pub use evaluate::holds;

#[cfg(test)]
mod tests;

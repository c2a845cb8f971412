//! The engine backend against something that speaks like an engine, and not always well.

mod detection;
mod failures;
mod stand_in;

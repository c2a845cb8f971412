//! What a store on disk promises beyond the contract: it survives its process, however that ends, and the disk's moods.

mod crash;
mod failing;
mod reopened;
mod stores;

//! Containers without a daemon: images on disk, and the `container` executor that runs steps in them.
//!
//! Owns the content store that all runs share, unpacking of layers, image archives and layouts, and the backend that
//! turns an image and a process into a view of the executor's launcher. It does not talk to registries itself:
//! that is [`windlass_fetch::oci`].

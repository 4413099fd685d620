//! Links over real connections.

//! [`NodeRegistry`]: which nodes there are to call.

use std::sync::Arc;

use super::filter::TagFilter;
use super::member::Member;
use super::membership::ClusterMembership;
use super::view::ClusterView;

/// The live nodes of a cluster, by name and by tag.
///
/// Reads look at the view of the moment: they wait for nobody and hold nobody up, and what
/// they return does not change when the cluster does.
///
/// # Examples
///
/// ```no_run
/// # async fn example(cluster: std::sync::Arc<rpcnet::cluster::ClusterMembership>)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use rpcnet::cluster::NodeRegistry;
///
/// let registry = NodeRegistry::new(cluster);
/// for node in registry.nodes_with_tag("gpu").await {
///     println!("{} at {}", node.name(), node.address());
/// }
/// let idle = registry.nodes_matching(&"role=worker,!draining".parse()?).await;
/// # let _ = idle;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NodeRegistry {
    cluster: Arc<ClusterMembership>,
}

impl NodeRegistry {
    /// A registry of the nodes that this membership sees.
    pub fn new(cluster: impl Into<Arc<ClusterMembership>>) -> Self {
        let cluster = cluster.into();
        Self { cluster }
    }

    /// The live nodes that have a tag, whatever its value, sorted by name.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn nodes_with_tag(&self, key: &str) -> Vec<Member> {
        let view = self.cluster.view();
        let tagged = view.live().filter(|member| member.tag(key).is_some());
        tagged.cloned().collect()
    }

    /// The live nodes whose tags pass a filter, sorted by name.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn nodes_matching(&self, filter: &TagFilter) -> Vec<Member> {
        self.cluster.view().matching(filter).cloned().collect()
    }

    /// The node of this name, whatever its state.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<Member> {
        self.cluster.view().get(name).cloned()
    }

    /// All nodes at this moment.
    #[must_use]
    pub fn nodes(&self) -> ClusterView {
        self.cluster.view()
    }

    /// How many nodes are live, this one included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cluster.view().live().count()
    }

    /// Whether no node is live, which is so only once this one has left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The membership behind it.
    #[must_use]
    pub const fn cluster(&self) -> &Arc<ClusterMembership> {
        &self.cluster
    }
}

"""``gz2interp clusters``: clusters of a map at several scales, what tells each from the rest, and what to distrust."""

from __future__ import annotations

from gz2interp.workflows.clusters.finding import ClusterSettings, cluster_folder, clusters
from gz2interp.workflows.clusters.placing import clusters_at
from gz2interp.workflows.clusters.tables import clusters_table, members_table

__all__ = ["ClusterSettings", "cluster_folder", "clusters", "clusters_at", "clusters_table", "members_table"]

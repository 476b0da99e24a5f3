"""Work on many machines: a Dask scheduler hands out shards, its workers answer, and what they answer is kept here.

A worker opens survey and network by itself, from the path or address and the digest that it is told, once per process;
no network, no pixels and no results travel but what was asked for. A shard whose worker dies is given to another one,
whose answer is the same.
"""

from __future__ import annotations

from gz2interp.workflows.cluster.connection import Cluster, cluster_at
from gz2interp.workflows.cluster.places import SubjectAt, SurveyAt

__all__ = ["Cluster", "SubjectAt", "SurveyAt", "cluster_at"]

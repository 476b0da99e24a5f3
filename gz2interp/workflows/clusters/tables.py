"""Clusters as tables for people and other programs."""

from __future__ import annotations

import pandas as pd

from gz2interp.errors import InputError, choices
from gz2interp.grouping import Clusters
from gz2interp.stores.layer_results import ClusterFolder

__all__ = ["clusters_table", "members_table"]


def clusters_table(found: Clusters, scale: str = "") -> pd.DataFrame:
    """One row per cluster: cluster, galaxies, probably_made_by, sentence, inside.

    Parameters
    ----------
    found : Clusters
    scale : str
        "" for all.

    Raises
    ------
    InputError
        There is no such scale.
    """
    if scale and scale not in found.scales:
        raise InputError(f"The scale {scale!r} was given", f"One of {choices(found.scales)}")
    shown = found.of(scale) if scale else found.clusters
    return pd.DataFrame(
        {
            "cluster": [each.name for each in shown],
            "galaxies": [each.size for each in shown],
            "probably_made_by": [", ".join(flag.cause for flag in each.flags) for each in shown],
            "sentence": [each.words for each in shown],
            "inside": [each.inside for each in shown],
        }
    )


def members_table(folder: ClusterFolder, scale: str = "") -> pd.DataFrame:
    """One row per galaxy: row, galaxy_id, and its cluster at each scale as a number from 1; 0 for none."""
    members = folder.members
    if not scale:
        return members
    if scale not in members:
        raise InputError(f"The scale {scale!r} was given", f"One of {choices(folder.clusters.scales)}")
    return members[["row", "galaxy_id", scale]]

"""Split into training, validation and test samples by groups on the sky, from a hash of the smallest id of a group.

Adding or removing a galaxy changes nothing outside its group, and moves the group only if its smallest id changes.

A galaxy may be in a catalogue twice, under two ids or a few arcseconds apart; split by id, it could be in the training
and the test sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord, search_around_sky
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["LINKING_LENGTH", "SIDES", "class_shares", "fold_sides", "group_uniforms", "sides", "sky_groups"]

LINKING_LENGTH = 5.0
"""Linking length of groups [arcsec]: about the median Petrosian radius in GZ2."""

SIDES = ("train", "validation", "test")

Ids = NDArray[np.int64]


def sky_groups(galaxy_id: Ids, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> Ids:
    """The group of each galaxy, identified by its smallest id.

    Friends-of-friends groups with `LINKING_LENGTH`, and of equal ids. Galaxies without coordinates are grouped by id.

    Parameters
    ----------
    galaxy_id : int64 (n,)
    ra, dec : float (n,)
        J2000 [deg]; NaN where unknown.

    Returns
    -------
    int64 (n,)
    """
    links = np.concatenate([_near_pairs(ra, dec), _equal_pairs(galaxy_id)], axis=1)
    count = len(galaxy_id)
    graph = coo_array((np.ones(links.shape[1], np.int8), tuple(links)), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, component, galaxy_id)
    return np.asarray(smallest[component])


def sides(groups: Ids, seed: int, validation_fraction: float, test_fraction: float) -> NDArray[np.str_]:
    """The sample of each galaxy: ``"train"``, ``"validation"`` or ``"test"``.

    The fractions are met on average, not exactly: the sample of a group (as from `sky_groups`) depends only on the seed
    and the group.
    """
    uniform = group_uniforms(groups, seed)
    held_out = np.where(uniform < test_fraction, "test", "validation")
    return np.where(uniform < test_fraction + validation_fraction, held_out, "train")


def fold_sides(groups: Ids, seed: int, folds: int, fold: int, validation_fraction: float) -> NDArray[np.str_]:
    """The sample of each galaxy in cross-validation, with one of the folds as the test sample.

    The validation fraction refers to the groups of the other folds.
    """
    fold_of = (group_uniforms(groups, seed) * folds).astype(np.int64)
    validation = group_uniforms(groups, seed, "validation") < validation_fraction
    return np.where(fold_of == fold, "test", np.where(validation, "validation", "train"))


def group_uniforms(groups: Ids, seed: int, purpose: str = "") -> NDArray[np.float64]:
    """A uniform number in [0, 1) for each galaxy, the same within a group and independent for each purpose."""
    unique, where = np.unique(groups, return_inverse=True)
    return np.array([_uniform(seed, int(group), purpose) for group in unique], np.float64)[where]


def class_shares(labels: Sequence[str] | NDArray[np.str_], side: NDArray[np.str_]) -> pd.DataFrame:
    """Number of galaxies by class (rows) and sample (columns)."""
    counts = pd.crosstab(pd.Series(np.asarray(labels), name="class"), pd.Series(side, name="side"))
    return counts.reindex(columns=pd.Index(SIDES), fill_value=0)


def _near_pairs(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> Ids:
    placed = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if placed.size < 2:
        return np.empty((2, 0), np.int64)
    sky = SkyCoord(ra[placed] * u.deg, dec[placed] * u.deg)
    one, other, _, _ = search_around_sky(sky, sky, LINKING_LENGTH * u.arcsec)
    return np.stack([placed[one], placed[other]])


def _equal_pairs(galaxy_id: Ids) -> Ids:
    order = np.argsort(galaxy_id, kind="stable")
    equal = np.flatnonzero(np.diff(galaxy_id[order]) == 0)
    return np.stack([order[equal], order[equal + 1]])


def _uniform(seed: int, group: int, purpose: str = "") -> float:
    """A uniform number in [0, 1) from the first 53 bits of a hash, the precision of a float."""
    digest = hashlib.blake2b(f"{seed} {group} {purpose}".rstrip().encode(), digest_size=8).digest()
    return float((int.from_bytes(digest, "big") >> 11) * 2.0**-53)

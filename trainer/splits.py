"""Who trains and who tests: whole groups on the sky go to one side, decided by a hash of the smallest id among them.

So a galaxy that comes or goes changes nothing outside its own group. A group moves, as a whole, only with its smallest
id: when a neighbour with a smaller one is added, or when the galaxy that bears it is taken away.

One galaxy may stand in a catalogue twice, under two ids or a few arcseconds apart. Split by id it would be learnt on
one side and asked on the other.
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
"""Galaxies nearer to each other than this are one group [arcsec]; about the median Petrosian radius in GZ2."""

SIDES = ("train", "validation", "test")

Ids = NDArray[np.int64]


def sky_groups(galaxy_id: Ids, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> Ids:
    """The group of each galaxy, named by the smallest id in it.

    Friends of friends: whoever is nearer than `LINKING_LENGTH` to a member belongs to the group, and so do equal ids. A
    galaxy without coordinates is grouped by its id alone.

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
    """The side of each galaxy: ``"train"``, ``"validation"`` or ``"test"``.

    The fractions are met on average, not exactly: a group's side depends on (seed, group) alone, so that it stays when
    other groups come and go.

    Parameters
    ----------
    groups : int64 (n,)
        As from `sky_groups`.
    seed : int
    validation_fraction, test_fraction : float
    """
    lot = group_uniforms(groups, seed)
    held_out = np.where(lot < test_fraction, "test", "validation")
    return np.where(lot < test_fraction + validation_fraction, held_out, "train")


def fold_sides(groups: Ids, seed: int, folds: int, fold: int, validation_fraction: float) -> NDArray[np.str_]:
    """The side of each galaxy when one fold of several is the test side; each galaxy is tested in exactly one.

    Parameters
    ----------
    groups : int64 (n,)
        As from `sky_groups`.
    seed : int
    folds, fold : int
        How many, and which.
    validation_fraction : float
        Of the other folds' groups.
    """
    dealt = (group_uniforms(groups, seed) * folds).astype(np.int64)
    steers = group_uniforms(groups, seed, "validation") < validation_fraction
    return np.where(dealt == fold, "test", np.where(steers, "validation", "train"))


def group_uniforms(groups: Ids, seed: int, purpose: str = "") -> NDArray[np.float64]:
    """A number in [0, 1) for each galaxy, the same for a whole group and another one for each purpose.

    Parameters
    ----------
    groups : int64 (n,)
    seed : int
    purpose : str
    """
    unique, where = np.unique(groups, return_inverse=True)
    return np.array([_lot(seed, int(group), purpose) for group in unique], np.float64)[where]


def class_shares(labels: Sequence[str] | NDArray[np.str_], side: NDArray[np.str_]) -> pd.DataFrame:
    """How many galaxies of each class stand on each side; one row a class, one column a side."""
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


def _lot(seed: int, group: int, purpose: str = "") -> float:
    """A number in [0, 1) that belongs to this group: the first 53 bits of a hash, as many as a float holds."""
    digest = hashlib.blake2b(f"{seed} {group} {purpose}".rstrip().encode(), digest_size=8).digest()
    return float((int.from_bytes(digest, "big") >> 11) * 2.0**-53)

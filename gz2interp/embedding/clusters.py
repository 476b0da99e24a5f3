"""Clusters of a map at several scales, cut from one HDBSCAN tree, and the most typical members of each.

References
----------
Campello, Moulavi & Sander 2013, "Density-based clustering based on hierarchical density estimates" (HDBSCAN), PAKDD.
McInnes & Healy 2017, "Accelerated hierarchical density based clustering", arXiv:1705.07321; the leaves of the tree.

Notes on differences: the tree is that of HDBSCAN, found among the pairs of the map's triangulation and of nearest
neighbours, so that a million galaxies take minutes and not days; and two crowds are two only if the valley between them
is deep enough (`CONTRAST`), because the leaves of noise are many. With ``contrast=1, chance=0`` the clusters are
scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csgraph, csr_matrix
from scipy.spatial import Delaunay, QhullError, cKDTree

from gz2interp.errors import InputError, choices

__all__ = [
    "BETWEEN",
    "ROOM",
    "SCALES",
    "MapClusters",
    "find_clusters",
    "sampled_members",
    "smallest_clusters",
    "typical",
]


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCALES: Final[Mapping[str, float]] = {"coarse": 0.05, "middle": 0.015, "fine": 0.005}
"""The smallest cluster of each scale, as a share of all galaxies."""

FEWEST: Final = 10
"""Galaxies of a cluster, however few there are in all."""

BETWEEN: Final = -1
"""The number of galaxies between the clusters; clusters count from 0, the largest first."""

CONTRAST: Final = 1.2
"""How much farther apart galaxies must be in the valley between two crowds than in the crowds."""

CHANCE: Final = 1.5
"""What is added to that, over the square root of the smallest cluster's galaxies: few galaxies crowd by chance."""

TIES: Final = 1e-9
"""The share of the distance on the map that is added to a link."""

MORE_NEIGHBOURS: Final = 4
"""Pairs looked at beyond those that the density needs, so that hardly a link of the tree is missed."""


@dataclass(frozen=True, eq=False)
class MapClusters:
    """The clusters of a map.

    Attributes
    ----------
    coordinates : float64 (n, 2)
    labels : dict of int64 (n,)
        By scale: each galaxy's cluster, or `BETWEEN`.
    reach : dict of float64 (cluster,)
        By scale: how far apart galaxies are where the cluster ends, in the map's unit.
    samples : int
        A place is as dense as its nearest so many galaxies are near.
    """

    coordinates: Floats
    labels: Mapping[str, Ints]
    reach: Mapping[str, Floats]
    samples: int

    def place(self, coordinates: ArrayLike, scale: str) -> Ints:
        """The clusters of places on the map, those of galaxies that are not in the survey for example.

        Parameters
        ----------
        coordinates : float (m, 2)
        scale : str

        Returns
        -------
        int64 (m,)
            That of the galaxy that is linked to the place first, if the place is as dense as the cluster; else
            `BETWEEN`. A galaxy of the survey stays in its own.

        Raises
        ------
        InputError
            There is no such scale, or the coordinates are no pairs of numbers.
        """
        if scale not in self.labels:
            raise InputError(f"The scale {scale!r} was given", f"One of {choices(self.labels)}")
        places = _checked(coordinates)
        far, near = self._tree.query(places, k=self.samples)
        far, near = far.reshape(len(places), -1), near.reshape(len(places), -1)
        links = _told_apart(np.maximum(np.maximum(far, far[:, -1:]), self._cores[near]), far)
        first = links.argmin(axis=1)
        found = self.labels[scale][near[np.arange(len(places)), first]]
        reach = np.append(self.reach[scale], -np.inf)[found]  # BETWEEN is the last: nothing is within its reach
        return np.where(links.min(axis=1) <= reach, found, BETWEEN)

    @cached_property
    def _tree(self) -> Any:
        return cKDTree(self.coordinates)

    @cached_property
    def _cores(self) -> Floats:
        return _cores(self._tree, self.coordinates, self.samples)


def find_clusters(
    coordinates: ArrayLike,
    scales: Mapping[str, float] = SCALES,
    contrast: float = CONTRAST,
    chance: float = CHANCE,
    samples: int | None = None,
) -> MapClusters:
    """The clusters of a map.

    Parameters
    ----------
    coordinates : float (n, 2)
    scales : mapping
        Name -> the smallest cluster as a share of all galaxies.
    contrast, chance : float
        At least 1 and 0; see `CONTRAST` and `CHANCE`.
    samples : int, optional
        By default about the fifth root of n, 8 to 16.

    Returns
    -------
    MapClusters
        The same clusters for the same map in any order of galaxies. A map that is one cloud has no clusters.

    Raises
    ------
    InputError
        The coordinates are not (n, 2) finite numbers, a share is not between 0 and 0.5, or contrast or chance is
        too small.
    """
    xy = _checked(coordinates)
    if not scales or not all(0 < share < 0.5 for share in scales.values()) or contrast < 1 or chance < 0:
        raise InputError(
            f"The scales {dict(scales)}, a contrast of {contrast} and {chance} for chance were given",
            "Shares from 0 to 0.5; at least 1; at least 0",
        )
    samples = samples or int(np.clip(round(len(xy) ** 0.2), 8, 16))
    smallest = smallest_clusters(len(xy), scales)
    if len(xy) < 2 * min(smallest):
        nobody = {scale: np.full(len(xy), BETWEEN, np.int64) for scale in scales}
        return MapClusters(xy, nobody, {scale: np.zeros(0) for scale in scales}, min(samples, max(len(xy), 1)))
    links = _links(xy, samples)
    parents, leaves = _grown(links, len(xy), smallest, [contrast + chance / np.sqrt(least) for least in smallest])
    cut = {scale: _cut(parents, found, xy) for scale, found in zip(scales, leaves, strict=True)}
    labels = {scale: members for scale, (members, _) in cut.items()}
    return MapClusters(xy, labels, {scale: reach for scale, (_, reach) in cut.items()}, samples)


def smallest_clusters(n: int, scales: Mapping[str, float] = SCALES) -> tuple[int, ...]:
    """How many galaxies the smallest cluster of each scale has, of n galaxies in all."""
    return tuple(max(round(share * n), FEWEST) for share in scales.values())


def _checked(coordinates: ArrayLike) -> Floats:
    xy = np.ascontiguousarray(coordinates, np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2 or not np.isfinite(xy).all():
        raise InputError(f"Coordinates of shape {xy.shape} were given", "(n, 2) finite numbers")
    return xy


def _cores(tree: Any, xy: Floats, samples: int) -> Floats:
    """How far the nearest `samples` galaxies are, a galaxy itself among them."""
    return np.asarray(tree.query(xy, k=[min(samples, len(xy))])[0][:, 0])


def _links(xy: Floats, samples: int) -> tuple[Ints, Ints, Floats]:
    """The tree of least links (mutual reachability), shortest link first."""
    n, tree = len(xy), cKDTree(xy)
    far, near = tree.query(xy, k=min(samples + MORE_NEIGHBOURS, n))
    cores, sides = far[:, min(samples, n) - 1], _sides(xy)
    one = np.concatenate([np.repeat(np.arange(n), near.shape[1]), *(edges[:, 0] for edges in sides)])
    two = np.concatenate([near.ravel(), *(edges[:, 1] for edges in sides)])
    pairs = np.unique(np.minimum(one, two) * np.int64(n) + np.maximum(one, two))
    one, two = pairs // n, pairs % n
    one, two = one[one != two], two[one != two]
    away = np.hypot(*(xy[one] - xy[two]).T)
    apart = _told_apart(np.maximum(away, np.maximum(cores[one], cores[two])), away)
    apart = np.maximum(apart, 1e-12 * max(float(np.ptp(xy)), 1e-300))  # a link of length 0 is none to scipy
    least = csgraph.minimum_spanning_tree(csr_matrix((apart, (one, two)), shape=(n, n))).tocoo()
    order = np.lexsort((least.col, least.row, least.data))
    return least.row[order].astype(np.int64), least.col[order].astype(np.int64), least.data[order]


def _told_apart(links: Floats, away: Floats) -> Floats:
    """Equal links, the nearer pair first: so the order of the galaxies has no say."""
    return links + TIES * away


def _sides(xy: Floats) -> list[Ints]:
    """The sides of the map's triangulation; of places in a line, each with the next."""
    try:
        found = Delaunay(xy)
    except QhullError:
        order = np.lexsort(xy.T)
        return [np.column_stack([order[:-1], order[1:]])]
    corners = found.simplices.astype(np.int64)
    doubles = found.coplanar[:, [0, 2]].astype(np.int64)  # galaxies at one place: one of them stands for all
    return [corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]], doubles]


def _grown(
    links: tuple[Ints, Ints, Floats], n: int, smallest: Sequence[int], contrasts: Sequence[float]
) -> tuple[Ints, list[list[tuple[int, float]]]]:
    """Let crowds grow together, link by link.

    Returns
    -------
    parents : int64 (node,)
        Of galaxies and then of crowds: the crowd that each went into; the last is its own.
    leaves : list, a scale each
        Crowds that are clusters, with the length of the link that ended them.
    """
    parents = np.arange(2 * n - 1)
    root, size = list(range(2 * n - 1)), [1] * n + [0] * (n - 1)
    formed: list[dict[int, float]] = [{} for _ in smallest]  # crowd -> the link by which it became large enough
    parted: list[set[int]] = [set() for _ in smallest]  # crowds with clusters inside
    leaves: list[list[tuple[int, float]]] = [[] for _ in smallest]
    node = n
    for one, two, apart in zip(*(values.tolist() for values in links), strict=True):
        a, b = _top(root, one), _top(root, two)
        root[a] = root[b] = node
        parents[a] = parents[b] = node
        size[node] = size[a] + size[b]
        for scale, least in enumerate(smallest):
            if size[node] < least:
                continue
            begun = [formed[scale].pop(side) for side in (a, b) if side in formed[scale]]
            inside = [side in parted[scale] for side in (a, b)]
            if len(begun) == 2 and contrasts[scale] * max(begun) <= apart:
                leaves[scale] += [(side, apart) for side, old in zip((a, b), inside, strict=True) if not old]
                inside = [True, True]
            formed[scale][node] = min(begun, default=apart)
            if any(inside):
                parted[scale].add(node)
        node += 1
    return parents[:node], leaves


def _top(root: list[int], at: int) -> int:
    """The crowd that a galaxy belongs to by now; the way there is shortened for the next who asks."""
    top = at
    while root[top] != top:
        top = root[top]
    while root[at] != top:
        root[at], at = top, root[at]
    return top


def _cut(parents: Ints, leaves: Sequence[tuple[int, float]], xy: Floats) -> tuple[Ints, Floats]:
    """Each galaxy's cluster, numbered by size and, of equal ones, from the left, and the clusters' reach."""
    n = len(xy)
    up = parents.copy()
    nodes = np.array([node for node, _ in leaves], np.int64)
    up[nodes] = nodes
    while not np.array_equal(up, up[up]):
        up = up[up]
    number = np.full(len(parents), BETWEEN, np.int64)
    number[nodes] = np.arange(len(nodes))
    members = number[up[:n]]
    sizes = np.bincount(members[members >= 0], minlength=len(nodes))
    lefts = [xy[members == place, 0].min() for place in range(len(nodes))]
    order = np.lexsort((lefts, -sizes)) if len(nodes) else np.zeros(0, np.int64)
    renamed = np.full(len(nodes) + 1, BETWEEN, np.int64)
    renamed[order] = np.arange(len(nodes))
    return renamed[members], np.array([leaves[place][1] for place in order], np.float64)


ROOM = 512
"""Members of a cluster that are compared with one another."""


def sampled_members(
    labels: NDArray[np.int64], clusters: int, generator: np.random.Generator, most: int = ROOM
) -> list[NDArray[np.int64]]:
    """Members of each cluster, all of them or a random sample, ascending.

    Parameters
    ----------
    labels : int64 (n,)
    clusters : int
    generator : numpy.random.Generator
    most : int
    """
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(clusters + 1))
    parts = [order[first:last] for first, last in pairwise(edges)]
    return [  # of those between the clusters nobody: their label is below 0
        part if len(part) <= most else np.sort(generator.choice(part, most, replace=False)) for part in parts
    ]


def typical(points: NDArray[np.floating], metric: str, most: int) -> NDArray[np.int64]:
    """Places of the most typical points, the most typical first.

    Parameters
    ----------
    points : float (m, channel)
        A few hundred at most: each is compared with each.
    metric : str
        ``"cosine"`` or ``"euclidean"``.
    most : int
    """
    values = np.asarray(points, np.float64)
    if metric == "cosine":
        values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-30)
        total = (1 - np.clip(values @ values.T, -1, 1)).sum(axis=1)
    else:
        squares = (values**2).sum(axis=1)
        total = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * values @ values.T, 0)).sum(axis=1)
    return np.argsort(total, kind="stable")[:most]

"""Clusters of a map at several scales, cut from one HDBSCAN tree, and the most typical members of each.

References
----------
Campello, Moulavi & Sander 2013, "Density-based clustering based on hierarchical density estimates" (HDBSCAN), PAKDD.
McInnes & Healy 2017, "Accelerated hierarchical density based clustering", arXiv:1705.07321; the leaves of the tree.

Notes on differences: HDBSCAN's minimum spanning tree is computed from the edges of the map's triangulation and of
nearest neighbours only, so that a million galaxies take minutes; and two clusters are separated only if the valley
between them is deep enough (`CONTRAST`), because noise has many leaves. With ``contrast=1, chance=0`` the clusters are
those of scikit-learn.
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
    "MOST_COMPARED",
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
"""The least number of galaxies of a cluster, in a survey of any size."""

BETWEEN: Final = -1
"""The number of galaxies between the clusters; clusters count from 0, the largest first."""

CONTRAST: Final = 1.2
"""Ratio of the link lengths in the valley between two clusters and inside them from which on they are separated."""

CHANCE: Final = 1.5
"""Over the square root of the smallest cluster's size, added to `CONTRAST` for the noise of small numbers."""

TIES: Final = 1e-9
"""The share of the distance on the map that is added to a link to break ties."""

MORE_NEIGHBOURS: Final = 4
"""Neighbours searched beyond those that the density needs, so that hardly a link of the tree is missed."""


@dataclass(frozen=True, eq=False)
class MapClusters:
    """The clusters of a map.

    Attributes
    ----------
    coordinates : float64 (n, 2)
    labels : dict of int64 (n,)
        By scale: each galaxy's cluster, or `BETWEEN`.
    reach : dict of float64 (cluster,)
        By scale: the link length at which each cluster ends, in the map's unit.
    samples : int
        The density at a place is that of its nearest `samples` galaxies.
    """

    coordinates: Floats
    labels: Mapping[str, Ints]
    reach: Mapping[str, Floats]
    samples: int

    def place(self, coordinates: ArrayLike, scale: str) -> Ints:
        """The clusters of places on the map, such as those of galaxies outside the survey.

        Parameters
        ----------
        coordinates : float (m, 2)
        scale : str

        Returns
        -------
        int64 (m,)
            The cluster of the galaxy with the shortest link to the place, if the link is within the cluster's reach;
            else `BETWEEN`. A galaxy of the survey gets its own cluster.

        Raises
        ------
        InputError
            There is no such scale, or the coordinates are no pairs of numbers.
        """
        if scale not in self.labels:
            raise InputError(f"The scale {scale!r} was given", f"One of {choices(self.labels)}")
        places = _check_coordinates(coordinates)
        far, near = self._tree.query(places, k=self.samples)
        far, near = far.reshape(len(places), -1), near.reshape(len(places), -1)
        links = _break_ties(np.maximum(np.maximum(far, far[:, -1:]), self._cores[near]), far)
        first = links.argmin(axis=1)
        numbers = self.labels[scale][near[np.arange(len(places)), first]]
        reach = np.append(self.reach[scale], -np.inf)[numbers]  # BETWEEN (-1) indexes the last, -inf
        return np.where(links.min(axis=1) <= reach, numbers, BETWEEN)

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
    xy = _check_coordinates(coordinates)
    if not scales or not all(0 < share < 0.5 for share in scales.values()) or contrast < 1 or chance < 0:
        raise InputError(
            f"The scales {dict(scales)}, a contrast of {contrast} and {chance} for chance were given",
            "Shares from 0 to 0.5; at least 1; at least 0",
        )
    samples = samples or int(np.clip(round(len(xy) ** 0.2), 8, 16))
    smallest = smallest_clusters(len(xy), scales)
    if len(xy) < 2 * min(smallest):
        labels = {scale: np.full(len(xy), BETWEEN, np.int64) for scale in scales}
        return MapClusters(xy, labels, {scale: np.zeros(0) for scale in scales}, min(samples, max(len(xy), 1)))
    links = _links(xy, samples)
    parents, leaves = _merge_links(links, len(xy), smallest, [contrast + chance / np.sqrt(least) for least in smallest])
    cut = {scale: _cut(parents, nodes, xy) for scale, nodes in zip(scales, leaves, strict=True)}
    labels = {scale: members for scale, (members, _) in cut.items()}
    return MapClusters(xy, labels, {scale: reach for scale, (_, reach) in cut.items()}, samples)


def smallest_clusters(n: int, scales: Mapping[str, float] = SCALES) -> tuple[int, ...]:
    """The size of the smallest cluster of each scale, for n galaxies."""
    return tuple(max(round(share * n), FEWEST) for share in scales.values())


def _check_coordinates(coordinates: ArrayLike) -> Floats:
    xy = np.ascontiguousarray(coordinates, np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2 or not np.isfinite(xy).all():
        raise InputError(f"Coordinates of shape {xy.shape} were given", "(n, 2) finite numbers")
    return xy


def _cores(tree: Any, xy: Floats, samples: int) -> Floats:
    """Core distances: to the `samples`-th nearest galaxy, counting the galaxy itself."""
    return np.asarray(tree.query(xy, k=[min(samples, len(xy))])[0][:, 0])


def _links(xy: Floats, samples: int) -> tuple[Ints, Ints, Floats]:
    """The minimum spanning tree of mutual reachability, shortest link first."""
    n, tree = len(xy), cKDTree(xy)
    far, near = tree.query(xy, k=min(samples + MORE_NEIGHBOURS, n))
    cores, sides = far[:, min(samples, n) - 1], _sides(xy)
    one = np.concatenate([np.repeat(np.arange(n), near.shape[1]), *(edges[:, 0] for edges in sides)])
    two = np.concatenate([near.ravel(), *(edges[:, 1] for edges in sides)])
    pairs = np.unique(np.minimum(one, two) * np.int64(n) + np.maximum(one, two))
    one, two = pairs // n, pairs % n
    one, two = one[one != two], two[one != two]
    away = np.hypot(*(xy[one] - xy[two]).T)
    lengths = _break_ties(np.maximum(away, np.maximum(cores[one], cores[two])), away)
    lengths = np.maximum(lengths, 1e-12 * max(float(np.ptp(xy)), 1e-300))  # scipy drops links of length 0
    least = csgraph.minimum_spanning_tree(csr_matrix((lengths, (one, two)), shape=(n, n))).tocoo()
    order = np.lexsort((least.col, least.row, least.data))
    return least.row[order].astype(np.int64), least.col[order].astype(np.int64), least.data[order]


def _break_ties(links: Floats, away: Floats) -> Floats:
    """Order equal links by distance, so that the result does not depend on the order of the galaxies."""
    return links + TIES * away


def _sides(xy: Floats) -> list[Ints]:
    """The sides of the Delaunay triangulation; of collinear points, successive pairs."""
    try:
        triangulation = Delaunay(xy)
    except QhullError:
        order = np.lexsort(xy.T)
        return [np.column_stack([order[:-1], order[1:]])]
    corners = triangulation.simplices.astype(np.int64)
    doubles = triangulation.coplanar[:, [0, 2]].astype(np.int64)  # coincident points, which are not vertices
    return [corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]], doubles]


def _merge_links(
    links: tuple[Ints, Ints, Floats], n: int, smallest: Sequence[int], contrasts: Sequence[float]
) -> tuple[Ints, list[list[tuple[int, float]]]]:
    """Single-linkage tree, and its leaves that are clusters.

    Returns
    -------
    parents : int64 (node,)
        Parent of each node, galaxies first; the root is its own.
    leaves : list, a scale each
        Nodes that are clusters, with the length of the link that ended them.
    """
    parents = np.arange(2 * n - 1)
    root, size = list(range(2 * n - 1)), [1] * n + [0] * (n - 1)
    formed: list[dict[int, float]] = [{} for _ in smallest]  # node -> the link by which it became large enough
    split: list[set[int]] = [set() for _ in smallest]  # nodes with clusters inside
    leaves: list[list[tuple[int, float]]] = [[] for _ in smallest]
    node = n
    for one, two, length in zip(*(values.tolist() for values in links), strict=True):
        a, b = _top(root, one), _top(root, two)
        root[a] = root[b] = node
        parents[a] = parents[b] = node
        size[node] = size[a] + size[b]
        for scale, least in enumerate(smallest):
            if size[node] < least:
                continue
            begun = [formed[scale].pop(side) for side in (a, b) if side in formed[scale]]
            inside = [side in split[scale] for side in (a, b)]
            if len(begun) == 2 and contrasts[scale] * max(begun) <= length:
                leaves[scale] += [(side, length) for side, old in zip((a, b), inside, strict=True) if not old]
                inside = [True, True]
            formed[scale][node] = min(begun, default=length)
            if any(inside):
                split[scale].add(node)
        node += 1
    return parents[:node], leaves


def _top(root: list[int], at: int) -> int:
    """The current root of a node (union-find with path compression)."""
    top = at
    while root[top] != top:
        top = root[top]
    while root[at] != top:
        root[at], at = top, root[at]
    return top


def _cut(parents: Ints, leaves: Sequence[tuple[int, float]], xy: Floats) -> tuple[Ints, Floats]:
    """Each galaxy's cluster, numbered by size and then from the left, and the clusters' reach."""
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


MOST_COMPARED = 512
"""Members of a cluster that are compared with one another."""


def sampled_members(
    labels: NDArray[np.int64], clusters: int, generator: np.random.Generator, most: int = MOST_COMPARED
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
    return [  # labels below 0 are left out
        part if len(part) <= most else np.sort(generator.choice(part, most, replace=False)) for part in parts
    ]


def typical(points: NDArray[np.floating], metric: str, most: int) -> NDArray[np.int64]:
    """Indices of the points with the smallest summed distance to all others, the smallest first.

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

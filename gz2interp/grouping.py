"""The clusters of a layer's map as frozen records: what is known of each, as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gz2interp.records import record_from_json

__all__ = ["Cluster", "Clusters", "Flag"]


@dataclass(frozen=True)
class Flag:
    """What a cluster is probably made by, besides its galaxies.

    Attributes
    ----------
    cause : str
        ``"seeing"``, ``"depth"``, ``"background"``, ``"edge"``, ``"quality"`` or ``"neighbours"``.
    words : str
        "Probably made by the seeing: PSF in r 1.90 against 1.20."
    """

    cause: str
    words: str


@dataclass(frozen=True)
class Cluster:
    """One cluster.

    Attributes
    ----------
    scale : str
    number : int
        From 1, the largest of its scale first.
    size : int
        Galaxies.
    sentence : str
        What tells it from the rest.
    told : tuple of str
        The columns that the sentence names.
    flags : tuple of Flag
        The strongest first.
    typical : tuple of int
        Rows of the survey: the galaxies that are most like all others of the cluster in the layer, the most typical
        first.
    middle : int
        Row of the galaxy in the cluster's middle on the map.
    place : (float, float)
        Of that galaxy on the map.
    inside : str
        The name of the cluster of the next coarser scale in which it lies; "" for none.
    stacked : int
        Galaxies in its mean image.
    """

    scale: str
    number: int
    size: int
    sentence: str
    told: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    typical: tuple[int, ...] = ()
    middle: int = -1
    place: tuple[float, float] = (0.0, 0.0)
    inside: str = ""
    stacked: int = 0

    @property
    def name(self) -> str:
        """As people and addresses call it: ``"fine-7"``."""
        return f"{self.scale}-{self.number}"

    @property
    def words(self) -> str:
        """The sentence, behind what it is probably made by."""
        return " ".join([*(flag.words for flag in self.flags), self.sentence])


@dataclass(frozen=True)
class Clusters:
    """All clusters of a map.

    Attributes
    ----------
    galaxies : int
    scales : tuple of str
        From coarse to fine.
    clusters : tuple of Cluster
        By scale, and by number within.
    between : mapping
        By scale: galaxies between the clusters.
    reach : mapping
        By scale: how far apart galaxies are where each cluster ends, in the map's unit.
    samples : int
        A place on the map is as dense as its nearest so many galaxies are near.
    tests : int
        Comparisons made, all together.
    light : float
        Of the median galaxy [nanomaggies]: mean images are in shares of each galaxy's own light.
    """

    galaxies: int
    scales: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    between: Mapping[str, int] = field(default_factory=dict)
    reach: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    samples: int = 1
    tests: int = 0
    light: float = 1.0

    def of(self, scale: str) -> tuple[Cluster, ...]:
        """Those of one scale, the largest first."""
        return tuple(cluster for cluster in self.clusters if cluster.scale == scale)

    def named(self, name: str) -> Cluster | None:
        """The cluster of that name; None if there is none."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Clusters:
        """The inverse of `to_json`; a ValueError says what lacks or is of another type."""
        return record_from_json(cls, record)

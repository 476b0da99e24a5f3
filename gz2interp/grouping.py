"""The clusters of a layer's map as frozen records, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gz2interp.records import record_from_json, record_to_json

__all__ = ["Cluster", "Clusters", "Flag"]


@dataclass(frozen=True)
class Flag:
    """A probable observational artefact behind a cluster.

    Attributes
    ----------
    cause : str
        ``"seeing"``, ``"depth"``, ``"background"``, ``"edge"``, ``"quality"`` or ``"neighbours"``.
    words : str
        "Probably caused by the seeing: PSF in r 1.90 against 1.20."
    """

    cause: str
    words: str


@dataclass(frozen=True)
class Cluster:
    """One cluster.

    Attributes
    ----------
    number : int
        From 1, the largest of its scale first.
    size : int
        Galaxies.
    sentence : str
        What distinguishes it from all other galaxies.
    columns : tuple of str
        The columns that the sentence names.
    flags : tuple of Flag
        The strongest first.
    typical : tuple of int
        Rows of the survey: the galaxies closest to all others of the cluster in the layer, the most typical first.
    middle : int
        Row of the central galaxy on the map.
    place : (float, float)
        Position of that galaxy on the map.
    inside : str
        The name of the cluster of the next coarser scale that contains it; "" for none.
    stacked : int
        Galaxies in its mean image.
    """

    scale: str
    number: int
    size: int
    sentence: str
    columns: tuple[str, ...] = field(default=(), metadata={"key": "told"})
    flags: tuple[Flag, ...] = ()
    typical: tuple[int, ...] = ()
    middle: int = -1
    place: tuple[float, float] = (0.0, 0.0)
    inside: str = ""
    stacked: int = 0

    @property
    def name(self) -> str:
        """The name on pages and in URLs: ``"fine-7"``."""
        return f"{self.scale}-{self.number}"

    @property
    def words(self) -> str:
        """Its flags and its sentence."""
        return " ".join([*(flag.words for flag in self.flags), self.sentence])


@dataclass(frozen=True)
class Clusters:
    """All clusters of a map.

    Attributes
    ----------
    scales : tuple of str
        From coarse to fine.
    clusters : tuple of Cluster
        By scale, and by number within.
    between : mapping
        By scale: galaxies between the clusters.
    reach : mapping
        By scale: the distance between galaxies at which each cluster ends, in the map's unit.
    samples : int
        Number of nearest galaxies from whose distances the density at a point of the map is estimated.
    tests : int
        Number of comparisons made.
    light : float
        Flux of the median galaxy [nanomaggies]: mean images are in shares of each galaxy's flux.
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
        """The clusters of one scale, the largest first."""
        return tuple(cluster for cluster in self.clusters if cluster.scale == scale)

    def named(self, name: str) -> Cluster | None:
        """The cluster of that name; None if there is none."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        record: dict[str, Any] = record_to_json(self)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Clusters:
        """The inverse of `to_json`; a ValueError names what is missing or of another type."""
        return record_from_json(cls, record)

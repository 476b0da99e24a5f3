"""Quality measures of a map, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gz2interp.records import record_from_json, record_to_json

__all__ = ["LabelAgreement", "MapQuality", "PlacingError"]


@dataclass(frozen=True)
class LabelAgreement:
    """How often neighbours have the same class.

    Attributes
    ----------
    on_map : float
        Share of a galaxy's nearest neighbours on the map with its class.
    in_layer : float
        Share of its nearest neighbours in the activations with its class.
    by_chance : float
        Share of random galaxies with its class.
    """

    on_map: float
    in_layer: float
    by_chance: float


@dataclass(frozen=True)
class PlacingError:
    """Error of placing a galaxy on the map from its neighbours, leaving itself out, in units of the map's width.

    Attributes
    ----------
    median, most : float
        The 50th and the 95th percentile.
    galaxies : int
        Number of galaxies that were left out, one at a time.
    """

    median: float
    most: float
    galaxies: int


@dataclass(frozen=True)
class MapQuality:
    """How well a map preserves the neighbourhoods of the activations.

    Attributes
    ----------
    neighbours : int
        The number k of nearest neighbours in all measures.
    galaxies, of : int
        Size of the random sample that is compared with all galaxies, and their number.
    seed : int
        Of the sample.
    trustworthiness : float
        1 if all neighbours on the map are neighbours in the activations; others count by their ranks.
    continuity : float
        1 if all neighbours in the activations are neighbours on the map.
    neighbours_kept : float
        Share of the k nearest in the activations that are among the k nearest on the map.
    kept_by_chance : float
        The same on a map with random positions.
    agreement : dict
        By column, ``"label"`` and ``"prediction"``, where available.
    placing : PlacingError or None
        None where it was not measured.
    """

    neighbours: int
    galaxies: int
    of: int
    seed: int
    trustworthiness: float
    continuity: float
    neighbours_kept: float = field(metadata={"key": "kept"})
    kept_by_chance: float
    agreement: Mapping[str, LabelAgreement] = field(default_factory=dict)
    placing: PlacingError | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        record: dict[str, Any] = record_to_json(self)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> MapQuality:
        """The inverse of `to_json`; a ValueError names what is missing or of another type."""
        return record_from_json(cls, record)

    def sentences(self) -> tuple[str, ...]:
        """The measures in words."""
        sentences = [
            f"trustworthiness {self.trustworthiness:.3f}, continuity {self.continuity:.3f}",
            f"{self.neighbours_kept:.0%} of the {self.neighbours} nearest kept (by chance {self.kept_by_chance:.1%})",
        ]
        sentences += [
            f"{share.on_map:.0%} of neighbours share the {name} (in the layer {share.in_layer:.0%}, "
            f"by chance {share.by_chance:.0%})"
            for name, share in self.agreement.items()
        ]
        if self.placing:
            sentences.append(
                f"new galaxies land within {self.placing.median:.1%} of the map's width (95 %: {self.placing.most:.1%})"
            )
        return tuple(sentences)

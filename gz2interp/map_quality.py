"""How far a map can be believed, as a frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gz2interp.records import record_from_json

__all__ = ["LabelAgreement", "MapQuality", "PlacingError"]


@dataclass(frozen=True)
class LabelAgreement:
    """How often neighbours bear the same name.

    Attributes
    ----------
    on_map : float
        Of a galaxy's nearest on the map, the share with its name.
    in_layer : float
        The same of its nearest in the activations.
    by_chance : float
        The same of galaxies drawn at random.
    """

    on_map: float
    in_layer: float
    by_chance: float


@dataclass(frozen=True)
class PlacingError:
    """How far from its place a galaxy lands that is left out of its own neighbours, in units of the map's width.

    Attributes
    ----------
    median, most : float
        The 50th and the 95th percentile.
    galaxies : int
        How many were left out, one at a time.
    """

    median: float
    most: float
    galaxies: int


@dataclass(frozen=True)
class MapQuality:
    """How much of the neighbourhoods of the activations a map shows.

    Attributes
    ----------
    neighbours : int
        The k of all that follows.
    galaxies, of : int
        How many were asked about, drawn at random if not all, and how many there are; each of those asked is compared
        with all.
    seed : int
        Of the draw.
    trustworthiness : float
        1 if all neighbours on the map are neighbours in the activations; by how many ranks they are not counts.
    continuity : float
        1 if all neighbours in the activations are neighbours on the map.
    kept : float
        Of the k nearest in the activations, the share that is among the k nearest on the map.
    kept_by_chance : float
        The same on a map where galaxies lie at random.
    agreement : dict
        By column, ``"label"`` and ``"prediction"``, where there are any.
    placing : PlacingError or None
        None where it was not asked.
    """

    neighbours: int
    galaxies: int
    of: int
    seed: int
    trustworthiness: float
    continuity: float
    kept: float
    kept_by_chance: float
    agreement: Mapping[str, LabelAgreement] = field(default_factory=dict)
    placing: PlacingError | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> MapQuality:
        """The inverse of `to_json`; a ValueError says what lacks or is of another type."""
        return record_from_json(cls, record)

    def sentences(self) -> tuple[str, ...]:
        """What there is to say, the shortest first."""
        told = [
            f"trustworthiness {self.trustworthiness:.3f}, continuity {self.continuity:.3f}",
            f"{self.kept:.0%} of the {self.neighbours} nearest kept (by chance {self.kept_by_chance:.1%})",
        ]
        told += [
            f"{share.on_map:.0%} of neighbours share the {name} (in the layer {share.in_layer:.0%}, "
            f"by chance {share.by_chance:.0%})"
            for name, share in self.agreement.items()
        ]
        if self.placing:
            told.append(
                f"new galaxies land within {self.placing.median:.1%} of the map's width (95 %: {self.placing.most:.1%})"
            )
        return tuple(told)

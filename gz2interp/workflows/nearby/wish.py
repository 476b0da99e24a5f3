"""Which neighbours are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from gz2interp.errors import InputError

__all__ = ["NearbyWish"]


@dataclass(frozen=True)
class NearbyWish:
    """Which neighbours are asked for.

    Attributes
    ----------
    most : int
        How many; fewer where the survey has no more.
    skip_same : bool
        Whether the same galaxy imaged twice (within 5" on the sky) is left out; the next ones take its place.
    least : bool
        The least similar galaxies instead of the most similar ones, the least similar first.
    """

    most: int = 12
    skip_same: bool = False
    least: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InputError(f"{self.most} neighbours were asked for", "At least 1")

"""What is done about two galaxies that were given the same pixels: both are asked for again, or neither is believed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Galaxy
from trainer.download.staging import Outcome
from trainer.download.twins import Twins

__all__ = ["Doubt", "Doubts"]

_TRIES: Final = 3


@dataclass(frozen=True)
class Doubt:
    """An outcome that has a twin.

    Attributes
    ----------
    galaxy, other : Galaxy
        The one that came, and the one that had come before it.
    refused : tuple of Outcome
        What becomes of both, if asking again did not help; else empty.
    """

    galaxy: Galaxy
    other: Galaxy
    refused: tuple[Outcome, ...] = ()


class Doubts:
    """Counts how often a galaxy came with another one's pixels.

    Parameters
    ----------
    twins : Twins
    """

    def __init__(self, twins: Twins) -> None:
        self._twins, self._met = twins, Counter[int]()

    def about(self, outcome: Outcome) -> Doubt | None:
        """The doubt about an outcome; None where there is none."""
        other = self._twins.of(outcome)
        if other is None:
            return None
        galaxy = self._twins.galaxy(outcome.row)
        self._met[galaxy.row] += 1
        if self._met[galaxy.row] < _TRIES:
            return Doubt(galaxy, other)
        del self._met[galaxy.row]
        of_other = replace(outcome, row=other.row, result=_refusal(galaxy))
        return Doubt(galaxy, other, (replace(outcome, result=_refusal(other)), of_other))


def _refusal(other: Galaxy) -> CutoutUnavailable:
    words = f"the service gave the very same pixels for galaxy {other.galaxy_id}, asked {_TRIES} times: one is wrong"
    return CutoutUnavailable("failed", words)

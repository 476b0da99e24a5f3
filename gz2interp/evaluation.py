"""What is known of a network's quality, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gz2interp.records import record_from_json
from gz2interp.statistics import Estimate, ReliabilityBin

__all__ = ["ClassScore", "Evaluation", "Rest"]


@dataclass(frozen=True)
class ClassScore:
    """How a class fares.

    Attributes
    ----------
    name : str
    recall : Estimate
        Of its galaxies, how many were found.
    precision : Estimate
        Of the galaxies said to be of it, how many were.
    """

    name: str
    recall: Estimate
    precision: Estimate


@dataclass(frozen=True)
class Rest:
    """The galaxies without a label, which no accuracy counts.

    Attributes
    ----------
    count : int
    median_confidence : float or None
    confident : Estimate
        Of how many the network is more than 90 % sure.
    agreement : Estimate or None
        How often it says what most volunteers said; None without votes.
    predictions : dict
        Galaxies by what it says of them.
    """

    count: int
    median_confidence: float | None
    confident: Estimate
    agreement: Estimate | None
    predictions: dict[str, int]


@dataclass(frozen=True)
class Evaluation:
    """What is known of a network's quality.

    Attributes
    ----------
    model : str
    side : str
        Which galaxies were asked: ``"test"`` as a rule.
    label_scheme : str
    labelled, usable : int
        Galaxies with an image and a label, and with an image, in the whole survey.
    accuracy : Estimate
    classes : tuple of ClassScore
    confusion : tuple of tuple of int
        (true class, said class).
    calibration_error : Estimate
    ideal_calibration_error : Estimate
        Of a perfectly calibrated network on as many galaxies with the same confidences: mean, and 95 % of its range.
    brier : Estimate
        Mean squared distance between probabilities and label; 0 is perfect, 2 the worst.
    reliability : tuple of ReliabilityBin
    rest : Rest
    """

    model: str
    side: str
    label_scheme: str
    labelled: int
    usable: int
    accuracy: Estimate
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_error: Estimate
    ideal_calibration_error: Estimate
    brier: Estimate
    reliability: tuple[ReliabilityBin, ...]
    rest: Rest

    @property
    def selection(self) -> str:
        """On which galaxies the numbers hold, in words."""
        return (
            f"{self.accuracy.count} galaxies of the {self.side} side; "
            f"{self.labelled} of {self.usable} galaxies have a label by the scheme {self.label_scheme!r}"
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"selection": self.selection, **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_json`.

        Raises
        ------
        ValueError
            The record is not one of an evaluation, or of an older one that knew less.
        """
        return record_from_json(cls, record)

"""A model card: the quality of a network, its data and its failures, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gz2interp.records import record_from_json
from gz2interp.statistics import BinnedShare, Estimate, ReliabilityBin

__all__ = [
    "CardLabels",
    "ClassScore",
    "Data",
    "Evaluation",
    "Failures",
    "Mistake",
    "ModelCard",
    "Training",
    "UnlabelledGalaxies",
]


@dataclass(frozen=True)
class ClassScore:
    """Recall and precision of a class, fractions of its galaxies and of those predicted to be of it."""

    name: str
    recall: Estimate
    precision: Estimate


@dataclass(frozen=True)
class UnlabelledGalaxies:
    """The galaxies without a label, which do not enter the accuracy.

    Attributes
    ----------
    confident : Estimate
        Share with a confidence above 90 %.
    agreement : Estimate or None
        Share predicted as the class with most volunteer votes; None without votes.
    predictions : dict
        Predicted class -> number of galaxies.
    """

    count: int
    median_confidence: float | None
    confident: Estimate
    agreement: Estimate | None
    predictions: dict[str, int]


@dataclass(frozen=True)
class Evaluation:
    """Quality of a network's predictions.

    Attributes
    ----------
    side : str
        The evaluated galaxies: usually ``"test"``.
    labelled, usable : int
        Galaxies with an image and a label, and with an image, in the whole survey.
    confusion : tuple of tuple of int
        (true class, predicted class).
    ideal_calibration_error : Estimate
        Of a perfectly calibrated network on as many galaxies with the same confidences: mean, and 95 % of its range.
    brier : Estimate
        Mean squared distance between probabilities and label; 0 is perfect, 2 the worst.
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
    rest: UnlabelledGalaxies

    @property
    def selection(self) -> str:
        """The evaluated galaxies, in words."""
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
            The record is not one of an evaluation, or of an older version with fewer fields.
        """
        return record_from_json(cls, record)


@dataclass(frozen=True)
class Data:
    """The galaxies of a model card.

    Attributes
    ----------
    survey, source, digest : str
        The survey's name, where its cutouts come from, and the digest of catalogue and pixels.
    shape : (y, x)
        Of a cutout, in pixels.
    galaxies, usable, labelled : int
        In the catalogue, with an image, and of these with a label.
    """

    survey: str
    source: str
    digest: str
    bands: tuple[str, ...]
    shape: tuple[int, int]
    galaxies: int
    usable: int
    labelled: int


@dataclass(frozen=True)
class CardLabels:
    """The labels of the training galaxies.

    Attributes
    ----------
    scheme, words : str
        The label scheme, and a description with its thresholds.
    counts : mapping
        Class -> side -> galaxies with an image.
    """

    scheme: str
    words: str
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Training:
    """The training of a network.

    Attributes
    ----------
    settings : mapping
        Of the recipe.
    temperature : float or None
        Of the temperature scaling of its logits; None where it was not recorded.
    versions : mapping
        Of the packages.
    on_these_data : bool
        Whether the survey is unchanged since the training.
    history : mapping
        Column -> one number per epoch.
    """

    settings: Mapping[str, Any]
    temperature: float | None
    versions: Mapping[str, str]
    on_these_data: bool
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Failures:
    """Error rate of the network by a column of the catalogue.

    Attributes
    ----------
    column, words : str
        The column, and its description with the unit.
    bins : tuple of BinnedShare
        Of about equally many galaxies; the share of wrong predictions.
    """

    column: str
    words: str
    bins: tuple[BinnedShare, ...]


@dataclass(frozen=True)
class Mistake:
    """A galaxy with a confident prediction that differs from its label.

    Attributes
    ----------
    galaxy_id : str
        Digits as text: JSON numbers beyond 2**53 lose digits.
    """

    galaxy_id: str
    row: int
    label: str
    prediction: str
    confidence: float


@dataclass(frozen=True)
class ModelCard:
    """Data, training, quality and failures of a network on one survey.

    Attributes
    ----------
    model, digest : str
        Name of the model, and the digest of its file.
    training : Training or None
        None for an imported network.
    side : str
        The galaxies on which failures and mistakes were counted; "" for none.
    mistakes : tuple of Mistake
        The most confident first.
    suspects : int or None
        Number of label errors by confident learning; None where it was not run.
    unknown : tuple of str
        Missing information, in sentences, each with the command that provides it if there is one.
    """

    model: str
    digest: str
    class_names: tuple[str, ...]
    data: Data
    labels: CardLabels | None
    training: Training | None
    evaluation: Evaluation | None
    side: str
    failures: tuple[Failures, ...]
    mistakes: tuple[Mistake, ...]
    suspects: int | None
    unknown: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

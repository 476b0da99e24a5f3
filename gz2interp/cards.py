"""A network's card: what is known of it, and what is not, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gz2interp.evaluation import Evaluation
from gz2interp.statistics import BinnedShare

__all__ = ["Card", "Data", "Failures", "Labels", "Mistake", "Training"]


@dataclass(frozen=True)
class Data:
    """The galaxies that a network was asked about.

    Attributes
    ----------
    survey, source, digest : str
        The survey's name, where its cutouts come from, and the digest of catalogue and pixels.
    bands : tuple of str
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
class Labels:
    """What the network was asked to learn.

    Attributes
    ----------
    scheme, words : str
        The label scheme, and what it does with its thresholds.
    counts : mapping
        Class -> side -> galaxies with an image.
    """

    scheme: str
    words: str
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Training:
    """How a network came to be.

    Attributes
    ----------
    settings : mapping
        Of the recipe.
    temperature : float or None
        By which its logits were divided at the end; None where that was not recorded.
    versions : mapping
        Of the packages.
    on_these_data : bool
        Whether the survey still is the one that it learnt from.
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
    """How often the network is wrong, by a column of the catalogue.

    Attributes
    ----------
    column, words : str
        The column, and what it is, with its unit.
    bins : tuple of BinnedShare
        Of about equally many galaxies; the share is of those that it gets wrong.
    """

    column: str
    words: str
    bins: tuple[BinnedShare, ...]


@dataclass(frozen=True)
class Mistake:
    """A galaxy of which the network was sure, and wrong by its label.

    Attributes
    ----------
    galaxy_id : str
        Digits: beyond 2**53 a number in JSON is another galaxy.
    row : int
    label, prediction : str
    confidence : float
    """

    galaxy_id: str
    row: int
    label: str
    prediction: str
    confidence: float


@dataclass(frozen=True)
class Card:
    """What is known of a network on one survey.

    Attributes
    ----------
    model, digest : str
        Its name, and the digest of its file.
    class_names : tuple of str
    data : Data
    labels : Labels or None
    training : Training or None
        None for a network that came from elsewhere.
    evaluation : Evaluation or None
    side : str
        The galaxies on which failures and mistakes were counted; "" where none could be.
    failures : tuple of Failures
    mistakes : tuple of Mistake
        The most confident first.
    suspects : int or None
        Labels that confident learning counts as errors; None where it was not asked.
    unknown : tuple of str
        What is not known, in sentences, each with the command that would tell if there is one.
    """

    model: str
    digest: str
    class_names: tuple[str, ...]
    data: Data
    labels: Labels | None
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

"""Galaxies as cards of a gallery; a click on one selects it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.gallery_component import Card
from dashboards.loading.pictures import pictures_of
from dashboards.loading.tables import table_of
from dashboards.parts.subject import Subject
from dashboards.selection import change
from gz2interp.schema import name_in_words

__all__ = ["cards_of", "label_and_prediction", "pick"]


def cards_of(subject: Subject, rows: NDArray[np.int64], notes: Sequence[str]) -> list[Card]:
    """Cards whose titles say label and prediction, and once only where they agree."""
    known = table_of(subject.survey, subject.model, rows)
    pictures = pictures_of(subject.survey, rows)
    return [
        Card(galaxy_id, picture, label_and_prediction(label, prediction), note)
        for galaxy_id, label, prediction, picture, note in zip(
            known["galaxy_id"], known["label"], known["prediction"], pictures, notes, strict=True
        )
    ]


def pick(galaxy_id: str) -> None:
    """Select a galaxy; "" stands for an image that is not in the survey."""
    if galaxy_id:
        change(galaxy_id=galaxy_id)


def label_and_prediction(label: Any, prediction: Any) -> str:
    """The title of a card: both, or once only where they agree."""
    words = [name_in_words(word) for word in (label, prediction) if isinstance(word, str) and word]
    return " → ".join(dict.fromkeys(words)) or "no label"

"""Correct beside wrong: galaxies that the network has right beside such of the same label that it has wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.attribution import METHODS
from gz2interp.errors import InputError
from gz2interp.figures.layouts.right_wrong import right_wrong_figure
from gz2interp.figures.pieces.cells import Cell
from gz2interp.workflows.explain import Explanation, explain
from gz2interp.workflows.figures.drawing import Drawing, numbers_of
from gz2interp.workflows.figures.parts import caption_of, foot_of, scale_for, scale_in_words, shown_of, who_in_words
from gz2interp.workflows.figures.wish import Wish
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.predict import predict

__all__ = ["of_right_wrong", "right_and_wrong"]

PAIRS: Final = 4


def of_right_wrong(subject: Subject, galaxy_ids: Sequence[int | str], wish: Wish) -> Drawing:
    """The figure of the galaxies named, or of the network's most confident mistakes and their counterparts.

    Raises
    ------
    InputError
        A galaxy has no label, or there is none of one of the two kinds.
    """
    ids = [*galaxy_ids] or right_and_wrong(subject, wish.most or PAIRS)
    found = explain(subject, ids, wish.question)
    right, wrong = _halves(found)
    scale = scale_for([found], single_bands=False)
    shown = shown_of(found)
    cells = [Cell(each, values) for each, values in zip(shown, found.attribution.values, strict=True)]
    halves = [cells[i] for i in right], [cells[i] for i in wrong]
    figure = right_wrong_figure(*halves, found.bands, scale, wish.manner, foot_of(subject, found))
    method = METHODS[found.attribution.method].title
    what = (
        "Galaxies that the network classifies correctly (left) and wrongly (right); of each the colour image and the "
        f"map ({method}), the predicted class with its probability, and the label."
        f"{'' if galaxy_ids else _CHOSEN}"
    )
    who = who_in_words([shown[i] for i in (*right, *wrong)])
    words = caption_of(subject, f"{what} {who}", [found], shown, wish.manner, scale_in_words(scale))
    numbers = numbers_of([found], [scale.limit])
    numbers.insert(0, "half", ["right" if i in set(right.tolist()) else "wrong" for i in range(len(numbers))])
    return Drawing(figure, words, (found,), numbers)


_CHOSEN: Final = (
    " Shown are its most confident errors, each beside the galaxy of the same label that it classifies correctly with "
    "most confidence; galaxies outside the training sample, if there are any."
)


def right_and_wrong(subject: Subject, pairs: int = PAIRS) -> list[int]:
    """The most confident mistakes and, of the same labels, the galaxies most confidently right; pair after pair.

    Galaxies of the test side where there is one.

    Raises
    ------
    InputError
        No galaxy has a label, or the network makes no mistake.
    """
    said = predict(subject)
    said = said[said["label"].isin(set(said["prediction"]) | set(subject.probe.class_names))]
    if (said["split"] == "test").any():
        said = said[said["split"] == "test"]
    said = said.sort_values(["confidence", "row"], ascending=[False, True])
    is_right = said["prediction"].to_numpy(str) == said["label"].to_numpy(str)
    mistakes, rest = said[~is_right], said[is_right]
    chosen: list[int] = []
    for mistake in mistakes.itertuples():
        same = rest[rest["label"] == mistake.label]
        if len(same) and len(chosen) < 2 * pairs:
            chosen += [int(same["galaxy_id"].iloc[0]), int(str(mistake.galaxy_id))]
            rest = rest.drop(index=same.index[0])
    if not chosen:
        raise InputError(
            f"Of {len(said)} galaxies with a label, the network {subject.model.name} has {len(mistakes)} wrong",
            "At least one that it has wrong, and one of the same label that it has right",
            "Name galaxies, or label more of them",
        )
    return chosen


def _halves(found: Explanation) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    unlabelled = [str(found.galaxy_ids[i]) for i, label in enumerate(found.labels) if not label]
    if unlabelled:
        raise InputError(f"Galaxy {unlabelled[0]} has no label", "Galaxies of which it is known what they are")
    said, labels = pd.Series(found.predictions), pd.Series(found.labels)
    is_right = (said == labels).to_numpy()
    return np.flatnonzero(is_right), np.flatnonzero(~is_right)

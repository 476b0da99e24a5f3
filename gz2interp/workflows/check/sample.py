"""The galaxies that a check looks at, with what is known of their noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.trust.map_tests import electrons_of
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.predict import predict

__all__ = ["Sample", "draw_sample"]

UNSEEN = ("test", "validation", "none")
"""Sides of the training, those first that the network has not learned from."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Some galaxies, as many of each predicted class as there are, up to an equal share; so are the first few of them.

    Attributes
    ----------
    rows : int64 (n,)
        Of the survey, in no order.
    images : float32 (n, y, x, band), nanomaggies
    classes : int64 (n,)
        What the network predicts, by position among `class_names`.
    class_names : tuple of str
    sky_sigma : float32 (n, band)
        NaN where it was not measured.
    electrons : tuple of float
        Per nanomaggy in each band; infinite where unknown.
    """

    rows: NDArray[np.int64]
    images: NDArray[np.float32]
    classes: NDArray[np.int64]
    class_names: tuple[str, ...]
    sky_sigma: NDArray[np.float32]
    electrons: tuple[float, ...]

    def first(self, count: int) -> Sample:
        """The first so many of them."""
        some = {name: getattr(self, name)[:count] for name in ("rows", "images", "classes", "sky_sigma")}
        return replace(self, **some)

    @property
    def names(self) -> NDArray[np.str_]:
        """The predicted class of each galaxy."""
        return np.array(self.class_names)[self.classes]


def draw_sample(subject: Subject, count: int, seed: int) -> Sample:
    """Galaxies that the network has not learned from, as far as there are such.

    Parameters
    ----------
    subject : Subject
    count : int
        At most; fewer where the survey has fewer.
    seed : int

    Raises
    ------
    InputError
        Fewer than two galaxies have an image.
    """
    table, names = predict(subject), subject.probe.class_names
    chosen = _drawn(table, count, seed)
    if len(chosen) < 2:
        raise InputError(f"{subject.survey.name} has {len(table)} galaxies with an image", "Two or more for a check")
    rows = chosen["row"].to_numpy(np.int64)
    return Sample(
        rows=rows,
        images=subject.survey.images(rows),
        classes=np.array([names.index(name) for name in chosen["prediction"]], np.int64),
        class_names=names,
        sky_sigma=_sky_sigma(subject, rows),
        electrons=electrons_of(subject.survey.bands),
    )


def _drawn(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """An equal share of each predicted class; what a class cannot fill, the others do."""
    shuffled = table.sample(frac=1, random_state=np.random.default_rng([seed, 0]))
    unseen = shuffled["split"].isin(UNSEEN).to_numpy()
    ordered = pd.concat([shuffled[unseen], shuffled[~unseen]])
    turn = ordered.groupby("prediction").cumcount().to_numpy()
    first = np.lexsort((np.arange(len(turn)), turn))[:count]
    return ordered.iloc[first]


def _sky_sigma(subject: Subject, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    bands = subject.survey.bands
    return np.array([_known(subject.survey.cutout(int(row)).sky_sigma, len(bands)) for row in rows], np.float32)


def _known(sigma: tuple[float, ...], bands: int) -> tuple[float, ...]:
    return sigma if len(sigma) == bands else (float("nan"),) * bands

"""Scores from text, including those that refer to other galaxies or to directions in files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.network.layer_scores import direction, similarity
from gz2interp.network.scores import Score
from gz2interp.network.written_scores import WORDS, read_score
from gz2interp.results import digest_of
from gz2interp.stores.arrays import read_npy
from gz2interp.workflows.study import Study

__all__ = ["direction_vector", "score_from"]


def score_from(study: Study, text: str, more: Mapping[str, Callable[..., Score]] | None = None) -> Score:
    """Parse a score.

    Parameters
    ----------
    text : str
        As for `gz2interp.network.written_scores.read_score`, with two further functions: ``similarity(GALAXY)`` or
        ``similarity(GALAXY, LAYER)``, the cosine to that galaxy's mean activations; and ``direction("FILE.npy")`` or
        ``direction("FILE.npy", LAYER)``. Without a layer, the last spatial one. Galaxy ids need no quotes.
    more : mapping, optional
        Further functions by name.

    Raises
    ------
    InputError
        The text is no score, or a class, layer, channel, galaxy or file in it does not exist.
    """
    words = {"similarity": partial(_similarity, study), "direction": partial(_direction, study)}
    score = read_score(text, {**WORDS, **words, **(more or {})})
    study.probe.check(score)
    return score


def _similarity(study: Study, galaxy: str | int, layer: str = "") -> Score:
    row, layer = study.survey.row_of(galaxy), layer or study.probe.default_layer
    image = study.survey.cutout(row).image
    return similarity(layer, study.probe.activations(image[None], layer, pooled=True)[0], to=str(galaxy))


def _direction(study: Study, file: str, layer: str = "") -> Score:
    layer = layer or study.probe.default_layer
    vector = direction_vector(file)
    name = f"direction({Path(str(file)).name}, {layer}, {digest_of(vector.tolist())[:6]})"
    return direction(layer, vector, name)


def direction_vector(file: str) -> NDArray[Any]:
    """Read a vector (channel,) from a ``.npy`` file.

    Raises
    ------
    InputError
        The file cannot be read, or holds something else.
    """
    vector = read_npy(Path(str(file)).expanduser(), InputError)
    if vector.ndim != 1 or vector.dtype.kind not in "fiu" or not np.isfinite(vector).all():
        raise InputError(
            f"The direction {file} is {vector.dtype} {vector.shape}", "A .npy file with one finite number a channel"
        )
    return vector

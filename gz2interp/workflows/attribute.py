"""One method asked about some images of a survey, with what it needs besides: a layer, other galaxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution import METHODS, Method, symmetry_averaged
from gz2interp.errors import InputError, choices
from gz2interp.network.scores import Score
from gz2interp.results import Attribution
from gz2interp.workflows.opening import Subject

__all__ = ["REFERENCES", "Question", "attribute", "method_named", "options_of", "references_of"]

REFERENCES: Final = 64
"""Galaxies of the survey with which expected gradients compare."""


@dataclass(frozen=True)
class Question:
    """What is asked of the network.

    Attributes
    ----------
    method : str
        One of `gz2interp.attribution.METHODS`.
    score : Score or None
        None for the logit of the class that the network predicts for each galaxy.
    layer : str
        For methods that look at a layer; "" for the last spatial one.
    options : mapping
        Further parameters of the method.
    views : bool
        Average over the galaxy's turned and mirrored views; the map then has a variance.
    """

    method: str = "grad_cam"
    score: Score | None = None
    layer: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    views: bool = False


def attribute(subject: Subject, images: NDArray[np.float32], score: Score, question: Question) -> Attribution:
    """Attribution maps of images, by the question's method and options; its own score is not looked at.

    Raises
    ------
    InputError
        The method or one of its options is not known, or it looks at no layer and one was given.
    """
    method = method_named(question.method)
    options = options_of(subject, method, question)
    if question.views:
        return symmetry_averaged(method.function, subject.probe, images, score, **options)
    return method.function(subject.probe, images, score, **options)


def method_named(name: str) -> Method:
    """One of `gz2interp.attribution.METHODS`.

    Raises
    ------
    InputError
        There is none of that name.
    """
    if name not in METHODS:
        raise InputError(f"There is no method {name!r}", f"One of {choices(METHODS, most=len(METHODS))}")
    return METHODS[name]


def references_of(subject: Subject, count: int = REFERENCES) -> NDArray[np.float32]:
    """Images of galaxies drawn from the survey, always the same ones of one survey, float32 (m, y, x, band)."""
    there = np.flatnonzero(subject.survey.usable)
    drawn = np.random.default_rng(0).choice(there, min(count, len(there)), replace=False)
    return subject.survey.images(np.sort(drawn))


def options_of(subject: Subject, method: Method, question: Question) -> dict[str, Any]:
    """The question's options, and what else the method needs: a layer, other galaxies.

    Raises
    ------
    InputError
        The method looks at no layer and one was given.
    """
    options = dict(question.options)
    if method.needs_layer:
        options["layer"] = question.layer or subject.probe.default_layer
    elif question.layer:
        raise InputError(f"{method.title} looks at no layer, {question.layer!r} was given", remedy="Leave it out")
    if method.name == "expected_gradients":
        options.setdefault("references", references_of(subject))
    if method.caveat:
        options.setdefault("warn", False)  # whoever draws the map shows the caveat
    return options

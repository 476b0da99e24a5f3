"""Repaint pairs: painted galaxies as they are and altered under the same noise, with what became of their maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gz2interp.attribution import METHODS
from gz2interp.errors import InputError
from gz2interp.figures.layouts.repaint_pair import Pair, repaint_figure
from gz2interp.network.scores import Score, logit
from gz2interp.schema import name_in_words, score_in_words
from gz2interp.workflows.attribute import attribute
from gz2interp.workflows.counterfactual import said_of
from gz2interp.workflows.explain import Explanation, explain
from gz2interp.workflows.figures.drawing import Drawing, numbers_of
from gz2interp.workflows.figures.parts import caption_of, foot_of, scale_for, scale_in_words, shown_of, who_in_words
from gz2interp.workflows.figures.wish import Wish
from gz2interp.workflows.figures.words import value_in_words
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.repaint import Repainted, repaint_galaxy

__all__ = ["of_repaint"]


def of_repaint(subject: Subject, galaxy_ids: Sequence[int | str], wish: Wish) -> Drawing:
    """The figure of some painted galaxies and the same alteration of each; after it the same score is explained.

    Raises
    ------
    InputError
        No galaxy was named, or it cannot be altered so.
    SurveyError
        The survey is not painted.
    """
    if not galaxy_ids:
        raise InputError("No galaxy was named", "One painted galaxy or more")
    altered = [repaint_galaxy(subject.survey, each, wish.alteration, subject.probe) for each in galaxy_ids]
    before = explain(subject, galaxy_ids, wish.question)
    after = _after(subject, before, altered, wish)
    scale = scale_for([before, after], single_bands=False)
    shown, again = shown_of(before, lambda _, i: _words(before, after, altered[i], i)), shown_of(after)
    maps = zip(before.attribution.values, after.attribution.values, strict=True)
    pairs = [Pair(*two, *values) for two, values in zip(zip(shown, again, strict=True), maps, strict=True)]
    figure = repaint_figure(pairs, before.bands, scale, wish.manner, foot_of(subject, before))
    what = (
        f"Painted galaxies as they are and {said_of(wish.alteration)}, under the same noise: both colour images, the "
        f"light added and removed in one band, the maps ({METHODS[before.attribution.method].title}) of both, and the "
        "second less the first on the same scale."
    )
    words = caption_of(subject, f"{what} {who_in_words(shown)}", [before], shown, wish.manner, scale_in_words(scale))
    numbers = numbers_of([before, after], [scale.limit] * 2)
    numbers.insert(1, "altered", [words_ for words_ in ("", said_of(wish.alteration)) for _ in galaxy_ids])
    return Drawing(figure, words, (before, after), numbers)


def _after(subject: Subject, before: Explanation, altered: Sequence[Repainted], wish: Wish) -> Explanation:
    """The explanation of the altered images, galaxy by galaxy through the score of the galaxy as it is."""
    images = np.stack([each.after.image for each in altered])
    found = [attribute(subject, images[i : i + 1], _score(before, i, wish), wish.question) for i in range(len(images))]
    joined = {
        name: None if getattr(found[0], name) is None else np.concatenate([getattr(each, name) for each in found])
        for name in ("values", "scores", "total", "variance")
    }
    said = [max(each.said_after, key=lambda name: each.said_after[name]) for each in altered]
    parameters = {**found[0].parameters, "altered": said_of(wish.alteration)}
    return replace(
        before,
        images=images,
        attribution=replace(found[0], score=before.attribution.score, parameters=parameters, **joined),  # type: ignore[arg-type]
        predictions=tuple(said),
        confidence=np.array([each.said_after[name] for each, name in zip(altered, said, strict=True)], np.float32),
    )


def _score(before: Explanation, i: int, wish: Wish) -> Score:
    return wish.question.score or logit(before.predictions[i])


def _words(before: Explanation, after: Explanation, altered: Repainted, i: int) -> str:
    name = before.predictions[i]
    then, now = altered.said_before[name], altered.said_after[name]
    first, second = before.attribution.scores[i], after.attribution.scores[i]
    score = "its logit" if before.score_names[i] == f"logit({name})" else score_in_words(before.score_names[i])
    lines = [
        str(before.galaxy_ids[i]),
        said_of(altered.alteration),
        f"{name_in_words(name)} {then:.0%} \N{RIGHTWARDS ARROW} {now:.0%}",
        f"{score} {value_in_words(first)} \N{RIGHTWARDS ARROW} {value_in_words(second)}",
    ]
    return "\n".join(lines)

"""One galaxy through every method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gz2interp.attribution import METHODS
from gz2interp.errors import InputError
from gz2interp.figures.layouts.methods import Panel, methods_figure
from gz2interp.figures.pieces.maps import Scale, scale_of, total
from gz2interp.workflows.attribute import Question
from gz2interp.workflows.explain import Explanation, explain
from gz2interp.workflows.figures.drawing import Drawing, numbers_of
from gz2interp.workflows.figures.parts import caption_of, shown_of, trust_of
from gz2interp.workflows.figures.wish import Wish
from gz2interp.workflows.figures.words import galaxy_in_words
from gz2interp.workflows.opening import Subject

__all__ = ["of_methods"]

_MARK: Final = " \N{DAGGER}"
"""Beside a method with a caveat, which the caption tells."""


def of_methods(subject: Subject, galaxy_ids: Sequence[int | str], wish: Wish) -> Drawing:
    """The figure of one galaxy; methods that say nothing of this network are left out, and the caption says so.

    Raises
    ------
    InputError
        Not one galaxy was named.
    """
    if len(galaxy_ids) != 1:
        raise InputError(
            f"{len(galaxy_ids)} galaxies were named", "One galaxy through every method", "For each of several: --each"
        )
    found, refused = _asked(subject, galaxy_ids, wish)
    scales = [scale_of([total(each.attribution.values[0])], METHODS[each.attribution.method].signed) for each in found]
    trusts = {each.attribution.method: trust_of(subject, each.attribution.method) for each in found}
    one = set(trusts.values())
    panels = [
        _panel(each, scale, "" if len(one) == 1 else _short(trusts[each.attribution.method]))
        for each, scale in zip(found, scales, strict=True)
    ]
    shown = shown_of(found[0], lambda explanation, i: galaxy_in_words(explanation, i).replace("\n", "; "))
    foot = "Each map on its own scale, in its own unit." + (f"\n{one.pop()}" if len(one) == 1 else "")
    figure = methods_figure(shown[0], panels, found[0].bands, wish.manner, foot)
    trust = next(iter(trusts.values())) if len(set(trusts.values())) == 1 else _each_trust(trusts)
    what = f"Attribution maps of galaxy {shown[0].words}; by {len(found)} methods. {_left_out(refused)}"
    scale = (
        "Each map has a scale and a unit of its own, which its bar states; none is normalised, maps of single bands "
        "are summed. Colours of different methods are not to be compared in strength. " + _units()
    )
    words = caption_of(subject, what.strip(), found, shown, wish.manner, scale, trust)
    return Drawing(figure, words, tuple(found), numbers_of(found, [scale.limit for scale in scales]))


def _asked(
    subject: Subject, galaxy_ids: Sequence[int | str], wish: Wish
) -> tuple[list[Explanation], dict[str, InputError]]:
    found, refused = [], {}
    for name, method in METHODS.items():
        question = wish.through(name)
        asked = Question(
            name, question.score, question.layer if method.needs_layer else "", question.options, question.views
        )
        try:
            found.append(explain(subject, galaxy_ids, asked))
        except InputError as error:
            if name == "guided_backprop":  # a network without a ReLU has no answer to it
                refused[method.title] = error
            else:
                raise
    return found, refused


def _panel(explanation: Explanation, scale: Scale, note: str) -> Panel:
    method = METHODS[explanation.attribution.method]
    return Panel(method.title + (_MARK if method.caveat else ""), explanation.attribution.values[0], scale, note)


def _short(trust: str) -> str:
    """The first clause of a trust line, for which there is room beneath a map."""
    return trust.removeprefix("Trust: ").split(";")[0].split(".")[0].removesuffix(" for this network")


def _each_trust(trusts: dict[str, str]) -> str:
    said = (f"{METHODS[name].title}: {line.removeprefix('Trust: ').rstrip('.')}" for name, line in trusts.items())
    return f"Trust, method by method. {'. '.join(said)}."


def _left_out(refused: dict[str, InputError]) -> str:
    return " ".join(f"{title} is left out: {error}" for title, error in refused.items())


def _units() -> str:
    shares = [method.title for method in METHODS.values() if not method.contributes and method.signed]
    unsigned = [method.title for method in METHODS.values() if not method.signed]
    return (
        f"Red increases the score and blue decreases it; for {', '.join(shares)} red means that it rises where the "
        f"image brightens; {' and '.join(unsigned)} has no sign."
    )

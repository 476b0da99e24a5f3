"""Many galaxies through one method, a row per galaxy or a row per band."""

from __future__ import annotations

from collections.abc import Sequence

from gz2interp.attribution import METHODS
from gz2interp.figures.layouts.by_band import by_band_figure
from gz2interp.figures.layouts.galaxies import galaxies_figure, panels_of
from gz2interp.figures.style import RGB
from gz2interp.workflows.explain import Explanation, explain
from gz2interp.workflows.figures.drawing import Drawing, numbers_of
from gz2interp.workflows.figures.parts import caption_of, foot_of, scale_for, scale_in_words, shown_of, who_in_words
from gz2interp.workflows.figures.wish import Wish
from gz2interp.workflows.opening import Subject

__all__ = ["galaxies_drawing", "of_galaxies"]


def of_galaxies(subject: Subject, galaxy_ids: Sequence[int | str], wish: Wish) -> Drawing:
    """The figure of some galaxies, in their order."""
    return galaxies_drawing(subject, explain(subject, galaxy_ids, wish.question), wish)


def galaxies_drawing(subject: Subject, explanation: Explanation, wish: Wish) -> Drawing:
    """The figure of an explanation."""
    manner, bands = wish.manner, explanation.bands
    per_band = explanation.attribution.values.ndim == 4
    names = panels_of(bands, per_band, manner)
    scale = scale_for([explanation], per_band and (wish.by_band or f"in {bands[0]}" in names))
    shown, maps = shown_of(explanation), list(explanation.attribution.values)
    draw = by_band_figure if wish.by_band else galaxies_figure
    figure = draw(shown, maps, bands, scale, manner, foot_of(subject, explanation))
    what = _by_band(explanation) if wish.by_band else _by_galaxy(explanation, names)
    ground = "the row's own image" if wish.by_band and manner.on == RGB else ""
    what = f"{what} {who_in_words(shown)}"
    words = caption_of(subject, what, [explanation], shown, manner, scale_in_words(scale), ground=ground)
    return Drawing(figure, words, (explanation,), numbers_of([explanation], [scale.limit]))


def _by_galaxy(explanation: Explanation, names: Sequence[str]) -> str:
    bands = explanation.bands
    panels = [
        *(["each band"] if bands[0] in names else []),
        "the colour image",
        "the map, all bands together" if "all bands" in names else "the map",
        *(["the map in each band"] if f"in {bands[0]}" in names else []),
    ]
    return f"{_title(explanation)} A row per galaxy; from left to right: {', '.join(panels)}."


def _by_band(explanation: Explanation) -> str:
    return (
        f"{_title(explanation)} A row per band, the first of all bands together; of each galaxy its image and its map."
    )


def _title(explanation: Explanation) -> str:
    count = len(explanation.galaxy_ids)
    who = f"galaxy {explanation.galaxy_ids[0]}" if count == 1 else f"{count} galaxies"
    return f"Attribution maps of {who}: {METHODS[explanation.attribution.method].title}."

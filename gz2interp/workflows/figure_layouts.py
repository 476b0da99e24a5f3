"""The layouts of ``gz2interp figure``: what each draws and how its caption describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.attribution import METHODS
from gz2interp.errors import InputError
from gz2interp.figures.layouts.bands import BandBars, bands_figure
from gz2interp.figures.layouts.by_band import by_band_figure
from gz2interp.figures.layouts.galaxies import galaxies_figure, panels_of
from gz2interp.figures.layouts.methods import Panel, methods_figure
from gz2interp.figures.layouts.neighbours import neighbours_figure
from gz2interp.figures.layouts.repaint_pair import RepaintPair, repaint_figure
from gz2interp.figures.layouts.right_wrong import right_wrong_figure
from gz2interp.figures.pieces.cells import Cell
from gz2interp.figures.pieces.maps import MapScale, scale_of, total
from gz2interp.figures.pieces.pictures import stretch_for
from gz2interp.figures.shown import CutoutSky, FigureGalaxy
from gz2interp.figures.style import RGB
from gz2interp.network.scores import Score, logit
from gz2interp.schema import DEC, RA, name_in_words, score_in_words
from gz2interp.workflows.bands import MOST, band_table, by_class
from gz2interp.workflows.explain import AttributionSettings, Explanation, attribute, explain
from gz2interp.workflows.figure_parts import (
    Drawing,
    FigureSettings,
    acknowledgement,
    colour_in_words,
    figure_galaxies,
    footer,
    galaxy_in_words,
    images_in_words,
    map_caption,
    map_numbers,
    panel_key,
    scale_in_words,
    shared_scale,
    trust_sentence,
    value_in_words,
)
from gz2interp.workflows.neighbours import neighbours_of
from gz2interp.workflows.predict import predict
from gz2interp.workflows.repaint import Repainted, alteration_in_words, repaint_galaxy
from gz2interp.workflows.study import Study

__all__ = [
    "draw_bands",
    "draw_explanation",
    "draw_galaxies",
    "draw_methods",
    "draw_neighbours",
    "draw_repaint",
    "draw_right_wrong",
    "right_and_wrong",
]


def draw_galaxies(study: Study, galaxy_ids: Sequence[int | str], wish: FigureSettings) -> Drawing:
    """The figure of some galaxies, in their order."""
    return draw_explanation(study, explain(study, galaxy_ids, wish.question), wish)


def draw_explanation(study: Study, explanation: Explanation, wish: FigureSettings) -> Drawing:
    """The figure of an explanation."""
    manner, bands = wish.manner, explanation.bands
    per_band = explanation.attribution.values.ndim == 4
    names = panels_of(bands, per_band, manner)
    scale = shared_scale([explanation], per_band and (wish.by_band or f"in {bands[0]}" in names))
    shown, maps = figure_galaxies(explanation), list(explanation.attribution.values)
    draw = by_band_figure if wish.by_band else galaxies_figure
    figure = draw(shown, maps, bands, scale, manner, footer(study, explanation))
    what = _by_band(explanation) if wish.by_band else _by_galaxy(explanation, names)
    ground = "the row's own image" if wish.by_band and manner.on == RGB else ""
    what = f"{what} {panel_key(shown)}"
    words = map_caption(study, what, [explanation], shown, manner, scale_in_words(scale), ground=ground)
    return Drawing(figure, words, (explanation,), map_numbers([explanation], [scale.limit]))


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


_MARK: Final = " \N{DAGGER}"
"""Beside a method with a caveat, which the caption tells."""


def draw_methods(study: Study, galaxy_ids: Sequence[int | str], wish: FigureSettings) -> Drawing:
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
    found, refused = _explain_by_methods(study, galaxy_ids, wish)
    scales = [scale_of([total(each.attribution.values[0])], METHODS[each.attribution.method].signed) for each in found]
    trusts = {each.attribution.method: trust_sentence(study, each.attribution.method) for each in found}
    one = set(trusts.values())
    panels = [
        _panel(each, scale, "" if len(one) == 1 else _first_clause(trusts[each.attribution.method]))
        for each, scale in zip(found, scales, strict=True)
    ]
    shown = figure_galaxies(found[0], lambda explanation, i: galaxy_in_words(explanation, i).replace("\n", "; "))
    foot = "Each map on its own scale, in its own unit." + (f"\n{one.pop()}" if len(one) == 1 else "")
    figure = methods_figure(shown[0], panels, found[0].bands, wish.manner, foot)
    trust = next(iter(trusts.values())) if len(set(trusts.values())) == 1 else _trust_by_method(trusts)
    what = f"Attribution maps of galaxy {shown[0].words}; by {len(found)} methods. {_refusals_in_words(refused)}"
    scale = (
        "Each map has a scale and a unit of its own, which its bar states; none is normalised, maps of single bands "
        "are summed. Colours of different methods are not to be compared in strength. " + _units()
    )
    words = map_caption(study, what.strip(), found, shown, wish.manner, scale, trust)
    return Drawing(figure, words, tuple(found), map_numbers(found, [scale.limit for scale in scales]))


def _explain_by_methods(
    study: Study, galaxy_ids: Sequence[int | str], wish: FigureSettings
) -> tuple[list[Explanation], dict[str, InputError]]:
    found, refused = [], {}
    for name, method in METHODS.items():
        question = wish.through(name)
        asked = AttributionSettings(
            name, question.score, question.layer if method.needs_layer else "", question.options, question.views
        )
        try:
            found.append(explain(study, galaxy_ids, asked))
        except InputError as error:
            if name == "guided_backprop":  # a network without a ReLU has no answer to it
                refused[method.title] = error
            else:
                raise
    return found, refused


def _panel(explanation: Explanation, scale: MapScale, note: str) -> Panel:
    method = METHODS[explanation.attribution.method]
    return Panel(method.title + (_MARK if method.caveat else ""), explanation.attribution.values[0], scale, note)


def _first_clause(trust: str) -> str:
    """The first clause of a trust line, for which there is room beneath a map."""
    return trust.removeprefix("Trust: ").split(";")[0].split(".")[0].removesuffix(" for this network")


def _trust_by_method(trusts: dict[str, str]) -> str:
    said = (f"{METHODS[name].title}: {line.removeprefix('Trust: ').rstrip('.')}" for name, line in trusts.items())
    return f"Trust, method by method. {'. '.join(said)}."


def _refusals_in_words(refused: dict[str, InputError]) -> str:
    return " ".join(f"{title} is left out: {error}" for title, error in refused.items())


def _units() -> str:
    shares = [method.title for method in METHODS.values() if not method.contributes and method.signed]
    unsigned = [method.title for method in METHODS.values() if not method.signed]
    return (
        f"Red increases the score and blue decreases it; for {', '.join(shares)} red means that it rises where the "
        f"image brightens; {' and '.join(unsigned)} has no sign."
    )


_METHOD: Final = "band_shapley"
_BANDS_METHOD: Final = (
    "Shapley values over all coalitions of bands (Shapley 1953; Lundberg & Lee 2017, arXiv:1705.07874): bars sum to "
    "the rise of the score from bare sky in every band to the galaxy; an absent band shows sky like that at the "
    "image's rim. Red adds to the score, blue takes from it; all bars share one scale."
)


def draw_bands(study: Study, galaxy_ids: Sequence[int | str], wish: FigureSettings) -> Drawing:
    """The figure of the galaxies named, or, of none, of the means of each class over galaxies drawn from the survey."""
    survey, score = study.survey, wish.question.score
    table = band_table(study, galaxy_ids, score, most=wish.most or MOST)
    told = table if galaxy_ids else by_class(table, survey.bands)
    parts = _galaxy_bars(study, told) if galaxy_ids else _class_bars(told, survey.bands)
    asked = score.name if score else "logit of the predicted class"
    trust = trust_sentence(study, _METHOD)
    unit = score_in_words(asked) if score else "logit"
    foot = f"Shapley values of the {score_in_words(asked)}\n{trust}"
    figure = bands_figure(parts, survey.bands, unit, wish.manner, foot)
    return Drawing(figure, _bands_caption(study, parts, asked, len(table), trust), (), told)


def _galaxy_bars(study: Study, table: pd.DataFrame) -> list[BandBars]:
    return [
        BandBars(
            f"{row['galaxy_id']}\n{name_in_words(str(row['prediction']))}, {score_in_words(str(row['score']))} "
            f"{_number(row['value'])}, bands together {_number(row['total'])}",
            row[list(study.survey.bands)].to_numpy(np.float64),
            shown=_figure_galaxy(study, int(row["galaxy_id"])),
        )
        for _, row in table.iterrows()
    ]


def _class_bars(told: pd.DataFrame, bands: Sequence[str]) -> list[BandBars]:
    return [
        BandBars(
            f"{name_in_words(str(row['class']))}: {row['galaxies']} galaxies\nbands together {_number(row['total'])}",
            row[list(bands)].to_numpy(np.float64),
            row[[f"{band}_error" for band in bands]].to_numpy(np.float64),
        )
        for _, row in told.iterrows()
    ]


def _figure_galaxy(study: Study, galaxy_id: int) -> FigureGalaxy:
    row = study.survey.row_of(galaxy_id)
    cutout, galaxy = study.survey.cutout(row), study.survey.catalog.iloc[row]
    sky = CutoutSky(cutout.pixel_scale, cutout.position_angle, float(galaxy[RA]), float(galaxy[DEC]))
    return FigureGalaxy(cutout.image, cutout.valid, sky)


def _number(value: Any) -> str:
    return ("+" if float(value) > 0 else "") + value_in_words(float(value))


def _bands_caption(study: Study, parts: Sequence[BandBars], asked: str, count: int, trust: str) -> str:
    survey, model = study.survey, study.model
    shown = [part.shown for part in parts if part.shown is not None]
    means = f"means over {count} galaxies by predicted class, with 95 % intervals"
    what = "galaxy by galaxy" if shown else means
    colour = colour_in_words(survey.bands, stretch_for(shown, survey.bands)) if shown else ""
    said = [
        f"How much of the {score_in_words(asked)} each band carries, {what}.",
        _BANDS_METHOD,
        colour,
        trust,
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    ]
    return " ".join(part for part in said if part)


NEIGHBOURS: Final = {1: 2, 2: 5}
"""Of each galaxy, by columns: with the galaxy itself, they fill a line."""


def draw_neighbours(study: Study, galaxy_ids: Sequence[int | str], wish: FigureSettings) -> Drawing:
    """The figure of some galaxies and their nearest neighbours.

    Of a galaxy and its neighbours the same score is explained: by default the logit of the galaxy's predicted class.

    Raises
    ------
    InputError
        No galaxy was named.
    SurveyError
        The survey has not been analysed.
    """
    if not galaxy_ids:
        raise InputError("No galaxy was named", "One galaxy id or more", "Take some from the dashboard's table")
    most = wish.most or NEIGHBOURS[wish.manner.page.columns]
    groups, distances = [], []
    for galaxy_id in galaxy_ids:
        near = neighbours_of(study.survey, study.model, galaxy_id, most=most)
        groups.append(_explain_line(study, [int(galaxy_id), *map(int, near["galaxy_id"])], wish))
        distances.append([0.0, *map(float, near["distance"])])
    scale = shared_scale(groups, single_bands=False)
    cells = [_cells(group, apart) for group, apart in zip(groups, distances, strict=True)]
    figure = neighbours_figure(cells, groups[0].bands, scale, wish.manner, _neighbours_footer(study, groups))
    what = (
        f"Galaxies (first of each line) and their {most} nearest neighbours by the network's activations, nearest "
        f"first, with their distance, and the map of the same score ({METHODS[groups[0].attribution.method].title})."
    )
    shown = [cell.shown for group in cells for cell in group]
    words = map_caption(study, what, _with_score_in_words(groups), shown, wish.manner, scale_in_words(scale))
    numbers = map_numbers(groups, [scale.limit] * len(groups))
    numbers.insert(0, "near", [str(group.galaxy_ids[0]) for group in groups for _ in group.galaxy_ids])
    numbers.insert(2, "distance", [value for apart in distances for value in apart])
    return Drawing(figure, words, tuple(groups), numbers)


def _explain_line(study: Study, ids: list[int], wish: FigureSettings) -> Explanation:
    if wish.question.score is not None:
        return explain(study, ids, wish.question)
    predicted = explain(study, ids[:1], wish.question).predictions[0]
    return explain(study, ids, replace(wish.question, score=logit(predicted)))


def _cells(group: Explanation, apart: Sequence[float]) -> list[Cell]:
    def words(explanation: Explanation, i: int) -> str:
        name, *lines = galaxy_in_words(explanation, i, value=False).split("\n")
        return "\n".join([name, *([f"distance {apart[i]:.2g}"] if i else []), *lines])

    return [
        Cell(shown, values)
        for shown, values in zip(figure_galaxies(group, words), group.attribution.values, strict=True)
    ]


def _with_score_in_words(groups: Sequence[Explanation]) -> list[Explanation]:
    """As the caption is to name the score: of the predicted class, unless all groups are of one score."""
    scores = {group.attribution.score for group in groups}
    if len(scores) == 1:
        return list(groups)
    asked = "logit of the class predicted for the first galaxy of the line"
    return [replace(group, attribution=replace(group.attribution, score=asked)) for group in groups]


def _neighbours_footer(study: Study, groups: Sequence[Explanation]) -> str:
    return footer(study, _with_score_in_words(groups)[0])


def draw_repaint(study: Study, galaxy_ids: Sequence[int | str], wish: FigureSettings) -> Drawing:
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
    altered = [repaint_galaxy(study.survey, each, wish.alteration, study.probe) for each in galaxy_ids]
    before = explain(study, galaxy_ids, wish.question)
    after = _explain_altered(study, before, altered, wish)
    scale = shared_scale([before, after], single_bands=False)
    shown, again = (
        figure_galaxies(before, lambda _, i: _change_in_words(before, after, altered[i], i)),
        figure_galaxies(after),
    )
    maps = zip(before.attribution.values, after.attribution.values, strict=True)
    pairs = [RepaintPair(*two, *values) for two, values in zip(zip(shown, again, strict=True), maps, strict=True)]
    figure = repaint_figure(pairs, before.bands, scale, wish.manner, footer(study, before))
    what = (
        f"Painted galaxies as they are and {alteration_in_words(wish.alteration)}, under the same noise: both colour "
        f"images, the light added and removed in one band, the maps ({METHODS[before.attribution.method].title}) of "
        "both, and the second less the first on the same scale."
    )
    words = map_caption(study, f"{what} {panel_key(shown)}", [before], shown, wish.manner, scale_in_words(scale))
    numbers = map_numbers([before, after], [scale.limit] * 2)
    numbers.insert(1, "altered", [words_ for words_ in ("", alteration_in_words(wish.alteration)) for _ in galaxy_ids])
    return Drawing(figure, words, (before, after), numbers)


def _explain_altered(
    study: Study, before: Explanation, altered: Sequence[Repainted], wish: FigureSettings
) -> Explanation:
    """The explanation of the altered images, galaxy by galaxy through the score of the galaxy as it is."""
    images = np.stack([each.after.image for each in altered])
    found = [attribute(study, images[i : i + 1], _score(before, i, wish), wish.question) for i in range(len(images))]
    joined = {
        name: None if getattr(found[0], name) is None else np.concatenate([getattr(each, name) for each in found])
        for name in ("values", "scores", "total", "variance")
    }
    said = [max(each.said_after, key=lambda name: each.said_after[name]) for each in altered]
    parameters = {**found[0].parameters, "altered": alteration_in_words(wish.alteration)}
    return replace(
        before,
        images=images,
        attribution=replace(found[0], score=before.attribution.score, parameters=parameters, **joined),  # type: ignore[arg-type]
        predictions=tuple(said),
        confidence=np.array([each.said_after[name] for each, name in zip(altered, said, strict=True)], np.float32),
    )


def _score(before: Explanation, i: int, wish: FigureSettings) -> Score:
    return wish.question.score or logit(before.predictions[i])


def _change_in_words(before: Explanation, after: Explanation, altered: Repainted, i: int) -> str:
    name = before.predictions[i]
    then, now = altered.said_before[name], altered.said_after[name]
    first, second = before.attribution.scores[i], after.attribution.scores[i]
    score = "its logit" if before.score_names[i] == f"logit({name})" else score_in_words(before.score_names[i])
    lines = [
        str(before.galaxy_ids[i]),
        alteration_in_words(altered.alteration),
        f"{name_in_words(name)} {then:.0%} \N{RIGHTWARDS ARROW} {now:.0%}",
        f"{score} {value_in_words(first)} \N{RIGHTWARDS ARROW} {value_in_words(second)}",
    ]
    return "\n".join(lines)


PAIRS: Final = 4


def draw_right_wrong(study: Study, galaxy_ids: Sequence[int | str], wish: FigureSettings) -> Drawing:
    """The figure of the galaxies named, or of the network's most confident mistakes and their counterparts.

    Raises
    ------
    InputError
        A galaxy has no label, or there is none of one of the two kinds.
    """
    ids = [*galaxy_ids] or right_and_wrong(study, wish.most or PAIRS)
    found = explain(study, ids, wish.question)
    right, wrong = _halves(found)
    scale = shared_scale([found], single_bands=False)
    shown = figure_galaxies(found)
    cells = [Cell(each, values) for each, values in zip(shown, found.attribution.values, strict=True)]
    halves = [cells[i] for i in right], [cells[i] for i in wrong]
    figure = right_wrong_figure(*halves, found.bands, scale, wish.manner, footer(study, found))
    method = METHODS[found.attribution.method].title
    what = (
        "Galaxies that the network classifies correctly (left) and wrongly (right); of each the colour image and the "
        f"map ({method}), the predicted class with its probability, and the label."
        f"{'' if galaxy_ids else _SELECTION}"
    )
    who = panel_key([shown[i] for i in (*right, *wrong)])
    words = map_caption(study, f"{what} {who}", [found], shown, wish.manner, scale_in_words(scale))
    numbers = map_numbers([found], [scale.limit])
    numbers.insert(0, "half", ["right" if i in set(right.tolist()) else "wrong" for i in range(len(numbers))])
    return Drawing(figure, words, (found,), numbers)


_SELECTION: Final = (
    " Shown are its most confident errors, each beside the galaxy of the same label that it classifies correctly with "
    "most confidence; galaxies outside the training sample, if there are any."
)


def right_and_wrong(study: Study, pairs: int = PAIRS) -> list[int]:
    """The most confident mistakes and, of the same labels, the galaxies most confidently right; pair after pair.

    Galaxies of the test side where there is one.

    Raises
    ------
    InputError
        No galaxy has a label, or the network makes no mistake.
    """
    said = predict(study)
    said = said[said["label"].isin(set(said["prediction"]) | set(study.probe.class_names))]
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
            f"Of {len(said)} galaxies with a label, the network {study.model.name} has {len(mistakes)} wrong",
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

"""The layouts of ``gz2interp figure``: each draws a figure with its caption and its numbers."""

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
from gz2interp.figures.style import RGB
from gz2interp.network.scores import Score, logit
from gz2interp.schema import name_in_words, score_in_words
from gz2interp.workflows.bands import MOST, band_table, by_class
from gz2interp.workflows.explain import Explanation, attribute, explain
from gz2interp.workflows.figure_parts import (
    Drawing,
    FigureSettings,
    colour_in_words,
    figure_galaxies,
    figure_galaxies_at,
    footer,
    galaxy_in_words,
    map_caption,
    map_numbers,
    origin_in_words,
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

_MARK: Final = " \N{DAGGER}"
"""Marks a method with a caveat, which the caption states."""

_METHOD: Final = "band_shapley"

_BANDS_METHOD: Final = (
    "Shapley values over all coalitions of bands (Shapley 1953; Lundberg & Lee 2017, arXiv:1705.07874): bars sum to "
    "the rise of the score from the sky baseline in every band to the galaxy; an absent band shows sky like that at "
    "the image's rim. Red adds to the score, blue takes from it; all bars share one scale."
)

NEIGHBOURS: Final = {1: 2, 2: 5}
"""Neighbours of each galaxy by columns of the page; with the galaxy itself they fill a line."""

PAIRS: Final = 4

_SELECTION: Final = (
    " Shown are its most confident errors, each beside the galaxy of the same label that it classifies correctly with "
    "most confidence; galaxies outside the training sample, if there are any."
)


def draw_galaxies(study: Study, galaxy_ids: Sequence[int | str], settings: FigureSettings) -> Drawing:
    """Attribution maps of some galaxies, in their order."""
    return draw_explanation(study, explain(study, galaxy_ids, settings.attribution), settings)


def draw_explanation(study: Study, explanation: Explanation, settings: FigureSettings) -> Drawing:
    """The figure of attribution maps that have been computed."""
    style, bands = settings.style, explanation.bands
    per_band = explanation.attribution.values.ndim == 4
    names = panels_of(bands, per_band, style)
    scale = shared_scale([explanation], per_band and (settings.by_band or f"in {bands[0]}" in names))
    galaxies, maps = figure_galaxies(explanation), list(explanation.attribution.values)
    draw = by_band_figure if settings.by_band else galaxies_figure
    figure = draw(galaxies, maps, bands, scale, style, footer(study, explanation))
    text = _by_band(explanation) if settings.by_band else _by_galaxy(explanation, names)
    background = "the row's own image" if settings.by_band and style.on == RGB else ""
    text = f"{text} {panel_key(galaxies)}"
    caption = map_caption(study, text, [explanation], galaxies, style, scale_in_words(scale), background=background)
    return Drawing(figure, caption, (explanation,), map_numbers([explanation], [scale.limit]))


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
    subject = f"galaxy {explanation.galaxy_ids[0]}" if count == 1 else f"{count} galaxies"
    return f"Attribution maps of {subject}: {METHODS[explanation.attribution.method].title}."


def draw_methods(study: Study, galaxy_ids: Sequence[int | str], settings: FigureSettings) -> Drawing:
    """Attribution maps of one galaxy by every method; the caption lists methods that cannot explain this network.

    Raises
    ------
    InputError
        Not one galaxy was named.
    """
    if len(galaxy_ids) != 1:
        raise InputError(
            f"{len(galaxy_ids)} galaxies were named", "One galaxy through every method", "For each of several: --each"
        )
    explanations, refused = _explain_by_methods(study, galaxy_ids, settings)
    scales = [
        scale_of([total(explanation.attribution.values[0])], METHODS[explanation.attribution.method].signed)
        for explanation in explanations
    ]
    trusts = {name: trust_sentence(study, name) for name in (item.attribution.method for item in explanations)}
    common = next(iter(trusts.values())) if len(set(trusts.values())) == 1 else ""
    panels = [
        _panel(explanation, scale, "" if common else _first_clause(trusts[explanation.attribution.method]))
        for explanation, scale in zip(explanations, scales, strict=True)
    ]
    galaxies = figure_galaxies(explanations[0], lambda first, i: galaxy_in_words(first, i).replace("\n", "; "))
    footer_text = "Each map on its own scale, in its own unit." + (f"\n{common}" if common else "")
    figure = methods_figure(galaxies[0], panels, explanations[0].bands, settings.style, footer_text)
    omissions = " ".join(f"{title} is left out: {error}" for title, error in refused.items())
    text = f"Attribution maps of galaxy {galaxies[0].words}; by {len(explanations)} methods. {omissions}"
    scale_text = (
        "Each map has a scale and a unit of its own, which its bar states; none is normalised, maps of single bands "
        "are summed. Colours of different methods are not to be compared in strength. " + _units()
    )
    trust = common or _trust_by_method(trusts)
    caption = map_caption(study, text.strip(), explanations, galaxies, settings.style, scale_text, trust)
    return Drawing(figure, caption, tuple(explanations), map_numbers(explanations, [scale.limit for scale in scales]))


def _explain_by_methods(
    study: Study, galaxy_ids: Sequence[int | str], settings: FigureSettings
) -> tuple[list[Explanation], dict[str, InputError]]:
    explanations, refused = [], {}
    for name, method in METHODS.items():
        try:
            explanations.append(explain(study, galaxy_ids, settings.with_method(name)))
        except InputError as error:
            if name == "guided_backprop":  # undefined for a network without a ReLU
                refused[method.title] = error
            else:
                raise
    return explanations, refused


def _panel(explanation: Explanation, scale: MapScale, note: str) -> Panel:
    method = METHODS[explanation.attribution.method]
    return Panel(method.title + (_MARK if method.caveat else ""), explanation.attribution.values[0], scale, note)


def _first_clause(trust: str) -> str:
    """The first clause of a trust line, which fits beneath a map."""
    return trust.removeprefix("Trust: ").split(";")[0].split(".")[0].removesuffix(" for this network")


def _trust_by_method(trusts: dict[str, str]) -> str:
    sentences = (f"{METHODS[name].title}: {line.removeprefix('Trust: ').rstrip('.')}" for name, line in trusts.items())
    return f"Trust, method by method. {'. '.join(sentences)}."


def _units() -> str:
    shares = [method.title for method in METHODS.values() if not method.contributes and method.signed]
    unsigned = [method.title for method in METHODS.values() if not method.signed]
    return (
        f"Red increases the score and blue decreases it; for {', '.join(shares)} red means that it rises where the "
        f"image brightens; {' and '.join(unsigned)} has no sign."
    )


def draw_bands(study: Study, galaxy_ids: Sequence[int | str], settings: FigureSettings) -> Drawing:
    """Shares of the bands for the galaxies named, or the class means over galaxies drawn from the survey."""
    survey, score = study.survey, settings.attribution.score
    table = band_table(study, galaxy_ids, score, most=settings.most or MOST)
    rows = table if galaxy_ids else by_class(table, survey.bands)
    parts = _galaxy_bars(study, rows) if galaxy_ids else _class_bars(rows, survey.bands)
    score_name = score.name if score else "logit of the predicted class"
    trust = trust_sentence(study, _METHOD)
    unit = score_in_words(score_name) if score else "logit"
    footer_text = f"Shapley values of the {score_in_words(score_name)}\n{trust}"
    figure = bands_figure(parts, survey.bands, unit, settings.style, footer_text)
    return Drawing(figure, _bands_caption(study, parts, score_name, len(table), trust), (), rows)


def _galaxy_bars(study: Study, table: pd.DataFrame) -> list[BandBars]:
    rows = np.array([study.survey.row_of(int(galaxy_id)) for galaxy_id in table["galaxy_id"]])
    return [
        BandBars(
            f"{row['galaxy_id']}\n{name_in_words(str(row['prediction']))}, {score_in_words(str(row['score']))} "
            f"{_number(row['value'])}, bands together {_number(row['total'])}",
            row[list(study.survey.bands)].to_numpy(np.float64),
            galaxy=galaxy,
        )
        for (_, row), galaxy in zip(table.iterrows(), figure_galaxies_at(study, rows), strict=True)
    ]


def _class_bars(table: pd.DataFrame, bands: Sequence[str]) -> list[BandBars]:
    return [
        BandBars(
            f"{name_in_words(str(row['class']))}: {row['galaxies']} galaxies\nbands together {_number(row['total'])}",
            row[list(bands)].to_numpy(np.float64),
            row[[f"{band}_error" for band in bands]].to_numpy(np.float64),
        )
        for _, row in table.iterrows()
    ]


def _number(value: Any) -> str:
    return ("+" if float(value) > 0 else "") + value_in_words(float(value))


def _bands_caption(study: Study, parts: Sequence[BandBars], score_name: str, count: int, trust: str) -> str:
    bands = study.survey.bands
    galaxies = [part.galaxy for part in parts if part.galaxy is not None]
    means = f"means over {count} galaxies by predicted class, with 95 % intervals"
    scope = "galaxy by galaxy" if galaxies else means
    colour = colour_in_words(bands, stretch_for(galaxies, bands)) if galaxies else ""
    sentences = [
        f"How much of the {score_in_words(score_name)} each band carries, {scope}.",
        _BANDS_METHOD,
        colour,
        trust,
        origin_in_words(study),
    ]
    return " ".join(part for part in sentences if part)


def draw_neighbours(study: Study, galaxy_ids: Sequence[int | str], settings: FigureSettings) -> Drawing:
    """Attribution maps of some galaxies and their nearest neighbours.

    The maps of a galaxy and its neighbours attribute the same score: by default the logit of the galaxy's predicted
    class.

    Raises
    ------
    InputError
        No galaxy was named.
    SurveyError
        The survey has not been analysed.
    """
    if not galaxy_ids:
        raise InputError("No galaxy was named", "One galaxy id or more", "Take some from the dashboard's table")
    most = settings.most or NEIGHBOURS[settings.style.page.columns]
    groups, distances = [], []
    for galaxy_id in galaxy_ids:
        neighbours = neighbours_of(study.survey, study.model, galaxy_id, most=most)
        groups.append(_explain_line(study, [int(galaxy_id), *map(int, neighbours["galaxy_id"])], settings))
        distances.append([0.0, *map(float, neighbours["distance"])])
    scale = shared_scale(groups, single_bands=False)
    cells = [_cells(group, group_distances) for group, group_distances in zip(groups, distances, strict=True)]
    figure = neighbours_figure(
        cells, groups[0].bands, scale, settings.style, footer(study, _with_score_in_words(groups)[0])
    )
    text = (
        f"Galaxies (first of each line) and their {most} nearest neighbours by the network's activations, nearest "
        f"first, with their distance, and the map of the same score ({METHODS[groups[0].attribution.method].title})."
    )
    galaxies = [cell.galaxy for group in cells for cell in group]
    caption = map_caption(study, text, _with_score_in_words(groups), galaxies, settings.style, scale_in_words(scale))
    numbers = map_numbers(groups, [scale.limit] * len(groups))
    numbers.insert(0, "near", [str(group.galaxy_ids[0]) for group in groups for _ in group.galaxy_ids])
    numbers.insert(2, "distance", [value for group_distances in distances for value in group_distances])
    return Drawing(figure, caption, tuple(groups), numbers)


def _explain_line(study: Study, ids: list[int], settings: FigureSettings) -> Explanation:
    if settings.attribution.score is not None:
        return explain(study, ids, settings.attribution)
    predicted = explain(study, ids[:1], settings.attribution).predictions[0]
    return explain(study, ids, replace(settings.attribution, score=logit(predicted)))


def _cells(group: Explanation, distances: Sequence[float]) -> list[Cell]:
    def words(explanation: Explanation, i: int) -> str:
        name, *lines = galaxy_in_words(explanation, i, value=False).split("\n")
        return "\n".join([name, *([f"distance {distances[i]:.2g}"] if i else []), *lines])

    return [
        Cell(galaxy, values)
        for galaxy, values in zip(figure_galaxies(group, words), group.attribution.values, strict=True)
    ]


def _with_score_in_words(groups: Sequence[Explanation]) -> list[Explanation]:
    """Explanations with the score as the caption names it, unless all groups have one score."""
    scores = {group.attribution.score for group in groups}
    if len(scores) == 1:
        return list(groups)
    score = "logit of the class predicted for the first galaxy of the line"
    return [replace(group, attribution=replace(group.attribution, score=score)) for group in groups]


def draw_repaint(study: Study, galaxy_ids: Sequence[int | str], settings: FigureSettings) -> Drawing:
    """Attribution maps of some painted galaxies before and after the same alteration, for the same score.

    Raises
    ------
    InputError
        No galaxy was named, or the alteration is impossible.
    SurveyError
        The survey is not painted.
    """
    if not galaxy_ids:
        raise InputError("No galaxy was named", "One painted galaxy or more")
    altered = [repaint_galaxy(study.survey, galaxy_id, settings.alteration, study.probe) for galaxy_id in galaxy_ids]
    before = explain(study, galaxy_ids, settings.attribution)
    after = _explain_altered(study, before, altered, settings)
    scale = shared_scale([before, after], single_bands=False)
    galaxies, altered_galaxies = (
        figure_galaxies(before, lambda _, i: _change_in_words(before, after, altered[i], i)),
        figure_galaxies(after),
    )
    maps = zip(before.attribution.values, after.attribution.values, strict=True)
    pairs = [
        RepaintPair(*two, *values)
        for two, values in zip(zip(galaxies, altered_galaxies, strict=True), maps, strict=True)
    ]
    figure = repaint_figure(pairs, before.bands, scale, settings.style, footer(study, before))
    text = (
        f"Painted galaxies as they are and {alteration_in_words(settings.alteration)}, under the same noise: both "
        "colour images, the light added and removed in one band, the maps "
        f"({METHODS[before.attribution.method].title}) of both, and the second less the first on the same scale."
    )
    caption = map_caption(
        study, f"{text} {panel_key(galaxies)}", [before], galaxies, settings.style, scale_in_words(scale)
    )
    numbers = map_numbers([before, after], [scale.limit] * 2)
    numbers.insert(
        1, "altered", [words_ for words_ in ("", alteration_in_words(settings.alteration)) for _ in galaxy_ids]
    )
    return Drawing(figure, caption, (before, after), numbers)


def _explain_altered(
    study: Study, before: Explanation, altered: Sequence[Repainted], settings: FigureSettings
) -> Explanation:
    """Attribution maps of the altered images, for the score of each galaxy before the alteration."""
    images = np.stack([result.after.image for result in altered])
    attributions = [
        attribute(study, images[i : i + 1], _score(before, i, settings), settings.attribution)
        for i in range(len(images))
    ]
    joined = {
        name: None
        if getattr(attributions[0], name) is None
        else np.concatenate([getattr(result, name) for result in attributions])
        for name in ("values", "scores", "total", "variance")
    }
    predictions = [max(result.predictions_after, key=lambda name: result.predictions_after[name]) for result in altered]
    parameters = {**attributions[0].parameters, "altered": alteration_in_words(settings.alteration)}
    return replace(
        before,
        images=images,
        attribution=replace(attributions[0], score=before.attribution.score, parameters=parameters, **joined),  # type: ignore[arg-type]
        predictions=tuple(predictions),
        confidence=np.array(
            [result.predictions_after[name] for result, name in zip(altered, predictions, strict=True)], np.float32
        ),
    )


def _score(before: Explanation, i: int, settings: FigureSettings) -> Score:
    return settings.attribution.score or logit(before.predictions[i])


def _change_in_words(before: Explanation, after: Explanation, altered: Repainted, i: int) -> str:
    name = before.predictions[i]
    before_p, after_p = altered.predictions_before[name], altered.predictions_after[name]
    first, second = before.attribution.scores[i], after.attribution.scores[i]
    score = "its logit" if before.score_names[i] == f"logit({name})" else score_in_words(before.score_names[i])
    lines = [
        str(before.galaxy_ids[i]),
        alteration_in_words(altered.alteration),
        f"{name_in_words(name)} {before_p:.0%} \N{RIGHTWARDS ARROW} {after_p:.0%}",
        f"{score} {value_in_words(first)} \N{RIGHTWARDS ARROW} {value_in_words(second)}",
    ]
    return "\n".join(lines)


def draw_right_wrong(study: Study, galaxy_ids: Sequence[int | str], settings: FigureSettings) -> Drawing:
    """Attribution maps of the galaxies named, or of the network's most confident errors and their counterparts.

    Raises
    ------
    InputError
        A galaxy has no label, or no galaxy is right or none is wrong.
    """
    ids = [*galaxy_ids] or right_and_wrong(study, settings.most or PAIRS)
    explanation = explain(study, ids, settings.attribution)
    right, wrong = _halves(explanation)
    scale = shared_scale([explanation], single_bands=False)
    galaxies = figure_galaxies(explanation)
    cells = [Cell(galaxy, values) for galaxy, values in zip(galaxies, explanation.attribution.values, strict=True)]
    halves = [cells[i] for i in right], [cells[i] for i in wrong]
    figure = right_wrong_figure(*halves, explanation.bands, scale, settings.style, footer(study, explanation))
    method = METHODS[explanation.attribution.method].title
    text = (
        "Galaxies that the network classifies correctly (left) and wrongly (right); of each the colour image and the "
        f"map ({method}), the predicted class with its probability, and the label."
        f"{'' if galaxy_ids else _SELECTION}"
    )
    key = panel_key([galaxies[i] for i in (*right, *wrong)])
    caption = map_caption(study, f"{text} {key}", [explanation], galaxies, settings.style, scale_in_words(scale))
    numbers = map_numbers([explanation], [scale.limit])
    numbers.insert(0, "half", ["right" if i in set(right.tolist()) else "wrong" for i in range(len(numbers))])
    return Drawing(figure, caption, (explanation,), numbers)


def right_and_wrong(study: Study, pairs: int = PAIRS) -> list[int]:
    """The most confident errors, each after the most confident correct galaxy of the same label; from the test split.

    Galaxies of all splits are used if there is no test split.

    Raises
    ------
    InputError
        No galaxy has a label, or the network makes no error.
    """
    table = predict(study)
    table = table[table["label"].isin(set(table["prediction"]) | set(study.probe.class_names))]
    if (table["split"] == "test").any():
        table = table[table["split"] == "test"]
    table = table.sort_values(["confidence", "row"], ascending=[False, True])
    is_right = table["prediction"].to_numpy(str) == table["label"].to_numpy(str)
    mistakes, correct = table[~is_right], table[is_right]
    selected: list[int] = []
    for mistake in mistakes.itertuples():
        matches = correct[correct["label"] == mistake.label]
        if len(matches) and len(selected) < 2 * pairs:
            selected += [int(matches["galaxy_id"].iloc[0]), int(str(mistake.galaxy_id))]
            correct = correct.drop(index=matches.index[0])
    if not selected:
        raise InputError(
            f"Of {len(table)} galaxies with a label, the network {study.model.name} misclassifies {len(mistakes)}",
            "At least one error, and one correct galaxy of the same label",
            "Name galaxies, or label more of them",
        )
    return selected


def _halves(explanation: Explanation) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    unlabelled = [str(explanation.galaxy_ids[i]) for i, label in enumerate(explanation.labels) if not label]
    if unlabelled:
        raise InputError(f"Galaxy {unlabelled[0]} has no label", "Galaxies with a label")
    predictions, labels = pd.Series(explanation.predictions), pd.Series(explanation.labels)
    is_right = (predictions == labels).to_numpy()
    return np.flatnonzero(is_right), np.flatnonzero(~is_right)

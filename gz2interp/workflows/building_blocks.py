"""``gz2interp channels``: statistics, groups and atlas of a layer's channels, stored inside the analysis.

What has been kept is read by `kept`, without a network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry, tiled
from gz2interp.concepts.atlas import Atlas, build_atlas, dominant_places
from gz2interp.concepts.attribution import LayerAttribution, gradient_attribution, path_attribution
from gz2interp.concepts.channel_diagnostics import (
    TAIL,
    artefact_channels,
    flag_images,
    inactive_channels,
    redundant_channels,
)
from gz2interp.concepts.channel_statistics import Extremes, RunningMoments, TopGalaxies
from gz2interp.concepts.correlates import correlates
from gz2interp.concepts.groups import Groups, find_groups
from gz2interp.embedding.index import nearest_neighbours
from gz2interp.embedding.projection import MapSettings, project
from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score, logit
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import LABEL, PETRO_RADIUS
from gz2interp.stores.analyses import Analysis, latest_analysis
from gz2interp.stores.arrays import SHARD_ROWS, read_npz
from gz2interp.stores.files import replaced, whole_folder
from gz2interp.stores.layer_results import BlocksFolder, blocks_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.reading import failing_as
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_columns
from gz2interp.workflows.cluster_columns import catalogue_columns, network_columns, quality_columns_of
from gz2interp.workflows.image_quality import quality, quality_provenance
from gz2interp.workflows.study import Progress, Study, analysis_for

__all__ = [
    "ALL",
    "LOGIT_RULE",
    "BlockSettings",
    "SampledPlaces",
    "SurveyPass",
    "artefact_tables",
    "blocks",
    "blocks_provenance",
    "build_atlases",
    "bypass_scores",
    "channel_table",
    "class_logits",
    "correlates_table",
    "layer_attributions",
    "layer_cells",
    "load_atlas",
    "load_blocks",
    "load_groups",
    "project_places",
    "run_survey_pass",
    "settings_from_provenance",
]


VERSION: Final = 1
"""Of what is done with the settings."""

LOGIT_RULE: Final = "logit_rule"
"""The parameter that says where the logits of classes come from; see `gz2interp.network.probe.Probe.logit_rule`."""


@dataclass(frozen=True)
class BlockSettings:
    """What is looked for in a layer.

    Attributes
    ----------
    groups : int
        Neuron groups of the survey.
    tops : int
        Loudest and quietest galaxies that are kept of each channel.
    places : int
        Places in galaxies that are sampled for groups and atlas, about.
    galaxies : int
        At most so many, drawn by chance, say what channels go with.
    side : int
        Cells along each side of the atlas.
    neighbours : int
        Of each place, for the atlas' layout.
    seed : int
    """

    groups: int = 6
    tops: int = 32
    places: int = 10_000
    galaxies: int = 20_000
    side: int = 14
    neighbours: int = 15
    seed: int = 0


def settings_from_provenance(made: Provenance) -> BlockSettings:
    """Those that were asked for, from how it is kept; what was not asked then is as usual."""
    known = {**made.parameters, "seed": made.seed}
    return BlockSettings(**{each.name: known[each.name] for each in fields(BlockSettings) if each.name in known})


def blocks_provenance(
    analysis: Analysis, settings: BlockSettings, quality: str, predictions: str, logit_rule: str
) -> Provenance:
    """The question as it is kept.

    Parameters
    ----------
    analysis : Analysis
    settings : BlockSettings
    quality, predictions : str
        Digests of what channels are compared with; "" where there is none.
    logit_rule : str
        Where the logits come from whose change by each block is measured.
    """
    parameters = asdict(settings)
    seed = parameters.pop("seed")
    made = analysis.provenance
    return replace(
        made,
        method="building blocks",
        parameters={
            **parameters,
            "analysis": made.digest,
            "quality": quality,
            "predictions": predictions,
            LOGIT_RULE: logit_rule,
            "version": VERSION,
        },
        seed=seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy", "scikit-learn", "umap-learn"),
    )


ALL: Final = "all"
"""The atlas of all places."""


def load_blocks(survey: Survey, model: ModelFolder, layer: str = "") -> BlocksFolder | None:
    """What has been kept of the newest analysis of exactly these data and this model; None where there is nothing."""
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    folder = blocks_folder(analysis) if analysis else None
    return folder if folder is not None and folder.provenance is not None else None


def load_groups(folder: BlocksFolder) -> Groups:
    """The survey's neuron groups."""
    arrays, made = folder.arrays("groups"), folder.provenance
    return Groups(
        arrays["directions"],
        float(arrays["held"]),
        float(arrays["negative"]),
        made.layer if made else "",
        (made.seed or 0) if made else 0,
    )


def load_atlas(folder: BlocksFolder, name: str = ALL) -> Atlas:
    """The atlas of all places or of a class; its patches are positions among the stored places.

    Raises
    ------
    InputError
        There is no such class, or no place speaks for it most.
    """
    classes = tuple(map(str, folder.arrays("atlas-0")["scores"]))
    if name not in (ALL, *classes):
        raise InputError(f"The atlas {name!r} was asked for", f"One of {choices((ALL, *classes))}")
    number = 0 if name == ALL else classes.index(name) + 1
    if not (folder.path / f"atlas-{number}.npz").is_file():
        raise InputError(f"The atlas {name!r} was asked for", "One of a class that some place speaks most for")
    arrays = folder.arrays(f"atlas-{number}")
    plain: dict[str, Any] = {"side": int(arrays["side"]), "scores": tuple(map(str, arrays["scores"]))}
    return Atlas(**{field.name: plain.get(field.name, arrays[field.name]) for field in fields(Atlas)})


Floats = NDArray[np.float32]


def layer_cells(door: ModelProbe, layer: str, image: tuple[int, int]) -> CellGeometry:
    """Where a layer's places lie in images of a shape (y, x); one place for a layer without."""
    info = door.layer(layer)
    return door.cells(layer, image) if info.spatial else tiled((1, 1), image)


def class_logits(door: ModelProbe) -> tuple[Score, ...]:
    """The evidence for each class."""
    return tuple(logit(name) for name in door.class_names)


def layer_attributions(
    door: ModelProbe, images: Floats, layer: str, scores: Sequence[Score], steps: int = 16
) -> tuple[LayerAttribution, ...]:
    """What a layer's channels add to each score at each place.

    Parameters
    ----------
    door : Probe
    images : float32 (n, y, x, band), nanomaggies
    layer : str
    scores : sequence of Score
    steps : int, optional
        On the way from a layer that says nothing; 0 for the gradient at the end alone.
    """
    return tuple(_attribution(door, images, layer, score, steps) for score in scores)


def bypass_scores(door: ModelProbe, images: Floats, layer: str, scores: Sequence[Score], said: Floats) -> Floats:
    """What galaxies add to scores by ways that do not lead through the layer, float32 (n, score): see `account`."""
    silent = np.zeros_like(said)
    empty = np.zeros_like(images)
    return door.scores_with_activations(images, layer, silent, scores) - door.scores_with_activations(
        empty, layer, silent, scores
    )


def _attribution(door: ModelProbe, images: Floats, layer: str, score: Score, steps: int) -> LayerAttribution:
    if not steps:
        found = door.gradients(images, score, layer)
        return gradient_attribution(found.values, found.gradients, score.name, found.scores)
    said = door.activations(images, layer)

    def gradient_of(values: Floats) -> tuple[Floats, Floats]:
        found = door.gradients_with_activations(images, layer, values, score)
        return found.scores, found.gradients

    return path_attribution(said, gradient_of, score.name, steps)


Ints = NDArray[np.int64]

CHECKPOINTS: Final = 50
"""Of a pass over a large survey: what is lost at most when it is interrupted is a fiftieth."""


@dataclass(frozen=True, eq=False)
class SampledPlaces:
    """Places in galaxies, m in all.

    Attributes
    ----------
    vectors : float32 (m, channel)
        What the layer says there.
    attributed : float32 (m, class)
        What they add to each class' logit beyond what they add to all classes on average.
    rows : int64 (m,)
        Of the survey.
    y, x : int64 (m,)
        In the layer's plane; 0 for a layer without places.
    """

    vectors: Floats
    attributed: Floats
    rows: Ints
    y: Ints
    x: Ints


@dataclass(frozen=True, eq=False)
class SurveyPass:
    """What one pass has found.

    Attributes
    ----------
    tally : RunningMoments
    by_mean, by_max : TopGalaxies
    places : SampledPlaces
    """

    tally: RunningMoments
    by_mean: TopGalaxies
    by_max: TopGalaxies
    places: SampledPlaces


def run_survey_pass(
    door: ModelProbe,
    survey: Survey,
    rows: Ints,
    layer: str,
    settings: BlockSettings,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> SurveyPass:
    """Look at every galaxy once, a shard at a time; of a sample of them the network is asked for gradients too.

    Places are drawn by how much the layer has to say there, the length of its activations, so that empty sky does not
    fill the sample; where it says nothing, there is nothing to draw.

    Parameters
    ----------
    door : ModelProbe
    survey : Survey
    rows : int64 (n,)
    layer : str
    settings : BlockSettings
    progress : callable, optional
    checkpoint : Path, optional
        An ``.npz`` file to which the state of the pass is written about `CHECKPOINTS` times; a pass of the same
        settings that finds one goes on from there, with the same result to the last bit.
    """
    chooser = np.random.default_rng(settings.seed)
    chosen = np.zeros(len(rows), bool)
    chosen[chooser.choice(len(rows), min(len(rows), settings.places), replace=False)] = True
    each = max(settings.places // len(rows), 1)
    state = _Pass(settings.tops, chooser)
    if checkpoint is not None and checkpoint.is_file():
        before = chooser.bit_generator.state
        try:
            state.read(checkpoint)
        except SurveyError:  # damaged, it is of no use: the pass begins anew
            chooser.bit_generator.state = before
            state = _Pass(settings.tops, chooser)
    every = SHARD_ROWS * max(len(rows) // SHARD_ROWS // CHECKPOINTS, 1)
    for batch in survey.batches(rows=rows[state.done :]):
        state.add(door.activations(batch.images, layer), batch.rows)
        wanted = chosen[state.done : state.done + len(batch.rows)]
        if wanted.any():
            state.parts.append(_sample_places(door, batch.images[wanted], batch.rows[wanted], layer, each, state.rng))
        state.done += len(batch.rows)
        if checkpoint is not None and (state.done % every == 0 or state.done == len(rows)):
            state.write(checkpoint)
        if progress:
            progress("channels", state.done, len(rows))
    return SurveyPass(state.tally, state.by_mean, state.by_max, state.places())


class _Pass:
    """What has been gathered of the first `done` rows, and how the random numbers stand."""

    def __init__(self, tops: int, rng: np.random.Generator) -> None:
        self.done, self.rng = 0, rng
        self.tally, self.by_mean, self.by_max = RunningMoments(), TopGalaxies(tops), TopGalaxies(tops, "max")
        self.parts: list[SampledPlaces] = []

    def add(self, activations: Floats, rows: Ints) -> None:
        self.tally.add(activations)
        self.by_mean.add(activations, rows)
        self.by_max.add(activations, rows)

    def places(self) -> SampledPlaces:
        return SampledPlaces(
            *(np.concatenate([getattr(part, each.name) for part in self.parts]) for each in fields(SampledPlaces))
        )

    def write(self, file: Path) -> None:
        self.parts = [self.places()] if self.parts else []
        kept = {"tally": self.tally.state(), "mean": self.by_mean.state(), "max": self.by_max.state()}
        kept["places"] = vars(self.parts[0]) if self.parts else {}
        arrays = {f"{part}_{name}": values for part, each in kept.items() for name, values in each.items()}
        with replaced(file) as aside:
            np.savez(aside, allow_pickle=False, done=self.done, rng=json.dumps(self.rng.bit_generator.state), **arrays)

    def read(self, file: Path) -> None:
        arrays = read_npz(file)
        kept = {
            part: {name.removeprefix(f"{part}_"): arrays[name] for name in arrays if name.startswith(f"{part}_")}
            for part in ("tally", "mean", "max", "places")
        }
        with failing_as(SurveyError, str(file)):
            self.done, self.rng.bit_generator.state = int(arrays["done"]), json.loads(str(arrays["rng"]))
            self.tally = RunningMoments.of_state(kept["tally"])
            self.by_mean.resume(kept["mean"])
            self.by_max.resume(kept["max"])
            self.parts = [SampledPlaces(**kept["places"])] if kept["places"] else []


def _sample_places(
    door: ModelProbe, images: Floats, rows: Ints, layer: str, each: int, rng: np.random.Generator
) -> SampledPlaces:
    attributions = layer_attributions(door, images, layer, class_logits(door), steps=0)
    said = attributions[0].activations
    plane = said.reshape(len(said), -1, said.shape[-1])
    each = min(each, plane.shape[1])
    across = said.shape[2] if said.ndim == 4 else 1
    # The largest of log(weight) + Gumbel noise: a draw without replacement by weight (Efraimidis & Spirakis 2006).
    strength = np.log(np.linalg.norm(plane, axis=2) + 1e-12)
    at = np.argsort(-(strength + rng.gumbel(size=strength.shape)), axis=1, kind="stable")[:, :each]
    galaxy = np.repeat(np.arange(len(said)), each)
    flat = at.ravel()
    speaks = plane[galaxy, flat].any(axis=1)
    galaxy, flat = galaxy[speaks], flat[speaks]
    adds = np.stack([each_.values.reshape(plane.shape)[galaxy, flat].sum(axis=1) for each_ in attributions], axis=1)
    return SampledPlaces(
        plane[galaxy, flat], adds - adds.mean(axis=1, keepdims=True), rows[galaxy], flat // across, flat % across
    )


Doubles = NDArray[np.float64]

ARTEFACTS: Final = ("sky_", "psf_", "background_", "gradient_", "smoothing", "invalid", "zero", "edge", "flat")
"""Beginnings of columns of image quality that speak of sky, telescope and cutting out: the more, the worse."""


FEWEST_IN_TAIL: Final = 4
"""Loudest galaxies of a channel that are looked at, however few there are in all."""


def channel_table(statistics: SurveyPass, artefacts: pd.DataFrame) -> pd.DataFrame:
    """A row per channel.

    Returns
    -------
    DataFrame
        ``channel``; ``mean``, ``scatter``, ``lowest``, ``highest`` over all places; ``active``, the share of places
        above 0; ``loud``, what it reaches in the quietest of the galaxies kept as loudest; ``silent``; ``twin`` (the
        channel most like it, -1 for none) with ``twin_r``; ``artefact`` (a column of image quality, "" for none) with
        ``artefact_share`` and ``artefact_expected`` of its top galaxies.
    """
    tally = statistics.tally
    n = len(tally.mean)
    table = pd.DataFrame(
        {
            "channel": np.arange(n),
            "mean": tally.mean,
            "scatter": tally.scatter,
            "lowest": tally.lowest,
            "highest": tally.highest,
            "active": tally.active,
            "loud": statistics.by_max.top.values[:, -1].astype(np.float64),
            "silent": np.isin(np.arange(n), inactive_channels(tally)),
        }
    )
    twin, r = np.full(n, -1, np.int64), np.full(n, np.nan)
    for first, second, value in reversed(redundant_channels(tally.correlation)):  # the closest last, so that it stays
        twin[[first, second]], r[[first, second]] = [second, first], value
    return table.assign(twin=twin, twin_r=r).merge(artefacts, on="channel", how="left").fillna({"artefact": ""})


def artefact_tables(
    survey: Survey, top: Extremes, rows: NDArray[np.int64], measured: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The channels that see artefacts, and every test.

    Parameters
    ----------
    survey : Survey
    top : Extremes
    rows : int64 (n,)
        The galaxies that were looked at.
    measured : DataFrame
        Image quality.
    """
    known = measured.set_index("row").reindex(rows)
    columns = {
        str(name): known[name].to_numpy(np.float64)
        for name in known.columns
        if str(name).startswith(ARTEFACTS) and name != "psf_from"
    }
    catalog = read_columns(survey.place.file("catalog.parquet"), (PETRO_RADIUS,))
    size = catalog[PETRO_RADIUS].iloc[rows] if PETRO_RADIUS in catalog else known["extent"]
    sizes = np.stack([known["light"].to_numpy(np.float64), size.to_numpy(np.float64)], axis=1)
    most = max(int(len(rows) * (1 - TAIL) / 2), FEWEST_IN_TAIL)  # of few galaxies few are flagged
    positions = np.searchsorted(rows, top.rows[:, :most])
    found, tests = artefact_channels(positions, flag_images(columns), sizes)
    first: dict[int, tuple[str, float, float]] = {}
    for each in found:
        first.setdefault(each.channel, (each.column, each.share, each.expected))
    named = pd.DataFrame(
        {
            "channel": np.array(list(first), np.int64),
            "artefact": pd.Series([each[0] for each in first.values()], dtype="str"),
            "artefact_share": np.array([each[1] for each in first.values()], np.float64),
            "artefact_expected": np.array([each[2] for each in first.values()], np.float64),
        }
    )
    return named, tests


def correlates_table(
    survey: Survey,
    analysis: Analysis,
    predictions: pd.DataFrame | None,
    measured: pd.DataFrame,
    settings: BlockSettings,
) -> pd.DataFrame:
    """Every channel, as the analysis has pooled it, against every column that is known of a sample of galaxies."""
    n = len(analysis.rows)
    rng = np.random.default_rng(settings.seed)
    at = np.sort(rng.choice(n, min(n, settings.galaxies), replace=False))
    rows = analysis.rows[at]
    return correlates(analysis.activations(at), _comparison_columns(survey, rows, predictions, measured))


def _comparison_columns(
    survey: Survey, rows: NDArray[np.int64], predictions: pd.DataFrame | None, measured: pd.DataFrame
) -> Iterator[tuple[str, Doubles]]:
    file = survey.place.file("catalog.parquet")
    catalog = read_columns(file, (LABEL,))
    labels = catalog[LABEL].iloc[rows].reset_index(drop=True) if LABEL in catalog else None
    for column in catalogue_columns(file, rows, survey.bands):
        yield column.name, column.values
    for column in network_columns(predictions, labels, rows):
        yield column.name, column.values
    for column in quality_columns_of(measured, rows):
        yield column.name, column.values


def project_places(places: SampledPlaces, settings: BlockSettings) -> Floats:
    """Coordinates of places, float32 (m, 2): UMAP on the cosine between what the layer says at them."""
    k = min(settings.neighbours, len(places.vectors) - 1)
    near = nearest_neighbours(places.vectors, max(k, 1), "cosine")
    return project(places.vectors, near, MapSettings(k, seed=settings.seed)).coordinates


def build_atlases(
    places: SampledPlaces,
    coordinates: Floats,
    class_names: tuple[str, ...],
    covariance: NDArray[np.float64],
    settings: BlockSettings,
) -> dict[str, dict[str, Any]]:
    """Of all places, and of those that speak most for each class: file -> arrays, as `load_atlas` reads them."""
    chosen = {0: np.arange(len(places.vectors))}
    for number in range(len(class_names)):
        chosen[number + 1] = np.flatnonzero(dominant_places(places.attributed, number))
    return {
        f"atlas-{number}": _atlas_arrays(
            build_atlas(
                places.vectors[at],
                coordinates[at],
                places.attributed[at],
                class_names,
                covariance=covariance,
                side=settings.side,
            ),
            at,
        )
        for number, at in chosen.items()
        if len(at)
    }


def _atlas_arrays(atlas: Atlas, at: NDArray[np.int64]) -> dict[str, Any]:
    arrays: dict[str, Any] = dict(vars(atlas))
    arrays["scores"] = np.array(atlas.scores, dtype=np.str_)
    arrays["patches"] = np.where(atlas.patches < 0, -1, at[atlas.patches])
    return arrays


FEWEST_GALAXIES = 12
"""Galaxies without which nothing can be said of channels."""


def blocks(
    study: Study, layer: str = "", settings: BlockSettings | None = None, progress: Progress | None = None
) -> BlocksFolder:
    """What a layer's channels, groups and places say; made once, and kept. An interrupted run goes on where it stopped.

    Image quality is measured first where that has not been done.

    Parameters
    ----------
    study : Study
    layer : str
        "" for the layer analysed last.
    settings : BlockSettings, optional
        By default those with which they were found before, if they were.
    progress : callable, optional

    Raises
    ------
    SurveyError
        The layer has not been analysed for this survey as it is now, or fewer than 12 galaxies have an image.
    InputError
        There is no network, but latents in its place.
    """
    survey = study.survey
    analysis = analysis_for(survey, study.model, layer)
    folder = blocks_folder(analysis)
    known = folder.provenance
    settings = settings or (settings_from_provenance(known) if known else BlockSettings())
    if len(analysis.rows) < FEWEST_GALAXIES:
        raise SurveyError(
            f"{len(analysis.rows)} galaxies of {survey.name} have an image", f"At least {FEWEST_GALAXIES}"
        )
    predictions = _predictions(study.model)
    made = study.model.predictions_provenance if predictions is not None else None
    rule = known.parameters.get(LOGIT_RULE) if known else None  # of a network that need not be opened again
    provenance = blocks_provenance(
        analysis,
        settings,
        quality_provenance(survey).digest,
        made.digest if made else "",
        str(rule or study.probe.logit_rule),
    )
    if known is None or known.digest != provenance.digest:
        what = f"the building blocks of {survey.name} by {analysis.words}"
        with whole_folder(folder.path, what, replace=True, resume=provenance.digest) as aside:
            unfinished, checkpoint = BlocksFolder(aside), aside / "gathered.npz"
            found = run_survey_pass(study.probe, survey, analysis.rows, analysis.layer, settings, progress, checkpoint)
            _write_tables(unfinished, survey, analysis, found, predictions, settings, progress)
            _write_arrays(unfinished, study, analysis, found, settings, progress)
            unfinished.complete(provenance)
            checkpoint.unlink()
    return blocks_folder(analysis)


def _predictions(model: ModelFolder) -> pd.DataFrame | None:
    try:
        return model.predictions
    except SurveyError:
        return None


def _write_tables(
    folder: BlocksFolder,
    survey: Survey,
    analysis: Analysis,
    found: SurveyPass,
    predictions: pd.DataFrame | None,
    settings: BlockSettings,
    progress: Progress | None,
) -> None:
    measured = quality(survey, progress)
    if not folder.has("channels.parquet"):  # written behind the other of the two
        named, tests = artefact_tables(survey, found.by_mean.top, analysis.rows, measured)
        folder.write_table("artefacts", tests)
        folder.write_table("channels", channel_table(found, named))
    if progress:
        progress("correlates", 0, 1)
    if not folder.has("correlates.parquet"):
        folder.write_table("correlates", correlates_table(survey, analysis, predictions, measured, settings))


def _write_arrays(
    folder: BlocksFolder,
    study: Study,
    analysis: Analysis,
    found: SurveyPass,
    settings: BlockSettings,
    progress: Progress | None,
) -> None:
    places, names = found.places, study.probe.class_names
    sides = {"top": found.by_mean.top, "bottom": found.by_mean.bottom, "peak": found.by_max.top}
    folder.write_arrays(
        "tops", {f"{side}_{name}": values for side, each in sides.items() for name, values in vars(each).items()}
    )
    if progress:
        progress("groups", 0, 1)
    if not folder.has("groups.npz"):
        groups = find_groups(places.vectors, settings.groups, settings.seed, analysis.layer)
        held, negative = np.array(groups.held), np.array(groups.negative)
        folder.write_arrays("groups", {"directions": groups.directions, "held": held, "negative": negative})
    if progress:
        progress("atlas", 0, 1)
    if not folder.has("places.npz"):
        cells = np.array(json.dumps(layer_cells(study.probe, analysis.layer, study.survey.shape).to_json()))
        coordinates = project_places(places, settings)
        of_places = {name: getattr(places, name) for name in ("rows", "y", "x", "attributed")}
        folder.write_arrays("places", {**of_places, "cells": cells, "coordinates": coordinates})
    coordinates = folder.arrays("places")["coordinates"]
    for name, arrays in build_atlases(places, coordinates, names, found.tally.covariance, settings).items():
        folder.write_arrays(name, arrays)

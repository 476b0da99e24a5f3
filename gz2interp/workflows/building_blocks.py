"""``gz2interp channels``: statistics, neuron groups and activation atlas of a layer, stored inside the analysis.

`blocks` computes them, which needs the network; `load_blocks`, `load_groups` and `load_atlas` only read files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
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
    ChannelArtefact,
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
from gz2interp.stores.files import atomic_folder, atomic_write
from gz2interp.stores.layer_results import BlocksFolder, blocks_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.reading import errors_as
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_columns
from gz2interp.workflows.cluster_columns import catalogue_columns, network_columns, quality_columns
from gz2interp.workflows.image_quality import quality, quality_provenance
from gz2interp.workflows.study import Progress, Study, analysis_for, predictions_of

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

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

VERSION: Final = 1
"""Of the computation; stored results of another version are computed anew."""

LOGIT_RULE: Final = "logit_rule"
"""Provenance parameter: where the class logits are taken from; see `gz2interp.network.probe.Probe.logit_rule`."""

ALL: Final = "all"
"""Name of the atlas of all places."""

CHECKPOINTS: Final = 50
"""Number of checkpoints of a pass over a large survey: an interruption costs at most a fiftieth of it."""

ARTEFACTS: Final = ("sky_", "psf_", "background_", "gradient_", "smoothing", "invalid", "zero", "edge", "flat")
"""Prefixes of columns of image quality that describe sky, telescope and cutting out; larger values are worse."""

FEWEST_IN_TAIL: Final = 4
"""Least number of most activating galaxies that are tested for artefacts, however small the survey."""

FEWEST_GALAXIES = 12
"""Least number of galaxies for statistics of channels."""


@dataclass(frozen=True)
class BlockSettings:
    """Settings of the statistics, groups and atlas of a layer.

    Attributes
    ----------
    groups : int
        Number of neuron groups (NMF) of the survey.
    tops : int
        Number of most and of least activating galaxies stored for each channel.
    places : int
        Approximate number of places in galaxies sampled for groups and atlas.
    galaxies : int
        Largest number of galaxies, drawn at random, for the correlations of channels with columns.
    side : int
        Cells along each side of the atlas.
    neighbours : int
        Neighbours of each place in the UMAP layout of the atlas.
    """

    groups: int = 6
    tops: int = 32
    places: int = 10_000
    galaxies: int = 20_000
    side: int = 14
    neighbours: int = 15
    seed: int = 0


def settings_from_provenance(provenance: Provenance) -> BlockSettings:
    """The settings of a stored result; settings it does not name have their defaults."""
    parameters = {**provenance.parameters, "seed": provenance.seed}
    return BlockSettings(
        **{field.name: parameters[field.name] for field in fields(BlockSettings) if field.name in parameters}
    )


def blocks_provenance(
    analysis: Analysis, settings: BlockSettings, quality: str, predictions: str, logit_rule: str
) -> Provenance:
    """Provenance of the building blocks of an analysis.

    Parameters
    ----------
    quality, predictions : str
        Digests of the image quality and the predictions that channels are correlated with; "" where there is none.
    logit_rule : str
        Where the class logits are taken from.
    """
    parameters = asdict(settings)
    seed = parameters.pop("seed")
    source = analysis.provenance
    return replace(
        source,
        method="building blocks",
        parameters={
            **parameters,
            "analysis": source.digest,
            "quality": quality,
            "predictions": predictions,
            LOGIT_RULE: logit_rule,
            "version": VERSION,
        },
        seed=seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy", "scikit-learn", "umap-learn"),
    )


def load_blocks(survey: Survey, model: ModelFolder, layer: str = "") -> BlocksFolder | None:
    """Stored building blocks of the newest analysis of these data and this model that has them; None if none has."""
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None, _has_blocks)
    return blocks_folder(analysis) if analysis else None


def _has_blocks(analysis: Analysis) -> bool:
    return blocks_folder(analysis).provenance is not None


def load_groups(folder: BlocksFolder) -> Groups:
    """Stored neuron groups of the survey."""
    arrays, provenance = folder.arrays("groups"), folder.provenance
    return Groups(
        arrays["directions"],
        float(arrays["held"]),
        float(arrays["negative"]),
        provenance.layer if provenance else "",
        (provenance.seed or 0) if provenance else 0,
    )


def load_atlas(folder: BlocksFolder, name: str = ALL) -> Atlas:
    """Stored atlas of all places or of one class; its patches are positions among the stored places.

    Raises
    ------
    InputError
        There is no such class, or no place adds most to it.
    """
    classes = tuple(map(str, folder.arrays("atlas-0")["scores"]))
    if name not in (ALL, *classes):
        raise InputError(f"The atlas {name!r} was requested", f"One of {choices((ALL, *classes))}")
    index = 0 if name == ALL else classes.index(name) + 1
    if not (folder.path / f"atlas-{index}.npz").is_file():
        raise InputError(f"The atlas {name!r} was requested", "One of a class to which some place adds most")
    arrays = folder.arrays(f"atlas-{index}")
    values: dict[str, Any] = {"side": int(arrays["side"]), "scores": tuple(map(str, arrays["scores"]))}
    return Atlas(**{field.name: values.get(field.name, arrays[field.name]) for field in fields(Atlas)})


def layer_cells(probe: ModelProbe, layer: str, image: tuple[int, int]) -> CellGeometry:
    """Positions of a layer's cells in images of a shape (y, x); a layer without a plane has one cell."""
    info = probe.layer(layer)
    return probe.cells(layer, image) if info.spatial else tiled((1, 1), image)


def class_logits(probe: ModelProbe) -> tuple[Score, ...]:
    """The logit of each class."""
    return tuple(logit(name) for name in probe.class_names)


def layer_attributions(
    probe: ModelProbe, images: Floats, layer: str, scores: Sequence[Score], steps: int = 16
) -> tuple[LayerAttribution, ...]:
    """Attribution of each score to a layer's channels at each place.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    steps : int, optional
        Steps of the path from zero activations; 0 for activation times gradient without a path.
    """
    return tuple(_attribution(probe, images, layer, score, steps) for score in scores)


def bypass_scores(
    probe: ModelProbe, images: Floats, layer: str, scores: Sequence[Score], activations: Floats
) -> Floats:
    """What images add to scores along paths that bypass the layer, float32 (n, score).

    The difference between the scores of the images and of an empty sky, both with zero activations of the layer; see
    `gz2interp.concepts.attribution.completeness_of`.
    """
    zeros = np.zeros_like(activations)
    scores_of = partial(probe.scores_with_activations, layer=layer, activations=zeros, scores=scores)
    return scores_of(images) - scores_of(np.zeros_like(images))


def _attribution(probe: ModelProbe, images: Floats, layer: str, score: Score, steps: int) -> LayerAttribution:
    if not steps:
        result = probe.gradients(images, score, layer)
        return gradient_attribution(result.values, result.gradients, score.name, result.scores)
    activations = probe.activations(images, layer)

    def gradient_of(values: Floats) -> tuple[Floats, Floats]:
        result = probe.gradients_with_activations(images, layer, values, score)
        return result.scores, result.gradients

    return path_attribution(activations, gradient_of, score.name, steps)


@dataclass(frozen=True, eq=False)
class SampledPlaces:
    """A sample of m places in galaxies.

    Attributes
    ----------
    vectors : float32 (m, channel)
        Activations.
    attributed : float32 (m, class)
        Attribution of each class logit, minus the mean over classes.
    rows : int64 (m,)
        Rows of the survey.
    y, x : int64 (m,)
        Cell in the layer's plane; 0 for a layer without a plane.
    """

    vectors: Floats
    attributed: Floats
    rows: Ints
    y: Ints
    x: Ints


@dataclass(frozen=True, eq=False)
class SurveyPass:
    """Statistics of a layer from one pass over the survey."""

    moments: RunningMoments
    by_mean: TopGalaxies
    by_max: TopGalaxies
    places: SampledPlaces


def run_survey_pass(
    probe: ModelProbe,
    survey: Survey,
    rows: Ints,
    layer: str,
    settings: BlockSettings,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> SurveyPass:
    """Statistics of a layer's activations over all galaxies, and places sampled from some of them.

    Places are drawn with probabilities proportional to the length of the activations, so that empty sky does not fill
    the sample; places of zero activations are left out. Gradients are computed for the sampled galaxies only.

    Parameters
    ----------
    rows : int64 (n,)
    checkpoint : Path, optional
        An ``.npz`` file to which the state of the pass is written about `CHECKPOINTS` times; a pass of the same
        settings continues from it, with a result identical to the bit.
    """
    rng = np.random.default_rng(settings.seed)
    is_sampled = np.zeros(len(rows), bool)
    is_sampled[rng.choice(len(rows), min(len(rows), settings.places), replace=False)] = True
    per_galaxy = max(settings.places // len(rows), 1)
    state = _Pass(settings.tops, rng)
    if checkpoint is not None and checkpoint.is_file():
        rng_state = rng.bit_generator.state
        try:
            state.read(checkpoint)
        except SurveyError:  # damaged: the pass begins anew
            rng.bit_generator.state = rng_state
            state = _Pass(settings.tops, rng)
    interval = SHARD_ROWS * max(len(rows) // SHARD_ROWS // CHECKPOINTS, 1)
    for batch in survey.batches(rows=rows[state.done :]):
        state.add(probe.activations(batch.images, layer), batch.rows)
        sampled = is_sampled[state.done : state.done + len(batch.rows)]
        if sampled.any():
            state.parts.append(
                _sample_places(probe, batch.images[sampled], batch.rows[sampled], layer, per_galaxy, state.rng)
            )
        state.done += len(batch.rows)
        if checkpoint is not None and (state.done % interval == 0 or state.done == len(rows)):
            state.write(checkpoint)
        if progress:
            progress("channels", state.done, len(rows))
    return SurveyPass(state.moments, state.by_mean, state.by_max, state.places())


class _Pass:
    """State of a pass after the first `done` rows, with the state of the random generator."""

    def __init__(self, tops: int, rng: np.random.Generator) -> None:
        self.done, self.rng = 0, rng
        self.moments, self.by_mean, self.by_max = RunningMoments(), TopGalaxies(tops), TopGalaxies(tops, "max")
        self.parts: list[SampledPlaces] = []

    def add(self, activations: Floats, rows: Ints) -> None:
        self.moments.add(activations)
        self.by_mean.add(activations, rows)
        self.by_max.add(activations, rows)

    def places(self) -> SampledPlaces:
        return SampledPlaces(
            *(np.concatenate([getattr(part, field.name) for part in self.parts]) for field in fields(SampledPlaces))
        )

    def write(self, file: Path) -> None:
        self.parts = [self.places()] if self.parts else []
        parts = {"tally": self.moments.state(), "mean": self.by_mean.state(), "max": self.by_max.state()}
        parts["places"] = vars(self.parts[0]) if self.parts else {}
        arrays = {
            f"{part}_{name}": values
            for part, values_by_name in parts.items()
            for name, values in values_by_name.items()
        }
        with atomic_write(file) as aside:
            np.savez(aside, allow_pickle=False, done=self.done, rng=json.dumps(self.rng.bit_generator.state), **arrays)

    def read(self, file: Path) -> None:
        arrays = read_npz(file)
        parts = {
            part: {name.removeprefix(f"{part}_"): arrays[name] for name in arrays if name.startswith(f"{part}_")}
            for part in ("tally", "mean", "max", "places")
        }
        with errors_as(SurveyError, str(file)):
            self.done, self.rng.bit_generator.state = int(arrays["done"]), json.loads(str(arrays["rng"]))
            self.moments = RunningMoments.of_state(parts["tally"])
            self.by_mean.resume(parts["mean"])
            self.by_max.resume(parts["max"])
            self.parts = [SampledPlaces(**parts["places"])] if parts["places"] else []


def _sample_places(
    probe: ModelProbe, images: Floats, rows: Ints, layer: str, per_galaxy: int, rng: np.random.Generator
) -> SampledPlaces:
    attributions = layer_attributions(probe, images, layer, class_logits(probe), steps=0)
    activations = attributions[0].activations
    plane = activations.reshape(len(activations), -1, activations.shape[-1])
    per_galaxy = min(per_galaxy, plane.shape[1])
    across = activations.shape[2] if activations.ndim == 4 else 1
    # The largest of log(weight) + Gumbel noise: a draw without replacement by weight (Efraimidis & Spirakis 2006).
    log_length = np.log(np.linalg.norm(plane, axis=2) + 1e-12)
    order = np.argsort(-(log_length + rng.gumbel(size=log_length.shape)), axis=1, kind="stable")[:, :per_galaxy]
    galaxy = np.repeat(np.arange(len(activations)), per_galaxy)
    cell = order.ravel()
    nonzero = plane[galaxy, cell].any(axis=1)
    galaxy, cell = galaxy[nonzero], cell[nonzero]
    attributed = np.stack(
        [attribution.values.reshape(plane.shape)[galaxy, cell].sum(axis=1) for attribution in attributions], axis=1
    )
    return SampledPlaces(
        plane[galaxy, cell],
        attributed - attributed.mean(axis=1, keepdims=True),
        rows[galaxy],
        cell // across,
        cell % across,
    )


def channel_table(statistics: SurveyPass, artefacts: pd.DataFrame) -> pd.DataFrame:
    """A row per channel.

    Returns
    -------
    DataFrame
        ``channel``; ``mean``, ``scatter``, ``lowest``, ``highest`` over all places; ``active``, the share of places
        above 0; ``loud``, the least maximum among the stored most activating galaxies; ``silent``; ``twin`` (the
        channel of highest correlation, -1 for none) with ``twin_r``; ``artefact`` (a column of image quality,
        "" for none) with ``artefact_share`` and ``artefact_expected`` of its top galaxies.
    """
    moments = statistics.moments
    n = len(moments.mean)
    table = pd.DataFrame(
        {
            "channel": np.arange(n),
            "mean": moments.mean,
            "scatter": moments.scatter,
            "lowest": moments.lowest,
            "highest": moments.highest,
            "active": moments.active,
            "loud": statistics.by_max.top.values[:, -1].astype(np.float64),
            "silent": np.isin(np.arange(n), inactive_channels(moments)),
        }
    )
    twin, r = np.full(n, -1, np.int64), np.full(n, np.nan)
    for first, second, value in reversed(redundant_channels(moments.correlation)):  # the closest last, so that it stays
        twin[[first, second]], r[[first, second]] = [second, first], value
    return table.assign(twin=twin, twin_r=r).merge(artefacts, on="channel", how="left").fillna({"artefact": ""})


def artefact_tables(
    survey: Survey, top: Extremes, rows: NDArray[np.int64], measured: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The channels whose top galaxies have observational artefacts, and all tests.

    Parameters
    ----------
    rows : int64 (n,)
        The galaxies of the pass.
    measured : DataFrame
        Image quality.
    """
    image_quality = measured.set_index("row").reindex(rows)
    columns = {
        str(name): image_quality[name].to_numpy(np.float64)
        for name in image_quality.columns
        if str(name).startswith(ARTEFACTS) and name != "psf_from"
    }
    catalog = read_columns(survey.location.file("catalog.parquet"), (PETRO_RADIUS,))
    size = catalog[PETRO_RADIUS].iloc[rows] if PETRO_RADIUS in catalog else image_quality["extent"]
    sizes = np.stack([image_quality["light"].to_numpy(np.float64), size.to_numpy(np.float64)], axis=1)
    most = max(int(len(rows) * (1 - TAIL) / 2), FEWEST_IN_TAIL)  # of few galaxies few are flagged
    positions = np.searchsorted(rows, top.rows[:, :most])
    artefacts, tests = artefact_channels(positions, flag_images(columns), sizes)
    first: dict[int, ChannelArtefact] = {}
    for artefact in artefacts:
        first.setdefault(artefact.channel, artefact)
    named = pd.DataFrame(
        {
            "channel": np.array(list(first), np.int64),
            "artefact": pd.Series([artefact.column for artefact in first.values()], dtype="str"),
            "artefact_share": np.array([artefact.share for artefact in first.values()], np.float64),
            "artefact_expected": np.array([artefact.expected for artefact in first.values()], np.float64),
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
    """Rank correlations of the pooled activations of each channel with each column, over a sample of galaxies."""
    n = len(analysis.rows)
    rng = np.random.default_rng(settings.seed)
    sample = np.sort(rng.choice(n, min(n, settings.galaxies), replace=False))
    rows = analysis.rows[sample]
    return correlates(analysis.activations(sample), _comparison_columns(survey, rows, predictions, measured))


def _comparison_columns(
    survey: Survey, rows: NDArray[np.int64], predictions: pd.DataFrame | None, measured: pd.DataFrame
) -> Iterator[tuple[str, Doubles]]:
    file = survey.location.file("catalog.parquet")
    catalog = read_columns(file, (LABEL,))
    labels = catalog[LABEL].iloc[rows].reset_index(drop=True) if LABEL in catalog else None
    for column in catalogue_columns(file, rows, survey.bands):
        yield column.name, column.values
    for column in network_columns(predictions, labels, rows):
        yield column.name, column.values
    for column in quality_columns(measured, rows):
        yield column.name, column.values


def project_places(places: SampledPlaces, settings: BlockSettings) -> Floats:
    """Coordinates of places, float32 (m, 2): UMAP of the cosine distance between activations."""
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
    """Atlases of all places and of those that add most to each class, as file name -> arrays for `load_atlas`."""
    selected = {0: np.arange(len(places.vectors))}
    for number in range(len(class_names)):
        selected[number + 1] = np.flatnonzero(dominant_places(places.attributed, number))
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
        for number, at in selected.items()
        if len(at)
    }


def _atlas_arrays(atlas: Atlas, at: NDArray[np.int64]) -> dict[str, Any]:
    arrays: dict[str, Any] = dict(vars(atlas))
    arrays["scores"] = np.array(atlas.scores, dtype=np.str_)
    arrays["patches"] = np.where(atlas.patches < 0, -1, at[atlas.patches])
    return arrays


def blocks(
    study: Study, layer: str = "", settings: BlockSettings | None = None, progress: Progress | None = None
) -> BlocksFolder:
    """Statistics, groups and atlas of a layer: computed and stored, or read if stored already.

    An interrupted computation continues where it stopped. Image quality is measured first if it has not been.

    Parameters
    ----------
    layer : str
        "" for the layer analysed last.
    settings : BlockSettings, optional
        By default those of the stored result, if there is one.

    Raises
    ------
    SurveyError
        The layer has not been analysed for this survey as it is now, or fewer than 12 galaxies have an image.
    InputError
        The model has latents and no network.
    """
    survey = study.survey
    analysis = analysis_for(survey, study.model, layer)
    folder = blocks_folder(analysis)
    existing = folder.provenance
    settings = settings or (settings_from_provenance(existing) if existing else BlockSettings())
    if len(analysis.rows) < FEWEST_GALAXIES:
        raise SurveyError(
            f"{len(analysis.rows)} galaxies of {survey.name} have an image", f"At least {FEWEST_GALAXIES}"
        )
    predictions = predictions_of(study.model)
    prediction_provenance = study.model.predictions_provenance if predictions is not None else None
    rule = existing.parameters.get(LOGIT_RULE) if existing else None  # of a network that need not be opened again
    provenance = blocks_provenance(
        analysis,
        settings,
        quality_provenance(survey).digest,
        prediction_provenance.digest if prediction_provenance else "",
        str(rule or study.probe.logit_rule),
    )
    if existing is None or existing.digest != provenance.digest:
        task = f"the building blocks of {survey.name} by {analysis.words}"
        with atomic_folder(folder.path, task, replace=True, resume=provenance.digest) as aside:
            unfinished, checkpoint = BlocksFolder(aside), aside / "gathered.npz"
            survey_pass = run_survey_pass(
                study.probe, survey, analysis.rows, analysis.layer, settings, progress, checkpoint
            )
            _write_tables(unfinished, survey, analysis, survey_pass, predictions, settings, progress)
            _write_arrays(unfinished, study, analysis, survey_pass, settings, progress)
            unfinished.complete(provenance)
            checkpoint.unlink()
    return blocks_folder(analysis)


def _write_tables(
    folder: BlocksFolder,
    survey: Survey,
    analysis: Analysis,
    survey_pass: SurveyPass,
    predictions: pd.DataFrame | None,
    settings: BlockSettings,
    progress: Progress | None,
) -> None:
    measured = quality(survey, progress)
    if not folder.has("channels.parquet"):  # the second of the two files
        named, tests = artefact_tables(survey, survey_pass.by_mean.top, analysis.rows, measured)
        folder.write_table("artefacts", tests)
        folder.write_table("channels", channel_table(survey_pass, named))
    if progress:
        progress("correlates", 0, 1)
    if not folder.has("correlates.parquet"):
        folder.write_table("correlates", correlates_table(survey, analysis, predictions, measured, settings))


def _write_arrays(
    folder: BlocksFolder,
    study: Study,
    analysis: Analysis,
    survey_pass: SurveyPass,
    settings: BlockSettings,
    progress: Progress | None,
) -> None:
    places, names = survey_pass.places, study.probe.class_names
    sides = {"top": survey_pass.by_mean.top, "bottom": survey_pass.by_mean.bottom, "peak": survey_pass.by_max.top}
    folder.write_arrays(
        "tops",
        {f"{side}_{name}": values for side, extremes in sides.items() for name, values in vars(extremes).items()},
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
    for name, arrays in build_atlases(places, coordinates, names, survey_pass.moments.covariance, settings).items():
        folder.write_arrays(name, arrays)

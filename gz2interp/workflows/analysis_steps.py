"""The steps of an analysis: pooled activations, neighbours and map, with the settings that identify them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.activations import pooled_activations
from gz2interp.embedding.index import QUERIES, NeighbourIndex, kind_of_index
from gz2interp.embedding.placing import Placer
from gz2interp.embedding.projection import MapSettings
from gz2interp.embedding.sampled import draw_map
from gz2interp.embedding.spaces import METRICS, RIDGE, MetricSpace, VectorTable, space_of
from gz2interp.errors import InputError, LayerNotFound, SurveyError, choices
from gz2interp.results import Neighbours, Provenance, Search, versions_of
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.latents import LATENTS
from gz2interp.workflows.shards import Shard, StudyAt, Workers, over_shards, shards_of
from gz2interp.workflows.study import Progress, Study

__all__ = [
    "OVER_VIEWS",
    "AnalyseSettings",
    "IndexLocation",
    "IndexedActivations",
    "activations_as_in",
    "activations_of_shard",
    "layer_of",
    "map_settings_of",
    "neighbours_of_shard",
    "placer_of",
    "provenance_of",
    "space_as_in",
    "write_activations",
    "write_map",
    "write_neighbours",
]

OVER_VIEWS: Final = "mean over eight views"
"""The pooling of activations that do not depend on a galaxy's orientation."""


@dataclass(frozen=True)
class AnalyseSettings:
    """Settings of the analysis of a layer.

    Attributes
    ----------
    layer : str
        "" for the last spatial layer.
    metric : str
        ``"cosine"``, ``"euclidean"`` or ``"whitened"``.
    neighbours : int
        Number of neighbours stored for each galaxy.
    views : bool
        Average activations over the eight rotated and mirrored views of a galaxy.
    index : str
        ``"exact"``, ``"approximate"``, or ``"auto"``: by the number of galaxies.
    """

    layer: str = ""
    metric: str = "cosine"
    neighbours: int = 32
    map: MapSettings = field(default_factory=MapSettings)
    views: bool = False
    index: str = "auto"


def provenance_of(study: Study, settings: AnalyseSettings, galaxies: int) -> Provenance:
    """The provenance of an analysis of so many galaxies; its digest names the analysis' folder.

    Raises
    ------
    InputError
        The metric or the index is not known.
    LayerNotFound
        The network has no such layer.
    """
    if settings.metric not in METRICS:
        raise InputError(f"The metric {settings.metric!r} was given", f"One of {choices(METRICS)}")
    if settings.views and study.model.latents:
        raise InputError(f"{study.model.name} are latents: they cannot be turned", "Images, and a network")
    map_settings = asdict(settings.map)
    return Provenance(
        data=study.survey.digest,
        model=study.model.digest,
        layer=layer_of(study, settings.layer),
        method="umap",
        parameters={
            "pooling": OVER_VIEWS if settings.views else "none" if study.model.latents else "mean",
            "metric": settings.metric,
            "neighbours": settings.neighbours,
            "map_neighbours": map_settings["neighbours"],
            "min_dist": map_settings["min_dist"],
            **_extra_parameters(settings, galaxies),
        },
        seed=map_settings["seed"],
        versions=versions_of("gz2interp", "tensorflow", "keras", "faiss-cpu", "umap-learn", "numpy"),
    )


def layer_of(study: Study, layer: str = "") -> str:
    """The full name of a layer, by default of the last spatial one; `LATENTS` where there is no network."""
    if study.model.latents is None:
        return str(study.probe.layer(layer or study.probe.default_layer).name)
    if layer not in ("", LATENTS):
        raise LayerNotFound(f"{study.model.name} are latents: they have no layer {layer!r}", f"Only {LATENTS}")
    return LATENTS


def _extra_parameters(settings: AnalyseSettings, galaxies: int) -> dict[str, object]:
    """Parameters that differ from the default of exact neighbours and a map of all galaxies."""
    whitened: dict[str, object] = {"ridge": RIDGE} if settings.metric == "whitened" else {}
    kind = kind_of_index(galaxies, settings.index)
    index = {} if kind == "exact" else {"index": kind}
    density = {"map": "densmap"} if settings.map.density else {}
    sample = {"map_sample": settings.map.sample} if galaxies > settings.map.sample else {}
    return {**whitened, **index, **density, **sample}


def write_activations(
    analysis: Analysis,
    study: Study,
    rows: NDArray[np.int64],
    provenance: Provenance,
    progress: Progress | None,
    cluster: Workers | None = None,
) -> None:
    """Compute and store the activations of rows; shards that are already on disk are skipped."""
    left = [shard for shard in shards_of(rows) if not analysis.has_shard(shard.number)]
    done = len(rows) - sum(len(shard.rows) for shard in left)
    job = partial(activations_of_shard, layer=provenance.layer, views=_over_views(provenance))
    for shard, values in over_shards(job, study, left, cluster, StudyAt.of(study)):
        analysis.write_activations(shard.number, values, len(rows))
        done += len(shard.rows)
        if progress:
            progress("activations", done, len(rows))


def activations_of_shard(study: Study, shard: Shard, layer: str, views: bool = False) -> NDArray[np.float32]:
    """Pooled activations of the galaxies of a shard, or their latents, float32 (n, channel)."""
    latents = study.model.latents
    if latents is not None:
        return latents.values(shard.number * SHARD_ROWS + np.arange(len(shard.rows)))
    return _pooled(study, study.survey.images(shard.rows), layer, views)


def activations_as_in(analysis: Analysis, study: Study, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Activations float32 (n, channel) of other images (n, y, x, band) [nanomaggies], pooled as in an analysis."""
    return _pooled(study, images, analysis.provenance.layer, _over_views(analysis.provenance))


def _pooled(study: Study, images: NDArray[np.float32], layer: str, views: bool) -> NDArray[np.float32]:
    (values,) = pooled_activations(study.probe, [images], layer, views)
    return values


def _over_views(provenance: Provenance) -> bool:
    return bool(provenance.parameters["pooling"] == OVER_VIEWS)


@dataclass(frozen=True, eq=False)
class IndexedActivations:
    """The activations of all galaxies, and an index of them.

    Attributes
    ----------
    activations : float32 (n, channel), on disk
    """

    activations: VectorTable
    index: NeighbourIndex


@dataclass(frozen=True)
class IndexLocation:
    """The place of activations and the settings of their index, from which workers build the same index.

    Attributes
    ----------
    folder : str
        Of the analysis.
    seed, neighbours : int
        Of an approximate index.
    """

    folder: str
    metric: str
    index: str
    seed: int
    neighbours: int

    @classmethod
    def of(cls, analysis: Analysis, settings: AnalyseSettings, k: int) -> IndexLocation:
        """The location of an analysis whose activations, and whitening if any, have been written."""
        return cls(str(analysis.path), settings.metric, settings.index, settings.map.seed, k)

    def __call__(self) -> IndexedActivations:
        """Build the index from the activations on disk.

        Raises
        ------
        SurveyError
            There are none.
        """
        analysis = Analysis(Path(self.folder))
        if not (analysis.path / "activations.zarr").exists():
            raise SurveyError(
                f"A worker does not see {self.folder}",
                "A folder that all machines share, under the same path",
            )
        table = analysis.table_of_activations
        space = space_of(table, self.metric, analysis.whitening)
        index = NeighbourIndex(table, index=self.index, space=space, seed=self.seed, neighbours=self.neighbours)
        return IndexedActivations(table, index)


def neighbours_of_shard(indexed: IndexedActivations, shard: Shard, k: int) -> Neighbours:
    """The k nearest others of the galaxies of a shard, as positions; `Neighbours.search` describes the search."""
    first, end = int(shard.rows[0]), int(shard.rows[-1]) + 1
    neighbours = indexed.index.of_members(shard.rows, np.asarray(indexed.activations[first:end], np.float32), k)
    return replace(neighbours, search=indexed.index.search)


def write_neighbours(
    analysis: Analysis,
    rows: NDArray[np.int64],
    settings: AnalyseSettings,
    progress: Progress | None,
    cluster: Workers | None = None,
) -> None:
    """Compute and store the neighbours, block by block, as rows of the survey; blocks on disk are skipped."""
    k = max(settings.neighbours, settings.map.neighbours)
    blocks = shards_of(np.arange(len(rows)), QUERIES)
    left = [block for block in blocks if not analysis.has_neighbours_from(int(block.rows[0]), len(block.rows))]
    if not left:
        return
    whitening = space_of(analysis.table_of_activations, settings.metric).whitening
    if whitening is not None:
        analysis.write_whitening(whitening)
    done = len(rows) - sum(len(block.rows) for block in left)
    search, location = analysis.search if done else None, IndexLocation.of(analysis, settings, k)
    indexed = None if cluster else location()
    for block, neighbours in over_shards(partial(neighbours_of_shard, k=k), indexed, left, cluster, location):
        _check_search(search, neighbours.search)
        search = neighbours.search
        if not done:
            analysis.begin_neighbours(len(rows), k, search)
        as_rows = replace(neighbours, rows=np.where(neighbours.rows < 0, -1, rows[neighbours.rows]))
        analysis.write_neighbours_from(int(block.rows[0]), as_rows)
        done += len(block.rows)
        if progress:
            progress("neighbours", done, len(rows))


def space_as_in(analysis: Analysis) -> MetricSpace:
    """The space in which an analysis measures distances."""
    return space_of(analysis.table_of_activations, analysis.metric, analysis.whitening)


def _check_search(earlier: Search | None, search: Search | None) -> None:
    """Raise SurveyError where the index of a block differs from that of earlier ones."""
    if earlier is not None and search != earlier:
        raise SurveyError(
            "Workers have built different indexes of the same activations",
            "The same index on all workers",
            "Use machines of one kind, or request exact neighbours with --index exact",
        )


def write_map(
    analysis: Analysis,
    study: Study,
    rows: NDArray[np.int64],
    settings: AnalyseSettings,
    progress: Progress | None,
) -> None:
    """Compute and store the map of rows whose neighbours have been stored."""
    if progress:
        progress("map", 0, len(rows))
    report = partial(progress, "map") if progress else None
    table = analysis.table_of_activations
    space = space_of(table, settings.metric, analysis.whitening)
    result = draw_map(table, _neighbours(analysis, rows, settings), settings.map, report, space=space)
    analysis.write_map(rows, study.survey.galaxy_ids[rows], result.embedding, result.laid_out)
    if progress:
        progress("map", len(rows), len(rows))


def _neighbours(analysis: Analysis, rows: NDArray[np.int64], settings: AnalyseSettings) -> Neighbours:
    """Neighbours as positions among the rows; empty where only a sample is laid out, with its own neighbours."""
    few = len(rows) <= settings.map.sample
    neighbours = Analysis(analysis.path).neighbours(None if few else [], settings.metric)
    return replace(neighbours, rows=np.where(neighbours.rows < 0, -1, np.searchsorted(rows, neighbours.rows)))


def map_settings_of(provenance: Provenance) -> MapSettings:
    """The settings of a map, from its provenance."""
    parameters, defaults = provenance.parameters, MapSettings()
    return MapSettings(
        neighbours=int(parameters.get("map_neighbours", defaults.neighbours)),
        min_dist=float(parameters.get("min_dist", defaults.min_dist)),
        seed=provenance.seed or 0,
        density=parameters.get("map") == "densmap",
        sample=int(parameters.get("map_sample", defaults.sample)),
    )


def placer_of(analysis: Analysis) -> Placer:
    """A `Placer` of new galaxies on an analysis' map, from the galaxies that were laid out."""
    laid_out = np.flatnonzero(analysis.laid_out)
    activations = analysis.activations(None if len(laid_out) == len(analysis.rows) else laid_out)
    places = analysis.embedding.coordinates[laid_out]
    return Placer(activations, places, space_as_in(analysis), map_settings_of(analysis.provenance))

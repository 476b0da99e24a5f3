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


@dataclass(frozen=True)
class AnalyseSettings:
    """What is asked of a layer.

    Attributes
    ----------
    layer : str
        "" for the last spatial layer.
    metric : str
        ``"cosine"``, ``"euclidean"`` or ``"whitened"``.
    neighbours : int
        How many of each galaxy are kept.
    map : MapSettings
    views : bool
        Whether activations are means over a galaxy's turned and mirrored views.
    index : str
        ``"exact"``, ``"approximate"``, or ``"auto"``: as the number of galaxies asks for.
    """

    layer: str = ""
    metric: str = "cosine"
    neighbours: int = 32
    map: MapSettings = field(default_factory=MapSettings)
    views: bool = False
    index: str = "auto"


OVER_VIEWS: Final = "mean over eight views"
"""The pooling of activations that know no up and no down."""


def provenance_of(study: Study, settings: AnalyseSettings, galaxies: int) -> Provenance:
    """The question as it is kept; its digest names the analysis' folder.

    Parameters
    ----------
    study : Study
    settings : AnalyseSettings
    galaxies : int
        How many are analysed: their number decides whether neighbours are exact.

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
    shape = asdict(settings.map)
    return Provenance(
        data=study.survey.digest,
        model=study.model.digest,
        layer=layer_of(study, settings.layer),
        method="umap",
        parameters={
            "pooling": OVER_VIEWS if settings.views else "none" if study.model.latents else "mean",
            "metric": settings.metric,
            "neighbours": settings.neighbours,
            "map_neighbours": shape["neighbours"],
            "min_dist": shape["min_dist"],
            **_special(settings, galaxies),
        },
        seed=shape["seed"],
        versions=versions_of("gz2interp", "tensorflow", "keras", "faiss-cpu", "umap-learn", "numpy"),
    )


def layer_of(study: Study, layer: str = "") -> str:
    """The layer's full name, of the last spatial one if none is said; `LATENTS` where these stand in for a network."""
    if study.model.latents is None:
        return str(study.probe.layer(layer or study.probe.default_layer).name)
    if layer not in ("", LATENTS):
        raise LayerNotFound(f"{study.model.name} are latents: they have no layer {layer!r}", f"Only {LATENTS}")
    return LATENTS


def _special(settings: AnalyseSettings, galaxies: int) -> dict[str, object]:
    """What only some analyses have; exact neighbours and a map of all galaxies are the rule, and go without saying."""
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
    made: Provenance,
    progress: Progress | None,
    cluster: Workers | None = None,
) -> None:
    """Store the activations of the given rows; shards that are on disk already are left alone."""
    left = [shard for shard in shards_of(rows) if not analysis.has_shard(shard.number)]
    done = len(rows) - sum(len(shard.rows) for shard in left)
    job = partial(activations_of_shard, layer=made.layer, views=_over_views(made))
    for shard, values in over_shards(job, study, left, cluster, StudyAt.of(study)):
        analysis.write_activations(shard.number, values, len(rows))
        done += len(shard.rows)
        if progress:
            progress("activations", done, len(rows))


def activations_of_shard(study: Study, shard: Shard, layer: str, views: bool = False) -> NDArray[np.float32]:
    """What a layer says of the galaxies of a shard, or their latents, float32 (n, channel)."""
    latents = study.model.latents
    if latents is not None:
        return latents.values(shard.number * SHARD_ROWS + np.arange(len(shard.rows)))
    return _pooled(study, study.survey.images(shard.rows), layer, views)


def activations_as_in(analysis: Analysis, study: Study, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the analysed layer says of other images, pooled as the survey's were.

    Parameters
    ----------
    analysis : Analysis
    study : Study
    images : float32 (n, y, x, band), nanomaggies

    Returns
    -------
    float32 (n, channel)
    """
    made = analysis.provenance
    return _pooled(study, images, made.layer, _over_views(made))


def _pooled(study: Study, images: NDArray[np.float32], layer: str, views: bool) -> NDArray[np.float32]:
    (values,) = pooled_activations(study.probe, [images], layer, views)
    return values


def _over_views(made: Provenance) -> bool:
    return bool(made.parameters["pooling"] == OVER_VIEWS)


@dataclass(frozen=True, eq=False)
class IndexedActivations:
    """The activations of all galaxies, and an index of them.

    Attributes
    ----------
    activations : float32 (n, channel), on disk
    index : NeighbourIndex
    """

    activations: VectorTable
    index: NeighbourIndex


@dataclass(frozen=True)
class IndexLocation:
    """Where activations are, and what index is to be made of them: the same wherever it is made.

    Attributes
    ----------
    folder : str
        Of the analysis.
    metric, index : str
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
        """Of an analysis whose activations, and whitening if it whitens, have been written."""
        return cls(str(analysis.path), settings.metric, settings.index, settings.map.seed, k)

    def __call__(self) -> IndexedActivations:
        """The index, made of the activations on disk.

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


def neighbours_of_shard(ground: IndexedActivations, shard: Shard, k: int) -> Neighbours:
    """The k nearest others of the galaxies of a shard, as positions; `Neighbours.search` says how they were found."""
    first, end = int(shard.rows[0]), int(shard.rows[-1]) + 1
    found = ground.index.of_members(shard.rows, np.asarray(ground.activations[first:end], np.float32), k)
    return replace(found, search=ground.index.search)


def write_neighbours(
    analysis: Analysis,
    rows: NDArray[np.int64],
    settings: AnalyseSettings,
    progress: Progress | None,
    cluster: Workers | None = None,
) -> None:
    """Find the neighbours and store them, block by block, as rows of the survey; what is on disk is left alone."""
    k = max(settings.neighbours, settings.map.neighbours)
    blocks = shards_of(np.arange(len(rows)), QUERIES)
    left = [block for block in blocks if not analysis.has_neighbours_from(int(block.rows[0]), len(block.rows))]
    if not left:
        return
    _keep_whitening(analysis, settings)
    done = len(rows) - sum(len(block.rows) for block in left)
    search, place = analysis.search if done else None, IndexLocation.of(analysis, settings, k)
    ground = None if cluster else place()
    for block, found in over_shards(partial(neighbours_of_shard, k=k), ground, left, cluster, place):
        search = _agreed(search, found.search)
        if not done:
            analysis.begin_neighbours(len(rows), k, search)
        as_rows = replace(found, rows=np.where(found.rows < 0, -1, rows[found.rows]))
        analysis.write_neighbours_from(int(block.rows[0]), as_rows)
        done += len(block.rows)
        if progress:
            progress("neighbours", done, len(rows))


def space_as_in(analysis: Analysis) -> MetricSpace:
    """The space in which an analysis measured distances."""
    return space_of(analysis.table_of_activations, analysis.metric, analysis.whitening)


def _keep_whitening(analysis: Analysis, settings: AnalyseSettings) -> None:
    whitening = space_of(analysis.table_of_activations, settings.metric).whitening
    if whitening is not None:
        analysis.write_whitening(whitening)


def _agreed(known: Search | None, found: Search | None) -> Search | None:
    """How it was searched, which is the same for every block."""
    if known is not None and found != known:
        raise SurveyError(
            "Workers have made different indexes of the same activations",
            "One index, wherever it is made",
            "Use machines of one kind, or ask for exact neighbours with --index exact",
        )
    return found


def write_map(
    analysis: Analysis,
    study: Study,
    rows: NDArray[np.int64],
    settings: AnalyseSettings,
    progress: Progress | None,
) -> None:
    """Store the map of the given rows, whose neighbours have been stored."""
    if progress:
        progress("map", 0, len(rows))
    told = partial(progress, "map") if progress else None
    table = analysis.table_of_activations
    space = space_of(table, settings.metric, analysis.whitening)
    drawn = draw_map(table, _neighbours(analysis, rows, settings), settings.map, told, space=space)
    analysis.write_map(rows, study.survey.galaxy_ids[rows], drawn.embedding, drawn.laid_out)
    if progress:
        progress("map", len(rows), len(rows))


def _neighbours(analysis: Analysis, rows: NDArray[np.int64], settings: AnalyseSettings) -> Neighbours:
    """As positions among the rows; of none where a sample is laid out, which finds its own."""
    few = len(rows) <= settings.map.sample
    found = Analysis(analysis.path).neighbours(None if few else [], settings.metric)
    return replace(found, rows=np.where(found.rows < 0, -1, np.searchsorted(rows, found.rows)))


def map_settings_of(made: Provenance) -> MapSettings:
    """What shaped a map, from its provenance."""
    told, usual = made.parameters, MapSettings()
    return MapSettings(
        neighbours=int(told.get("map_neighbours", usual.neighbours)),
        min_dist=float(told.get("min_dist", usual.min_dist)),
        seed=made.seed or 0,
        density=told.get("map") == "densmap",
        sample=int(told.get("map_sample", usual.sample)),
    )


def placer_of(analysis: Analysis) -> Placer:
    """What places galaxies on an analysis' map: it goes by those that were laid out."""
    laid_out = np.flatnonzero(analysis.laid_out)
    activations = analysis.activations(None if len(laid_out) == len(analysis.rows) else laid_out)
    places = analysis.embedding.coordinates[laid_out]
    return Placer(activations, places, space_as_in(analysis), map_settings_of(analysis.provenance))

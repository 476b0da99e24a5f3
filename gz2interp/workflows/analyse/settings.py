"""What is asked of a layer, and how the answer's provenance says it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Final

from gz2interp.embedding.index import kind_of_index
from gz2interp.embedding.projection import MapSettings
from gz2interp.embedding.spaces import METRICS, RIDGE
from gz2interp.errors import InputError, LayerNotFound, choices
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.latents import LATENTS
from gz2interp.workflows.opening import Subject

__all__ = ["OVER_VIEWS", "AnalyseSettings", "layer_of", "provenance_of"]


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


def provenance_of(subject: Subject, settings: AnalyseSettings, galaxies: int) -> Provenance:
    """The question as it is kept; its digest names the analysis' folder.

    Parameters
    ----------
    subject : Subject
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
    if settings.views and subject.model.latents:
        raise InputError(f"{subject.model.name} are latents: they cannot be turned", "Images, and a network")
    shape = asdict(settings.map)
    return Provenance(
        data=subject.survey.digest,
        model=subject.model.digest,
        layer=layer_of(subject, settings.layer),
        method="umap",
        parameters={
            "pooling": OVER_VIEWS if settings.views else "none" if subject.model.latents else "mean",
            "metric": settings.metric,
            "neighbours": settings.neighbours,
            "map_neighbours": shape["neighbours"],
            "min_dist": shape["min_dist"],
            **_special(settings, galaxies),
        },
        seed=shape["seed"],
        versions=versions_of("gz2interp", "tensorflow", "keras", "faiss-cpu", "umap-learn", "numpy"),
    )


def layer_of(subject: Subject, layer: str = "") -> str:
    """The layer's full name, of the last spatial one if none is said; `LATENTS` where these stand in for a network."""
    if subject.model.latents is None:
        return str(subject.probe.layer(layer or subject.probe.default_layer).name)
    if layer not in ("", LATENTS):
        raise LayerNotFound(f"{subject.model.name} are latents: they have no layer {layer!r}", f"Only {LATENTS}")
    return LATENTS


def _special(settings: AnalyseSettings, galaxies: int) -> dict[str, object]:
    """What only some analyses have; exact neighbours and a map of all galaxies are the rule, and go without saying."""
    whitened: dict[str, object] = {"ridge": RIDGE} if settings.metric == "whitened" else {}
    kind = kind_of_index(galaxies, settings.index)
    index = {} if kind == "exact" else {"index": kind}
    density = {"map": "densmap"} if settings.map.density else {}
    sample = {"map_sample": settings.map.sample} if galaxies > settings.map.sample else {}
    return {**whitened, **index, **density, **sample}

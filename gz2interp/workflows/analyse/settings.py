"""What is asked of a layer, and how the answer's provenance says it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from gz2interp.embedding.projection import MapSettings
from gz2interp.results import Provenance, versions_of
from gz2interp.workflows.opening import Subject

__all__ = ["AnalyseSettings", "provenance_of"]


@dataclass(frozen=True)
class AnalyseSettings:
    """What is asked of a layer.

    Attributes
    ----------
    layer : str
        "" for the last spatial layer.
    metric : str
        ``"cosine"`` or ``"euclidean"``.
    neighbours : int
        How many of each galaxy are kept.
    map : MapSettings
    """

    layer: str = ""
    metric: str = "cosine"
    neighbours: int = 32
    map: MapSettings = field(default_factory=MapSettings)


def provenance_of(subject: Subject, settings: AnalyseSettings) -> Provenance:
    """The question as it is kept; its digest names the analysis' folder."""
    shape = asdict(settings.map)
    return Provenance(
        data=subject.survey.digest,
        model=subject.model.digest,
        layer=subject.probe.layer(settings.layer or subject.probe.default_layer).name,
        method="umap",
        parameters={
            "pooling": "mean",
            "metric": settings.metric,
            "neighbours": settings.neighbours,
            "map_neighbours": shape["neighbours"],
            "min_dist": shape["min_dist"],
        },
        seed=shape["seed"],
        versions=versions_of("gz2interp", "tensorflow", "keras", "faiss-cpu", "umap-learn", "numpy"),
    )

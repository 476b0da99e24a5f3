"""What is asked of a layer's building blocks, and how the answer's provenance says it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Final

from gz2interp.results import Provenance, versions_of
from gz2interp.stores.analyses import Analysis

__all__ = ["LOGIT_RULE", "BlockSettings", "provenance_of", "settings_of"]

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


def settings_of(made: Provenance) -> BlockSettings:
    """Those that were asked for, from how it is kept; what was not asked then is as usual."""
    known = {**made.parameters, "seed": made.seed}
    return BlockSettings(**{each.name: known[each.name] for each in fields(BlockSettings) if each.name in known})


def provenance_of(
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

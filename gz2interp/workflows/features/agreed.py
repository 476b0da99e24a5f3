"""What other networks of the survey say of a sheet's images, as it was kept. Needs no network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from gz2interp.concepts.partners import LEVEL, NOBODY
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.analyses import Analysis, analyses_of, latest_analysis
from gz2interp.stores.layer_results import FeaturesFolder, agreement_folder, features_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["GALAXIES", "SEED", "Agreement", "agreement_provenance", "kept_agreement", "kept_agreements"]

VERSION: Final = 1
"""Of what is done."""

GALAXIES: Final = 1024
"""That the network with shuffled weights is asked about, at most."""

SEED: Final = 0
"""Of that shuffling, and of the choice of those galaxies."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """What another network says of the feature images of a layer's channels.

    Attributes
    ----------
    first, second : str
        Whose images they are, and who is asked: a model and a layer, in words.
    table : DataFrame
        A row per channel: ``number``; ``partner``, the other's channel that goes with it most over the survey's
        ``galaxies`` (-1 for none), and ``r``, their correlation; ``r_shuffled``, the best correlation when galaxies are
        exchanged, and ``r_forgotten``, that with the other network once its weights were shuffled; ``answer``, what our
        channel's image brings the partner to; ``best`` of the real galaxies there; ``place``, the share of them that it
        exceeds; ``unlike``, the share of all other channels' images that exceed 99 % of the galaxies there; ``ahead``,
        the share of those that it exceeds; ``place_own``, its place in our own channel, as the sheet has it, and
        ``place_forgotten``, in the partner of the network with shuffled weights. NaN where there is no partner, or
        nothing was found that excites our channel.
    provenance : Provenance
    """

    first: str
    second: str
    table: pd.DataFrame
    provenance: Provenance

    @property
    def share(self) -> float:
        """Of the channels, that whose image excites the partner beyond 99 % of the real galaxies; NaN of none."""
        return _beyond(self.table["place"])

    @property
    def unlike(self) -> float:
        """The same for the images of all other channels: what the share is worth."""
        return float(self.table["unlike"].mean())

    @property
    def own(self) -> float:
        """The share in our own network: no more is to be hoped for."""
        return _beyond(self.table["place_own"])

    @property
    def forgotten(self) -> float:
        """The share where the other network's weights were shuffled."""
        return _beyond(self.table["place_forgotten"])

    @property
    def sentences(self) -> tuple[str, ...]:
        """What there is to say."""
        table = self.table
        lost, told = int((table["partner"] == NOBODY).sum()), int(table["place"].notna().sum())
        if lost == len(table):
            return (f"no channel of {self.first} goes with any of {self.second}",)
        r, exchanged, forgotten = (table[name].median() for name in ("r", "r_shuffled", "r_forgotten"))
        partners = (
            f"{self.first} and {self.second}, {table['galaxies'].iloc[0]:,} galaxies: the channel most like each goes "
            f"with it by r {r:.2f} in the median ({exchanged:.2f} with galaxies exchanged, {forgotten:.2f} with "
            "weights shuffled)"
        )
        partners += f"; {lost} have none" if lost else ""
        if not told:
            return partners, "none of them has a feature image"
        beyond = (
            f"{self.share:.0%} of {told} feature images excite the other network's channel beyond {LEVEL:.0%} of the "
            f"real galaxies ({_percent(self.own)} do their own); of other channels' images {_percent(self.unlike)} do, "
            f"and with the other network's weights shuffled {_percent(self.forgotten)}"
        )
        ahead = (
            "in the median channel the image excites the other network's more than "
            f"{_percent(float(table['ahead'].median()))} of the other channels' images do (by chance 50%)"
        )
        return partners, beyond, ahead


def agreement_provenance(sheet: Provenance, one: Analysis, two: Analysis) -> Provenance:
    """The question as it is kept: of this very sheet, put to this very network."""
    made, other = one.provenance, two.provenance
    return replace(
        made,
        method="agreement of networks",
        parameters={
            "sheet": sheet.digest,
            "analysis": made.digest,
            "other": other.digest,
            "other_model": other.model,
            "other_layer": other.layer,
            "galaxies": GALAXIES,
            "version": VERSION,
        },
        seed=SEED,
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )


def kept_agreement(
    features: FeaturesFolder, one: Analysis, two: Analysis, model: ModelFolder, other: ModelFolder
) -> Agreement | None:
    """What was kept of exactly this sheet and this analysis of the other; None where there is nothing."""
    sheet, folder = features.provenance, agreement_folder(features, two)
    made = folder.provenance
    if sheet is None or made is None or made.digest != agreement_provenance(sheet, one, two).digest:
        return None
    return Agreement(f"{model.name} {one.layer}", f"{other.name} {two.layer}", folder.table, made)


def kept_agreements(survey: Survey, model: ModelFolder, layer: str = "") -> tuple[Agreement, ...]:
    """What has been kept of the sheet of a layer: of each layer of every other network that there is still."""
    one = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    found: dict[tuple[str, str], Agreement] = {}
    for other in map(survey.model, survey.models() if one else ()):
        for two in analyses_of(other.path):
            assert one is not None
            if other.latents or two.provenance.model != other.digest or other.digest == model.digest:
                continue  # latents cannot be asked, and what has been trained anew is another network
            known = kept_agreement(features_folder(one), one, two, model, other)
            if known is not None:
                found.setdefault((other.name, two.layer), known)
    return tuple(found.values())


def _beyond(places: pd.Series[float]) -> float:
    told = places.dropna()
    return float((told >= LEVEL).mean()) if len(told) else float("nan")


def _percent(share: float) -> str:
    return "an unknown share" if np.isnan(share) else f"{share:.0%}"

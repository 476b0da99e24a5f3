"""``gz2interp agreement``: whether a layer's feature images excite another network of the survey in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.activations import pooled_activations
from gz2interp.concepts.channel_statistics import RunningMoments
from gz2interp.concepts.partners import (
    LEVEL,
    NO_PARTNER,
    ActivationRanks,
    PartnerResponses,
    Partners,
    find_partners,
    partner_responses,
)
from gz2interp.embedding.spaces import finite
from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.analyses import Analysis, analyses_of, latest_analysis
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import locked
from gz2interp.stores.layer_results import FeaturesFolder, agreement_folder, features_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysis_steps import OVER_VIEWS, activations_as_in
from gz2interp.workflows.compare import Representation
from gz2interp.workflows.feature_sheet import open_sheet
from gz2interp.workflows.make_feature_sheet import sample_rows
from gz2interp.workflows.study import Progress, Study, analysis_for

__all__ = [
    "GALAXIES",
    "SEED",
    "FeatureAgreement",
    "agreement",
    "agreement_provenance",
    "load_agreement",
    "load_agreements",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

VERSION: Final = 1
"""Of what is done."""

GALAXIES: Final = 1024
"""That the network with shuffled weights is asked about, at most."""

SEED: Final = 0
"""Of that shuffling, and of the choice of those galaxies."""

PORTION: Final = 1 << 14
"""Galaxies whose activations are in memory at a time."""

STAGE: Final = "agreement"


@dataclass(frozen=True, eq=False)
class FeatureAgreement:
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
    """

    first: str
    second: str
    table: pd.DataFrame
    provenance: Provenance

    @property
    def share(self) -> float:
        """Of the channels, that whose image excites the partner beyond 99 % of the real galaxies; NaN of none."""
        return _share_above_level(self.table["place"])

    @property
    def unlike(self) -> float:
        """The same for the images of all other channels: what the share is worth."""
        return float(self.table["unlike"].mean())

    @property
    def own(self) -> float:
        """The share in our own network: no more is to be hoped for."""
        return _share_above_level(self.table["place_own"])

    @property
    def forgotten(self) -> float:
        """The share where the other network's weights were shuffled."""
        return _share_above_level(self.table["place_forgotten"])

    @property
    def sentences(self) -> tuple[str, ...]:
        """What there is to say."""
        table = self.table
        lost, told = int((table["partner"] == NO_PARTNER).sum()), int(table["place"].notna().sum())
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


def load_agreement(
    features: FeaturesFolder, one: Analysis, two: Analysis, model: ModelFolder, other: ModelFolder
) -> FeatureAgreement | None:
    """What was kept of exactly this sheet and this analysis of the other; None where there is nothing."""
    sheet, folder = features.provenance, agreement_folder(features, two)
    made = folder.provenance
    if sheet is None or made is None or made.digest != agreement_provenance(sheet, one, two).digest:
        return None
    return FeatureAgreement(
        f"{model.name} {one.layer}", f"{other.name} {two.layer}", folder.read_table("channels"), made
    )


def load_agreements(survey: Survey, model: ModelFolder, layer: str = "") -> tuple[FeatureAgreement, ...]:
    """What has been kept of the sheet of a layer: of each layer of every other network that there is still."""
    one = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    found: dict[tuple[str, str], FeatureAgreement] = {}
    for other in map(survey.model, survey.models() if one else ()):
        for two in analyses_of(other.path):
            assert one is not None
            if other.latents or two.provenance.model != other.digest or other.digest == model.digest:
                continue  # latents cannot be asked, and what has been trained anew is another network
            known = load_agreement(features_folder(one), one, two, model, other)
            if known is not None:
                found.setdefault((other.name, two.layer), known)
    return tuple(found.values())


def _share_above_level(places: pd.Series[float]) -> float:
    told = places.dropna()
    return float((told >= LEVEL).mean()) if len(told) else float("nan")


def _percent(share: float) -> str:
    return "an unknown share" if np.isnan(share) else f"{share:.0%}"


def agreement(
    survey: Survey, first: Representation, second: Representation, progress: Progress | None = None
) -> FeatureAgreement:
    """Put the feature images of a layer's channels to another network of the survey.

    Each channel is given a partner, the other network's channel that goes with it most over the survey's galaxies; the
    image made for the channel is then shown to the other network, and what it brings the partner to is told by its
    place among the real galaxies. Beside it stands what images of other channels do there, and what the other network
    says once its weights were shuffled: without these, a bright image would seem to agree with everything. Kept beside
    the sheet, and found once.

    Parameters
    ----------
    first : Representation
        Whose sheet it is (`gz2interp.workflows.make_feature_sheet.feature_sheet`).
    second : Representation
        Another network, with a layer that has been analysed.

    Raises
    ------
    InputError
        The other is the same network or latents, or takes other images than the survey's.
    SurveyError
        One has not been analysed, the sheet has no images of channels, or they have no galaxy in common.
    """
    _check_other(first, second)
    one, two = (analysis_for(survey, side.model, side.layer) for side in (first, second))
    features = open_sheet(survey, first.model, one.layer)
    known = load_agreement(features, one, two, first.model, second.model)
    if known is not None:
        return known
    rows = np.intersect1d(one.rows, two.rows, assume_unique=True)
    if not len(rows):
        raise SurveyError("The two have no galaxy in common", "Some that both have been asked about")
    told = progress or (lambda stage, done, of: None)
    sheet = features.provenance
    assert sheet is not None
    made, folder = agreement_provenance(sheet, one, two), agreement_folder(features, two)
    both = f"comparing {first.model.name} with {second.model.name}"
    with locked(folder.path / ".lock", both):
        table = _agreement_table(Study(survey, second.model), one, two, features, rows, told)
        folder.write(made, {"channels": table})
    return FeatureAgreement(f"{first.model.name} {one.layer}", f"{second.model.name} {two.layer}", table, made)


def _check_other(first: Representation, second: Representation) -> None:
    for side in (first, second):
        if side.model.latents:
            raise InputError(f"{side.model.name} are latents: no network can be asked", "A model with a network")
    if first.model.digest == second.model.digest:
        raise InputError(
            f"{first.model.name} and {second.model.name} are the same network",
            "Another one of the survey",
            "Train one with another seed: python -m trainer fit SURVEY --name cnn-2 --set seed=2",
        )


def _agreement_table(
    other: Study, one: Analysis, two: Analysis, features: FeaturesFolder, rows: Ints, progress: Progress
) -> pd.DataFrame:
    numbers, images = _channel_images(features)
    channels = int(one.table_of_activations.shape[1])
    said = activations_as_in(two, other, images)
    progress(STAGE, 0, len(rows))
    partners, shuffled, standing = _partners_and_ranks(one, two, rows, channels, said, progress)
    own = partner_responses(partners, numbers, said, standing.places)
    lost, lost_answers = _randomised_partners(other, one, two, numbers, images, rows, progress)
    best = np.where(partners.found, standing.highest[partners.numbers], np.nan)
    return pd.DataFrame(
        {
            "number": np.arange(channels),
            "partner": partners.numbers,
            "r": partners.r,
            "r_shuffled": shuffled.r,
            "r_forgotten": lost.r,
            "answer": own.value,
            "best": best,
            "place": own.place,
            "unlike": own.unlike,
            "ahead": own.ahead,
            "place_own": _sheet_ranks(features, channels),
            "place_forgotten": lost_answers.place,
            "galaxies": len(rows),
        }
    )


def _channel_images(features: FeaturesFolder) -> tuple[Ints, Floats]:
    """Channels whose image from the first start excites them, and those images."""
    numbers, images = [np.empty(0, np.int64)], list[Floats]()
    for part in features.parts("channel"):
        chosen = np.flatnonzero((part["seed"] == 0) & ~part["silent"])
        numbers.append(part["number"][chosen])
        images.append(part["images"][chosen])
    found = np.concatenate(numbers)
    if not len(found):
        raise SurveyError(
            "The sheet has no feature images of channels", remedy="Make them: gz2interp features SURVEY --kind channel"
        )
    return found, np.concatenate(images)


def _sheet_ranks(features: FeaturesFolder, channels: int) -> NDArray[np.float64]:
    """Of each image among the galaxies that its sheet looked at; NaN where nothing excites the channel."""
    judged = features.judged
    chosen = judged[(judged["kind"] == "channel") & (judged["seed"] == 0) & ~judged["silent"]]
    return chosen.set_index("number")["above"].reindex(range(channels)).to_numpy(np.float64)


def _partners_and_ranks(
    one: Analysis, two: Analysis, rows: Ints, channels: int, said: Floats, progress: Progress
) -> tuple[Partners, Partners, ActivationRanks]:
    """Who goes with whom, who does when galaxies are exchanged, and where the images stand among galaxies."""
    together, exchanged, standing = RunningMoments(), RunningMoments(), ActivationRanks(said)
    generator, done = np.random.default_rng([SEED, 1]), 0
    for ours, theirs in _paired_activations(one, two, rows):
        together.add(np.concatenate([ours, theirs], axis=1))
        exchanged.add(np.concatenate([generator.permutation(ours), theirs], axis=1))
        standing.add(theirs)
        done += len(ours)
        progress(STAGE, done, len(rows))
    return find_partners(together, channels), find_partners(exchanged, channels), standing


def _paired_activations(one: Analysis, two: Analysis, rows: Ints) -> Iterator[tuple[Floats, Floats]]:
    """Activations of the same galaxies in both, a portion at a time."""
    for start in range(0, len(rows), PORTION):
        some = rows[start : start + PORTION]
        ours, theirs = (finite(each.activations(np.searchsorted(each.rows, some))) for each in (one, two))
        yield ours, theirs


def _randomised_partners(
    other: Study, one: Analysis, two: Analysis, numbers: Ints, images: Floats, rows: Ints, progress: Progress
) -> tuple[Partners, PartnerResponses]:
    """The same with the other network's weights shuffled, over a sample of the galaxies."""
    from gz2interp.network.randomised import RandomisedNetwork  # loads TensorFlow

    randomised_network = RandomisedNetwork(other.model.model_file, other.model.class_names or None, SEED)
    randomised_network.randomise_top_layers(len(randomised_network.layers))
    views, chosen = two.provenance.parameters["pooling"] == OVER_VIEWS, sample_rows(rows, GALAXIES, SEED)
    (said,) = pooled_activations(randomised_network.probe, [images], two.layer, views)
    moments, standing = RunningMoments(), ActivationRanks(said)
    for start in range(0, len(chosen), SHARD_ROWS):
        some = chosen[start : start + SHARD_ROWS]
        (theirs,) = pooled_activations(randomised_network.probe, [other.survey.images(some)], two.layer, views)
        ours = one.activations(np.searchsorted(one.rows, some))
        moments.add(np.concatenate([ours, theirs], axis=1))
        standing.add(theirs)
        progress(f"{STAGE} by chance", min(start + SHARD_ROWS, len(chosen)), len(chosen))
    partners = find_partners(moments, int(one.table_of_activations.shape[1]))
    return partners, partner_responses(partners, numbers, said, standing.places)

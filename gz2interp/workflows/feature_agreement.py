"""``gz2interp agreement``: whether a layer's feature images excite the corresponding channels of another network."""

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
from gz2interp.stores.analyses import Analysis, analyses_of
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import locked
from gz2interp.stores.layer_results import FeaturesFolder, agreement_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysis_steps import OVER_VIEWS, activations_as_in
from gz2interp.workflows.compare import Representation
from gz2interp.workflows.feature_sheet import load_features, open_sheet, sample_rows
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
"""Of the computation; stored results of another version are computed anew."""

GALAXIES: Final = 1024
"""Largest number of galaxies for the network with shuffled weights."""

SEED: Final = 0
"""Seed of the shuffled weights, and of the sample of those galaxies."""

PORTION: Final = 1 << 14
"""Galaxies whose activations are in memory at a time."""

STAGE: Final = "agreement"


@dataclass(frozen=True, eq=False)
class FeatureAgreement:
    """Response of another network to the feature images of a layer's channels.

    Attributes
    ----------
    first, second : str
        The model and layer of the images, and the other model and layer, in words.
    table : DataFrame
        A row per channel: ``number``; ``partner``, the other network's channel of highest correlation over the survey's
        ``galaxies`` (-1 for none), and ``r``, that correlation; ``r_shuffled``, the highest correlation with permuted
        galaxies, and ``r_forgotten``, with shuffled weights of the other network; ``answer``, the activation of the
        partner for the channel's image; ``best`` of the real galaxies; ``place``, the share of them that the image
        exceeds; ``unlike``, the share of all other channels' images that exceed 99 % of the galaxies; ``ahead``, the
        share of those images that it exceeds; ``place_own``, its place in its own channel, from the sheet, and
        ``place_forgotten``, in the partner in the network with shuffled weights. NaN where there is no partner, or no
        image excites the channel.
    """

    first: str
    second: str
    table: pd.DataFrame
    provenance: Provenance

    @property
    def share(self) -> float:
        """Share of the channels whose image excites the partner beyond 99 % of the real galaxies; NaN of none."""
        return _share_above_level(self.table["place"])

    @property
    def unlike(self) -> float:
        """The same share for the images of all other channels, as the reference."""
        return float(self.table["unlike"].mean())

    @property
    def own_share(self) -> float:
        """The same share in the network of the images, an upper limit."""
        return _share_above_level(self.table["place_own"])

    @property
    def randomised_share(self) -> float:
        """The same share with the other network's weights shuffled."""
        return _share_above_level(self.table["place_forgotten"])

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in sentences."""
        table = self.table
        lost, with_image = int((table["partner"] == NO_PARTNER).sum()), int(table["place"].notna().sum())
        if lost == len(table):
            return (f"no channel of {self.first} correlates with any of {self.second}",)
        r, exchanged, forgotten = (table[name].median() for name in ("r", "r_shuffled", "r_forgotten"))
        partners = (
            f"{self.first} and {self.second}, {table['galaxies'].iloc[0]:,} galaxies: each channel and its partner "
            f"correlate by r {r:.2f} in the median ({exchanged:.2f} with galaxies exchanged, {forgotten:.2f} with "
            "weights shuffled)"
        )
        partners += f"; {lost} have none" if lost else ""
        if not with_image:
            return partners, "none of them has a feature image"
        own_share, other, randomised = map(_percent, (self.own_share, self.unlike, self.randomised_share))
        beyond = (
            f"{self.share:.0%} of {with_image} feature images excite the other network's channel beyond {LEVEL:.0%} of "
            f"the real galaxies ({own_share} do their own); of other channels' images {other} do, "
            f"and with the other network's weights shuffled {randomised}"
        )
        ahead = (
            "in the median channel the image excites the other network's more than "
            f"{_percent(float(table['ahead'].median()))} of the other channels' images do (by chance 50%)"
        )
        return partners, beyond, ahead


def agreement_provenance(sheet: Provenance, source: Analysis, target: Analysis) -> Provenance:
    """Provenance of the agreement of this sheet with this analysis of the other network."""
    provenance, other = source.provenance, target.provenance
    return replace(
        provenance,
        method="agreement of networks",
        parameters={
            "sheet": sheet.digest,
            "analysis": provenance.digest,
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
    features: FeaturesFolder, source: Analysis, target: Analysis, model: ModelFolder, other: ModelFolder
) -> FeatureAgreement | None:
    """Stored agreement of exactly this sheet with this analysis of the other network; None if there is none."""
    sheet, folder = features.provenance, agreement_folder(features, target)
    provenance = folder.provenance
    if sheet is None or provenance is None or provenance.digest != agreement_provenance(sheet, source, target).digest:
        return None
    return FeatureAgreement(
        f"{model.name} {source.layer}", f"{other.name} {target.layer}", folder.read_table("channels"), provenance
    )


def load_agreements(survey: Survey, model: ModelFolder, layer: str = "") -> tuple[FeatureAgreement, ...]:
    """Stored agreements of the sheet of a layer with all layers of the other networks of the survey."""
    features = load_features(survey, model, layer)
    if features is None:
        return ()
    source = Analysis(features.path.parent)
    agreements: dict[tuple[str, str], FeatureAgreement] = {}
    for other in map(survey.model, survey.models()):
        for target in analyses_of(other.path):
            if other.latents or target.provenance.model != other.digest or other.digest == model.digest:
                continue  # latents have no network; a network that was trained anew is another one
            agreement = load_agreement(features, source, target, model, other)
            if agreement is not None:
                agreements.setdefault((other.name, target.layer), agreement)
    return tuple(agreements.values())


def _share_above_level(places: pd.Series[float]) -> float:
    finite_places = places.dropna()
    return float((finite_places >= LEVEL).mean()) if len(finite_places) else float("nan")


def _percent(share: float) -> str:
    return "an unknown share" if np.isnan(share) else f"{share:.0%}"


def agreement(
    survey: Survey, first: Representation, second: Representation, progress: Progress | None = None
) -> FeatureAgreement:
    """Response of another network of the survey to the feature images of a layer's channels.

    The partner of a channel is the other network's channel of highest correlation over the survey's galaxies. The
    activation of the partner for the channel's image is compared with its activations for the real galaxies, with
    those for the images of other channels, and with a copy of the other network with shuffled weights: without these
    references, a bright image would seem to agree with everything. The result is stored beside the sheet.

    Parameters
    ----------
    first : Representation
        The layer of the sheet (`gz2interp.workflows.make_feature_sheet.feature_sheet`).
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
    target = analysis_for(survey, second.model, second.layer)
    features = open_sheet(survey, first.model, first.layer or analysis_for(survey, first.model).layer)
    source = Analysis(features.path.parent)
    stored = load_agreement(features, source, target, first.model, second.model)
    if stored is not None:
        return stored
    rows = np.intersect1d(source.rows, target.rows, assume_unique=True)
    if not len(rows):
        raise SurveyError("The two have no galaxy in common", "Galaxies that both analyses contain")
    report_progress = progress or (lambda stage, done, of: None)
    sheet = features.provenance
    assert sheet is not None
    provenance, folder = (agreement_provenance(sheet, source, target), agreement_folder(features, target))
    task = f"comparing {first.model.name} with {second.model.name}"
    with locked(folder.path / ".lock", task):
        table = _agreement_table(Study(survey, second.model), source, target, features, rows, report_progress)
        folder.write(provenance, {"channels": table})
    return FeatureAgreement(
        f"{first.model.name} {source.layer}", f"{second.model.name} {target.layer}", table, provenance
    )


def _check_other(first: Representation, second: Representation) -> None:
    for side in (first, second):
        if side.model.latents:
            raise InputError(f"{side.model.name} are latents without a network", "A model with a network")
    if first.model.digest == second.model.digest:
        raise InputError(
            f"{first.model.name} and {second.model.name} are the same network",
            "Another one of the survey",
            "Train one with another seed: python -m trainer fit SURVEY --name cnn-2 --set seed=2",
        )


def _agreement_table(
    other: Study, source: Analysis, target: Analysis, features: FeaturesFolder, rows: Ints, progress: Progress
) -> pd.DataFrame:
    numbers, images = _channel_images(features)
    channels = int(source.table_of_activations.shape[1])
    activations = activations_as_in(target, other, images)
    progress(STAGE, 0, len(rows))
    partners, shuffled, ranks = _partners_and_ranks(source, target, rows, channels, activations, progress)
    responses = partner_responses(partners, numbers, activations, ranks.places)
    randomised_partners, randomised_responses = _randomised_partners(
        other, source, target, numbers, images, rows, progress
    )
    best = np.where(partners.has_partner, ranks.highest[partners.numbers], np.nan)
    return pd.DataFrame(
        {
            "number": np.arange(channels),
            "partner": partners.numbers,
            "r": partners.r,
            "r_shuffled": shuffled.r,
            "r_forgotten": randomised_partners.r,
            "answer": responses.value,
            "best": best,
            "place": responses.place,
            "unlike": responses.unlike,
            "ahead": responses.ahead,
            "place_own": _sheet_ranks(features, channels),
            "place_forgotten": randomised_responses.place,
            "galaxies": len(rows),
        }
    )


def _channel_images(features: FeaturesFolder) -> tuple[Ints, Floats]:
    """Channels whose image from the first start excites them, and those images."""
    numbers, images = [np.empty(0, np.int64)], list[Floats]()
    for part in features.parts("channel"):
        selected = np.flatnonzero((part["seed"] == 0) & ~part["silent"])
        numbers.append(part["number"][selected])
        images.append(part["images"][selected])
    all_numbers = np.concatenate(numbers)
    if not len(all_numbers):
        raise SurveyError(
            "The sheet has no feature images of channels", remedy="Make them: gz2interp features SURVEY --kind channel"
        )
    return all_numbers, np.concatenate(images)


def _sheet_ranks(features: FeaturesFolder, channels: int) -> NDArray[np.float64]:
    """Share of the sheet's galaxies that each image exceeds; NaN where no image excites the channel."""
    evaluations = features.judged
    selected = evaluations[(evaluations["kind"] == "channel") & (evaluations["seed"] == 0) & ~evaluations["silent"]]
    return selected.set_index("number")["above"].reindex(range(channels)).to_numpy(np.float64)


def _partners_and_ranks(
    source: Analysis, target: Analysis, rows: Ints, channels: int, activations: Floats, progress: Progress
) -> tuple[Partners, Partners, ActivationRanks]:
    """Partners of the channels, partners with permuted galaxies, and ranks of the images among the galaxies."""
    moments, permuted_moments, ranks = RunningMoments(), RunningMoments(), ActivationRanks(activations)
    generator, done = np.random.default_rng([SEED, 1]), 0
    for first, second in _paired_activations(source, target, rows):
        moments.add(np.concatenate([first, second], axis=1))
        permuted_moments.add(np.concatenate([generator.permutation(first), second], axis=1))
        ranks.add(second)
        done += len(first)
        progress(STAGE, done, len(rows))
    return find_partners(moments, channels), find_partners(permuted_moments, channels), ranks


def _paired_activations(source: Analysis, target: Analysis, rows: Ints) -> Iterator[tuple[Floats, Floats]]:
    """Activations of the same galaxies in both analyses, in batches."""
    for start in range(0, len(rows), PORTION):
        batch = rows[start : start + PORTION]
        first, second = (
            finite(analysis.activations(np.searchsorted(analysis.rows, batch))) for analysis in (source, target)
        )
        yield first, second


def _randomised_partners(
    other: Study, source: Analysis, target: Analysis, numbers: Ints, images: Floats, rows: Ints, progress: Progress
) -> tuple[Partners, PartnerResponses]:
    """Partners and responses with the other network's weights shuffled, over a sample of the galaxies."""
    from gz2interp.network.randomised import RandomisedNetwork  # loads TensorFlow

    randomised_network = RandomisedNetwork(other.model.model_file, other.model.class_names or None, SEED)
    randomised_network.randomise_top_layers(len(randomised_network.layers))
    views, sample = target.provenance.parameters["pooling"] == OVER_VIEWS, sample_rows(rows, GALAXIES, SEED)
    (activations,) = pooled_activations(randomised_network.probe, [images], target.layer, views)
    moments, ranks = RunningMoments(), ActivationRanks(activations)
    for start in range(0, len(sample), SHARD_ROWS):
        batch = sample[start : start + SHARD_ROWS]
        (second,) = pooled_activations(randomised_network.probe, [other.survey.images(batch)], target.layer, views)
        first = source.activations(np.searchsorted(source.rows, batch))
        moments.add(np.concatenate([first, second], axis=1))
        ranks.add(second)
        progress(f"{STAGE} by chance", min(start + SHARD_ROWS, len(sample)), len(sample))
    partners = find_partners(moments, int(source.table_of_activations.shape[1]))
    return partners, partner_responses(partners, numbers, activations, ranks.places)

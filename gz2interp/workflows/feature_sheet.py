"""The stored feature sheet of a layer: its settings, images and their evaluation. Needs no network."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.analyses import Analysis, latest_analysis
from gz2interp.stores.layer_results import BlocksFolder, FeaturesFolder, features_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.building_blocks import load_atlas, load_blocks

__all__ = [
    "KINDS",
    "SheetSettings",
    "features_for",
    "load_features",
    "open_sheet",
    "sample_rows",
    "sheet_provenance",
    "sheet_sentences",
]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

VERSION: Final = 4
"""Of the computation; stored sheets of another version are computed anew."""

KINDS: Final = ("channel", "class", "group", "cell")
"""The kinds of objectives of a sheet, in the order of their computation."""

PARAMETRISATION_NAMES: Final = ("pixels", "fourier", "maco")
"""The names of `gz2interp.features.parametrisations.PARAMETRISATIONS`, available without TensorFlow: invalid settings
are refused before stored results are replaced."""

LARGEST_SEED: Final = 2**31 - 1


@dataclass(frozen=True)
class SheetSettings:
    """Settings of a layer's feature images.

    Attributes
    ----------
    kinds : tuple of str
        Of `KINDS`.
    parametrisation : str
        ``"fourier"``, ``"maco"`` or ``"pixels"``.
    seeds : int
        Images of each channel and class from different starts; their agreement is a measure of trust. Groups and cells
        have one image.
    galaxies : int
        Largest number of galaxies, drawn at random, for the image prior and for the scores of real galaxies.
    seed : int
        Seed of the first image.
    """

    kinds: tuple[str, ...] = KINDS
    steps: int = 128
    parametrisation: str = "fourier"
    seeds: int = 2
    galaxies: int = 1024
    seed: int = 0

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise InputError(f"Feature images of kind {kind!r} were requested", f"{choices(KINDS)}")
        if self.seeds < 1 or self.galaxies < 1:
            raise InputError(f"{self.seeds} seeds and {self.galaxies} galaxies were requested", "At least one of each")
        if self.parametrisation not in PARAMETRISATION_NAMES:
            raise InputError(
                f"The parametrisation {self.parametrisation!r} was given", f"One of {choices(PARAMETRISATION_NAMES)}"
            )
        if self.steps < 1 or not 0 <= self.seed <= LARGEST_SEED - self.seeds + 1:
            raise InputError(
                f"{self.steps} steps and the seed {self.seed} were given",
                f"At least 1 step, and seeds from 0 to {LARGEST_SEED}",
            )


def sheet_provenance(analysis: Analysis, settings: SheetSettings, blocks: str) -> Provenance:
    """Provenance of the feature sheet of an analysis.

    Parameters
    ----------
    blocks : str
        Digest of the building blocks that define the groups and cells.
    """
    parameters = asdict(settings)
    seed = parameters.pop("seed")
    source = analysis.provenance
    return replace(
        source,
        method="feature images",
        parameters={
            **parameters,
            "kinds": [kind for kind in KINDS if kind in settings.kinds],
            "analysis": source.digest,
            "blocks": blocks,
            "version": VERSION,
        },
        seed=seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )


def load_features(survey: Survey, model: ModelFolder, layer: str = "") -> FeaturesFolder | None:
    """Stored sheet of the newest analysis of these data and this model that has one; None if none has."""
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None, _has_sheet)
    return features_folder(analysis) if analysis else None


def _has_sheet(analysis: Analysis) -> bool:
    return features_folder(analysis).provenance is not None


def open_sheet(survey: Survey, model: ModelFolder, layer: str = "") -> FeaturesFolder:
    """Stored sheet of a layer.

    Raises
    ------
    SurveyError
        It has not been computed.
    """
    folder = load_features(survey, model, layer)
    if folder is None:
        raise SurveyError(
            f"There are no feature images of {layer or 'a layer'} of {model.name} yet",
            remedy=f"Run gz2interp features {survey.path} --model {model.name}"
            + (f" --layer {layer}" if layer else ""),
        )
    return folder


def features_for(survey: Survey, model: ModelFolder, layer: str, kind: str) -> dict[Any, Floats]:
    """Stored feature images for figures of building blocks, by channel, by group, or by a cell's (column, row).

    Images that do not excite their objective are left out, and groups and cells if the building blocks are not those
    of the sheet.
    """
    folder = load_features(survey, model, layer)
    if folder is None:
        return {}
    images = _active_images(folder, kind)
    if kind not in ("group", "cell"):
        return dict(images)
    blocks = load_blocks(survey, model, layer)
    if blocks is None or not _matches_blocks(folder, blocks):
        return {}
    if kind == "group":
        return dict(images)
    atlas = load_atlas(blocks)
    return {
        (int(column), int(row)): images[cell]
        for cell, (column, row) in enumerate(zip(atlas.column, atlas.row, strict=True))
        if cell in images
    }


def _active_images(folder: FeaturesFolder, kind: str) -> dict[int, Floats]:
    """The images of the first seed that excite their objective, by number."""
    arrays = folder.read_images(kind)
    if not arrays:
        return {}
    selected = np.flatnonzero((arrays["seed"] == 0) & ~arrays["silent"])
    return dict(zip(arrays["number"][selected].tolist(), arrays["images"][selected], strict=True))


def _matches_blocks(folder: FeaturesFolder, blocks: BlocksFolder) -> bool:
    """Whether a sheet was computed from these building blocks."""
    sheet, stored = folder.provenance, blocks.provenance
    return sheet is not None and stored is not None and sheet.parameters["blocks"] == stored.digest


def sheet_sentences(folder: FeaturesFolder) -> tuple[str, ...]:
    """Summary of a sheet, a sentence for each kind; a single sentence if it is incomplete."""
    if folder.provenance is None:
        return ("The sheet is incomplete: run the same command again to continue.",)
    return tuple(_sentence(str(kind), part) for kind, part in folder.judged.groupby("kind", sort=False))


def _sentence(kind: str, table: pd.DataFrame) -> str:
    silent, agreed = int(table["silent"].sum()), table["agreement"].median()
    words = (
        f"{kind}: {len(table)} images; {(table['reached'] > table['best']).mean():.0%} reach more than the best real "
        f"galaxy, {(table['reached'] > table['random']).mean():.0%} more than random images; "
        f"{table['spectrum'].median():.0%} of the spectrum and {table['colours'].median():.0%} of the colours are "
        "inside the survey's"
    )
    if not np.isnan(agreed):
        words += f"; two starts agree by {agreed:.2f}"
        unlike = table["unlike"].median()
        words += "" if np.isnan(unlike) else f", different objectives by {unlike:.2f}"
    return words + (f"; {silent} could not be excited" if silent else "")


def sample_rows(rows: Ints, most: int, seed: int) -> Ints:
    """At most `most` rows drawn at random, in ascending order."""
    selected = np.random.default_rng(seed).choice(len(rows), min(most, len(rows)), replace=False)
    return np.asarray(rows[np.sort(selected)])

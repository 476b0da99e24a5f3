"""The sheet that was kept of a layer, if there is one, and what it says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import SurveyError
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.layer_results import BlocksFolder, FeaturesFolder, features_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.blocks.kept import kept_atlas, kept_blocks

__all__ = ["features_for", "kept_features", "sheet_of", "sheet_sentences"]

Floats = NDArray[np.float32]


def kept_features(survey: Survey, model: ModelFolder, layer: str = "") -> FeaturesFolder | None:
    """What has been kept of the newest analysis of exactly these data and this model; None where there is nothing."""
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    folder = features_folder(analysis) if analysis else None
    return folder if folder is not None and folder.provenance is not None else None


def sheet_of(survey: Survey, model: ModelFolder, layer: str = "") -> FeaturesFolder:
    """The sheet that was kept.

    Raises
    ------
    SurveyError
        It has not been made.
    """
    folder = kept_features(survey, model, layer)
    if folder is None:
        raise SurveyError(
            f"There are no feature images of {layer or 'a layer'} of {model.name} yet",
            remedy=f"Run gz2interp features {survey.path} --model {model.name}"
            + (f" --layer {layer}" if layer else ""),
        )
    return folder


def features_for(survey: Survey, model: ModelFolder, layer: str, kind: str) -> dict[Any, Floats]:
    """Feature images for figures of building blocks, by channel, by group, or by a cell's (column, row); {} without.

    Where nothing excites an objective, there is none. Groups and cells have theirs as long as the building blocks are
    those that the sheet was made of.
    """
    folder = kept_features(survey, model, layer)
    if folder is None:
        return {}
    images = _excited(folder, kind)
    if kind not in ("group", "cell"):
        return dict(images)
    blocks = kept_blocks(survey, model, layer)
    if blocks is None or not _made_of(folder, blocks):
        return {}
    if kind == "group":
        return dict(images)
    atlas = kept_atlas(blocks)
    return {
        (int(column), int(row)): images[cell]
        for cell, (column, row) in enumerate(zip(atlas.column, atlas.row, strict=True))
        if cell in images
    }


def _excited(folder: FeaturesFolder, kind: str) -> dict[int, Floats]:
    """Without those that only show where they began."""
    kept = folder.read(kind)
    if not kept:
        return {}
    chosen = np.flatnonzero((kept["seed"] == 0) & ~kept["silent"])
    return dict(zip(kept["number"][chosen].tolist(), kept["images"][chosen], strict=True))


def _made_of(folder: FeaturesFolder, blocks: BlocksFolder) -> bool:
    """Whether a sheet's groups and cells are those of these building blocks."""
    sheet, found = folder.provenance, blocks.provenance
    return sheet is not None and found is not None and sheet.parameters["blocks"] == found.digest


def sheet_sentences(folder: FeaturesFolder) -> tuple[str, ...]:
    """What there is to say of a sheet, a line for each kind; nothing of one that is not complete."""
    if folder.provenance is None:
        return ("The sheet is not complete: the same command goes on with it.",)
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

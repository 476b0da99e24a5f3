"""A layer's complete sheet: a feature image of each channel, group, cell of the atlas and class, kept and judged."""

from __future__ import annotations

from gz2interp.workflows.features.drawing import features_for, sheet_drawing, sheet_of
from gz2interp.workflows.features.finding import feature_sheet, kept_features
from gz2interp.workflows.features.imaging import feature_images, objective_from, write_feature_images
from gz2interp.workflows.features.judging import sheet_sentences
from gz2interp.workflows.features.settings import KINDS, SheetSettings

__all__ = [
    "KINDS",
    "SheetSettings",
    "feature_images",
    "feature_sheet",
    "features_for",
    "kept_features",
    "objective_from",
    "sheet_drawing",
    "sheet_of",
    "sheet_sentences",
    "write_feature_images",
]

"""``gz2interp analyse``: activations of a layer, neighbours and map, kept beside the model and made only once."""

from __future__ import annotations

from gz2interp.workflows.analyse.analysing import analyse
from gz2interp.workflows.analyse.settings import AnalyseSettings

__all__ = ["AnalyseSettings", "analyse"]

"""Figures for papers of the selected galaxy, drawn when they are asked for: what ``gz2interp figure`` writes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from dashboards.loading.attributions import Asked, subject_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    from gz2interp.workflows.figures import Wish

__all__ = ["LAYOUTS", "Form", "figure_of"]

"""``gz2interp unusual``: how unusual each galaxy is to the network, and why; kept inside the analysis."""

from __future__ import annotations

from gz2interp.workflows.unusual.found import Unusual, latest_unusual
from gz2interp.workflows.unusual.looking import Looks
from gz2interp.workflows.unusual.outside import judge_image
from gz2interp.workflows.unusual.scoring import UnusualSettings, unusual

__all__ = ["Looks", "Unusual", "UnusualSettings", "judge_image", "latest_unusual", "unusual"]

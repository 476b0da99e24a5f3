"""``gz2interp check``: how far each attribution method can be believed, for this network on this survey."""

from __future__ import annotations

from gz2interp.workflows.check.checking import CheckSettings, check

__all__ = ["CheckSettings", "check"]

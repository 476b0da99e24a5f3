"""Who is near a galaxy, or an image, in a layer that was analysed: as tables. Needs no network but for `image`."""

from __future__ import annotations

from gz2interp.workflows.nearby.galaxy import neighbours_of
from gz2interp.workflows.nearby.nearby import Nearby
from gz2interp.workflows.nearby.wish import NearbyWish

__all__ = ["Nearby", "NearbyWish", "neighbours_of"]

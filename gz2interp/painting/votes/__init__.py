"""What volunteers would say of painted galaxies, and what Galaxy Zoo 2 would make of it.

A recipe's `looks` say what there is to see of each part, `visibility` how well it is seen, `sights` what the galaxy is
as a whole, here and nearer by; `answers` turn that into chances, `voters` into votes, `tallies` into a table's columns.
"""

from __future__ import annotations

from gz2interp.painting.votes.visibility import visibility
from gz2interp.painting.votes.voters import (
    Votes,
    cast_votes,
    debiased,
    draw_votes,
    gz2classes,
    probabilities,
    vote_columns,
)

__all__ = ["Votes", "cast_votes", "debiased", "draw_votes", "gz2classes", "probabilities", "visibility", "vote_columns"]

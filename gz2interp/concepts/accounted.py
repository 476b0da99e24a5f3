"""How much of the evidence for a score the shown blocks account for, and where the rest lies.

The evidence is the score's rise from an empty sky, seen by a network whose layer says nothing, to the galaxy. It comes
through the layer or past it; and of what comes through the layer, the blocks that are shown hold a part. The authors of
the building blocks name this as their interface's first weakness: what is not shown is not seen to be missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.schema import score_in_words

__all__ = ["Accounted", "account"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Accounted:
    """The evidence for one score, taken apart; all in the unit of the score, signed, (n,) each.

    Attributes
    ----------
    evidence : float32
        ``shown + left + past + gap``.
    shown : float32
        Of the blocks that are shown.
    left : float32
        Of what the layer says besides.
    past : float32
        What the galaxy adds by ways that do not lead through the layer: 0 where everything passes it.
    gap : float32
        What the attribution does not explain: the score is not linear, or the integral has an error.
    absolute : float32
        Of the shown blocks and of all others, without signs: the share of the shown, 0 to 1. What is shown may account
        for the sum while much for and against it cancels elsewhere.
    score : str
    """

    evidence: Floats
    shown: Floats
    left: Floats
    past: Floats
    gap: Floats
    absolute: Floats
    score: str

    @property
    def share(self) -> Floats:
        """Of the evidence that is shown; may be negative or above 1, NaN where there is hardly any evidence."""
        parts = np.abs(self.shown) + np.abs(self.left) + np.abs(self.past) + np.abs(self.gap)
        told = np.abs(self.evidence) > 0.01 * np.maximum(parts, 1e-12)
        return np.divide(self.shown, self.evidence, out=np.full_like(self.evidence, np.nan), where=told)

    def words(self, galaxy: int = 0, name: str = "blocks") -> str:
        """One line for a person.

        Parameters
        ----------
        galaxy : int, optional
        name : str, optional
            What the blocks are.
        """
        values = (float(each[galaxy]) for each in (self.evidence, self.shown, self.left, self.past, self.gap))
        evidence, shown, left, past, gap = (_signed(value) for value in values)
        share = float(self.share[galaxy])
        told = f" ({share:.0%} of it)".replace("%", " %") if 0 <= share <= 1 else ""
        return (
            f"{score_in_words(self.score)}: evidence {evidence} above an empty sky; the {name} shown account for "
            f"{shown}{told}, the rest of the layer for {left}, paths that bypass the layer for {past}, and {gap} is "
            "unexplained."
        )


def account(shown: Floats, others: Floats, through: Floats, past: Floats, score: str) -> Accounted:
    """Take evidence apart.

    Parameters
    ----------
    shown : float32 (n, block)
        Attributions of the blocks that are shown.
    others : float32 (n, block)
        Attributions of everything else that the layer says: the other channels, or what groups do not hold.
    through : float32 (n,)
        The rise of the score from a layer that says nothing, the image being the galaxy.
    past : float32 (n,)
        The rise of the score from an empty sky to the galaxy while the layer says nothing.
    score : str
    """
    held, left = shown.sum(axis=1), others.sum(axis=1)
    strong, weak = np.abs(shown).sum(axis=1), np.abs(others).sum(axis=1)
    both = strong + weak
    absolute = np.divide(strong, both, out=np.ones_like(both), where=both > 0)
    return Accounted(through + past, held, left, past, through - held - left, absolute, score)


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")

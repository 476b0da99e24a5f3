"""The first questions of Galaxy Zoo 2's decision tree as one distribution: seven classes that leave no galaxy out.

    smooth?  -> round | in_between | cigar
    features -> edge_on, else spiral | disc (no arms seen)
    a star or an artefact -> artifact

What a volunteer answered to a question that only some were asked is a share of those. The probability of an answer is
that of all classes behind it, among the classes that are asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.schema import QUESTIONS, vote_column

__all__ = ["LEAVES", "TREE", "VOTERS", "TreeStep", "VoteCounts", "leaf_shares", "vote_counts"]

LEAVES = ("round", "in_between", "cigar", "edge_on", "spiral", "disc", "artifact")

VOTERS = 40
"""How many are taken to have looked at a galaxy whose table does not say; the median of Galaxy Zoo 2's main sample."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TreeStep:
    """A question, and which classes stand behind each answer.

    Attributes
    ----------
    question : str
        As in `gz2interp.schema.QUESTIONS`.
    behind : tuple of tuple of str
        Classes, for each answer in the question's order.
    """

    question: str
    behind: tuple[tuple[str, ...], ...]

    def membership(self) -> Floats:
        """1 where a class stands behind an answer, float64 (class, answer)."""
        return np.array([[float(leaf in classes) for classes in self.behind] for leaf in LEAVES])


_SMOOTH, _FACE_ON = ("round", "in_between", "cigar"), ("spiral", "disc")

TREE = (
    TreeStep("t01_smooth_or_features", (_SMOOTH, ("edge_on", *_FACE_ON), ("artifact",))),
    TreeStep("t07_rounded", (("round",), ("in_between",), ("cigar",))),
    TreeStep("t02_edgeon", (("edge_on",), _FACE_ON)),
    TreeStep("t04_spiral", (("spiral",), ("disc",))),
)
"""Each question comes after the one that leads to it."""


@dataclass(frozen=True, eq=False)
class VoteCounts:
    """How many gave which answer.

    Attributes
    ----------
    counts : float32 (n, answer)
        Of the questions of `TREE`, one after the other.
    counted : bool
        False where they were not in the table, but follow from fractions.
    """

    counts: NDArray[np.float32]
    counted: bool

    @property
    def words(self) -> str:
        """Where they come from, for the reader."""
        if self.counted:
            return "votes as counted"
        return f"weighted fractions times the volunteers who reached the question, of total_classifications or {VOTERS}"


def vote_counts(catalog: pd.DataFrame) -> VoteCounts:
    """The votes of each galaxy: the count columns, else weighted fractions times those who reached the question.

    Parameters
    ----------
    catalog : DataFrame

    Raises
    ------
    InputError
        It has neither.
    """
    if all(column in catalog for step in TREE for column in _columns(step, "count")):
        counts = [catalog[_columns(step, "count")].to_numpy(np.float64) for step in TREE]
    else:
        shares = _shares(catalog, ("weighted_fraction", "fraction"))
        counts = [
            shares[step.question] * reached[:, None]
            for step, reached in zip(TREE, _reached(catalog, shares), strict=True)
        ]
        return VoteCounts(np.nan_to_num(np.concatenate(counts, axis=1)).astype(np.float32), False)
    return VoteCounts(np.nan_to_num(np.concatenate(counts, axis=1)).astype(np.float32), True)


def leaf_shares(catalog: pd.DataFrame) -> Floats:
    """Each class's share of the volunteers, float64 (n, class); NaN where nobody was asked.

    Shares along the way to a class are multiplied: weighted ones if the table has them, else plain, else debiased, so
    that they are of the same votes that `vote_counts` counts. Where nobody reached a question, the classes behind it
    share alike.

    Parameters
    ----------
    catalog : DataFrame
    """
    shares = _shares(catalog, ("weighted_fraction", "fraction", "debiased"))
    product = np.ones((len(catalog), len(LEAVES)))
    for step in TREE:
        given = _distribution(shares[step.question])
        asked = step.membership()
        product *= np.where(asked.any(axis=1), given @ asked.T, 1.0)
    first = shares[TREE[0].question]
    unasked = ~(np.nan_to_num(first).sum(axis=1) > 0)
    product[unasked] = np.nan
    return np.asarray(product / product.sum(axis=1, keepdims=True))


def _columns(step: TreeStep, kind: str) -> list[str]:
    return [vote_column(step.question, answer, kind) for answer in QUESTIONS[step.question].answers]


def _shares(catalog: pd.DataFrame, kinds: tuple[str, ...]) -> dict[str, Floats]:
    for kind in kinds:
        if all(column in catalog for step in TREE for column in _columns(step, kind)):
            return {step.question: catalog[_columns(step, kind)].to_numpy(np.float64) for step in TREE}
    raise InputError(
        "The table has no votes for the first questions of the decision tree",
        f"columns such as {choices(_columns(TREE[1], kinds[0]))}",
        "With a gz2class column choose e_vs_s.",
    )


def _distribution(shares: Floats) -> Floats:
    known = np.nan_to_num(shares)
    total = known.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(known, total, out=np.full_like(known, 1 / known.shape[1]), where=total > 0))


def _reached(catalog: pd.DataFrame, shares: dict[str, Floats]) -> list[Floats]:
    """Volunteers who were asked each question of `TREE`, float64 (n,)."""
    everybody = (
        catalog["total_classifications"].to_numpy(np.float64)
        if "total_classifications" in catalog
        else np.full(len(catalog), float(VOTERS))
    )
    first, edge_on = shares["t01_smooth_or_features"], shares["t02_edgeon"]
    face_on = first[:, 1] * edge_on[:, 1]
    return [everybody, everybody * first[:, 0], everybody * first[:, 1], everybody * face_on]

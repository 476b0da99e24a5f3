"""Distribution over seven classes from the first questions of the decision tree of Galaxy Zoo 2.

    smooth?  -> round | in_between | cigar
    features -> edge_on, else spiral | disc (no arms seen)
    a star or an artefact -> artifact

Vote fractions of a question refer to the volunteers who reached it. The probability of an answer is the sum over the
classes below it, relative to that of all classes below the question.
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
"""Assumed number of volunteers where the table has none: the median of the main sample of Galaxy Zoo 2."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TreeStep:
    """A question, and the classes below each of its answers.

    Attributes
    ----------
    question : str
        As in `gz2interp.schema.QUESTIONS`.
    behind : tuple of tuple of str
        Classes below each answer, in the order of the question.
    """

    question: str
    behind: tuple[tuple[str, ...], ...]

    def membership(self) -> Floats:
        """1 where a class is below an answer, float64 (class, answer)."""
        return np.array([[float(leaf in classes) for classes in self.behind] for leaf in LEAVES])


_SMOOTH, _FACE_ON = ("round", "in_between", "cigar"), ("spiral", "disc")

TREE = (
    TreeStep("t01_smooth_or_features", (_SMOOTH, ("edge_on", *_FACE_ON), ("artifact",))),
    TreeStep("t07_rounded", (("round",), ("in_between",), ("cigar",))),
    TreeStep("t02_edgeon", (("edge_on",), _FACE_ON)),
    TreeStep("t04_spiral", (("spiral",), ("disc",))),
)
"""Questions in the order of the decision tree."""


@dataclass(frozen=True, eq=False)
class VoteCounts:
    """Vote counts of the questions of `TREE`.

    Attributes
    ----------
    counts : float32 (n, answer)
        Concatenated over the questions.
    counted : bool
        False if derived from fractions.
    """

    counts: NDArray[np.float32]
    counted: bool

    @property
    def words(self) -> str:
        """Origin of the counts, for the user."""
        if self.counted:
            return "votes as counted"
        return f"weighted fractions times the volunteers who reached the question, of total_classifications or {VOTERS}"


def vote_counts(catalog: pd.DataFrame) -> VoteCounts:
    """Vote counts from the count columns, else from weighted fractions times the volunteers who reached the question.

    Raises
    ------
    InputError
        The catalogue has neither.
    """
    if all(column in catalog for step in TREE for column in _columns(step, "count")):
        counts, counted = [catalog[_columns(step, "count")].to_numpy(np.float64) for step in TREE], True
    else:
        shares = _shares(catalog, ("weighted_fraction", "fraction"))
        reached = _reached(catalog, shares)
        counts = [shares[step.question] * number[:, None] for step, number in zip(TREE, reached, strict=True)]
        counted = False
    return VoteCounts(np.nan_to_num(np.concatenate(counts, axis=1)).astype(np.float32), counted)


def leaf_shares(catalog: pd.DataFrame) -> Floats:
    """Vote share of each class, float64 (n, class); NaN without votes.

    Fractions along the path to a class are multiplied: weighted ones if the table has them, else plain, else debiased,
    consistent with `vote_counts`. The classes below a question without votes get equal shares.
    """
    shares = _shares(catalog, ("weighted_fraction", "fraction", "debiased"))
    product = np.ones((len(catalog), len(LEAVES)))
    for step in TREE:
        fractions = _distribution(shares[step.question])
        membership = step.membership()
        product *= np.where(membership.any(axis=1), fractions @ membership.T, 1.0)
    first = shares[TREE[0].question]
    product[~(np.nan_to_num(first).sum(axis=1) > 0)] = np.nan
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
    values = np.nan_to_num(shares)
    total = values.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(values, total, out=np.full_like(values, 1 / values.shape[1]), where=total > 0))


def _reached(catalog: pd.DataFrame, shares: dict[str, Floats]) -> list[Floats]:
    """Volunteers who reached each question of `TREE`, float64 (n,)."""
    volunteers = (
        catalog["total_classifications"].to_numpy(np.float64)
        if "total_classifications" in catalog
        else np.full(len(catalog), float(VOTERS))
    )
    first, edge_on = shares["t01_smooth_or_features"], shares["t02_edgeon"]
    face_on = first[:, 1] * edge_on[:, 1]
    return [volunteers, volunteers * first[:, 0], volunteers * first[:, 1], volunteers * face_on]

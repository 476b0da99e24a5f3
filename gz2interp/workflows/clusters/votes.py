"""What volunteers said of galaxies, for comparison: one kind of fraction of each answer, where people were asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.cluster_differences import Column, number_column
from gz2interp.schema import QUESTIONS, VOTE_KINDS, Question, vote_column

__all__ = ["is_of_votes", "vote_columns"]

Floats = NDArray[np.float64]
Reader = Callable[[str], "pd.Series[Any]"]

OF_VOTES: Final = re.compile(rf"t\d\d_\w+_a\d\d_\w+_({'|'.join(VOTE_KINDS)})")

PREFERRED: Final = ("debiased", "weighted_fraction", "fraction")

ASKED: Final = 0.3
"""Below this share of votes for the answers that lead to a question, too few people were asked it."""

ANSWERS: Final = {
    "a01_smooth": "smooth", "a02_features_or_disk": "features or a disc", "a03_star_or_artifact": "a star or artefact",
    "a04_yes": "edge-on", "a05_no": "not edge-on", "a06_bar": "a bar", "a07_no_bar": "no bar",
    "a08_spiral": "spiral arms", "a09_no_spiral": "no spiral arms", "a10_no_bulge": "no bulge",
    "a11_just_noticeable": "a just noticeable bulge", "a12_obvious": "an obvious bulge", "a13_dominant":
    "a dominant bulge", "a14_yes": "something odd", "a15_no": "nothing odd", "a16_completely_round": "completely round",
    "a17_in_between": "between round and cigar-shaped", "a18_cigar_shaped": "cigar-shaped", "a19_ring": "a ring",
    "a20_lens_or_arc": "a lens or arc", "a21_disturbed": "disturbed", "a22_irregular": "irregular", "a23_other":
    "another oddity", "a24_merger": "a merger", "a38_dust_lane": "a dust lane",
    "a25_rounded": "a rounded bulge edge-on",
    "a26_boxy": "a boxy bulge edge-on", "a27_no_bulge": "no bulge edge-on", "a28_tight": "tight arms",
    "a29_medium": "medium arms", "a30_loose": "loose arms", "a31_1": "one arm", "a32_2": "two arms", "a33_3":
    "three arms", "a34_4": "four arms", "a36_more_than_4": "more than four arms", "a37_cant_tell":
    "arms that cannot be counted",
}  # fmt: skip
"""What an answer says of a galaxy."""


def is_of_votes(name: str) -> bool:
    """Whether a column holds votes, of whatever kind."""
    return OF_VOTES.fullmatch(name) is not None


def vote_columns(names: Sequence[str], read: Reader) -> Iterator[Column]:
    """The fraction of each answer: debiased, else weighted, else plain; NaN where hardly anyone was asked.

    Parameters
    ----------
    names : sequence of str
        Of the catalogue's columns.
    read : callable
        Name -> values.
    """
    there = set(names)
    asked: dict[str, Floats | None] = {}
    for question in QUESTIONS.values():
        asked[question.name] = _asked(question, there, read, asked)
        for answer in question.answers:
            name = _fraction(question.name, answer, there)
            if name:
                values = _known(read(name), asked[question.name])
                words = f"votes for {ANSWERS[answer]}"
                yield number_column(name, values, "votes", f"with more {words}", f"with fewer {words}", "", "{:.0%}")


def _fraction(question: str, answer: str, there: set[str]) -> str:
    """The column to be read; "" where the catalogue has none."""
    columns = (vote_column(question, answer, kind) for kind in PREFERRED)
    return next((column for column in columns if column in there), "")


def _asked(question: Question, there: set[str], read: Reader, before: dict[str, Floats | None]) -> Floats | None:
    """The share of people who were led to a question; None where that is not known, or everyone was."""
    shares: list[Floats] = []
    for leading in question.asked_after:
        earlier = next(each for each in QUESTIONS.values() if leading in each.answers)
        name = _fraction(earlier.name, leading, there)
        if name:
            share = read(name).to_numpy(np.float64, na_value=np.nan)
            reached = before[earlier.name]
            shares.append(share if reached is None else share * reached)
    return np.nansum(shares, axis=0) if shares else None


def _known(values: pd.Series[Any], asked: Floats | None) -> Floats:
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    return numbers if asked is None else np.where(asked >= ASKED, numbers, np.nan)

"""Vote columns of Kaggle's Galaxy Challenge and of galaxy-datasets, mapped to those of Galaxy Zoo 2.

Kaggle's ``training_solutions_rev1.csv`` has the columns ``Class1.1`` to ``Class11.6``: the questions of Galaxy Zoo 2 in
their order. The fractions of a question (except question 6) are multiplied by that of the answer that leads to it, so
they sum to the share of volunteers who reached it. Divided by their sum, they are Galaxy Zoo 2's weighted fractions
among the volunteers who reached the question.

galaxy-datasets and the later releases of Galaxy Zoo name their columns ``QUESTION-CAMPAIGN_ANSWER``, for example
``smooth-or-featured-gz2_smooth``: counts, and with ``_fraction`` or ``_debiased`` shares among the volunteers who
reached the question. A question is mapped to Galaxy Zoo 2 if its answers are the same, unlike bars of three strengths.

References
----------
Kaggle, "The Galaxy Zoo Decision Tree" (2013); Willett et al. 2013, MNRAS 435, 2835; Walmsley et al. 2022, MNRAS 509,
3966.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from gz2interp.errors import choices
from gz2interp.schema import QUESTIONS, vote_column

__all__ = ["VoteColumns", "conditional_fractions", "vote_columns"]

_CLASSES: Final = {
    f"class{i + 1}.{j + 1}": vote_column(question.name, answer, "weighted_fraction")
    for i, question in enumerate(QUESTIONS.values())
    for j, answer in enumerate(question.answers)
}
"""Columns of the challenge in lower case, and the columns they become when divided by their sum."""

_SAME: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "smooth-or-featured": (
        "t01_smooth_or_features",
        {"smooth": "a01_smooth", "featured-or-disk": "a02_features_or_disk", "artifact": "a03_star_or_artifact"},
    ),
    "disk-edge-on": ("t02_edgeon", {"yes": "a04_yes", "no": "a05_no"}),
    "bar": ("t03_bar", {"yes": "a06_bar", "no": "a07_no_bar"}),
    "has-spiral-arms": ("t04_spiral", {"yes": "a08_spiral", "no": "a09_no_spiral"}),
    "bulge-size": (
        "t05_bulge_prominence",
        {"no": "a10_no_bulge", "just-noticeable": "a11_just_noticeable", "obvious": "a12_obvious"}
        | {"dominant": "a13_dominant"},
    ),
    "something-odd": ("t06_odd", {"yes": "a14_yes", "no": "a15_no"}),
    "how-rounded": (
        "t07_rounded",
        {"round": "a16_completely_round", "completely": "a16_completely_round", "in-between": "a17_in_between"}
        | {"cigar": "a18_cigar_shaped", "cigar-shaped": "a18_cigar_shaped"},
    ),
    "bulge-shape": ("t09_bulge_shape", {"round": "a25_rounded", "boxy": "a26_boxy", "no-bulge": "a27_no_bulge"}),
    "edge-on-bulge": ("t09_bulge_shape", {"rounded": "a25_rounded", "boxy": "a26_boxy", "none": "a27_no_bulge"}),
    "spiral-winding": ("t10_arms_winding", {"tight": "a28_tight", "medium": "a29_medium", "loose": "a30_loose"}),
    "spiral-arm-count": (
        "t11_arms_number",
        {"1": "a31_1", "2": "a32_2", "3": "a33_3", "4": "a34_4", "more-than-4": "a36_more_than_4"}
        | {"cant-tell": "a37_cant_tell"},
    ),
}
"""Questions and answers of galaxy-datasets, with the equivalent ones of Galaxy Zoo 2."""

_KINDS: Final = {"": "count", "_fraction": "fraction", "_debiased": "debiased"}
_RELEASES: Final = {
    "gz2": "Galaxy Zoo 2",
    "": "Galaxy Zoo DESI",
    "dr8": "Galaxy Zoo DECaLS (dr8)",
    "dr5": "Galaxy Zoo DECaLS (dr5)",
    "dr12": "Galaxy Zoo DECaLS (dr1 and dr2)",
}
"""Campaigns by their suffix; the first present in a table is read."""
_COLUMN: Final = re.compile(rf"({'|'.join(_SAME)})(?:-(gz2|dr\d+))?_([a-z0-9-]+?)(_fraction|_debiased)?")
_TOTAL: Final = re.compile(r"smooth-or-featured(?:-(gz2|dr\d+))?_total-votes")


@dataclass(frozen=True)
class VoteColumns:
    """Vote columns of a table with names other than Galaxy Zoo 2's.

    Attributes
    ----------
    kind : str
        Description of the table; "" if it has no such votes.
    names : dict
        Name in the schema by name in the file.
    multiplied : bool
        Whether fractions are multiplied down the decision tree, see `conditional_fractions`.
    """

    kind: str = ""
    names: dict[str, str] = field(default_factory=dict)
    multiplied: bool = False
    notes: tuple[str, ...] = ()


def vote_columns(columns: Sequence[str]) -> VoteColumns:
    """Find the vote columns of the Galaxy Challenge or of galaxy-datasets in a table."""
    classes = {name: _CLASSES[name.lower()] for name in columns if name.lower() in _CLASSES}
    if len(classes) == len(_CLASSES):
        return VoteColumns(
            "a table of Kaggle's Galaxy Challenge (training_solutions_rev1)",
            classes,
            True,
            ("Class1.1 to Class11.6, divided by the sum of each question, are Galaxy Zoo 2's weighted fractions",),
        )
    return _of_galaxy_datasets(columns)


def _of_galaxy_datasets(columns: Sequence[str]) -> VoteColumns:
    parsed = {name: match.groups(default="") for name in columns if (match := _COLUMN.fullmatch(name.lower()))}
    present = {campaign for _, campaign, _, _ in parsed.values()}
    campaign = next((name for name in _RELEASES if name in present), None)
    if campaign is None:
        return VoteColumns()
    names, unlike = dict[str, str](), list[str]()
    for question, (ours, same) in _SAME.items():
        for suffix, kind in _KINDS.items():
            answers = {name: a for name, (q, c, a, s) in parsed.items() if (q, c, s) == (question, campaign, suffix)}
            answers = {name: answer for name, answer in answers.items() if answer != "total-votes"}
            if not answers:
                continue
            if {same.get(answer) for answer in answers.values()} == set(QUESTIONS[ours].answers):
                names |= {name: vote_column(ours, same[answer], kind) for name, answer in answers.items()}
            elif question not in unlike:
                unlike.append(question)
    if not names:
        return VoteColumns()
    names |= _total(columns, campaign)
    release = (
        "Galaxy Zoo 2" if campaign == "gz2" else f"Galaxy Zoo DECaLS ({campaign})" if campaign else "Galaxy Zoo DESI"
    )
    notes = [f"votes of {release} are read as those of Galaxy Zoo 2's questions with the same answers"]
    if unlike:
        notes.append(f"questions with other answers than in Galaxy Zoo 2 stay as they are: {choices(unlike)}")
    return VoteColumns(f"a table of galaxy-datasets with the votes of {release}", names, False, tuple(notes))


def _total(columns: Sequence[str], campaign: str) -> dict[str, str]:
    """Column of the total votes of the first question, which are all classifications of a galaxy."""
    if any(name.lower() == "total_classifications" for name in columns):
        return {}
    matches = {name: _TOTAL.fullmatch(name.lower()) for name in columns}
    return {name: "total_classifications" for name, match in matches.items() if match and (match[1] or "") == campaign}


def conditional_fractions(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Convert weighted fractions that are multiplied down the decision tree to conditional ones.

    Returns
    -------
    table : DataFrame
        The fractions of each question divided by their sum; NaN where no volunteer reached the question.
    contradictions : int
        Rows in which the sum of a question differs by more than 0.05 from the fraction that leads to it, as in a table
        that is not multiplied.
    """
    shares: dict[str, pd.Series[float]] = {}
    contradictions = np.zeros(len(table), dtype=bool)
    for question in QUESTIONS.values():
        columns = [vote_column(question.name, answer, "weighted_fraction") for answer in question.answers]
        values = table[columns].astype(np.float64)
        total = values.sum(axis=1)
        before = (
            pd.Series(1.0, table.index) if len(question.asked_after) != 1 else table[_column(question.asked_after[0])]
        )
        contradictions |= ((total - before).abs() > 0.05).to_numpy()
        divided = values.div(total.where(total > 0), axis=0).astype(np.float32)
        shares |= {column: divided[column] for column in columns}
    return table.assign(**shares), int(contradictions.sum())


def _column(answer: str) -> str:
    question = next(question for question in QUESTIONS.values() if answer in question.answers)
    return vote_column(question.name, answer, "weighted_fraction")

"""From votes to the columns of Galaxy Zoo 2's tables: plain and debiased fractions, flags, the class they spell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting.votes.voters import Votes
from gz2interp.schema import QUESTIONS, vote_column

__all__ = ["FLAGGED", "debiased", "gz2classes", "vote_columns"]

Doubles = NDArray[np.float64]

FLAGGED = 0.8
"""Galaxy Zoo 2's later table flags an answer from this debiased fraction on."""

LETTERS: Final[Mapping[str, str]] = {
    "t05_bulge_prominence": "dcba",
    "t07_rounded": "ric",
    "t08_odd_feature": "rldiomu",
    "t09_bulge_shape": "rbn",
    "t10_arms_winding": "tml",
    "t11_arms_number": "1234+?",
}
"""Letters of a gz2class string, in the order of a question's answers."""

YES_OR_NO: Final = ("t02_edgeon", "t03_bar", "t04_spiral", "t06_odd")


def vote_columns(votes: Votes) -> dict[str, NDArray[np.generic]]:
    """Count, weight, fraction, weighted fraction, debiased fraction and flag of each answer: column to (n,).

    An answer that nobody was asked for has fraction 0, as in Galaxy Zoo 2's own tables.
    """
    columns: dict[str, NDArray[np.generic]] = {}
    nearer = debiased(votes)
    for name, question in QUESTIONS.items():
        plain, weighted = _fractions(votes.counts[name]), _fractions(votes.weights[name])
        for index, answer in enumerate(question.answers):
            of_answer = {
                "count": votes.counts[name][:, index],
                "weight": votes.weights[name][:, index].round(3),
                "fraction": plain[:, index].round(3),
                "weighted_fraction": weighted[:, index].round(3),
                "debiased": nearer[name][:, index],
                "flag": (nearer[name][:, index] >= FLAGGED).astype(np.int64),
            }
            columns |= {vote_column(name, answer, kind): values for kind, values in of_answer.items()}
    return columns


def debiased(votes: Votes) -> dict[str, Doubles]:
    """Fractions as they would be at the reference redshift: question to (n, answer), with three decimals.

    The odds of two answers change by the factor by which they would change for a volunteer who sees the galaxy from
    there: the correction of Willett et al. 2013, equation 4, whose factor is known here. What nobody said stays
    unsaid.
    """
    fractions = {}
    for name, weights in votes.weights.items():
        odds = _fractions(weights) * votes.nearby[name] / votes.chances[name]
        fractions[name] = _fractions(odds).round(3)
    return fractions


def gz2classes(fractions: Mapping[str, Doubles]) -> list[str]:
    """What debiased fractions spell in Galaxy Zoo 2's grammar: at each question the answer with most votes.

    That is how the strings of the later table follow from its debiased fractions, for each of 1,550 galaxies tried;
    Willett et al. 2013, appendix A, describe them.
    """
    winner = {name: fraction.argmax(axis=1) for name, fraction in fractions.items()}
    yes = {name: fractions[name][:, 0] > fractions[name][:, 1] for name in YES_OR_NO}
    letter = {name: np.array(list(letters))[winner[name]] for name, letters in LETTERS.items()}
    bar = np.where(yes["t03_bar"], "SB", "S")
    arms = np.where(yes["t04_spiral"], np.char.add(letter["t11_arms_number"], letter["t10_arms_winding"]), "")
    tilted = np.char.add(np.char.add(bar, letter["t05_bulge_prominence"]), arms)
    discs = np.where(yes["t02_edgeon"], np.char.add("Se", letter["t09_bulge_shape"]), tilted)
    galaxies = np.where(winner["t01_smooth_or_features"] == 0, np.char.add("E", letter["t07_rounded"]), discs)
    odd = np.where(yes["t06_odd"], np.char.add(np.char.add("(", letter["t08_odd_feature"]), ")"), "")
    classes = np.where(winner["t01_smooth_or_features"] == 2, "A", np.char.add(galaxies, odd))
    return [str(text) for text in classes]


def _fractions(numbers: NDArray[np.generic]) -> Doubles:
    """Rows divided by their sums (n, answer); 0 where nobody answered."""
    numbers = np.asarray(numbers, np.float64)
    total = numbers.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(numbers, total, out=np.zeros_like(numbers), where=total > 0))

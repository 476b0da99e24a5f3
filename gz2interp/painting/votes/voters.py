"""Simulated answers of forty volunteers, and their tallies in the columns of Galaxy Zoo 2's tables.

Each volunteer goes down the decision tree: only who said "features or disk" is asked whether the disc is edge-on. A few
answer at random; like Galaxy Zoo 2 (Willett et al. 2013, section 3.2), who often disagrees with all others counts
little. Galaxies that have the same look still differ in ways that no recipe knows, so each has a character of its own:
a shift of the logarithm of each answer's odds, the same wherever it is seen from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.painting.recipe import Recipe
from gz2interp.painting.streams import stream
from gz2interp.painting.votes.answers import Chances, chances
from gz2interp.painting.votes.visibility import REFERENCE_REDSHIFT, sights_of, view
from gz2interp.schema import QUESTIONS, vote_column

__all__ = [
    "FLAGGED",
    "Probabilities",
    "Votes",
    "cast_votes",
    "debiased",
    "draw_votes",
    "gz2classes",
    "probabilities",
    "vote_columns",
]


Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]
Probabilities = Mapping[str, Doubles]

VOTERS, VOTERS_SCATTER = 42.4, 6.3
FEWEST, MOST = 22, 66
"""Volunteers for a galaxy: as in a sample of Galaxy Zoo 2's main table."""

UNRELIABLE = 0.015
"""Share of the volunteers who answer at random: as many as the weights of the main table take away."""

CHARACTER: Final = {
    "t01_smooth_or_features": 0.55,
    "t02_edgeon": 0.5,
    "t03_bar": 0.8,
    "t04_spiral": 0.6,
    "t05_bulge_prominence": 0.4,
    "t06_odd": 0.6,
    "t07_rounded": 0.3,
    "t08_odd_feature": 0.8,
    "t09_bulge_shape": 0.6,
    "t10_arms_winding": 0.4,
    "t11_arms_number": 0.9,
}
"""Standard deviation between galaxies of the logarithm of an answer's odds."""

SLICES: Final = dict(
    zip(
        QUESTIONS,
        (
            slice(end - len(question.answers), end)
            for question, end in zip(
                QUESTIONS.values(), np.cumsum([len(question.answers) for question in QUESTIONS.values()]), strict=True
            )
        ),
        strict=True,
    )
)
"""Question to the places of its answers among all."""

ALL_ANSWERS = SLICES["t11_arms_number"].stop
NUMBERS = 1 + ALL_ANSWERS + MOST * (1 + len(QUESTIONS))
"""Random numbers for one galaxy: how many volunteers, its character, each volunteer's reliability and answers."""


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes on n galaxies, by question.

    Attributes
    ----------
    counts : int64 (n, answer)
    weights : float (n, answer)
        Counts of volunteers, each by how far he can be relied on.
    chances : float (n, answer)
        Of the answers of a reliable volunteer who reaches the question.
    nearby : float (n, answer)
        The same, were the galaxy at the reference redshift.
    """

    counts: Mapping[str, Counts]
    weights: Mapping[str, Doubles]
    chances: Chances
    nearby: Chances


def probabilities(recipe: Recipe) -> Probabilities:
    """Probability of each answer of a reliable volunteer who reaches the question: question to (answer,), sum 1."""
    return {name: chance[0] for name, chance in cast_votes([recipe]).chances.items()}


def draw_votes(recipe: Recipe) -> dict[str, Counts]:
    """Counts of the answers to each question: question to (answer,).

    The same recipe always has the same voters.
    """
    return {name: count[0] for name, count in cast_votes([recipe]).counts.items()}


def cast_votes(recipes: Sequence[Recipe]) -> Votes:
    """Let volunteers vote; what they say of a galaxy follows from its recipe alone."""
    numbers = np.array([stream(recipe.seed, "votes").random(NUMBERS) for recipe in recipes]).reshape(-1, NUMBERS)
    many, character, volunteers = np.split(numbers, [1, 1 + ALL_ANSWERS], axis=1)
    shift = special.ndtri(character)
    sights = sights_of(recipes)
    here, nearby = (_shifted(chances(view(sights, at)), shift) for at in (None, REFERENCE_REDSHIFT))
    voters = np.clip(np.rint(VOTERS + VOTERS_SCATTER * special.ndtri(many)), FEWEST, MOST)
    reached = np.arange(MOST) < voters
    trust, *opinions = volunteers.reshape(len(recipes), -1, MOST).swapaxes(0, 1) if recipes else _nobody()
    return _down_the_tree(reached, trust, dict(zip(QUESTIONS, opinions, strict=True)), here, nearby)


def _down_the_tree(
    everyone: NDArray[np.bool_], trust: Doubles, opinions: Mapping[str, Doubles], here: Chances, nearby: Chances
) -> Votes:
    """Put the questions; all arrays about volunteers are (n, volunteer)."""
    unreliable = trust < UNRELIABLE
    weight = np.where(unreliable, 0.3 * trust / UNRELIABLE, 1.0)
    votes_by_answer: dict[str, NDArray[np.bool_]] = {}
    counts, weights = {}, {}
    for name, question in QUESTIONS.items():
        reached = everyone
        if question.asked_after:
            reached = np.logical_or.reduce([votes_by_answer[answer] for answer in question.asked_after])
        choice = _choice(opinions[name], here[name], unreliable)
        answered = [reached & (choice == index) for index in range(len(question.answers))]
        votes_by_answer |= dict(zip(question.answers, answered, strict=True))
        counts[name] = np.stack([votes.sum(axis=1) for votes in answered], axis=1)
        weights[name] = np.stack([(votes * weight).sum(axis=1) for votes in answered], axis=1)
    return Votes(counts, weights, here, nearby)


def _choice(opinion: Doubles, chance: Doubles, unreliable: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Index of the answer of each volunteer (n, volunteer), who takes his number as a rank among all volunteers."""
    choice = np.zeros(opinion.shape, np.int8)
    answers = chance.shape[1]
    for edge in np.cumsum(chance[:, :-1], axis=1).T:
        choice += opinion > edge[:, None]
    return np.where(unreliable, (opinion * answers).astype(np.int8), choice)


def _shifted(plain: Chances, shift: Doubles) -> Chances:
    """The chances with the galaxies' characters (n, answer of all)."""
    shifted = {}
    for name, chance in plain.items():
        odds = chance * np.exp(CHARACTER[name] * shift[:, SLICES[name]])
        shifted[name] = odds / odds.sum(axis=1, keepdims=True)
    return shifted


def _nobody() -> Doubles:
    return np.zeros((1 + len(QUESTIONS), 0, MOST))


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

    An answer of a question that no volunteer reached has fraction 0, as in Galaxy Zoo 2's own tables.
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
    """Rows divided by their sums (n, answer); 0 where there are no answers."""
    numbers = np.asarray(numbers, np.float64)
    total = numbers.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(numbers, total, out=np.zeros_like(numbers), where=total > 0))

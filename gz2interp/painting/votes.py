"""What forty volunteers of Galaxy Zoo 2 would answer about a painted galaxy, and the class that its recipe has.

Answers are drawn down the decision tree: only who said "features or disk" is asked whether the disc is edge-on. The
probabilities follow from the recipe: from what the galaxy is made of, how well that can be seen, and how it is tilted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting.components import EDGE_ON
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.streams import stream
from gz2interp.painting.visibility import R_BAND, visibility_of_arms, visibility_of_bar
from gz2interp.schema import QUESTIONS

__all__ = ["Probabilities", "draw_votes", "gz2class", "probabilities"]

Probabilities = Mapping[str, NDArray[np.float64]]

SLIP = 0.06
"""Share of answers that have nothing to do with the galaxy."""

LETTERS: Mapping[str, str] = {
    "t05_bulge_prominence": "dcba",
    "t07_rounded": "ric",
    "t09_bulge_shape": "rbn",
    "t10_arms_winding": "tml",
    "t11_arms_number": "1234+?",
}
"""Letters of a gz2class string, in the order of a question's answers."""


def probabilities(recipe: Recipe) -> Probabilities:
    """Probability of each answer, for those who are asked: question to (answer,), summing to 1."""
    bulge = _share(recipe, "bulge")
    chances: dict[str, Sequence[float]] = {
        "t01_smooth_or_features": _smooth_or_features(recipe),
        "t02_edgeon": _yes_or_no(_edge_on(recipe)),
        "t03_bar": _yes_or_no(visibility_of_bar(recipe)),
        "t04_spiral": _yes_or_no(visibility_of_arms(recipe) ** 0.5),
        "t05_bulge_prominence": _ordered(np.log10(bulge + 0.001), edges=np.log10([0.03, 0.14, 0.42]), width=0.06),
        "t06_odd": (0.02, 0.98),
        "t07_rounded": _ordered(1 - recipe.axis_ratio, edges=(0.21, 0.62), width=0.03),
        "t08_odd_feature": (1, 1, 1, 1, 1, 1, 1),
        "t09_bulge_shape": (0.95, 0.05, 0.0) if bulge > 0.06 else (0.15, 0.05, 0.8),
        "t10_arms_winding": _ordered(_pitch(recipe), edges=(18.5, 24.0), width=1.2),
        "t11_arms_number": _arms_number(recipe),
    }
    return {question: _with_slips(np.asarray(chance, float)) for question, chance in chances.items()}


def draw_votes(recipe: Recipe) -> dict[str, NDArray[np.int64]]:
    """Counts of the answers to each question: question to (answer,).

    The same recipe always has the same voters.
    """
    rng = stream(recipe.seed, "votes")
    chances = probabilities(recipe)
    voters = int(np.clip(rng.normal(42, 6), 25, 66))
    counts: dict[str, NDArray[np.int64]] = {}
    answered: dict[str, int] = {}
    for name, question in QUESTIONS.items():
        asked = sum(answered[answer] for answer in question.asked_after) if question.asked_after else voters
        counts[name] = rng.multinomial(asked, chances[name])
        answered |= {answer: int(count) for answer, count in zip(question.answers, counts[name], strict=True)}
    return counts


def gz2class(recipe: Recipe) -> str:
    """The class in Galaxy Zoo 2's grammar that a galaxy of this recipe has (Willett et al. 2013, appendix).

    A disc that shows neither arms nor a bar is what volunteers call smooth, and is written so.
    """
    if recipe.part("star"):
        return "A"
    chances = probabilities(recipe)
    disc, bar, armed = recipe.part("disc"), recipe.part("bar"), recipe.part("arms")
    if disc and disc.shape["inclination"] >= EDGE_ON:
        return "Se" + _letter(chances, "t09_bulge_shape")
    if not armed and not bar:
        return "E" + _letter(chances, "t07_rounded")
    text = ("SB" if bar else "S") + _letter(chances, "t05_bulge_prominence")
    if armed:
        text += _letter(chances, "t11_arms_number") + _letter(chances, "t10_arms_winding")
    return text


# -- one question each ------------------------------------------------------------------------------------------------


def _smooth_or_features(recipe: Recipe) -> tuple[float, float, float]:
    if recipe.part("star"):
        return 0.1, 0.02, 0.88
    if not recipe.part("disc"):
        return 0.84, 0.14, 0.02
    structure = max(visibility_of_arms(recipe), 0.7 * visibility_of_bar(recipe), 0.8 * (_edge_on(recipe) > 0.5))
    features = 0.3 + 0.68 * structure
    return 0.99 - features, features, 0.01


def _edge_on(recipe: Recipe) -> float:
    disc = recipe.part("disc")
    if disc is None:
        return 0.6 if recipe.axis_ratio < 0.35 else 0.03
    return 0.94 if disc.shape["inclination"] >= EDGE_ON else 0.02


def _arms_number(recipe: Recipe) -> Sequence[float]:
    arms = recipe.part("arms")
    counted = 0.85 * visibility_of_arms(recipe)
    chance = [0.0] * 6
    if arms is not None:
        chance[int(arms.shape["number"]) - 1] = counted
    chance[-1] = 1 - sum(chance)
    return chance


def _pitch(recipe: Recipe) -> float:
    arms = recipe.part("arms")
    return abs(arms.shape["pitch"]) if arms else 10.0


# -- how answers spread -----------------------------------------------------------------------------------------------


def _yes_or_no(yes: float) -> tuple[float, float]:
    return yes, 1 - yes


def _ordered(value: float, edges: Sequence[float] | NDArray[np.float64], width: float) -> list[float]:
    """Probabilities of answers in a row: a volunteer puts each edge where others do, give or take `width`."""
    below = [0.0, *(1 / (1 + np.exp(-(np.asarray(edges) - value) / width))), 1.0]
    return [float(high - low) for low, high in pairwise(below)]


def _with_slips(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((1 - SLIP) * chance / chance.sum() + SLIP / len(chance))


def _share(recipe: Recipe, name: str) -> float:
    part = recipe.part(name)
    return float(part.flux[R_BAND] / recipe.flux[:, R_BAND].sum()) if part else 0.0


def _letter(chances: Probabilities, question: str) -> str:
    return LETTERS[question][int(np.argmax(chances[question]))]

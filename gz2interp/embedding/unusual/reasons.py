"""Sentences that explain an anomaly score: which score is highest, and which measured quantities deviate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.embedding.unusual.anomaly_model import SCORES, TITLES

__all__ = [
    "ORDINARY",
    "deviations_in_words",
    "ordinal",
    "place_in_words",
    "ranked_scores",
    "reason_of",
    "strongest_features",
]

MOST_DEVIATIONS: Final = 2
"""Deviations that are named."""

DEVIATES: Final = 2.0
"""Standard deviations below which nothing is named."""

HIGH: Final = 1.645
"""Normal score that one galaxy in twenty exceeds: lower scores are no reason."""

ORDINARY: Final = 0.05
"""Share of the ranking below which a galaxy may be called ordinary."""

ALSO: Final = 2.326
"""Normal score that one galaxy in a hundred exceeds, from which on a second score is named."""


def strongest_features(deviations: NDArray[np.floating], most: int = MOST_DEVIATIONS) -> NDArray[np.int64]:
    """Indices of the largest absolute deviations (n, most), the largest first."""
    return np.argsort(-np.abs(deviations), axis=1, kind="stable")[:, :most].astype(np.int64)


def deviations_in_words(named: Sequence[tuple[str, float]]) -> str:
    """A phrase that names the deviations of two standard deviations or more; "" where there is none.

    >>> deviations_in_words([("maximum of channel 3 of layer block1", -4.2), ("its asymmetry", 0.4)])
    'Largest deviation: maximum of channel 3 of layer block1, 4.2 standard deviations below the expected'
    """
    parts = [
        f"{name}, {abs(value):.1f} standard deviations {'above' if value > 0 else 'below'} the expected"
        for name, value in named
        if abs(value) >= DEVIATES
    ]
    return f"Largest deviation{'s' if len(parts) > 1 else ''}: {'; '.join(parts)}" if parts else ""


def place_in_words(place: int, shape: tuple[int, int]) -> str:
    """The position in an image of a cell of a grid (y, x), y upwards.

    >>> place_in_words(0, (8, 8)), place_in_words(60, (8, 8)), place_in_words(36, (8, 8))
    ('at the lower left of the image', 'at the top of the image', 'in the middle of the image')
    """
    y, x = divmod(place, shape[1])
    row, column = (min(3 * (2 * at + 1) // (2 * side), 2) for at, side in zip((y, x), shape, strict=True))
    upright = ("lower", "", "upper") if column != 1 else ("bottom", "", "top")
    words = " ".join(part for part in (upright[row], ("left", "", "right")[column]) if part)
    return f"at the {words} of the image" if words else "in the middle of the image"


def ranked_scores(normal: Mapping[str, float], alike: Collection[str] = tuple(SCORES)) -> list[str]:
    """Names of a galaxy's scores that are not NaN, in the order of their weight in `combine_scores`.

    Of the scores that count once there (`alike`), the highest is listed, with the mean as its weight.
    """
    scores = {name: float(value) for name, value in normal.items() if np.isfinite(value)}
    weights = {name: value for name, value in scores.items() if name not in alike}
    similar = [name for name in scores if name in alike]
    if similar:
        weights[max(similar, key=scores.__getitem__)] = float(np.mean([scores[name] for name in similar]))
    return sorted(weights, key=weights.__getitem__, reverse=True)


def reason_of(
    normal: Mapping[str, float],
    details: Mapping[str, str] | None = None,
    counts: Mapping[str, int] | None = None,
    ordinary: bool = False,
) -> str:
    """One or two sentences that name the highest score, and the second one where it is high too.

    Parameters
    ----------
    normal : mapping
        Score to its normal score; NaN where it is missing.
    details : mapping, optional
        Score to a sentence about what deviates.
    counts : mapping, optional
        Score to the number of galaxies of the survey that have it.
    ordinary : bool, optional
        Whether the galaxy is far from the top of the ranking, so that a low score is no reason.
    """
    details, counts = details or {}, counts or {}
    names = ranked_scores(normal)
    if not names:
        return "This galaxy has no anomaly score"
    first, *others = names

    def place(name: str) -> str:
        return _place(float(normal[name]), counts.get(name, 0))

    if ordinary and normal[first] < HIGH:
        return f"Not unusual: in no score is it among the highest 5 % ({place(first)} at most)"
    title = TITLES.get(first, first)
    sentences = [f"{_capital(title)}: {place(first)}", details.get(first, "")]
    if others and normal[others[0]] >= ALSO:
        sentences.append(f"Also, {TITLES.get(others[0], others[0])} ({place(others[0])})")
    return ". ".join(sentence for sentence in sentences if sentence)


def _place(normal: float, count: int) -> str:
    """The rank of a normal score among `count` galaxies; the share below it where `count` is 0."""
    share = float(special.ndtr(-normal))
    if not count:
        return f"higher than {100 * (1 - share):.3g} % of the survey"
    rank = min(max(round(share * count + 0.5), 1), count)
    return f"{'highest' if rank == 1 else f'{ordinal(rank)} highest'} of {count:,} galaxies"


def ordinal(number: int) -> str:
    """An ordinal number.

    >>> [ordinal(number) for number in (2, 3, 11, 21, 1_112)]
    ['2nd', '3rd', '11th', '21st', '1,112th']
    """
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{'th' if number % 100 in (11, 12, 13) else ending}"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]

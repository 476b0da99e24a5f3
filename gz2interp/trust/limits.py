"""What the numbers are held against; `docs/trust.md` tells what of it was changed after a method had been asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gz2interp.checks import Finding
from gz2interp.statistics import Estimate

__all__ = ["LIMITS", "Limit", "finding"]


@dataclass(frozen=True)
class Limit:
    """How a number is judged.

    Attributes
    ----------
    title : str
        Of the check, for a table's head.
    words : str
        What the number is.
    question : str
        What is asked, in a sentence that a person understands.
    at : float or None
        Where pass and fail part; None if each galaxy brings its own.
    below : bool
        Whether it must stay below, and not be above.
    surely : bool
        Whether the whole interval must be on the right side: for gains over chance, where half of all methods that gain
        nothing lie on the right side. Otherwise the number itself: the interval tells how near it is.
    """

    title: str
    words: str
    question: str
    at: float | None
    below: bool = False
    surely: bool = False


LIMITS: Final = {
    "completeness": Limit(
        "adds up", "relative gap", "Does the map add up to the score that it explains?", at=0.05, below=True
    ),
    "deletion": Limit(
        "deletion",
        "gain in probability",
        "Is the class lost sooner when pixels go in the map's order than at random?",
        at=0.0,
        surely=True,
    ),
    "insertion": Limit(
        "insertion",
        "gain in probability",
        "Is the class found sooner when pixels come in the map's order than at random?",
        at=0.0,
        surely=True,
    ),
    "noise": Limit(
        "second draw", "correlation", "Does the map stay the same under another draw of the photons?", at=0.5
    ),
    "symmetry": Limit(
        "symmetries",
        "correlation",
        "Does the map turn with the galaxy, in its eight turned and mirrored views?",
        at=0.5,
    ),
    "model_randomisation": Limit(
        "forgets the network",
        "rank correlation",
        "Is the map another one as the network forgets what it learned, from the answer down?",
        at=0.5,
        below=True,
    ),
    "label_randomisation": Limit(
        "forgets the labels",
        "rank correlation",
        "Is the map another one when the network has learned labels that say nothing?",
        at=0.5,
        below=True,
    ),
    "relevance_mass": Limit(
        "mass on the cause",
        "share",
        "Does more of the map lie on the component that makes the class than of a Gaussian at the centre?",
        at=None,
        surely=True,
    ),
    "relevance_rank": Limit(
        "rank on the cause",
        "share",
        "Do more of the map's first pixels lie on that component than of such a Gaussian's?",
        at=None,
        surely=True,
    ),
    "pointing": Limit(
        "points at the cause",
        "share",
        "Does its highest pixel lie on that component more often than the centre of the image does?",
        at=None,
        surely=True,
    ),
    "causal": Limit(
        "names the cause",
        "share",
        "Is the component with most of the map the one that the score owes most to, more often than with a Gaussian?",
        at=None,
        surely=True,
    ),
    "score_falls": Limit(
        "falls without it",
        "share",
        "Does the score fall without the component that has most of the map, more often than with a Gaussian's?",
        at=None,
        surely=True,
    ),
}


def finding(check: str, method: str, estimate: Estimate, subject: str = "") -> Finding:
    """A number held against the limit of its check.

    Parameters
    ----------
    check : str
        One of `LIMITS` that has a limit.
    method : str
    estimate : Estimate
    subject : str, optional
        Of which class or stage; such findings are told and not judged.
    """
    limit = LIMITS[check]
    passed = None if subject else _passed(limit, estimate)
    return Finding(check, method, subject, estimate, limit.at, passed, limit.words)


def finding_against(
    check: str, method: str, estimate: Estimate, plain: Estimate, gain: Estimate, subject: str = ""
) -> Finding:
    """A number held against what something reaches that knows nothing of the network.

    Parameters
    ----------
    check : str
        One of `LIMITS` to which each galaxy brings its own limit.
    method : str
    estimate : Estimate
    plain : Estimate
        What the other reaches on the same galaxies.
    gain : Estimate
        How much higher the method is, galaxy by galaxy: passed if surely above 0.
    subject : str, optional
        As in `finding`.
    """
    passed = None if subject or gain.low is None else gain.low > 0
    return Finding(check, method, subject, estimate, plain.value, passed, LIMITS[check].words)


def _passed(limit: Limit, estimate: Estimate) -> bool | None:
    if limit.at is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    if limit.below:
        return (estimate.high if limit.surely else estimate.value) < limit.at
    return (estimate.low if limit.surely else estimate.value) > limit.at

"""Limits for the numbers of a check, and the conclusions drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gz2interp.attribution import METHODS
from gz2interp.checks import Check, Finding
from gz2interp.statistics import Estimate

__all__ = ["LIMITS", "Limit", "MethodVerdict", "alarms", "finding", "judged_checks", "standings", "title_of", "verdict"]


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


DAMNING: Final = ("model_randomisation", "label_randomisation")
"""Who fails these shows the image and not what the network learned, however well all else turns out."""


@dataclass(frozen=True)
class MethodVerdict:
    """How a method came out.

    Attributes
    ----------
    method : str
    passed, judged : int
        Of how many checks that could be failed.
    gain : float
        Its gains in deletion and insertion together, which part methods that passed equally many.
    damned : bool
        Whether its maps outlive what the network learned.
    failed : tuple of Finding
    """

    method: str
    passed: int
    judged: int
    gain: float
    damned: bool
    failed: tuple[Finding, ...]


def standings(check: Check) -> list[MethodVerdict]:
    """The methods, the most trustworthy first: undamned ones, then by the share of checks passed, then by gain."""
    found = [_standing(check, method) for method in check.methods if method in METHODS]
    return sorted(found, key=lambda each: (each.damned, -each.passed / max(each.judged, 1), -each.gain))


def judged_checks(check: Check) -> tuple[str, ...]:
    """The checks that any method was judged by, in the order of `LIMITS`."""
    asked = {finding.check for finding in check.findings if finding.passed is not None and finding.method in METHODS}
    return tuple(name for name in LIMITS if name in asked)


def alarms(check: Check) -> tuple[Finding, ...]:
    """The shortcuts that the network was found to use."""
    return tuple(finding for finding in check.of("", "shortcut") if finding.passed is False)


def title_of(method: str) -> str:
    """For a reader; the methods that know nothing of the network stand in brackets."""
    return METHODS[method].title if method in METHODS else method


def verdict(check: Check) -> list[str]:
    """What may be concluded, a sentence each."""
    order = standings(check)
    if not order:
        return ["No method was checked."]
    good = [each for each in order if not each.damned]
    found = [f"Before all else: {each.words.rstrip('.')}." for each in alarms(check)]
    return [*found, *_first(check, good), *_damned(order), *_truth(check, order), *_no_shortcut(check)]


def _standing(check: Check, method: str) -> MethodVerdict:
    judged = [finding for finding in check.of(method) if finding.passed is not None]
    failed = tuple(finding for finding in judged if not finding.passed)
    gains = [finding.estimate.value or 0.0 for finding in judged if finding.check in ("deletion", "insertion")]
    damned = any(finding.check in DAMNING for finding in failed)
    return MethodVerdict(method, len(judged) - len(failed), len(judged), sum(gains), damned, failed)


def _no_shortcut(check: Check) -> list[str]:
    if alarms(check):
        return []
    tried = [each.subject for each in check.of("", "shortcut") if each.passed]
    unknown = [each for each in check.of("", "shortcut") if each.passed is None]
    if tried:
        left = f"; not known: {_listed([each.subject for each in unknown])}" if unknown else ""
        return [f"No shortcut was found ({_listed(tried)}{left})."]
    reason = unknown[0].words.removeprefix("Not known: ").rstrip(".") if unknown else ""
    return [f"Whether it uses a shortcut is not known: {reason}."] if unknown else []


def _first(check: Check, good: Sequence[MethodVerdict]) -> list[str]:
    if not good:
        return ["No method can be trusted here: the maps of all of them outlive what the network learned."]
    best = good[0]
    words = f"{title_of(best.method)} is to be trusted first for {check.model} on {check.survey}: "
    words += f"it passes {best.passed} of {best.judged} checks."
    fails = f"It fails {_listed([_told(each) for each in best.failed])}." if best.failed else ""
    if any(each.check == "symmetry" for each in best.failed):
        fails += " Its mean over the galaxy's views (--views) turns with the galaxy."
    others = [title_of(each.method) for each in good[1:3] if each.passed / each.judged > 0.5]
    after = f"After it: {_listed(others)}." if others else ""
    return [sentence for sentence in (words, fails, after) if sentence]


def _damned(order: Sequence[MethodVerdict]) -> list[str]:
    names = [
        f"{title_of(each.method)} ({_told(next(f for f in each.failed if f.check in DAMNING))})"
        for each in order
        if each.damned
    ]
    return [f"Not to be used: {_listed(names)}; such maps show the image more than the network."] if names else []


def _truth(check: Check, order: Sequence[MethodVerdict]) -> list[str]:
    """Who is better than a Gaussian at the centre; galaxies are at the centre, and it is hard to beat."""
    told = []
    for name in ("relevance_mass", "causal"):
        asked = [finding for each in order for finding in check.of(each.method, name) if finding.passed is not None]
        if asked:
            better = [title_of(finding.method) for finding in asked if finding.passed]
            told.append(f"“{LIMITS[name].title}” {_listed(better) if better else f'none of {len(asked)} methods'}")
    return [f"Surely better than a Gaussian at the centre, against the truth: {_listed(told)}."] if told else []


def _told(finding: Finding) -> str:
    limit = LIMITS[finding.check]
    side = f"{'surely ' * limit.surely}{'below' if limit.below else 'above'}"
    beside = "" if finding.limit is None else f", {side} {finding.limit:.2g} wanted"
    return f"“{limit.title}” ({limit.words} {finding.estimate.value:.2f}{beside})"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"

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
    """The limit that a number must reach to pass a check.

    Attributes
    ----------
    title : str
        Of the check, for a table's head.
    words : str
        What the number is.
    question : str
        What the check tests, as a question.
    at : float or None
        The limit; None if each galaxy has its own.
    below : bool
        Whether the number must be below the limit, not above.
    surely : bool
        Whether the whole 95 % interval must be on the right side, as for gains over chance, or the number itself.
    """

    title: str
    words: str
    question: str
    at: float | None
    below: bool = False
    surely: bool = False


LIMITS: Final = {
    "completeness": Limit(
        "completeness", "relative gap", "Does the map add up to the score that it explains?", at=0.05, below=True
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
        "noise resampling", "correlation", "Does the map stay the same under another draw of the photons?", at=0.5
    ),
    "symmetry": Limit(
        "symmetries",
        "correlation",
        "Does the map rotate with the galaxy, in its eight rotated and reflected views?",
        at=0.5,
    ),
    "model_randomisation": Limit(
        "model randomisation",
        "rank correlation",
        "Does the map change as the network's layers are randomised, from the output down?",
        at=0.5,
        below=True,
    ),
    "label_randomisation": Limit(
        "label randomisation",
        "rank correlation",
        "Does the map change for a network that was trained on shuffled labels?",
        at=0.5,
        below=True,
    ),
    "relevance_mass": Limit(
        "relevance mass",
        "share",
        "Does more of the map lie on the component that defines the class than of a Gaussian at the centre?",
        at=None,
        surely=True,
    ),
    "relevance_rank": Limit(
        "relevance rank",
        "share",
        "Do more of the map's first pixels lie on that component than of such a Gaussian's?",
        at=None,
        surely=True,
    ),
    "pointing": Limit(
        "pointing game",
        "share",
        "Does its highest pixel lie on that component more often than the centre of the image does?",
        at=None,
        surely=True,
    ),
    "causal": Limit(
        "causal component",
        "share",
        "Is the component with most of the map the one that the score depends on most, more often than a Gaussian's?",
        at=None,
        surely=True,
    ),
    "score_falls": Limit(
        "removal test",
        "share",
        "Does the score fall without the component that has most of the map, more often than with a Gaussian's?",
        at=None,
        surely=True,
    ),
}


def finding(check: str, method: str, estimate: Estimate, subject: str = "") -> Finding:
    """A number compared with the limit of its check.

    Parameters
    ----------
    check : str
        One of `LIMITS` that has a limit.
    method : str
    estimate : Estimate
    subject : str, optional
        The class or stage; such findings are reported without pass or fail.
    """
    limit = LIMITS[check]
    passed = None if subject else _passed(limit, estimate)
    return Finding(check, method, subject, estimate, limit.at, passed, limit.words)


def finding_against(
    check: str, method: str, estimate: Estimate, plain: Estimate, gain: Estimate, subject: str = ""
) -> Finding:
    """A number compared with that of a baseline map, which ignores the network.

    Parameters
    ----------
    check : str
        One of `LIMITS` without a fixed limit.
    method : str
    estimate : Estimate
    plain : Estimate
        Of the baseline on the same galaxies.
    gain : Estimate
        Difference to the baseline, galaxy by galaxy: passed if above 0 at 95 % confidence.
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
"""A method that fails one of these shows the image instead of what the network learned, and is not recommended."""


@dataclass(frozen=True)
class MethodVerdict:
    """The results of one method.

    Attributes
    ----------
    method : str
    passed, judged : int
        Checks passed, and checks with a pass or fail.
    gain : float
        Summed gains in deletion and insertion, by which ties are broken.
    damned : bool
        Whether it failed a check of `DAMNING`.
    failed : tuple of Finding
    """

    method: str
    passed: int
    judged: int
    gain: float
    damned: bool
    failed: tuple[Finding, ...]


def standings(check: Check) -> list[MethodVerdict]:
    """The methods, the most trustworthy first: by `damned`, then by the share of checks passed, then by gain."""
    verdicts = [_standing(check, method) for method in check.methods if method in METHODS]
    return sorted(verdicts, key=lambda method: (method.damned, -method.passed / max(method.judged, 1), -method.gain))


def judged_checks(check: Check) -> tuple[str, ...]:
    """The checks that any method passed or failed, in the order of `LIMITS`."""
    names = {finding.check for finding in check.findings if finding.passed is not None and finding.method in METHODS}
    return tuple(name for name in LIMITS if name in names)


def alarms(check: Check) -> tuple[Finding, ...]:
    """The shortcuts that the network was found to use."""
    return tuple(finding for finding in check.of("", "shortcut") if finding.passed is False)


def title_of(method: str) -> str:
    """The title of a method."""
    return METHODS[method].title if method in METHODS else method


def verdict(check: Check) -> list[str]:
    """What may be concluded, a sentence each."""
    order = standings(check)
    if not order:
        return ["No method was checked."]
    good = [method for method in order if not method.damned]
    shortcuts = [f"Shortcut: {alarm.words.rstrip('.')}." for alarm in alarms(check)]
    return [*shortcuts, *_first(check, good), *_damned(order), *_truth(check, order), *_no_shortcut(check)]


def _standing(check: Check, method: str) -> MethodVerdict:
    judged = [finding for finding in check.of(method) if finding.passed is not None]
    failed = tuple(finding for finding in judged if not finding.passed)
    gains = [finding.estimate.value or 0.0 for finding in judged if finding.check in ("deletion", "insertion")]
    damned = any(finding.check in DAMNING for finding in failed)
    return MethodVerdict(method, len(judged) - len(failed), len(judged), sum(gains), damned, failed)


def _no_shortcut(check: Check) -> list[str]:
    if alarms(check):
        return []
    tried = [finding.subject for finding in check.of("", "shortcut") if finding.passed]
    unknown = [finding for finding in check.of("", "shortcut") if finding.passed is None]
    if tried:
        left = f"; not known: {_listed([finding.subject for finding in unknown])}" if unknown else ""
        return [f"No shortcut was found ({_listed(tried)}{left})."]
    reason = unknown[0].words.removeprefix("Not known: ").rstrip(".") if unknown else ""
    return [f"Whether it uses a shortcut is not known: {reason}."] if unknown else []


def _first(check: Check, good: Sequence[MethodVerdict]) -> list[str]:
    if not good:
        return ["No method can be trusted here: all of them fail a randomisation test."]
    best = good[0]
    words = f"{title_of(best.method)} is to be trusted first for {check.model} on {check.survey}: "
    words += f"it passes {best.passed} of {best.judged} checks."
    fails = f"It fails {_listed([_with_number(item) for item in best.failed])}." if best.failed else ""
    if any(item.check == "symmetry" for item in best.failed):
        fails += " Its mean over the galaxy's views (--views) rotates with the galaxy."
    others = [title_of(item.method) for item in good[1:3] if item.passed / item.judged > 0.5]
    after = f"After it: {_listed(others)}." if others else ""
    return [sentence for sentence in (words, fails, after) if sentence]


def _damned(order: Sequence[MethodVerdict]) -> list[str]:
    names = [
        f"{title_of(method.method)} ({_with_number(next(bad for bad in method.failed if bad.check in DAMNING))})"
        for method in order
        if method.damned
    ]
    return [f"Not to be used: {_listed(names)}; such maps show the image more than the network."] if names else []


def _truth(check: Check, order: Sequence[MethodVerdict]) -> list[str]:
    """Methods that are better than a Gaussian at the centre, where galaxies are."""
    phrases = []
    for name in ("relevance_mass", "causal"):
        findings = [item for method in order for item in check.of(method.method, name) if item.passed is not None]
        if findings:
            better = [title_of(item.method) for item in findings if item.passed]
            phrases.append(
                f"“{LIMITS[name].title}” {_listed(better) if better else f'none of {len(findings)} methods'}"
            )
    if not phrases:
        return []
    return [f"Better than a Gaussian at the centre, at 95 % confidence, against the truth: {_listed(phrases)}."]


def _with_number(finding: Finding) -> str:
    limit = LIMITS[finding.check]
    side = f"{'below' if limit.below else 'above'} {finding.limit:.2g}" if finding.limit is not None else ""
    required = f", {side}{' at 95 % confidence' * limit.surely} required" if side else ""
    return f"“{limit.title}” ({limit.words} {finding.estimate.value:.2f}{required})"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"

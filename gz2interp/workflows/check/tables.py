"""A check as tables: one for a person, one with every number."""

from __future__ import annotations

import pandas as pd

from gz2interp.checks import Check, Finding
from gz2interp.trust.verdict import LIMITS, judged_checks, standings, title_of

__all__ = ["cell_of", "findings_table", "short_table", "standings_table"]


def short_table(check: Check) -> pd.DataFrame:
    """A row for each method, the most trustworthy first: how many checks it passed, and by what numbers it failed."""
    return pd.DataFrame(
        [
            {
                "method": title_of(each.method),
                "passed": f"{each.passed} of {each.judged}",
                "fails": ", ".join(f"{LIMITS[one.check].title} {one.estimate.value:.2f}" for one in each.failed),
            }
            for each in standings(check)
        ],
        columns=["method", "passed", "fails"],
    )


def standings_table(check: Check) -> pd.DataFrame:
    """The same with every number, marked where it failed."""
    asked = judged_checks(check)
    return pd.DataFrame(
        [
            {"method": title_of(each.method), "passed": f"{each.passed} of {each.judged}"}
            | {LIMITS[name].title: cell_of(check.of(each.method, name)) for name in asked}
            for each in standings(check)
        ],
        columns=["method", "passed", *(LIMITS[name].title for name in asked)],
    )


def cell_of(findings: tuple[Finding, ...]) -> str:
    """The number of the one finding that was judged, marked where it failed; "" if there is none."""
    judged = next((each for each in findings if each.passed is not None), None)
    if judged is None or judged.estimate.value is None:
        return ""
    return f"{judged.estimate.value:.2f}{'' if judged.passed else ' ✗'}"


def findings_table(check: Check) -> pd.DataFrame:
    """Every number: check, method, subject, value, low, high, galaxies, limit, passed, words."""
    return pd.DataFrame(
        [
            {
                "check": each.check,
                "method": each.method,
                "subject": each.subject,
                "value": each.estimate.value,
                "low": each.estimate.low,
                "high": each.estimate.high,
                "galaxies": each.estimate.count,
                "limit": each.limit,
                "passed": "" if each.passed is None else "yes" if each.passed else "no",
                "words": each.words,
            }
            for each in check.findings
        ]
    )

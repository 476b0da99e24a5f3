"""The one line under every figure: how far its method was found to be trusted, for this network on this survey."""

from __future__ import annotations

from gz2interp.attribution import METHODS
from gz2interp.checks import Check
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.trust.verdict import LIMITS, alarms

__all__ = ["trust_line", "trust_line_of"]


def trust_line_of(survey: Survey, model: ModelFolder, method: str) -> str:
    """What the stored check says of a method, or how to make one."""
    found = model.check(survey.digest)
    if found is None:
        return f"Trust: not checked. Run gz2interp check {survey.name} --model {model.name}."
    return trust_line(found, method)


def trust_line(found: Check, method: str) -> str:
    """One sentence: how many checks a method passed, and by what number it fails the others.

    Parameters
    ----------
    found : Check
    method : str
        One of `METHODS`, or the attribution to bands, of which no map can be checked.
    """
    judged = [each for each in found.of(method) if each.passed is not None]
    if not judged and method in METHODS:
        return f"Trust: not checked; gz2interp check adds it with --method {method}."
    if not judged:
        return "Trust: not checked; shares of bands add up exactly, and depend on what stands for an absent band."
    failed = [f"{LIMITS[each.check].title} ({each.estimate.value:.2f})" for each in judged if not each.passed]
    words = f"Trust: passes {len(judged) - len(failed)} of {len(judged)} checks"
    words += f"; fails {', '.join(failed)}" if failed else ""
    used = [each.subject for each in alarms(found)]
    return words + (f". The network uses a shortcut: {', '.join(used)}." if used else ".")

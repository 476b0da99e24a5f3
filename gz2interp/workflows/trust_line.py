"""The one line under every figure: how far its method was found to be trusted, for this network on this survey."""

from __future__ import annotations

from gz2interp.checks import Check
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.trust.limits import LIMITS
from gz2interp.trust.verdict import alarms

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
    """
    judged = [each for each in found.of(method) if each.passed is not None]
    if not judged:
        return f"Trust: this method was not checked; checked were {', '.join(found.methods) or 'none'}."
    failed = [f"{LIMITS[each.check].title} ({each.estimate.value:.2f})" for each in judged if not each.passed]
    words = f"Trust: passes {len(judged) - len(failed)} of {len(judged)} checks"
    words += f"; fails {', '.join(failed)}" if failed else ""
    used = [each.subject for each in alarms(found)]
    return words + (f". The network uses a shortcut: {', '.join(used)}." if used else ".")

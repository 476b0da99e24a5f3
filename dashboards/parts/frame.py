"""What the pages about a network have in common: the choices at the top, and what is said where something lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dashboards.loading.surveys import open_survey, survey_names
from dashboards.parts.controls import show_brand, show_network_choices
from dashboards.parts.states import lacking, show_error
from dashboards.selection import current, say, settle
from gz2interp.errors import Gz2interpError, choices
from gz2interp.stores.survey import Survey

__all__ = ["show_network_page"]


def show_network_page(show: Callable[[Survey, str], None], without_survey: str) -> None:
    """Choose survey and model, then show what the page is about.

    Parameters
    ----------
    show : callable
        Draws it for a survey and the name of one of its models; "" where it has none.
    without_survey : str
        What is said where there is no survey at all.
    """
    names = survey_names()
    if not current().survey and not names:
        show_brand()
        lacking("No survey yet", without_survey, "python -m trainer demo")
        return
    name = current().survey or names[0]
    settle(survey=name)
    try:
        survey = open_survey(name)
        _settle_model(survey, survey.models())
    except Gz2interpError as error:
        show_network_choices(names, (), current())
        show_error(error, "This survey cannot be shown")
        return
    show_network_choices(names, survey.models(), current())
    try:
        show(survey, current().model)
    except Gz2interpError as error:
        show_error(error, "This network cannot be shown")


def _settle_model(survey: Survey, models: Sequence[str]) -> None:
    """The model that is selected, if there is one of that name; else the first, with a word."""
    if current().model in models:
        return
    if current().model:
        say(f"{survey.name} has no model “{current().model}”; its models are {choices(models)}.")
    settle(model=models[0] if models else "")

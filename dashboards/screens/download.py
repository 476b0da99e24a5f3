"""The download of a survey from the archives, while it runs and afterwards."""

from __future__ import annotations

from dashboards.downloading import place_of
from dashboards.loading.surveys import open_survey, survey_names
from dashboards.parts.download import show_download, show_no_download, show_survey_choice
from dashboards.parts.download_actions import show_attempt
from dashboards.parts.states import show_error
from dashboards.selection import current, settle
from gz2interp.errors import Gz2interpError


def page() -> None:
    """The choice of a survey, and the state of its download."""
    names = survey_names()
    if not current().survey and not names:
        show_survey_choice(names, "")
        show_no_download()
        return
    name = current().survey or names[0]
    settle(survey=name)
    show_survey_choice(names, name)
    if show_attempt(place_of(name), name):
        return
    try:
        show_download(open_survey(name))
    except Gz2interpError as error:
        show_error(error, "This download cannot be shown")


page()

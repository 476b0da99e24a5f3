"""Messages about missing surveys and results, with the command that creates them, and about the demo."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from dashboards import building
from dashboards.building import STAGES, BuildState
from dashboards.parts.style import caption, plain
from dashboards.selection import change, offer_choice
from gz2interp.errors import Gz2interpError
from gz2interp.stores.locations import surveys_folder

__all__ = ["DEMO", "building_of", "show_building", "show_error", "show_missing", "show_no_survey"]

DEMO = "demo"
TITLES = {"paint": "Painting galaxies", "fit": "Training the network", "analyse": "Analysing every galaxy"}


def show_missing(title: str, words: str, command: str = "") -> None:
    """A frame that describes what is missing and why, with the command that creates it."""
    code = f"<br><br><code>{escape(command)}</code>" if command else ""
    st.html(f'<div class="gz2-empty"><h3>{escape(title)}</h3>{escape(words)}{code}</div>')


def show_error(error: Gz2interpError, title: str) -> None:
    """The message of an error, with its remedy."""
    show_missing(title, " ".join(part for part in (error.problem + ".", error.expected, "") if part).strip(), "")
    if error.remedy:
        caption(error.remedy)


def building_of(name: str) -> BuildState | None:
    """The state of a survey that the dashboard builds; None where it builds none."""
    return building.read_state(surveys_folder() / name)


def show_no_survey() -> None:
    """The first start: an introduction, and the demo."""
    _, middle, _ = st.columns([1, 2.2, 1])
    with middle:
        st.html(
            '<div class="gz2-empty" style="margin-top: 9vh"><h3>No survey yet</h3>'
            "A survey is a folder with a catalogue of galaxies, their images, "
            "and the networks trained on them. "
            f"Surveys are looked for in <code>{escape(str(surveys_folder()))}</code><br><br>"
            "The demo paints galaxies with known components, trains a small network on them and maps its activations: "
            "everything can be tried on it before your own galaxies are here. "
            "It takes some minutes and continues while this page is closed."
            "</div>"
        )
        left, right = st.columns([1, 2], vertical_alignment="bottom")
        left.button("Build the demo", type="primary", on_click=_start, width="stretch")
        offer_choice("typed_survey", "", _open_typed)
        right.text_input(
            "Or open a survey elsewhere", key="typed_survey", placeholder="/path/to/survey, or s3://bucket/survey"
        )


@st.fragment(run_every=1.0)
def show_building(name: str) -> None:
    """The progress of the building, refreshed once a second; the page is drawn again when it ends."""
    survey = surveys_folder() / name
    build = building.read_state(survey)
    if build is None or build.state == "finished":
        _finish(survey, name)
    assert build is not None
    _, middle, _ = st.columns([1, 2.2, 1])
    with middle:
        _show_progress(build, name)
        if build.state == "running":
            st.button("Stop", on_click=building.stop, args=(survey,))
        else:
            again, away = st.columns([1, 1])
            again.button("Start again", type="primary", on_click=_start, width="stretch")
            away.button("Dismiss", on_click=building.forget, args=(survey,), width="stretch")


def _show_progress(build: BuildState, name: str) -> None:
    titles = {
        "running": "Building the demo",
        "failed": "The demo could not be built",
        "stopped": "The demo was stopped",
    }
    minutes, seconds = divmod(int(build.seconds), 60)
    words = (
        "You may close this page: the building continues."
        if build.state == "running"
        else f"After {minutes} min {seconds:02d} s. Painted galaxies are kept: starting again continues from there."
    )
    words = "The last lines of its output:" if build.state == "failed" else words
    st.html(f'<div class="gz2-empty" style="margin-top: 9vh"><h3>{titles[build.state]}</h3>{words}</div>')
    if build.state == "failed":
        st.code(build.words or "(no output)", language=None, wrap_lines=True)
    for stage in STAGES:
        progress = build.stages.get(stage)
        if progress is None and build.state != "running":
            continue  # not begun, and not going to
        share = progress.share if progress else 0.0
        counted = f"{progress.done:,} of {progress.total:,}" if progress else "waiting"
        text = progress.message or counted if progress else counted
        st.progress(share, text=f"**{TITLES[stage]}**  {plain(text)}")
    if build.state == "running":
        st.caption(f"{minutes} min {seconds:02d} s")


def _finish(survey: Path, name: str) -> None:
    building.forget(survey)
    if (survey / "survey.json").is_file():
        change(survey=name)
    st.rerun()


def _start() -> None:
    building.forget(surveys_folder() / DEMO)
    building.start(surveys_folder() / DEMO)


def _open_typed(text: str) -> None:
    if text.strip():
        change(survey=text.strip())

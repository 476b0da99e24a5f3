"""Tasks for a survey and its networks: settings, start, and progress."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

import streamlit as st

from dashboards import working
from dashboards.building import BuildState
from dashboards.loading.map import analysed_layers
from dashboards.parts.states import show_missing
from dashboards.parts.style import Html, caption, plain
from dashboards.selection import add_message, current
from gz2interp.schema import LABEL_SCHEMES
from gz2interp.stores.survey import Survey
from gz2interp.workflows.feature_sheet import SheetSettings
from trainer.config import RECIPES

__all__ = ["show_work"]


@dataclass(frozen=True)
class Task:
    """A task that can be started.

    Attributes
    ----------
    title, running : str
        In the list, and while it runs.
    words : str
        Its result and its duration.
    networks : int
        Number of networks that it needs.
    """

    title: str
    running: str
    words: str
    networks: int = 0


TASKS: Mapping[str, Task] = {
    "fit": Task("Train a network", "Training a network", "Minutes to hours, by the number of galaxies."),
    "sweep": Task(
        "Compare recipes", "Training one network after the other", "A network of each, and a table of their scores."
    ),
    "analyse": Task(
        "Analyse",
        "Analysing every galaxy",
        "Neighbours and a map of the activations; on a Dask cluster, if the address of its scheduler is given.",
        1,
    ),
    "evaluate": Task(
        "Evaluate", "Evaluating the network", "Scores on galaxies that it was not trained on, with intervals.", 1
    ),
    "uncertainty": Task(
        "Estimate the uncertainty",
        "Estimating the uncertainty in several ways",
        "The measure of uncertainty that best predicts mistakes, for every galaxy: the map can be coloured by it.",
        1,
    ),
    "committee": Task(
        "Build an ensemble",
        "Running all members",
        "Several networks, each averaged over eight views, as one network.",
        1,
    ),
    "check": Task(
        "Check attributions",
        "Testing every attribution method",
        "How far each method's maps can be trusted for this network, and whether it uses a shortcut.",
        1,
    ),
    "clusters": Task(
        "Find clusters",
        "Measuring the images and describing the clusters",
        "Clusters of the map at three scales, what distinguishes each, and which are observational artefacts.",
        1,
    ),
    "unusual": Task(
        "Find unusual galaxies",
        "Computing how unusual every galaxy is",
        "A rank and a reason for every galaxy; you rate them on the page “Unusual”.",
        1,
    ),
    "channels": Task(
        "Find building blocks",
        "Computing building blocks",
        "Correlates and most activating galaxies of each channel, neuron groups, and the atlas; minutes.",
        1,
    ),
    "features": Task(
        "Make feature images",
        "Making images that excite the layer",
        "Of every channel, group, cell of the atlas and class; minutes, and an interrupted sheet is continued.",
        1,
    ),
    "agreement": Task(
        "Compare feature images with another network",
        "Computing the response of another network to the feature images",
        "Whether a layer's feature images excite another network too, beside what would do so by chance; a minute.",
        2,
    ),
    "plant labels": Task(
        "Train on shuffled labels",
        "Training the same network on shuffled labels",
        "The check then tests whether a method's maps differ between the two networks.",
        1,
    ),
    "compare": Task(
        "Compare two layers",
        "Comparing the two maps",
        "The neighbours that two analysed layers, networks or latents share, and their maps side by side.",
        1,
    ),
    "suspects": Task(
        "Look for suspect labels",
        "Training networks that each leave out a part",
        "Five trainings; every label is compared with the network that was not trained on it.",
    ),
}
_KEPT = "Finished parts are kept: it continues from there."
_OWN = "as in the recipe"
_SCALES = ("0.7", "1", "1.4")


def show_work(survey: Survey, model: str = "", first: str = "") -> None:
    """The running task of this survey, or the form to start one, `first` first."""
    if working.read_state(survey.path) is None:
        _show_offer(survey, model, first)
    else:
        _show_state(survey)


def _show_offer(survey: Survey, model: str, first: str) -> None:
    models = survey.models()
    tasks = [name for name, task in TASKS.items() if task.networks <= len(models)]
    tasks.sort(key=lambda name: name != first)
    with st.container(key="work"):
        choice, fields = st.columns([1, 3], vertical_alignment="bottom")
        task = choice.selectbox("Task", tasks, format_func=lambda name: TASKS[name].title, key="work_task")
        with fields:
            words = _FIELDS[task](survey, model)
        caption(TASKS[task].words)
        start, command = st.columns([1, 3], vertical_alignment="center")
        start.button(
            "Start",
            key="work_start",
            type="primary",
            width="stretch",
            disabled=not words,
            on_click=working.begin,
            args=(survey.path, words),
        )
        if words:
            with command:
                command_line = shlex.join(["python", *working.command_of(survey.path, words)])
                caption(Html(f"<code>{escape(command_line)}</code>"))


def _fit(survey: Survey, model: str) -> list[str]:
    left, middle, right = st.columns(3)
    recipe = left.selectbox("Recipe", _recipes(), key="work_recipe")
    scheme = middle.selectbox("Labels", [_OWN, *LABEL_SCHEMES], key="work_scheme")
    name = right.text_input("Name", _free(survey, "cnn"), key="work_name").strip()
    return ["fit", "--name", name, "--config", recipe, *_labels(scheme)] if name else []


def _sweep(survey: Survey, model: str) -> list[str]:
    left, middle, right = st.columns(3)
    recipes = left.multiselect("Recipes", _recipes(), ["default", "original"], key="work_recipes")
    scheme = middle.selectbox("Labels", [_OWN, *LABEL_SCHEMES], key="work_scheme")
    name = right.text_input("Names begin with", "sweep", key="work_names").strip()
    options = [word for recipe in recipes for word in ("--sweep", recipe)]
    return ["fit", "--name", name, *options, *_labels(scheme)] if name and recipes else []


def _suspects(survey: Survey, model: str) -> list[str]:
    left, middle, right = st.columns(3)
    recipe = left.selectbox("Recipe", _recipes(), key="work_recipe")
    scheme = middle.selectbox("Labels", [_OWN, *LABEL_SCHEMES], key="work_scheme")
    name = right.text_input("Stored with the network", model or "cnn", key="work_suspects_of").strip()
    return ["suspects", "--name", name, "--config", recipe, *_labels(scheme)] if name else []


def _committee(survey: Survey, model: str) -> list[str]:
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    networks = _networks(survey)
    members = left.multiselect("Members", networks, [model] if model in networks else [], key="work_members")
    name = middle.text_input("Name", _free(survey, "committee"), key="work_committee").strip()
    scales = _SCALES if right.toggle("Several scales", key="work_scales") else ()
    options = [word for member in members for word in ("--member", member)]
    options += [word for scale in scales for word in ("--scale", scale)]
    return ["committee", "--name", name, *options] if name and members else []


def _analyse(survey: Survey, model: str) -> list[str]:
    left, middle, right = st.columns(3)
    models = survey.models()
    at = models.index(model) if model in models else 0
    network = left.selectbox("Network", models, at, key="work_analyse_of")
    layer = middle.text_input("Layer", "", key="work_layer", placeholder="the last spatial one").strip()
    scheduler = right.text_input("Dask scheduler", "", key="work_scheduler", placeholder="none: this machine").strip()
    options = [*(["--layer", layer] if layer else []), *(["--scheduler", scheduler] if scheduler else [])]
    return ["analyse", "--model", network, *options]


def _compare(survey: Survey, model: str) -> list[str]:
    layers = analysed_layers(survey)
    if len(layers) < 2:
        caption("Two analysed layers are needed: gz2interp analyse with another --model or --layer makes a second.")
        return []
    left, right = st.columns(2)
    pair = [
        column.selectbox(name, layers, at, format_func=" · ".join, key=f"work_compare_{at}")
        for column, name, at in ((left, "First", 0), (right, "Second", 1))
    ]
    words = [word for name, layer in pair for word in ("--model", name, "--layer", layer)]
    return ["compare", *words, "--most", "0"] if pair[0] != pair[1] else []


_OF_A_LAYER = ("clusters", "unusual", "channels", "features", "agreement")
"""Verbs about the displayed layer."""


def _of_model(verb: str) -> Callable[[Survey, str], list[str]]:
    def fields(survey: Survey, model: str) -> list[str]:
        models = survey.models() if verb == "clusters" else _networks(survey)
        if not models:
            caption("There are latents only, and no network.")
            return []
        at = models.index(model) if model in models else 0
        network = st.selectbox("Network", models, at, key=f"work_{verb}_of")
        layer = current().layer if verb in _OF_A_LAYER and network == current().model else ""
        return [verb, "--model", network, *(["--layer", layer] if layer else [])]

    return fields


def _features(survey: Survey, model: str) -> list[str]:
    left, right = st.columns([3, 1])
    with left:
        words = _of_model("features")(survey, model)
    steps = int(right.number_input("Steps of each", 8, 4096, SheetSettings().steps, 8, key="work_steps"))
    return [*words, "--steps", str(steps)] if words else []


def _agreement(survey: Survey, model: str) -> list[str]:
    left, right = st.columns(2)
    with left:
        words = _of_model("agreement")(survey, model)
    networks = _networks(survey)
    others = [side for side in analysed_layers(survey) if side[0] in networks and side[0] not in words[2:3]]
    if not others:
        caption("No other network of the survey has been analysed yet: run gz2interp analyse.")
        return []
    other, layer = right.selectbox("Compared with", others, format_func=" · ".join, key="work_agreement_with")
    return [*words, "--with", other, "--with-layer", layer] if words else []


def _networks(survey: Survey) -> list[str]:
    """Its models that are networks, not latents."""
    return [name for name in survey.models() if survey.model(name).latents is None]


_FIELDS: Mapping[str, Callable[[Survey, str], list[str]]] = {
    "fit": _fit,
    "sweep": _sweep,
    "analyse": _analyse,
    "evaluate": _of_model("evaluate"),
    "uncertainty": _of_model("uncertainty"),
    "committee": _committee,
    "check": _of_model("check"),
    "clusters": _of_model("clusters"),
    "unusual": _of_model("unusual"),
    "channels": _of_model("channels"),
    "features": _features,
    "agreement": _agreement,
    "plant labels": _of_model("plant labels"),
    "compare": _compare,
    "suspects": _suspects,
}
"""For each task, the function that draws its fields and returns its command; [] if something is missing."""


def _recipes() -> list[str]:
    """The trainer's own, the default first; the demo's is for the demo."""
    return ["default", *sorted({path.stem for path in RECIPES.glob("*.toml")} - {"default", "demo"})]


def _labels(scheme: str) -> list[str]:
    return [] if scheme == _OWN else ["--scheme", scheme]


def _free(survey: Survey, stem: str) -> str:
    """A name that no model has."""
    names_in_use = set(survey.models())
    names = (stem, *(f"{stem}-{number}" for number in range(2, len(names_in_use) + 3)))
    return next(name for name in names if name not in names_in_use)


@st.fragment(run_every=1.0)
def _show_state(survey: Survey) -> None:
    """The progress, refreshed once a second; the page is drawn again when the task ends."""
    process = working.read_state(survey.path)
    if process is None or process.state == "finished":
        if process is not None:
            working.forget(survey.path)
            add_message(f"Done: {TASKS[working.task_of(process)].title.lower()}.")
        st.rerun()
    assert process is not None
    with st.container(key="work"):
        if process.state == "running":
            _show_running(survey, process)
        else:
            _show_ended(survey, process)


def _show_running(survey: Survey, process: BuildState) -> None:
    show_missing(TASKS[working.task_of(process)].running, "It continues while this page is closed.")
    for progress in process.stages.values():
        st.progress(
            progress.share, text=f"**{plain(progress.stage)}**  {plain(progress.message) or f'{progress.share:.0%}'}"
        )
    if not process.stages:
        st.progress(0.0, text="Loading TensorFlow and reading the galaxies")
    minutes, seconds = divmod(int(process.seconds), 60)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", key="work_stop", on_click=working.stop, args=(survey.path,))
        caption(f"for {minutes} min {seconds:02d} s now")


def _show_ended(survey: Survey, process: BuildState) -> None:
    stopped = process.state == "stopped"
    title = TASKS[working.task_of(process)].title
    if stopped:
        show_missing(f"Stopped: {title.lower()}", _KEPT)
    else:
        show_missing(f"Failed: {title.lower()}", "The last lines of its output:")
        st.code(process.words or "(no output)", language=None, wrap_lines=True)
    label = "Continue" if stopped else "Try again"
    with st.container(horizontal=True):
        st.button(label, key="work_again", type="primary", on_click=working.restart, args=(survey.path,))
        st.button("Dismiss", key="work_forget", on_click=working.forget, args=(survey.path,))

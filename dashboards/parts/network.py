"""A network's card: its scores, its figures, its mistakes, and what has not been evaluated."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboards.gallery_component import GalleryItem as Picture
from dashboards.gallery_component import show_gallery
from dashboards.loading.pictures import pictures_of
from dashboards.loading.reports import suspects_table, sweeps_of
from dashboards.parts.galleries import label_and_prediction
from dashboards.parts.style import Html, caption, draw, heading, show_table
from dashboards.selection import change, current
from gz2interp.cards import CardLabels, Evaluation, ModelCard
from gz2interp.figures.quality import confusion_panel, failures_panel, history_panel, reliability_panel
from gz2interp.schema import name_in_words
from gz2interp.statistics import Estimate
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["TO_GALAXY", "show_card", "show_mistakes", "show_origin", "show_suspects", "show_sweeps"]

TO_GALAXY = "to_galaxy"
"""Session key, set when a galaxy was clicked here: the page of galaxies opens."""

MOST_SUSPECTS = 200
SIDES = ("train", "validation", "test", "none")


def show_card(card: ModelCard) -> None:
    """Scores first, then what has not been evaluated, and the failures."""
    data = card.data
    _, x = data.shape
    st.html(f'<h2 class="gz2-state">{escape(card.model)}</h2>')
    caption(
        f"{data.survey} · {data.source or 'source not recorded'} · {data.usable:,} galaxies with an "
        f"image · {' '.join(data.bands)} · {x} pixels wide · data {data.digest} · network {card.digest}"
    )
    if card.evaluation:
        _show_scores(card.evaluation)
    _show_unknown(card)
    _show_failures(card)


def show_origin(card: ModelCard) -> None:
    """Its training and its labels."""
    _show_training(card)
    if card.labels:
        _show_labels(card.labels)


def show_mistakes(card: ModelCard, survey: Survey) -> None:
    """The misclassified galaxies, the most confident first."""
    if not card.mistakes:
        return
    heading("Most confident misclassifications", f"Label → prediction; {_side(card.side)}. A click opens the galaxy.")
    pictures = pictures_of(survey, [mistake.row for mistake in card.mistakes])
    cards = [
        Picture(
            mistake.galaxy_id,
            picture,
            label_and_prediction(mistake.label, mistake.prediction),
            f"{mistake.confidence:.1%}",
        )
        for mistake, picture in zip(card.mistakes, pictures, strict=True)
    ]
    key = "gallery-mistakes"
    show_gallery(cards, key, _pick, selected=current().galaxy_id, width=130)


def show_suspects(survey: Survey, model: ModelFolder) -> None:
    """The labels that confident learning doubts, the most suspect first, where they were searched for."""
    table = model.label_errors(survey.digest)
    if table is None:
        command = f"python -m trainer suspects {survey.path} --name {model.name}"
        heading("Suspect labels", "Not searched for yet.")
        caption(Html(f"<code>{escape(command)}</code>"))
        return
    count = int(table["suspect"].sum())
    heading(
        "Suspect labels",
        f"{count:,} of {len(table):,} labels; networks not trained on these galaxies prefer another class",
    )
    top = table.head(MOST_SUSPECTS)[["rank", "galaxy_id", "label", "suggestion", "self_confidence", "suspect"]]
    st.dataframe(top.assign(galaxy_id=top["galaxy_id"].astype("str")), hide_index=True, height=250, width="stretch")
    st.download_button(
        "Suspect labels (ECSV)",
        lambda: suspects_table(survey, model),
        f"{survey.name}-{model.name}-suspects.ecsv",
        "text/plain",
        on_click="ignore",
    )


def show_sweeps(survey: Survey) -> None:
    """The tables of recipes compared on this survey."""
    for name, table in sweeps_of(survey).items():
        heading(f"Recipes compared: {name}", "accuracy on the test side, with its 95 % interval")
        st.dataframe(table, hide_index=True, width="stretch")


def _show_scores(evaluation: Evaluation) -> None:
    figures = {
        "Accuracy": _percent(evaluation.accuracy),
        "Calibration error": _percent(evaluation.calibration_error),
        "Calibration error of an ideal network": _percent(evaluation.ideal_calibration_error),
        "Brier score": _number(evaluation.brier),
    }
    rest = evaluation.rest
    if rest.count and rest.agreement is not None:
        figures["Agreement with the most votes, galaxies without label"] = _percent(rest.agreement)
    numbers = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    st.html(f'<dl class="gz2-figures">{numbers}</dl>')
    caption(f"On {evaluation.selection}. Beside the numbers: 95 % intervals.")
    left, right = st.columns(2, gap="medium")
    with left:
        heading("Reliability diagram", "accuracy in bins of confidence; on the line, confidence is accuracy")
        draw(reliability_panel(evaluation), "reliability")
    with right:
        heading("Confusion matrix", "numbers of galaxies")
        draw(confusion_panel(evaluation), "confusion")
    rows = [
        [
            escape(name_in_words(score.name)),
            f"{score.recall.count:,}",
            _percent(score.recall),
            _percent(score.precision),
        ]
        for score in evaluation.classes
    ]
    show_table("Classes", ["Class", "*Galaxies", "*Recall", "*Precision"], rows)


def _show_unknown(card: ModelCard) -> None:
    if card.unknown:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in card.unknown)
        title = "Not evaluated yet" if card.evaluation is None else "Not known"
        st.html(f'<div class="gz2-empty"><h3>{title}</h3><ul>{items}</ul></div>')


def _show_failures(card: ModelCard) -> None:
    if not card.failures:
        return
    heading("Error rate", f"{_side(card.side)}, in bins of about equally many galaxies")
    for place, column in enumerate(st.columns(len(card.failures), gap="medium")):
        with column:
            draw(failures_panel(card.failures[place]), f"failures-{card.failures[place].column}")


def _show_training(card: ModelCard) -> None:
    training = card.training
    if training is None:
        return
    heat = "" if training.temperature is None else f"logits divided by {training.temperature:.3f} at the end"
    heading("Training", heat)
    left, right = st.columns(2, gap="medium")
    if "loss" in training.history:
        with left:
            draw(history_panel(training.history), "history")
    with right:
        rows = [[escape(name), escape(str(value))] for name, value in training.settings.items() if value != ""]
        with st.container(height=270, border=False, key="settings"):
            show_table("Settings", ["Setting", "Value"], rows)


def _show_labels(labels: CardLabels) -> None:
    heading("Labels", labels.scheme)
    caption(labels.words)
    sides = [side for side in SIDES if any(side in counts for counts in labels.counts.values())]
    rows = [
        [escape(name_in_words(name)), *(f"{counts.get(side, 0):,}" for side in sides)]
        for name, counts in labels.counts.items()
    ]
    if sides:
        show_table("Labels", ["Class", *(f"*{'no side' if side == 'none' else side}" for side in sides)], rows)


def _pick(galaxy_id: str) -> None:
    change(galaxy_id=galaxy_id)
    st.session_state[TO_GALAXY] = True


def _side(side: str) -> str:
    return "labelled galaxies that took no part in a training" if side == "none" else f"galaxies of the {side} side"


def _percent(estimate: Estimate) -> str:
    value, _, interval = str(estimate).partition(" (")
    return f"{value} <small>{interval.rstrip(')')}</small>"


def _number(estimate: Estimate) -> str:
    value, _, interval = estimate.plain.partition(" (")
    return f"{value} <small>{interval.rstrip(')')}</small>"

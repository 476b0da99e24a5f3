"""``gz2interp card``: a model card from stored results, as records and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from gz2interp.cards import CardLabels, Data, Evaluation, Failures, Mistake, ModelCard, Training
from gz2interp.errors import InputError
from gz2interp.figures.card import card_figure, save_card_figure
from gz2interp.figures.rgb import rgb, stretch_of
from gz2interp.figures.shown import CutoutSky
from gz2interp.schema import GALAXY_ID, LABEL, LABEL_SCHEMES, PETRO_RADIUS
from gz2interp.statistics import shares_in_bins
from gz2interp.stores.files import atomic_write, write_json
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.study import predictions_of

__all__ = ["CARD_FILES", "card", "card_text", "write_card"]


NO_SIDE: Final = "none"

SIDES: Final = ("train", "validation", "test", NO_SIDE)

CARD_FILES: Final = ("card.md", "card.json", "card.pdf", "card.png")

MOST_MISTAKES: Final = 12

BY: Final = {"r": "r magnitude [mag]", PETRO_RADIUS: "Petrosian radius [arcsec]"}
"""The columns by which failures are counted, with their titles."""

STRETCH_SAMPLE: Final = 64


def card_text(card: ModelCard) -> str:
    """The card as Markdown; 95 % intervals are in brackets."""
    return "\n".join(_lines(card)).rstrip() + "\n"


def _lines(card: ModelCard) -> Iterator[str]:
    yield from (f"# The network {card.model}", "", f"Digest {card.digest}. In brackets: 95 % intervals.", "")
    yield from ("![Model card](card.png)", "")
    yield from _data_lines(card)
    yield from _label_lines(card)
    if card.evaluation:
        yield from _scores(card.evaluation)
    for failures in card.failures:
        yield from _failure_lines(failures, card.side)
    yield from _mistake_lines(card)
    if card.suspects is not None:
        yield from ("## Label errors", "", f"Confident learning counts {card.suspects} labels as errors.", "")
    if card.training:
        yield from _training_lines(card.training)
    if card.unknown:
        yield from ("## What is not known", "", *(f"- {sentence}" for sentence in card.unknown), "")


def _data_lines(card: ModelCard) -> Iterator[str]:
    data = card.data
    y, x = data.shape
    yield from ("## Data", "")
    yield f"Survey {data.survey}, source {data.source or 'not recorded'}, digest {data.digest}."
    yield f"Bands {' '.join(data.bands)}, cutouts of {y} x {x} pixels."
    yield f"{data.galaxies} galaxies, {data.usable} with an image, {data.labelled} of these with a label."
    yield ""


def _label_lines(card: ModelCard) -> Iterator[str]:
    if card.labels is None:
        return
    yield from ("## Labels", "", f"Scheme {card.labels.scheme}: {card.labels.words}", "")
    counts = card.labels.counts
    sides = [side for side in SIDES if any(side in of_class for of_class in counts.values())]
    if sides:
        rows = [[name, *(str(of_class.get(side, 0)) for side in sides)] for name, of_class in counts.items()]
        yield from _table(["class", *("no side" if side == NO_SIDE else side for side in sides)], rows)


def _scores(evaluation: Evaluation) -> Iterator[str]:
    yield from ("## Scores", "", f"On {evaluation.selection}.", "")
    yield f"- Accuracy {evaluation.accuracy}."
    yield f"- Calibration error (ECE) {evaluation.calibration_error}."
    yield (
        f"- A perfectly calibrated network would show {evaluation.ideal_calibration_error} "
        "on as many galaxies with the same confidences."
    )
    yield f"- Brier score {evaluation.brier.plain}; 0 is perfect, 2 the worst."
    rest = evaluation.rest
    if rest.count:
        yield f"- {rest.count} galaxies without a label are not included in these numbers."
        yield f"- Of these, {rest.confident} have a confidence above 90 %."
    if rest.count and rest.agreement is not None:
        yield f"- The prediction agrees with most volunteers for {rest.agreement} of {rest.agreement.count} with votes."
    yield ""
    rows = [
        [score.name, str(score.recall.count), str(score.recall), str(score.precision)] for score in evaluation.classes
    ]
    yield from _table(["class", "galaxies", "recall", "precision"], rows)


def _failure_lines(failures: Failures, side: str) -> Iterator[str]:
    yield from (f"## Share that is wrong, by {failures.words}", "", _side_in_words(side), "")
    rows = [[f"{part.low:.2f} to {part.high:.2f}", str(part.share.count), str(part.share)] for part in failures.bins]
    yield from _table([failures.words, "galaxies", "wrong"], rows)


def _mistake_lines(card: ModelCard) -> Iterator[str]:
    if not card.mistakes:
        return
    yield from ("## Its most confident mistakes", "", _side_in_words(card.side), "")
    rows = [[galaxy.galaxy_id, galaxy.label, galaxy.prediction, f"{galaxy.confidence:.1%}"] for galaxy in card.mistakes]
    yield from _table(["galaxy", "label", "prediction", "confidence"], rows)


def _training_lines(training: Training) -> Iterator[str]:
    yield from ("## Training", "")
    epochs = len(next(iter(training.history.values()), ()))
    if epochs:
        yield f"{epochs} epochs."
    if training.temperature is not None:
        yield f"Confidences are calibrated by temperature scaling: logits are divided by {training.temperature:.3f}."
    yield ", ".join(f"{name} = {value}" for name, value in training.settings.items() if value != "") + "."
    if training.versions:
        yield "Made with " + ", ".join(f"{name} {version}" for name, version in training.versions.items()) + "."
    yield ""


def _side_in_words(side: str) -> str:
    return "Of the labelled galaxies " + ("without a side." if side == NO_SIDE else f"of the {side} side.")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def card(survey: Survey, model: str | None = None) -> ModelCard:
    """Gather the model card of a network on a survey, by default of the only model.

    Raises
    ------
    InputError
        The model is a table of latents without a network.
    """
    folder = survey.model(model)
    if folder.latents:
        raise InputError(f"{folder.name} is a table of latents without a network", "A model with a network")
    predictions = predictions_of(folder)
    evaluated, side = _evaluated(folder, predictions)
    return ModelCard(
        model=folder.name,
        digest=folder.digest,
        class_names=folder.class_names,
        data=_data(survey, predictions),
        labels=_labels(folder, predictions),
        training=_training(survey, folder),
        evaluation=folder.evaluation,
        side=side,
        failures=_failures(survey, evaluated),
        mistakes=_mistakes(evaluated),
        suspects=_suspects(survey, folder),
        unknown=_unknown(survey, folder, predictions, evaluated),
    )


def write_card(model_card: ModelCard, survey: Survey, folder: Path) -> list[Path]:
    """Write ``card.json``, ``card.md``, ``card.pdf`` and ``card.png``; the same card gives the same files.

    Parameters
    ----------
    survey : Survey
        For the pictures of the mistakes.
    folder : Path
        Created if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "card.json", model_card.to_json())
    with atomic_write(folder / "card.md") as aside:
        aside.write_text(card_text(model_card), encoding="utf-8")
    rows = [mistake.row for mistake in model_card.mistakes]
    usable = np.flatnonzero(survey.usable)
    sample = usable[:: max(len(usable) // STRETCH_SAMPLE, 1)][:STRETCH_SAMPLE]
    stretch = stretch_of(survey.images(sample), survey.bands)
    pictures = rgb(survey.images(rows), survey.bands, stretch) if rows else None
    first = survey.cutout(rows[0]) if rows else None
    sky = CutoutSky(first.pixel_scale, first.position_angle) if first else None
    save_card_figure(card_figure(model_card, pictures, sky), folder)
    return [folder / name for name in CARD_FILES]


def _evaluated(folder: ModelFolder, predictions: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    """Labelled galaxies that were not used in the training, as far as recorded, and their side of the split."""
    if predictions is None:
        return pd.DataFrame(), ""
    labelled = predictions[predictions[LABEL].isin(folder.class_names)]
    evaluation = folder.evaluation
    for side in [evaluation.side] if evaluation else ["test", "validation", NO_SIDE]:
        galaxies = labelled[labelled["split"] == side]
        if len(galaxies):
            return galaxies, side
    return labelled.iloc[:0], ""


def _data(survey: Survey, predictions: pd.DataFrame | None) -> Data:
    catalog = survey.catalog
    labelled = catalog[LABEL].notna()[: len(survey.usable)][survey.usable].sum() if LABEL in catalog else 0
    return Data(
        survey=survey.name,
        source=survey.header.source,
        digest=survey.digest,
        bands=survey.bands,
        shape=survey.shape,
        galaxies=len(survey),
        usable=int(survey.usable.sum()),
        labelled=int(labelled if predictions is None else predictions[LABEL].notna().sum()),
    )


def _labels(folder: ModelFolder, predictions: pd.DataFrame | None) -> CardLabels | None:
    scheme = folder.run.get("label_scheme")
    if scheme is None:
        return None
    labelled = pd.DataFrame(columns=[LABEL, "split"]) if predictions is None else predictions.dropna(subset=[LABEL])
    counts: dict[str, dict[str, int]] = {name: {} for name in folder.class_names}
    for name, side in zip(labelled[LABEL], labelled["split"], strict=True):
        of_class = counts.setdefault(str(name), {})
        of_class[str(side)] = of_class.get(str(side), 0) + 1
    return CardLabels(str(scheme), LABEL_SCHEMES.get(str(scheme), "a scheme that this version does not know"), counts)


def _training(survey: Survey, folder: ModelFolder) -> Training | None:
    run = folder.run
    if "config" not in run:
        return None
    history = {str(column): tuple(map(float, values)) for column, values in folder.history.items()}
    return Training(
        settings=dict(run["config"]),
        temperature=run.get("temperature"),
        versions=dict(run.get("versions", {})),
        on_these_data=run.get("data_digest") == survey.digest,
        history=history,
    )


def _failures(survey: Survey, evaluated: pd.DataFrame) -> tuple[Failures, ...]:
    if evaluated.empty:
        return ()
    wrong = (evaluated[LABEL] != evaluated["prediction"]).to_numpy(np.bool_)
    rows = evaluated["row"].to_numpy()
    failures = (
        Failures(column, words, shares_in_bins(survey.catalog[column].to_numpy(np.float64)[rows], wrong))
        for column, words in BY.items()
        if column in survey.catalog
    )
    return tuple(item for item in failures if item.bins)


def _mistakes(evaluated: pd.DataFrame) -> tuple[Mistake, ...]:
    if evaluated.empty:
        return ()
    wrong = evaluated[evaluated[LABEL] != evaluated["prediction"]]
    first = wrong.sort_values("confidence", ascending=False, kind="stable").head(MOST_MISTAKES)
    columns = (first[name].tolist() for name in (GALAXY_ID, "row", LABEL, "prediction", "confidence"))
    return tuple(Mistake(str(galaxy_id), *values) for galaxy_id, *values in zip(*columns, strict=True))


def _suspects(survey: Survey, folder: ModelFolder) -> int | None:
    table = folder.label_errors(survey.digest)
    return None if table is None else int(table["suspect"].sum())


def _unknown(
    survey: Survey, folder: ModelFolder, predictions: pd.DataFrame | None, evaluated: pd.DataFrame
) -> tuple[str, ...]:
    """Missing information, each with the command that provides it."""
    words = _unrecorded(survey, folder)
    if predictions is None:
        words.append(f"Predictions for these galaxies: run gz2interp analyse {survey.path} --model {folder.name}.")
    elif evaluated.empty:
        words.append("Its accuracy: no galaxy outside its training set has a label of its classes.")
    elif folder.evaluation is None:
        side = str(evaluated["split"].iloc[0])
        command = f"python -m trainer evaluate {survey.path} --model {folder.name}"
        words.append(f"Its scores: run {command}{'' if side == 'test' else f' --side {side}'}.")
    if not evaluated.empty and (evaluated["split"] == NO_SIDE).all():
        words.append("Whether it was trained on these galaxies: if so, its scores are too optimistic.")
    absent = [word for column, word in BY.items() if column not in survey.catalog]
    words += [f"Failures by {word}: the catalogue has no such column." for word in absent]
    return tuple(words)


def _unrecorded(survey: Survey, folder: ModelFolder) -> list[str]:
    run: dict[str, Any] = folder.run
    words = []
    if not run.get("class_names"):
        words.append("The names of its classes.")
    if "config" not in run:
        words.append("How it was trained and on which galaxies: it was imported without a record of its training.")
    elif run.get("data_digest") != survey.digest:
        words.append("The survey as it was at the training: catalogue or pixels have changed since.")
    if "config" in run and run.get("temperature") is None:
        words.append("Whether its confidences were calibrated: the training did not record it.")
    if run.get("label_scheme") is None:
        words.append("The thresholds of its label scheme.")
    return words

"""``gz2interp card``: a model card gathered from stored results, as records and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from gz2interp.cards import CardLabels, Data, Evaluation, Failures, Mistake, ModelCard, Training
from gz2interp.errors import InputError, SurveyError
from gz2interp.figures.card import card_figure, save_card_figure
from gz2interp.figures.rgb import rgb, stretch_of
from gz2interp.figures.shown import CutoutSky
from gz2interp.schema import GALAXY_ID, LABEL, LABEL_SCHEMES, PETRO_RADIUS
from gz2interp.statistics import shares_in_bins
from gz2interp.stores.files import replaced, write_json
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["CARD_FILES", "card", "card_text", "write_card"]


SIDES = ("train", "validation", "test", "none")


def card_text(card: ModelCard) -> str:
    """The card in sentences and tables; in brackets are 95 % intervals."""
    return "\n".join(_lines(card)).rstrip() + "\n"


def _lines(card: ModelCard) -> Iterator[str]:
    yield from (f"# The network {card.model}", "", f"Digest {card.digest}. In brackets: 95 % intervals.", "")
    yield from ("![What is known of it](card.png)", "")
    yield from _data_lines(card)
    yield from _label_lines(card)
    if card.evaluation:
        yield from _scores(card.evaluation)
    for failures in card.failures:
        yield from _failure_lines(failures, card.side)
    yield from _mistake_lines(card)
    if card.suspects is not None:
        yield from ("## Suspect labels", "", f"Confident learning counts {card.suspects} labels as errors.", "")
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
        yield from _table(["class", *("no side" if side == "none" else side for side in sides)], rows)


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
        yield f"- {rest.count} galaxies have no label and no part in these numbers."
        yield f"- Of these it is more than 90 % sure of {rest.confident}."
    if rest.count and rest.agreement is not None:
        yield f"- It says what most volunteers said for {rest.agreement} of the {rest.agreement.count} with votes."
    yield ""
    rows = [[each.name, str(each.recall.count), str(each.recall), str(each.precision)] for each in evaluation.classes]
    yield from _table(["class", "galaxies", "recall", "precision"], rows)


def _failure_lines(failures: Failures, side: str) -> Iterator[str]:
    yield from (f"## Share that is wrong, by {failures.words}", "", _said_of(side), "")
    rows = [[f"{part.low:.2f} to {part.high:.2f}", str(part.share.count), str(part.share)] for part in failures.bins]
    yield from _table([failures.words, "galaxies", "wrong"], rows)


def _mistake_lines(card: ModelCard) -> Iterator[str]:
    if not card.mistakes:
        return
    yield from ("## Its most confident mistakes", "", _said_of(card.side), "")
    rows = [[each.galaxy_id, each.label, each.prediction, f"{each.confidence:.1%}"] for each in card.mistakes]
    yield from _table(["galaxy", "label", "prediction", "confidence"], rows)


def _training_lines(training: Training) -> Iterator[str]:
    yield from ("## Training", "")
    epochs = len(next(iter(training.history.values()), ()))
    if epochs:
        yield f"{epochs} epochs."
    if training.temperature is not None:
        yield f"Its logits were divided by {training.temperature:.3f} at the end, so that it is as sure as it is right."
    yield ", ".join(f"{name} = {value}" for name, value in training.settings.items() if value != "") + "."
    if training.versions:
        yield "Made with " + ", ".join(f"{name} {version}" for name, version in training.versions.items()) + "."
    yield ""


def _said_of(side: str) -> str:
    return "Of the labelled galaxies " + ("without a side." if side == "none" else f"of the {side} side.")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


CARD_FILES: Final = ("card.md", "card.json", "card.pdf", "card.png")

MOST_MISTAKES: Final = 12
BY: Final = {"r": "r magnitude [mag]", PETRO_RADIUS: "Petrosian radius [arcsec]"}
"""The columns by which failures are counted, and what they are."""
NO_SIDE: Final = "none"
STRETCH_SAMPLE: Final = 64


def card(survey: Survey, model: str | None = None) -> ModelCard:
    """What is known of a network on a survey, and what is not.

    Parameters
    ----------
    survey : Survey
    model : str, optional
        Its name; the only one if not given.

    Returns
    -------
    ModelCard

    Raises
    ------
    InputError
        There is no network, but latents in its place.
    """
    folder = survey.model(model)
    if folder.latents:
        raise InputError(f"{folder.name} are latents: there is no network to be known", "A model with a network")
    predictions = _predictions(folder)
    asked, side = _asked(folder, predictions)
    return ModelCard(
        model=folder.name,
        digest=folder.digest,
        class_names=folder.class_names,
        data=_data(survey, predictions),
        labels=_labels(folder, predictions),
        training=_training(survey, folder),
        evaluation=folder.evaluation,
        side=side,
        failures=_failures(survey, asked),
        mistakes=_mistakes(asked),
        suspects=_suspects(survey, folder),
        unknown=_unknown(survey, folder, predictions, asked),
    )


def write_card(known: ModelCard, survey: Survey, folder: Path) -> list[Path]:
    """Write ``card.json``, ``card.md``, ``card.pdf`` and ``card.png``; the same card gives the same files.

    Parameters
    ----------
    known : ModelCard
    survey : Survey
        For the pictures of the mistakes.
    folder : Path
        Made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "card.json", known.to_json())
    with replaced(folder / "card.md") as aside:
        aside.write_text(card_text(known), encoding="utf-8")
    rows = [mistake.row for mistake in known.mistakes]
    usable = np.flatnonzero(survey.usable)
    sample = usable[:: max(len(usable) // STRETCH_SAMPLE, 1)][:STRETCH_SAMPLE]
    stretch = stretch_of(survey.images(sample), survey.bands)
    pictures = rgb(survey.images(rows), survey.bands, stretch) if rows else None
    first = survey.cutout(rows[0]) if rows else None
    sky = CutoutSky(first.pixel_scale, first.position_angle) if first else None
    save_card_figure(card_figure(known, pictures, sky), folder)
    return [folder / name for name in CARD_FILES]


def _predictions(folder: ModelFolder) -> pd.DataFrame | None:
    try:
        return folder.predictions
    except SurveyError:
        return None


def _asked(folder: ModelFolder, predictions: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    """Labelled galaxies that the network has not learnt from, as far as that is known, and the side they stand on."""
    if predictions is None:
        return pd.DataFrame(), ""
    known = predictions[predictions[LABEL].isin(folder.class_names)]
    evaluation = folder.evaluation
    for side in [evaluation.side] if evaluation else ["test", "validation", NO_SIDE]:
        asked = known[known["split"] == side]
        if len(asked):
            return asked, side
    return known.iloc[:0], ""


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
    known = pd.DataFrame(columns=[LABEL, "split"]) if predictions is None else predictions.dropna(subset=[LABEL])
    counts: dict[str, dict[str, int]] = {name: {} for name in folder.class_names}
    for name, side in zip(known[LABEL], known["split"], strict=True):
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


def _failures(survey: Survey, asked: pd.DataFrame) -> tuple[Failures, ...]:
    columns = [column for column in BY if column in survey.catalog]
    if asked.empty:
        return ()
    wrong = (asked[LABEL] != asked["prediction"]).to_numpy(np.bool_)
    rows = asked["row"].to_numpy()
    found = (
        Failures(column, BY[column], shares_in_bins(survey.catalog[column].to_numpy(np.float64)[rows], wrong))
        for column in columns
    )
    return tuple(each for each in found if each.bins)


def _mistakes(asked: pd.DataFrame) -> tuple[Mistake, ...]:
    if asked.empty:
        return ()
    wrong = asked[asked[LABEL] != asked["prediction"]]
    first = wrong.sort_values("confidence", ascending=False, kind="stable").head(MOST_MISTAKES)
    columns = (first[name].tolist() for name in (GALAXY_ID, "row", LABEL, "prediction", "confidence"))
    return tuple(Mistake(str(galaxy_id), *told) for galaxy_id, *told in zip(*columns, strict=True))


def _suspects(survey: Survey, folder: ModelFolder) -> int | None:
    table = folder.label_errors(survey.digest)
    return None if table is None else int(table["suspect"].sum())


def _unknown(
    survey: Survey, folder: ModelFolder, predictions: pd.DataFrame | None, asked: pd.DataFrame
) -> tuple[str, ...]:
    """What the card cannot say, each with the command that would."""
    words = [*_untold(survey, folder)]
    if predictions is None:
        words.append(f"What it says of these galaxies: run gz2interp analyse {survey.path} --model {folder.name}.")
    elif asked.empty:
        words.append("How often it is right: no galaxy that it has not learnt from has a label of its classes.")
    elif folder.evaluation is None:
        side = str(asked["split"].iloc[0])
        command = f"python -m trainer evaluate {survey.path} --model {folder.name}"
        words.append(f"How good it is: run {command}{'' if side == 'test' else f' --side {side}'}.")
    if not asked.empty and (asked["split"] == NO_SIDE).all():
        words.append("Whether it learnt from these galaxies: its training was elsewhere, so its scores may flatter it.")
    absent = [word for column, word in BY.items() if column not in survey.catalog]
    words += [f"Failures by {word}: the catalogue has no such column." for word in absent]
    return tuple(words)


def _untold(survey: Survey, folder: ModelFolder) -> list[str]:
    run: dict[str, Any] = folder.run
    words = []
    if not run.get("class_names"):
        words.append("What its classes are called: nobody said.")
    if "config" not in run:
        words.append("How it was trained and on which galaxies: it came from elsewhere, without a record of ours.")
    elif run.get("data_digest") != survey.digest:
        words.append("The survey as it was at the training: catalogue or pixels have changed since.")
    if "config" in run and run.get("temperature") is None:
        words.append("Whether its confidences were calibrated: the training did not record it.")
    if run.get("label_scheme") is None:
        words.append("By which thresholds its labels were made.")
    return words

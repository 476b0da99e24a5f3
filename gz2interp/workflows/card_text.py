"""A network's card as text: Markdown that reads well without being rendered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gz2interp.cards import Card, Evaluation, Failures, Training

__all__ = ["card_text"]

SIDES = ("train", "validation", "test", "none")


def card_text(card: Card) -> str:
    """The card in sentences and tables; in brackets are 95 % intervals."""
    return "\n".join(_lines(card)).rstrip() + "\n"


def _lines(card: Card) -> Iterator[str]:
    yield from (f"# The network {card.model}", "", f"Digest {card.digest}. In brackets: 95 % intervals.", "")
    yield from ("![What is known of it](card.png)", "")
    yield from _data(card)
    yield from _labels(card)
    if card.evaluation:
        yield from _scores(card.evaluation)
    for failures in card.failures:
        yield from _failures(failures, card.side)
    yield from _mistakes(card)
    if card.suspects is not None:
        yield from ("## Suspect labels", "", f"Confident learning counts {card.suspects} labels as errors.", "")
    if card.training:
        yield from _training(card.training)
    if card.unknown:
        yield from ("## What is not known", "", *(f"- {sentence}" for sentence in card.unknown), "")


def _data(card: Card) -> Iterator[str]:
    data = card.data
    y, x = data.shape
    yield from ("## Data", "")
    yield f"Survey {data.survey}, source {data.source or 'not recorded'}, digest {data.digest}."
    yield f"Bands {' '.join(data.bands)}, cutouts of {y} x {x} pixels."
    yield f"{data.galaxies} galaxies, {data.usable} with an image, {data.labelled} of these with a label."
    yield ""


def _labels(card: Card) -> Iterator[str]:
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


def _failures(failures: Failures, side: str) -> Iterator[str]:
    yield from (f"## Share that is wrong, by {failures.words}", "", _said_of(side), "")
    rows = [[f"{part.low:.2f} to {part.high:.2f}", str(part.share.count), str(part.share)] for part in failures.bins]
    yield from _table([failures.words, "galaxies", "wrong"], rows)


def _mistakes(card: Card) -> Iterator[str]:
    if not card.mistakes:
        return
    yield from ("## Its most confident mistakes", "", _said_of(card.side), "")
    rows = [[each.galaxy_id, each.label, each.prediction, f"{each.confidence:.1%}"] for each in card.mistakes]
    yield from _table(["galaxy", "label", "prediction", "confidence"], rows)


def _training(training: Training) -> Iterator[str]:
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

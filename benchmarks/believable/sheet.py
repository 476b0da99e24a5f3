"""Real and painted galaxies side by side on one page, to be looked at; it holds real pixels, so it stays here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gz2interp.figures.rgb import Stretch, rgb
from gz2interp.schema import BANDS

from .matching import Match

__all__ = ["write_page"]

Bytes = NDArray[np.uint8]

ZOOM, ACROSS, GAP = 2, 5, 4
STRETCH = Stretch(scale=0.25)


def write_page(folder: Path, matched: Sequence[Match], seed: int) -> Path:
    """Write ``believable.html`` and two PNG sheets: pairs, and a shuffled quiz whose answers are at the page's end."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [match for match in matched if match.painted]
    rows = [_row([match.real.image, *(seen.image for seen, _ in match.painted[:ACROSS])]) for match in pairs]
    quiz, answers = _quiz(pairs, np.random.default_rng(seed))
    sheets = {"pairs": _stacked(rows), "quiz": quiz}
    for name, sheet in sheets.items():
        Image.fromarray(sheet).save(folder / f"{name}.png")
    page = folder / "believable.html"
    page.write_text(_html(sheets, answers), encoding="utf-8")
    return page


def _row(images: Sequence[NDArray[np.float32]]) -> Bytes:
    tiles = [_picture(image) for image in images]
    blank = np.full_like(tiles[0], 40)
    tiles += [blank] * (ACROSS + 1 - len(tiles))
    return np.concatenate([np.pad(tile, ((GAP, 0), (GAP, 0), (0, 0)), constant_values=255) for tile in tiles], axis=1)


def _picture(image: NDArray[np.float32]) -> Bytes:
    colours = rgb(image[None], BANDS, STRETCH)[0]
    return np.asarray(colours.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1))


def _stacked(rows: Sequence[Bytes]) -> Bytes:
    return np.concatenate(list(rows), axis=0)


def _quiz(pairs: Sequence[Match], rng: np.random.Generator) -> tuple[Bytes, str]:
    """Each real galaxy and one painted one, in any order; the answers say which are real."""
    images = [(match.real.image, True) for match in pairs] + [(match.painted[0][0].image, False) for match in pairs]
    order = rng.permutation(len(images))
    width = ACROSS + 1
    rows = [_row([images[place][0] for place in order[start : start + width]]) for start in range(0, len(order), width)]
    real = [str(number + 1) for number, place in enumerate(order) if images[place][1]]
    return _stacked(rows), ", ".join(real)


def _html(sheets: dict[str, Bytes], answers: str) -> str:
    shown = {name: f'<img src="data:image/png;base64,{_encoded(sheet)}">' for name, sheet in sheets.items()}
    return (
        "<!doctype html><meta charset='utf-8'><title>Real and painted galaxies</title>"
        "<body style='font-family: sans-serif; background: #fff'>"
        f"<h1>Real (left), painted ones as bright and as large (right)</h1>{shown['pairs']}"
        f"<h1>Which are real?</h1><p>Numbered by rows of {ACROSS + 1}, from the top left.</p>{shown['quiz']}"
        f"<details><summary>Answers</summary><p>Real: {answers}</p></details></body>"
    )


def _encoded(sheet: Bytes) -> str:
    buffer = BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")

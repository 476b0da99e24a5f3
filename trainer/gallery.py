"""A gallery page of painted galaxies: kinds, components and alterations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gz2interp.errors import InputError
from gz2interp.figures.rgb import Stretch, rgb
from gz2interp.painting import COMPONENTS, KINDS, Alteration, Recipe, draw_recipe, paint, render, repaint
from gz2interp.schema import BANDS
from gz2interp.stores.files import atomic_write

__all__ = ["write_gallery"]

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]

COLUMNS = 10
"""Galaxies of a kind."""

ZOOM, GAP, QUALITY = 2, 4, 90

STRETCH = Stretch()
"""The same for all pictures."""
SEARCHED = 400
"""Galaxies searched for one with a prominent component."""

ALTERATIONS: dict[str, Alteration] = {
    "as it is": Alteration(),
    "without its arms": Alteration(without=("arms", "clumps")),
    "turned by 60 degrees": Alteration(turned=60.0),
    "dimmed by 1.5 mag": Alteration(dimmed=1.5),
    "twice as far away": Alteration(redshift=0.1),
    "in seeing twice as bad": Alteration(blurred=2.0),
    "0.5 mag redder in g-r": Alteration(recoloured=(0.7, 0.5, 0.2, 0.15)),
    "its arms alone 1 mag brighter": Alteration(dimmed=-1.0, only=("arms",)),
}


def write_gallery(folder: str | Path, seed: int = 0, progress: Progress | None = None) -> Path:
    """Paint a gallery and write it as a Markdown page with an image per row.

    Parameters
    ----------
    folder : path
        A new folder, or an older gallery, which is overwritten.
    seed : int
        Seed of all galaxies.
    progress : callable, optional
        Called with the number of rows painted, and of all rows.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        The folder is a file, or the seed is below 0.
    """
    into = Path(folder).expanduser()
    if seed < 0 or (into.exists() and not into.is_dir()):
        raise InputError(f"A gallery in {into} with seed {seed} was requested", "A folder, and a seed of 0 or more")
    into.mkdir(parents=True, exist_ok=True)
    rows = [*_kinds(into, seed), *_components(into, seed), *_alterations(into, seed)]
    command = f"python -m trainer gallery FOLDER --seed {seed}"
    text = [f"# Painted galaxies\n\nEvery picture follows from its seed: `{command}` paints this page.\n"]
    for done, paint_row in enumerate(rows, start=1):
        text.append(paint_row())
        if progress:
            progress(done, len(rows))
    page = into / "README.md"
    with atomic_write(page) as aside:
        aside.write_text("\n".join(text), encoding="utf-8")
    return page


Row = Callable[[], str]


def _kinds(into: Path, seed: int) -> Iterator[Row]:
    yield lambda: "\n## Kinds\n"
    for number, (kind, drawing) in enumerate(KINDS.items()):

        def row(number: int = number, kind: str = kind, summary: str = _first_line(drawing)) -> str:
            recipes = [draw_recipe(np.random.default_rng([seed, number, place]), kind) for place in range(COLUMNS)]
            _write(into / f"kind_{kind}.jpg", [_picture(paint(recipe).cutout.image) for recipe in recipes])
            return f"### {kind}\n\n{summary}\n\n![{kind}](kind_{kind}.jpg)\n"

        yield row


def _components(into: Path, seed: int) -> Iterator[Row]:
    yield lambda: "\n## Components\n\nThe galaxy, the same galaxy without the component, and the component's light.\n"
    for name, component in COMPONENTS.items():

        def row(name: str = name, summary: str = _first_line(component.function)) -> str:
            recipes = list(_showing(name, seed))
            pictures = [picture for recipe in recipes for picture in _with_and_without(recipe, name)]
            if not pictures:
                return f"### {name}\n\n{summary} No galaxy of these kinds has it.\n"
            _write(into / f"component_{name}.jpg", pictures)
            return f"### {name}\n\n{summary}\n\n![{name}](component_{name}.jpg)\n"

        yield row


def _alterations(into: Path, seed: int) -> Iterator[Row]:
    def row() -> str:
        recipe = next(recipe for recipe in _showing("arms", seed, most=SEARCHED) if recipe.kind == "spiral")
        at_home = replace(recipe, redshift=0.05)
        images = [repaint(at_home, alteration).cutout.image for alteration in ALTERATIONS.values()]
        _write(into / "altered.jpg", [_picture(image) for image in images])
        words = "; ".join(ALTERATIONS)
        return f"\n## The same galaxy, the same noise\n\nFrom left to right: {words}.\n\n![altered](altered.jpg)\n"

    yield row


def _showing(name: str, seed: int, most: int = 3) -> Iterator[Recipe]:
    """Galaxies in which a component is most prominent, among those searched."""
    kinds = list(KINDS)
    streams = [np.random.default_rng([seed, 99, place]) for place in range(SEARCHED)]
    drawn = (draw_recipe(rng, kinds[place % len(kinds)]) for place, rng in enumerate(streams))
    candidates = [recipe for recipe in drawn if recipe.part(name)]
    yield from sorted(candidates, key=lambda recipe: -_prominence(recipe, name))[:most]


def _prominence(recipe: Recipe, name: str) -> float:
    flux, band = recipe.flux, BANDS.index("r")
    return float(abs(flux[recipe.components.index(name), band]) / np.abs(flux[:, band]).sum() * recipe.petro_radius)


def _with_and_without(recipe: Recipe, name: str) -> list[NDArray[np.uint8]]:
    light = np.moveaxis(np.abs(render(recipe).light[name]), 0, -1)
    without = repaint(recipe, Alteration(without=(name,))).cutout.image
    return [_picture(paint(recipe).cutout.image), _picture(without), _picture(light)]


def _picture(image: Floats) -> NDArray[np.uint8]:
    return rgb(image, stretch=STRETCH)[::-1]


def _write(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Write images in a row on white."""
    y, x, _ = pictures[0].shape
    step = ZOOM * x + GAP
    row = Image.new("RGB", (step * len(pictures) - GAP, ZOOM * y), "white")
    for place, picture in enumerate(pictures):
        zoomed = Image.fromarray(np.ascontiguousarray(picture)).resize((ZOOM * x, ZOOM * y), Image.Resampling.LANCZOS)
        row.paste(zoomed, (place * step, 0))
    with atomic_write(path) as aside:
        row.save(aside, quality=QUALITY)


def _first_line(described: Callable[..., object]) -> str:
    return (inspect.getdoc(described) or "").split("\n\n")[0].replace("\n", " ")

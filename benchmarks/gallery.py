"""A page of one galaxy through everything: each layout of ``gz2interp figure``, with the command that draws it.

    python benchmarks/gallery.py demo docs/gallery

Works on any survey with a network that has been run over it, painted or real; what a survey cannot have (repaints of
observed galaxies, neighbours before ``gz2interp analyse``, mistakes without labels) is left out, and the page says why.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

DPI, QUALITY = 165, 86


@dataclass(frozen=True)
class Plate:
    """One figure of the page.

    Attributes
    ----------
    name : str
        Of its file.
    title : str
    options : str
        Of ``gz2interp figure``, behind the galaxies.
    galaxies : int
        How many: 1 for the page's own, 0 for those the layout chooses.
    """

    name: str
    title: str
    options: str
    galaxies: int = 1


PLATES = (
    Plate("methods", "One galaxy through every method", "--layout methods"),
    Plate("galaxies", "Many galaxies through one method", "--method integrated_gradients", 4),
    Plate("overlay", "Laid over the colour image, in one column", "--style overlay --columns 1", 3),
    Plate("contours", "As contours on the r band, with coordinates", "--style contours --on r --axes wcs", 2),
    Plate("band_rows", "A row per band", "--method expected_gradients --rows-per-band --journal aa --columns 1"),
    Plate("bands", "What each band carries", "--layout bands", 2),
    Plate("neighbours", "The nearest in the network's own space", "--layout neighbours"),
    Plate("repaint", "Painted again, without its arms", "--layout repaint --without arms"),
    Plate("right_wrong", "Correct beside wrong", "--layout right-wrong --journal apj --most 3", 0),
)

REAL = """## A real galaxy

Real pixels are no part of this project. With a folder of your own five-band cutouts, and the same network:

```bash
python -m trainer ingest real --source folder --from IMAGES/
gz2interp survey import real --model "$GZ2INTERP_SURVEYS/{survey}/models/{model}"
gz2interp analyse real
python benchmarks/gallery.py real FOLDER
```
"""


def main() -> None:
    """Draw all plates and write the page."""
    options = arguments()
    from gz2interp.errors import Gz2interpError
    from gz2interp.workflows.study import open_study

    study = open_study(options.survey, options.model)
    ids = chosen(study, options.galaxy)
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    parts = [head(study, ids[0], options)]
    for plate in PLATES:
        print(plate.name, flush=True)
        try:
            parts.append(section(study, ids[: plate.galaxies], plate, options))
        except Gz2interpError as error:
            parts.append(f"## {plate.title}\n\nNot of this survey: {error}\n")
    if study.survey.header.source.startswith("painted"):
        parts.append(REAL.format(survey=options.survey, model=study.model.name))
    page = folder / f"{options.name}.md"
    page.write_text("\n".join(parts), encoding="utf-8")
    print(page)


def arguments() -> argparse.Namespace:
    """What the user chose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("survey", help="a survey's folder, or its name")
    parser.add_argument("folder", type=Path, help="where the page and its pictures go")
    parser.add_argument("--galaxy", help="by default the one that the network is surest about, of its last class")
    parser.add_argument("--model", help="may be left out if there is one")
    parser.add_argument("--name", default="attribution", help="of the page, and the first part of its pictures' names")
    return parser.parse_args()


def chosen(study: Any, galaxy: str | None) -> list[int]:
    """The page's galaxy, then the surest of other classes, to stand beside it."""
    from gz2interp.workflows.predict import predict

    said = predict(study).sort_values("confidence", ascending=False)
    first = said[said["prediction"] == study.probe.class_names[-1]] if galaxy is None else said
    own = int(galaxy) if galaxy else int((first if len(first) else said)["galaxy_id"].iloc[0])
    surest = said.drop_duplicates("prediction")["galaxy_id"]
    others = [int(each) for each in (*surest, *said["galaxy_id"]) if int(each) != own]
    return [own, *dict.fromkeys(others)]


def head(study: Any, galaxy_id: int, options: argparse.Namespace) -> str:
    """The page's first lines."""
    from gz2interp.workflows.figure_parts import images_in_words

    command = f"python benchmarks/gallery.py {options.survey} FOLDER --galaxy {galaxy_id}"
    return (
        f"# A galaxy through everything\n\nGalaxy {galaxy_id} of {study.survey.name}. "
        f"{images_in_words(study.survey)} Every figure stands with its command, and all of them are drawn by "
        f"`{command}`. For journals they are PDF or SVG; here they are small pictures.\n"
    )


def section(study: Any, ids: list[int], plate: Plate, options: argparse.Namespace) -> str:
    """One plate: drawn, and told."""
    drawing = drawn(study, ids, plate.options.split())
    picture = f"{options.name}_{plate.name}.jpg"
    keep(drawing, options.folder / picture)
    command = " ".join(["gz2interp figure", options.survey, *map(str, ids), plate.options, f"--out {plate.name}.pdf"])
    return (
        f"## {plate.title}\n\n```bash\n{command}\n```\n\n![{plate.title}]({picture})\n\n"
        f"<details><summary>Its caption</summary>\n\n{drawing.caption}\n\n</details>\n"
    )


def drawn(study: Any, ids: list[int], words: list[str]) -> Any:
    """What ``gz2interp figure`` with these words draws."""
    from gz2interp.figures.style import FigureSize, FigureStyle
    from gz2interp.painting import Alteration
    from gz2interp.workflows.explain import AttributionSettings
    from gz2interp.workflows.figure_parts import FigureSettings
    from gz2interp.workflows.figures import draw_figure

    given = {words[k].removeprefix("--"): words[k + 1] for k in range(len(words) - 1) if words[k].startswith("--")}
    page = FigureSize(given.get("journal", "mnras"), int(given.get("columns", "2")))
    manner = FigureStyle(page, given.get("style", "map"), given.get("on", "rgb"), given.get("axes", "scale"))
    alteration = Alteration(without=(given["without"],)) if "without" in given else Alteration()
    most = int(given["most"]) if "most" in given else None
    wish = FigureSettings(
        given.get("layout", "galaxies"), AttributionSettings(given.get("method", "grad_cam")), manner, alteration, most
    )
    return draw_figure(study, ids, replace(wish, by_band="--rows-per-band" in words))


def keep(drawing: Any, path: Path) -> None:
    """As a small JPEG."""
    from gz2interp.figures.style import save_figure

    with TemporaryDirectory() as folder:
        file = Path(folder) / "figure.png"
        save_figure(drawing.figure, file, drawing.caption, DPI)
        Image.open(file).convert("RGB").save(path, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()

"""How well painted galaxies pass for real ones: noise, seeing, colours, sizes, profiles, and two judges.

    python -m benchmarks.believable --seed 0 --galaxies 400 --real ../shared/data --page /tmp/believable

``--real`` holds whole SDSS frames (``sdss_frames``), real cutouts with a label by eye (``sdss_cutouts``) and Galaxy Zoo
2's Stripe 82 (``gz2_stripe82.csv.gz``). Each line holds a number of the real pixels or tables, the same number of the
painted ones taken in the same way, and a verdict. The judges are random forests that learn to tell real from painted on
part of the sky and are tried on the rest: an area under the curve (AUC) of 0.5 is a coin, 1 is certainty. The page
shows real and painted galaxies side by side. It holds real pixels: keep it to yourself.

Real pixels are taken as the telescope gave them, each band to its nearest pixel: the bands of a real cutout lie up to
half a pixel beside one another. One field holds most of the real sky, so the empty sky is painted as in its night, the
painter's median; three fields hold the cutouts, and real galaxies are few: the intervals say how few.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.believable.colours import compare_catalogues, compare_images, compare_sizes
from benchmarks.believable.galaxies import compare_profiles, judge_galaxies
from benchmarks.believable.matching import Match, matches, real_galaxies
from benchmarks.believable.painted import empty_skies, seen
from benchmarks.believable.patches import judge_skies
from benchmarks.believable.photometry import Subject, subject_of
from benchmarks.believable.real import Field, Seen, cutouts_by_eye, open_field, table_of_galaxies
from benchmarks.believable.report import Line, header
from benchmarks.believable.sheet import write_page
from benchmarks.believable.sky import compare_fields, compare_skies
from benchmarks.believable.stars import compare_stars
from gz2interp.painting import Noise, Recipe, draw_recipes

CATALOGUED, IMAGED, EACH = 4000, 200, 5
"""Recipes for the catalogue (they are cheap), galaxies whose images are measured, painted ones for each real one."""


class Comparison:
    """What several checks share, made when it is first asked for."""

    def __init__(self, real: Path, seed: int, galaxies: int) -> None:
        self.real, self.seed, self.galaxies = real, seed, galaxies

    @cached_property
    def recipes(self) -> list[Recipe]:
        """Those that are painted."""
        return draw_recipes(self.galaxies, self.seed)

    @cached_property
    def field(self) -> Field:
        """The real frames."""
        return open_field(self.real)

    @cached_property
    def skies(self) -> tuple[list[Seen], list[Seen]]:
        """Real and painted cutouts of no galaxy in particular, the painted ones of the night of the real ones."""
        return list(self.field.tiles()), empty_skies(self.recipes, Noise())

    @cached_property
    def matched(self) -> list[Match]:
        """Real galaxies and painted ones like them."""
        return matches(real_galaxies(self.real, self.field), self.recipes, EACH)

    def sky(self) -> list[Line]:
        """Noise and background."""
        fields = [tile for tile, _, _ in cutouts_by_eye(self.real, "galaxy")]
        return compare_skies(*self.skies) + compare_fields(fields, empty_skies(self.recipes))

    def stars(self) -> list[Line]:
        """The PSF."""
        return compare_stars(self.field, self.seed)

    def colours(self) -> list[Line]:
        """Colours and sizes in the catalogue and in the images."""
        table, many = table_of_galaxies(self.real), draw_recipes(CATALOGUED, self.seed)
        imaged = self.recipes[:IMAGED]
        subjects: Sequence[Subject] = [subject_of(seen(recipe, "").image) for recipe in imaged]
        return compare_catalogues(table, many) + compare_sizes(table, many) + compare_images(imaged, subjects)

    def profiles(self) -> list[Line]:
        """Of matched galaxies."""
        return compare_profiles(self.matched)

    def judged_sky(self) -> list[Line]:
        """Far from galaxies, and around them."""
        around = [tile.real for tile in self.matched]
        painted = [one for match in self.matched for one, _ in match.painted]
        far = judge_skies(*self.skies, self.seed, "empty sky")
        return far + judge_skies(around, painted, self.seed, "sky around galaxies")

    def judged_galaxies(self) -> list[Line]:
        """The galaxies themselves."""
        return judge_galaxies(self.matched)

    def sections(self) -> Iterator[tuple[str, str, Callable[[], list[Line]]]]:
        """Name, title and check of each."""
        yield "sky", "1. The empty sky", self.sky
        yield "stars", "2. The point spread function", self.stars
        yield "colours", "3, 4. Colours and sizes", self.colours
        yield "profiles", "5. Profiles of galaxies as bright and as large", self.profiles
        yield "judge-sky", "6. Can empty sky be told apart? (numbers of patches)", self.judged_sky
        yield "judge-galaxies", "7. Can galaxies be told apart? (numbers of galaxies)", self.judged_galaxies


def main() -> None:
    """Run the checks and print their lines as they come."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--galaxies", type=int, default=400)
    parser.add_argument("--real", type=Path, default=Path("../shared/data"))
    parser.add_argument("--page", type=Path, help="Folder for a page of real and painted galaxies.")
    parser.add_argument("--only", nargs="+", help="sky stars colours profiles judge-sky judge-galaxies")
    given = parser.parse_args()
    comparison = Comparison(given.real, given.seed, given.galaxies)
    show: Callable[[str], None] = partial(print, flush=True)
    off = []
    for name, title, check in comparison.sections():
        if given.only and name not in given.only:
            continue
        show(header(title))
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # rings and patches without a pixel
            lines = check()
        off += [line for line in lines if line.passed is False]
        show("\n".join(map(str, lines)))
    show(f"\n{len(off)} lines are off")
    if given.page:
        show(f"Written: {write_page(given.page, comparison.matched, given.seed)}")


if __name__ == "__main__":
    sys.exit(main())

"""Rating of galaxies in a terminal, one key each; the ranking is updated after each rating."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from gz2interp.console import say
from gz2interp.stores.ratings import HIGHEST
from gz2interp.workflows.rating import Ranking, ranking_of, rate, ratings_of, survey_stretch, write_rating_picture
from gz2interp.workflows.unusual_results import UnusualGalaxies

__all__ = ["KEYS", "loop"]

KEYS = "0-5 rate (i = 5, interesting; b = 0, boring)   s skip   u undo   q quit"
_BY = "terminal"
_WORDS = {"i": HIGHEST, "b": 0} | {str(value): value for value in range(HIGHEST + 1)}


def loop(unusual: UnusualGalaxies, picture: Path) -> None:
    """Prompt for ratings until the user quits, or all galaxies are rated."""
    if unusual.caveat:
        say(unusual.caveat)
    say(KEYS)
    skipped: set[int] = set()
    stretch = survey_stretch(unusual.survey)
    while True:
        ranking = ranking_of(unusual)
        position = _next(ranking, skipped)
        if position is None:
            say("All are rated.")
            return
        row, (reason,) = unusual.scores.iloc[position], ranking.reasons(np.array([position]))
        galaxy_id = int(unusual.scores["galaxy_id"].to_numpy()[position])
        write_rating_picture(picture, unusual.survey, int(row["row"]), stretch)
        say(f"\n{len(ranking.ratings)} rated. Galaxy {galaxy_id}, drawn in {picture}\n{reason}")
        answer = _key()
        if answer in ("q", ""):
            return
        if answer == "s":
            skipped.add(position)
        elif answer == "u":
            skipped.clear()
            for rating in ratings_of(unusual.survey).undo(_BY):
                say(f"Undone: {rating.galaxy_id} was rated {rating.rating}")
        elif answer in _WORDS:
            rate(unusual.survey, galaxy_id, _WORDS[answer], by=_BY)
            say(f"{galaxy_id}: {_WORDS[answer]}")
        else:
            say(KEYS)


def _next(ranking: Ranking, skipped: set[int]) -> int | None:
    """Position of the next galaxy to rate, without skipped ones; None where there is none."""
    if not skipped:
        return ranking.next()
    order = ranking.order
    remaining = order[~np.isin(order, [*skipped, *ranking.positions])]
    return int(remaining[0]) if len(remaining) else None


def _key() -> str:
    """The key pressed; without a terminal, the first letter of a line; "" at the end of the input."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return (line.strip() or "?")[:1].lower() if line else ""
    import termios
    import tty

    channel = sys.stdin.fileno()
    before = termios.tcgetattr(channel)
    try:
        tty.setcbreak(channel)
        return sys.stdin.read(1).lower()
    finally:
        termios.tcsetattr(channel, termios.TCSADRAIN, before)

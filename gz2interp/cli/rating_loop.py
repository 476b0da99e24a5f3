"""One galaxy after another in a terminal: it is drawn, a key says what it is worth, the ranking learns."""

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
_ME = "terminal"
_WORDS = {"i": HIGHEST, "b": 0} | {str(value): value for value in range(HIGHEST + 1)}


def loop(found: UnusualGalaxies, picture: Path) -> None:
    """Ask until the person stops, or nothing is left."""
    if found.caveat:
        say(found.caveat)
    say(KEYS)
    skipped: set[int] = set()
    stretch = survey_stretch(found.survey)
    while True:
        ranking = ranking_of(found)
        position = _next(ranking, skipped)
        if position is None:
            say("All are rated.")
            return
        known, (reason,) = found.scores.iloc[position], ranking.reasons(np.array([position]))
        galaxy_id = int(found.scores["galaxy_id"].to_numpy()[position])
        write_rating_picture(picture, found.survey, int(known["row"]), stretch)
        say(f"\n{len(ranking.ratings)} rated. Galaxy {galaxy_id}, drawn in {picture}\n{reason}")
        answer = _key()
        if answer in ("q", ""):
            return
        if answer == "s":
            skipped.add(position)
        elif answer == "u":
            skipped.clear()
            for taken in ratings_of(found.survey).undo(_ME):
                say(f"Taken back: {taken.galaxy_id} was rated {taken.rating}")
        elif answer in _WORDS:
            rate(found.survey, galaxy_id, _WORDS[answer], by=_ME)
            say(f"{galaxy_id}: {_WORDS[answer]}")
        else:
            say(KEYS)


def _next(ranking: Ranking, skipped: set[int]) -> int | None:
    """What is to be rated next, but for what was skipped."""
    if not skipped:
        return ranking.next()
    order = ranking.order
    left = order[~np.isin(order, [*skipped, *ranking.positions])]
    return int(left[0]) if len(left) else None


def _key() -> str:
    """A key as it is pressed; where no terminal listens, the first letter of a line. "" at the end of the input."""
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

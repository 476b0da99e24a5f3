"""Rate one galaxy after another with the keyboard, while the ranking learns."""

from __future__ import annotations

from html import escape
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.gallery_component import GalleryItem, show_gallery
from dashboards.loading.clusters import ranking_for, ratings_csv, ratings_for
from dashboards.loading.pictures import pictures_of
from dashboards.parts.galleries import offer_selection, pick
from dashboards.parts.style import caption, heading
from dashboards.rating_component import RatingKeyPress, show_rating_bar
from dashboards.selection import add_message, change, current, settle
from gz2interp.embedding.unusual.anomaly_model import TITLES
from gz2interp.schema import name_in_words
from gz2interp.stores.ratings import HIGHEST
from gz2interp.stores.table_formats import ColumnMeaning
from gz2interp.workflows.rating import Ranking, rate
from gz2interp.workflows.selection import SelectedGalaxies
from gz2interp.workflows.unusual_results import UnusualGalaxies, artefacts_in_words

__all__ = ["show_rating"]

BAR: Final = "rating-bar"
GALLERY: Final = "gallery-unusual"
PAGE: Final = 24
TAKEN: Final = 500
"""Number of galaxies, the most unusual ones, that can be exported."""

LARGE: Final = 200_000
"""Number of galaxies above which the ranking learns only on request, since that takes seconds."""


def show_rating(galaxies: UnusualGalaxies) -> None:
    """The displayed galaxy with its keys, and the ranking beside it."""
    ranking = _ranking(galaxies)
    if not len(ranking.order):
        _offer_to_leave_out(ranking)
        return
    position = _position(ranking)
    left, right = st.columns([46, 54], gap="medium")
    with left:
        _show_galaxy(ranking, position)
    with right:
        if galaxies.caveat:
            caption(galaxies.caveat)
        _offer_to_leave_out(ranking)
        _offer_to_learn(galaxies)
        _show_ranking(ranking, position)


def _ranking(galaxies: UnusualGalaxies) -> Ranking:
    """The current ranking; of a large survey, in the order of the last request to learn."""
    now, without = ratings_for(galaxies.survey).count(), bool(st.session_state.get("unusual_without"))
    if len(galaxies.scores) <= LARGE:
        return ranking_for(galaxies, now, without)
    return ranking_for(
        galaxies, int(st.session_state.setdefault("unusual_learnt", now)), without
    ).with_current_ratings()


def _offer_to_leave_out(ranking: Ranking) -> None:
    st.toggle(
        "Without stars and artefacts",
        key="unusual_without",
        help="By the catalogue's class, the volunteers' votes, the prediction, or the image quality where measured.",
    )
    if ranking.left_out is not None:
        caption(f"{artefacts_in_words(ranking.left_out)}.")


def _offer_to_learn(galaxies: UnusualGalaxies) -> None:
    now = ratings_for(galaxies.survey).count()
    if len(galaxies.scores) > LARGE and st.session_state["unusual_learnt"] != now:
        learn = {"unusual_learnt": now}
        st.button("Learn from the new ratings", on_click=st.session_state.update, args=(learn,), key="unusual_learn")


def _position(ranking: Ranking) -> int:
    """Of the selected galaxy; of the next one to rate where none is selected, or one that was not analysed.

    The first galaxy of a survey is the default of the map, and does not count as selected on a first visit.
    """
    ids = ranking.galaxies.scores["galaxy_id"].to_numpy()
    here = np.flatnonzero(ids == int(current().galaxy_id)) if current().galaxy_id else np.empty(0, np.int64)
    begun = st.session_state.get("unusual_begun") == str(ranking.galaxies.folder.path)
    st.session_state["unusual_begun"] = str(ranking.galaxies.folder.path)
    if len(here) and (begun or here[0] != 0) and here[0] in ranking.order:
        return int(here[0])
    position = ranking.next()
    position = int(ranking.order[0]) if position is None else position
    settle(galaxy_id=str(ids[position]))
    return position


def _show_galaxy(ranking: Ranking, position: int) -> None:
    galaxies = ranking.galaxies
    row = galaxies.scores.iloc[position]
    galaxy_id = str(galaxies.scores["galaxy_id"].to_numpy()[position])
    rank = int(np.flatnonzero(ranking.order == position)[0]) + 1
    heading(f"{rank:,} of {len(ranking.order):,}", f"galaxy {galaxy_id}")
    picture = pictures_of(galaxies.survey, [int(row["row"])])[0]
    st.html(f'<img class="gz2-unusual" src="{picture}" alt="galaxy {galaxy_id}">')
    rating = _rating_of(ranking, position)
    turn = ratings_for(galaxies.survey).count()
    show_rating_bar(BAR, galaxy_id, rating, turn, lambda press: _press(ranking, press))
    words = "Not rated yet." if rating is None else f"Rated {rating}."
    caption(
        f"{words} Keys work anywhere on this page: i is 5, b is 0; up and down the ranking; next is what to rate next."
    )
    (reason,) = ranking.reasons(np.array([position]))
    st.html(f'<div class="gz2-message">{escape(reason)}</div>')
    _show_scores(row)
    tag, note = st.columns([1, 2])
    tag.text_input(
        "Tag", key="rating_tag", placeholder="merger, ring, ...", help="Stored with the ratings that follow."
    )
    note.text_input("Note", key="rating_note", placeholder="of this galaxy")


def _show_scores(row: pd.Series[Any]) -> None:
    """Each score as a bar from 0, the median of the survey, to a normal score of 4."""
    lines = []
    for name, title in TITLES.items():
        if f"normal_{name}" not in row:  # results of an earlier version lack some scores
            continue
        value = float(row[f"normal_{name}"])
        label = f"{title[0].upper()}{title[1:]}"
        if np.isfinite(value):
            width = 75 * float(np.clip(value / 4, 0.005, 1))
            lines.append(f"<dt>{label}</dt><dd><i style='width:{width:.0f}%'></i><span>{value:+.1f}</span></dd>")
        else:
            lines.append(f"<dt>{label}</dt><dd><span>not known</span></dd>")
    st.html(f'<dl class="gz2-scores">{"".join(lines)}</dl>')
    caption("Normal scores: 0 is the middle of the survey, +2 one galaxy in 44, +3 one in 740.")


def _show_ranking(ranking: Ranking, position: int) -> None:
    galaxies = ranking.galaxies
    pages = -(-len(ranking.order) // PAGE)
    title, turn = st.columns([3, 1], vertical_alignment="bottom")
    with turn:
        page = int(st.number_input(f"Page of {pages:,}", 1, pages, 1, key="unusual_page"))
    with title:
        heading("The most unusual first", f"{', '.join(galaxies.layers)} of {galaxies.model.name}")
    positions = ranking.order[(page - 1) * PAGE : page * PAGE]
    scores = galaxies.scores.iloc[positions]
    predictions = galaxies.model.predictions.set_index("row")["prediction"].reindex(scores["row"].to_numpy())
    pictures = pictures_of(galaxies.survey, scores["row"].to_numpy())
    cards = [
        GalleryItem(
            str(galaxy_id),
            picture,
            f"{(page - 1) * PAGE + i + 1}  {name_in_words(str(prediction))}",
            _note(ranking, int(at), reason),
        )
        for i, (galaxy_id, picture, prediction, at, reason) in enumerate(
            zip(scores["galaxy_id"].tolist(), pictures, predictions, positions, ranking.reasons(positions), strict=True)
        )
    ]
    selected = str(galaxies.scores["galaxy_id"].to_numpy()[position])
    show_gallery(cards, GALLERY, pick, selected=selected, width=112)
    _show_progress(ranking)
    first = ranking.order[:TAKEN]
    table = galaxies.scores.iloc[first]
    extra = {"unusual": ranking.scores[first].astype(np.float32), "reason": np.array(ranking.reasons(first))}
    meanings = {"reason": ColumnMeaning(words="Why the galaxy is unusual")}
    rows = table["row"].to_numpy()
    offer_selection(
        SelectedGalaxies(galaxies.survey, rows, galaxies.model.name, extra, "most unusual", meanings=meanings)
    )


def _note(ranking: Ranking, position: int, reason: str) -> str:
    rating = _rating_of(ranking, position)
    return f"rated {rating}" if rating is not None else str(reason).split(":")[0]


def _show_progress(ranking: Ranking) -> None:
    survey = ranking.galaxies.survey
    counts = [int((ranking.ratings == value).sum()) for value in range(HIGHEST + 1)]
    numbers = "   ".join(f"{value}: {count}" for value, count in enumerate(counts) if count)
    words = f"{len(ranking.ratings):,} rated" + (f" ({numbers})" if numbers else ", and the ranking has not learnt yet")
    line, save = st.columns([2, 1], vertical_alignment="center")
    with line:
        caption(f"{words}. Each rating is saved at once, in ratings.sqlite.")
    with save:
        st.download_button(
            "Ratings (CSV)",
            lambda: ratings_csv(survey),
            f"{survey.name}-ratings.csv",
            "text/csv",
            disabled=not len(ranking.ratings),
            width="stretch",
            on_click="ignore",
        )


def _rating_of(ranking: Ranking, position: int) -> int | None:
    at = np.flatnonzero(ranking.positions == position)
    return int(ranking.ratings[at[-1]]) if len(at) else None


def _me() -> str:
    """A name for this page, so that only ratings made here are undone here."""
    return str(st.session_state.setdefault("rating_page", f"page {uuid4().hex[:12]}"))


def _press(ranking: Ranking, press: RatingKeyPress) -> None:
    """Apply a key; runs before the page is drawn again."""
    if press.key == "undo":
        _undo(ranking)
    elif press.key in ("following", "previous"):
        _move(ranking, press.galaxy_id, 1 if press.key == "following" else -1)
    else:
        if press.key != "next":
            tag, note = (str(st.session_state.get(f"rating_{name}", "")).strip() for name in ("tag", "note"))
            rate(ranking.galaxies.survey, press.galaxy_id, int(press.key), tag, note, _me())
            st.session_state["rating_note"] = ""
        _go_on(ranking)


def _go_on(ranking: Ranking) -> None:
    ranking = _ranking(ranking.galaxies)
    position = ranking.next()
    if position is None:
        add_message("Every galaxy has been rated.")
    else:
        change(galaxy_id=str(ranking.galaxies.scores["galaxy_id"].to_numpy()[position]))


def _move(ranking: Ranking, galaxy_id: str, step: int) -> None:
    ids = ranking.galaxies.scores["galaxy_id"].to_numpy()[ranking.order]
    at = int(np.flatnonzero(ids == int(galaxy_id))[0]) + step if int(galaxy_id) in ids else 0
    change(galaxy_id=str(ids[min(max(at, 0), len(ids) - 1)]))


def _undo(ranking: Ranking) -> None:
    ratings = ratings_for(ranking.galaxies.survey).undo(_me())
    if not ratings:
        add_message(
            "Nothing that was rated on this page is left to undo; gz2interp ratings undo reverts those of others."
        )
        return
    add_message(f"Undone: galaxy {ratings[-1].galaxy_id} was rated {ratings[-1].rating}.")
    change(galaxy_id=str(ratings[-1].galaxy_id))

"""The selection, its address, the map's events, and what is typed to find a galaxy."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.finding import Position, nearest_on_sky, read_query
from dashboards.map_component.events import Box, Click, Lasso, Viewport, read_event
from dashboards.selection import Selection, read_params, rounded
from gz2interp.errors import InputError

GIANT = "588015507658768484"
words = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=12)
number = st.floats(-1e4, 1e4, allow_nan=False)
lassos = st.lists(st.tuples(number, number), min_size=3, max_size=12).map(tuple)


@given(words, words, lassos, st.integers(0, 2**63 - 1))
def test_an_address_and_back(name: str, column: str, lasso: tuple[tuple[float, float], ...], galaxy: int) -> None:
    selection = Selection(name, "cnn", "block3", str(galaxy), "grad_cam", name, column, rounded(lasso))
    address = urlencode(selection.to_params())
    read, complaints = read_params(
        {key: values[0] for key, values in parse_qs(address, keep_blank_values=True).items()}
    )
    assert read == selection
    assert not complaints


def test_an_id_beyond_2_to_the_53_survives() -> None:
    assert int(float(GIANT)) != int(GIANT)
    assert Selection(galaxy_id=GIANT).to_params() == {"galaxy_id": GIANT}
    assert read_params({"galaxy_id": GIANT})[0].galaxy_id == GIANT


def test_nothing_chosen_is_a_bare_address() -> None:
    assert Selection().to_params() == {}


@pytest.mark.parametrize(
    "params",
    [
        {"galaxy_id": "12x"},
        {"galaxy_id": "1e5"},
        {"galaxy_id": str(2**63)},
        {"lasso": "1,2;3"},
        {"lasso": "0,0;1,nan;2,2"},
        {"color": "r"},
    ],
)
def test_nonsense_is_left_out_with_a_word(params: dict[str, str]) -> None:
    read, complaints = read_params({"survey": "mine", **params})
    assert read == Selection(survey="mine")
    assert len(complaints) == 1
    assert next(iter(params)) in complaints[0]


@pytest.mark.parametrize(
    ("record", "event"),
    [
        ({"kind": "click", "x": 1, "y": 2.5, "serial": 3}, Click(1.0, 2.5)),
        ({"kind": "lasso", "polygon": [[0, 0], [1, 0], [1, 1]]}, Lasso(((0, 0), (1, 0), (1, 1)))),
        ({"kind": "lasso", "polygon": []}, Lasso(())),
        ({"kind": "box", "x": [0, 1], "y": [2, 3]}, Box((0, 1), (2, 3))),
        ({"kind": "viewport", "x": [0, 1], "y": [2, 3]}, Viewport((0, 1), (2, 3))),
    ],
)
def test_events_are_read(record: dict[str, object], event: object) -> None:
    assert read_event(record) == event


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"kind": "dance"},
        {"kind": "click", "x": None, "y": 1},
        {"kind": "click", "x": float("nan"), "y": 1},
        {"kind": "box", "x": [1], "y": [1, 2]},
    ],
)
def test_other_records_are_refused(record: dict[str, object]) -> None:
    with pytest.raises(InputError, match="The map sent"):
        read_event(record)


def test_a_box_is_a_lasso_with_four_corners() -> None:
    assert Box((0, 1), (2, 3)).polygon == ((0, 2), (1, 2), (1, 3), (0, 3))


def test_an_id_is_an_id() -> None:
    assert read_query(f" {GIANT} ") == GIANT


@pytest.mark.parametrize(
    "text", ["150.1 2.2", "150.1, +2.2", "10:00:24 +02:12:00", "10h00m24s +2d12m00s", "10 00 24 +02 12 00"]
)
def test_positions_are_read(text: str) -> None:
    found = read_query(text)
    assert isinstance(found, Position)
    assert (found.ra, found.dec) == pytest.approx((150.1, 2.2))


@pytest.mark.parametrize("text", ["M51", "150.1", "400 2", "10 95", "a b"])
def test_what_is_neither_is_told(text: str) -> None:
    with pytest.raises(InputError, match="neither an id nor a position"):
        read_query(text)


def test_the_nearest_on_the_sky_is_found_across_0_hours() -> None:
    ra, dec = np.array([359.9999, 0.01, np.nan]), np.array([0.0, 0.0, 0.0])
    row, distance = nearest_on_sky(Position(0.0001, 0.0), ra, dec)
    assert row == 0
    assert distance == pytest.approx(0.72, abs=1e-3)

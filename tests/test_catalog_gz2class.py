from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.catalog import Gz2Class, parse_gz2class
from trainer.catalog.gz2class import ARMS, BULGE, BULGE_SHAPE, ODD, ROUNDNESS, WINDING

odd = st.none() | st.sampled_from(sorted(ODD.values()))
smooth = st.builds(Gz2Class, st.just("smooth"), roundness=st.sampled_from(sorted(ROUNDNESS.values())), odd=odd)
edge_on = st.builds(
    Gz2Class,
    st.just("features"),
    edge_on=st.just(True),
    bulge_shape=st.sampled_from(sorted(BULGE_SHAPE.values())),
    odd=odd,
)
discs = st.builds(
    lambda bar, bulge, spiral, odd: Gz2Class(
        "features", bar=bar, bulge=bulge, arms=spiral[0], winding=spiral[1], odd=odd
    ),
    st.booleans(),
    st.sampled_from(sorted(BULGE.values())),
    st.just((None, None)) | st.tuples(st.sampled_from(ARMS), st.sampled_from(sorted(WINDING.values()))),
    odd,
)
classes = st.just(Gz2Class("artifact")) | smooth | edge_on | discs


@given(classes)
def test_every_class_is_read_as_it_is_written(known: Gz2Class) -> None:
    assert parse_gz2class(str(known)) == known


@given(classes, st.randoms(use_true_random=False))
def test_case_and_blanks_change_nothing(known: Gz2Class, random) -> None:
    text = "".join(random.choice([letter.lower(), letter.upper()]) for letter in str(known))
    assert parse_gz2class(f"  {text}\n") == known


@given(st.text(alphabet="AESBabcdernilmotu1234+?() ", max_size=9))
def test_what_is_read_is_written_back(text: str) -> None:
    known = parse_gz2class(text)
    assert known is None or str(known).lower() == text.strip().lower()


@pytest.mark.parametrize(
    "text", ["", "S", "E", "Sx", "SBe", "Sb2", "Sb2t(x)", "SBer", "Ser2t", "Er(r)(l)", "A(r)", "Erc"]
)
def test_outside_the_grammar_nothing_is_guessed(text: str) -> None:
    assert parse_gz2class(text) is None


@pytest.mark.realdata
def test_every_real_class_is_in_the_grammar(real_data) -> None:
    column = pd.read_csv(real_data / "gz2_main_sample.csv.gz", usecols=["gz2_class"])["gz2_class"]
    assert len(column.unique()) > 100
    assert [text for text in column.unique() if str(parse_gz2class(text)) != text] == []

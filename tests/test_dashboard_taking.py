"""Taking galaxies along from a page: the part "Export", without a browser."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from dashboard_fixtures import FIRST_ID, make_survey
from streamlit.testing.v1 import AppTest

from dashboards.loading.export import bytes_of
from dashboards.parts import galleries
from gz2interp.stores.survey import Survey
from gz2interp.workflows.export import export_selection
from gz2interp.workflows.samp import SampReply
from gz2interp.workflows.selection import GalaxyFilter, SelectedGalaxies, choose


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("taking") / "tiny", 12)


@pytest.fixture
def subset(survey: Survey) -> SelectedGalaxies:
    return SelectedGalaxies(survey, np.array([5, 1]), extra={"distance": [0.1, 0.2]}, name=f"neighbours of {FIRST_ID}")


def page_of(subset: SelectedGalaxies) -> AppTest:
    def page(subset) -> None:  # type: ignore[no-untyped-def]  # the script is this text alone
        from dashboards.parts.galleries import offer_selection

        offer_selection(subset)

    drawn = AppTest.from_function(page, args=(subset,), default_timeout=60).run()
    assert not drawn.exception, drawn.exception
    return drawn


def said(page: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in page.get("html"))


def test_without_a_hub_the_page_says_what_to_open(
    subset: SelectedGalaxies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'none').as_uri()}")
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    page = page_of(subset)
    next(button for button in page.button if button.label == "Send by SAMP").click().run()
    assert "No SAMP hub is running: open TOPCAT or Aladin first." in said(page)


def test_the_page_tells_what_each_program_answered(subset: SelectedGalaxies, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answered(subset: SelectedGalaxies, to: str) -> list[SampReply]:
        asked.append((subset.rows.tolist(), to))
        return [SampReply("TOPCAT", "table.load.votable"), SampReply("<b>", "ds9.set", "no <frame>")]

    monkeypatch.setattr(galleries, "send", answered)
    page = page_of(subset)
    next(box for box in page.selectbox if box.label.startswith("To a program")).select("topcat").run()
    next(button for button in page.button if button.label == "Send by SAMP").click().run()
    assert asked == [([5, 1], "topcat")]
    answers = "TOPCAT · table.load.votable: ok<br>&lt;b&gt; · ds9.set: no &lt;frame&gt;"
    assert answers in said(page)
    page.run()
    assert len(asked) == 1  # a run of the page does not send again, and does not forget what was answered
    assert answers in said(page)
    next(box for box in page.selectbox if box.label.startswith("To a program")).select("aladin").run()
    assert answers not in said(page)


@pytest.mark.parametrize("form", list(galleries._FORMS))
def test_a_download_is_what_the_command_writes(subset: SelectedGalaxies, tmp_path: Path, form: str) -> None:
    taken = bytes_of(subset, form)
    if form == ".zip":
        with zipfile.ZipFile(io.BytesIO(taken)) as archive:
            assert sorted(archive.namelist()) == [
                f"{FIRST_ID + 1}.fits",
                f"{FIRST_ID + 5}.fits",
                "galaxies.fits",
                "selection.json",
            ]
            with archive.open(f"{FIRST_ID + 5}.fits") as file, fits.open(file) as (hdu,):
                np.testing.assert_array_equal(np.moveaxis(hdu.data, 0, -1), subset.survey.images([5])[0])
        return
    export_selection(subset, tmp_path / f"galaxies{form}")
    if form == ".csv":
        with zipfile.ZipFile(io.BytesIO(taken)) as archive:
            inside = {name: archive.read(name) for name in archive.namelist()}
        assert inside == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert sorted(inside) == ["galaxies.csv", "galaxies.csv.json"]
        return
    assert taken == (tmp_path / f"galaxies{form}").read_bytes()


def test_columns_are_chosen_on_the_page(subset: SelectedGalaxies) -> None:
    page = page_of(subset)
    (box,) = page.multiselect
    assert box.options == subset.all_columns
    box.select("dec").select("ra").run()
    assert not page.exception
    (again,) = page.multiselect
    assert again.value == ["dec", "ra"]
    next(one for one in page.selectbox if one.label == "As a file").select(".reg").run()
    assert not page.multiselect  # regions have no columns


def test_more_cutouts_than_a_page_may_hold_are_the_commands_matter(
    subset: SelectedGalaxies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "MOST_CUTOUTS", 1)
    page = page_of(subset)
    next(box for box in page.selectbox if box.label == "As a file").select(".zip").run()
    assert "save a table and run <code>gz2interp export" in said(page)
    (button,) = page.get("download_button")
    assert button.proto.disabled
    (tmp_path / "g.ecsv").write_bytes(bytes_of(subset, ".ecsv"))
    assert choose(subset.survey, GalaxyFilter(file=tmp_path / "g.ecsv")).rows.tolist() == [5, 1]

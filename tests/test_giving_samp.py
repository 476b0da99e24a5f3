"""Galaxies sent to programs that listen at a real SAMP hub, on this machine only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from dashboard_fixtures import FIRST_ID, LOST, make_survey
from pyvo.samp import SAMPHubServer, SAMPIntegratedClient, conf
from typer.testing import CliRunner

from gz2interp.cli import app
from gz2interp.errors import InputError
from gz2interp.stores.survey import Survey
from gz2interp.workflows.samp import send
from gz2interp.workflows.selection import GalaxyFilter, SelectedGalaxies, choose

TOPCAT = ("table.load.votable", "table.select.rowList", "table.highlight.row")
ALADIN = ("table.load.*", "image.load.fits", "coord.pointAt.sky")
DS9 = ("image.load.fits", "ds9.set")


class Listener:
    """A program at the hub that notes what it is told, and refuses tables it is told to refuse."""

    def __init__(self, name: str, mtypes: tuple[str, ...]) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.refuses = ""
        self.client = SAMPIntegratedClient(name, addr="127.0.0.1")
        self.client.connect()
        for mtype in mtypes:
            self.client.bind_receive_call(mtype, self.hear)

    def hear(self, key: str, sender: str, ident: str, mtype: str, params: dict[str, Any], extra: object) -> None:
        self.heard.append((mtype, params))
        if mtype == self.refuses:
            self.client.ereply(ident, "samp.error", error={"samp.errortxt": "no such table"})
        else:
            self.client.ereply(ident, "samp.ok", result={})

    @property
    def mtypes(self) -> list[str]:
        return [mtype for mtype, _ in self.heard]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock file that only this test knows."""
    lock = tmp_path / "samp.lock"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{lock.as_uri()}")
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    return lock


@pytest.fixture
def hub(alone: Path) -> Iterator[SAMPHubServer]:
    with conf.set_temp("use_internet", False):
        server = SAMPHubServer(web_profile=False, addr="127.0.0.1")
        server.start()
        yield server
        server.stop()


@pytest.fixture
def programs(hub: SAMPHubServer) -> Iterator[dict[str, Listener]]:
    there = {
        name: Listener(name, mtypes) for name, mtypes in (("TOPCAT", TOPCAT), ("Aladin", ALADIN), ("SAOImage DS9", DS9))
    }
    yield there
    for program in there.values():
        program.client.disconnect()


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("sent") / "tiny", 20)


def test_topcat_reads_the_table_by_its_address(survey: Survey, programs: dict[str, Listener]) -> None:
    sent = send(SelectedGalaxies(survey, np.array([4, 2]), extra={"score": [2.0, 1.0]}, name="odd ones"), "topcat")
    assert [(one.to, one.message, one.error) for one in sent] == [("TOPCAT", "table.load.votable", "")]
    ((_, params),) = programs["TOPCAT"].heard
    assert params["name"] == "tiny: odd ones"
    with urlopen(params["url"]) as file:
        table = Table.read(file, format="votable")
    assert table["galaxy_id"].tolist() == [FIRST_ID + 4, FIRST_ID + 2]
    assert table["score"].tolist() == [2.0, 1.0]
    assert (str(table["ra"].unit), table["ra"].meta["ucd"]) == ("deg", "pos.eq.ra;meta.main")
    assert programs["Aladin"].heard == programs["SAOImage DS9"].heard == []


def test_everyone_hears_what_they_understand(survey: Survey, programs: dict[str, Listener]) -> None:
    sent = send(SelectedGalaxies(survey, np.array([4, 2])))
    assert all(not one.error for one in sent)
    assert programs["TOPCAT"].mtypes == ["table.load.votable"]
    assert programs["Aladin"].mtypes == ["table.load.votable", "coord.pointAt.sky"]
    assert programs["SAOImage DS9"].mtypes == ["ds9.set"]
    ra, dec = survey.catalog.loc[4, ["ra", "dec"]].astype(float)
    place = programs["Aladin"].heard[1][1]
    assert (float(place["ra"]), float(place["dec"])) == (pytest.approx(ra, abs=1e-7), pytest.approx(dec, abs=1e-7))
    command = programs["SAOImage DS9"].heard[0][1]["cmd"]
    file = re.fullmatch(r"regions load \{(.+\.reg)\}", command)
    assert file
    assert f"text={{{FIRST_ID + 2}}}" in Path(file[1]).read_text()


def test_a_single_galaxy_comes_with_its_image(survey: Survey, programs: dict[str, Listener]) -> None:
    send(choose(survey, GalaxyFilter([FIRST_ID + 5])))
    assert programs["SAOImage DS9"].mtypes == ["image.load.fits", "ds9.set"]
    params = programs["Aladin"].heard[1][1]
    assert params["name"] == str(FIRST_ID + 5)
    with urlopen(params["url"]) as file, fits.open(file) as (hdu,):
        np.testing.assert_array_equal(np.moveaxis(hdu.data, 0, -1), survey.images([5])[0])


def test_a_galaxy_without_an_image_does_not_keep_the_others_back(survey: Survey, programs: dict[str, Listener]) -> None:
    sent = send(SelectedGalaxies(survey, np.array([LOST, 0])), "ds9", images=2)
    assert programs["SAOImage DS9"].mtypes == ["image.load.fits", "ds9.set"]
    assert "has no image" in sent[0].error
    assert not any(one.error for one in sent[1:])


def test_galaxies_are_marked_in_the_table_of_the_whole_survey(survey: Survey, programs: dict[str, Listener]) -> None:
    topcat = programs["TOPCAT"]
    send(choose(survey, GalaxyFilter()), "topcat")
    whole = topcat.heard[0][1]["table-id"]
    send(SelectedGalaxies(survey, np.array([7, 1])), "topcat", highlight=True)
    assert topcat.heard[1] == ("table.select.rowList", {"table-id": whole, "row-list": ["7", "1"]})
    send(SelectedGalaxies(survey, np.array([9])), "topcat", highlight=True)
    assert topcat.heard[3] == ("table.highlight.row", {"table-id": whole, "row": "9"})
    table = Table.read(urlopen(topcat.heard[0][1]["url"]), format="votable")
    assert int(table["galaxy_id"][7]) == FIRST_ID + 7


def test_what_a_program_says_against_it_is_told(survey: Survey, programs: dict[str, Listener]) -> None:
    programs["TOPCAT"].refuses = "table.load.votable"
    (answer,) = send(SelectedGalaxies(survey, np.array([0])), "topcat")
    assert answer.error == "no such table"
    done = CliRunner().invoke(app, ["send", str(survey.path), str(FIRST_ID), "--to", "topcat"])
    assert isinstance(done.exception, InputError)
    assert "TOPCAT  table.load.votable  no such table" in done.output


def test_the_command_line_sends(survey: Survey, programs: dict[str, Listener]) -> None:
    done = CliRunner().invoke(
        app, ["send", str(survey.path), "--where", "r < 16", "--to", "aladin"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    assert "Aladin  table.load.votable  ok" in done.output
    assert programs["Aladin"].mtypes == ["table.load.votable", "coord.pointAt.sky"]


def test_who_is_not_there_is_told(survey: Survey, hub: SAMPHubServer) -> None:
    one = SelectedGalaxies(survey, np.array([0]))
    with pytest.raises(InputError, match=r"No program is connected .* Connected: none"):
        send(one)
    topcat = Listener("TOPCAT", TOPCAT)
    with pytest.raises(InputError, match=r"No program ds9 is connected .* Connected: TOPCAT"):
        send(one, "ds9")
    topcat.client.disconnect()


def test_a_program_that_understands_nothing_of_it_is_told(survey: Survey, hub: SAMPHubServer) -> None:
    deaf = Listener("Spectra", ("spectrum.load.ssa-generic",))
    with pytest.raises(InputError, match="Spectra accepts none"):
        send(SelectedGalaxies(survey, np.array([0])))
    deaf.client.disconnect()


def test_without_a_hub_a_person_is_told_what_to_open(survey: Survey, alone: Path) -> None:
    with pytest.raises(InputError, match="No SAMP hub is running: open TOPCAT or Aladin first"):
        send(SelectedGalaxies(survey, np.array([0])))
    alone.write_text("samp.secret=x\nsamp.hub.xmlrpc.url=http://127.0.0.1:9/\nsamp.profile.version=1.3\n")
    with pytest.raises(InputError, match="No SAMP hub is running"):  # it has died and left its lock file
        send(SelectedGalaxies(survey, np.array([0])))

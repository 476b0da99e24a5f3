"""A service's unit measured with stars that SkyServer names, over local servers that speak their protocols."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astroquery.sdss import conf as sdss_conf

from gz2interp.errors import CutoutUnavailable, InputError
from gz2interp.results import Cutout
from gz2interp.schema import BANDS
from trainer.archives.limits import Limits
from trainer.archives.session import PoliteSession
from trainer.calibrate import aperture_flux
from trainer.rehearsal import ArchiveServer, SimpleSky
from trainer.sources.remote import SourceSettings
from trainer.sources.sdss import SdssSource, SkyServer
from trainer.sources.stars import StarSearchArea, stars_of_sdss

SKY = SimpleSky(9)
SETTING = SourceSettings(limits=Limits(rate=0, tries=2, backoff=0.01))
HEAD = "#Table1\nra,dec,u,g,r,i,z\n"


def table(gain: float = 1.0, count: int = 12) -> bytes:
    """Stars whose light is what the sky shows, times a gain: as if the service counted in another unit."""
    rng = np.random.default_rng(1)
    lines = []
    for ra, dec in zip(rng.uniform(19.8, 20.2, count).round(6), rng.uniform(-0.2, 0.2, count).round(6), strict=True):
        image = np.stack([SKY.plane(ra, dec, band, 0.396, (64, 64), False) for band in BANDS], axis=-1)
        shown = Cutout(image, np.ones((64, 64), bool), "sky", 0.396)
        magnitudes = 22.5 - 2.5 * np.log10(gain * aperture_flux(shown))
        lines.append(",".join(map(str, (ra, dec, *magnitudes.round(5)))))
    return (HEAD + "\n".join(lines) + "\n").encode()


@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_a_unit_is_measured_without_a_table_of_ones_own(gain: float, tmp_path: Path) -> None:
    with ArchiveServer(SKY, stars=table(gain)) as server:
        settings = tmp_path / "config" / "astropy" / "astroquery.cfg"
        settings.parent.mkdir(parents=True)
        settings.write_text(server.configuration(), encoding="utf-8")
        environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "GZ2INTERP_SURVEYS": str(tmp_path)}
        words = [sys.executable, "-m", "trainer", "calibrate-source", "hips2fits", "--rate", "0"]
        run = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert len(list((tmp_path / ".calibrations").glob("hips2fits-*.json"))) == 1
    told = " ".join(run.stdout.split())
    assert ("nanomaggy (verified with" in told) == (gain == 1.0)
    assert ("r 2.5 " in told.replace(",", " ")) == (gain == 2.5)


@pytest.fixture
def server() -> ArchiveServer:
    return ArchiveServer(SKY, stars=table())


def asked(server: ArchiveServer, around: StarSearchArea = StarSearchArea()) -> int:  # noqa: B008
    with server, sdss_conf.set_temp("skyserver_baseurl", server.address):
        return len(stars_of_sdss(SETTING, around))


def test_stars_come_as_they_are(server: ArchiveServer) -> None:
    assert asked(server) == 12
    assert server.requests == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html><title>Down for maintenance</title></html>", "no table of stars"),
        (b'[{"error_message": "Too many queries"}]', "no table of stars"),
        (b"#Table1\nra,dec\n1,2\n", "no table of stars"),
        ((HEAD + "20,0,17,17,red,17,17\n").encode(), "no table of stars"),
        ((HEAD + "20,0,17,17,-9999,17,17\n").encode(), "magnitudes that no such star has"),
        ((HEAD + "140,30,17,17,17,17,17\n").encode(), "another part of the sky"),
    ],
)
def test_an_answer_is_judged_before_it_is_believed(server: ArchiveServer, answer: bytes, words: str) -> None:
    server.stars = answer
    with pytest.raises(CutoutUnavailable, match=f"gave up after 2 tries.*{words}"):
        asked(server)


def test_an_answer_of_one_line_is_no_path(server: ArchiveServer, tmp_path: Path) -> None:
    """astropy's reader opens a line without an end as a file: here one that would pass for a table of stars."""
    file = tmp_path / "stars.csv"
    file.write_bytes(table())
    server.stars = str(file).encode()
    with pytest.raises(CutoutUnavailable, match="no table of stars"):
        asked(server)
    source = SdssSource(SETTING, tmp_path / "cache")
    client = SkyServer(PoliteSession(source.services[0]))
    with pytest.raises(ValueError, match="one line is no table"):
        client._parse_result(SimpleNamespace(text=str(file)))


def test_where_there_are_no_stars_it_is_said(server: ArchiveServer) -> None:
    server.stars = HEAD.encode()
    with pytest.raises(InputError, match="no such stars within 30' of ra 20, dec 0"):
        asked(server)


@pytest.mark.parametrize("wrong", [{"ra": 400.0}, {"dec": -91.0}, {"radius": 0.0}, {"most": 3}])
def test_where_to_look_is_a_place(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        StarSearchArea(**wrong)  # type: ignore[arg-type]

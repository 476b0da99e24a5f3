"""A catalogue downloaded from local servers that speak the archives' protocols, on good days and bad."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astroquery.sdss import conf as sdss_conf
from astroquery.skyview import conf as skyview_conf

from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS
from gz2interp.stores.checking import check_survey
from gz2interp.stores.survey import Survey
from trainer.archives.limits import ArchiveError, Limits
from trainer.download import DownloadPlan, download, open_download, read_report
from trainer.download.asking import ArchiveSettings, describe_download, open_archives
from trainer.download.report import failures_of
from trainer.download.staging import Outcome, Staging
from trainer.rehearsal import ArchiveServer, Faults, SimpleSky
from trainer.rehearsal.skies import place_of
from trainer.sources.remote import Field

SKY = SimpleSky(7)
QUICK = Limits(workers=6, rate=0, backoff=0.01, longest_backoff=0.05, connect=2, read=1, whole=2, longest_pause=0.2)
NONE = Faults(transient={}, lasting={})


def catalogue(galaxies: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    dec = np.where(rng.random(galaxies) < 0.06, 82.5, rng.uniform(-10, 60, galaxies))
    return pd.DataFrame(
        {
            "galaxy_id": 588015507658768484 + np.arange(galaxies),
            "ra": rng.uniform(0, 359, galaxies).round(5),
            "dec": dec.round(5),
            "petro_radius": rng.uniform(2, 10, galaxies),
        }
    )


@pytest.fixture
def pointed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put astroquery's addresses back afterwards."""
    with skyview_conf.set_temp("url", "http://127.0.0.1:9/"), sdss_conf.set_temp("sas_baseurl", "http://127.0.0.1:9/"):
        yield


def point(server: ArchiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    skyview_conf.url = f"{server.address}/current/cgi/basicform.pl"
    sdss_conf.skyserver_baseurl, sdss_conf.sas_baseurl = server.address, f"{server.address}/sas"
    address = f"{server.address}/hips-image-services/hips2fits"
    monkeypatch.setattr("trainer.sources.hips2fits.configured", lambda section, item: address)


def run(
    survey: Survey, *names: str, limits: Limits = QUICK, retry: tuple[str, ...] = (), plan: DownloadPlan | None = None
):
    asking = ArchiveSettings(limits)
    sources = open_archives(names, plan or DownloadPlan(), asking)
    return download(survey, sources, workers=limits.workers, stop=asking.stop, retry=retry)


def held_by_the_server(survey: Survey, sky: SimpleSky = SKY) -> None:
    catalog = survey.catalog
    for batch in survey.batches():
        for row, image in zip(batch.rows, batch.images, strict=True):
            place = float(catalog["ra"][row]), float(catalog["dec"][row])
            planes = [sky.plane(*place, band, 0.396, (64, 64), False) for band in BANDS]
            np.testing.assert_allclose(image, np.stack(planes, axis=-1), rtol=1e-5)


def wanted(survey: Survey, faults: Faults) -> list[str]:
    ends = []
    for ra, dec in zip(survey.catalog["ra"], survey.catalog["dec"], strict=True):
        fate = faults.permanent(place_of(ra, dec))
        blank = fate in ("zeros", "nan") or (not fate and dec > SKY.edge)
        ends.append("out_of_footprint" if blank else "failed" if fate else "ok")
    return ends


@pytest.mark.parametrize("source", ["skyview", "hips2fits"])
def test_on_a_good_day_every_image_is_the_galaxys(source: str, tmp_path, pointed, monkeypatch) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(40))
    with ArchiveServer(SKY) as server:
        point(server, monkeypatch)
        report = run(survey, source)
        assert server.peak <= QUICK.workers
    survey = survey.refreshed()
    assert report.state == "finished"
    assert survey.status["status"].tolist() == wanted(survey, NONE)
    held_by_the_server(survey)
    assert set(survey.status.query("status == 'ok'")["source"]) == {source}
    assert survey.status["pixel_scale"].dropna().eq(0.396).all()
    assert survey.status["native_unit"].dropna().str.contains("unverified").all()
    assert not any(finding.is_damage for finding in check_survey(survey.path))


@pytest.mark.long
def test_on_a_bad_day_nothing_is_lost_and_nothing_wrong(tmp_path, pointed, monkeypatch) -> None:
    names = ["reset", "500", "503", "page", "truncated", "empty", "zeros", "constant", "nan", "duplicate", "elsewhere"]
    names += ["wrong place", "wrong band", "wrong shape", "empty list", "twin"]
    shares = dict.fromkeys(names, 0.04)
    faults = Faults(3, transient=shares | {"429": 0.02, "hang": 0.02, "drip": 0.02, "slow head": 0.02}, patience=4.0)
    faults.lasting = {
        "500": 0.03,
        "page": 0.03,
        "truncated": 0.03,
        "wrong place": 0.03,
        "zeros": 0.03,
        "wrong shape": 0.03,
    }
    faults.outage = (200, 1.0)
    survey = Survey.create(tmp_path / "survey", catalogue(120, seed=5))
    with ArchiveServer(SKY, faults) as server:
        point(server, monkeypatch)
        report = run(survey, "skyview")
    survey = survey.refreshed()
    status = survey.status
    assert status["status"].tolist() == wanted(survey, faults)
    held_by_the_server(survey)
    assert (status.loc[status["status"] != "ok", "reason"].str.len() > 20).all()
    assert report.counts == status["status"].value_counts().to_dict()
    assert sum(failure.count for failure in report.failures) == (status["status"] != "ok").sum()
    assert status["tries"].max() > 1
    assert {service.state for service in report.services} == {"up"}


def test_the_next_source_is_asked_where_the_first_has_no_image(tmp_path, pointed, monkeypatch) -> None:
    class HalfSky(SimpleSky):
        """The archive's images end at the equator; the other's do not."""

        def plane(self, ra, dec, band, pixel_scale, shape, areas):
            return None if dec < 25 and self.seed == 1 else SimpleSky(7).plane(ra, dec, band, pixel_scale, shape, areas)

    survey = Survey.create(tmp_path / "survey", catalogue(20).query("dec < 80").reset_index(drop=True))
    with ArchiveServer(HalfSky(1)) as first, ArchiveServer(SKY) as second:
        point(second, monkeypatch)
        skyview_conf.url = f"{first.address}/current/cgi/basicform.pl"
        report = run(survey, "skyview", "hips2fits")
    survey = survey.refreshed()
    assert report.counts == {"ok": len(survey)}
    south = survey.catalog["dec"] < 25
    assert (survey.status["source"] == np.where(south, "hips2fits", "skyview")).all()
    assert 0 < south.sum() < len(survey)
    held_by_the_server(survey)


def test_a_source_that_stays_down_gives_way_to_the_next(tmp_path, pointed, monkeypatch) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(12))
    gone = Faults(transient={}, lasting={}, outage=(0, 600.0))
    with ArchiveServer(SKY, gone) as first, ArchiveServer(SKY) as second:
        point(second, monkeypatch)
        skyview_conf.url = f"{first.address}/current/cgi/basicform.pl"
        limits = Limits(**{**vars(QUICK), "patience": 0.5, "down_after": 3})
        report = run(survey, "skyview", "hips2fits", limits=limits)
    assert report.state == "finished"
    after = survey.refreshed()
    assert after.usable.tolist() == [status == "ok" for status in wanted(after, NONE)]
    assert set(after.status["source"]) == {"hips2fits"}
    assert {service.name: service.state for service in report.services}["skyview"] == "down"


def test_a_run_ends_in_words_when_the_only_source_stays_down_and_goes_on_later(tmp_path, pointed, monkeypatch) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(12))
    limits = Limits(**{**vars(QUICK), "patience": 0.5, "down_after": 3})
    with ArchiveServer(SKY, Faults(transient={}, lasting={}, outage=(20, 600.0))) as server:
        point(server, monkeypatch)
        report = run(survey, "skyview", limits=limits)
    assert report.state == "stopped"
    assert "stayed down" in report.message
    with ArchiveServer(SKY) as server:
        point(server, monkeypatch)
        report = run(survey, "skyview")
    assert report.state == "finished"
    assert survey.refreshed().status["status"].tolist() == wanted(survey, NONE)
    held_by_the_server(survey.refreshed())


def test_only_those_that_failed_are_asked_for_again(tmp_path, pointed, monkeypatch) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(60))
    limits = Limits(**{**vars(QUICK), "tries": 2})
    faults = Faults(4, transient={}, lasting={"page": 0.2, "truncated": 0.1})
    with ArchiveServer(SKY, faults) as server:
        point(server, monkeypatch)
        run(survey, "skyview", limits=limits)
    before = survey.refreshed()
    failed = before.status["status"] == "failed"
    assert failed.sum() > 5
    with ArchiveServer(SKY) as server:
        point(server, monkeypatch)
        report = run(survey, "skyview", retry=("failed",))
        assert len(server.asked) == failed.sum() == report.asked_for == report.this_run
    after = survey.refreshed()
    assert after.status["status"].tolist() == wanted(after, NONE)
    held_by_the_server(after)
    rest = np.flatnonzero(before.usable)
    np.testing.assert_array_equal(after.images(rest), before.images(rest))
    assert report.counts == after.status["status"].value_counts().to_dict()
    assert not any(finding.is_damage for finding in check_survey(survey.path))


class _Given:
    """A source that gives what it is told to give, in the order of asking."""

    name, bands, shape = "given", BANDS, (64, 64)

    def __init__(self, gives: dict[int, list[int]]) -> None:
        self.gives, self.asked = gives, Counter[int]()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        planned = self.gives.get(galaxy.row, [galaxy.row])
        shown = planned[min(self.asked[galaxy.row], len(planned) - 1)]
        self.asked[galaxy.row] += 1
        image = np.random.default_rng(shown).normal(size=(64, 64, 5)).astype(np.float32)
        return Cutout(
            image=image,
            valid=np.ones((64, 64), bool),
            source=self.name,
            pixel_scale=0.396,
            position_angle=0.0,
            native_unit="nanomaggy",
            sky_sigma=(1.0,) * 5,
            psf_fwhm=(1.3,) * 5,
        )


@pytest.mark.parametrize(
    ("gives", "failed"),
    [
        ({40: [7, 40]}, []),  # an answer that was another galaxy's, once
        ({3: [9, 3]}, []),  # and that came before the galaxy's own
        ({40: [7]}, [7, 40]),  # again and again: nobody knows whose it is
        ({40: [7], 41: [7]}, [7, 40, 41]),
        ({270: [3]}, [3, 270]),  # the first is in the survey already
    ],
)
def test_the_same_pixels_for_two_galaxies_are_not_believed(gives, failed, tmp_path) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(300))
    report = download(survey, [_Given(gives)], workers=1)
    survey = survey.refreshed()
    status = survey.status["status"]
    assert status.index[status == "failed"].tolist() == failed
    assert report.counts == status.value_counts().to_dict()
    assert not any(finding.is_damage for finding in check_survey(survey.path))
    for batch in survey.batches():
        for row, image in zip(batch.rows, batch.images, strict=True):
            np.testing.assert_array_equal(image, _Given({}).fetch(Galaxy(row, 0, 0.0, 0.0, 1.0)).image)
    if failed:
        assert str(survey.galaxy_ids[failed[0]]) in survey.status["reason"][failed[1]]
        again = download(survey, [_Given({})], workers=1, retry=["failed"])
        assert again.counts == {"ok": 300}


def test_a_galaxy_that_is_listed_twice_may_have_its_pixels_twice(tmp_path) -> None:
    table = catalogue(4)
    table.loc[3, ["ra", "dec"]] = table.loc[1, ["ra", "dec"]] + 1e-4
    survey = Survey.create(tmp_path / "survey", table)
    assert download(survey, [_Given({3: [1]})], workers=1).counts == {"ok": 4}


def test_outcomes_in_any_order_enter_in_the_catalogues(tmp_path) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(700), bands=("r",), shape=(4, 4))
    rng, lock = np.random.default_rng(0), threading.Lock()

    class Uneven:
        name, bands, shape = "uneven", ("r",), (4, 4)

        def fetch(self, galaxy: Galaxy) -> Cutout:
            with lock:
                pause = rng.exponential(0.001) * (50 if galaxy.row in (0, 255, 300) else 1)
            time.sleep(pause)
            if galaxy.row % 10 == 3:
                raise CutoutUnavailable("missing", "this source has no threes")
            image = np.full((4, 4, 1), galaxy.row, np.float32)
            return Cutout(image, np.ones((4, 4), bool), self.name, 0.396, sky_sigma=(0.0,), psf_fwhm=(1.0,))

    report = download(survey, [Uneven()], workers=8)
    survey = survey.refreshed()
    assert report.counts == {"missing": 70, "ok": 630}
    rows = np.flatnonzero(survey.usable)
    np.testing.assert_array_equal(survey.images(rows)[:, 0, 0, 0], rows)
    assert not Staging(survey.path / "download" / "staged.sqlite").rows() or survey.rows_committed == 700


def test_an_error_of_ours_costs_one_galaxy_and_is_told(tmp_path, caplog) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(5), bands=("r",), shape=(4, 4))

    class Broken:
        name, bands, shape = "broken", ("r",), (4, 4)

        def fetch(self, galaxy: Galaxy) -> Cutout:
            raise ZeroDivisionError("a defect")

    report = download(survey, [Broken()], workers=2)
    assert report.counts == {"failed": 5}
    assert "ZeroDivisionError: a defect" in report.failures[0].reason
    assert "Traceback" in caplog.text


def test_staged_outcomes_come_back_as_they_were(tmp_path) -> None:
    rng = np.random.default_rng(1)
    cutout = Cutout(
        rng.normal(size=(5, 6, 3)).astype(np.float32),
        rng.random((5, 6)) < 0.5,
        "toy",
        0.4,
        12.0,
        "nanomaggy (assumed)",
        (0.1, 0.2, float("nan")),
        (1.0, 1.1, 1.2),
    )
    with Staging(tmp_path / "staged.sqlite") as staging:
        staging.put(Outcome(2**40, cutout, "toy", 3))
        staging.put(Outcome(1, CutoutUnavailable("failed", "a reason, with “quotes”"), "toy", 6))
    with Staging(tmp_path / "staged.sqlite") as staging:
        assert staging.rows() == [1, 2**40]
        refused, kept = staging.take([1, 2**40])
        assert (refused.status, refused.result.reason, refused.tries) == ("failed", "a reason, with “quotes”", 6)
        for name, value in vars(cutout).items():
            np.testing.assert_array_equal(getattr(kept.result, name), value)
        staging.drop([1])
        assert staging.rows() == [2**40]


@pytest.mark.long
def test_killed_again_and_again_the_survey_is_that_of_an_undisturbed_run(tmp_path) -> None:
    """The whole verb, in processes of their own, with astroquery's addresses in its own configuration file."""
    table = tmp_path / "galaxies.csv"
    catalogue(150, seed=9).to_csv(table, index=False)
    faults = Faults(
        6, transient={"reset": 0.05, "page": 0.05, "truncated": 0.05, "wrong place": 0.05}, lasting={"page": 0.05}
    )
    digests = []
    with ArchiveServer(SKY, faults, latency=0.01) as server:
        settings = tmp_path / "config" / "astropy" / "astroquery.cfg"
        settings.parent.mkdir(parents=True)
        settings.write_text(server.configuration(), encoding="utf-8")
        words = [sys.executable, "-m", "trainer", "download", str(table), str(tmp_path / "survey"), "--rate", "0"]
        words += ["--source", "hips2fits", "--tries", "3", "--workers", "6"]
        env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        for _ in range(3):
            asked = server.requests
            process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and server.requests < asked + 90:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "0.396 arcsec per pixel" in done.stdout
    survey = Survey.open(tmp_path / "survey")
    assert survey.status["status"].tolist() == wanted(survey, faults)
    held_by_the_server(survey)
    assert read_report(survey.path).counts == survey.status["status"].value_counts().to_dict()
    digests.append(survey.digest)
    with Survey.create(tmp_path / "again", survey.catalog).writer() as writer:
        for row in range(150):
            ok = survey.status.loc[row, "status"] == "ok"
            writer.append(survey.cutout(row) if ok else CutoutUnavailable("failed", "as before"))
    assert Survey.open(tmp_path / "again").header.pixels_digest == survey.header.pixels_digest


def test_ctrl_c_keeps_what_is_done(tmp_path) -> None:
    table = tmp_path / "galaxies.csv"
    catalogue(400, seed=9).to_csv(table, index=False)
    with ArchiveServer(SKY, latency=0.05) as server:
        settings = tmp_path / "config" / "astropy" / "astroquery.cfg"
        settings.parent.mkdir(parents=True)
        settings.write_text(server.configuration(), encoding="utf-8")
        words = [sys.executable, "-m", "trainer", "download", str(table), str(tmp_path / "survey"), "--rate", "0"]
        env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while server.requests < 150:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command continues from there" in errors
    assert "Traceback" not in errors
    report = read_report(tmp_path / "survey")
    assert report.state == "interrupted"
    assert 0 < report.done < 400


def test_another_plan_or_catalogue_is_refused(tmp_path) -> None:
    table = tmp_path / "galaxies.csv"
    catalogue(5).to_csv(table, index=False)
    reads = list[Path]()

    def read(path: Path) -> pd.DataFrame:
        reads.append(path)
        return pd.read_csv(path)

    open_download(tmp_path / "survey", table, read, DownloadPlan())
    open_download(tmp_path / "survey", table, read, DownloadPlan())
    assert len(reads) == 1  # a large catalogue is not read again
    with pytest.raises(SurveyError, match="arcsec 25"):
        open_download(tmp_path / "survey", table, read, DownloadPlan(field=Field(400.0)))
    catalogue(6).to_csv(table, index=False)
    with pytest.raises(SurveyError, match="catalog"):
        open_download(tmp_path / "survey", table, read, DownloadPlan())
    Survey.create(tmp_path / "painted", catalogue(5), source="painted")
    with pytest.raises(SurveyError, match="not begun by a download"):
        open_download(tmp_path / "painted", table, read, DownloadPlan())


def test_what_a_user_should_know_is_said_beforehand(tmp_path, pointed, monkeypatch) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(50))
    wide = DownloadPlan(field=Field(400.0))
    said = list(describe_download(survey, open_archives(["skyview"], wide, ArchiveSettings()), wide))
    assert any("6.250 arcsec per pixel" in line for line in said)
    assert any(line.startswith("Warning: 100.0% of the galaxies have a radius below 3 pixels") for line in said)
    assert any("not verified" in line for line in said)
    native = list(describe_download(survey, open_archives(["sdss"], DownloadPlan(), ArchiveSettings()), DownloadPlan()))
    assert any("0.396 arcsec per pixel" in line for line in native)
    assert not any(line.startswith("Warning") for line in native)


def test_a_field_in_radii_follows_the_galaxy(tmp_path, pointed, monkeypatch) -> None:
    catalog = catalogue(3).assign(dec=10.0, petro_radius=[4.0, 8.0, np.nan])
    survey = Survey.create(tmp_path / "survey", catalog)
    with ArchiveServer(SKY) as server:
        point(server, monkeypatch)
        run(survey, "skyview", plan=DownloadPlan(field=Field(radii=6.4)))
    status = survey.refreshed().status
    np.testing.assert_allclose(status["pixel_scale"], [0.4, 0.8, np.nan])
    assert status.loc[2, ["status", "reason"]].tolist() == [
        "missing",
        "the catalogue has no Petrosian radius for the width of the field",
    ]


def test_unknown_sources_are_told() -> None:
    with pytest.raises(InputError, match="skyview, hips2fits, sdss"):
        open_archives(["ned"], DownloadPlan(), ArchiveSettings())


def test_an_endless_answer_is_cut(tmp_path, pointed, monkeypatch) -> None:
    from trainer.archives.session import PoliteSession
    from trainer.sources.remote import SourceSettings

    with ArchiveServer(SKY) as server:
        setting = SourceSettings(limits=Limits(**{**vars(QUICK), "most_bytes": 10_000}))
        session = PoliteSession(setting.service("toy", server.address))
        address = (
            f"{server.address}/hips-image-services/hips2fits?hips=CDS/P/SDSS9/g&ra=1&dec=1&width=64&height=64&fov=0.01"
        )
        with pytest.raises(ArchiveError, match="larger than"):
            session.get(address)


@pytest.mark.parametrize("fault", ["drip", "slow head", "hang"])
def test_a_slow_answer_ends_in_time(fault: str) -> None:
    from trainer.archives.session import PoliteSession
    from trainer.sources.remote import SourceSettings

    faults = Faults(transient={}, lasting={fault: 1.0}, patience=20.0)
    with ArchiveServer(SKY, faults) as server:
        setting = SourceSettings(limits=Limits(**{**vars(QUICK), "read": 0.6, "whole": 1.0}))
        session = PoliteSession(setting.service("toy", server.address))
        began = time.monotonic()
        with pytest.raises(ArchiveError) as caught:
            session.get(
                f"{server.address}/hips-image-services/hips2fits?hips=CDS/P/SDSS9/g&ra=1&dec=1&width=8&height=8&fov=1"
            )
        assert caught.value.kind == "timeout"
        assert time.monotonic() - began < 10.0  # and not the twenty that the server would take


def test_failures_are_counted_by_kind_with_ids_that_stay_whole() -> None:
    reasons = [f"the image shows another place, {off:.1f} arcsec from the galaxy" for off in (1.5, 22.7, 8.0)]
    refused = [(588015507658768484 + row, "failed", reason) for row, reason in enumerate(reasons)]
    failures = failures_of([*refused, (588015507658768499, "out_of_footprint", "outside")])
    assert [(f.status, f.count) for f in failures] == [("failed", 3), ("out_of_footprint", 1)]
    assert failures[0].examples[0] == "588015507658768484"
    assert failures[0].advice != failures[1].advice


def test_the_report_is_plain_json(tmp_path) -> None:
    survey = Survey.create(tmp_path / "survey", catalogue(3), bands=("r",), shape=(4, 4))

    class Empty:
        name, bands, shape = "empty", ("r",), (4, 4)

        def fetch(self, galaxy: Galaxy) -> Cutout:
            raise CutoutUnavailable("out_of_footprint", "nothing here")

    heard = []
    report = download(survey, [Empty()], workers=1, progress=heard.append)
    assert heard
    assert read_report(survey.path) == report
    record = json.loads((survey.path / "download" / "report.json").read_text())
    assert record["failures"][0]["examples"][0] == "588015507658768484"
    (survey.path / "download" / "report.json").write_text('{"state": 3}')
    with pytest.raises(SurveyError, match=r"report\.json cannot be read"):
        read_report(survey.path)

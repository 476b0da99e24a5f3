"""The page of a download in every state, run without a browser."""

from __future__ import annotations

import csv
import inspect
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from astroquery.skyview import conf as skyview_conf
from dashboard_fixtures import FIRST_ID, LOST, make_survey
from hypothesis import given
from hypothesis import strategies as st_
from streamlit.testing.v1 import AppTest

from dashboards import downloading
from dashboards.building import BuildState
from dashboards.loading.downloads import DownloadSettings, interrupt, is_downloading, settings_of
from dashboards.loading.surveys import without_image_csv
from dashboards.parts.download import MOST_KINDS
from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.stores.files import write_json
from gz2interp.stores.survey import Survey
from trainer.__main__ import download as command
from trainer.archives.limits import Limits
from trainer.download import DownloadPlan, download, open_download
from trainer.download.asking import ARCHIVES, ArchiveSettings, open_archives
from trainer.download.report import ADVICE, Failure, Report, ServiceState, report_file
from trainer.download.staging import Outcome, Staging
from trainer.rehearsal import ArchiveServer, Faults, SimpleSky

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "dashboards" / "explore.py"
PAGE = next((ROOT / "dashboards").glob("*/galaxies.py")).parent.name


@pytest.fixture(autouse=True)
def surveys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    return tmp_path


@pytest.fixture
def survey(surveys: Path) -> Survey:
    return make_survey(surveys / "tiny", 20, model=False, analysed=False)


def report(state: str, age: float = 0.0, **parts: Any) -> Report:
    """A report that was written `age` seconds ago."""
    written = datetime.now(UTC) - timedelta(seconds=age)
    known: dict[str, Any] = {
        "state": state,
        "message": "Words of the report",
        "started": (written - timedelta(hours=2)).isoformat(timespec="seconds"),
        "updated": written.isoformat(),
        "sources": ("skyview",),
        "workers": 8,
        "rate": 8.0,
        "pixel_scale": 0.396,
        "total": 2000,
        "done": 1500,
        "asked_for": 1800,
        "this_run": 1300,
        "counts": {"failed": 7, "ok": 1490, "out_of_footprint": 3},
        "per_second": 2.5,
        "remaining": 12000.0,
        "services": (ServiceState("skyview", "sky.example", "up", "", 4321, 5_600_000, {"timeout": 12}),),
        "failures": (Failure("failed", "it said <b>no</b>", 7, (str(FIRST_ID + 1),), ADVICE["failed"]),),
        "pid": os.getpid(),
    }
    return Report(**{**known, **parts})


def opened(name: str = "tiny") -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    page.query_params["survey"] = name
    page.switch_page(f"{PAGE}/download.py").run()
    assert not page.exception, page.exception
    return page


def text_of(page: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "info")
    return "\n".join(str(element.proto.body) for kind in kinds for element in page.get(kind))


def command_of(page: AppTest) -> str:
    return "\n".join(str(code.value) for code in page.code)


def test_a_survey_that_was_not_downloaded_says_how_to_download_one(survey: Survey) -> None:
    said = text_of(opened())
    assert "tiny was not downloaded" in said
    assert f"python -m trainer download CATALOG {survey.path.parent / 'my-survey'}" in said


def test_without_any_survey(surveys: Path) -> None:
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    page.switch_page(f"{PAGE}/download.py").run()
    assert not page.exception
    assert "python -m trainer download CATALOG" in text_of(page)


def test_the_survey_is_the_one_of_the_other_page(surveys: Path, survey: Survey) -> None:
    make_survey(surveys / "another", 10, model=False, analysed=False)
    page = opened()
    assert page.query_params["survey"] == "tiny"
    page.selectbox(key="choose_survey").select("another").run()
    assert page.query_params["survey"] == "another"
    assert "another was not downloaded" in text_of(page)


def test_a_running_download(survey: Survey) -> None:
    report("running").write(survey.path)
    page = opened()
    said = text_of(page)
    assert "Downloading" in said
    assert "3 h 20 min" in said
    assert "sky.example" in said
    assert "5.6 MB" in said
    assert "timed out" in said
    for word, count in (("ok", "1,490"), ("failed", "7"), ("out of footprint", "3")):
        assert f"</i> {word}</span></dt><dd>{count}</dd>" in said
    assert not page.code, "no command, as long as one is running"
    assert f">{FIRST_ID + LOST}<" in said, "what has entered the survey is told while it runs"


def test_a_waiting_download_says_which_service_is_down(survey: Survey) -> None:
    down = ServiceState("skyview", "sky.example", "down", "no <answer>", 4, 0, {"connection": 4})
    report("waiting", services=(down,), remaining=None).write(survey.path)
    said = text_of(opened())
    assert "Waiting for skyview, which is down" in said
    assert "is down</span>: no &lt;answer&gt;" in said
    assert "not known yet" in said


def test_all_services_that_are_down_are_named(survey: Survey) -> None:
    states = {"skyview": "down", "hips2fits": "up", "sdss": "down"}
    services = tuple(ServiceState(name, "sky.example", is_, "", 4, 0, {}) for name, is_ in states.items())
    report("waiting", services=services).write(survey.path)
    page = opened()
    assert "Waiting for skyview and sdss, which are down" in text_of(page)
    report("stopped", services=services).write(survey.path)
    assert "The download stopped: skyview and sdss stayed down" in text_of(page.run())


@pytest.mark.parametrize(("state", "title"), [("interrupted", "interrupted"), ("stopped", "a service stayed down")])
def test_a_download_that_ended_before_its_time_can_go_on(survey: Survey, state: str, title: str) -> None:
    report(state, age=3600).write(survey.path)
    said = text_of(opened())
    assert title in said
    assert "Words of the report." in said


def test_a_finished_download_names_the_command_that_asks_again(survey: Survey) -> None:
    report("finished", age=3600).write(survey.path)
    page = opened()
    said = text_of(page)
    assert "The download is finished" in said
    assert command_of(page) == f"python -m trainer download CATALOG {survey.path} --retry failed"
    assert "it said &lt;b&gt;no&lt;/b&gt;" in said
    assert f">{FIRST_ID + 1}<" in said, "ids keep their digits"
    assert ADVICE["failed"] in said
    assert "Refresh" in [button.label for button in page.button]


def test_nothing_is_to_be_done_where_nothing_failed(survey: Survey) -> None:
    report("finished", counts={"ok": 2000}, failures=()).write(survey.path)
    assert command_of(opened()) == ""


def test_a_download_of_which_galaxies_are_lacking_goes_on_with_its_own_settings(surveys: Path) -> None:
    whole = make_survey(surveys / "whole", 20, model=False, analysed=False)
    part = Survey.create(surveys / "a part", whole.catalog)
    settings = {"arcsec": 400.0, "radii": None, "bands": ["g", "r", "i"], "size": 64, "catalog": "0"}
    write_json(part.path / "download" / "settings.json", settings)
    page = opened("a part")
    assert "No report of this download yet" in text_of(page)
    assert page.button(key="download_again").label == "Continue"
    report("interrupted", sources=("hips2fits", "sdss"), workers=2, rate=0.5).write(part.path)
    options = "--source hips2fits --source sdss --field 400 --bands gri --workers 2 --rate 0.5"
    assert command_of(opened("a part")) == f"python -m trainer download CATALOG '{part.path}' {options}"


def test_what_the_command_does_by_itself_is_what_the_page_takes_it_to_do(survey: Survey) -> None:
    usual = {name: each.default for name, each in inspect.signature(command).parameters.items()}
    assert (usual["workers"], usual["rate"]) == (DownloadSettings().workers, DownloadSettings().rate)
    report("interrupted", workers=usual["workers"], rate=usual["rate"]).write(survey.path)
    told = command_of(opened())
    assert "--workers" not in told
    assert "--rate" not in told


@given(
    st_.builds(
        DownloadSettings,
        st_.just("/some where/table.csv"),
        st_.lists(st_.sampled_from(ARCHIVES), min_size=1, unique=True).map(tuple),
        st_.none() | st_.integers(50, 20000).map(lambda tenths: tenths / 10),
        st_.none(),
        st_.integers(1, 64),
        st_.integers(1, 1000).map(lambda tenths: tenths / 10),
    )
)
def test_a_wish_is_read_back_from_its_command(wish: DownloadSettings) -> None:
    started_with = ["python", "-m", "trainer", "download", wish.catalog, "/survey"]
    assert settings_of([*started_with, *wish.options()]) == wish
    in_radii = replace(wish, field=None, radii=8.0)
    assert settings_of([*started_with, *in_radii.options()]) == in_radii
    assert settings_of(["nothing", "of", "the", "kind"]) == DownloadSettings()


@pytest.mark.parametrize(
    "wish",
    [DownloadSettings(sources=()), DownloadSettings(field=400.0, radii=8.0)],
    ids=["without a source", "of two fields"],
)
def test_a_wish_that_makes_no_sense_is_refused(wish: DownloadSettings) -> None:
    with pytest.raises(InputError):
        wish.options()


def test_a_process_that_is_gone_was_killed(survey: Survey) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    report("running", age=10, pid=gone.pid, failures=()).write(survey.path)
    page = opened()
    said = text_of(page)
    assert "The download was killed" in said
    assert "Finished galaxies are kept; run the same command again." in said
    assert f">{FIRST_ID + LOST}<" in said


def test_a_process_that_says_nothing_gives_no_sign_of_life(survey: Survey) -> None:
    report("waiting", age=300).write(survey.path)
    said = text_of(opened())
    assert "does not respond" in said
    assert "5 min ago" in said
    assert "Finished galaxies are kept; run the same command again." in said


def test_a_damaged_report_is_told(survey: Survey) -> None:
    report("finished").write(survey.path)
    record, page = json.loads(report_file(survey.path).read_text()), opened()
    senseless = ({"updated": "yesterday"}, {"state": "flying"}, {"counts": None}, {"done": "many"})
    for damaged in ("{", "[]", '{"state": 1}', *(json.dumps({**record, **part}) for part in senseless)):
        report_file(survey.path).write_text(damaged)
        said = text_of(page.run())
        assert not page.exception
        assert "This download cannot be shown" in said
        assert "report.json" in said


def test_a_great_many_kinds_of_reasons_are_cut_with_a_word(survey: Survey) -> None:
    many = tuple(Failure("failed", f"reason {kind}", 1, (), "") for kind in range(MOST_KINDS + 9))
    report("finished", failures=many).write(survey.path)
    said = text_of(opened())
    assert said.count("<td>reason ") == MOST_KINDS
    assert f"The {MOST_KINDS} most frequent of {MOST_KINDS + 9} kinds" in said


def test_the_table_of_galaxies_without_image_holds_ids_as_digits(survey: Survey) -> None:
    told = list(csv.DictReader(io.StringIO(without_image_csv("tiny").decode())))
    assert [row["galaxy_id"] for row in told] == [str(FIRST_ID + LOST)]
    assert told[0]["status"] == "missing"
    assert set(told[0]) == {"galaxy_id", "status", "reason", "source", "tries"}


def test_the_table_holds_those_that_wait_beside_the_survey_too(surveys: Path) -> None:
    ids = FIRST_ID + np.arange(9)
    catalog = pd.DataFrame({"galaxy_id": ids, "ra": np.arange(9.0), "dec": np.zeros(9)})
    survey = Survey.create(surveys / "half", catalog)
    with Staging(survey.path / "download" / "staged.sqlite") as staging:
        staging.put(Outcome(5, CutoutUnavailable("failed", "it said no"), "skyview", 6))
        while_open = without_image_csv("half")
        files = {file.name: file.read_bytes() for file in (survey.path / "download").glob("staged.sqlite*")}
        assert "staged.sqlite-wal" in files
        assert without_image_csv("half") == while_open
        now = {name: (survey.path / "download" / name).read_bytes() for name in files}
        assert {name for name in files if now[name] != files[name]} <= {"staged.sqlite-shm"}, "reading changes nothing"
    (row,) = csv.DictReader(io.StringIO(while_open.decode()))
    assert (row["galaxy_id"], row["status"], row["reason"], row["tries"]) == (str(ids[5]), "failed", "it said no", "6")
    assert without_image_csv("half") == while_open, "neither does the end of the writer"


def test_a_galaxy_that_has_entered_and_still_waits_is_told_once(survey: Survey) -> None:
    """A writer that was killed after a shard had entered, and before it was dropped beside the survey."""
    with Staging(survey.path / "download" / "staged.sqlite") as staging:
        staging.put(Outcome(LOST, CutoutUnavailable("failed", "of before"), "skyview", 6))
    (row,) = csv.DictReader(io.StringIO(without_image_csv("tiny").decode()))
    assert row["reason"] != "of before"


def test_a_damaged_file_beside_the_survey_is_told(survey: Survey) -> None:
    (survey.path / "download").mkdir()
    (survey.path / "download" / "staged.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(SurveyError, match=r"staged\.sqlite cannot be read"):
        without_image_csv("tiny")


def wait_for(page: AppTest, words: str, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while words not in text_of(page):
        assert time.monotonic() < ends, text_of(page).partition("</style>")[2]
        time.sleep(0.3)
        page.run()
        assert not page.exception, page.exception


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    """A server whom downloads that the page starts will ask."""
    faults = Faults(seed=1, transient={}, lasting={"wrong shape": 0.3})
    with ArchiveServer(SimpleSky(1), faults) as server:
        settings = tmp_path / "config" / "astropy" / "astroquery.cfg"
        settings.parent.mkdir(parents=True)
        settings.write_text(server.configuration(), encoding="utf-8")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        yield server


def catalogue(surveys: Path, galaxies: int) -> Path:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"galaxy_id": FIRST_ID + np.arange(galaxies), "ra": rng.uniform(0, 359, galaxies)})
    table.assign(dec=rng.uniform(0, 60, galaxies)).to_csv(surveys / "galaxies.csv", index=False)
    return surveys / "galaxies.csv"


def started(surveys: Path, galaxies: int, name: str = "night") -> AppTest:
    """The page, after the button."""
    table = catalogue(surveys, galaxies)
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    page.switch_page(f"{PAGE}/download.py").run()
    page.text_input(key="download_catalog").set_value(str(table))
    page.text_input(key="download_name").set_value(name)
    page.number_input(key="download_rate").set_value(100.0)
    page.button[0].click().run()
    assert not page.exception, page.exception
    return page


def test_those_that_failed_are_asked_for_again(surveys: Path, archive: ArchiveServer) -> None:
    table = catalogue(surveys, 30)
    survey = open_download(surveys / "night", table, pd.read_csv, DownloadPlan())
    asking = ArchiveSettings(Limits(workers=6, rate=0, tries=2, backoff=0.01))
    with skyview_conf.set_temp("url", f"{archive.address}/current/cgi/basicform.pl"):
        assert download(survey, open_archives(["skyview"], DownloadPlan(), asking), workers=6).counts["failed"] > 2
    archive.faults.lasting = {}
    page = opened("night")
    page.text_input(key="download_again_catalog").set_value(str(table))
    with survey.writer():
        page.button(key="download_again").click().run()
        wait_for(page, "The download could not be started")
    assert "Another process is writing" in command_of(page)
    assert "The download is finished" in text_of(page), "and how it stands is told as before"
    page.button(key="download_again").click().run()
    assert "Starting the download" in text_of(page)
    wait_for(page, "The download is finished")
    assert (survey.refreshed().status["status"] == "ok").all()
    assert "download_again" not in {button.key for button in page.button}
    assert "The download could not be started" not in text_of(page)


def test_a_download_started_here_can_be_stopped_and_gone_on_with(surveys: Path, archive: ArchiveServer) -> None:
    archive.latency = 0.3
    page = started(surveys, 200)
    wait_for(page, "It continues when this page is closed")
    page.button(key="download_stop").click().run()
    wait_for(page, "The download was interrupted")
    done = Survey.open(surveys / "night").rows_committed
    shutil.rmtree(surveys / ".downloads")
    assert page.run().text_input(key="download_again_catalog").value == str(surveys / "galaxies.csv"), "kept with it"
    page.button(key="download_again").click().run()
    wait_for(page, "It continues when this page is closed")
    downloading.stop(surveys / "night")
    assert 200 > Survey.open(surveys / "night").rows_committed >= done


def test_a_download_of_a_terminal_can_be_stopped_too(surveys: Path, archive: ArchiveServer) -> None:
    archive.latency = 0.3
    words = [sys.executable, "-m", "trainer", "download", str(catalogue(surveys, 200)), "night", "--rate", "100"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        words, cwd=surveys, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        while not report_file(surveys / "night").exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.1)
        assert not is_downloading(surveys, process.pid), "another survey is not meant"
        page = opened("night")
        page.button(key="download_stop").click().run()
        assert process.wait(60) == 130, "as Ctrl+C ends it"
        process.communicate()
    wait_for(page, "The download was interrupted")
    assert page.text_input(key="download_again_catalog").value == "", "nobody has told the page"
    assert not interrupt(surveys / "night", process.pid)


def test_a_process_that_is_no_download_is_left_alone(survey: Survey) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()", "trainer", str(survey.path)], stdin=subprocess.PIPE
    ) as other:
        report("running", pid=other.pid).write(survey.path)
        page = opened()
        assert "Ctrl+C in its terminal" in text_of(page)
        assert "download_stop" not in {button.key for button in page.button}
        assert not interrupt(survey.path, other.pid)
        assert other.poll() is None
        other.communicate(b"\n")
    assert other.returncode == 0
    assert not interrupt(survey.path, 0)


def of_the_dashboard(state: str, words: str = "") -> Callable[[Path], BuildState]:
    """In the place of `downloading.read_state`: a process that has reported."""
    return lambda survey: BuildState(
        state, {}, 9.0, words, 0.0, ("python", "-m", "trainer", "download", "/c.csv", "/s")
    )


def test_a_download_is_told_once_to_stop(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Path] = []
    monkeypatch.setattr(downloading, "read_state", of_the_dashboard("running"))
    monkeypatch.setattr(downloading, "stop", told.append)
    report("running").write(survey.path)
    page = opened()
    page.button(key="download_stop").click().run()
    assert page.button(key="download_stop").disabled
    assert "are being added to the survey" in text_of(page)
    assert told == [survey.path]


def test_the_last_words_of_a_download_that_broke_are_shown(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "read_state", of_the_dashboard("failed", "OSError: No space left on device"))
    report("interrupted").write(survey.path)
    page = opened()
    assert "No space left on device" in command_of(page)
    monkeypatch.setattr(downloading, "read_state", of_the_dashboard("failed", "120 of 2000: 2.5/s"))
    assert "120 of" not in command_of(page.run()), "progress is no news"


def test_a_download_that_cannot_be_started_is_refused_in_words(survey: Survey) -> None:
    page = opened()
    page.toggle(key="download_new").set_value(True).run()
    for catalog, name, words in (
        ("/nowhere.csv", "new", "There is no file '/nowhere.csv'"),
        ("", "new", "No catalogue was given"),
        ("/nowhere.csv", "", "The new survey has no name"),
        ("/nowhere.csv", "tiny", "exists already"),
        ("/nowhere.csv", ".new", "does not begin with a dot"),
        ("~nobody-of-that-name/t.csv", "new", "It cannot be started"),
        ("/nowhere.csv", "~nobody-of-that-name/new", "A name such as my-survey"),
    ):
        page.text_input(key="download_catalog").set_value(catalog)
        page.text_input(key="download_name").set_value(name)
        next(button for button in page.button if button.label == "Start the download").click().run()
        assert not page.exception, page.exception
        assert words in text_of(page).replace("&#x27;", "'")
    assert words not in text_of(page.run()), "once is enough"


def test_a_start_that_failed_shows_its_last_words_and_can_be_tried_again(surveys: Path) -> None:
    (surveys / "broken.csv").write_text("name\n1\n", encoding="utf-8")
    downloading.begin(
        surveys / "night", str(surveys / "broken.csv"), DownloadSettings(sources=("sdss",), workers=3).options()
    )
    page = opened("night")
    wait_for(page, "The download could not be started")
    assert "name" in command_of(page)
    assert page.text_input(key="download_catalog").value == str(surveys / "broken.csv")
    assert page.text_input(key="download_name").value == "night"
    assert page.multiselect(key="download_sources").value == ["sdss"]
    assert page.number_input(key="download_workers").value == 3
    page.button(key="download_forget").click().run()
    assert not page.exception
    assert downloading.read_state(surveys / "night") is None
    assert "No survey yet" in text_of(page)


def test_the_page_loads_neither_tensorflow_nor_umap_nor_astroquery(survey: Survey) -> None:
    report("finished").write(survey.path)
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file({str(SCRIPT)!r}, default_timeout=60).run()
print([name for name in sys.modules if name.startswith("trainer.download")])
page.switch_page("{PAGE}/download.py").run()
assert not page.exception
assert any("The download is finished" in each.proto.body for each in page.get("html"))
print([name for name in ("tensorflow", "keras", "umap", "tf_keras_vis", "astroquery") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.split() == ["[]", "[]"]

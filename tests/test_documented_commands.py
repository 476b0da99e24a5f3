"""The commands and snippets of every document, as written and in their order.

All documents share one working folder and one folder of surveys, as those of a reader do who works through them one
after another. Names that a reader would replace (SURVEY, IMAGES/, mine.fits, ...) are names of real things there, so
that nothing is rewritten. A command that has run for an earlier line is not run again. What cannot run here is listed
in `ELSEWHERE`, with the reason.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from dashboard_fixtures import small_network
from pyvo.samp import SAMPHubServer, conf
from test_giving_samp import TOPCAT, Listener

from gz2interp.stores.survey import Survey
from trainer.rehearsal import ArchiveServer, SimpleSky

pytestmark = [pytest.mark.long, pytest.mark.timeout(2400)]  # a check of every method takes ten minutes on two cores

ROOT = Path(__file__).parents[1]
REAL_DATA = Path(os.environ.get("GZ2INTERP_REAL_DATA", ROOT.parent / "shared" / "data"))
DOCUMENTS = ("README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")))


@dataclass(frozen=True)
class Snippet:
    """A command of a shell, or a block of Python."""

    document: str
    line: int
    language: str
    text: str

    @property
    def command(self) -> str:
        """The text without comment and doubled blanks: what two documents have in common."""
        return self.text if self.language == "python" else " ".join(self.text.split(" #")[0].split())

    def __str__(self) -> str:
        return f"{self.document}:{self.line} {self.text.splitlines()[0][:60]}"


def snippets(document: str) -> Iterator[Snippet]:
    """The commands of a document, one a line (a backslash goes on), and its blocks of Python."""
    text = (ROOT / document).read_text()
    for block in re.finditer(r"^```(bash|python)\n(.*?)^```", text, re.M | re.S):
        first = text[: block.start(2)].count("\n") + 1
        if block[1] == "python":
            yield Snippet(document, first, "python", block[2])
            continue
        for at, command in enumerate(block[2].replace("\\\n", " ").splitlines()):
            if command.strip() and not command.startswith("#"):
                yield Snippet(document, first + at, "bash", command)


SNIPPETS = [snippet for document in DOCUMENTS for snippet in snippets(document)]

ELSEWHERE = {
    r"python3? -m venv|pip install|\.venv/bin|^pytest|ruff check": "the continuous integration runs these itself",
    r"^streamlit run": "serves until it is stopped; the browser tests start it",
    r"benchmarks[./]": "takes hours; benchmarks are run by hand, and their figures stand in the docs",
    r"features good": "wants the survey of a benchmark with real galaxies, which takes hours to make",
    r"s3://|archive\.example\.org|galaxies-1f0c2a9b": (
        "an example of an address; test_stores_remote.py opens surveys through fsspec and a real HTTP server"
    ),
    r"^dask |--scheduler tcp": "wants other machines; test_cluster.py analyses with a real scheduler and real workers",
    r"download gz2_hart16\.csv": "takes a night; the README's downloads run from archives on this machine",
    r"suspects gz2": "trains five networks, as the README's `suspects mine` does",
}
"""What cannot be run here as it is written, by a pattern of its text, and why."""


@dataclass(frozen=True)
class Workplace:
    """A working folder, with a folder of surveys in it, a SAMP hub, and the commands that have run.

    Attributes
    ----------
    ran : dict of str to Snippet
        By what the shell gets to see of each command.
    """

    folder: Path
    hub: str
    ran: dict[str, Snippet] = field(default_factory=dict)

    @property
    def surveys(self) -> Path:
        return self.folder / "surveys"

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {
            **os.environ,
            "GZ2INTERP_SURVEYS": str(self.surveys),
            "PATH": programs,
            "SAMP_HUB": self.hub,
            "XDG_CONFIG_HOME": str(
                self.folder / "config"
            ),  # astroquery's addresses: local servers instead of the archives
        }
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def shell(self, command: str) -> None:
        """Run a command that must succeed."""
        done = self.run(["bash", "-euo", "pipefail", "-c", command])
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A working folder with the demo and everything else that a document names."""
    folder = tmp_path_factory.mktemp("documented")
    frames = REAL_DATA / "sdss_frames"
    with samp_hub(folder) as hub, ArchiveServer(SimpleSky()) as archives:
        place = Workplace(folder / "work", hub)
        settings = place.folder / "config" / "astropy" / "astroquery.cfg"
        settings.parent.mkdir(parents=True)
        settings.write_text(archives.configuration(), encoding="utf-8")
        place.shell("python -m trainer demo")
        prepare(place)
        if frames.is_dir():
            (place.folder / "FRAMES").symlink_to(frames)
        yield place


@contextmanager
def samp_hub(folder: Path) -> Iterator[str]:
    """A hub with one program at it that is called topcat; the address of its lock file."""
    lock = folder / "samp.lock"
    address = f"std-lockurl:{lock.as_uri()}"
    with mock.patch.dict(os.environ, {"SAMP_HUB": address}), conf.set_temp("use_internet", False):
        hub = SAMPHubServer(web_profile=False, addr="127.0.0.1")
        hub.start()
        listener = Listener("topcat", TOPCAT)
        try:
            yield address
        finally:
            listener.client.disconnect()
            hub.stop()


def prepare(place: Workplace) -> None:
    """Lay everything in the working folder that a document names."""
    place.shell("python -m trainer paint other --galaxies 700 --seed 5")
    place.shell("gz2interp export other --where 'galaxy_id > 0' --out IMAGES")
    other = Survey.open(place.surveys / "other")
    catalogue = other.catalog.rename(columns={"galaxy_id": "dr7objid"})
    for name in ("zoo2MainSpecz.csv", "zoo2MainPhotoz.csv", "gz2_hart16.csv"):
        catalogue.to_csv(place.folder / name, index=False)
    catalogue[:12].to_csv(place.folder / "targets.csv", index=False)
    image = sorted((place.folder / "IMAGES").glob("*.fits"))[0]
    for name in ("mine.fits", "MINE.fits", "galaxy.fits"):
        shutil.copy(image, place.folder / name)
    ids = other.catalog["galaxy_id"]
    vectors = np.random.default_rng(1).normal(size=(len(ids), 8)).astype(np.float32)
    pd.DataFrame({"galaxy_id": ids, "vector": list(vectors)}).to_parquet(place.folder / "latents.parquet")
    pd.DataFrame({"galaxy_id": ids[:3], "rating": [5, 0, 3]}).to_csv(place.folder / "theirs.csv", index=False)
    (place.folder / "my_network.keras").write_bytes(small_network(side=64))
    letters = catalogue["gz2class"].str[:1]
    catalogue.assign(label=letters)[letters.isin(["E", "S"])].to_csv(place.folder / "gz1.csv", index=False)
    place.shell("python -m trainer ingest gz1 --source folder --from IMAGES/ --catalog gz1.csv")
    shutil.copytree(place.surveys / "other", place.surveys / "gz2")


@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
def test_it_runs_as_it_is_written(workplace: Workplace, snippet: Snippet) -> None:
    reason = next((why for what, why in ELSEWHERE.items() if re.search(what, snippet.text)), None)
    if reason is not None:
        pytest.skip(reason)
    if snippet.command in workplace.ran:
        earlier = workplace.ran[snippet.command]
        pytest.skip(f"ran at {earlier.document}:{earlier.line}")
    if "FRAMES/" in snippet.text and not (workplace.folder / "FRAMES").exists():
        pytest.skip("real frames are not here")
    if snippet.language == "python":
        done = workplace.run([sys.executable, "-W", "error::FutureWarning", "-c", snippet.text])
        assert done.returncode == 0, done.stderr[-2000:]
    else:
        workplace.shell(snippet.text)
    for name in re.findall(r"--(?:out|figure) (\S+)", snippet.command):
        assert (workplace.folder / name).exists()
    workplace.ran[snippet.command] = snippet


def test_every_block_of_a_document_is_run_or_is_output() -> None:
    """A block in another language would be passed over."""
    languages = {
        (document, language)
        for document in DOCUMENTS
        for language in re.findall(r"^ *(?:```|~~~)([^\n`]+)$", (ROOT / document).read_text(), re.M)
    }
    assert {language for _, language in languages} <= {"bash", "python"}, languages


def test_every_reason_to_leave_something_out_is_needed() -> None:
    for pattern in ELSEWHERE:
        assert any(re.search(pattern, snippet.text) for snippet in SNIPPETS), pattern

"""A download on its worst day, and on a good one: nothing lost, nothing wrong, and how fast.

Everything runs against local servers that speak the archives' protocols; astroquery finds them through its own
configuration file. Three parts:

``bad-day``
    A catalogue against servers that hang, drip, break off, refuse, answer with pages, parts of files, other places and
    other bands, and are gone for a while. Once undisturbed, and once killed (SIGKILL) at random moments and started
    again each time. Every stored image is compared with what the server holds for that galaxy, and the two surveys with
    each other.
``speed``
    Against answers that take a while: how many times faster than the loop of the original project, which asks
    astroquery for one galaxy after the other; and how near to a limit of the rate where that binds.
``plan``
    300,000 galaxies: how long it takes to make the survey, and to find the first galaxy to ask for again, at the second
    start, near the end, and when those that failed are asked for again.

    python benchmarks/download.py bad-day --galaxies 10000 --kills 20
    python benchmarks/download.py speed
    python benchmarks/download.py plan
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import BANDS
from gz2interp.stores.survey import Survey
from trainer.archives.limits import Stopped
from trainer.download import DownloadPlan, download, open_download, read_report
from trainer.rehearsal import ArchiveServer, Faults, SimpleSky
from trainer.rehearsal.skies import place_of

QUICK = ("--timeout", "2", "--rate", "0")


def catalogue(galaxies: int, seed: int) -> pd.DataFrame:
    """Positions as a catalogue has them, one in twenty beyond the sky's edge."""
    rng = np.random.default_rng(seed)
    beyond = rng.random(galaxies) < 0.05
    return pd.DataFrame(
        {
            "galaxy_id": 588015507658768484 + rng.choice(10**9, galaxies, replace=False),
            "ra": rng.uniform(0.0, 359.0, galaxies).round(5),
            "dec": np.where(beyond, rng.uniform(81.0, 85.0, galaxies), rng.uniform(-10.0, 70.0, galaxies)).round(5),
            "petro_radius": rng.uniform(2.0, 15.0, galaxies).round(2),
        }
    )


def command(table: Path, survey: Path, *options: str) -> list[str]:
    """The verb, as a user types it."""
    return [sys.executable, "-m", "trainer", "download", str(table), str(survey), *options]


def environment(folder: Path, server: ArchiveServer) -> dict[str, str]:
    """Where astroquery finds its configuration file."""
    settings = folder / "config" / "astropy" / "astroquery.cfg"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(server.configuration(), encoding="utf-8")
    return {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


def finish(words: list[str], env: dict[str, str], log: Path) -> float:
    """Run to the end; the most memory that it held [MiB], not a number where the system does not tell."""
    peak = float("nan")
    with log.open("ab") as file, subprocess.Popen(words, env=env, stdout=file, stderr=file) as process:
        while process.poll() is None:
            time.sleep(0.2)
            peak = peak_of(process.pid) or peak
    if process.returncode:
        raise RuntimeError(f"The download ended with {process.returncode}: see {log}")
    return peak


def peak_of(pid: int) -> float | None:
    """What a process has held at most [MiB]. What the system counts for ended children includes this one's copy."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)


def killed(words: list[str], env: dict[str, str], log: Path, kills: int, moments: random.Random, run: float) -> int:
    """Kill the process so many times at random moments, then let it end. How many kills met a living process."""
    met = 0
    for _ in range(kills):
        with log.open("ab") as file:
            process = subprocess.Popen(words, env=env, stdout=file, stderr=file)
        try:
            process.wait(moments.uniform(1.0, 2.0 * run / (kills + 1)))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            met += 1
        process.wait()
    finish(words, env, log)
    return met


def wrong_images(survey: Survey, sky: SimpleSky) -> int:
    """How many stored images are not what the server holds for that galaxy."""
    catalog, wrong = survey.catalog, 0
    for batch in survey.batches():
        for row, image in zip(batch.rows, batch.images, strict=True):
            ra, dec = float(catalog["ra"][row]), float(catalog["dec"][row])
            planes = [sky.plane(ra, dec, band, 0.396, (64, 64), False) for band in BANDS]
            wrong += any(plane is None for plane in planes) or not np.allclose(image, np.stack(planes, -1), rtol=1e-5)
    return wrong


def unexpected(survey: Survey, faults: Faults, sky: SimpleSky) -> pd.DataFrame:
    """Galaxies that did not end as drawn: lasting faults fail, sky beyond the edge is outside, the others are ok."""
    catalog, status = survey.catalog, survey.status
    fates = [faults.permanent(place_of(ra, dec)) for ra, dec in zip(catalog["ra"], catalog["dec"], strict=True)]
    outside = catalog["dec"].to_numpy() > sky.edge
    blank = np.isin(fates, ["zeros", "nan"]) | (outside & (np.array(fates) == ""))
    wanted = np.where(blank, "out_of_footprint", np.where(np.array(fates) == "", "ok", "failed"))
    return status.assign(wanted=wanted)[status["status"].to_numpy() != wanted]


def bad_day(galaxies: int, kills: int, seed: int, workers: int) -> None:
    """One undisturbed run and one that is killed, on the same bad day."""
    sky = SimpleSky(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "galaxies.csv"
        catalogue(galaxies, seed).to_csv(table, index=False)
        seconds, surveys = [], []
        for how in ("undisturbed", "killed"):
            faults = Faults(seed, outage=(2 * galaxies, 20.0), patience=10.0)
            with ArchiveServer(sky, faults) as server:
                env, log, path = environment(folder, server), folder / f"{how}.log", folder / how
                words = command(table, path, *QUICK, "--workers", str(workers))
                began = time.monotonic()
                if how == "undisturbed":
                    print(f"peak memory of the downloading process {finish(words, env, log):.0f} MiB")
                else:
                    met = killed(words, env, log, kills, random.Random(seed), seconds[0])
                    print(f"killed {met} times")
                seconds.append(time.monotonic() - began)
                survey = Survey.open(path)
                surveys.append(survey)
                counts = survey.status["status"].value_counts().to_dict()
                print(f"{how}: {seconds[-1]:.0f} s, {server.requests} requests, {counts}")
                print(f"  lost {len(survey) - len(survey.status)}, wrong images {wrong_images(survey, sky)}")
                others = unexpected(survey, faults, sky)
                print(f"  ended otherwise than drawn {len(others)}, without a reason {_unexplained(survey)}")
                for line in others.head(5)[["status", "wanted", "reason"]].itertuples():
                    print(f"    {line}")
                print(f"  troubles {json.dumps(dict(_troubles(path)))}")
        first, second = surveys
        same = (first.status[["status", "reason"]] == second.status[["status", "reason"]]).all(axis=1)
        print(f"digests equal {first.digest == second.digest}; status and reason equal for {same.sum()} of {len(same)}")


def _unexplained(survey: Survey) -> int:
    status = survey.status
    return int(((status["status"] != "ok") & (status["reason"].str.len() < 10)).sum())


def _troubles(path: Path) -> dict[str, int]:
    report = read_report(path)
    return {} if report is None else {kind: n for s in report.services for kind, n in s.troubles.items()}


def original_loop(server: ArchiveServer, catalog: pd.DataFrame) -> float:
    """Galaxy after galaxy through astroquery, as the original project did; galaxies per second."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from astroquery.skyview import SkyViewClass

    client = SkyViewClass()
    client.URL = f"{server.address}/current/cgi/basicform.pl"
    began = time.monotonic()
    with warnings.catch_warnings(action="ignore"):
        for ra, dec in zip(catalog["ra"], catalog["dec"], strict=True):
            client.get_images(
                SkyCoord(ra, dec, unit="deg"),
                [f"SDSS{band}" for band in BANDS],
                pixels="64",
                radius=12.7 * u.arcsec,
                cache=False,
                show_progress=False,
            )
    return len(catalog) / (time.monotonic() - began)


def speed(latency: float, workers: int, rate: float) -> None:
    """Ratios to the original loop and to a limit of the rate."""
    from trainer.archives.limits import Limits
    from trainer.download.asking import ArchiveSettings, open_archives

    def ours(server: ArchiveServer, galaxies: int, limits: Limits, folder: Path) -> tuple[float, float]:
        import astroquery.skyview as skyview

        asking = ArchiveSettings(limits)
        with skyview.conf.set_temp("url", f"{server.address}/current/cgi/basicform.pl"):
            sources = open_archives(["skyview"], DownloadPlan(), asking)
            survey = Survey.create(folder, catalogue(galaxies, 1).query("dec < 80"))
            began, asked = time.monotonic(), server.requests
            download(survey, sources, workers=limits.workers, stop=asking.stop)
            seconds = time.monotonic() - began
        return len(survey) / seconds, (server.requests - asked) / seconds

    with tempfile.TemporaryDirectory() as name, ArchiveServer(SimpleSky(), latency=latency) as server:
        loop = original_loop(server, catalogue(12, 0).query("dec < 80"))
        fast, _ = ours(server, 40 * workers, Limits(workers=workers, rate=0), Path(name) / "fast")
        print(
            f"latency {latency:g} s a request, {workers} workers: original loop {loop:.3f} galaxies/s, ours {fast:.3f}"
        )
        print(f"  ratio {fast / loop:.2f} = {fast / loop / workers:.2f} x workers")
        _, requests = ours(server, 150, Limits(workers=workers, rate=rate), Path(name) / "limited")
        print(f"limited to {rate:g} requests/s: {requests:.2f} requests/s = {requests / rate:.3f} of the limit")


class Refusing:
    """A source that knows no galaxy, up to a row at which the run is stopped."""

    name, bands, shape = "refusing", BANDS, (64, 64)

    def __init__(self, until: int, stop: threading.Event) -> None:
        self.until, self.stop, self.first = until, stop, 0.0

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """Refuse, or stop."""
        self.first = self.first or time.monotonic()
        if galaxy.row >= self.until:
            self.stop.set()
            raise Stopped
        raise CutoutUnavailable("failed", "the service said no")


def plan(galaxies: int) -> None:
    """Time to begin, and to begin again."""
    near_end = galaxies * 9 // 10
    with tempfile.TemporaryDirectory() as name:
        table, path = Path(name) / "galaxies.parquet", Path(name) / "survey"
        catalogue(galaxies, 0).to_parquet(table)
        for what, until, retry in (
            ("first start", 0, ()),
            ("second start", near_end, ()),
            ("third start, nine in ten done", 0, ()),
            ("failed again", 0, ("failed",)),
        ):
            began, stop = time.monotonic(), threading.Event()
            survey = open_download(path, table, pd.read_parquet, DownloadPlan())
            source = Refusing(until, stop)
            download(survey, [source], workers=1, stop=stop, retry=retry)
            asked = source.first - began
            print(f"{galaxies} galaxies, {what}: {asked:.1f} s to the first question", flush=True)
            if until:
                print(f"  {until / (time.monotonic() - source.first):.0f} outcomes/s written down")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    """Choose a part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    bad = parts.add_parser("bad-day")
    bad.add_argument("--galaxies", type=int, default=10_000)
    bad.add_argument("--kills", type=int, default=20)
    bad.add_argument("--seed", type=int, default=1000)
    bad.add_argument("--workers", type=int, default=24)
    quick = parts.add_parser("speed")
    quick.add_argument("--latency", type=float, default=0.5)
    quick.add_argument("--workers", type=int, default=8)
    quick.add_argument("--rate", type=float, default=8.0)
    parts.add_parser("plan").add_argument("--galaxies", type=int, default=300_000)
    given = parser.parse_args()
    if given.part == "bad-day":
        bad_day(given.galaxies, given.kills, given.seed, given.workers)
    elif given.part == "speed":
        speed(given.latency, given.workers, given.rate)
    else:
        plan(given.galaxies)


if __name__ == "__main__":
    main()

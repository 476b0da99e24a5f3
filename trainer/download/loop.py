"""The resumable, polite, concurrent loop over any sources: every galaxy ends as ok, or with a status and a reason."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence

from gz2interp.results import Galaxy
from gz2interp.stores.files import writing
from gz2interp.stores.survey import Survey
from trainer.archives.trouble import Trouble
from trainer.download.crew import Crew
from trainer.download.doubts import Doubt, Doubts
from trainer.download.report import Report
from trainer.download.runs import Fresh, Retry, Run, Store
from trainer.download.staging import Outcome, Staging
from trainer.download.twins import Twins
from trainer.download.watch import Watch
from trainer.sources import Source

__all__ = ["download"]

_TICK = 0.5


def download(
    survey: Survey,
    sources: Sequence[Source],
    *,
    workers: int = 8,
    stop: threading.Event | None = None,
    retry: Collection[str] = (),
    listen: Callable[[Report], None] | None = None,
) -> Report:
    """Ask archives for every galaxy that a survey still lacks, or again for those that have no image.

    Parameters
    ----------
    survey : Survey
    sources : sequence of Source
        Asked in this order; the next where one has no image.
    workers : int
        Galaxies under way at the same time.
    stop : Event, optional
        The one that the sources were given; set from elsewhere, it ends the run.
    retry : collection of str
        Statuses. With any, only galaxies of these are asked for, and what they have is replaced by what comes now.
    listen : callable, optional
        Called twice a second with how it stands.

    Returns
    -------
    Report
        Also in the survey, as ``download/report.json``, from the first second on.

    Notes
    -----
    An outcome is on the disk before it is counted. It waits beside the survey until all rows before it have one, and
    then enters the survey with its shard. So a process that is killed loses only what was under way, and the survey
    that comes out does not depend on how often that happened, as far as the services answer the same.

    Two galaxies that come with the same pixels are both asked for again; if that does not help, both end as failed.

    Raises
    ------
    SurveyLocked
        Another process is writing the survey.
    """
    stop = stop or threading.Event()
    beside = survey.path / "download" / "staged.sqlite"
    with writing(survey.path), survey.writer() as writer, Staging(beside) as staging, Twins(survey) as twins:
        store = Store(survey, writer, staging, twins)
        run = Retry(store, retry) if retry else Fresh(store)
        watch = Watch(survey, staging, sources, workers, run.expected(), listen)
        ended = "interrupted"
        try:
            ended = _run(run, watch, Crew(sources, workers, stop), Doubts(twins), stop)
        finally:
            run.finish()
            report = watch.end(ended)
    return report


def _run(run: Run, watch: Watch, crew: Crew, doubts: Doubts, stop: threading.Event) -> str:
    """Hand out galaxies and take in outcomes until there are no more, or it makes no sense to go on."""
    waiting, under_way, left = run.galaxies(), 0, True
    with crew:
        while not stop.is_set():
            while left and crew.room > 0:
                galaxy = next(waiting, None)
                left = galaxy is not None
                if galaxy is not None:
                    crew.give(galaxy)
                    under_way += 1
            if not left and not under_way:
                return "finished"
            result = crew.next(_TICK)
            if isinstance(result, Trouble):
                return f"stopped: {result.words}"
            if result is not None:
                again = _take_in(result, run, watch, doubts)
                for galaxy in again:
                    crew.give(galaxy)
                under_way += len(again) - 1
            watch.tick()
    return "interrupted"


def _take_in(outcome: Outcome, run: Run, watch: Watch, doubts: Doubts) -> list[Galaxy]:
    """Keep an outcome, or doubt it; the galaxies to be asked for again."""
    doubt = doubts.about(outcome)
    if doubt and not doubt.refused:
        return _again(doubt, run, watch)
    for certain in doubt.refused if doubt else (outcome,):
        was = run.status_of(certain.row)
        run.keep(certain)
        watch.saw(certain, was)
    return []


def _again(doubt: Doubt, run: Run, watch: Watch) -> list[Galaxy]:
    """Of two galaxies with the same pixels, the one that came, and the other unless it has entered the survey."""
    was = run.status_of(doubt.other.row)
    if not run.take_back(doubt.other.row):
        return [doubt.galaxy]
    watch.lost(was, run.status_of(doubt.other.row))
    return [doubt.galaxy, doubt.other]

"""The galaxies of a survey that have no image, as a table, also while a download is writing them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gz2interp.schema import GALAXY_ID
from gz2interp.stores.locations import find_survey
from gz2interp.stores.reading import reading_sqlite
from gz2interp.stores.survey import Survey

__all__ = ["without_image_csv"]

_COLUMNS: Final = (GALAXY_ID, "status", "reason", "source", "tries")
_ENTERED: Final = (
    "SELECT galaxy_id, status, reason, source, tries FROM cutout WHERE status != 'ok' AND row < ? ORDER BY row"
)
_WAITING: Final = "SELECT row, status, reason, source, tries FROM outcome WHERE status != 'ok' ORDER BY row"


def without_image_csv(name: str) -> bytes:
    """The galaxies that have no image: galaxy_id (digits), status, reason, source, tries, in the catalogue's order.

    Those are among them that wait beside the survey until all before them in the catalogue have come. Galaxies are
    read one by one: only the table's text is held.

    Raises
    ------
    SurveyError
        The survey, or what waits beside it, cannot be read.
    """
    path = find_survey(name)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    with _waiting(path.absolute() / "download" / "staged.sqlite") as waiting:
        # Asked first, opened second: what has left the one file by now is in the other.
        survey = Survey.open(path)
        committed, ids = survey.rows_committed, survey.galaxy_ids
        with reading_sqlite(survey.journal.path.absolute(), tables=("cutout",)) as journal:
            table.writerows(journal.execute(_ENTERED, (committed,)))
        table.writerows((int(ids[row]), *told) for row, *told in waiting if row >= committed)
    return text.getvalue().encode()


@contextmanager
def _waiting(file: Path) -> Iterator[Iterator[tuple[int, str, str, str, int]]]:
    """What waits beside a survey, as it is at this moment, however long the reading takes."""
    if not file.is_file():
        yield iter(())
        return
    # A folder that cannot be written cannot hold the index of a write-ahead log; then nobody writes here either.
    alone = not os.access(file.parent, os.W_OK) and not file.with_name(f"{file.name}-wal").exists()
    mode = "immutable=1" if alone else "mode=ro"
    with reading_sqlite(file, tables=("outcome",), remedy="Start the download again", mode=mode) as connection:
        yield connection.execute(_WAITING)

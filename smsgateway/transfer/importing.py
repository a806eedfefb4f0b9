"""How do a programme's files get into the database? Checked as a whole first, then written in one transaction, or not
at all.

Importing again brings up to date. Facilities and staff are known again by their code, households and patients by
catchment and serial. For facilities and staff the file is the truth: what it leaves empty is emptied. For households
and patients an empty cell says nothing: CHWs report by SMS what the file does not know, and an older file must not
take it away. Whoever is not listed stays as they are.

A catchment newly listed for a CHW is hers from today; one no longer listed was hers until yesterday. Serials are never
given out twice: a catchment's counter starts at 10, never goes back, and stays above every serial used.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from smsgateway.store.database import Store
from smsgateway.transfer.checking import Checked, Progress, check
from smsgateway.transfer.faults import Changed
from smsgateway.transfer.files import COLUMNS
from smsgateway.transfer.writing import Summary, write_programme

ATTEMPTS = 3


class RegisterBusy(Exception):
    """People were registered in the same catchments, or the files saved, each time they had been checked. Nothing was
    imported."""


def rows_ahead(folder: Path) -> int:
    """How many rows `import_people` will report to `progress` in all: each is checked, then written."""
    return 2 * sum(_lines_below_header(folder / file) for file in COLUMNS)


def _lines_below_header(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as opened:
        return max(0, sum(1 for _ in opened) - 1)


def import_people(store: Store, folder: Path, today: date, progress: Progress = lambda rows: None) -> Summary:
    """Bring facilities, staff, households and patients of `folder` into the database, all or nothing. A file that is
    not there changes nothing of its kind. Raises ImportRefused with every fault by file and line, RegisterBusy when
    others kept writing, StoreUnavailable when the database cannot be written. `progress` is told of rows done."""
    for left in reversed(range(ATTEMPTS)):
        with store.read() as connection:
            checked = check(connection, folder, today, progress)
        try:
            return _written(store, checked, progress)
        except (Changed, IntegrityError) as error:
            if not left:
                raise RegisterBusy(
                    "people were registered or the files saved during the import: nothing was imported, try again"
                ) from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _written(store: Store, checked: Checked, progress: Progress) -> Summary:
    return store.write(lambda tx: write_programme(tx, checked, progress))

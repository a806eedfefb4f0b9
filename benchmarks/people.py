"""How long does it take to import a programme of 250,000 people, and how much memory?

Writes the files of a synthetic programme (nine sites, 360 CHWs), imports them into an empty SQLite database, imports
them again, and exports them; prints seconds and the highest memory of the process. Phone numbers are made up in
sequence and may belong to real people: never send to them through a real channel.

    python -m benchmarks.people [--patients 250000] [--url sqlite:////tmp/people.db]
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from smsgateway.store.database import Store, open_store
from smsgateway.store.schema import upgrade
from smsgateway.transfer import export_people, import_people
from smsgateway.transfer.files import COLUMNS, FACILITIES, HOUSEHOLDS, PATIENTS, STAFF

SITES, CHWS_A_SITE, HOUSEHOLD = 9, 40, 6


def write(folder: Path, people: int, today: date) -> None:
    """Write the four files for so many patients into `folder`."""
    chws = [(site, chw) for site in range(SITES) for chw in range(CHWS_A_SITE)]
    each = -(-people // len(chws))
    numbers = [f"{1 + site * CHWS_A_SITE + chw:03d}" for site, chw in chws]
    serials = range(10, 10 + each + -(-each // HOUSEHOLD))
    homes = {serial: serial - (serial - 10) % (HOUSEHOLD + 1) for serial in serials}
    born = [(today - timedelta(days=37 * age)).isoformat() for age in range(500)]
    _table(folder, FACILITIES, [("ML", "Synthetic", "country", "", "Africa/Bamako", ""), *_places()])
    _table(folder, STAFF, _staff(numbers))
    _table(
        folder,
        HOUSEHOLDS,
        (
            (number, home, HOUSEHOLD, f"Village {home % 7}")
            for number in numbers
            for home in sorted(set(homes.values()))
        ),
    )
    _table(
        folder,
        PATIENTS,
        (
            (number, serial, home, "FM"[serial % 2], born[serial % 500], "")
            for number in numbers
            for serial, home in homes.items()
            if serial != home
        ),
    )


def _places() -> Iterable[tuple[object, ...]]:
    for site in range(SITES):
        yield f"S{site}", f"Site {site}", "site", "ML", "", "AB"[site % 2]
        yield f"C{site}", f"Clinic {site}", "clinic", f"S{site}", "", ""


def _staff(numbers: list[str]) -> Iterable[tuple[object, ...]]:
    for site in range(SITES):
        yield f"SUP{site}", "supervisor", f"Supervisor {site}", f"+2237700{site:04d}", "fr", f"S{site}", "", "", ""
        yield f"INF{site}", "nurse", f"Nurse {site}", f"+2237800{site:04d}", "fr", f"C{site}", "", "", ""
    for place, number in enumerate(numbers):
        site = place // CHWS_A_SITE
        phone = f"+2237600{place:04d}"
        yield f"ASC{number}", "chw", f"Chw {number}", phone, "fr", f"C{site}", f"SUP{site}", number, ""


def _table(folder: Path, file: str, rows: Iterable[tuple[object, ...]]) -> None:
    with (folder / file).open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(COLUMNS[file])
        writer.writerows(rows)


def _timed(what: str, work: Callable[[], object]) -> None:
    before = time.perf_counter()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<14} {time.perf_counter() - before:6.1f} s   {peak:6.0f} MB at most so far")


def measure(store: Store, folder: Path, today: date) -> None:
    upgrade(store.engine)
    _timed("nothing yet", lambda: None)
    _timed("first import", lambda: import_people(store, folder, today))
    _timed("same again", lambda: import_people(store, folder, today))
    _timed("export", lambda: export_people(store, folder / "out", today=today))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--patients", type=int, default=250_000)
    parser.add_argument("--url", help="an empty database; without it a new SQLite file")
    chosen = parser.parse_args()
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, chosen.patients, today)
        store = open_store(chosen.url or f"sqlite:///{folder / 'people.db'}")
        try:
            measure(store, folder, today)
        finally:
            store.close()


if __name__ == "__main__":
    main()

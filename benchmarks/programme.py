"""Who are the 40,000 CHWs of the benchmark, and what does each of them text?

A synthetic national programme, written as the CSV files that `smsgateway people import` takes, and a long row of
reports from it. Message `i` always has the same text and sender; no two say the same, since a repeated content would
be taken for a repeated report; each carries a code that passes its check digit. Names and places are numbers; the
phone numbers are made up in sequence and may belong to real people: none of this may be sent through a real channel.

    python -m benchmarks.programme DIR [--chws 40000]
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smsgateway.text.codes import check_digit

HOUSEHOLDS = 5
PATIENTS = 10
FIRST_SERIAL = 10  # where a catchment's single counter starts
FIRST_PATIENT = FIRST_SERIAL + HOUSEHOLDS
CHWS_A_CLINIC = 40
CHWS_A_SUPERVISOR = 18
CLINICS_A_SITE = 10
SITES_A_DISTRICT = 5
SHORT_CODE = "36000"
CHW_PHONES, NURSE_PHONES, SUPERVISOR_PHONES, LEAD_PHONES = 70_000_000, 71_000_000, 72_000_000, 73_000_000
MUAC_VALUES = 20  # mm, from 126: green, so that a report without a sign stays without one
FEVER_DAYS = 3
SENT = "%Y-%m-%dT%H%%3A%M%%3A%SZ"
SPREAD = 7_919  # prime, so that consecutive messages come from CHWs of different clinics and sites


def catchment(chw: int) -> str:
    """The catchment number of CHW `chw` (from 0): five digits, enough for a national programme."""
    return f"{chw + 1:05d}"


def phone(block: int, number: int) -> str:
    """A Malian number in E.164 from one of the synthetic blocks."""
    return f"+223{block + number}"


def report(message: int, chws: int, urgent_every: int) -> tuple[str, str]:
    """Sender and text of message number `message`; every `urgent_every`-th carries a danger sign (0: none does).
    Raises ValueError beyond the last distinct one: 600 for each CHW."""
    chw = message * SPREAD % chws
    turn, patient = divmod(message // chws, PATIENTS)
    turn, above = divmod(turn, MUAC_VALUES)
    if turn >= FEVER_DAYS:
        raise ValueError(f"message {message} would repeat an earlier one: take more than {chws} CHWs")
    serial, muac = FIRST_PATIENT + patient, 126 + above
    code = f"{serial}{check_digit(catchment(chw), serial)}"
    sign = " CONVULSION" if urgent_every and message % urgent_every == 0 else ""
    return phone(CHW_PHONES, chw), f"MAL {code} FIEVRE {turn + 1} TDR- PB {muac}{sign}"


def callback(message: int, chws: int, urgent_every: int) -> bytes:
    """The form body Africa's Talking posts for that message, sent this moment, id unique."""
    sender, text = report(message, chws, urgent_every)
    # By hand, not urlencode: the generator must stay far cheaper than what it measures.
    encoded = text.replace("+", "%2B").replace(" ", "+")
    form = (
        f"linkId=&text={encoded}&to={SHORT_CODE}&id=bench-{message:012d}&date={time.strftime(SENT, time.gmtime())}"
        f"&from=%2B{sender[1:]}&cost=0&networkCode=61002"
    )
    return form.encode("ascii")


def write(folder: Path, chws: int) -> None:
    """Write facilities.csv, staff.csv, households.csv and patients.csv for `chws` CHWs into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _table(folder / "facilities.csv", "code,name,kind,parent,timezone,arm", _facilities(chws))
    staff = "code,role,name,phones,language,facility,supervisor,catchments,on_duty"
    _table(folder / "staff.csv", staff, _staff(chws))
    _table(folder / "households.csv", "catchment,serial,people,village", _households(chws))
    _table(folder / "patients.csv", "catchment,serial,household,sex,birth_date,lmp", _patients(chws))


def _table(path: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def _groups(members: int, size: int) -> range:
    return range(-(-members // size))


def _facilities(chws: int) -> Iterator[tuple[object, ...]]:
    clinics = _groups(chws, CHWS_A_CLINIC)
    sites = _groups(len(clinics), CLINICS_A_SITE)
    yield "BENCH", "Synthetic country", "country", "", "Africa/Bamako", ""
    for district in _groups(len(sites), SITES_A_DISTRICT):
        yield f"D{district}", f"Synthetic district {district}", "district", "BENCH", "Africa/Bamako", ""
    for site in sites:
        parent = f"D{site // SITES_A_DISTRICT}"
        yield f"S{site}", f"Synthetic site {site}", "site", parent, "Africa/Bamako", ""
    for clinic in clinics:
        parent = f"S{clinic // CLINICS_A_SITE}"
        yield f"C{clinic}", f"Synthetic clinic {clinic}", "clinic", parent, "Africa/Bamako", ""


def _staff(chws: int) -> Iterator[tuple[object, ...]]:
    clinics = _groups(chws, CHWS_A_CLINIC)
    for site in _groups(len(clinics), CLINICS_A_SITE):
        yield _member(f"LEAD{site}", "lead", phone(LEAD_PHONES, site), f"S{site}")
    for supervisor in _groups(chws, CHWS_A_SUPERVISOR):
        clinic = supervisor * CHWS_A_SUPERVISOR // CHWS_A_CLINIC
        site = clinic // CLINICS_A_SITE
        yield _member(f"SUP{supervisor}", "supervisor", phone(SUPERVISOR_PHONES, supervisor), f"S{site}")
    for clinic in clinics:
        for post in range(2):
            yield _member(f"NURSE{clinic}-{post}", "nurse", phone(NURSE_PHONES, 2 * clinic + post), f"C{clinic}")
    for chw in range(chws):
        number, boss = catchment(chw), f"SUP{chw // CHWS_A_SUPERVISOR}"
        yield _member(f"ASC{number}", "chw", phone(CHW_PHONES, chw), f"C{chw // CHWS_A_CLINIC}", boss, number)


def _member(
    code: str, role: str, phones: str, facility: str, supervisor: str = "", catchments: str = ""
) -> tuple[object, ...]:
    return code, role, f"Synthetic {code}", phones, "fr", facility, supervisor, catchments, ""


def _households(chws: int) -> Iterator[tuple[object, ...]]:
    for chw in range(chws):
        for household in range(HOUSEHOLDS):
            yield catchment(chw), FIRST_SERIAL + household, 6, f"Village {chw // 4}"


def _patients(chws: int) -> Iterator[tuple[object, ...]]:
    # 12 to 48 months old, so that the rules of a child with fever and a measured arm apply to everyone.
    today = datetime.now(UTC).date()
    born = [today - timedelta(days=365 + 120 * patient) for patient in range(PATIENTS)]
    for chw in range(chws):
        for patient in range(PATIENTS):
            household = FIRST_SERIAL + patient * HOUSEHOLDS // PATIENTS
            sex = "FM"[patient % 2]
            yield catchment(chw), FIRST_PATIENT + patient, household, sex, born[patient].isoformat(), ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chws", type=int, default=40_000)
    chosen = parser.parse_args()
    write(chosen.folder, chosen.chws)


if __name__ == "__main__":
    main()

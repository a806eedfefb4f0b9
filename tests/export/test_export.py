"""An export has every row once, nobody's number unless asked, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from sqlalchemy import update

from smsgateway.care.customs import Customs
from smsgateway.export import ExportRefused, export_data, rows_ahead
from smsgateway.export.writers import guarded
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.store import tables
from smsgateway.store.database import Store
from smsgateway.store.types import new_id
from tests.care.field import BEGIN, NOW, Field, Happening

FIRST, LAST = date(2026, 10, 26), date(2026, 11, 10)
PHONE = "+22376543210"


@pytest.fixture
def field(store: Store) -> Field:
    """Six reports, one referral confirmed by the nurse, one message in and one out."""
    field = Field(("Africa/Bamako", "Europe/Lisbon"))
    day = 1440
    field.report(Happening(0, "visit", 0, None, 8 * day, {}))
    field.report(
        Happening(0, "sick_child", 0, 0, 8 * day + 1, {"fever_days": 1, "rdt": "positive", "treatments": ["act"]})
    )
    field.report(Happening(1, "visit", 1, None, 9 * day, {"note": "=HYPERLINK(1)"}, unclear=True))
    field.report(Happening(2, "visit", 1, None, 5 * day, {}))  # the day before the first
    # On the other site it is already the next day: half an hour before midnight by UTC, still summer time there.
    field.report(Happening(4, "visit", 0, None, 5 * day - 30, {}))
    field.report(Happening(4, "visit", 0, None, 6 * day, {}, state="cancelled"))
    referral = field.refer(0, BEGIN + timedelta(days=8), state="closed")
    field.event(referral, "arrived", "INF0", BEGIN + timedelta(days=8, hours=2))
    field.write(store)
    store.write(lambda tx: _message(tx, field))
    return field


def _message(tx: Any, field: Field) -> None:
    draft = Draft(PHONE, f"URGENT K7: ASC {PHONE}", Rank.URGENT, field.sites[0], field.members["INF0"].id)
    enqueue(tx, draft, BEGIN + timedelta(days=8))
    tx.insert(
        tables.inbound,
        {
            "id": new_id(),
            "site_id": field.sites[0],
            "channel": "test",
            "provider_id": str(new_id()),
            "sender": PHONE,
            "recipient": "36000",
            "text": '=cmd|"/c calc"!A1',
            "raw": b"",
            "sent_at": None,
            "arrived_at": BEGIN + timedelta(days=8),
            "staff_id": field.chws[0],
            "state": "handled",
            "attempts": 1,
            "error": None,
            "answer": None,
        },
    )


def export(store: Store, folder: Path, **how: Any) -> dict[str, list[dict[str, str]]]:
    """The exported tables, by name, read again as a spreadsheet would."""
    export_data(store, folder, FIRST, LAST, now=NOW, customs=Customs(), **how)
    return {path.stem: list(_read(path)) for path in sorted(folder.glob("*.csv"))}


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)


def test_reports_of_the_period_are_there_with_codes_for_people(store: Store, field: Field, tmp_path: Path) -> None:
    rows = export(store, tmp_path)["reports"]
    assert [(row["chw"], row["flow"], row["day"], row["state"]) for row in rows] == [
        (field.members["ASC0"].code, "visit", "2026-10-28", "filed"),
        (field.members["ASC0"].code, "sick_child", "2026-10-28", "filed"),
        (field.members["ASC1"].code, "visit", "2026-10-29", "filed"),
        (field.members["ASC4"].code, "visit", "2026-10-26", "cancelled"),
    ]
    sick = rows[1]
    assert (sick["fever_days"], sick["rdt"], sick["treatments"], sick["muac_mm"]) == ("1", "positive", "act", "")
    assert sick["patient"].startswith(sick["catchment"] + "-20")
    assert json.loads(sick["answers"]) == {"fever_days": 1, "rdt": "positive", "treatments": ["act"]}
    assert (rows[2]["unread_words"], "xyz" in str(rows)) == ("1", False)


def test_a_day_is_the_sites_own(store: Store, field: Field, tmp_path: Path) -> None:
    """23:30 UTC on 24 October is half past midnight on the 25th in Lisbon, whose summer time ends that night."""
    export_data(store, tmp_path, date(2026, 10, 25), date(2026, 10, 25), now=NOW)
    (only,) = (row for row in _read(tmp_path / "reports.csv") if row["chw"] == field.members["ASC4"].code)
    assert (only["day"], only["happened_at"]) == ("2026-10-25", "2026-10-24T23:30:00+00:00")


def test_no_phone_number_leaves_the_house_unless_asked(store: Store, field: Field, tmp_path: Path) -> None:
    export_data(store, tmp_path / "plain", FIRST, LAST, formats=("csv", "parquet"), now=NOW)
    export_data(store, tmp_path / "phones", FIRST, LAST, with_phones=True, now=NOW)
    digits = PHONE.removeprefix("+").encode()
    for path in (tmp_path / "plain").iterdir():
        assert digits not in path.read_bytes(), path.name
        assert b"76000001" not in path.read_bytes(), path.name
    messages = list(_read(tmp_path / "phones" / "messages.csv"))
    assert {row["phone"] for row in messages} == {f"'{PHONE}"}
    assert {row["direction"]: row["text"] for row in messages} == {
        "in": '\'=cmd|"/c calc"!A1',
        "out": f"URGENT K7: ASC {PHONE}",
    }


def test_only_the_site_asked_for(store: Store, field: Field, tmp_path: Path) -> None:
    code = f"S1{field.tag}"
    rows = export(store, tmp_path, site=code)
    assert {row["site"] for name in ("reports", "referrals", "messages") for row in rows[name]} == {code}
    assert {(row["site"], row["arm"]) for row in rows["indicators"]} == {(code, "B"), ("", "B")}
    with pytest.raises(ExportRefused, match=f"no site S9.*{code}"):
        export(store, tmp_path, site="S9")


def test_indicators_by_site_arm_and_period(store: Store, field: Field, tmp_path: Path) -> None:
    rows = export(store, tmp_path)["indicators"]
    site = f"S0{field.tag}"
    found = {
        row["indicator"]: (row["numerator"], row["denominator"], row["apart"]) for row in rows if row["site"] == site
    }
    assert found["treated_24h_same_day"] == ("0", "1", "0")
    assert found["treated_24h_next_day"] == ("1", "1", "0")
    assert found["referral_completion_urgent"] == ("1", "1", "0")
    assert found["ref_ack_time_median_min"] == ("120.0", "1", "0")
    assert found["CH121"] == ("1", "1", "0")
    assert found["sms_error"] == ("1", "3", "0")
    assert {(row["first_day"], row["last_day"]) for row in rows} == {("2026-10-26", "2026-11-10")}
    assert {row["arm"] for row in rows} == {"A", "B"}


def test_parquet_says_the_same_with_types(store: Store, field: Field, tmp_path: Path) -> None:
    written = export_data(store, tmp_path, FIRST, LAST, formats=("csv", "parquet"), now=NOW)
    for name in ("reports", "referrals", "messages", "indicators"):
        plain, typed = list(_read(tmp_path / f"{name}.csv")), parquet.read_table(tmp_path / f"{name}.parquet")
        assert written[f"{name}.csv"] == written[f"{name}.parquet"] == len(plain) == typed.num_rows
        assert typed.column_names == list(plain[0])
    reports = parquet.read_table(tmp_path / "reports.parquet").to_pylist()
    assert reports[0]["happened_at"] == datetime(2026, 10, 28, tzinfo=UTC)
    assert (reports[1]["fever_days"], reports[1]["muac_mm"], reports[1]["day"]) == (1, None, date(2026, 10, 28))


def test_files_are_their_owners_and_whole_or_not_there(store: Store, field: Field, tmp_path: Path) -> None:
    told: list[int] = []
    folder = tmp_path / "out"
    export_data(store, folder, FIRST, LAST, now=NOW, progress=told.append)
    assert sum(told) >= rows_ahead(store, FIRST, LAST) > 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"reports.csv", "referrals.csv", "messages.csv", "indicators.csv"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())

    # A serial that no code can have, somewhere in the middle of the next export.
    store.write(lambda tx: tx.execute(update(tables.households).values(serial=tables.households.c.serial * 10**7)))
    with pytest.raises(ValueError, match="serial"):
        export_data(store, folder, FIRST, LAST, now=NOW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"start": LAST, "end": FIRST}, "is after the last day"),
        ({"formats": ("xlsx",)}, "formats are csv and parquet, not xlsx"),
        ({"formats": ()}, "not none"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_the_reason(
    store: Store, field: Field, tmp_path: Path, how: dict[str, Any], why: str
) -> None:
    with pytest.raises(ExportRefused, match=why):
        export_data(store, tmp_path, **{"start": FIRST, "end": LAST, **how})


# ---------------------------------------------------------------- nothing runs


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+22376000001", "'+22376000001"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "  '=1"),
        ("\t=1", "'\t'=1"),
        ("\rx", "'\rx"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),  # a French spreadsheet cuts the line at semicolons
        ('say "=1"', 'say "\'=1"'),
        ("line\n=1", "line\n'=1"),
        ("07-4177", "07-4177"),
        ("TDR+ CTA", "TDR+ CTA"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_run_is_guarded(said: str, written: str) -> None:
    assert guarded(said) == written


@given(st.text(alphabet=";,|\t\r\n\"' =+-@＝ab1", max_size=12))
def test_no_cell_of_any_spreadsheet_begins_with_a_formula(said: str) -> None:
    written = guarded(said)
    for separator in (";", ",", "|", "\t", "\n", "\r", '"'):
        for cell in written.split(separator):
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "＝"))
    assert not written.startswith(("\t", "\r"))

"""The cards on the wall teach what the service reads, and fit one sheet."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from smsgateway.cards import cards
from smsgateway.settings import shipped

DOCS = Path(__file__).parent.parent / "docs" / "cards"
PAGES = dict(cards(shipped("flows")))


@pytest.mark.parametrize("name", PAGES)
def test_the_card_in_docs_is_what_the_flows_say(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name], "run: smsgateway cards"


def test_there_is_no_card_of_what_is_gone() -> None:
    assert {path.name for path in DOCS.glob("*.html")} == set(PAGES)


def test_the_chw_s_card_begins_with_the_emergency() -> None:
    assert PAGES["chw_fr.html"].index("URG") < PAGES["chw_fr.html"].index("MAL")


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_each_card_prints_on_one_sheet(name: str, tmp_path: Path) -> None:
    printed = tmp_path / "card.pdf"
    subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--no-pdf-header-footer", f"--print-to-pdf={printed}", (DOCS / name).as_uri()),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert re.findall(rb"/Count (\d+)", printed.read_bytes()) == [b"1"]

"""Do the facilities form one tree, and which site does each belong to? Files and database taken together; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

from phonenumbers import SUPPORTED_REGIONS

from smsgateway.transfer.faults import Faults
from smsgateway.transfer.files import FACILITIES
from smsgateway.transfer.register import KnownFacility
from smsgateway.transfer.rows import KINDS, FacilityRow

LEVEL = {kind: level for level, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Place:
    """A facility in its tree. `site` is the code of its site, its own above sites; `timezone` its own or the nearest
    one above; `country` the ISO code, where the country facility has one as its code: numbers are read by it."""

    code: str
    kind: str
    site: str
    timezone: str | None
    country: str | None


@dataclass(frozen=True, slots=True)
class _Node:
    line: int  # of the file, 0 when only the database has it
    kind: str
    parent: str | None
    timezone: str | None


def places(rows: Sequence[FacilityRow], known: Mapping[str, KnownFacility], faults: Faults) -> dict[str, Place]:
    """Every facility there will be, in no particular order; what does not fit is put on the list of faults."""
    all_read = not faults.total  # else a parent that is missing may stand on a line that could not be read
    nodes = {each.code: _Node(0, each.kind, each.parent, each.timezone) for each in known.values()}
    zones = available_timezones()
    check_codes(FACILITIES, [(row.line, row.code) for row in rows], known, faults)
    for row in rows:
        if row.timezone is not None and row.timezone not in zones:
            faults.add(
                FACILITIES, row.line, "timezone: no IANA time zone has this name: write one such as Africa/Bamako"
            )
        nodes[row.code] = _Node(row.line, row.kind, row.parent, row.timezone)
    sound = {code: node for code, node in nodes.items() if _fits(code, node, nodes, all_read, faults)}
    return {code: _place(code, sound) for code in sound}


def check_codes(file: str, listed: Sequence[tuple[int, str]], known: Mapping[str, object], faults: Faults) -> None:
    """Two codes may not be the same, nor differ in capitals only: over the phone they sound alike."""
    spelt = {code.casefold(): (code, 0) for code in known}
    for line, code in listed:
        before, at = spelt.get(code.casefold(), (code, 0))
        if at:
            same = "stands on" if before == code else "differs in capitals only from"
            faults.add(file, line, f"code: {same} line {at}: give each its own")
        elif before != code:
            faults.add(file, line, f"code: known as {before}: write it with the same capitals")
        spelt[code.casefold()] = (code, line)


def _fits(code: str, node: _Node, nodes: Mapping[str, _Node], all_read: bool, faults: Faults) -> bool:
    """Whether the way up from here is right as far as the parent."""
    parent = None if node.parent is None else nodes.get(node.parent)
    wrong = _misfit(code, node, parent, all_read)
    if wrong is None:
        return True
    if wrong:
        faults.add(FACILITIES, node.line or (parent.line if parent else 0), wrong)
    return False


def _misfit(code: str, node: _Node, parent: _Node | None, all_read: bool) -> str | None:
    """What is wrong with a facility's place; empty when its parent's line is on the list already, None when all is
    well. Kinds only ever go down, so no circle can close."""
    if node.parent == code:
        return f"parent: {code} lies in itself: write the facility above it"
    if node.parent is not None and parent is None:
        return f"parent: there is no facility {node.parent} in the files or the database" if all_read else ""
    if node.kind == "clinic" and (parent is None or parent.kind != "site"):
        return f"parent: the clinic {code} must lie in a site: write the site's code"
    if parent is not None and LEVEL[parent.kind] >= LEVEL[node.kind]:
        return f"parent: a {node.kind} ({code}) cannot lie in a {parent.kind} ({node.parent})"
    return None


def _place(code: str, nodes: Mapping[str, _Node]) -> Place:
    site, timezone, country, at = code, None, None, code
    while True:
        node = nodes[at]
        site = at if node.kind == "site" else site
        timezone = timezone or node.timezone
        if node.kind == "country" and at.upper() in SUPPORTED_REGIONS:
            country = at.upper()
        if node.parent is None or node.parent not in nodes:
            return Place(code, nodes[code].kind, site, timezone, country)
        at = node.parent

"""What is wrong with a programme's files, and on which line? Everything wrong is collected before anything is refused.

A fault says what is wrong and what to write. It never repeats a name or a phone number: terminals are copied into
mails, and files with shifted columns carry names in any column.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to put right; line 1 is the header, line 0 the file as a whole."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


@dataclass(slots=True)
class Faults:
    """The faults found so far: the first ones in full, all of them counted."""

    total: int = 0
    shown: list[Fault] = field(default_factory=list)

    def add(self, file: str, line: int, what: str) -> None:
        self.total += 1
        if len(self.shown) < SHOWN_AT_MOST:
            self.shown.append(Fault(file, line, what))

    def refuse(self) -> None:
        """Raise ImportRefused when there are any."""
        if self.total:
            raise ImportRefused(tuple(self.shown), self.total)


class Changed(Exception):
    """Places, staff or the files are no longer what was checked: check again."""


class ImportRefused(Exception):
    """The files cannot be imported as they are, and nothing was. `faults` holds the first ones, `total` counts all."""

    def __init__(self, faults: tuple[Fault, ...], total: int) -> None:
        self.faults = faults
        self.total = total
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """One line a fault, and how many more there are."""
        more = self.total - len(self.faults)
        return [str(fault) for fault in self.faults] + ([f"… and {more} more"] if more else [])

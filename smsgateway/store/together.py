"""How are the works of a group done side by side, so that what they look up goes to the database in one go? On
PostgreSQL most of a report's time is spent waiting for the answers to its few questions, one after the other. A group
asks all first questions together, then all second ones (`batches`).

No work knows that others are beside it. Until its turn it only looks: its questions are put with those of the others
(each work is a greenlet; there is one thread), and what it inserts is kept apart. For anything else, a statement that
writes or that locks rows, it waits for its turn, and then has the transaction alone until it is done. Who saw what
another has written since is done again, in its turn. So what comes out is what would have come out had they been done
one after the other, in the order in which they ended. Those of one sender end in the order in which they came: the
second waits for the lock that the first holds, as it would in a transaction of its own.

A work holds no lock of the process while it calls its `Tx`: whoever waits for that is in the same thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from greenlet import greenlet
from sqlalchemy import CursorResult, Executable, Table
from sqlalchemy.sql.dml import UpdateBase

from smsgateway.store.batches import ask_together
from smsgateway.store.prepared import Prepared, Question, tables_written
from smsgateway.store.write import Rows, Tx, Work

Questions = Sequence[Question]


class Entangled(Exception):
    """Works of a group wait for each other's locks: they must be done apart."""


def side_by_side(tx: Tx, works: Sequence[Work[Any]]) -> list[Any]:
    """Do all works in this transaction and give their results. Raises what any of them raises, or Entangled; nothing
    of the transaction may be kept then."""
    return [works[0](tx)] if len(works) == 1 else _Group(tx, works).do()


class _Seat(Tx):
    """The transaction as one work of a group sees it."""

    def __init__(self, group: _Group, number: int, work: Work[Any]) -> None:
        super().__init__(group.connection)
        self.number = number
        self.inserted = Rows()
        self._group = group
        self._its_turn = False
        self._looks: list[tuple[Prepared, Mapping[str, Any], int]] = []
        self._doing = greenlet(work)

    # ------------------------------------------------------------ what the group calls

    def go_on(self, answers: list[list[Any]] | None = None) -> Any:
        """Let the work begin, or go on with the answers to what it asked, until it has questions (returned), needs its
        turn (None) or is done (its result)."""
        return self._doing.switch(answers if self._doing else self)

    @property
    def done(self) -> bool:
        return bool(self._doing.dead)

    def was_overtaken(self) -> bool:
        """Whether it saw what another has written since."""
        return any(self._group.has_written(*look) for look in self._looks)

    def begin_turn(self) -> None:
        """From now on the transaction is this work's alone."""
        self._group.tx.rows.add_all(self.rows)
        self.rows, self._its_turn = self._group.tx.rows, True

    def stop(self) -> None:
        """Leave the work where it is."""
        if not self._doing.dead:
            self._doing.throw()

    # ------------------------------------------------------------ what the work calls

    def insert(self, table: Table, row: Mapping[str, Any]) -> None:
        super().insert(table, row)
        self.inserted.add(table, row)

    def ask(self, statement: Prepared, **values: Any) -> list[Any]:
        if self._may_look([(statement, values)]):
            return self.ask_each((statement, values))[0]
        self._need_turn()
        self._group.note(statement.writes)
        return super().ask(statement, **values)

    def ask_each(self, *questions: Question) -> list[list[Any]]:
        if self._may_look(questions):
            answers: list[list[Any]] = _hub(self._doing).switch(questions)
            self._looks += [(*question, self._group.asked_at) for question in questions]
            return answers
        self._need_turn()
        for statement, _ in questions:
            self._group.note(statement.writes)
        return super().ask_each(*questions)

    def run(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        self._need_turn()
        if isinstance(statement, UpdateBase):
            self._group.note(tables_written(statement))
        return super().run(statement, parameters)

    def flush(self) -> None:
        self._need_turn()
        super().flush()

    def _may_look(self, questions: Questions) -> bool:
        return not self._its_turn and all(
            statement.only_looks and not self.rows.are_seen_by(statement, values) for statement, values in questions
        )

    def _need_turn(self) -> None:
        if not self._its_turn:
            _hub(self._doing).switch(None)


def _hub(doing: greenlet) -> greenlet:
    """Where its group goes on."""
    assert doing.parent is not None
    return doing.parent


class _Group:
    """Works in one transaction, and what those that are done have written."""

    def __init__(self, tx: Tx, works: Sequence[Work[Any]]) -> None:
        self.tx = tx
        self.connection = tx.connection
        self._works = works
        self._results: list[Any] = [None] * len(works)
        self._open = {number: _Seat(self, number, work) for number, work in enumerate(works)}
        self._asking: list[tuple[_Seat, Questions]] = []
        self._waiting: list[tuple[_Seat, Questions]] = []  # for a lock that another holds
        self._turns: deque[_Seat] = deque()
        self._holders: dict[Any, _Seat] = {}  # of locks
        self._written: list[Rows | frozenset[Table]] = []  # rows inserted, or tables changed
        self.asked_at = 0  # how much had been written when the last questions were asked

    def do(self) -> list[Any]:
        """All results, in the order of the works."""
        try:
            for seat in list(self._open.values()):
                self._go_on(seat)
            while self._asking or self._turns:
                if self._asking:
                    self._answer()
                else:
                    self._give_turn(self._turns.popleft())
        finally:
            for seat in self._open.values():
                seat.stop()
        if self._open:
            raise Entangled
        return self._results

    def note(self, tables: frozenset[Table]) -> None:
        """A statement changed something in these."""
        if tables:
            self._written.append(tables)

    def has_written(self, statement: Prepared, values: Mapping[str, Any], since: int) -> bool:
        """Whether a statement might find what was written after so much."""
        return any(
            written.are_seen_by(statement, values) if isinstance(written, Rows) else statement.reads(written)
            for written in self._written[since:]
        )

    def _go_on(self, seat: _Seat, answers: list[list[Any]] | None = None) -> None:
        said = seat.go_on(answers)
        if seat.done:
            self._end(seat, said)
        elif said is None:
            self._turns.append(seat)
        else:
            self._put(seat, said)

    def _put(self, seat: _Seat, questions: Questions) -> None:
        """Ask with the next round, or wait for whoever holds the lock that is asked for."""
        locks = [values[statement.holds] for statement, values in questions if statement.holds]
        if any(self._holders.get(lock, seat) is not seat for lock in locks):
            self._waiting.append((seat, questions))
            return
        self._holders.update(dict.fromkeys(locks, seat))
        self._asking.append((seat, questions))

    def _answer(self) -> None:
        """One round: what all ask now, in one go."""
        asking, self._asking = self._asking, []
        every = [question for _, questions in asking for question in questions]
        if any(self.tx.rows.are_seen_by(*question) for question in every):
            self.tx.flush()
        self.asked_at = len(self._written)
        answers = iter(ask_together(self.connection, every))
        for seat, questions in asking:
            self._go_on(seat, [next(answers) for _ in questions])

    def _give_turn(self, seat: _Seat) -> None:
        """Let one be done alone."""
        if seat.was_overtaken():
            seat.stop()
            seat = self._again(seat)
        seat.begin_turn()
        self._end(seat, seat.go_on())

    def _again(self, seat: _Seat) -> _Seat:
        """A fresh start, in the same place and with the same locks."""
        fresh = self._open[seat.number] = _Seat(self, seat.number, self._works[seat.number])
        self._holders = {lock: fresh if holder is seat else holder for lock, holder in self._holders.items()}
        return fresh

    def _end(self, seat: _Seat, result: Any) -> None:
        """It is done; unless it only looked, and was overtaken meanwhile."""
        if seat.rows is not self.tx.rows:
            if seat.was_overtaken():
                self._turns.append(self._again(seat))
                return
            self.tx.rows.add_all(seat.rows)
        self._results[seat.number] = result
        self._written.append(seat.inserted)
        for action in seat.take_after_commit():
            self.tx.after_commit(action)
        del self._open[seat.number]
        self._holders = {lock: holder for lock, holder in self._holders.items() if holder is not seat}
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._put(*each)

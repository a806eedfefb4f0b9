"""How does PostgreSQL answer one question about many? A statement that several ask at the same moment, each with values
of their own, is made into one that joins all their values, and is asked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Select, String, bindparam, column, func, literal_column, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection
from sqlalchemy.sql import visitors

from smsgateway.store.prepared import Prepared, Question, run_each


def ask_together(connection: Connection, questions: Sequence[Question]) -> list[list[Any]]:
    """The rows of each, in one exchange with PostgreSQL."""
    places: dict[Prepared, list[int]] = {}
    for place, (statement, _) in sorted(enumerate(questions), key=lambda each: each[1][0].holds is None):
        places.setdefault(statement, []).append(place)  # locks first: what is seen is seen after waiting
    asked: list[tuple[Question, list[int]]] = []
    for statement, some in places.items():
        many = for_many(statement) if len(some) > 1 else None
        if many is None:
            asked += [(questions[place], [place]) for place in some]
        else:
            asked.append(((many, _together([questions[place][1] for place in some])), some))
    found: list[list[Any]] = [[] for _ in questions]
    for rows, (_, some) in zip(run_each(connection, [question for question, _ in asked]), asked, strict=True):
        if len(some) == 1:
            found[some[0]] = rows
        else:
            for row in rows:
                found[some[row.nth - 1]].append(row)
    return found


def _together(each: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [values[name] for values in each] for name in each[0]}


class Many(Prepared):
    """A statement for many sets of values at once; PostgreSQL's alone."""


@lru_cache(maxsize=512)
def for_many(statement: Prepared) -> Many | None:
    """The same statement for many sets of values, each parameter a list of them; its rows have an `nth` besides, that
    of their values, from 1. None when it cannot be made into one: it has no parameters, or a list, or one in a query
    within."""
    asked = statement.statement
    wanted = {each.key: each for each in visitors.iterate(asked) if isinstance(each, BindParameter) and each.required}
    if not wanted or any(isinstance(each.type, ARRAY) or each.expanding for each in wanted.values()):
        return None
    # Without their lengths: a cast would cut longer texts short.
    types = {name: String() if isinstance(each.type, String) else each.type for name, each in wanted.items()}
    given = (
        func.unnest(*[bindparam(name, type_=ARRAY(kind)) for name, kind in types.items()])
        .table_valued(*[column(name, kind) for name, kind in types.items()], with_ordinality="nth")
        .render_derived()
    )

    def joined(element: Any, **_: Any) -> Any:
        return given.c[element.key] if isinstance(element, BindParameter) and element.required else None

    # OFFSET 0 keeps the planner from reading a whole table, however small it still is, to join it.
    each = visitors.replacement_traverse(asked, {}, joined).offset(literal_column("0"))
    found = (each.correlate(given) if isinstance(each, Select) else each).lateral("found")
    many = select(*found.c, given.c.nth).select_from(given.join(found, true()))
    sql = str(many.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    return Many(many) if sql.count("unnest(") == 1 else None

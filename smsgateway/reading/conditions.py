"""Is a rule of the flow files true of this report, false, or can nobody know? A small typed language, three-valued.

Conditions are written in a strict allow-list of Python's own grammar (comparisons, `and`, `or`, `not`, `in`, `known()`,
`said()`), parsed once, checked against the declared names, and compiled to closures: nothing of a flow file is ever
executed. A comparison with something unknown (an age nobody knows) is unknown, which is neither true nor false: who
judges must not take it for "no danger". A comparison with something that was not said at all is false, and so `not`
may not stand before a comparison, where it would make silence true.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Truth = bool | None
Values = Mapping[str, Any]
_Test = Callable[[Values], Truth]


class Type(StrEnum):
    """What a declared name holds."""

    NUMBER = "number"
    WORD = "word"
    FLAG = "flag"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Name:
    """A declared name. `words` are the values it can take (for WORD and LIST; empty: any). A fact, such as the age,
    may be unknown without anybody having been silent about it."""

    type: Type
    words: frozenset[str] = frozenset()
    is_fact: bool = False


class ConditionError(ValueError):
    """A condition that cannot be used; the message says where, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. `fields` are the answers it looks at: when none of them was said, and `needs_saying`
    holds, it is false without being run."""

    source: str
    fields: frozenset[str]
    needs_saying: bool
    test: _Test

    def __call__(self, values: Values) -> Truth:
        return self.test(values)


_ORDERED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUAL: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}


def compile_condition(source: str, names: Mapping[str, Name]) -> Condition:
    """Parse, check and compile one condition; ConditionError says what is wrong with it."""
    try:
        tree = ast.parse(" ".join(source.split()), mode="eval").body
    except SyntaxError as error:
        raise ConditionError(
            f"cannot be read near character {error.offset}: write it like `fever_days >= 7 and group == 'child'`"
        ) from None
    compiler = _Compiler(names)
    test = compiler.test(tree)
    fields = frozenset(name for name in compiler.used if not names[name].is_fact)
    silence = {name: None for name in names if names[name].is_fact}
    return Condition(source, fields, bool(fields) and test(silence) is False, test)


class _Compiler:
    def __init__(self, names: Mapping[str, Name]) -> None:
        self.names = names
        self.used: set[str] = set()

    def test(self, node: ast.expr) -> _Test:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return _all(tuple(map(self.test, parts)))
            case ast.BoolOp(op=ast.Or(), values=parts):
                return _any(tuple(map(self.test, parts)))
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self.negation(inner)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                return self.comparisons(left, ops, rights)
            case ast.Call(func=ast.Name(id="known" | "said" as ask), args=[ast.Name(id=name)], keywords=[]):
                self.declared(name)
                return _known(name) if ask == "known" else _said(name)
            case ast.Name(id=name):
                if self.declared(name).type is not Type.FLAG:
                    raise ConditionError(f"`{name}` is no yes or no: compare it, or write said({name})")
                return lambda values: values.get(name, False)
        raise ConditionError(
            f"`{ast.unparse(node)}` is not allowed: use comparisons, and, or, not, in, known(), said()"
        )

    def negation(self, inner: ast.expr) -> _Test:
        if not isinstance(inner, ast.Call | ast.Name):
            raise ConditionError(
                f"`not {ast.unparse(inner)}` would be true of what was never said: turn the comparison round instead"
            )
        test = self.test(inner)
        return lambda values: None if (truth := test(values)) is None else not truth

    def comparisons(self, left: ast.expr, ops: list[ast.cmpop], rights: list[ast.expr]) -> _Test:
        tests = []
        for op, right in zip(ops, rights, strict=True):
            tests.append(self.comparison(left, op, right))
            left = right
        return tests[0] if len(tests) == 1 else _all(tuple(tests))

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Test:
        if isinstance(op, ast.In):
            return self.membership(left, right)
        if isinstance(left, ast.Constant):  # 6 <= months: turned round
            mirrored = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}.get(type(op))
            return self.comparison(right, mirrored() if mirrored else op, left)
        if not (isinstance(left, ast.Name) and isinstance(right, ast.Constant)):
            raise ConditionError("compare a name with a number or a quoted word")
        name, declared, value = left.id, self.declared(left.id), right.value
        if type(op) in _ORDERED:
            if declared.type is not Type.NUMBER or not _is_number(value):
                raise ConditionError(f"`{name}` is a {declared.type}: only numbers are more or less than something")
            return _compared(name, _ORDERED[type(op)], value)
        if type(op) not in _EQUAL:
            raise ConditionError(f"`{ast.unparse(ast.Compare(left, [op], [right]))}`: use < <= > >= == != or in")
        self.fits(name, declared, value)
        return _compared(name, _EQUAL[type(op)], value)

    def membership(self, left: ast.expr, right: ast.expr) -> _Test:
        match left, right:
            case ast.Constant(value=word), ast.Name(id=name) if self.declared(name).type is Type.LIST:
                self.fits(name, self.names[name], word)
                return lambda values: word in (values.get(name) or ())
            case ast.Name(id=name), ast.Tuple(elts=elements) | ast.List(elts=elements):
                declared = self.declared(name)
                allowed = [element.value for element in elements if isinstance(element, ast.Constant)]
                if len(allowed) != len(elements):
                    raise ConditionError("a list in a condition holds numbers or quoted words only")
                for value in allowed:
                    self.fits(name, declared, value)
                return _compared(name, lambda said, among: said in among, tuple(allowed))
        raise ConditionError("write `'act' in treatments`, or `outcome in ('died', 'worse')`")

    def declared(self, name: str) -> Name:
        if name not in self.names:
            raise ConditionError(f"`{name}` is not a known name; known are {', '.join(sorted(self.names))}")
        self.used.add(name)
        return self.names[name]

    def fits(self, name: str, declared: Name, value: object) -> None:
        if (declared.type is Type.NUMBER) != _is_number(value):
            raise ConditionError(f"`{name}` is a {declared.type} and is compared with {value!r}")
        if declared.words and value not in declared.words:
            raise ConditionError(f"`{name}` is never {value!r}; it can be {', '.join(sorted(declared.words))}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compared(name: str, compare: Callable[[Any, Any], bool], value: object) -> _Test:
    def test(values: Values) -> Truth:
        if name not in values:
            return False
        said = values[name]
        return None if said is None else compare(said, value)

    return test


def _known(name: str) -> _Test:
    return lambda values: values.get(name) is not None


def _said(name: str) -> _Test:
    return lambda values: name in values


def _all(tests: tuple[_Test, ...]) -> _Test:
    def test(values: Values) -> Truth:
        result: Truth = True
        for each in tests:
            truth = each(values)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    return test


def _any(tests: tuple[_Test, ...]) -> _Test:
    def test(values: Values) -> Truth:
        result: Truth = False
        for each in tests:
            truth = each(values)
            if truth:
                return True
            if truth is None:
                result = None
        return result

    return test

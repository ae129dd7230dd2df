"""Conditions of IAM rules: the part of CEL that request-level conditions need.

Operators `== != < <= > >= && || !`, parentheses, strings, `request.ip|time|user_agent`,
`timestamp("…")`, `inIpRange(ip, "cidr")`, `.startsWith("…")`, `.endsWith`, `.contains`.
A condition on anything else (`resource.…`) parses, and does not hold: it fails closed.
"""

import ipaddress
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What a request is judged on: `ip` of the peer, UTC `time`, client's name."""

    ip: str
    time: datetime
    user_agent: str = ""


class ConditionSyntaxError(ValueError):
    """The condition is not in the language above."""


class _UnknownError(Exception):
    """A variable that the request does not have."""


Node = Callable[[Facts], Any]
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>[A-Za-z_][\w.]*)"""
    r"""|(?P<op>==|!=|<=|>=|&&|\|\||[<>!(),]))"""
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": lambda text, part: part in text,
}


def holds(condition: str, facts: Facts) -> bool:
    """Whether the condition is true; an empty one is, one that cannot be judged is not."""
    if not condition.strip():
        return True
    try:
        return parse(condition)(facts) is True
    except (_UnknownError, ConditionSyntaxError, TypeError, ValueError):
        return False


@lru_cache(maxsize=256)
def parse(condition: str) -> Node:
    """Compile a condition; raises ConditionSyntaxError."""
    return _Parser(condition).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise ConditionSyntaxError(f"unexpected text at position {position}")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def peek(self) -> str:
        return self.tokens[0][1] if self.tokens else ""

    def take(self, wanted: str | None = None) -> tuple[str, str]:
        if not self.tokens or (wanted is not None and self.tokens[0][1] != wanted):
            raise ConditionSyntaxError(f"expected {wanted or 'a value'}")
        return self.tokens.pop(0)

    def whole(self) -> Node:
        node = self.either()
        if self.tokens:
            raise ConditionSyntaxError(f"unexpected {self.peek()}")
        return node

    def either(self) -> Node:
        parts = [self.both()]
        while self.peek() == "||":
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda facts: any(p(facts) for p in parts)

    def both(self) -> Node:
        parts = [self.single()]
        while self.peek() == "&&":
            self.take()
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else lambda facts: all(p(facts) for p in parts)

    def single(self) -> Node:
        if self.peek() == "!":
            self.take()
            inner = self.single()
            return lambda facts: not inner(facts)
        left = self.value()
        if self.peek() in _COMPARE:
            compare, right = _COMPARE[self.take()[1]], self.value()
            return lambda facts: compare(left(facts), right(facts))
        return left

    def value(self) -> Node:
        if self.peek() == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        kind, text = self.take()
        if kind == "string":
            literal = text[1:-1].replace('\\"', '"').replace("\\'", "'")
            return lambda facts: literal
        if kind != "name":
            raise ConditionSyntaxError(f"unexpected {text}")
        return self.call(text) if self.peek() == "(" else _variable(text)

    def call(self, name: str) -> Node:
        self.take("(")
        arguments = [self.either()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.either())
        self.take(")")
        return _function(name, arguments)


def _variable(name: str) -> Node:
    field = name.removeprefix("request.")
    if name.startswith("request.") and field in Facts.__dataclass_fields__:
        return lambda facts: getattr(facts, field)
    if name in ("true", "false"):
        return lambda facts: name == "true"

    def unknown(facts: Facts) -> Any:
        raise _UnknownError(name)

    return unknown


def _function(name: str, arguments: list[Node]) -> Node:
    if name == "timestamp" and len(arguments) == 1:
        return lambda facts: datetime.fromisoformat(arguments[0](facts))
    if name == "inIpRange" and len(arguments) == 2:
        return lambda facts: in_range(arguments[0](facts), arguments[1](facts))
    owner, _, method = name.rpartition(".")
    if method in _METHODS and owner and len(arguments) == 1:
        subject, test = _variable(owner), _METHODS[method]
        return lambda facts: test(subject(facts), arguments[0](facts))
    if name == "has" and len(arguments) == 1:
        return lambda facts: _known(arguments[0], facts)
    raise ConditionSyntaxError(f"unknown function {name}")


def _known(argument: Node, facts: Facts) -> bool:
    try:
        argument(facts)
    except _UnknownError:
        return False
    return True


def in_range(address: str, network: str) -> bool:
    """Whether an address is in a CIDR range; raises ValueError for a malformed one."""
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)

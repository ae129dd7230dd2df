"""What the threads of a web worker share: every mutable object at the top of a module is listed.

A new one fails here until somebody has said why four threads may use it at once.
"""

import ast
import functools
import importlib
import inspect
import logging
import pkgutil
import re
import sys
import types
import typing
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import celery.local
import pytest
from django.apps.registry import Apps
from django.conf import LazySettings, settings
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.validators import RegexValidator
from django.db.models import Q
from django.db.utils import ConnectionHandler
from django.dispatch import Signal
from django.template.base import Node
from django.template.library import Library
from django.urls import get_resolver
from django.utils.connection import ConnectionProxy
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from rest_framework.routers import BaseRouter

import catalog
import portal
import requests_app
from portal.common.machine import Machine
from requests_app.workflow.verbs import Verb
from tests.consistency.registries import FILLED_AT_START


# Not in a web worker: other processes, commands that run once, migrations; settings are constants.
ELSEWHERE = re.compile(r"\.(sandbox|management|journey|demo|migrations|settings|wsgi)(\.|$)")

CONTAINERS = (dict, list, set, bytearray, deque, defaultdict, OrderedDict, Counter)
MUTATING = frozenset(
    "append add clear discard extend insert pop popitem popleft appendleft remove reverse"
    " setdefault sort subtract update".split()
)

# One number, written at once as a whole: the worst of a race is one more try.
NUMBERS = {"requests_app.provisioning.waking._quiet_until": "until when no hint is sent"}
# `functools` locks its own table. Two threads may compute a value at once: it must be the same one,
# and nobody may change what all are given.
CACHES = {
    "catalog.api.description.description": "read once from its file; nobody writes in it",
    "catalog.search.backends._backend": "an engine; see the classes, used by threads on purpose",
    "catalog.search.synonyms.longest": "a number",
    "catalog.search.synonyms.table": "a dictionary of tuples that nobody writes in",
    "catalog.search.text._forms": "two strings, or None",
    "catalog.search.text.stem": "a string; the stemmer is behind a lock",
    "portal.common.calendar._offset_query": "a text and a tuple, read from the model alone",
    "portal.common.guarded_admin._offered": "a frozenset of the words of an address",
    "portal.common.units._holidays": "a frozenset, made from a calendar of its own per year",
    "requests_app.rights.duties._compiled": "a text and a tuple, read from the models alone",
    "requests_app.rights.duties._people_sql": "a text and a tuple, read from the models alone",
    "requests_app.dossier.orientation.data": "a frozen model",
    "requests_app.procedures.law.begins_after": "a truth, of a frozen model and a period",
    "requests_app.procedures.forms._all": "a dictionary of frozen models that nobody writes in",
    "requests_app.procedures.keeping._reader": "a validator, which nobody writes in",
    "requests_app.procedures.registry._all": "a dictionary of frozen models that nobody writes in",
    "requests_app.procedures.forms._kept": "a frozen model; what is kept never changes",
    "requests_app.procedures.forms._own": "a frozenset, read from the folder at the start",
    "requests_app.procedures.registry._kept": "a frozen model; what is kept never changes",
    "requests_app.procedures.registry._own": "a frozenset, read from the folder at the start",
}
# Objects with a state of their own.
OBJECTS = {
    "catalog.search.text._stemmer": "keeps the word it works on: used under _stemming only",
    "catalog.search.text._stemming": "the lock of the stemmer",
    "portal.celery.app": "the Celery application, made to be shared",
    "requests_app.procedures.cases.CASES": "nothing holds what is behind the proxy",
    "requests_app.procedures.moves.EFFECTS": "the same",
    "requests_app.workflow.definition.REQUEST_MOVES": "the same",
    "requests_app.workflow.definition.STAGE_STEPS": "the same",
    "requests_app.procedures.law.UNNAMED": "a frozen model",
    "requests_app.rights.kept._here": "counted per thread, which serves one request at a time",
    "requests_app.provisioning.providers.retrying._jitter": "asks the system",
    "requests_app.provisioning.providers.scaleway.transport.SHARED_BUCKET": "has its own lock",
    "requests_app.counter.reading.badge._touched": "one set per thread, emptied by its commit",
}
# Types that keep nothing after they are made, or that their library makes for threads.
PLAIN: tuple[Any, ...] = (
    str, bytes, int, float, complex, bool, type(None), type, frozenset, range, Decimal, Enum,
    re.Pattern, PurePath, uuid.UUID, date, time, timedelta, tzinfo, zoneinfo.ZoneInfo, Promise,
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType,
    types.GenericAlias, types.UnionType, typing._Final, typing._GenericAlias,  # type: ignore[attr-defined]
    functools.partial, logging.Logger, ContextVar,
    Machine,  # a table of moves, written when it is made
)  # fmt: skip
OF_LIBRARIES: tuple[Any, ...] = (
    LazySettings, Apps, Signal, Library, Q, RegexValidator, PasswordResetTokenGenerator, BaseRouter,
    ConnectionProxy,  # cache, connection: one object per thread behind it
    ConnectionHandler,  # likewise
    celery.local.Proxy,  # a task: what changes is in its request, one per thread
)  # fmt: skip


@functools.cache
def modules() -> tuple[types.ModuleType, ...]:
    """Every module of the product that a web worker may hold, with the addresses loaded."""
    assert get_resolver().url_patterns
    for root in (portal, catalog, requests_app):
        for found in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if not ELSEWHERE.search(found.name):
                importlib.import_module(found.name)
    rooms = {"portal", "catalog", "requests_app"}
    return tuple(
        module
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0] in rooms and not ELSEWHERE.search(name)
    )


@functools.cache
def functions(module: types.ModuleType) -> tuple[tuple[ast.FunctionDef, tuple[ast.AST, ...]], ...]:
    """Functions of a module, each with everything inside it."""
    return tuple(
        (node, tuple(ast.walk(node)))
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )


def values(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if not (name.startswith("__") and name.endswith("__")):
            yield name, value


@functools.cache
def homes() -> dict[int, str]:
    """Of each container and object at the top of a module: the name it was first found by.

    The module that makes it is known by the assignment in its source.
    """
    found: dict[int, str] = {}
    for module in modules():
        top = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
        made = {
            target.id
            for node in top
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for name, value in values(module):
            if name in made:
                found[id(value)] = f"{module.__name__}.{name}"
    return found


def where(module: types.ModuleType, name: str, value: Any) -> str:
    return homes().get(id(value), f"{module.__name__}.{name}")


def is_plain(value: Any) -> bool:
    if isinstance(value, PLAIN + OF_LIBRARIES):
        return True
    if isinstance(value, tuple):
        return all(is_plain(item) or isinstance(item, CONTAINERS) for item in value)
    return is_dataclass(value) and type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]


def changed_in(module: types.ModuleType) -> Iterator[str]:
    """Containers at the top of a module that a function of this one writes in."""
    known = dict(values(module))

    def container(node: ast.expr) -> str:
        while isinstance(node, ast.Subscript):  # a list in a dictionary is part of it
            node = node.value
        match node:
            case ast.Name(id=name) if isinstance(known.get(name), CONTAINERS):
                return where(module, name, known[name])
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if isinstance(
                held := getattr(known.get(owner), name, None), CONTAINERS
            ) and isinstance(known.get(owner), types.ModuleType | type):
                return where(known[owner], name, held)
        return ""

    for _function, nodes in functions(module):
        own = {
            name.id
            for name in nodes
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        for node in nodes:
            written: list[ast.expr] = []
            match node:
                case ast.Global(names=names):
                    yield from (f"{module.__name__}.{name}" for name in names)
                case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                    written = [t.value for t in targets if isinstance(t, ast.Subscript)]
                case ast.AugAssign(target=ast.Subscript(value=target)):
                    written = [target]
                case ast.AugAssign(target=target):
                    written = [target]
                case ast.Call(func=ast.Attribute(value=target, attr=attr)) if attr in MUTATING:
                    written = [target]
            for target in written:
                if isinstance(target, ast.Name) and target.id in own:
                    continue
                if name := container(target):
                    yield name


def test_containers_at_the_top_of_a_module_are_filled_at_the_start_only() -> None:
    changed = {name for module in modules() for name in changed_in(module)}
    assert changed == set(FILLED_AT_START) | set(NUMBERS)


def test_what_is_kept_by_a_function_is_listed() -> None:
    kept = {
        f"{value.__module__}.{value.__qualname__}"
        for module in modules()
        for holder in (module, *(v for _n, v in values(module) if inspect.isclass(v)))
        for value in vars(holder).values()
        if isinstance(value, functools._lru_cache_wrapper)
        and value.__module__.partition(".")[0] in {"portal", "catalog", "requests_app"}
    }
    assert kept == set(CACHES)


def test_objects_with_a_state_are_listed() -> None:
    stateful = {
        where(module, name, value)
        for module in modules()
        for name, value in values(module)
        if not isinstance(value, CONTAINERS)
        and not isinstance(value, functools._lru_cache_wrapper)
        and not is_plain(value)
    }
    assert stateful == set(OBJECTS)


# Their one object answers in every thread.
def shared_classes() -> set[type]:
    bases = (BaseModelAdmin, AdminSite, Node, Verb)
    found = {import_string(path) for path in settings.MIDDLEWARE}
    for module in modules():
        for _name, value in values(module):
            if inspect.isclass(value) and (
                issubclass(value, bases)
                or (value.__name__.endswith("Converter") and hasattr(value, "to_python"))
            ):
                found.add(value)
    rooms = ("portal.", "catalog.", "requests_app.")
    return {c for c in found if inspect.isclass(c) and c.__module__.startswith(rooms)}


def writes_on_itself(source: str) -> list[str]:
    """Attributes that a method other than `__init__` gives to its object or to its class."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or function.name == "__init__":
            continue
        for node in ast.walk(function):
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AugAssign | ast.AnnAssign):
                targets = [node.target]
            found += [
                f"{function.name}: {target.value.id}.{target.attr}"
                for target in targets
                if isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id in {"self", "cls"}
            ]
    return found


def test_objects_that_answer_in_every_thread_keep_nothing_of_a_request() -> None:
    """Pages of the administration, middleware, verbs, converters: made once, used by all."""
    shared = shared_classes()
    assert len(shared) > 60
    found = {
        f"{cls.__module__}.{cls.__qualname__}": writes
        for cls in shared
        if (writes := writes_on_itself(inspect.cleandoc(f"\n{inspect.getsource(cls)}")))
    }
    assert found == {}


def test_nothing_writes_on_a_class() -> None:
    found = [
        f"{module.__name__}:{node.lineno}: {ast.unparse(node)}"
        for module in modules()
        for function, nodes in functions(module)
        if function.name != "__init_subclass__"
        for node in nodes
        if isinstance(node, ast.Assign | ast.AugAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and (target.value.id == "cls" or inspect.isclass(vars(module).get(target.value.id)))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("_known = {}\ndef f(k):\n    _known[k] = 1\n", ["probe._known"]),
        ("_known = []\ndef f(k):\n    _known.append(k)\n", ["probe._known"]),
        ("_known = None\ndef f(k):\n    global _known\n    _known = k\n", ["probe._known"]),
        ("KNOWN = {}\ndef f(k):\n    known = dict(KNOWN)\n    known[k] = 1\n", []),
    ],
)
def test_a_new_one_would_be_seen(source: str, seen: list[str], tmp_path: Path) -> None:
    module = types.ModuleType("probe")
    exec(source, vars(module))  # noqa: S102
    module.__file__ = str(tmp_path / "probe.py")
    Path(module.__file__).write_text(source)
    assert list(changed_in(module)) == seen


def test_a_new_stateful_object_would_be_seen() -> None:
    class Client:
        pass

    assert not is_plain(Client())
    assert not is_plain((1, Client()))
    assert is_plain(({"a": 1}, 2, None))
    held: Mapping[str, str] = types.MappingProxyType({})
    assert not is_plain(held)

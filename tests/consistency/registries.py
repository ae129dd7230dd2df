"""What is filled while the portal starts, and the names each then holds.

Nothing of the product is imported here: a process that is started by a test reads its own.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any
from weakref import ReferenceType


# Filled by the imports of the start, under the interpreter's import lock; only read afterwards.
FILLED_AT_START = {
    "catalog.panels._panels": "AppConfig.ready() of the rooms above",
    "portal.audit.actions._actions": "audit_actions.py of each room, from ready()",
    "portal.audit.permissions._story_readers": "ready() of the rooms above",
    "portal.audit.permissions._hiding_rules": "ready() of the rooms above",
    "portal.common.calendar._when_moved": "decorators, when a module is imported",
    "portal.common.navigation._entries": "ready() of the rooms",
    "portal.notifications.base._notices": "one line per class of notice",
    "portal.notifications.permissions._hiding_rules": "ready() of the rooms above",
    "requests_app.procedures.keeping._asked": "a decorator, when the rows are imported",
    "requests_app.procedures.keeping._listing": "a decorator, when the rows are imported",
    "requests_app.rights.permissions._ACTIONS": "workflow.rights, when it is imported",
    "requests_app.rights.permissions._correctable": "workflow.rights, when it is imported",
    "requests_app.workflow.kind.KINDS": "decorators, when a module is imported",
    "requests_app.workflow.verbs.VERBS": "decorators, when a module is imported",
}
# Filled likewise, in objects of Django.
OF_DJANGO: dict[str, Callable[[], Iterator[str]]] = {}
# Those whose names are a section of frozen.json of their own: the section, and what comes before
# the name on its lines. All others are under `registries`, by the end of their path.
SECTIONS = {
    "portal.audit.actions._actions": ("audit_actions", ""),
    "portal.notifications.base._notices": ("messages", ""),
    "requests_app.rights.permissions._ACTIONS": ("permissions", "request: "),
    "requests_app.workflow.verbs.VERBS": ("verbs", ""),
}


def names(registry: str) -> list[str]:
    """Names a registry holds in this process, sorted; what a test put there is left out."""
    if registry in OF_DJANGO:
        return sorted(set(OF_DJANGO[registry]()))
    module, _, attribute = registry.rpartition(".")
    held = getattr(import_module(module), attribute)
    if isinstance(held, Mapping):
        found = [name for key, value in held.items() for name in _of(key, value)]
    else:
        found = [name for one in held for name in _of("", one)]
    return sorted(found)


def _of(key: str, value: Any) -> list[str]:
    """`key`, the name of a function, or both where a place holds several."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [f"{key} {name}" for one in value for name in _of("", one)]
    if _home(value).startswith("tests."):
        return []
    return [key or value.__qualname__]


def _home(value: Any) -> str:
    return str(getattr(value, "__module__", ""))


def _ours(value: Any) -> bool:
    return _home(value).partition(".")[0] in {"portal", "catalog", "requests_app"}


def of_django(find: Callable[[], Iterator[str]]) -> Callable[[], Iterator[str]]:
    OF_DJANGO[find.__name__] = find
    return find


@of_django
def receivers() -> Iterator[str]:
    """Functions of ours that a signal calls, Django's signals and Celery's too."""
    signals = {
        id(value): (name, value)
        for module in list(sys.modules.values())
        for name, value in list(vars(module).items())
        if type(value).__name__ in {"Signal", "ModelSignal"}
    }
    for name, signal in signals.values():
        for entry in signal.receivers or []:
            called = entry[1]() if isinstance(entry[1], ReferenceType) else entry[1]
            if called is not None and _ours(called):
                yield f"{name} {called.__qualname__}"


@of_django
def system_checks() -> Iterator[str]:
    from django.core.checks.registry import registry

    checks = registry.registered_checks | registry.deployment_checks
    yield from (check.__name__ for check in checks if _ours(check))


@of_django
def administration() -> Iterator[str]:
    from django.contrib import admin

    yield from (m._meta.label for m, page in admin.site._registry.items() if _ours(type(page)))


ALL = [*FILLED_AT_START, *OF_DJANGO]


def place(registry: str) -> str:
    """How the lines of a registry begin, under `registries`."""
    return ".".join(registry.split(".")[-3:]) + ": "


def frozen(registry: str, held: Mapping[str, Iterable[str]]) -> list[str]:
    """Names that frozen.json has for a registry."""
    section, before = SECTIONS.get(registry, ("registries", place(registry)))
    found = [line.removeprefix(before) for line in held[section] if line.startswith(before)]
    return sorted(name.split()[0] for name in found) if section == "messages" else sorted(found)

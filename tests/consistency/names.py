"""Names that others hold: rows, queues, browsers, scripts, mail boxes, people's bookmarks.

Found by introspection (Celery, the URLconf, models, registries) and, where no registry exists, by
reading the product's source: a module may move, what it is called by may not. Nothing here imports
a module of a room by its path. `python -m tests.consistency.names` prints what is found.
"""

import ast
import json
import operator
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.consistency.registries import ALL, SECTIONS, place
from tests.consistency.registries import names as entries


TOP = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("frozen.json")
ROOMS = ("portal", "catalog", "requests_app")
# Read by shells and containers, not by Python.
SHELLS = ("Makefile", ".ci/run", "deploy/*", "deploy/env/*")

FINDERS: dict[str, Callable[[], Iterator[str]]] = {}


def finder(find: Callable[[], Iterator[str]]) -> Callable[[], Iterator[str]]:
    FINDERS[find.__name__] = find
    return find


def found() -> dict[str, list[str]]:
    """Every name by section, sorted."""
    return {section: sorted(set(find())) for section, find in sorted(FINDERS.items())}


# --- Registries -----------------------------------------------------------------------------------


def registry(name: str) -> Any:
    """The object of that name at the top of a module of ours, wherever the module lies.

    Found in the source, not among what is loaded: another test may have loaded more.
    """
    holders = [path for path in _product(rf"\b{name}\b") if name in _assigned(path)]
    if len(holders) != 1:
        raise LookupError(f"{len(holders)} modules have a {name}: {holders}")
    return getattr(_module(holders[0]), name)


def _module(path: Path) -> Any:
    return import_module(".".join(path.relative_to(TOP).with_suffix("").parts))


def _assigned(path: Path) -> set[str]:
    """Values and classes at the top of a module (a function of that name is no registry)."""
    found = set()
    for node in _tree(path).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(one.id for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


@finder
def tasks() -> Iterator[str]:
    from portal.celery import app

    app.loader.import_default_modules()
    for name in app.tasks:
        if name.startswith(tuple(f"{room}." for room in ROOMS)):
            yield f"{name} @{app.amqp.router.route({}, name)['queue'].name}"


@finder
def beat() -> Iterator[str]:
    from portal.celery import app

    for name, entry in app.conf.beat_schedule.items():
        queue = app.amqp.router.route(dict(entry["options"]), entry["task"])["queue"]
        yield f"{name}: {entry['task']} @{getattr(queue, 'name', queue)}"


@finder
def urls() -> Iterator[str]:
    from django.urls import get_resolver

    return _patterns(get_resolver().url_patterns, "/", "")


def _patterns(patterns: list[Any], path: str, names: str) -> Iterator[str]:
    for one in patterns:
        # applications of the administration in one order, whichever was registered first
        here = path + re.sub(
            r"(?<=\(\?P<app_label>)[\w|]+",
            lambda m: "|".join(sorted(m[0].split("|"))),
            str(one.pattern),
        )
        if inner := getattr(one, "url_patterns", None):
            space = f"{one.namespace}:" if one.namespace else ""
            yield from _patterns(inner, here, names + space)
        else:
            yield f"{names}{one.name or '-'} {here}"


@finder
def messages() -> Iterator[str]:
    """Code of each message, and its template."""
    for code, notice in registry("_notices").items():
        if notice.__module__.startswith(ROOMS):  # tests have their own
            yield f"{code} {notice.template}"


@finder
def mail_templates() -> Iterator[str]:
    folder = TOP / "templates"
    for path in (folder / "email").rglob("*.*"):
        yield path.relative_to(folder).as_posix()


@finder
def audit_actions() -> Iterator[str]:
    yield from registry("_actions")


@finder
def permissions() -> Iterator[str]:
    """Django's, those of requests, and the parts of a file that are shown or not."""
    from django.contrib.auth.management import _get_all_permissions

    for model in _models():
        for codename, _label in _get_all_permissions(model._meta):
            yield f"{model._meta.app_label}.{codename}"
    yield from (f"request: {name}" for name in registry("_ACTIONS"))
    yield from (f"part: {name}" for name in registry("ALL_PARTS"))


@finder
def verbs() -> Iterator[str]:
    yield from registry("VERBS")


@finder
def registries() -> Iterator[str]:
    """What rooms register while the portal starts, where no section above has it."""
    for one in ALL:
        if one not in SECTIONS:
            yield from (f"{place(one)}{name}" for name in entries(one))


@finder
def outbox() -> Iterator[str]:
    """Topics of provisioning; the kinds of the index's rows are among the choices."""
    yield from registry("TOPICS")


@finder
def content() -> Iterator[str]:
    """Places of a file's content, by the forms: the JSON of every draft and version."""
    for path in _form_files():
        yield from _leaves(registry("Form").model_validate(_toml(path)).empty, "")


def _form_files() -> list[Path]:
    return sorted((TOP / "requests_app").rglob("forms/*.toml"))


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path


# --- The database ---------------------------------------------------------------------------------


def _models() -> list[Any]:
    from django.apps import apps

    models = apps.get_models(include_auto_created=True)
    return [model for model in models if model.__module__.startswith(ROOMS)]


@finder
def tables() -> Iterator[str]:
    """Tables and their columns."""
    for model in _models():
        yield model._meta.db_table
        yield from (f"{model._meta.db_table}.{f.column}" for f in model._meta.concrete_fields)


@finder
def constraints() -> Iterator[str]:
    for model in _models():
        for kind in ("constraints", "indexes"):
            yield from (f"{model._meta.db_table} {one.name}" for one in getattr(model._meta, kind))


@finder
def uploads() -> Iterator[str]:
    """Where models keep files; each row's own words are `*`."""
    from django.db.models import FileField

    for model in _models():
        for field in model._meta.concrete_fields:
            if isinstance(field, FileField):
                path = field.generate_filename(model(), "NAME.EXT")
                shown = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|None", "*", path)
                yield f"{model._meta.db_table}.{field.column} {shown}"


# --- Files ----------------------------------------------------------------------------------------


@finder
def commands() -> Iterator[str]:
    """Management commands and their options."""
    for path in _sources():
        if path.parent.name == "commands" and path.stem != "__init__":
            yield path.stem
            for call in _calls(path, "add_argument"):
                if text := _text(call.args[0]):
                    yield f"{path.stem} {text}"


@finder
def procedures() -> Iterator[str]:
    """Codes of the procedures: what a row of a request, a stage, a task or a piece may say."""
    for room in ROOMS:
        for path in (TOP / room).rglob("*.toml"):
            data = tomllib.loads(path.read_text())
            if {"code", "version", "stages"} <= set(data):
                yield from _codes(data, path.stem)


_PROSE = re.compile(r"[^a-z0-9_.-]|^[0-9]")  # nor a duration
_WORDS = {"label", "word", "deemed", "title", "short_title", "expected", "help", "source"}


def _codes(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _WORDS:
                continue
            name = inner.get("code") if isinstance(inner, dict) else None
            yield from _codes(inner, f"{path} {key}{f'[{name}]' if name else ''}")
    elif isinstance(value, list):
        for inner in value:
            code = inner.get("code") or inner.get("field") if isinstance(inner, dict) else None
            yield from _codes(inner, f"{path}[{code}]" if code else path)
    elif isinstance(value, str) and not _PROSE.search(value):
        yield f"{path} = {value}"


@finder
def forms() -> Iterator[str]:
    """Codes of the forms: addresses of pages, what an answer is and may be in a version."""
    for path in _form_files():
        for section in _toml(path)["sections"]:
            yield f"{path.stem} {section['code']} slug = {section['slug']}"
            for one in section.get("questions", []):
                place = f"{path.stem} {section['code']}.{one['code']}"
                yield f"{place} type = {one['type']}"
                yield from (
                    f"{place} option = {option['code']}" for option in one.get("options", [])
                )


@finder
def environment() -> Iterator[str]:
    """Names of settings outside: read by Python, by shells, by containers."""
    ours = re.compile(r"\b(?:(?:GUICHET|SCW|AWS)_[A-Z0-9_]*[A-Z0-9]|(?:[A-Z]+_)+URL)\b")
    for pattern in SHELLS:
        for path in TOP.glob(pattern):
            if path.is_file():
                yield from ours.findall(path.read_text())
    for path in _product(r"\benv\.|environ|GUICHET_|SCW_|AWS_"):
        for node in _nodes(path):
            text = _text(node)
            if re.fullmatch(r"(GUICHET|SCW|AWS)_[A-Z0-9_{}]*[A-Z0-9}]", text):
                yield text
            elif isinstance(node, ast.Call) and node.args and _is_environment(node.func):
                yield from _resolved(node.args[0], path)
            elif isinstance(node, ast.Subscript) and _is_environment(node):
                yield from _resolved(node.slice, path)


def _is_environment(node: ast.AST) -> bool:
    """`env.str`, `os.environ.get`, `os.getenv`, `os.environ[…]`."""
    return ast.unparse(node).startswith(("env.", "os.environ", "os.getenv"))


@finder
def entry_points() -> Iterator[str]:
    """Modules that a host's own files start or name."""
    for pattern in SHELLS:
        for path in TOP.glob(pattern):
            if path.is_file():
                named = r"(?<![\w.])(?:portal|catalog|requests_app)(?:\.[a-z_]+)+(?::[a-z]+)?"
                yield from re.findall(named, path.read_text())


@finder
def folders() -> Iterator[str]:
    """What lies under the portal's folder: `<a variable of the code>/<names>`."""
    for path in _product(r"root /|folder /|_(DIR|ROOT)\)? /"):
        nodes = _nodes(path)
        inner = {id(n.left) for n in nodes if isinstance(n, ast.BinOp)}
        for node in nodes:
            if isinstance(node, ast.BinOp) and id(node) not in inner:
                parts = _path(node, path)
                if parts and re.fullmatch(r"root|folder|[A-Z_]+_(DIR|ROOT)", parts[0]):
                    yield "/".join(parts)


def _path(node: ast.AST, module: Path) -> list[str]:
    """`VAR_DIR / "a" / "b"` as its parts; empty when it is no such thing."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        left, right = _path(node.left, module), _resolved(node.right, module)
        return [*left, *sorted(right)[:1]] if left and right else []
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return _path(node.args[0], module)  # Path(…), str(…)
    return [name] if (name := _owner(node, own=True)) else []


# --- What browsers and caches keep ----------------------------------------------------------------


@finder
def cookies() -> Iterator[str]:
    """Cookies by setting, and what a session holds of ours; it names who let its person in."""
    from django.conf import settings

    yield from (f"session backend {path}" for path in settings.AUTHENTICATION_BACKENDS)
    for kind in ("SESSION", "CSRF", "LANGUAGE"):
        yield f"cookie {getattr(settings, f'{kind}_COOKIE_NAME')}"
    for path in _product(r"session[.\[]|set_(signed_)?cookie"):
        for node in _nodes(path):
            keys: set[str] = set()
            if isinstance(node, ast.Subscript) and _owner(node) == "session":
                keys = _resolved(node.slice, path)
            elif isinstance(node, ast.Call) and node.args and _owner(node.func) == "session":
                keys = _resolved(node.args[0], path)
            yield from (f"session {key}" for key in keys if key.isidentifier())
        for call in _calls(path, "set_cookie", "set_signed_cookie"):
            yield from (f"cookie {key}" for key in _resolved(call.args[0], path))


_KEY = re.compile(r"[a-z{][a-z0-9{}]*([-:][a-z0-9{}]+)*:?")


@finder
def cache_keys() -> Iterator[str]:
    """Texts in the shape of a key, in the modules that use the cache; `{}` is what varies."""
    for path in _product(r"^from django\.core\.cache import"):
        nodes = _nodes(path)
        elsewhere = {id(n.value) for n in nodes if isinstance(n, ast.keyword)}
        elsewhere |= {
            id(inner) for n in nodes if isinstance(n, ast.JoinedStr) for inner in n.values
        }
        for node in nodes:
            text = _text(node)
            if (
                text
                and id(node) not in elsewhere
                and _KEY.fullmatch(text)
                and re.search("[-:]", text)
            ):
                yield text
            elif isinstance(node, ast.Call) and node.args and _owner(node.func) == "cache":
                yield from filter(re.compile("[a-z]").search, _resolved(node.args[0], path))


@finder
def once_keys() -> Iterator[str]:
    """What makes a message be sent once: hashed in its row."""
    for path in _product(r"\bonce ?="):
        for node in _nodes(path):
            if isinstance(node, ast.keyword) and node.arg == "once":
                texts: list[ast.AST] = list(ast.walk(node.value))
            elif isinstance(node, ast.Assign) and _names(node) == ["once"]:
                texts = list(ast.walk(node.value))
            else:
                continue
            inside = {id(i) for n in texts if isinstance(n, ast.JoinedStr) for i in ast.walk(n)}
            for one in texts:
                if isinstance(one, ast.JoinedStr) or id(one) not in inside:
                    if text := _text(one):
                        yield text


@finder
def salts() -> Iterator[str]:
    """Of signed links and hashed codes; Django's own are Django's."""
    for path in _product(r"(?i)salt\w* ?="):
        for node in _nodes(path):
            if isinstance(node, ast.Assign) and any("salt" in n.lower() for n in _names(node)):
                if text := _text(node.value):
                    yield text
            elif isinstance(node, ast.keyword) and node.arg in {"salt", "key_salt"}:
                yield from _resolved(node.value, path)


# --- States and other choices ---------------------------------------------------------------------


@finder
def choices() -> Iterator[str]:
    """Values of every enumeration: states, kinds, roles, topics; a column or a file holds them."""
    for path in _product(r"^ *class .*(Choices|Enum)\b"):
        yield from _enums(_tree(path).body, "", path)


def _enums(body: list[ast.stmt], outer: str, path: Path) -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {_owner(base, own=True) for base in node.bases}
        if bases & {"TextChoices", "StrEnum", "IntegerChoices", "Enum", "IntEnum"}:
            for one in node.body:
                if isinstance(one, ast.Assign):
                    value = one.value.elts[0] if isinstance(one.value, ast.Tuple) else one.value
                    if isinstance(value, ast.Constant):
                        yield f"{outer}{node.name}.{_names(one)[0]} = {value.value}"
                    elif isinstance(value, ast.Attribute):  # the code of a table of moves
                        code = operator.attrgetter(f"{outer}{node.name}.{_names(one)[0]}.value")
                        yield f"{outer}{node.name}.{_names(one)[0]} = {code(_module(path))}"
        yield from _enums(node.body, f"{outer}{node.name}.", path)


@finder
def logs() -> Iterator[str]:
    """Loggers that are called by a name and not by their module."""
    for path in _product(r"getLogger\((?!__name__)"):
        for call in _calls(path, "getLogger"):
            if call.args and (text := _text(call.args[0])):
                yield text


# --- Reading source -------------------------------------------------------------------------------


@cache
def _sources() -> dict[Path, str]:
    """Modules of the product; migrations tell of the past."""
    modules = sorted(path for room in ROOMS for path in (TOP / room).rglob("*.py"))
    return {path: path.read_text() for path in modules if path.parent.name != "migrations"}


def _product(words: str) -> Iterator[Path]:
    """Those that hold one of the words: reading all as trees takes seconds."""
    asked = re.compile(words, re.MULTILINE)
    return (path for path, text in _sources().items() if asked.search(text))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_sources()[path])


@cache
def _nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(_tree(path)))


def _calls(path: Path, *names: str) -> Iterator[ast.Call]:
    for node in _nodes(path):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else _owner(node.func, own=True)
            )
            if name in names:
                yield node


def _names(node: ast.Assign) -> list[str]:
    return [one.id for one in node.targets if isinstance(one, ast.Name)]


def _owner(node: ast.AST | None, *, own: bool = False) -> str:
    """Last name of what is asked: `request.session` of `request.session[…]` is "session"."""
    if isinstance(node, ast.Name):
        return node.id if own else ""
    if isinstance(node, ast.Attribute):
        return node.attr if own else _owner(node.value, own=True)
    if isinstance(node, ast.Subscript):
        return _owner(node.value, own=True)
    return ""


def _text(node: ast.AST) -> str:
    """A text, what varies in it as `{}`; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(one) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return ""


@cache
def _constants() -> dict[str, dict[Path, str]]:
    """Name of a constant → module → its text."""
    table: dict[str, dict[Path, str]] = {}
    for path, source in _sources().items():
        for name, text in re.findall(r'^([A-Z_]+)(?:: \w+)? = "([^"]+)"', source, re.MULTILINE):
            table.setdefault(name, {})[path] = text
    return table


def _resolved(node: ast.AST, path: Path) -> set[str]:
    """The text of an argument: itself, or the constant it names (here first, then anywhere)."""
    if text := _text(node):
        return {text}
    known = _constants().get(_owner(node, own=True), {})
    return {known[path]} if path in known else set(known.values())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    import django

    django.setup()
    sys.stdout.write(json.dumps(found(), indent=1, ensure_ascii=False) + "\n")

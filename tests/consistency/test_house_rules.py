"""Rules of the house that no linter knows: sizes, third parties, dependencies, top level."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands


ROOT = Path(settings.BASE_DIR)
PRODUCT = ("portal", "catalog", "requests_app")
# design: fixed top level, and beside it only what tools and readers expect.
TOP_LEVEL = {
    "manage.py", "portal", "catalog", "requests_app", "templates", "tests", "requirements.txt",
    "README.md", "CHANGELOG.md", "UPGRADE.md", "CONTRIBUTING.md", "LICENSE", "Makefile",
    "pyproject.toml", "docs", "deploy", ".ci", ".gitignore", ".dockerignore", ".gitattributes",
}  # fmt: skip
# Addresses that may stand in what we send to a browser: names of things, never fetched.
NAMES_OF_THINGS = re.compile(r"https?://(www\.w3\.org/|127\.0\.0\.1|localhost)")
# What makes a browser fetch: sources, style sheets, imports, fonts, forms, requests by script.
FETCHES = re.compile(
    r"""(?:\bsrc(?:set)?|\baction|\bdata|\bposter|xlink:href)\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]+"""
    r"""|<(?:link|base|use)\b[^>]*\bhref\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]+"""
    r"""|url\(\s*["']?(?:https?:)?//[^"')]+"""
    r"""|@import\s+["'](?:https?:)?//[^"']+"""
    r"""|(?:fetch|import|open|Worker|WebSocket|EventSource|sendBeacon)\s*\(\s*["'`](?:\w+:)?//[^"'`]+""",
    re.IGNORECASE,
)


def tracked() -> list[Path]:
    """Files that git knows or would add; every file of the folders when there is no git."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [path for line in done.stdout.splitlines() if (path := ROOT / line).is_file()]
    return [path for name in TOP_LEVEL for path in (ROOT / name).rglob("*") if path.is_file()]


FILES = tracked()


def test_modules_are_short() -> None:
    limits = dict.fromkeys(PRODUCT, 400) | {"tests": 600}
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in FILES
        if path.suffix == ".py" and "migrations" not in path.parts
        if (limit := limits.get(path.relative_to(ROOT).parts[0]))
        if (lines := len(path.read_text().splitlines())) >= limit
    }
    assert too_long == {}


def test_top_level_is_kept() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} <= TOP_LEVEL


def test_pages_fetch_nothing_from_a_third_party() -> None:
    """Templates, style sheets and scripts that we write; links for a person to follow are fine."""
    ours = [
        path
        for path in FILES
        if path.suffix in {".html", ".css", ".js", ".svg", ".webmanifest"}
        and path.relative_to(ROOT).parts[0] in {"templates", *PRODUCT}
    ]
    assert ours
    found = [
        f"{path.relative_to(ROOT)}: {match[0][:120]}"
        for path in ours
        for match in FETCHES.finditer(path.read_text())
        if not NAMES_OF_THINGS.search(match[0])
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<img src="//cdn.example/x.png">',
        '<link rel="stylesheet" href="https://cdn.example/x.css">',
        "body { background: url(https://cdn.example/x.png) }",
        '@import "//cdn.example/x.css";',
        'fetch("https://cdn.example/x.json")',
        '<form action="https://other.example/">',
    ],
)
def test_the_rule_above_sees(text: str) -> None:
    assert FETCHES.search(text)


def test_the_rule_above_lets_links_pass() -> None:
    assert not FETCHES.search('<a href="https://www.legifrance.gouv.fr">texte</a>')


def test_no_inline_script_or_style() -> None:
    """The CSP refuses them: what is written inline would silently not work."""
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*type=.application/(?:ld\+)?json)[^>]*>|\sstyle\s*="
        r"|\son(?:click|change|submit|load|input|focus|blur|key\w+)\s*=|href=.javascript:",
        re.IGNORECASE,
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0].strip()[:80]}"
        for path in FILES
        if path.suffix == ".html" and "email" not in path.parts
        for match in inline.finditer(
            re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", path.read_text(), flags=re.DOTALL)
        )
    ]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt"])
def test_each_requirement_is_pinned_with_reason_and_home_page(name: str) -> None:
    line_of = re.compile(
        r"(?P<name>[\w.-]+(\[[\w,]+\])?)==[\w.]+\s+# (?P<why>\S.*) · (?P<home>https://\S+)"
    )
    wrong = [
        line
        for line in (ROOT / name).read_text().splitlines()
        if line.strip()
        and not line.startswith(("#", "-r "))
        and not line_of.fullmatch(line.strip())
    ]
    assert wrong == []


def test_relative_links_of_the_documents_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!https?://|mailto:|#)([^)\s#]+)")
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in FILES
        if path.suffix == ".md"
        for target in link.findall(path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_each_decision_says_why_and_what_follows() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()
    pages = sorted(folder.glob("[0-9]*.md"))
    assert len(pages) >= 6
    for page in pages:
        parts = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
        titles = [part.splitlines()[0] for part in parts[1:]]
        assert titles == ["Context", "Options rejected", "Decision", "Consequences"], page.name
        assert parts[2].count("\n- **") >= 2, page.name  # one is no choice
        assert all(len(part) > 150 for part in parts[1:]), page.name
        assert f"]({page.name})" in index


def test_commands_of_the_readme_exist() -> None:
    """Targets of make and management commands that it tells people to run."""
    text = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"\bmake ([a-z-]+)", text))
    assert asked
    assert asked <= targets
    commands = set(re.findall(r"manage\.py ([a-z_]+)", text))
    assert {"sandbox", "check", "migrate"} <= commands
    assert commands <= set(get_commands())


def test_nothing_of_this_machine_is_written_down() -> None:
    """Absolute folders of a developer's machine make a clone that works nowhere else."""
    home = str(ROOT)
    found = [
        str(path.relative_to(ROOT))
        for path in FILES
        if path.suffix in {".py", ".toml", ".sh", ".md", ".yaml", ".html", ".txt", ".js"}
        if home in path.read_text()
    ]
    assert found == []


def test_french_punctuation_of_templates_does_not_leave_its_word() -> None:
    """A non-breaking space goes before ; : ? ! and inside « »; an ordinary one may start a line."""
    ordinary = re.compile(r"(?<=[\w»)}’%>]) (?:[:;!?](?=[\s\"<{]|$)|»)|« ", re.MULTILINE)
    found = [
        f"{path.relative_to(ROOT)}: {match.group()!r}"
        for path in FILES
        if path.is_relative_to(ROOT / "templates") and path.suffix in {".html", ".txt"}
        for match in ordinary.finditer(path.read_text())
    ]
    assert found == []


def test_digits_are_ascii_digits() -> None:
    """`isdigit()` says yes to ², `\\d` and `int()` to ١: `portal.common.digits`, or `[0-9]`."""
    wide = re.compile(r"\.is(?:digit|decimal|numeric)\(|(?<!\\)\\d")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in FILES
        if path.suffix in {".py", ".toml", ".html", ".js"}
        and path.relative_to(ROOT).parts[0] in {"templates", *PRODUCT}
        and path.name != "digits.py"
        and "vendor" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if wide.search(line)
    ]
    assert found == []


# Another value in each process: two workers of one run would collect different tests.
OF_THIS_PROCESS = {"uuid1", "uuid4", "token_hex", "token_urlsafe", "urandom", "random"}


def made_at_import(tree: ast.AST) -> list[int]:
    """Lines on which a module calls one of those while it is imported, decorators included."""
    lines: list[int] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside: list[ast.AST] = [*node.decorator_list, node.args]
        elif isinstance(node, ast.Lambda):
            inside = [node.args]
        else:
            inside = [node]
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                lines += [node.lineno] * (name in OF_THIS_PROCESS)
        lines += [line for part in inside for line in made_at_import(part)]
    return lines


def test_every_worker_collects_the_same_tests() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in FILES
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == "tests"
        if (lines := made_at_import(ast.parse(path.read_text())))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('A = f"/{uuid.uuid4()}/"', [1]),
        ("class T:\n    at = secrets.token_hex()", [2]),
        ("@parametrize('x', [uuid4()])\ndef test(x): ...", [1]),
        ("def test(x=uuid4()): ...", [1]),
        ("def test(): return uuid4()\nnow = lambda: uuid4()", []),
    ],
)
def test_the_rule_above_sees_what_is_made_at_import(text: str, lines: list[int]) -> None:
    assert made_at_import(ast.parse(text)) == lines


def test_the_pages_of_a_request_are_short() -> None:
    """One template a tab: a page that holds them all is read by nobody."""
    folder = ROOT / "templates" / "requests_app" / "request"
    tabs = {path.stem for path in (folder / "tabs").glob("*.html")}
    page = (folder / "page.html").read_text()
    assert {name for name in tabs if f"request/tabs/{name}.html" in page} == tabs != set()
    long = {
        p.name: n for p in folder.rglob("*.html") if (n := len(p.read_text().splitlines())) >= 90
    }
    assert long.keys() <= {"beside.html"}  # what stands beside an act's form, of every act


def test_managers_are_the_vocabulary_of_what_is_current() -> None:
    """`current()`, `live()`, `in_force()`, `signed()`: written once, in the managers."""
    by_hand = re.compile(
        r"removed_at(__isnull=True|=None)|corrected_by(__isnull=True|=None)"
        r"|(?<!\w)status=(RequestVersion\.)?Status\.SIGNED\)|registry\.get\(\S*procedure_code"
        r"|exclude\(\s*state=(\"closed\"|GrantState\.CLOSED)"
    )
    found = {
        str(path.relative_to(ROOT))
        for path in FILES
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PRODUCT
        if "migrations" not in path.parts and "models" not in path.parts
        if path.name != "querysets.py" and by_hand.search(path.read_text())
    }
    assert found == set()


# Each hides what the types could have said: a reader that decorates a row, a page that guesses.
MOST_IGNORED = 30


def test_few_lines_of_requests_app_are_left_out_of_the_types() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "requests_app").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "type: ignore" in line
    ]
    assert len(found) <= MOST_IGNORED, found


def decorated(source: str) -> list[int]:
    """Lines that set an attribute on each of several rows: a template could not know it exists."""
    found = []
    for loop in ast.walk(ast.parse(source)):
        if not isinstance(loop, ast.For):
            continue
        rows = {one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)}
        for node in ast.walk(loop):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found += [
                    node.lineno
                    for one in targets
                    for target in (one.elts if isinstance(one, ast.Tuple) else [one])
                    if isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id in rows
                ]
    return sorted(set(found))


def test_readers_and_pages_of_the_counter_return_values_and_decorate_no_row() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for room in ("reading", "pages")
        for path in sorted((ROOT / "requests_app" / "counter" / room).rglob("*.py"))
        if (lines := decorated(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("for one in rows:\n    one.label = str(one)", [2]),
        ("for n, one in enumerate(rows):\n    one.a, b = 1, 2", [2]),
        ("for one in rows:\n    shown = one.label", []),
    ],
)
def test_the_rule_above_sees_a_row_that_is_decorated(text: str, lines: list[int]) -> None:
    assert decorated(text) == lines


def test_codes_that_several_rooms_compare_are_spelled_once() -> None:
    """How data are delivered: the words, the page, the verb and the plan import the code."""
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("portal", "catalog", "requests_app")
        for path in sorted((ROOT / room).rglob("*.py"))
        if not {"migrations", "training"} & set(path.parts)
        and re.search(
            r"[\"'](daughter_system|project_space)[\"']", path.read_text(encoding="utf-8")
        )
    }
    assert found == {"requests_app/procedures/parts.py"}

"""How a provider holds rights is said in its own package and in the sandbox, nowhere else.

A second provider has neither policies nor groups of IAM: whoever names them outside has taken one
provider for the port. The lists below are short, and each line has its reason.
"""

import re
from pathlib import Path

import pytest
from django.conf import settings


ROOT = Path(settings.BASE_DIR)
THEIRS = ("requests_app/provisioning/providers/scaleway/", "portal/training/sandbox/")
# Said of nothing else than Scaleway or its IAM: nowhere in the product.
DIALECT = re.compile(
    r"SCW|permission_?sets?|application_ids?\b|\biam\b|bucket_polic|PolicyVersion", re.IGNORECASE
)
# Words of many subjects; where rights are given and shown they are the provider's only.
RIGHTS = re.compile(r"\bpolic(?:y|ies)|_polic(?:y|ies)|\bgroups?\b(?!\()|_groups?\b", re.IGNORECASE)
ROOMS = (
    "requests_app/provisioning/", "requests_app/permits/", "requests_app/models/",
    "requests_app/airlock/", "requests_app/counter/admin/", "requests_app/counter/pages/operator/",
    "requests_app/counter/reading/", "requests_app/workflow/",
)  # fmt: skip
# What may be said all the same, and why.
ALLOWED: dict[str, tuple[set[str], str]] = {
    "portal/settings/base.py": (
        {"scw", "application_id"},
        "SCW_* are the SDK's own names of its settings",
    ),
    "portal/training/process_settings.py": ({"scw"}, "which process gets SCW_*"),
    "portal/training/journey/provider.py": ({"scw", "iam"}, "asks the sandbox itself"),
    "portal/training/journey/steps_access.py": (
        {"iam", "application_id"},
        "asks the sandbox itself",
    ),
    "requests_app/provisioning/providers/configured.py": (
        {"scw", "application_id"},
        "gives these settings to the provider",
    ),
    "requests_app/provisioning/worker/proofs.py": (
        {"policies"},
        "`policies_read` is a key of sealed events",
    ),
}


def product() -> list[Path]:
    found = [
        path
        for room in ("portal", "catalog", "requests_app")
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts  # history
    ]
    return [path for path in found if not name(path).startswith(THEIRS)]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def said(where: str, text: str) -> set[str]:
    rules = [DIALECT, RIGHTS] if where.startswith(ROOMS) else [DIALECT]
    return {match[0].lower() for rule in rules for match in rule.finditer(text)}


def test_nobody_else_speaks_a_providers_language() -> None:
    found = {name(path): said(name(path), path.read_text()) for path in product()}
    heard = {where: words for where, words in found.items() if words}
    assert heard == {where: words for where, (words, _why) in ALLOWED.items()}


def test_pages_and_mails_speak_none_either() -> None:
    texts = [path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"}]
    assert texts
    found = {name(path): DIALECT.findall(path.read_text()) for path in texts}
    assert {where: words for where, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "line",
    [
        'policy = render(bucket, "in")', "backend.set_group_members(group, [])",
        '{"Principal": {"SCW": portal}}', "PERMISSION_SETS", "find_policies(tag=tag)",
        'f"application_id:{person}"', "# IAM cannot tell", "facts.iam_policy", "if facts.group:",
    ],
)  # fmt: skip
def test_the_rule_above_hears(line: str) -> None:
    assert said("requests_app/provisioning/plan.py", line)


@pytest.mark.parametrize("line", ["match.group(1)", "the people of a study", "grouped = by_table"])
def test_the_rule_above_lets_other_things_be_said(line: str) -> None:
    assert not said("requests_app/provisioning/plan.py", line)

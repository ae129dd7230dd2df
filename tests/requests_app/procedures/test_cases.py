"""A case has a type, which its procedure's file says; what means one type asks for it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.common.calendar import legal_today
from requests_app import dossier
from requests_app.counter import panels
from requests_app.dossier import numbers, orientation
from requests_app.models import AccessRequest, Stage
from requests_app.models.request import TYPE_LABELS
from requests_app.procedures import registry
from requests_app.procedures.cases import CASES, CaseType
from requests_app.procedures.schema import Procedure
from tests.support.factories import World


FILES = {one.code: one for one in registry.everything()}
DECLARATION, ACCESS = FILES["fr-mr-declaration"], FILES["fr-cnil-standard"]


def test_every_type_has_its_words_and_a_prefix_and_a_series_of_its_own() -> None:
    assert set(CASES) == set(TYPE_LABELS) == set(CaseType)
    assert len({case.prefix for case in CASES.values()}) == len(CASES)
    assert len({case.series for case in CASES.values()}) == len(CASES)
    assert all(re.fullmatch(r"[A-Z]{3}", case.prefix) for case in CASES.values())


@pytest.mark.django_db
def test_numbers_of_one_type_leave_no_gap_in_those_of_another() -> None:
    at = timezone.now()
    access, declared = CASES[CaseType.ACCESS], CASES[CaseType.DECLARATION]
    given = [numbers.request_number(at, case=case) for case in (access, declared, access)]
    assert [re.sub("-[0-9]{4}-", " ", one) for one in given] == ["GUI 0001", "DEC 0001", "GUI 0002"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("case_type", "parent", "told"),
    [
        ("recours-gracieux", False, "Ce type de dossier n’existe pas."),
        ("change", False, "se rapporte à un autre dossier"),
        ("appeal", False, "se rapporte à un autre dossier"),
        ("access", True, "se rapporte à un autre dossier"),
        ("declaration", True, "se rapporte à un autre dossier"),
        ("renewal", "itself", "ne se rapporte pas à lui-même"),
    ],
)
def test_a_type_that_does_not_hold_is_refused_in_words(
    case_type: str, parent: bool | str, told: str
) -> None:
    world = World()
    request = world.draft()
    request.type = case_type
    request.parent = request if parent == "itself" else world.draft() if parent else None
    with pytest.raises(ValidationError) as refused:
        request.validate_constraints()
    assert told in str(refused.value)
    with pytest.raises(IntegrityError), transaction.atomic():
        request.save()


@pytest.mark.django_db
def test_a_case_about_another_file_keeps_it() -> None:
    world = World()
    origin = world.draft()
    renewal = ACCESS.model_copy(update={"type": CaseType.RENEWAL})
    given: dict[str, Any] = {"title": "Encore", "organisation": world.university}
    given |= {"orientation": {}, "by": world.investigator}
    made = dossier.create(procedure=renewal, parent=origin, **given)
    assert (made.type, made.parent, [*origin.children.all()]) == ("renewal", origin, [made])
    for procedure, parent in ((renewal, None), (ACCESS, origin)):
        with pytest.raises(ValueError, match="a case of type"):
            dossier.create(procedure=procedure, parent=parent, **given)


@pytest.mark.django_db
def test_what_means_a_request_for_access_shows_no_other_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beside a database: the ways to ask for it. A figure: how long its answers take."""
    world = World()
    wide = DECLARATION.model_copy(update={"dataset_kinds": ("main_base", "catalogue")})
    known = registry._all() | {(wide.code, wide.version): wide}
    monkeypatch.setattr(registry, "_all", lambda: known)
    offered = panels.procedures_for(world.base_a, legal_today())
    assert [one.code for one in offered] == ["fr-cnil-standard"]
    assert [one.code for one in orientation.without_questions()] == ["fr-mr-declaration"]
    monkeypatch.setattr(panels, "FEWEST_ANSWERS", 1)
    at = timezone.now()
    request = world.draft()
    AccessRequest.objects.update(
        submitted_at=at - timedelta(days=9), number="DEC-2027-0001", type="declaration"
    )
    Stage.objects.create(
        request=request,
        code="c",
        kind="conformity",
        role="applicant",
        position=1,
        state="done",
        outcome="committed",
        started_at=at,
        ended_at=at,
    )
    cache.delete(panels.MEDIAN_KEY)
    assert panels.median_days() is None
    AccessRequest.objects.update(type="access")
    cache.delete(panels.MEDIAN_KEY)
    assert panels.median_days() == 9


# --- A course without rights ----------------------------------------------------------------------


def _changed(procedure: Procedure, **changes: Any) -> Procedure:
    return Procedure.model_validate(procedure.model_dump() | changes)


def _stages(procedure: Procedure, code: str, **changes: Any) -> list[dict[str, Any]]:
    found = procedure.model_dump()["stages"]
    return [one | changes if one["code"] == code else one for one in found]


OPEN = [{"code": "published", "label": "publié", "request": "in_force"}]
NOWHERE = [{"code": "published", "label": "publié"}]


@pytest.mark.parametrize(
    ("base", "changes", "told"),
    [
        (ACCESS, {"grants_on": None}, "and grants_on names no stage"),
        (ACCESS, {"grants_on": None}, "its terms bind nothing"),
        (ACCESS, {"grants_on": None}, "kind 'opening' needs rights"),
        (ACCESS, {"convention": None}, "its terms are missing"),
        (ACCESS, {"committee": None}, "asks a committee: name it"),
        (ACCESS, {"dataset_kinds": ()}, "on no kind of dataset"),
        (DECLARATION, {"committee": "cesrees"}, "is asked by no stage"),
        (DECLARATION, {"grants_on": "publication"}, "exactly one outcome must put"),
        (DECLARATION, {"convention": ACCESS.model_dump()["convention"]}, "bind nothing"),
        (
            DECLARATION,
            {"stages": _stages(DECLARATION, "publication", outcomes=OPEN)},
            "puts the request in force, and grants_on names no stage",
        ),
        (
            DECLARATION,
            {"stages": _stages(DECLARATION, "publication", outcomes=NOWHERE)},
            "the last stage must end the request",
        ),
        (
            ACCESS,
            {
                "stages": _stages(
                    ACCESS,
                    "register",
                    outcomes=[{"code": "published", "label": "publié", "request": "closed"}],
                )
            },
            "only the last stage closes the request",
        ),
    ],
)
def test_a_file_that_half_opens_rights_is_refused_with_its_place(
    base: Procedure, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        _changed(base, **changes)


def test_no_code_knows_a_declaration() -> None:
    """Engine, pages and register ask the procedure what it has: the type is a word in its file."""
    root = Path(settings.BASE_DIR)
    places = {
        str(path.relative_to(root))
        for room in ("requests_app", "portal", "catalog")
        for path in (root / room).rglob("*.py")
        if re.search(
            r"CaseType\.DECLARATION|[\"']declaration[\"']", path.read_text(encoding="utf-8")
        )
        and "migrations" not in path.parts
    }
    named = {"requests_app/models/request.py", "requests_app/procedures/cases.py"}
    assert places == named

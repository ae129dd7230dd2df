"""A catalogue that moves beside a signed file: what is no longer asked is no change of the file."""

import copy
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Variable
from requests_app import dossier
from requests_app.models import AccessRequest, RequestVersion
from requests_app.procedures.content import Row
from requests_app.workflow.acts.file import to_sign_again
from tests.support.factories import World
from tests.support.requests import catalogue, draft, organisation, person


pytestmark = pytest.mark.django_db

TEXT = {"justification": "Texte signé autrefois."}


def test_a_justification_that_is_not_asked_any_more_asks_no_new_signature() -> None:
    story = World().story()
    story.sign()
    version = RequestVersion.objects.get(request=story.request)
    old: dict[str, Any] = copy.deepcopy(version.content)
    old["identifiers"]["birth_month"] = TEXT
    RequestVersion.objects.filter(pk=version.pk).update(content=old)
    file = story.fresh()
    file.content = {**file.content, "identifiers": old["identifiers"]}
    new = dossier.snapshot(file)
    assert new["left_out"] == ["identifiers.birth_month"]
    assert to_sign_again(file, file.procedure) == []
    assert dossier.differences(old, new, procedure=file.procedure) == []
    parts = frozenset({"content"})
    assert dossier.differences(old, new, procedure=file.procedure, parts=parts) == []
    assert dossier.is_same_file(old, new)
    new["duration"] = new["duration"] | {"months": 1}
    assert not dossier.is_same_file(old, new)


def birth_month(file: AccessRequest) -> Any:
    return dossier.snapshot(file)["identifiers"]["birth_month"]


def test_a_variable_that_a_row_still_names_keeps_its_justification() -> None:
    catalogue()
    rows = [Row(dataset="base-principale", table="BENEF", variables=["BEN_NAI_MOI"])]
    file = draft(by=person("alix", of=organisation("univ")), of=organisation("univ"), rows=rows)
    file.content["identifiers"] = file.form.empty["identifiers"] | {"birth_month": TEXT}
    assert birth_month(file) == TEXT
    Variable.objects.filter(name="BEN_NAI_MOI").update(removed_at=timezone.now())
    assert birth_month(file) == TEXT
    assert dossier.facts(file)["datasets"]["identifier_names"] == {"birth_month": ["BEN_NAI_MOI"]}
    file.content["specification"]["rows"][0]["variables"] = ["BEN_ID"]
    assert birth_month(file) == {"justification": ""}

"""Files that nobody wrote: what the checker calls right is played to its end, its pages shown."""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from django.db import transaction
from django.test import TestCase
from django.urls import reverse
from hypothesis import HealthCheck, Phase, assume, given, note, settings
from hypothesis import strategies as st

from portal.training.rehearsal.cast import Cast
from portal.training.rehearsal.courses import rehearse
from portal.training.rehearsal.player import SILENCE, Place, Played, Player
from requests_app.models import AccessRequest
from requests_app.procedures import forms, reading, registry
from requests_app.procedures.form import Form
from requests_app.procedures.schema import Procedure
from requests_app.workflow.rehearsing import ending
from tests.support import made_files
from tests.support.client import client_for
from tests.support.rotation import deep


DAY = date(2027, 1, 4)
EXAMPLES = 150 if deep() else 20
_numbers = itertools.count(1)
RIGHT: Counter[str] = Counter()


def read(data: st.DataObject, folder: Path) -> tuple[Procedure, Form]:
    """A procedure and its form, written as files and judged as a body's own would be."""
    number = next(_numbers)  # what is kept of one by its code is not given for another
    of_form, of_procedure = f"formulaire-{number}", f"procedure-{number}"
    raw = data.draw(made_files.procedure_files(of_procedure, of_form))
    # else, where data is asked for, whole databases
    asks_data = bool(raw["dataset_kinds"]) and data.draw(st.booleans())
    asked = data.draw(made_files.form_files(of_form, data=asks_data))
    note(made_files.toml(raw))
    note(made_files.toml(asked))
    path = folder / f"{of_form}-1.toml"
    path.write_text(made_files.toml(asked))
    form, _faults = reading.form(path)
    assume(form is not None)
    path = folder / f"{of_procedure}-1.toml"
    path.write_text(made_files.toml(raw))
    procedure, _faults = reading.procedure(path, form_of=lambda _one: form)  # type: ignore[arg-type,return-value]
    assume(procedure is not None)
    return procedure, form  # type: ignore[return-value]


def played(data: st.DataObject, cast: Cast) -> list[Played]:
    """One file, in which something else than the best may happen at some place; deep: them all."""
    if deep():
        return [one.played for one in rehearse(cast.procedure, DAY, most=40).courses]
    places: list[tuple[Place, str]] = [
        (("stage", stage.code), code)
        for stage in cast.procedure.stages
        for code in (SILENCE, *(one.code for one in stage.outcomes if ending(stage, one.code)))
    ]
    forced = data.draw(st.lists(st.sampled_from(places), max_size=1))
    note(f"played: {forced}")
    return [Player(cast, DAY, dict(forced)).run()]


def pages(cast: Cast, request: AccessRequest) -> None:
    """One page each: the file as the desk reads it, and the form's first section to fill in."""
    desk = client_for(cast.people["secretariat"], verified=True)
    first = desk.get(reverse("requests_app:request", args=[request.pk]))
    assert first.status_code == 200
    for tab in first.context["tabs"] if deep() else ():
        assert desk.get(tab["url"]).status_code == 200, tab["url"]
    draft = cast.draft()
    applicant = client_for(draft.created_by, verified=True)
    for section in draft.form.sections if deep() else draft.form.sections[:1]:
        address = reverse("requests_app:draft_step", args=[draft.pk, section.slug])
        assert applicant.get(address, follow=True).status_code == 200, section.slug


@contextmanager
def isolated() -> Iterator[None]:
    """A savepoint rolled back at its end, in which durable blocks are allowed as in a TestCase."""
    atomic = transaction.atomic()
    atomic._from_testcase = True  # type: ignore[attr-defined]
    with atomic:
        yield
        transaction.set_rollback(True)


class TestMadeFiles(TestCase):
    def test_what_is_called_right_is_played_and_shown(self) -> None:
        RIGHT.clear()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=not deep(),
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # an example costs too much to be made smaller
        )
        @given(st.data())
        def play(data: st.DataObject) -> None:
            with TemporaryDirectory() as folder:
                procedure, form = read(data, Path(folder))
            RIGHT.update(stage.kind for stage in procedure.stages)
            RIGHT["access"] += procedure.access is not None
            RIGHT["two committees"] += len(procedure.committees) > 1
            known = registry._all() | {(procedure.code, 1): procedure}
            asked = forms._all() | {(form.code, 1): form}
            with (
                mock.patch.object(registry, "_all", return_value=known),
                mock.patch.object(forms, "_all", return_value=asked),
                isolated(),
            ):
                cast = Cast(procedure)
                found = played(data, cast)
                assert [fault for one in found for fault in one.faults] == []
                pages(cast, found[0].request)

        play()
        # worth something only if the kinds are there
        assert len(RIGHT) > 10, RIGHT
        assert min(RIGHT["convention"], RIGHT["access"], RIGHT["two committees"]) > 0, RIGHT

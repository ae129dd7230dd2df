"""Every procedure, from its draft to its end: each page that a reader is led to opens, in words.

Another file is swept without a line here: see `tests.support.procedures`. Of pages, a share at each
commit; `GUICHET_DEEP=1` before `pytest … -k <code>` opens all those of one procedure.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import resolve, reverse

from portal.accounts.models import User
from portal.notifications.models import Message
from requests_app.committee import opinion_document
from requests_app.counter.pages.links import act_links
from requests_app.counter.reading import inbox
from requests_app.models import AccessRequest, Opinion, Stage, StageState, TransitionLog
from requests_app.procedures.moves import Actor
from requests_app.procedures.schema import Procedure
from requests_app.register.register import published
from requests_app.rights import permissions
from requests_app.workflow import engine
from requests_app.workflow.abilities import Ability, abilities
from requests_app.workflow.definition import stage_moves
from tests.support import procedures
from tests.support.client import client_for, page_text
from tests.support.course import Course, everyone
from tests.support.rotation import falls


pytestmark = pytest.mark.django_db

HREF = re.compile(r'href="([^"#]+)')
LINK = re.compile(r"https?://[^/\s]+(/\S*)")
FILE = re.compile(r"/dossiers/([0-9a-f-]{36})/")
# Of a program, not of a page.
RAW = re.compile(r"\bNone\b|\{\{|\{%|<[A-Z]\w+ object|\bLazy|\bPromise\b|%\([a-z_]+\)s")
SHARE = 80  # one pair of a point and a reader in so many at each commit, all of them by `make deep`
FIRST = ("inbox", "my_requests", "my_access", "requests", "register")


@pytest.fixture(params=procedures.EVERY)
def procedure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Procedure:
    return procedures.install(monkeypatch, request.param)


def codes(procedure: Procedure) -> set[str]:
    """What its file calls things, where no word of a page is written so."""
    found = {one.code for one in procedure.stages} | {one.code for one in procedure.tasks}
    found |= {one.code for one in procedure.pieces}
    found |= {outcome.code for one in procedure.stages for outcome in one.outcomes}
    return {code for code in found if "_" in code}


class Eyes:
    """Everybody who may come to the counter, and what they read there."""

    def __init__(self, course: Course) -> None:
        self.course, self.people = course, everyone(course.cast)
        self.codes = codes(course.procedure)
        self.clients: dict[str, Client] = {}
        self.forms: set[tuple[str, str]] = set()
        self.documents: set[str] = set()

    def client(self, name: str) -> Client:
        if name not in self.clients:
            self.clients[name] = client_for(self.people[name], verified=True)
        return self.clients[name]

    def look(self, point: str) -> None:
        """Each act is offered to those whose it is and has its form, of which a share is seen; what
        runs is awaited; what a share of the readers is led to, and refused."""
        request = self.course.request
        stages = [*Stage.objects.filter(request=request).select_related("holder", "committee")]
        acting = set(self.course.acting(stages))
        for name, person in self.people.items():
            whole = falls((request.procedure_code, point, name), of=SHARE)
            if not whole and person not in acting:
                continue
            offered = abilities(request, user=person, stages=stages)
            self._forms(point, name, offered)
            self._theirs(point, name, offered)
            if whole:
                self.everything(point, name)
                self._refusals(point, person, {(one.stage, one.name) for one in offered})
        self._awaited(point)
        self.letters(point)

    def _forms(self, point: str, name: str, offered: list[Ability]) -> None:
        for one in offered:
            kind = one.stage.kind if one.stage is not None else ""
            for link in act_links(self.course.request, [one]):
                if (kind, link.name) not in self.forms:
                    self.forms.add((kind, link.name))
                    if falls((self.course.procedure.code, kind, link.name), of=3):
                        self.open(point, name, link.url)

    def _theirs(self, point: str, name: str, offered: list[Ability]) -> None:
        """Who may act in a stage is who its file says, of their own committee or body."""
        for one in offered:
            if one.stage is not None and one.task is None:
                move = stage_moves(self.course.procedure.stage(one.stage.code))[one.name]
                able = [
                    who for actor in move.actors for who in self.course.actors(one.stage, actor)
                ]
                assert self.people[name] in able, (point, name, one.name)

    def everything(self, point: str, name: str) -> None:
        """All that is reached from where one comes in, within the file; a document once."""
        file = f"/dossiers/{self.course.request.pk}/"
        if not permissions.can_view(self.people[name], self.course.request):
            assert not abilities(self.course.request, user=self.people[name]), (point, name)
            assert self.client(name).get(file).status_code == 404, (point, name)
        else:
            met, coming = {file}, [file]
            while coming:
                found = self.open(point, name, coming.pop())
                new = {one for one in self._links(found) if one.startswith(file)} - met
                met |= new
                coming += sorted(new - self.documents)
        for page in FIRST:
            self.open(point, name, reverse(f"requests_app:{page}"), refused=True)

    def _links(self, text: str) -> Iterator[str]:
        for link in HREF.findall(text):
            parts = urlsplit(link.replace("&amp;", "&"))
            if not parts.netloc and parts.path.startswith("/"):
                yield f"{parts.path}?{parts.query}" if parts.query else parts.path

    def open(self, point: str, name: str, path: str, *, refused: bool = False) -> str:
        """Raises on what is no page in words; the page's source, nothing of a document."""
        answer = self.client(name).get(path, follow=True)
        if refused and answer.status_code == 403:
            return ""
        assert answer.status_code == 200, (point, name, path, answer.status_code)
        if "html" not in answer["Content-Type"]:
            content = b"".join(answer) if answer.streaming else answer.content
            if "pdf" in answer["Content-Type"]:
                assert content.startswith(b"%PDF"), (point, name, path)
                self.documents.add(path)
            return ""
        self.said((point, name, path), page_text(answer))
        return str(answer.content.decode())

    def said(self, where: object, text: str) -> None:
        assert RAW.search(text) is None, (where, RAW.findall(text))
        words = set(re.findall(r"[\w-]+", text))
        assert not words & self.codes, (where, words & self.codes)

    def _refusals(self, point: str, person: User, offered: set[tuple[Stage | None, str]]) -> None:
        """What is not offered is refused, and changes nothing."""
        request = self.course.request
        before = TransitionLog.objects.filter(request=request).count()
        for stage in Stage.objects.filter(request=request):
            spec = self.course.procedure.stage(stage.code)
            for move in stage_moves(spec).values():
                if move.public and (stage, move.name) not in offered:
                    self.refused(stage, move.name, person)
        assert TransitionLog.objects.filter(request=request).count() == before, (point, person)

    def refused(self, stage: Stage, verb: str, person: User) -> None:
        try:
            done = engine.apply(stage, verb, by=person)
        except (engine.NotAllowed, engine.TransitionRefused):
            return
        assert done.already_done, (stage, verb, person)  # without words, clicked again

    def _awaited(self, point: str) -> None:
        """What runs, and is not ended by the portal itself, is in the inbox of somebody who may end
        it, in words."""
        for stage in Stage.objects.filter(request=self.course.request, state=StageState.RUNNING):
            moves = stage_moves(self.course.procedure.stage(stage.code)).values()
            enders = {who for one in moves if one.target == StageState.DONE for who in one.actors}
            if not enders - {Actor.SYSTEM}:
                continue
            rows = Stage.objects.filter(pk=stage.pk)
            able = (one for who in sorted(enders) for one in self.course.actors(stage, who))
            first = next((one for one in able if rows & inbox.stages_for(one)), None)
            assert first is not None, (point, stage)
            assert inbox.count_for(first) > 0
            self.said((point, stage), inbox.expected_of(inbox.shown(rows, first)[0]))

    def register(self, point: str) -> None:
        """Its entry is there once its act is done, in words, with its line in the file of all."""
        request = self.course.request
        if not published().filter(pk=request.pk).exists():
            done = request.stages.filter(kind="register", state=StageState.DONE)
            assert not done.exists(), point
            return
        visitor = Client()
        page = visitor.get(reverse("requests_app:register_entry", args=[request.number]))
        assert page.status_code == 200, point
        self.said((point, "register"), page_text(page))
        rows = visitor.get(reverse("requests_app:register_csv")).content.decode()
        assert str(request.number) in rows, point

    def letters(self, point: str) -> None:
        for one in Message.objects.select_related("recipient"):
            self.said((point, one.code), f"{one.subject} {one.body}")
            assert one.subject.strip(), (point, one.code)
            assert one.body.strip(), (point, one.code)
            for path in LINK.findall(one.body):
                resolve(urlsplit(path).path)
                if (file := FILE.search(path)) is not None and one.recipient is not None:
                    about = AccessRequest.objects.get(pk=file[1])
                    where = (point, one.code, one.recipient)
                    assert permissions.can_view(one.recipient, about), where
        Message.objects.all().delete()


def test_every_page_of_every_state_opens_for_its_readers(procedure: Procedure) -> None:
    course = Course(procedure)
    eyes = Eyes(course)
    for point in course.points():
        for opinion in Opinion.objects.filter(document=None):
            assert opinion_document.write_opinion_document(opinion.pk)
        eyes.look(point)
    eyes.register("end")
    # whatever the share of this commit, who reads the file whole
    eyes.everything("end", "secretariat")
    assert eyes.documents


def test_where_nobody_acts_in_time_every_message_is_in_words(procedure: Procedure) -> None:
    course = Course.of_silences(procedure)
    eyes = Eyes(course)
    course.signed()
    for point in course.stages():
        for name in ("investigator", "secretariat"):
            if falls((procedure.code, point, name), of=4):
                eyes.open(point, name, reverse("requests_app:request", args=[course.request.pk]))
        eyes.letters(point)

"""The demonstration, played further: files of every procedure at every point of their course.

All is done through the tree's own `tests.support` and its pages; what only the product has is found
by its name in Django, in Celery or among its modules, since modules move.
"""

import importlib
import inspect
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FunctionType
from typing import Any

from django.apps import apps
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.support.client import client_for
from tests.support.clock import legal_advance
from tests.support.factories import Story, World, organisation, stored_file, user
from tests.support.pdfs import page as pdf_page
from tests.support.people import a_member, a_person

from . import stillness


ACCOUNTS = {  # who plays a part of `World`
    "investigatrice": "chercheuse",
    "habilite": "doctorant",
    "administrateur": "admin",
    "auditrice": "auditeur",
    "membre": "rapporteur",
    "officier": "cnam",
    "resp-a": "resp-soins-premiers",
    "resp-b": "resp-observatoire-lavandiere",
}
PROCEDURES = ("fr-cnil-standard", "fr-mr-007")
MINUTE = 60.0


def model(label: str) -> Any:
    return apps.get_model(label)


def product_function(name: str, *parameters: str) -> Any:
    """The one function of the product of that name and with these parameters, wherever it lives."""
    root = str(Path.cwd())
    found = {
        one
        for module in list(sys.modules.values())
        if (getattr(module, "__file__", None) or "").startswith(root)
        and isinstance(one := vars(module).get(name), FunctionType)
        and one.__module__.split(".")[0] not in {"tests", "golden"}
        and set(parameters) <= set(inspect.signature(one).parameters)
    }
    if len(found) != 1:
        raise LookupError(f"functions {name}{parameters} of the product: {len(found)}")
    return found.pop()


def of_tests(file_name: str) -> Any:
    """A helper of the tests by its file's name: it moves with the room that it mirrors."""
    found = sorted(Path("tests").rglob(file_name))
    if len(found) != 1:
        raise LookupError(f"tests/**/{file_name}: {len(found)}")
    return importlib.import_module(".".join(found[0].with_suffix("").parts))


class Counter(World):
    """`World` with the demonstration's bodies, bases and accounts."""

    def __post_init__(self) -> None:
        bodies, bases = model("accounts.Organisation"), model("catalog.Dataset")
        self.cnam = bodies.objects.get(code="cnam")
        self.hdh = bodies.objects.get(code="hdh")
        self.cesrees = bodies.objects.get(code="cesrees")
        self.university = bodies.objects.get(code="demo-universite")
        self.main_base = bases.objects.get(code="demo-base-principale")
        self.base_a = bases.objects.get(code="demo-consultations-ville")
        self.base_b = bases.objects.get(code="demo-greffes")
        self.holder_a = self.base_a.holder.organisation
        self.holder_b = self.base_b.holder.organisation

    def _user(self, name: str, **more: Any) -> Any:
        return model("accounts.User").objects.get(username=ACCOUNTS.get(name, name))

    def person(self, name: str) -> Any:
        return self._user(name)

    def draft(self, **more: Any) -> Any:
        request = super().draft(**more)
        for row in request.content["specification"]["rows"]:
            table = model("catalog.Table").objects.filter(dataset__code=row["dataset"]).first()
            plain = table.variables.filter(identifier="").order_by("position")
            row |= {
                "table": table.name,
                "variables": list(plain.values_list("name", flat=True)[:2]),
            }
        request.save(update_fields=["content"])
        return request


class Played:
    """Everything that is played before the first page is asked for."""

    def __init__(self, celery: Any) -> None:
        self.celery = celery
        self.counter = Counter()
        self.stories: dict[str, Story] = {}
        self.acts = 0
        self.provider = of_tests("fake.py").FakeBackend()
        self._keep_time_in_stories()

    def _keep_time_in_stories(self) -> None:
        """Each act is a minute after the one before."""
        do: Callable[..., Any] = Story.do

        def later(story: Story, *args: Any, **payload: Any) -> Any:
            self.next_act()
            return do(story, *args, **payload)

        Story.do = later  # type: ignore[assignment,method-assign]

    def play(self) -> None:
        self.left_waiting()
        for days in (8, 3, 20, 2, 32, 30):
            stillness.shift(timedelta(days=days))
            self.beat()
        self.every_stage()
        self.signatures()
        self.endings()
        self.desk_and_committee()
        self.beat()
        self.accesses()
        self.people()
        self.selections()
        legal_advance("2d")
        self.beat()
        self.send_mails()

    def next_act(self) -> None:
        self.acts += 1
        stillness.draw_anew(f"act {self.acts}", ids_from=self.acts << 16)
        stillness.shift(MINUTE)

    # --- means -------------------------------------------------------------------------------

    def story(self, name: str, until: str = "", **more: Any) -> Story:
        told = self.counter.story(**more)
        told.request.title = f"Étude {name}"
        told.request.save(update_fields=["title"])
        self.stories[name] = told
        return told.reach(until) if until else told

    def beat(self) -> None:
        """Everything that beat sends, once, in the order of its names."""
        self.next_act()
        for name, entry in sorted(self.celery.conf.beat_schedule.items()):
            del name
            self.celery.tasks[entry["task"]]()

    def send_mails(self) -> None:
        """All of them: a call sends a hundred."""
        sent = -1
        while sent != len(mail.outbox):
            sent = len(mail.outbox)
            self.celery.tasks["portal.notifications.tasks.send_due"]()

    def client(self, who: str) -> Client:
        return client_for(self.counter.person(who), verified=True)

    def post(self, who: str, path: str, *, refused: bool = False, **fields: Any) -> Any:
        """A form sent as its person would; what is refused where it should not be ends the run."""
        self.next_act()
        answer = self.client(who).post(path, fields)
        if answer.status_code >= 400 and not refused:
            text = answer.content.decode(errors="replace")[-3000:]
            raise AssertionError(f"{who} {path}: {answer.status_code} {text}")
        return answer

    # --- files -------------------------------------------------------------------------------

    def left_waiting(self) -> None:
        """Nobody answers: clocks run out, reminders and tasks come."""
        self.story("complétude sans réponse", "completeness")
        self.story("avis tacite", "opinion").declare()
        self.story("points sans réponse", "answer")
        quiet = self.story("autorisation tacite", "authorisation")
        quiet.receipt()
        longer = self.story("autorisation prolongée", "authorisation")
        longer.receipt()
        longer.do(
            "authorisation",
            "record_extension",
            by=self.counter.legal_officer,
            reference="Lettre du 2 juin",
        )
        short = self.story("accès fini", "convention")
        today = timezone.localdate()
        short.convention(ends_on=today + timedelta(days=40))
        short.extract()
        self.story("complément jamais reçu", "completeness").do(
            "completeness",
            "request_completion",
            by=self.counter.secretariat,
            message="Le plan d’analyse manque.",
        )
        self.story("avis tacite MR", "opinion", procedure=PROCEDURES[1])

    def every_stage(self) -> None:
        """All of the first procedure; of the other what the first has not, and some of the rest."""
        known: set[str] = set()
        for code in PROCEDURES:
            first = self.story(f"{code} brouillon", procedure=code)
            codes = [stage.code for stage in first.procedure.stages]
            new = [one for one in codes if one not in known]
            shared = [one for one in codes if one in known]
            known.update(codes)
            for until in [*new, *shared[1::3], "end"]:
                self.story(f"{code} jusqu’à {until}", until, procedure=code)

    def signatures(self) -> None:
        people = self.counter
        self.story("à signer").ask_signature()
        cancelled = self.story("signature annulée")
        cancelled.ask_signature()
        cancelled.do("", "cancel_signature", by=people.investigator)
        checking = self.story("papier déposé")
        checking.ask_signature()
        checking.deposit_paper()
        verified = self.story("papier vérifié")
        verified.ask_signature()
        verified.verify_paper(verified.deposit_paper())
        refused = self.story("papier refusé")
        refused.ask_signature()
        refused.deposit_paper()
        refused.do("", "refuse_signature", by=people.secretariat, reason="Illisible.")
        contested = self.story("papier contesté")
        contested.ask_signature()
        contested.deposit_paper()
        contested.do("", "contest_signature", by=people.representative, reason="Pas moi.")

    def endings(self) -> None:
        people = self.counter
        for name, until in (("retirée tôt", "completeness"), ("retirée tard", "opinion")):
            self.story(name, until).do("", "withdraw", by=people.investigator, reason="Abandon.")
        self.story("réorientée", "completeness").do(
            "completeness",
            "redirect",
            by=people.secretariat,
            route="MR-004",
            message="Une autre voie.",
        )
        self.stories["complément jamais reçu"].do(
            "completeness", "close_incomplete", by=people.secretariat, message="Rien n’est venu."
        )
        refused = self.story("refusée", "authorisation")
        refused.receipt()
        refused.do("authorisation", "record_refusal", by=people.legal_officer, number="DR-2026-105")
        stopped = self.story("arrêtée par l’équipe", "answer")
        stopped.answer(decision="stop")
        closed = self.story("close", "use")
        closed.use()
        closed.closure()

    def desk_and_committee(self) -> None:
        people = self.counter
        asked = self.story("complément demandé", "completeness")
        asked.do(
            "completeness",
            "request_completion",
            by=people.secretariat,
            message="Le plan d’analyse manque.",
        )
        model("requests_app.Note").objects.create(
            request=asked.request, author=people.secretariat, text="Rappeler jeudi."
        )
        session = self.story("en séance", "opinion")
        session.declare()
        session.do("opinion", "assign_rapporteurs", by=people.president, members=[people.member])
        session.do(
            "opinion",
            "withdraw_member",
            by=people.president,
            member=people.person("membre-lie"),
            reason="Lien avec l’équipe.",
        )
        session.do("opinion", "extend_opinion", by=people.president, reason="Dossier complexe.")
        report = session.opinion_payload()
        report.pop("present")
        session.do("opinion", "file_report", by=people.member, **report)
        for sense in ("unfavourable", "reserved", "favourable"):
            self.story(f"avis {sense}", "opinion").opinion(sense)
        late = self.stories["avis tacite"]
        late.do("opinion", "file_late_opinion", by=people.president, text="Avis venu trop tard.")
        mended = self.story("acte corrigé", "register")
        act = mended.stage("authorisation").acts.get(code="record_authorisation")
        mended.do("", "correct_act", by=people.legal_officer, act=act, reason="Numéro mal lu.")
        self.story("note et attribution", "referral")
        stage = self.stories["note et attribution"].stage("referral")
        request = self.stories["note et attribution"].request
        base = f"/dossiers/{request.pk}/"
        self.post("secretariat", f"{base}notes/", text="À reprendre lundi.")
        self.post("secretariat", f"{base}etapes/{stage.pk}/attribuer/")
        self.post("admin", f"{base}consulter/", reason="Réclamation reçue le 12.")
        for name in ("autorisation tacite",):
            for task in model("requests_app.Task").objects.filter(
                request=self.stories[name].request, closed_at=None
            ):
                self.stories[name].do(
                    "",
                    "close_task",
                    by=people.legal_officer,
                    task=task,
                    outcome="confirmed",
                    note="Vérifié auprès de l’autorité.",
                )

    # --- accesses ----------------------------------------------------------------------------

    def reconcile(self, story: Story, passes: int = 15) -> None:
        """What the provisioning worker does, until nothing is due within the minute."""
        advance = product_function("advance", "workspace_id", "make_backend")
        spaces = model("requests_app.Workspace").objects.filter(request=story.request)
        self.next_act()
        after = timezone.now() + timedelta(hours=6)
        for _number in range(passes):
            due = spaces.values_list("next_reconcile_at", flat=True).get()
            if due is None or due - timezone.now() > timedelta(minutes=10):
                break
            if due > timezone.now():
                stillness.shift(due - timezone.now())
            advance(spaces.values_list("pk", flat=True).get(), make_backend=lambda: self.provider)
        stillness.until(after)

    def opened(self, name: str) -> tuple[Story, Any]:
        """A study opened at the provider, its extract asked for, prepared and confirmed."""
        story = self.story(name, "extract")
        self.post("operateur", f"/dossiers/{story.request.pk}/extraction/")
        self.celery.tasks["requests_app.extraction.tasks.prepare_asked"]()
        story.confirm_extract(by=self.counter.second_operator)
        self.reconcile(story)
        grants = model("requests_app.Grant").objects.filter(permit__request=story.request)
        return story, grants.get(person=self.counter.investigator)

    def accesses(self) -> None:
        self.opened("ouverte, clé à lire")
        _story, shown = self.opened("ouverte, clé lue")
        self.post("chercheuse", f"/mes-acces/{shown.pk}/afficher/")
        turned, grant = self.opened("clé changée")
        self.post("chercheuse", f"/mes-acces/{grant.pk}/afficher/")
        self.post("chercheuse", f"/mes-acces/{grant.pk}/renouveler/")
        self.reconcile(turned)
        for name, verb in (("accès suspendu", "suspend"), ("accès retiré", "revoke")):
            story, grant = self.opened(name)
            path = f"/exploitation/acces/{grant.pk}/{verb}/"
            self.post("operateur", path, reason="Incident signalé.", confirm="on")
            self.reconcile(story)
        for name, verb in (
            ("étude suspendue", "suspend_study"),
            ("étude retirée", "revoke_study"),
            ("étude retenue", "hold"),
        ):
            story, grant = self.opened(name)
            space = grant.workspace_id
            self.post(
                "operateur", f"/exploitation/{space}/{verb}/", reason="Vérification.", confirm="on"
            )
            self.reconcile(story)
        prepared = self.story("extraction à confirmer", "extract")
        self.post("operateur", f"/dossiers/{prepared.request.pk}/extraction/")
        self.celery.tasks["requests_app.extraction.tasks.prepare_asked"]()
        waiting = self.story("extraction demandée", "extract")
        self.post("operateur", f"/dossiers/{waiting.request.pk}/extraction/")
        failing = self.story("fournisseur en panne", "opening")
        self.failing(failing)

    def failing(self, story: Story) -> None:
        refused = of_tests("fake.py").Denied

        def storm(_name: str) -> None:
            raise refused("AccessDenied", status=403)

        self.provider.weather, fair = storm, self.provider.weather
        self.reconcile(story, passes=4)
        self.provider.weather = fair

    # --- people ------------------------------------------------------------------------------

    @staticmethod
    def with_role(name: str, role: Any, **more: Any) -> Any:
        return user(name, role=role, **more)

    def people(self) -> None:
        """What accounts wait for: memberships, signatures, roles, resets, tokens, links."""
        people = self.counter
        chu = model("accounts.Organisation").objects.get(code="demo-chu")
        asking = a_member(people.university, a_person("nouvelle"), confirmed=False)
        a_member(people.university, a_person("bientot-signataire"), asks_to_sign=True)
        a_member(chu, a_person("gestionnaire"), manager=True)
        user("colleague", of=people.university)
        named = self.client("nouvelle")
        del named, asking
        draft = self.stories["fr-cnil-standard brouillon"].request
        path = f"/dossiers/{draft.pk}/brouillon/personnes/"
        self.post("chercheuse", path, email="invitee@exemple.fr", kind="editor")
        self.post("chercheuse", path, email="habilitee@exemple.fr", kind="named")
        self.post(
            "representante",
            "/compte/invitations/envoyer/",
            kind="member",
            email="recrue@exemple.fr",
            organisation=people.university.pk,
            refused=True,
        )
        self.post("chercheuse", "/compte/jetons/", name="poste", days="30", refused=True)
        self.post("medecin", "/compte/adresse/", email="ailleurs@exemple.fr", refused=True)
        self.post("medecin", "/compte/mot-de-passe/oublie/", email="medecin@demo.example")
        self.post("medecin", "/compte/inscription/", email="inconnue@exemple.fr", refused=True)
        model("accounts.FactorReset").objects.create(
            user=people.secretariat,
            proposed_by=people.administrator,
            reason="Téléphone perdu.",
            expires_at=timezone.now() + timedelta(days=3),
        )
        second = self.with_role("admin-2", "administrator")
        model("accounts.User").objects.filter(pk=second.pk).update(is_staff=True)
        self.with_role("ancien-secretaire", "secretariat")
        model("accounts.RoleAssignment").objects.filter(user__username="ancien-secretaire").update(
            ended_at=timezone.now()
        )
        elsewhere = organisation("autre-comite", "committee")
        self.with_role("autre-presidente", "president", scope=elsewhere)
        stored_file(draft, name="ancienne.pdf", by=people.investigator)
        for piece in draft.pieces.select_related("file"):  # real enough to be shown
            held: Any = piece.file
            Path(held.file.path).write_bytes(pdf_page(piece.code))

    def selections(self) -> None:
        """What a person and a visitor have chosen in the catalogue."""
        for who in ("chercheuse", "doctorant"):
            client = self.client(who)
            for row in (
                {"dataset": self.counter.base_a.code},
                {"dataset": self.counter.main_base.code, "table": "DP_BEN_R"},
            ):
                client.post("/ma-selection/ajouter/", row)

"""Every address and every form with another person's ids: nothing is shown, nothing changes."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.apps import apps
from django.test import Client, TestCase
from django.urls import resolve, reverse
from django.utils import timezone

from portal.accounts import invitations, memberships, tokens
from portal.accounts.models import (
    DeclarationOfInterests,
    FactorReset,
    Invitation,
    Membership,
    Role,
    RoleAssignment,
    User,
)
from portal.audit.models import AuditEvent
from portal.notifications.models import Message
from requests_app.models import (
    AccessRequest,
    Act,
    Grant,
    InterestDeclaration,
    Note,
    RequestMember,
    Stage,
    StoredFile,
    Task,
    Workspace,
)
from requests_app.procedures import registry
from requests_app.workflow.definition import REQUEST_MOVES, stage_moves
from tests.consistency.test_urls import ALL, is_public
from tests.support.client import client_for, page_text
from tests.support.factories import World, dataset, organisation, user
from tests.support.rotation import share


SECRET = "Étude confidentielle XZ"
CLOSED = "Étude déportée QK"
STEPS = ("parties", "finalites", "donnees", "personnes", "pieces", "recapitulatif")
# Rows that a refused visit may write: the refusal itself, and the session.
WRITTEN_BY_VISITS = {"audit.auditevent", "audit.audittext", "sessions.session"}


def everything() -> dict[str, int]:
    """A fingerprint of each table but those a visit may write."""
    return {
        model._meta.label_lower: hash(
            tuple(sorted(repr(row) for row in model._default_manager.values_list()))
        )
        for model in apps.get_models()
        if model._meta.label_lower not in WRITTEN_BY_VISITS
    }


def resolved(name: str, *ids: object) -> str:
    return reverse(f"requests_app:{name}", args=ids)


def one_of_each(addresses: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return list({name: (name, address) for name, address in addresses}.values())


def enough_of(addresses: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """One of each kind, and of the others a share that moves with each commit."""
    return list(dict.fromkeys([*one_of_each(addresses), *share(addresses)]))


@pytest.mark.long
class TestOthersIds(TestCase):
    """The files of one team, and people who nearly have a right on them."""

    world: World
    files: dict[str, AccessRequest]
    strangers: dict[str, User]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = world = World()
        cls.files = {"draft": world.draft()}
        cls.files["in session"] = cls._in_session(world)
        cls.files["in use"] = world.story().reach("use").fresh()
        awaiting = world.story()
        awaiting.ask_signature()
        cls.files["awaiting"] = awaiting.fresh()
        AccessRequest.objects.update(title=SECRET)
        AccessRequest.objects.filter(pk=cls.files["in session"].pk).update(title=CLOSED)
        for number, one in enumerate(cls.files.values()):
            one.refresh_from_db()
            Note.objects.create(request=one, author=world.secretariat, text=f"{SECRET} note")
            Task.objects.create(
                request=one,
                code="tacit_authorisation_check",
                role="legal_officer",
                opened_at=timezone.now(),
            )
            invitations.invite(
                kind=Invitation.Kind.TEAM,
                email=f"invite{number}@example.org",
                by=world.investigator,
                request_id=one.pk,
                about=SECRET,
            )
        cls.strangers = cls._strangers(world)

    @staticmethod
    def _in_session(world: World) -> AccessRequest:
        story = world.story().reach("opinion")
        story.declare()
        story.do("opinion", "assign_rapporteurs", by=world.president, members=[world.member])
        withdrawn = user("deportee", role=Role.COMMITTEE_MEMBER, scope=world.cesrees)
        RoleAssignment.objects.create(user=withdrawn, role=Role.AUDITOR)
        story.do("opinion", "withdraw_member", by=world.president, member=withdrawn, reason="Lien.")
        return story.fresh()

    @staticmethod
    def _strangers(world: World) -> dict[str, User]:
        """People with a file of their own, a role next door, or a right that ended."""
        other = organisation("autre-universite")
        other_base = dataset("base-z", holder="holder-z")
        found = {
            "nobody": user("personne"),
            "signatory of another organisation": user("autre-sign", of=other, signs=True),
            "colleague": user("collegue", of=world.university),
            "president next door": user(
                "autre-pdt", role=Role.PRESIDENT, scope=organisation("autre-comite", "committee")
            ),
            "holder next door": user(
                "resp-z",
                role=Role.HOLDER_REPRESENTATIVE,
                scope=other_base.holder.organisation,
            ),
            "officer of no main base": user(
                "officier-a", role=Role.MAIN_BASE_OFFICER, scope=world.holder_a
            ),
        }
        manager = user("gestionnaire-z", of=other)
        Membership.objects.filter(user=manager).update(is_manager=True)
        found["manager next door"] = manager
        unconfirmed = user("a-confirmer")
        Membership.objects.create(
            user=unconfirmed, organisation=world.university, asks_to_sign=True
        )
        found["unconfirmed signatory"] = unconfirmed
        former = user("ancien", role=Role.SECRETARIAT)
        RoleAssignment.objects.filter(user=former).update(ended_at=timezone.now())
        found["former secretary"] = former
        staff = user("staff")
        User.objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
        found["staff and superuser"] = staff
        removed = user("retiree", of=other)
        for one in AccessRequest.objects.all():
            RequestMember.objects.create(
                request=one,
                user=removed,
                kind="editor",
                added_by=world.investigator,
                removed_at=timezone.now(),
            )
        found["removed from the team"] = removed
        return {name: User.objects.get(pk=one.pk) for name, one in found.items()}

    # --- addresses ----------------------------------------------------------------------------

    def test_every_address_that_holds_an_id_is_tried(self) -> None:
        """A page added to the URLconf comes here, or this fails by its name."""
        held = {
            name
            for name, address in ALL
            if str(uuid.UUID(int=7)) in address
            and name.startswith(("requests_app:", "accounts:", "notifications:"))
            and not is_public(name)
        }
        addresses = [*self._addresses(), *self._of_accounts()]
        tried = {resolve(address).view_name for _name, address in addresses}
        assert held - tried == set()

    def _addresses(self) -> Iterator[tuple[str, str]]:
        """`(name, address)` with ids of the team's files, each sub-object with its own file."""
        for request in self.files.values():
            yield from self._of_file(request)
        for grant in Grant.objects.all():
            for end in ("afficher", "renouveler"):
                yield "reveal", f"/mes-acces/{grant.pk}/{end}/"
            for verb in ("suspend", "resume", "revoke"):
                yield "grant_operation", f"/exploitation/acces/{grant.pk}/{verb}/"
        for space in Workspace.objects.all():
            yield "workspace", f"/exploitation/{space.pk}/"
            for verb in ("retry", "hold", "release", "suspend_study", "revoke_study"):
                yield "study_operation", f"/exploitation/{space.pk}/{verb}/"
        for kind, pk in (
            ("personnes", self.world.investigator.pk),
            ("organismes", self.world.university.pk),
        ):
            for verb in ("suspend", "resume", "revoke"):
                yield "body_operation", f"/exploitation/{kind}/{pk}/{verb}/"

    def _of_file(self, request: AccessRequest) -> Iterator[tuple[str, str]]:
        base = f"/dossiers/{request.pk}/"
        draft = f"{base}brouillon/"
        yield from (("file", base + end) for end in ("", "consulter/", "completude/", "notes/"))
        yield from (("file", base + end) for end in ("extraction/", "completer/"))
        yield "copy", resolved("copy_request", request.pk)
        yield from (("sign", base + f"signature/{end}") for end in ("", "demander/", "annuler/"))
        yield from (("receipt", base + f"recepisse/{kind}.pdf") for kind in ("depot", "complet"))
        for version in request.versions.all():
            yield "version", f"{base}versions/{version.number}/"
            yield "version", f"{base}versions/{version.number}.pdf"
            yield "marks", f"{base}versions/{version.number}/annotations/"
        for name in REQUEST_MOVES:
            yield "act", f"{base}actes/{name}/"
        procedure = registry.get(request.procedure_code, request.procedure_version)
        for stage in Stage.objects.filter(request=request):
            yield "assign", f"{base}etapes/{stage.pk}/attribuer/"
            for name in stage_moves(procedure.stage(stage.code)):
                yield "act", f"{base}etapes/{stage.pk}/{name}/"
        for act in Act.objects.filter(request=request):
            yield "correct", f"{base}corriger/{act.pk}/"
        for task in Task.objects.filter(request=request):
            yield "task", f"{base}taches/{task.pk}/"
        for stored in StoredFile.objects.filter(request=request):
            yield "download", f"{base}fichiers/{stored.pk}/"
            if stored.content_type == "application/pdf":
                yield "download in page", resolved("file_in_page", request.pk, stored.pk)
        yield from (("draft", draft + end) for end in ("", "titre/", "personnes/", "pieces/"))
        yield from (("draft", f"{draft}{step}/") for step in STEPS)
        yield from (("draft", f"{draft}donnees/export.{kind}") for kind in ("csv", "pdf"))
        yield "draft", f"{draft}donnees/base/base-a/"
        yield "draft", f"{draft}donnees/base/base-a/T/"
        for piece in request.pieces.all():
            yield "piece", f"{draft}pieces/{piece.code}/"
            yield "piece", f"{draft}pieces/{piece.code}/modele.txt"
        for member in RequestMember.objects.filter(request=request):
            yield from (
                ("member", f"{draft}personnes/{member.pk}/{end}/") for end in ("donnees", "retirer")
            )
        for sent in Invitation.objects.filter(request_id=request.pk):
            yield "invitation", f"{draft}invitations/{sent.pk}/annuler/"

    def _of_accounts(self) -> Iterator[tuple[str, str]]:
        """Ids of other people's rows in the account pages."""
        world = self.world
        asked = memberships.ask(by=user("demandeuse"), organisation=world.university, to_sign=True)
        token, _text = tokens.create(by=world.investigator, name="poste", days=30)
        yield "confirm", f"/compte/appartenances/{asked.pk}/"
        for membership in Membership.objects.filter(user=world.investigator):
            yield "end", f"/compte/organismes/{membership.pk}/terminer/"
            yield "sign", f"/compte/organismes/{membership.pk}/signature/"
        yield "token", f"/compte/jetons/{token.pk}/retirer/"
        reset = FactorReset.objects.create(
            user=world.investigator,
            proposed_by=user("administratrice"),
            reason="Téléphone perdu.",
            expires_at=timezone.now() + timedelta(days=3),
        )
        yield "reset", f"/compte/second-facteur/reinitialisation/{reset.pk}/refuser/"
        for sent in Invitation.objects.all():
            yield "cancel", f"/compte/invitations/{sent.pk}/annuler/"
            yield "resend", f"/compte/invitations/{sent.pk}/renvoyer/"
        for message in Message.objects.filter(recipient__isnull=False):
            yield "message", f"/messages/{message.pk}/"

    def _clients(self) -> dict[str, Client]:
        return {who: client_for(person, verified=True) for who, person in self.strangers.items()}

    def _refused(self, who: str, client: Client, addresses: list[tuple[str, str]]) -> None:
        open_to = [
            (who, method, address, answer.status_code)
            for _name, address in addresses
            for method in ("get", "post")
            if (answer := getattr(client, method)(address)).status_code not in {403, 404, 405}
        ]
        assert open_to == []

    def test_every_address_of_a_file_is_closed_to_strangers(self) -> None:
        """One person meets many of them, one each kind, the others a share of the kinds.

        In `make deep` the first meets all, everybody else each kind.
        """
        addresses = list(self._addresses())
        assert len(addresses) > 300
        kinds, many = one_of_each(addresses), enough_of(addresses)
        assert len(kinds) > 15
        clients = self._clients()
        before = everything()
        nearly = [who for who in clients if who not in {"removed from the team", "nobody"}]
        met = {"removed from the team": many, "nobody": kinds}
        for number, who in enumerate(nearly):  # begun elsewhere for each: all kinds are met
            met[who] = share([*kinds[number % len(kinds) :], *kinds[: number % len(kinds)]], 4)
        for who, client in clients.items():
            self._refused(who, client, met[who])
        assert everything() == before

    def test_every_address_of_an_account_is_closed_to_others(self) -> None:
        addresses = list(self._of_accounts())
        clients = self._clients()
        before = everything()
        for who, client in clients.items():
            self._refused(who, client, enough_of(addresses) if who != "nobody" else addresses)
        assert everything() == before

    def test_lists_searches_and_exports_name_nothing_to_strangers(self) -> None:
        numbers = [one.number for one in self.files.values() if one.number]
        queries = ("", f"?q={SECRET}", f"?q={numbers[0]}", "?tri=titre&page=2", "?voir=membres")
        lists = [
            address
            for name, address in ALL
            if name.startswith(("requests_app:", "accounts:", "notifications:"))
            and not is_public(name)
            and str(uuid.UUID(int=7)) not in address
            and "/x/" not in address
        ]
        assert {"/a-traiter/export.csv", "/dossiers/export.csv", "/messages/"} <= set(lists)
        for number, (who, client) in enumerate(self._clients().items()):
            for address in lists:
                for query in queries if number < 2 else queries[1:2]:
                    answer = client.get(address + query)
                    assert answer.status_code < 500, (who, address)
                    if answer.status_code != 200 or answer.streaming:
                        continue
                    body = answer.content.decode(errors="replace")
                    body = body.replace(query, "")  # what was searched is written back
                    shown = page_text(answer) if "html" in answer["Content-Type"] else body
                    rows = shown.replace(SECRET, "", shown.count(SECRET) if "?q=" in query else 0)
                    assert SECRET not in rows, (who, address, query)
                    assert CLOSED not in rows, (who, address, query)
                    assert not any(n in rows for n in numbers if n not in query), (who, address)

    def test_a_file_of_ones_own_opens_nothing_of_another(self) -> None:
        """The attacker's own file in the address, another file's ids after it or in the form."""
        attacker = user("attaquante", of=self.world.university)
        own = self.world.draft()
        AccessRequest.objects.filter(pk=own.pk).update(title="À moi")
        RequestMember.objects.filter(request=own).update(removed_at=timezone.now())
        RequestMember.objects.create(
            request=own, user=attacker, kind="investigator", added_by=attacker
        )
        client = client_for(attacker, verified=True)
        before = everything()
        for request in self.files.values():
            mine, theirs = f"/dossiers/{own.pk}/", f"/dossiers/{request.pk}/"
            crossed = [
                (name, address.replace(theirs, mine))
                for name, address in self._of_file(request)
                if name in {"assign", "correct", "task", "download", "member", "invitation"}
                or (name == "act" and "/etapes/" in address)
            ]
            assert crossed
            self._refused("attacker", client, enough_of(crossed))
        assert everything() == before

    def test_foreign_ids_inside_forms_are_refused(self) -> None:
        """Ids that a form would not offer, posted by people who may open the form."""
        world = self.world
        request = self.files["in session"]
        stage = Stage.objects.get(request=request, kind="opinion")
        stranger = self.strangers["president next door"]
        withdrawn = User.objects.get(username="deportee")
        president = client_for(world.president, verified=True)
        base = f"/dossiers/{request.pk}/etapes/{stage.pk}/"
        manager = client_for(self.strangers["manager next door"], verified=True)
        secretary = client_for(world.secretariat, verified=True)
        completeness = Stage.objects.get(request=self.files["in session"], kind="completeness")
        nobody = client_for(self.strangers["nobody"], verified=True)
        before = everything()
        for client, path, data in [
            (president, f"{base}assign_rapporteurs/", {"members": [stranger.pk]}),
            (president, f"{base}assign_rapporteurs/", {"members": [withdrawn.pk]}),
            (president, f"{base}withdraw_member/", {"member": stranger.pk, "reason": "Non."}),
            (
                secretary,
                f"/dossiers/{request.pk}/etapes/{completeness.pk}/attribuer/",
                {"to": stranger.pk},
            ),
            (
                manager,
                "/compte/invitations/envoyer/",
                {
                    "kind": "representative",
                    "email": "x@example.org",
                    "organisation": world.university.pk,
                },
            ),
            (
                manager,
                "/compte/organismes/rejoindre/",
                {"organisation": world.cesrees.pk, "to_sign": "on"},
            ),
            (
                nobody,
                "/demander/nouvelle/",
                {"title": "Volée", "organisation": world.university.pk},
            ),
        ]:
            answer = client.post(path, data)
            assert answer.status_code in {200, 302, 403, 404, 422}, path
            assert everything() == before, path

    # --- conflict of interests ----------------------------------------------------------------

    def test_a_conflicted_member_meets_404_everywhere(self) -> None:
        """A14: by the president's word, by the organisation, by a declaration made since."""
        request = self.files["in session"]
        late = user("liee-depuis", role=Role.COMMITTEE_MEMBER, scope=self.world.cesrees)
        InterestDeclaration.objects.create(
            request=request,
            member=late,
            committee=self.world.cesrees,
            answer="none",
            declared_at=timezone.now(),
        )
        DeclarationOfInterests.objects.create(
            user=late, declared_on=timezone.now().date()
        ).organisations.add(self.world.university)
        for one in (self.world.tied_member, User.objects.get(username="deportee"), late):
            Message.objects.create(
                code="request.expected_opinion",
                recipient=one,
                subject=CLOSED,
                body=CLOSED,
                about=request.pk,
            )
            client = client_for(one, verified=True)
            addresses = list(self._of_file(request))
            for name, address in enough_of(addresses) if one == late else one_of_each(addresses):
                for method in ("get", "post"):
                    answer = getattr(client, method)(address)
                    # « consulter » and extraction are pages of a role they do not have
                    own_role = {403} if name == "file" else set()
                    assert answer.status_code in {404, 405} | own_role, (one, address)
            pages = ["/a-traiter/", "/a-traiter/export.csv", "/dossiers/", "/dossiers/export.csv"]
            pages += ["/messages/", f"/dossiers/?q={request.number}", "/exploitation/"]
            pages += ["/mes-demandes/", "/qui-utilise-mes-donnees/", "/mes-acces/"]
            pages += ["/admin/requests_app/accessrequest/", "/admin/requests_app/stage/"]
            pages += ["/admin/requests_app/transitionlog/", "/admin/audit/auditevent/"]
            pages += [f"/admin/audit/auditevent/?q={request.pk}"]
            for page in pages:
                answer = client.get(page, follow=True)
                asked = page.partition("?q=")[2]
                for trace in {str(request.number), str(request.pk), CLOSED} - {asked}:
                    assert trace not in answer.content.decode(), (one, page)
                assert not asked or f"/dossiers/{request.pk}/" not in answer.content.decode()
            for message in Message.objects.filter(recipient=one, about=request.pk):
                assert client.get(f"/messages/{message.pk}/").status_code == 404
        refusals = AuditEvent.objects.filter(action="request.look_refused", about=request.pk)
        assert set(refusals.values_list("outcome", flat=True)) == {"conflicted"}

    def test_each_refused_look_is_in_the_log(self) -> None:
        person = self.strangers["nobody"]
        client = client_for(person)
        request = self.files["in use"]
        for _time in range(2):
            assert client.get(f"/dossiers/{request.pk}/").status_code == 404
        client.get(f"/dossiers/{uuid.uuid4()}/")
        grant = Grant.objects.filter(permit__request=request)[0]
        client.get(f"/mes-acces/{grant.pk}/afficher/")
        rows = AuditEvent.objects.filter(action="request.look_refused", actor_id=person.pk)
        assert (
            list(rows.order_by("recorded_at").values_list("on_type", "data__page", "outcome"))[:2]
            == [("requests_app.accessrequest", "request", "refused")] * 2
        )

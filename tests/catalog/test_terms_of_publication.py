"""Each term of what is public, taken alone: without it, nothing is shown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import TestCase
from django.utils import timezone

from catalog.completeness import completeness
from catalog.models import Dataset, Table, Variable
from catalog.permissions import may_publish, may_see_dataset
from portal.accounts.models import Role, RoleAssignment, User
from tests.support.factories import dataset, organisation, user

from .factories import make_dataset, make_table


Toggle = Callable[[], object]
HOUR = timedelta(hours=1)


class Publication(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.base = dataset("base-a", holder="holder-a")
        cls.body = cls.base.holder.organisation
        cls.other_body = organisation("holder-b", "holder")
        cls.holder = user("resp-a", role=Role.HOLDER_REPRESENTATIVE, scope=cls.body)

    def each(self, toggles: dict[str, Toggle], holds: Callable[[], bool]) -> None:
        assert holds(), "nothing is proved: the predicate does not hold to begin with"
        kept = []
        for name, toggle in toggles.items():
            with transaction.atomic():
                toggle()
                if holds():
                    kept.append(name)
                transaction.set_rollback(True)
        assert not kept

    def dates(self) -> dict[str, Toggle]:
        later = timezone.now() + HOUR
        return {
            "in preparation": lambda: Dataset.objects.update(published_at=None),
            "published later": lambda: Dataset.objects.update(published_at=later),
        }

    def test_each_term_of_a_public_description(self) -> None:
        nobody = AnonymousUser()

        def fresh() -> Dataset:
            return Dataset.objects.get(pk=self.base.pk)

        for holds in (
            lambda: Dataset.objects.published().exists(),
            lambda: Dataset.objects.visible_to(nobody).exists(),
            lambda: Table.objects.visible_to(nobody).exists(),
            lambda: Variable.objects.visible_to(nobody).exists(),
            lambda: may_see_dataset(nobody, fresh()),
            lambda: fresh().is_published,
        ):
            self.each(self.dates(), holds)
        elsewhere = {
            "asked for elsewhere": lambda: Dataset.objects.update(
                ask_route="contact", kind="described", contact_email="a@example.org"
            )
        }
        for holds in (
            lambda: Dataset.objects.requestable().exists(),
            lambda: fresh().is_requestable,
        ):
            self.each(self.dates() | elsewhere, holds)

    def test_each_term_of_a_public_table_and_variable(self) -> None:
        now = timezone.now()
        no_table = {"the table is gone": lambda: Table.objects.update(removed_at=now)}
        no_variable = {"the variable is gone": lambda: Variable.objects.update(removed_at=now)}
        self.each(no_table, lambda: Table.objects.current().exists())
        self.each(no_table | self.dates(), lambda: Table.objects.published().exists())
        self.each(no_table | no_variable, lambda: Variable.objects.current().exists())
        self.each(
            no_table | no_variable | self.dates(), lambda: Variable.objects.published().exists()
        )

    def test_each_term_of_who_sees_what_is_in_preparation(self) -> None:
        Dataset.objects.update(published_at=None)

        def rights(who: User, rule: Callable[[Any, Dataset], bool]) -> Callable[[], bool]:
            def holds() -> bool:
                person = User.objects.get(pk=who.pk)
                base = Dataset.objects.select_related("holder").get(pk=self.base.pk)
                seen = may_see_dataset(person, base)
                assert seen is Dataset.objects.visible_to(person).filter(pk=base.pk).exists()
                return rule(person, base)

            return holds

        mine = RoleAssignment.objects.filter(user=self.holder)
        toggles: dict[str, Toggle] = {
            "ended": lambda: mine.update(ended_at=timezone.now()),
            "of another holder": lambda: mine.update(scope=self.other_body),
            "another role": lambda: mine.update(role=Role.MAIN_BASE_OFFICER),
        }
        for rule in (may_see_dataset, may_publish):
            self.each(toggles, rights(self.holder, rule))
        for role in (Role.SECRETARIAT, Role.ADMINISTRATOR, Role.AUDITOR):
            who = user(f"un-{role}", role=role)
            theirs = RoleAssignment.objects.filter(user=who)
            ended = {"ended": lambda rows=theirs: rows.update(ended_at=timezone.now())}
            self.each(ended, rights(who, may_see_dataset))
            if role != Role.AUDITOR:
                self.each(ended, rights(who, may_publish))
            else:
                assert not rights(who, may_publish)()

    def test_each_term_of_what_forbids_publishing(self) -> None:
        base = make_dataset(published=False)
        base.controllers.add(base.holder.organisation)
        make_table(base)
        rows = Dataset.objects.filter(pk=base.pk)

        def complete() -> bool:
            return not completeness(rows.get()).blocking

        lacking: dict[str, Toggle] = {
            name: lambda name=name: rows.update(**{name: ""})
            for name in ("title_fr", "summary_fr", "excludes_fr")
        }
        self.each(
            lacking
            | {
                "undated": lambda: rows.update(as_of=None),
                "no controller": lambda: base.controllers.clear(),
                "no table": lambda: base.tables.all().delete(),
                "the table is gone": lambda: base.tables.update(removed_at=timezone.now()),
            },
            complete,
        )

"""Acts done elsewhere, entered later: dates stay in the order of what they say."""

from datetime import date, datetime, timedelta

import pytest
from django.test import TestCase

from portal.common.calendar import legal_now, legal_today
from requests_app.models import Act, Task
from requests_app.workflow import engine
from requests_app.workflow.clock import run_due
from tests.support.clock import legal_advance
from tests.support.factories import Story, World


DAY = timedelta(days=1)


class DatesInOrder(TestCase):
    """Ten days after the authority was asked."""

    story: Story

    @classmethod
    def setUpTestData(cls) -> None:
        cls.story = World().story().reach("authorisation")
        legal_advance("10d")

    def extend(self, *, effective_at: datetime | date) -> None:
        self.story.do(
            "authorisation",
            "record_extension",
            by=self.story.world.legal_officer,
            reference="Lettre du président",
            effective_at=effective_at,
        )

    def correct(self, code: str, *, effective_at: datetime) -> None:
        act = Act.objects.get(request=self.story.request, code=code, corrected_by__isnull=True)
        by = self.story.world.legal_officer
        self.story.do(
            "", "correct_act", by=by, act=act, effective_at=effective_at, reason="Autre date."
        )

    def test_two_acts_of_one_day_are_both_recorded(self) -> None:
        yesterday = legal_today() - DAY
        self.story.receipt(effective_at=yesterday)
        self.extend(effective_at=yesterday)
        one, other = Act.objects.filter(stage=self.story.stage("authorisation"))
        assert one.effective_at == other.effective_at

    def test_a_corrected_act_holds_nothing_back(self) -> None:
        """The date that counts is the corrected one: not the one that was wrong."""
        now = legal_now()
        self.story.receipt(effective_at=now - DAY)
        self.correct("record_receipt", effective_at=now - 5 * DAY)
        with pytest.raises(engine.TransitionRefused, match="précéder l’acte auquel"):
            self.extend(effective_at=now - 6 * DAY)
        self.extend(effective_at=now - 3 * DAY)
        assert self.story.stage("authorisation").extended_at == now - 3 * DAY

    def test_a_correction_stays_between_its_neighbours(self) -> None:
        now = legal_now()
        self.story.receipt(effective_at=now - 5 * DAY)
        self.extend(effective_at=now - 3 * DAY)
        with pytest.raises(engine.TransitionRefused, match="suivre l’acte qui vient après"):
            self.correct("record_receipt", effective_at=now - 2 * DAY)
        with pytest.raises(engine.TransitionRefused, match="précéder l’acte auquel"):
            self.correct("record_extension", effective_at=now - 6 * DAY)
        self.correct("record_receipt", effective_at=now - 4 * DAY)

    def test_a_correction_that_leaves_the_period_over_keeps_its_silence(self) -> None:
        received = legal_now() - DAY
        self.story.receipt(effective_at=received)
        legal_advance("63d")
        run_due()
        assert Task.objects.get().closed_at is None
        due = self.story.stage("authorisation").due_at
        self.correct("record_receipt", effective_at=received - DAY)
        stage = self.story.stage("authorisation")
        assert stage.due_at != due
        assert stage.expired_at == due
        assert Task.objects.get().closed_at is None

"""What a clock says before and after its last day, as the procedure asks for it.

A reminder is a row, so that it is given once, whatever asks. When several of one stage are due at
once (the worker was down, training time moved by days) the latest speaks, in words that are true
now; those before it are kept as overtaken. What a clock's end does is `clock.run_due`'s.
"""

from datetime import datetime, time, timedelta
from uuid import UUID

from django.db import transaction

from portal.accounts.models import Role, User
from portal.common import sweeps
from portal.common.calendar import PARIS, legal_now
from portal.common.units import UNITS
from requests_app.dossier import notices
from requests_app.models import FINAL_STATES, ClockReminder, Stage, StageState
from requests_app.procedures.law import FARTHEST, Reminder
from requests_app.procedures.parts import Clock
from requests_app.rights import recipients


MORNING = time(7)
WINDOW = FARTHEST + timedelta(days=34)  # on each side of the last day: more than a file may write


def run() -> int:
    """Give every reminder that is due and was not given: how many stages were spoken of."""
    now = legal_now()
    running = Stage.objects.filter(
        state=StageState.RUNNING, due_at__gt=now - WINDOW, due_at__lt=now + WINDOW
    ).exclude(request__state__in=FINAL_STATES)
    rows = running.order_by("due_at", "pk").select_related("request")
    rows = rows.defer("request__content", "request__orientation")
    known = set(
        ClockReminder.objects.filter(stage__in=running).values_list("stage", "at", "due_at")
    )

    def remind(stage: Stage) -> bool:
        """Its procedure is read here: a file that is gone silences its own rows, no other's."""
        due = any(
            instant <= now and (stage.pk, reminder.at, stage.due_at) not in known
            for reminder, instant in _moments(stage)
        )
        return due and _remind(stage.pk)

    return sweeps.each(rows, remind, what="reminders")


def instant_of(reminder: Reminder, due_at: datetime) -> datetime:
    """The morning of the Paris day on which it is given."""
    count, unit = reminder.lead
    day = due_at.astimezone(PARIS).date()
    return datetime.combine(UNITS[unit].later(day, count), MORNING, tzinfo=PARIS)


def never_given(stage: Stage) -> list[Reminder]:
    """What was to announce the last day of a clock, and was not: nobody gave it while it was true.

    What was given of a day that an extension or a stop has moved since counts where its own day was
    over by then.
    """
    given = set(stage.reminders.filter(sent_at__isnull=False).values_list("at", "due_at"))
    known, since = {at for at, _due in given}, _settled(stage)
    return [
        one
        for one, instant in _moments(stage)
        if one.before
        and (one.at, stage.due_at) not in given
        and not (instant < since and one.at in known)
    ]


def _settled(stage: Stage) -> datetime:
    """The morning of the day on which its last day became what it is."""
    moved = [stage.started_at, stage.extended_at]
    moved += stage.pauses.values_list("ended_at", flat=True)
    last = max((one for one in moved if one is not None), default=legal_now())
    return datetime.combine(last.astimezone(PARIS).date(), time.min, tzinfo=PARIS)


def _clock(stage: Stage) -> Clock | None:
    return stage.request.procedure.stage(stage.code).clock


def _moments(stage: Stage) -> list[tuple[Reminder, datetime]]:
    clock = _clock(stage)
    if clock is None or stage.due_at is None:
        return []
    found = [(one, instant_of(one, stage.due_at)) for one in clock.reminders]
    return sorted(found, key=lambda pair: pair[1])


def _remind(stage_id: UUID) -> bool:
    """Under the stage's lock: somebody may act, or the clock move, at the same time."""
    with transaction.atomic():
        stage = (
            Stage.objects.select_for_update(of=("self",)).select_related("request").get(pk=stage_id)
        )
        now = legal_now()
        if stage.state != StageState.RUNNING or stage.due_at is None:
            return False
        given = set(stage.reminders.filter(due_at=stage.due_at).values_list("at", flat=True))
        due = [
            (one, instant)
            for one, instant in _moments(stage)
            if instant <= now and one.at not in given
        ]
        true = [
            one
            for one, instant in due
            # "before" is over once the last day is; what was due before the stage began is not said
            if one.before == (now <= stage.due_at) and instant >= _began(stage)
        ]
        chosen = true[-1] if true else None
        ClockReminder.objects.bulk_create(
            ClockReminder(
                stage=stage, at=one.at, due_at=stage.due_at, sent_at=now if one is chosen else None
            )
            for one, _instant in due
        )
        if chosen is not None:
            _tell(stage, chosen)
        return chosen is not None


def _began(stage: Stage) -> datetime:
    """From the morning of its first day: a reminder of the same day is said."""
    began = (stage.started_at or legal_now()).astimezone(PARIS).date()
    return datetime.combine(began, time.min, tzinfo=PARIS)


def _tell(stage: Stage, reminder: Reminder) -> None:
    request = stage.request
    spec = request.procedure.stage(stage.code)
    acting = {one.pk: one for one in recipients.of_stage(stage)} if "actor" in reminder.told else {}
    clock = spec.clock
    ends_as = clock.on_expiry.outcome if clock is not None else None
    silent = ends_as if reminder.before else None
    notices.ClockReminder.tell_apart(
        acting.values(),
        _told(stage, reminder),
        request,
        stage=str(spec.label),
        todo=str(spec.expected),
        due=stage.due_at,
        late=not reminder.before,
        last_day=legal_now().astimezone(PARIS).date() == stage.due_at.astimezone(PARIS).date()
        if stage.due_at
        else False,
        silence=str(spec.outcome(silent).label) if silent else "",
    )


def _told(stage: Stage, reminder: Reminder) -> list[User]:
    people: list[User] = []
    if "chair" in reminder.told and stage.committee_id is not None:
        people += recipients.office(stage.request, Role.PRESIDENT, scope=stage.committee_id)
    if "desk" in reminder.told:
        people += recipients.office(stage.request, Role.SECRETARIAT)
    return people

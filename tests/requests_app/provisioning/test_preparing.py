"""An extract is prepared by one run at a time, whatever dies or comes twice; one study's trouble
is its own."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from threading import Event
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from catalog.models import Dataset
from portal.audit.record import record
from requests_app.models import Extract, Outbox, Workspace
from requests_app.permits import creating, extraction
from requests_app.permits.extraction.tasks import prepare_asked
from requests_app.provisioning.extract import delivery, moves, preparing, staging
from requests_app.provisioning.extract.approved import ApprovedTable
from requests_app.provisioning.extract.preparing import Preparation, PreparationLost
from requests_app.provisioning.extract.sources import ExtractError, Produced, SyntheticSource

from . import world


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def base() -> Dataset:
    return world.dataset("base-a")


@pytest.fixture
def make(base: Dataset, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Workspace]:
    """Studies whose extract is asked for; the scope is read from no version here."""
    settings.PROVISIONING = settings.PROVISIONING | {"extract_source": "synthetic"}
    monkeypatch.setattr(creating, "approved_scope", lambda _request: world.scope_of(base))

    def one() -> Workspace:
        workspace = world.study(scope=world.scope_of(base), staged=False)
        ask(workspace)
        return workspace

    return one


def ask(workspace: Workspace) -> None:
    Extract.objects.filter(pk=workspace.pk).update(
        state="asked", asked_at=timezone.now(), asked_by=world.person(ready=False)
    )
    workspace.refresh_from_db()


class Source(SyntheticSource):
    """Synthetic rows; does `first` once, before or after the file is written."""

    def __init__(self, rows: int = 3, *, before: Any = None, after: Any = None) -> None:
        super().__init__(rows)
        self.before, self.after = before, after

    def produce(self, table: ApprovedTable, *, request: str, target: Path) -> Produced:
        todo, self.before = self.before, None
        if todo is not None:
            todo()
        made = super().produce(table, request=request, target=target)
        todo, self.after = self.after, None
        if todo is not None:
            todo()
        return made


def use(monkeypatch: pytest.MonkeyPatch, source: Any) -> None:
    monkeypatch.setattr(staging, "source", lambda: source)


def lapse(workspace: Workspace) -> None:
    """What time does to the lease of a run that was killed."""
    Extract.objects.filter(pk=workspace.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def whole(workspace: Workspace) -> bool:
    """What the row says of the files is what the files are; raises else."""
    workspace.refresh_from_db()
    return bool(delivery.files_to_deliver(workspace))


def folders() -> list[str]:
    return sorted(path.name for path in (world.staging_folder() / ".ready").iterdir())


def test_the_next_sweep_starts_no_second_run_over_the_first(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    runs: list[int] = []

    def second_slot() -> None:
        runs.append(1)
        prepare_asked()

    use(monkeypatch, Source(before=second_slot, after=second_slot))
    prepare_asked()
    assert len(runs) == 2  # asked twice in the middle: the source was called by the first run only
    assert whole(workspace)
    assert workspace.extract.asked_at is None
    assert folders() == [f"{workspace.pk}.{workspace.extract.folder}"]


def test_what_is_asked_again_in_the_middle_of_a_run_is_done_again(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    use(monkeypatch, Source(rows=3, before=lambda: ask(workspace)))
    prepare_asked()
    workspace.refresh_from_db()
    assert workspace.extract.asked_at is not None
    assert workspace.extract.asked_by is not None
    use(monkeypatch, SyntheticSource(rows=7))
    prepare_asked()
    assert whole(workspace)
    assert workspace.deposits.get().rows == 7
    assert workspace.extract.asked_at is None


def test_a_killed_run_is_taken_up_after_its_lease_and_not_before(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()

    def killed() -> None:
        raise KeyboardInterrupt  # nothing of ours catches it, as nothing catches kill -9

    use(monkeypatch, Source(after=killed))
    monkeypatch.setattr(preparing.shutil, "rmtree", lambda *_a, **_k: None)  # dead: tidies nothing
    with pytest.raises(KeyboardInterrupt):
        prepare_asked()
    monkeypatch.setattr(preparing.shutil, "rmtree", rmtree)
    use(monkeypatch, SyntheticSource(rows=3))
    prepare_asked()
    workspace.refresh_from_db()
    assert (workspace.extract.manifest, workspace.extract.asked_at is None) == ({}, False)
    lapse(workspace)
    prepare_asked()
    assert whole(workspace)
    assert folders() == [f"{workspace.pk}.{workspace.extract.folder}"]  # nothing of the dead run


def test_an_overtaken_run_changes_nothing_of_the_other_s(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()

    def overtaken() -> None:
        lapse(workspace)
        use(monkeypatch, SyntheticSource(rows=7))
        prepare_asked()

    use(monkeypatch, Source(rows=3, before=overtaken))
    prepare_asked()
    assert whole(workspace)
    assert workspace.deposits.get().rows == 7
    assert workspace.extract.problem == ""
    assert Outbox.objects.filter(topic="extract_staged").count() == 1
    assert folders() == [f"{workspace.pk}.{workspace.extract.folder}"]


def test_a_run_overtaken_by_one_that_goes_on_writes_no_problem_either(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()

    def overtaken() -> None:
        lapse(workspace)
        assert Preparation.take(workspace.pk, asked=True) is not None
        raise OSError(5, "le dossier a disparu")

    use(monkeypatch, Source(before=overtaken))
    prepare_asked()
    workspace.refresh_from_db()
    assert workspace.extract.problem == ""
    assert workspace.extract.asked_at is not None


def test_the_lease_is_kept_during_long_work(
    make: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    settings.PROVISIONING = settings.PROVISIONING | {"lease": 0.03}
    renewed = Event()
    renew = Preparation.renew

    def noted(run: Preparation) -> None:
        renew(run)
        renewed.set()

    monkeypatch.setattr(Preparation, "renew", noted)
    use(monkeypatch, Source(before=lambda: renewed.wait(20)))
    prepare_asked()
    assert renewed.is_set()
    assert whole(workspace)


def test_a_lost_lease_is_not_renewed(make: Any) -> None:
    workspace = make()
    run = Preparation.take(workspace.pk)
    assert run is not None
    lapse(workspace)
    other = Preparation.take(workspace.pk)
    assert other is not None
    with pytest.raises(PreparationLost):
        run.renew()
    run.release()  # not its own any more
    assert Preparation.take(workspace.pk) is None


def test_one_slot_stays_free_for_whoever_revokes(make: Any, settings: Any) -> None:
    first, second = make(), make()
    run = Preparation.take(first.pk, asked=True)
    assert run is not None
    assert Preparation.take(second.pk, asked=True) is None
    settings.PROVISIONING = settings.PROVISIONING | {"extract_slots": 2}
    assert Preparation.take(second.pk, asked=True) is not None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SoftTimeLimitExceeded(), "n’avait pas fini après 6 h"),
        (ZeroDivisionError(), "Une erreur du portail"),
        (OSError(5, "disque illisible"), "disque illisible"),
        (ExtractError("Rien n’est déposé."), "Rien n’est déposé."),
    ],
)
def test_what_stops_a_preparation_is_said_and_not_tried_again_for_ever(
    make: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    workspace = make()
    staging.stage(workspace, scope=world.scope_of(Dataset.objects.get()), by=world.person())
    ask(workspace)
    monkeypatch.setattr(staging, "approved_tables", raising(error))
    prepare_asked()
    workspace.refresh_from_db()
    assert said in workspace.extract.problem
    assert said in extraction.state(workspace.request)
    assert workspace.extract.asked_at is None  # asked again by a person, who has read why
    assert workspace.extract.manifest == {}  # what was prepared before is not what was asked
    assert workspace.extract.lease_until is None


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return call


def test_runs_that_die_without_a_word_end_with_one(make: Any) -> None:
    workspace = make()
    for _ in range(3):
        assert Preparation.take(workspace.pk, asked=True) is not None
        lapse(workspace)
    prepare_asked()
    workspace.refresh_from_db()
    assert "interrompue 3 fois" in workspace.extract.problem
    assert workspace.extract.asked_at is None


def test_a_study_that_explodes_first_keeps_no_other_waiting(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make(), make()
    scope = creating.approved_scope(first.request)
    monkeypatch.setattr(
        creating, "approved_scope", lambda request: scope if request != first.request else 1 / 0
    )
    prepare_asked()
    assert whole(second)
    first.refresh_from_db()
    assert "erreur du portail" in first.extract.problem


def test_the_announcement_is_written_with_the_result(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker killed after the commit still has the second person told, by the next sweep."""
    workspace = make()
    monkeypatch.setattr(moves, "record", raising(RuntimeError()))
    with pytest.raises(RuntimeError):
        staging.stage(workspace, scope=world.scope_of(Dataset.objects.get()), by=world.person())
    assert not Outbox.objects.filter(topic="extract_staged").exists()
    monkeypatch.setattr(moves, "record", record)
    monkeypatch.setattr(
        "requests_app.provisioning.outbox.deliver", lambda _pk: None
    )  # killed there
    staging.stage(workspace, scope=world.scope_of(Dataset.objects.get()), by=world.person())
    assert Outbox.objects.get(topic="extract_staged").done_at is None


def test_nothing_is_prepared_for_a_study_already_confirmed(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confirmed while the run reads: the run's result is thrown away, the confirmed files stay."""
    workspace = make()
    staging.stage(workspace, scope=world.scope_of(Dataset.objects.get()), by=world.person())
    confirmed = workspace.extract.manifest

    def confirm() -> None:
        Extract.objects.filter(pk=workspace.pk).update(
            state="confirmed",
            confirmed_at=timezone.now(),
            confirmed_by=world.person(ready=False),
            asked_at=None,
        )

    ask(workspace)
    use(monkeypatch, Source(rows=9, before=confirm))
    prepare_asked()
    assert whole(workspace)
    assert workspace.extract.manifest == confirmed
    assert workspace.extract.confirmed_at is not None
    assert (workspace.extract.problem, workspace.extract.asked_at) == ("", None)

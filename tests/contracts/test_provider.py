"""The port's contract, verb by verb, for whoever stands behind it.

Scaleway in memory, Scaleway's SDK against the sandbox on both its stores, and a provider that is no
Scaleway. What is asked here is all that the reconciler may count on.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from requests_app.provisioning import labels
from requests_app.provisioning.fences import BUCKETS, Admission, Fence
from requests_app.provisioning.providers.errors import (
    AlreadyExists,
    BucketGone,
    Denied,
    NotFound,
    NotOffered,
)
from requests_app.provisioning.providers.port import (
    FINDINGS,
    NOT_BUILT,
    NOT_THERE,
    OPTIONAL,
    Provider,
)
from requests_app.provisioning.providers.values import NewKey, SpaceWanted, Study
from tests.requests_app.provisioning import live as live_sandbox
from tests.requests_app.provisioning.fake import FakeBackend
from tests.requests_app.provisioning.notebook import Notebook
from tests.requests_app.provisioning.plain import Plain


WHO = ["plain", "memory", "moto", pytest.param("rgw", marks=pytest.mark.engine("rgw"))]
UNTIL = datetime.now(UTC) + timedelta(days=2)


@pytest.fixture(scope="module", params=WHO)
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Provider]]:
    if request.param in {"plain", "memory"}:
        yield Plain if request.param == "plain" else FakeBackend
        return
    sandbox = live_sandbox.start(tmp_path_factory.mktemp(request.param), store=request.param)
    names = ("projects", "iam_policies", "iam_groups", "iam_applications", "iam_api_keys")
    sandbox.order("quotas", quotas=dict.fromkeys(names, 1000))
    yield sandbox.backend
    sandbox.stop()


@pytest.fixture
def provider(make: Callable[[], Provider]) -> Provider:
    return make()


@dataclass
class Opened:
    """A study with its buckets, its rights and its book."""

    provider: Provider
    study: Study
    book: Notebook
    buckets: dict[str, str]

    def fence(self, kind: str, *persons: str) -> Fence:
        inside = tuple(Admission(person, UNTIL) for person in persons)
        return Fence(self.buckets[kind], kind, self.provider.portal_name(), inside)

    def let_in(self, *persons: str) -> None:
        for kind in BUCKETS:
            self.provider.write_fence(self.fence(kind, *persons), self.study)
        admissions = [Admission(person, UNTIL) for person in persons]
        assert self.provider.admit(self.study, admissions, self.book)

    def person(self) -> tuple[str, str]:
        """(our grant, the provider's id)."""
        grant = str(uuid.uuid4())
        person = self.provider.ensure_person(self.study, grant, self.book)
        self.book.settle(self.provider.shape.rows.person, grant, external_id=person)
        return grant, person

    def key(self, person: str, marker: str = "cred=1") -> NewKey:
        return self.provider.make_key(person, marker=marker, study=self.study, expires_at=UNTIL)


def a_study() -> Study:
    one = str(uuid.uuid4())
    return Study(id=one, workspace=str(uuid.uuid4()), slug=f"c-{one[:8]}")


def in_place(provider: Provider, study: Study, book: Notebook) -> Study:
    ref = provider.ensure_study(study, book)
    book.settle(provider.shape.rows.study, external_id=ref)
    return replace(study, ref=ref)


@pytest.fixture
def opened(provider: Provider) -> Opened:
    book = Notebook()
    study = in_place(provider, a_study(), book)
    buckets = {kind: f"{study.slug}-{uuid.uuid4().hex[:8]}-{kind}" for kind in BUCKETS}
    for bucket in buckets.values():
        provider.make_bucket(bucket, study)
        if provider.capabilities.default_encryption:
            provider.encrypt(bucket, study)
    provider.ensure_rights(study, book)
    return Opened(provider, study, book, buckets)


# --- What is made is made once --------------------------------------------------------------------


def test_a_study_whose_answer_was_lost_is_found_again(provider: Provider) -> None:
    study = a_study()
    first = provider.ensure_study(study, Notebook())
    assert provider.ensure_study(study, Notebook()) == first
    assert provider.ensure_study(a_study(), Notebook()) != first


def test_a_person_is_one_whatever_was_lost_and_goes_with_the_keys(opened: Opened) -> None:
    provider = opened.provider
    grant, person = opened.person()
    assert provider.ensure_person(opened.study, grant, Notebook()) == person
    assert provider.person_exists(person)
    key = opened.key(person)
    for _ in range(2):  # gone already: done
        provider.remove_person(opened.study, grant, opened.book)
    assert not provider.person_exists(person)
    assert not provider.key_exists(key.access_key)
    with pytest.raises(NotFound):
        opened.key(person)


def test_the_rights_of_a_study_are_made_once_and_removed_twice(opened: Opened) -> None:
    provider, kinds = opened.provider, opened.provider.shape.rows.rights
    ids = {kind: opened.book.id_of(kind) for kind in kinds}
    assert all(ids.values())
    again = Notebook()  # all that was remembered is lost
    provider.ensure_rights(opened.study, again)
    assert {kind: again.id_of(kind) for kind in kinds} == ids
    assert list(provider.check_rights(opened.study, opened.book)) == []
    for _ in range(2):
        provider.remove_rights(opened.study, opened.book)
    assert not any(opened.book.entry(kind) for kind in kinds)


def test_a_key_is_found_by_its_marker_and_deleted_twice(opened: Opened) -> None:
    provider = opened.provider
    _grant, person = opened.person()
    key = opened.key(person, marker="cred=2 gen=1")
    assert key.secret_key not in repr(key)
    (listed,) = provider.keys_of(person)
    assert (listed.access_key, listed.description) == (key.access_key, "cred=2 gen=1")
    assert (listed.expires_at is not None) == provider.capabilities.key_expiry
    assert provider.bearer_of(key.access_key) == person
    for _ in range(2):
        provider.delete_key(key.access_key)
    assert provider.bearer_of(key.access_key) is None
    assert not provider.key_exists(key.access_key)
    assert provider.keys_of(person) == []


# --- Buckets and data -----------------------------------------------------------------------------


def test_a_bucket_says_whose_it_is_and_how_it_keeps(opened: Opened) -> None:
    provider, name = opened.provider, opened.buckets["in"]
    assert provider.owner_of(name, opened.study) == opened.study.ref
    with pytest.raises(AlreadyExists):
        provider.make_bucket(name, opened.study)
    state = provider.look_at(name, opened.study)
    assert state is not None
    assert (state.owner, state.has_lifecycle) == (opened.study.ref, False)
    assert state.encrypted is (True if provider.capabilities.default_encryption else None)
    other = in_place(provider, a_study(), Notebook())
    with pytest.raises(Denied):
        provider.owner_of(name, other)


def test_a_bucket_that_is_not_there_is_said_not_to_be(opened: Opened, tmp_path: Path) -> None:
    """To read its fence is no answer of none: a bucket without rules may be open."""
    provider, study = opened.provider, opened.study
    fence = replace(opened.fence("in"), bucket=f"{study.slug}-none")
    (tmp_path / "a.csv").write_text("ID\n")
    asked: list[Callable[[], object]] = [
        lambda: provider.read_fence(fence, study),
        lambda: provider.write_fence(fence, study),
        lambda: provider.deliver(
            fence.bucket,
            "a",
            tmp_path / "a.csv",
            study=study,
            sha256="f" * 64,
            encrypted=False,
        ),
    ]
    for ask in asked:
        with pytest.raises(BucketGone):
            ask()
    assert provider.owner_of(fence.bucket, study) is None
    assert provider.look_at(fence.bucket, study) is None
    assert provider.delivered(fence.bucket, "a", study) is None
    _grant, person = opened.person()
    key = opened.key(person)
    tried = provider.key_holder(key.access_key, key.secret_key).list(fence.bucket)
    assert tried.bucket_gone
    assert not tried.refused


@pytest.mark.parametrize("by_itself", [True, False])
def test_what_is_delivered_says_so_and_is_encrypted(
    opened: Opened, tmp_path: Path, by_itself: bool
) -> None:
    """By its bucket where there is a default, else for each object: what the portal then asks."""
    provider, bucket = opened.provider, opened.buckets["in"]
    opened.let_in()
    (tmp_path / "a.csv").write_text("ID\n1\n")
    provider.deliver(
        bucket,
        "b/a.csv",
        tmp_path / "a.csv",
        study=opened.study,
        sha256="f" * 64,
        encrypted=by_itself,
    )
    sent = provider.delivered(bucket, "b/a.csv", opened.study)
    assert sent is not None
    assert sent.sha256 == "f" * 64
    if not provider.capabilities.default_encryption:  # elsewhere an object may say nothing of it
        assert sent.encrypted == by_itself
    assert provider.delivered(bucket, "b/none.csv", opened.study) is None


# --- Who gets in ----------------------------------------------------------------------------------


def test_a_fence_lets_in_whom_it_names_and_cuts_the_rest(opened: Opened) -> None:
    provider, study = opened.provider, opened.study
    (_one, first), (_two, second) = opened.person(), opened.person()
    held = [provider.read_fence(opened.fence(kind), study) for kind in BUCKETS]
    assert held == ["none", "none"]
    opened.let_in()
    keys = [opened.key(person) for person in (first, second)]
    mine, other = (provider.key_holder(key.access_key, key.secret_key) for key in keys)
    names = opened.buckets
    assert mine.list(names["in"]).refused
    opened.let_in(first, second)
    for kind in BUCKETS:
        assert provider.read_fence(opened.fence(kind, second, first), study) == "as_wanted"
        assert provider.read_fence(opened.fence(kind, first), study) == "other"
    for holder in (mine, other):
        assert holder.list(names["in"]).allowed
        assert holder.put(names["in"], "x", b"x").refused
        assert holder.put(names["ws"], "x", b"x").allowed
        assert holder.get(names["ws"], "x").allowed
        assert holder.delete(names["ws"], "x").allowed
    opened.let_in(second)
    assert mine.list(names["in"]).refused
    assert mine.put(names["ws"], "x", b"x").refused
    assert other.list(names["in"]).allowed


def test_either_side_alone_shuts(opened: Opened) -> None:
    """Fences, members where the provider has them, key: each by itself."""
    provider, study = opened.provider, opened.study
    _grant, person = opened.person()
    opened.let_in(person)
    key = opened.key(person)
    holder = provider.key_holder(key.access_key, key.secret_key)
    assert holder.list(opened.buckets["in"]).allowed
    if provider.shape.rows.members:
        assert provider.admitted(study, opened.book) == {person}
        assert provider.admit(study, [], opened.book)
        assert provider.admitted(study, opened.book) == frozenset()
        assert holder.list(opened.buckets["in"]).refused
        opened.let_in(person)
    provider.write_fence(opened.fence("in"), study)
    assert holder.list(opened.buckets["in"]).refused
    opened.let_in(person)
    provider.delete_key(key.access_key)
    assert holder.list(opened.buckets["in"]).refused


def test_without_the_rights_of_the_study_nobody_is_a_member(opened: Opened) -> None:
    if not opened.provider.shape.rows.rights:
        assert opened.provider.admitted(opened.study, opened.book) is None
        return
    _grant, person = opened.person()
    opened.let_in(person)
    key = opened.key(person)
    opened.provider.remove_rights(opened.study, opened.book)
    holder = opened.provider.key_holder(key.access_key, key.secret_key)
    assert holder.list(opened.buckets["in"]).refused
    assert opened.provider.admitted(opened.study, opened.book) is None


# --- What is declared -----------------------------------------------------------------------------

STUDY, SPACE = Study("r", "w", "s", "p"), SpaceWanted("image", "small", running=True)
ASKED: dict[str, Callable[[Provider], object]] = {
    "open_drop": lambda p: p.open_drop(STUDY, holder="h", until=UNTIL),
    "read_drop": lambda p: p.read_drop(STUDY, holder="h"),
    "take_drop": lambda p: p.take_drop(STUDY, holder="h", key="k", bucket="b"),
    "close_drop": lambda p: p.close_drop(STUDY, holder="h"),
    "read_logs": lambda p: p.read_logs(STUDY, since=UNTIL),
    "want_space": lambda p: p.want_space(STUDY, SPACE, Notebook()),
    "observe_space": lambda p: p.observe_space(STUDY),
    "reach_space": lambda p: p.reach_space(STUDY, ["s3.example"]),
    "remove_space": lambda p: p.remove_space(STUDY, Notebook()),
    "purge": lambda p: p.purge("b", STUDY),
    "remove_study": lambda p: p.remove_study(STUDY, Notebook()),
    "gone": lambda p: p.gone(STUDY),
}


@pytest.mark.parametrize("verb", OPTIONAL)
def test_a_verb_is_offered_or_declared_absent_with_its_reason(
    provider: Provider, verb: str
) -> None:
    done = getattr(type(provider), verb) is not getattr(Provider, verb)
    assert provider.capabilities.offers(verb) == done
    if done:
        return
    provider.before_call = lambda: pytest.fail("asked of the provider all the same")
    with pytest.raises(NotOffered) as refused:
        ASKED[verb](provider)
    assert (refused.value.verb, refused.value.code) == (verb, "not_offered")
    assert refused.value.reason == provider.capabilities.lacks[verb]
    assert refused.value.reason in {NOT_BUILT, NOT_THERE}
    told = labels.failure(refused.value, action="inspect")
    assert str(labels.NOT_OFFERED[refused.value.reason]) in told


def test_every_verb_is_either_of_every_provider_or_one_that_may_lack() -> None:
    verbs = {name for name, one in vars(Provider).items() if callable(one) and name[0] != "_"}
    assert set(OPTIONAL) <= verbs
    assert set(ASKED) == set(OPTIONAL)


def test_every_finding_has_its_words() -> None:
    assert set(labels.FINDINGS) == set(FINDINGS)


def test_limits_say_what_a_study_and_a_person_take(provider: Provider) -> None:
    found = provider.quotas()
    assert any(quota.per_study or quota.per_person for quota in found)
    for quota in found:
        assert quota.left is None or quota.left >= 0


def test_every_exchange_is_announced_first(opened: Opened) -> None:
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    provider, study, book = opened.provider, opened.study, opened.book
    grant, person = opened.person()
    fence = opened.fence("in", person)
    exchanges: list[Callable[[], object]] = [
        lambda: provider.ensure_study(a_study(), Notebook()),
        lambda: provider.ensure_person(study, "g", Notebook()),
        lambda: provider.owner_of(fence.bucket, study),
        lambda: provider.read_fence(fence, study),
        lambda: provider.write_fence(fence, study),
        lambda: provider.keys_of(person),
        lambda: provider.remove_person(study, grant, book),
        lambda: provider.key_holder(f"SCW{'A' * 17}", str(uuid.uuid4())).list(fence.bucket),
    ]
    if provider.shape.rows.rights:
        exchanges += [
            lambda: provider.admit(study, [], book),
            lambda: provider.admitted(study, book),
            lambda: list(provider.check_rights(study, book)),
            lambda: provider.remove_rights(study, book),
        ]
    provider.before_call = stop
    for exchange in exchanges:
        with pytest.raises(Stop):
            exchange()

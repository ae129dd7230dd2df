"""What the threads of one web worker do at once: analysis of texts, the API's description."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from threading import Barrier

import pytest
from django.test import RequestFactory

from catalog.api import description
from catalog.api.urls import urlpatterns
from catalog.search import text


THREADS, ROUNDS = 16, 3


def lexicon() -> list[str]:
    """1,368 distinct words of French shape: 24 beginnings, 57 ends that Snowball works on."""
    starts = (
        "hospital chirurg médic patholog diagnost préval incid mortal natal vaccin biolog génét"
        " dépist épidém thérap pharmac infect cardi pneum neur pédiatr gériatr oncolog traumat"
    ).split()
    ends = (
        "isation isations isateur isatrice ique iques iquement ement ements ation ations ateur"
        " ateurs atrice ence ences ité ités ivité ivités if ive ifs ives euse euses eux able ables"
        " ible iste istes isme ismes ie ies ier ière ières iel ielle iels ielles é ée és ées er"
        " erait aient ant ante ants antes issement issements issante amment"
    ).split()
    return list(islice(dict.fromkeys(a + b for a, b in product(starts, ends)), 1368))


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads that hand over as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
    text.stem.cache_clear()


@pytest.mark.usefixtures("hurried")
def test_sixteen_threads_give_the_stems_of_one() -> None:
    """What a thread stems is what one alone finds, and the cache keeps no wrong word."""
    wanted = lexicon()
    assert len(wanted) == 1368
    text.stem.cache_clear()
    alone = {word: text.stem(word) for word in wanted}
    assert len(set(alone.values())) > 100

    def read(number: int) -> dict[str, str]:
        start.wait()
        shift = number * len(wanted) // THREADS  # each elsewhere in the list: all are stemmed
        return {word: text.stem(word) for word in wanted[shift:] + wanted[:shift]}

    wrong: dict[str, str] = {}
    for _round in range(ROUNDS):
        text.stem.cache_clear()
        start = Barrier(THREADS)
        with ThreadPoolExecutor(THREADS) as pool:
            for found in pool.map(read, range(THREADS)):
                wrong |= {word: stem for word, stem in found.items() if stem != alone[word]}
        wrong |= {word: text.stem(word) for word in wanted if text.stem(word) != alone[word]}
    assert wrong == {}


@pytest.mark.usefixtures("hurried")
def test_the_description_of_the_api_is_asked_by_several_at_once(rf: RequestFactory) -> None:
    view = next(one for one in urlpatterns if getattr(one, "name", "") == "schema").callback
    whole = (description.HERE / "openapi.json").read_bytes()

    def ask(_number: int) -> bytes:
        start.wait()
        answer: bytes = view(rf.get("/api/v1/schema/?format=json")).render().content
        return answer

    for _round in range(ROUNDS):
        start = Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(ask, range(4))) == {whole}

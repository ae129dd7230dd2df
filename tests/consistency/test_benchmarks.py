"""The bench's own pieces: what it accepts, its sums. Nothing here is timed."""

from argparse import Namespace
from pathlib import Path

import pytest

from tests.benchmarks import options, run_local, site, tables
from tests.benchmarks.http import OURS, Place, places
from tests.benchmarks.load import Measure, Target
from tests.benchmarks.options import Peer
from tests.benchmarks.pages import COLDFRONT, NOBODY, SECRETARIAT, Page
from tests.support import rotation


INBOX = Page("inbox", "/a-traiter/", SECRETARIAT, {COLDFRONT: "/requests"})


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit):
        options.parse(list(arguments))
    return capsys.readouterr().err


def test_nothing_asked_is_both_sizes_and_every_part_but_the_long_one() -> None:
    found = options.parse([])
    assert found.sizes == ["small", "large"]
    assert set(options.PARTS) - set(found.only) == {"serving"}
    assert not found.keep


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001", "http://localhost:8001", "http://[::1]:8"]
)
def test_a_peer_on_this_machine_is_measured(url: str) -> None:
    assert options.parse(["--peer", f"before={url}/"]).peers == [Peer("before", url)]


@pytest.mark.parametrize("host", ["example.org", "192.0.2.7", "127.0.0.1.example.org", "10.0.0.1"])
def test_a_peer_elsewhere_is_refused_and_told_why(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not this machine" in refused(capsys, "--peer", f"before=http://{host}:8001")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--peer", "http://127.0.0.1:8001"],
        ["--peer", "before=127.0.0.1:8001"],
        ["--peer", "before=http://127.0.0.1:8001/recherche/"],
        ["--peer-cookie", "before=sessionid=x"],
        ["--only", "pages"],
        ["--sizes", "middle"],
        ["--database", "kept"],  # of which size?
        ["--sizes", "small", "--database", 'x"; drop'],
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *arguments)


def test_options_reach_the_process_of_a_size_unchanged() -> None:
    given = ["--sizes", "small", "--database", "kept", "--peer", "before=http://127.0.0.1:8001"]
    found = options.parse([*given, "--peer-cookie", "before=sessionid=a=b"])
    assert found.peers[0].cookie == "sessionid=a=b"
    assert found.keep
    assert options.Options.from_json(found.to_json()) == found


def test_pages_are_chosen_by_words_of_their_names() -> None:
    some = options.parse(["--page", "request", "--page", "!log"])
    names = ("request list", "request log", "dataset")
    assert [name for name in names if some.wants(name)] == ["request list"]
    assert all(options.parse([]).wants(name) for name in names)


def test_a_percentile_is_one_of_the_values() -> None:
    assert tables.percentile([5.0], 0.95) == 5.0
    assert tables.percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert tables.percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    with pytest.raises(ValueError, match="nothing"):
        tables.percentile([], 0.5)


def test_a_ratio_above_one_is_ours_ahead_and_needs_both() -> None:
    assert tables.ratio(10.0, 25.0, more_is_better=False) == "2.50x"
    assert tables.ratio(50.0, 25.0, more_is_better=True) == "2.00x"
    assert tables.ratio(10.0, None, more_is_better=False) is None
    assert tables.shown(None) == "–"


def test_rounds_add_up() -> None:
    total = Measure()
    for seconds in (1.0, 3.0):
        total.add(Measure(times=[10.0, 20.0], seconds=seconds, statuses={200}, size=7))
    assert (total.rate, total.p50, total.p95, total.size) == (1.0, 10.0, 20.0, 7)


def test_our_session_goes_to_a_guichet_and_to_no_other_site() -> None:
    """A known peer is another product: it is given its own cookie or nothing."""
    peers = [Peer("before", "http://127.0.0.1:1"), Peer(COLDFRONT, "http://127.0.0.1:2")]
    ours, before, other = places("http://127.0.0.1:3", {SECRETARIAT: "sessionid=s"}, peers)
    assert ours.name == OURS
    assert before.target(INBOX) == Target(before.url, "/a-traiter/", "sessionid=s")
    assert other.target(INBOX) is None
    other.cookie = "sessionid=theirs"
    assert other.target(INBOX) == Target(other.url, "/requests", "sessionid=theirs")


def test_a_page_that_a_peer_has_not_is_left_out() -> None:
    assert Place(COLDFRONT, "http://127.0.0.1:2").target(Page("table", "/t/", NOBODY)) is None


def test_the_proxy_of_deploy_is_moved_to_loopback_and_its_own_folder(tmp_path: Path) -> None:
    text = site.proxy_configuration(8001, 8002, tmp_path)
    assert "listen 127.0.0.1:8001;" in text
    assert "server 127.0.0.1:8002;" in text
    assert "web:8000" not in text
    assert "/tmp/" not in text.replace(str(tmp_path), "")  # noqa: S108 (a word of that file)


def test_each_commit_plays_one_part_of_the_local_bench_and_three_play_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GUICHET_DEEP", raising=False)
    played = []
    for turn in range(3):
        monkeypatch.setattr(rotation, "_turn", lambda turn=turn: turn)
        played += (found := run_local.chosen(Namespace(share=True, parts=[])))
        assert len(found) == 1
    assert sorted(played) == sorted(run_local.PARTS)
    assert run_local.chosen(Namespace(share=False, parts=[])) == list(run_local.PARTS)


def test_a_page_whose_statements_grow_is_out_of_bounds() -> None:
    counts = {"inbox": (14, 14), "home": (4, 3), "log": (19, 20)}
    assert run_local.growing(counts) == ["log: 19 → 20"]

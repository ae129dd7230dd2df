"""Plays a tree's world, then asks it for everything it answers. Run in that tree by `run.py`.

    python -m golden.crawl play
    python -m golden.crawl ask OUT.jsonl SHARE SHARES

`golden` is a copy of this package, the same for both trees; all else is the tree's own. The world
lies in the run's folder (GUICHET_TEST_RUN); whoever asks has a copy of it.
"""

import gc
import io
import json
import logging
import os
import re
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from . import stillness


started = stillness.seconds_of_machine()
RUN = Path(os.environ["GUICHET_TEST_RUN"])
PLAYED = RUN / "world.json"
_known = json.loads(PLAYED.read_text()) if PLAYED.exists() else {}
# Before Django, which takes its clocks and ids from there.
stillness.hold(datetime.fromisoformat(_known["now"]) if _known else stillness.START)

import django  # noqa: E402


django.setup()

import typst  # noqa: E402
from celery import current_app  # noqa: E402
from django.apps import apps  # noqa: E402
from django.core import mail  # noqa: E402
from django.core.management import (  # noqa: E402
    call_command,
    get_commands,
    load_command_class,
)
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.support.client import aged, client_for  # noqa: E402

from . import masks as masking  # noqa: E402
from .addresses import Filler, in_order  # noqa: E402
from .pages import Crawl  # noqa: E402
from .visit import Record, Sent, Visitor  # noqa: E402
from .world import Played, model, of_tests  # noqa: E402


VISITOR = "visiteur"
OWN = {"portal", "catalog", "requests_app"}


def say(text: str) -> None:
    sys.stderr.write(f"{stillness.seconds_of_machine() - started:6.0f} s  {text}\n")
    sys.stderr.flush()


def said_by(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=out)
    return out.getvalue()


# --- the world ------------------------------------------------------------------------------------


def play() -> None:
    Sent()
    for command in ("migrate", "seed_demo", "reindex"):
        call_command(command, verbosity=0, stdout=io.StringIO())
    say("demonstration loaded")
    mail.outbox = []
    world = Played(current_app)
    world.play()
    mails = [
        {"subject": one.subject, "to": one.to, "from": one.from_email, "body": one.body}
        | {"headers": one.extra_headers, "files": [str(name) for name in one.attachments]}
        for one in mail.outbox
    ]
    now = timezone.now().isoformat()
    PLAYED.write_text(json.dumps({"now": now, "mails": mails, "files": len(world.stories)}))
    say(f"world played: {len(world.stories)} files more, {len(mails)} mails")


# --- what it is asked -----------------------------------------------------------------------------


def names_of_rows() -> dict[str, str]:
    """Each row that has a long id, by its table and its place in it."""
    names = {}
    for kind in apps.get_models():
        if kind._meta.pk.get_internal_type() == "UUIDField":
            label = kind._meta.model_name
            for number, key in enumerate(in_order(kind._meta.label), start=1):
                names[key.hex] = f"{label}#{number}"
    return names


def admit_everybody(visitor: Visitor) -> None:
    """Everybody, with the second factor just passed; some without, or long ago."""
    visitor.admit(VISITOR, Client())
    for person in model("accounts.User").objects.order_by("username"):
        visitor.admit(person.username, client_for(person, verified=True))
    for name in ("secretariat", "admin"):
        person = model("accounts.User").objects.get(username=name)
        visitor.admit(f"{name} (sans second facteur)", client_for(person))
    person = model("accounts.User").objects.get(username="juriste")
    visitor.admit("juriste (second facteur ancien)", aged(client_for(person, verified=True)))


def verbs_of(text: str) -> dict[str, list[str]]:
    """Moves by kind of stage, and the request's, from the page that describes the machines."""
    found: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in text.splitlines():
        if line.startswith("#"):
            kind = re.search(r"Stage of kind `(\w+)`", line)
            section = kind.group(1) if kind else ""
            section = "request" if line == "## The request" else section
        elif (match := re.match(r"\| (\w+) \| ", line)) and section and match[1] != "Move":
            found[section].append(match[1])
    return dict(found)


def own_commands() -> list[str]:
    """Commands of the product, wherever they live."""
    known = get_commands().items()
    return sorted(name for name, app in known if app.split(".")[0] in OWN)


def write_mails(record: Record) -> list[str]:
    """Each mail of the world; the addresses that they lead to."""
    links = []
    for number, one in enumerate(_known["mails"], start=1):
        lines = [f"{name}: {one[name]}" for name in ("from", "to", "headers", "files")]
        text = "\n".join([one["subject"], *lines, one["body"]])
        record.write(f"mail {number}", status="mail", text=record.masks.text(text))
        links += re.findall(r"https?://[^/\s]+(/\S+)", one["body"])
    return links


def ask(out: Path, share: int, shares: int) -> None:
    typst.compile = masking.once(typst.compile)  # type: ignore[assignment]
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)  # a fifth of the time otherwise
    with out.open("w") as stream:
        masks = masking.Masks({str(Path.cwd()): "‹tree›", str(RUN): "‹run›"})
        masks.learn(names_of_rows())
        record = Record(stream, masks)
        visitor = Visitor(record, Sent())
        admit_everybody(visitor)
        workflow = said_by("describe_workflow")
        record.write("workflow.md", status="text", text=workflow)
        described = of_tests("describe.py").describe()["json"].decode()
        record.write("OpenAPI, from the views", status="text", text=described)
        for name in own_commands():
            told = get_commands()[name]
            usage = load_command_class(told, name).create_parser("manage.py", name).format_help()
            record.write(f"manage.py {name} --help", status="text", text=usage)
        links = write_mails(record)
        crawl = Crawl(visitor, record, Filler(links, verbs_of(workflow)), say, share, shares)
        crawl.all()
        summary = {
            "addresses": len(crawl.addresses),
            "accounts": len(visitor.accounts),
            "statuses": dict(sorted(record.statuses.items())),
            "statements": record.statements,
            "mails": len(_known["mails"]),
            "seconds": stillness.seconds_of_machine() - started,
            "processor": sum(os.times()[:2]),
            "uncrawled": crawl.uncrawled,
        }
        stream.write(json.dumps({"summary": summary}) + "\n")


def main() -> None:
    logging.disable(logging.WARNING if sys.argv[1] == "play" else logging.CRITICAL)
    current_app.loader.import_default_modules()
    if sys.argv[1] == "play":
        play()
    else:
        ask(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))


if __name__ == "__main__":
    main()

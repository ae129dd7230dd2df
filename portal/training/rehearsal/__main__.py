"""In a process of its own, on a database of its own (`procedure_dry_run` starts it): JSON."""

import json
import logging
import os
import sys
import threading
from datetime import date

import django


def end_with_who_started() -> None:
    """Its pipe ends with it, however it ends: nobody would read what is found."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(code: str, version: str, day: str) -> None:
    django.setup()
    # What follows needs the models, which are there from here on.
    from django.apps import apps
    from django.conf import settings
    from django.core.management import call_command

    from requests_app.procedures import registry

    from .courses import as_data, rehearse

    logging.disable(logging.WARNING)
    # Tables as the models are now: an empty database has no use for their history.
    settings.MIGRATION_MODULES = {one.label: None for one in apps.get_app_configs()}
    call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
    found = rehearse(registry.get(code, int(version)), date.fromisoformat(day))
    json.dump(as_data(found), sys.stdout, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    end_with_who_started()
    main(*sys.argv[1:])

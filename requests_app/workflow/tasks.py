"""Celery tasks of the workflow: hints and sweeps; the truth is in the rows."""

import logging

from celery import shared_task

from requests_app import decisions

from . import clock


logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def fire_due() -> None:
    """Every 5 s: clocks that have ended, openings and uses that end, documents to make."""
    clock.run_due()
    make_documents()


def make_documents() -> int:
    """PDF of the opinions that have none yet; one that fails does not keep the others waiting."""
    made = 0
    for opinion_id in decisions.opinions_without_document():
        try:
            made += decisions.write_opinion_document(opinion_id)
        except Exception:
            logger.exception("the document of opinion %s could not be made", opinion_id)
    return made

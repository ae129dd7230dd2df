"""Documents that are made from the code say what the code does."""

from pathlib import Path

from django.conf import settings

from requests_app.workflow.describe import describe


def test_the_committed_workflow_page_is_the_present_one() -> None:
    """`make docs` rewrites it: a change of a machine or of a procedure shows in the review."""
    assert (Path(settings.BASE_DIR) / "docs" / "workflow.md").read_text() == describe()

"""A form that its page could not send, or whose names its model keeps, is refused when read."""

from pathlib import Path

import pytest
from django.conf import settings
from pydantic import BaseModel

from requests_app.procedures import forms, reading
from requests_app.procedures.questions.base import MOST_INPUTS


HELD = sorted(
    name
    for name in dir(BaseModel)
    if name.isidentifier() and not name.startswith("_") and "__" not in name
)
WORDS = """code = "eye"
version = 1
title = "x"
[[sections]]
code = "{section}"
slug = "a"
label = "A"
[[sections.questions]]
code = "{question}"
type = "table"
label = "L"
max_rows = {rows}
columns = [{columns}]
"""


def faults(folder: Path, *, columns: int = 1, column: str = "c", **said: object) -> list[str]:
    path = folder / "eye-1.toml"
    cells = ", ".join(
        f'{{ code = "{column}{number or ""}", type = "short_text", label = "c" }}'
        for number in range(columns)
    )
    given = {"section": "a", "question": "t", "rows": 50, "columns": cells} | said
    path.write_text(WORDS.format(**given), encoding="utf-8")
    form, found = reading.form(path)
    assert (form is None) == bool(found)
    if form is not None:
        form.whole({})
        form.json_schema()
    return [str(one) for one in found]


@pytest.mark.parametrize("place", ["section", "question", "column"])
@pytest.mark.parametrize("name", HELD)
def test_no_place_has_a_name_that_what_stores_it_keeps(
    tmp_path: Path, place: str, name: str
) -> None:
    told = faults(tmp_path, **{place: name})  # type: ignore[arg-type]
    assert [one for one in told if f"{name!r} is a name that what stores" in one], told


def test_a_form_has_no_page_that_could_not_be_sent(tmp_path: Path) -> None:
    assert MOST_INPUTS == settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    told = faults(tmp_path, columns=12, rows=200)
    assert [
        one for one in told if "eye-1.toml:4: sections.0: " in one and "smaller max_rows" in one
    ]
    assert faults(tmp_path, columns=12, rows=80) == []


def test_every_form_on_file_can_be_sent() -> None:
    for form in forms.everything():
        for section in form.filled_in:
            assert sum(question.inputs for question in section.answers) < MOST_INPUTS

"""Forms are files: what is built from one, whatever it asks, and what a wrong one is told."""

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation
from pydantic import ValidationError

from requests_app.counter.forms.questions import CONTROLS
from requests_app.procedures import forms, questions, reading
from requests_app.procedures.form import ROLES, Form
from requests_app.procedures.questions import TYPES
from requests_app.procedures.questions.base import PAGE_INPUTS
from requests_app.rights.visibility import ALL_PARTS
from tests.support import odd_form
from tests.support.factories import full_content


FILES = [*sorted(forms.FOLDER.glob("*.toml")), odd_form.FILE]
TODAY = forms.get("fr-acces", 1)
ODD = odd_form.odd_form()


def facts(content: dict[str, Any], form: Form = ODD, **datasets: Any) -> dict[str, Any]:
    return form.whole(content) | {"orientation": {}, "datasets": datasets}


def lacking(content: dict[str, Any], form: Form = ODD, **datasets: Any) -> list[str]:
    known = facts(content, form, **datasets)
    found = [*form.lacks(known), *form.faults_of(known)]
    return [f"{path}.{lack.place}".rstrip(".") for path, lack in found]


def changed(content: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another answer."""
    new = copy.deepcopy(content)
    section, question = path.split(".")
    new.setdefault(section, {})[question] = value
    return new


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_loads_and_lies_in_parts_that_readers_have(path: Path) -> None:
    form = forms.load(path)
    assert form.whole({}) == form.empty
    assert json.loads(json.dumps(form.empty)) == form.empty
    for section, question in form.pairs():
        assert section.part_of(question) in ALL_PARTS, question.code


def test_every_type_is_asked_by_the_odd_form_and_has_its_controls() -> None:
    asked = {question.type for section in ODD.sections for question in section.questions}
    assert set(TYPES) == set(CONTROLS)
    assert asked == set(TYPES) - {"data_specification"}
    assert "data_specification" in {question.type for _section, question in TODAY.pairs()}


def test_what_is_stored_is_described_by_the_schema() -> None:
    schema = ODD.json_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    section = schema["$defs"]["Section_moyens"]["properties"]
    assert section["sites"]["maxItems"] == 4
    assert section["cout"]["title"] == "Coût prévu"
    row = schema["$defs"]["Row_sites"]["properties"]
    assert row["rang"]["enum"] == ["", "pilote", "associe"]
    assert set(schema["properties"]) == {"projet", "moyens", "accord"}
    assert "statement" not in json.dumps(schema)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("projet.nom_court", "x" * 41),
        ("projet.nature", "autre"),
        ("projet.donnees_sensibles", ["autre"]),
        ("projet.suivi", "peut-être"),
        ("moyens.mois", 61),
        ("moyens.cout", "12,5"),
        ("moyens.periode", {"from_day": "hier"}),
        ("moyens.contact", {"nom": "x"}),
        ("moyens.sites", [{"nom": "Nord", "couleur": "bleu"}]),
        ("moyens.sites", [odd_form.site(str(n), n) for n in range(5)]),
        ("accord.charte", {"undertaking": "oui, mais"}),
    ],
)
def test_a_wrong_shape_is_never_stored(path: str, value: Any) -> None:
    section = path.partition(".")[0]
    with pytest.raises(ValidationError):
        ODD.cleaned(section, changed(odd_form.answers(), path, value)[section])


def test_all_that_is_required_is_told_and_nothing_that_is_not_asked() -> None:
    assert lacking({}) == [
        "projet.nom_court",
        "projet.resume",
        "projet.nature",
        "projet.suivi",
        "moyens.organisme.name",
        "moyens.contact.name",
        "moyens.periode.from_day",
        "moyens.mois",
        "moyens.sites.0.nom",
        "accord.charte.undertaking",
    ]
    assert lacking(odd_form.answers()) == []


def test_no_is_an_answer_and_yes_asks_more_where_one_of_several_answers_holds() -> None:
    content = changed(odd_form.answers(), "projet.suivi", True)
    assert lacking(content) == ["projet.suivi_detail"]
    content = changed(content, "projet.donnees_sensibles", [])
    assert lacking(content) == []  # neither an intervention nor sensitive data
    content = changed(content, "projet.nature", "intervention")
    assert lacking(content) == ["projet.suivi_detail"]


def test_each_item_chosen_is_justified() -> None:
    content = changed(odd_form.answers(), "projet.donnees_sensibles", ["genetique", "adresse"])
    assert lacking(content) == ["projet.pourquoi_adresse.justification"]
    question = ODD.section("projet").answers[5]
    assert (question.code, str(question.label)) == (
        "pourquoi_adresse",
        "Pourquoi – adresse précise",
    )


def test_cells_that_a_row_lacks_and_rows_that_say_the_same_are_told_at_their_cell() -> None:
    rows = [odd_form.site("Nord", 1), odd_form.site("nord", None), odd_form.site("", None)]
    content = changed(odd_form.answers(), "moyens.sites", rows)
    assert lacking(content) == ["moyens.sites.1.nom", "moyens.sites.1.patients"]
    said = [str(fault.label) for _path, fault in ODD.faults_of(facts(content))]
    assert said[0] == "Sites participants, ligne 2, Nom du site : déjà à la ligne 1"
    assert said[1] == "Sites participants, ligne 2, Patients : à remplir"


def test_a_period_that_ends_before_it_starts_is_told() -> None:
    backwards = {"from_day": "2027-12-31", "until_day": "2027-01-01"}
    content = changed(odd_form.answers(), "moyens.periode", backwards)
    assert lacking(content) == ["moyens.periode.until_day"]


def test_what_is_not_asked_is_not_frozen() -> None:
    content = changed(odd_form.answers(), "projet.suivi_detail", "Tous les mois.")
    content["moyens"]["sites"].insert(1, odd_form.site("", None))
    frozen = ODD.asked_only(content, facts(content))
    assert frozen["projet"]["suivi_detail"] == ""
    assert [row["nom"] for row in frozen["moyens"]["sites"]] == ["Nord", "Sud"]
    assert content["projet"]["suivi_detail"] == "Tous les mois."  # the draft keeps it


def chain(**more: Any) -> Form:
    """Each question asked by the answer before; the last is a day not before another one."""

    def one(code: str, type: str = "yes_no", **rest: Any) -> dict[str, Any]:
        return {"code": code, "type": type, "label": code.upper()} | rest

    def when(code: str) -> dict[str, Any]:
        return {"when": [{"fact": f"s.{code}", "equals": True}]}

    asked = [
        one("a"),
        one("b", **when("a")),
        one("d", "short_text", required=True, **when("b")),
        one("e", "date", **when("a")),
        one("f", "date", at_least={"field": "s.e", "missing": "F avant E"}),
        one("g", "short_text", when=[{"fact": "s.b", "filled": False}]),
        *(one(code, **rest) for code, rest in more.items()),
    ]
    section = {"code": "s", "slug": "s", "label": "S", "questions": asked}
    return Form.model_validate({"code": "c", "version": 1, "title": "T", "sections": [section]})


def test_an_answer_that_is_not_asked_asks_and_bounds_nothing() -> None:
    said = {"a": True, "b": True, "d": "", "e": "2030-01-01", "f": "2029-01-01", "g": "dit"}
    form = chain()
    assert lacking({"s": said}, form) == ["s.d", "s.f"]
    content = {"s": said | {"a": False, "d": "reste"}}
    assert lacking({"s": said | {"a": False}}, form) == []
    frozen = form.asked_only(content, facts(content, form))["s"]
    assert [frozen[code] for code in "abdef"] == [False, None, "", None, "2029-01-01"]
    assert frozen["g"] == "dit"  # asked again, as what hid it is not asked
    assert form.left_out(content, facts(content, form)) == ["s.b", "s.d", "s.e"]


def test_questions_that_ask_each_other_by_turns_settle() -> None:
    form = chain(
        x={"when": [{"fact": "s.y", "filled": False}]},
        y={"when": [{"fact": "s.x", "filled": True}]},
    )
    settled = form.settled(facts({"s": {"x": True, "y": True}}, form))
    assert settled == form.settled(settled)


def test_an_answer_left_out_as_nothing_asks_for_it_is_no_change() -> None:
    old = ODD.whole(changed(odd_form.answers(), "projet.suivi_detail", "Signé."))
    new = ODD.whole(odd_form.answers())
    again = [section.code for section in ODD.changed(old, new, signed_again=True)]
    assert again == ["projet"]  # the person emptied it
    new["left_out"] = ["projet.suivi_detail"]
    assert ODD.changed(old, new, signed_again=True) == []
    assert [*ODD.differences(old, new)] == []


def differences(path: str, value: Any) -> list[tuple[str, str, str]]:
    before = odd_form.answers()
    found = ODD.differences(before, changed(before, path, value))
    return [(one.what.label, one.what.before, one.what.after) for one in found]


def test_a_table_differs_by_its_cells() -> None:
    sites = odd_form.answers()["moyens"]["sites"]
    moved = [sites[0], sites[1] | {"patients": 25, "rang": "pilote"}]
    assert differences("moyens.sites", moved) == [
        ("Sites participants, ligne 2, Patients", "20", "25"),
        ("Sites participants, ligne 2, Rang", "", "pilote"),
    ]
    assert differences("moyens.sites", sites[1:]) == [
        ("Sites participants, ligne 1 retirée", "Nord – 10", "")
    ]
    first = [odd_form.site("Est", 5, budget="10.00"), *sites]
    assert differences("moyens.sites", first) == [
        ("Sites participants, ligne 1 ajoutée", "", "Est – 5 – 10,00\u202f€")
    ]
    assert differences("moyens.sites", copy.deepcopy(sites)) == []


def test_every_other_answer_differs_in_words() -> None:
    assert differences("moyens.cout", "0.99") == [
        ("Coût prévu", "1\u202f200,50\u202f€", "0,99\u202f€")
    ]
    assert differences("projet.suivi", True) == [("Un suivi est-il prévu ?", "non", "oui")]
    ((_label, before, after),) = differences(
        "moyens.periode", {"from_day": None, "until_day": None}
    )
    assert (before, after) == ("du 1 janvier 2027 au 31 décembre 2027", "")


def test_texts_are_said_in_english_where_the_file_has_it() -> None:
    with translation.override("en"):
        read = ODD.readable(odd_form.answers())
    labels = [label for section in read for label, _words in section.facts]
    assert read[0].label == "The project"
    assert labels[:3] == ["Short name", "Résumé", "Kind of study"]
    assert read[1].grids[0].head[:2] == ["Site", "Patients"]


def test_who_reads_an_answer_is_said_by_its_part() -> None:
    content = ODD.whole(odd_form.answers())
    holder = ODD.read_by(content, frozenset({"purpose", "summary"}))
    assert set(holder) == {"projet"}
    assert set(ODD.read_by(content, frozenset({"summary"}))["projet"]) == {"resume"}
    assert "cout" not in ODD.read_by(content, frozenset({"content"}))["moyens"]
    assert set(ODD.read_by(content, frozenset({"notes"}))["moyens"]) == {"cout"}


def test_only_what_is_signed_again_asks_for_a_signature() -> None:
    old = ODD.whole(odd_form.answers())

    def again(path: str, value: Any) -> list[str]:
        new = ODD.whole(changed(old, path, value))
        return [section.code for section in ODD.changed(old, new, signed_again=True)]

    assert again("moyens.mois", 13) == ["moyens"]
    assert again("moyens.cout", "1.00") == []
    assert again("accord.charte", {"undertaking": False, "reason": ""}) == []
    assert again("projet.nom_court", "AUTRE") == ["projet"]


def test_another_form_takes_over_what_has_its_place_and_shape() -> None:
    content = full_content([])
    assert ODD.taken_over(content) == ODD.empty
    kept = TODAY.taken_over({**content, "duration": {"months": "beaucoup", "autre": 1}})
    assert kept["purpose"]["summary"] == content["purpose"]["summary"]
    assert kept["duration"] == {"months": None, "wished_start": None}


@pytest.mark.parametrize(
    ("question", "given", "kept"),
    [
        ("organisme", {"name": "CHU", "siret": "1"}, {"name": "CHU"}),
        ("contact", {"name": "A", "phone": "1", "function": 3}, {"name": "A"}),
        ("contact", {"phone": "1"}, {}),
        ("contact", "quelqu’un", {}),
        (
            "periode",
            {"from_day": "2027-01-01", "until_day": "un jour"},
            {"from_day": "2027-01-01"},
        ),
        (
            "sites",
            [odd_form.site("Nord", 10, lits=3, chefs=1), 7, odd_form.site("Sud", 2, lits="4")],
            [odd_form.site("Nord", 10), odd_form.site("Sud", 2)],
        ),
    ],
)
def test_an_answer_taken_over_lacks_only_what_the_form_does_not_take(
    question: str, given: Any, kept: Any
) -> None:
    found = ODD.taken_over({"moyens": {question: given}})["moyens"]
    empty = ODD.empty["moyens"][question]
    assert found[question] == (kept if isinstance(kept, list) else {**empty, **kept})
    assert found == {**ODD.empty["moyens"], question: found[question]}


def test_a_form_without_a_role_has_no_such_answer() -> None:
    assert ODD.rows(odd_form.answers()) == []
    assert ODD.value(odd_form.answers(), "delivery_mode") is None
    assert ODD.value(odd_form.answers(), "access_months") == 12
    assert {role for role in ROLES if TODAY.of_role(role) is None} == set()


def raw() -> dict[str, Any]:
    return tomllib.loads(odd_form.FILE.read_text(encoding="utf-8"))


def _broken(fault: str) -> dict[str, Any]:
    data = raw()
    project, means = data["sections"][0]["questions"], data["sections"][1]["questions"]
    match fault:
        case "type":
            project[0]["type"] = "colour"
        case "condition":
            project[6]["when"][0]["fact"] = "projet.sui"
        case "role":
            project[0]["role"] = "summary"
        case "unknown role":
            project[0]["role"] = "king"
        case "role twice":
            project.append(project[1] | {"code": "encore"})
        case "question twice":
            project.append(project[0])
        case "slug twice":
            data["sections"][1]["slug"] = "le-projet"
        case "reserved":
            data["sections"][1]["code"] = "pieces"
        case "name of the page":
            project[0]["code"] = "base"
        case "two underscores":
            means[-1]["columns"][0]["code"] = "nom__site"
        case "left out":
            data["sections"][1]["code"] = "left_out"
        case "option twice":
            project[2]["options"].append(project[2]["options"][0])
        case "unknown column":
            means[-1]["unique"] = ["couleur"]
        case "column of a column":
            means[-1]["columns"][0]["type"] = "table"
        case "bounds":
            means[5]["low"] = 99
        case "text":
            project[0]["label"] = {"en": "Short name"}
        case "key":
            project[0]["colour"] = "red"
        case "group":
            data["sections"][1]["groups"][0]["questions"] = ["absent"]
        case "no question":
            data["sections"][2]["questions"] = []
        case "item":
            project[4]["of"] = "projet.nature_autre"
        case "part":
            project[0]["part"] = "nots"
        case "part of a section":
            data["sections"][1]["part"] = "contents"
        case "published":
            project[1]["part"] = "notes"
        case _:
            raise LookupError(fault)
    return data


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("type", "no type 'colour': one of amount, choice"),
        ("condition", "names 'projet.sui', which no question of this form holds"),
        ("role", "projet.nom_court: role 'summary' is not for type 'short_text'"),
        ("unknown role", "no role 'king'"),
        ("role twice", "role 'summary' is already that of projet.resume"),
        ("question twice", "section 'projet': a question is named twice"),
        ("slug twice", "section slug 'le-projet' is named twice"),
        ("reserved", "section code 'pieces' is a name that a version keeps for itself"),
        ("name of the page", "'base' is a name that the page keeps for itself"),
        ("two underscores", "'nom__site': one underscore between words"),
        ("left out", "section code 'left_out' is a name that a version keeps for itself"),
        ("option twice", "question 'nature': an option is named twice"),
        ("unknown column", "table 'sites': no column couleur"),
        ("column of a column", "question 'sites': columns.0"),
        ("bounds", "question 'mois': high is below low"),
        ("text", "question 'nom_court': label"),
        ("key", "question 'nom_court': colour"),
        ("group", "section 'moyens': no question absent"),
        ("no question", "section 'accord': a section has questions"),
        ("item", "question 'pourquoi': name an item, or a choice of this section"),
        ("part", "projet.nom_court: no part 'nots': one of acts, card"),
        ("part of a section", "section 'moyens': no part 'contents'"),
        ("published", "projet.resume: role 'summary' is published, and part 'notes' is not public"),
    ],
)
def test_a_wrong_file_is_told_where_and_what(
    fault: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _broken(fault)
    monkeypatch.setattr(reading.tomllib, "loads", lambda _text: data)
    with pytest.raises(forms.FormError) as error:
        forms.load(odd_form.FILE)
    assert words in str(error.value)
    assert "insolite-1.toml" in str(error.value)


def test_every_input_of_the_page_of_a_section_is_a_name_that_no_question_has() -> None:
    """Read from its templates; those that they include hold no other."""
    folder = settings.BASE_DIR / "templates"
    files = [
        folder / "requests_app" / "draft" / "step.html",
        folder / "requests_app" / "row_button.html",
        *(folder / "requests_app" / "questions").glob("*.html"),
    ]
    named = {name for path in files for name in re.findall(r' name="([^"{]*)"', path.read_text())}
    assert {"base", "revision", "save", "next", "import", "mend", "add_row"} <= named
    assert named <= PAGE_INPUTS
    for name in PAGE_INPUTS:
        with pytest.raises(ValueError, match="is a name that the page keeps for itself"):
            questions.read({"code": name, "type": "yes_no", "label": "X"})


GIVEN: dict[str, Any] = {
    "part": "notes",
    "role": "summary",
    "marks": False,
    "sign_again": False,
    "missing": "Autrement dit",
    "required": True,
    "when": [{"fact": "projet.suivi", "equals": True}],
    "when_any": [{"fact": "projet.suivi", "equals": True}],
    "required_when": [{"fact": "projet.suivi", "equals": True}],
}


@pytest.mark.parametrize(("inside", "heard"), [("columns", {"required"}), ("more", set())])
@pytest.mark.parametrize("name", GIVEN)
def test_what_would_be_ignored_inside_an_answer_is_refused(
    name: str, inside: str, heard: set[str]
) -> None:
    """A part given to one place of an organisation would be read as part of the whole of it."""
    data = tomllib.loads(odd_form.FILE.read_text())
    means = data["sections"][1]["questions"]
    one = {"code": "encore", "type": "short_text", "label": "Encore"}
    at = means[-1] if inside == "columns" else means[1]
    at[inside] = [*at.get(inside, ()), one]
    Form.model_validate(data)
    one[name] = GIVEN[name]
    if name in heard:
        Form.model_validate(data)
        return
    with pytest.raises(ValidationError) as error:
        Form.model_validate(data)
    assert f"question {at['code']!r}" in str(error.value) or "table 'sites'" in str(error.value)
    assert "'encore'" in str(error.value)


def test_a_column_is_compared_with_no_other_answer() -> None:
    data = tomllib.loads(odd_form.FILE.read_text())
    opened = data["sections"][1]["questions"][-1]["columns"][2]
    assert opened["type"] == "date"
    opened["at_least"] = {"field": "moyens.debut", "missing": "Après le premier recueil"}
    with pytest.raises(ValidationError, match="columns 'ouverture': 'at_least' says nothing here"):
        Form.model_validate(data)


@pytest.mark.parametrize("name", sorted(GIVEN.keys() - {"when", "when_any"}))
def test_words_to_read_take_nothing_that_is_said_of_an_answer(name: str) -> None:
    data = tomllib.loads(odd_form.FILE.read_text())
    data["sections"][1]["questions"][0][name] = GIVEN[name]
    with pytest.raises(ValidationError, match=f"question 'lire': '{name}' says nothing here"):
        Form.model_validate(data)


@pytest.mark.django_db
def test_a_form_that_is_gone_is_a_fault() -> None:
    with pytest.raises(forms.UnknownForm):
        forms.get("fr-acces", 99)

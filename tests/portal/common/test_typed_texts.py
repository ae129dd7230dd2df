"""What people type: numbers with their layout, names that can be seen."""

import unicodedata
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import CharField
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.accounts.admin.organisations import OrganisationAdmin
from portal.accounts.forms import IdentityForm, RegistrationForm
from portal.accounts.models import Organisation, Role, User
from portal.common.digits import has_digit, is_digits, whole_number
from portal.common.fields import LineField, NameField, WholeNumberField
from portal.common.fold import folded, has_letter, heaped, one_line, plain_address
from requests_app.counter.forms.basket import YearsForm
from requests_app.counter.forms.draft import TitleForm
from requests_app.counter.forms.fields import line as draft_line
from requests_app.counter.forms.fields import number
from requests_app.counter.forms.orientation import StartForm
from requests_app.counter.forms.signature import SignForm
from tests.support.client import client_for
from tests.support.people import a_person, with_role


NNBSP, THIN = "\u202f", "\u2009"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("12000", 12000),
        ("12 000", 12000),
        ("10²", None),
        ("㉑", None),
        (f"12{NNBSP}000", 12000),
        ("12\xa0000", 12000),
        (f"1{THIN}234{THIN}567", 1234567),
        ("12.000", 12000),
        (" 7 ", 7),
        ("-3", -3),
        ("\uff11\uff12", 12),
        ("12 00", None),
        ("1 2345", None),
        ("1.5", None),
        ("12,5", None),
        ("1 000.000", None),
        ("١٢", None),
        ("१२", None),
        ("1_0", None),
        ("0x10", None),
        ("1e3", None),
        ("", None),
        ("9" * 16, None),
    ],
)
def test_a_whole_number_is_read_with_its_spaces(typed: str, read: int | None) -> None:
    assert whole_number(typed) == read


@pytest.mark.parametrize("text", ["²", "١", "①", "Ⅻ", "", "1 ", "-1"])
def test_other_digits_are_no_digits(text: str) -> None:
    assert not is_digits(text)
    assert not has_digit(text.replace("1", ""))


def test_each_form_that_asks_a_number_reads_it_so() -> None:
    fields: list[Any] = [
        number(low=0, high=10**9),
        YearsForm.base_fields["year_from"],
        SignForm.base_fields["version"],
    ]
    for field in fields:
        assert isinstance(field, WholeNumberField)
        with pytest.raises(ValidationError):
            field.clean("١٩٩٩")
    assert fields[0].clean("12 000") == 12000
    assert fields[1].clean("2018") == 2018
    assert 'type="text"' in str(YearsForm()["year_from"])
    assert 'inputmode="numeric"' in str(YearsForm()["year_from"])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u202eecila", "ecila"),
        ("A\u200blix", "Alix"),
        ("\ufeffDupont\u2060", "Dupont"),
        ("Ma\u00adrie", "Marie"),
        ("\u2066Jean\u2069 Martin", "Jean Martin"),
        ("a\tb\r\nc\0d", "a b cd"),
        ("e\u0301lodie", "élodie"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("\u200dAlix\u200c", "Alix"),
        ("L’étude\xa0: suite", "L’étude\xa0: suite"),
        ("\U000e0041Alix", "Alix"),
        ("Al\u200dix", "Alix"),
        ("د\u200cا", "د\u200cا"),
        ("ה\u200cב", "הב"),
        ("ệ".join("ab"), "aệb"),
        (unicodedata.normalize("NFD", "Nguyễn Thị Lệ"), "Nguyễn Thị Lệ"),
        (unicodedata.normalize("NFD", "Anaïs Lefèvre-Çağlar"), "Anaïs Lefèvre-Çağlar"),
        ("e\u034f\u0301", "é"),
        ("a" + "\u0301" * 30 + "b", "á\u0301\u0301\u0301b"),
        ("e" + "\u034f\u0323" * 9, "ẹ\u0323\u0323\u0323"),
        ("בְּרֵאשִׁ֖ית", unicodedata.normalize("NFC", "בְּרֵאשִׁ֖ית")),
        ("مُحَمَّد", unicodedata.normalize("NFC", "مُحَمَّد")),
        ("བསྒྲུབས་", "བསྒྲུབས་"),
        ("မြွှေး", "မြွှေး"),
        ("❤\ufe0f", "❤"),
    ],
)
def test_a_line_keeps_what_is_seen(typed: str, kept: str) -> None:
    assert one_line(typed) == kept


# Default_Ignorable_Code_Point, private use, unassigned, and signs that are blank.
HIDDEN = [
    *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u200b\u200c\u200d",
    *"\u200e\u200f\u202a\u202e\u2060\u2064\u2065\u2066\u206f\u3164\ufe00\ufe0f\ufeff\uffa0\ufff0\ufff8",
    *"\U0001bca0\U0001bca3\U0001d173\U0001d17a\U000e0000\U000e0001\U000e0080\U000e0100\U000e01ef",
    *"\U000e01f0\U000e0fff\ue000\uf8ff\U000f0000\U0010fffd\u0378\uffff\U000323b0\ud800\u2800",
    *"\U0001d159\U00016fe4",
]


def test_what_is_not_seen_is_neither_kept_nor_counted_nor_compared() -> None:
    for char in HIDDEN:
        assert one_line(f"A{char}b c{char}{char}") == "Ab c", ascii(char)
        assert one_line(char * 3) == "", ascii(char)
        assert not has_letter(char), ascii(char)
        assert folded(f"a{char}b") == "ab", ascii(char)
        assert plain_address(f"a{char}@b.fr") == "a@b.fr", ascii(char)
        with pytest.raises(ValidationError):
            NameField().clean(char)


@settings(max_examples=50)
@given(st.text(max_size=12))
def test_a_line_once_kept_stays_as_it_is(text: str) -> None:
    kept = one_line(text)
    assert one_line(kept) == kept
    assert not heaped(kept)


UNSEEN = ["\u200b", "\u202e", "\u3164", "\u2800", "\u00ad\u2060", "\ufeff", "...", "42", "\u0301"]


@pytest.mark.parametrize("typed", UNSEEN)
def test_a_name_needs_a_letter_that_shows(typed: str) -> None:
    with pytest.raises(ValidationError):
        NameField().clean(typed)
    form = IdentityForm({"first_name": typed, "last_name": "Martin"})
    assert set(form.errors) == {"first_name"}


def test_names_and_titles_of_every_form_are_such_fields() -> None:
    registration = RegistrationForm(email="a@b.fr")
    fields = [registration.fields[name] for name in ("first_name", "last_name", "title")]
    fields += [TitleForm.base_fields["title"], StartForm.base_fields["title"]]
    for field in fields:
        assert field.clean("\u202eAl\u200bix") == "Alix"
    assert draft_line("x").clean("\u202eRéf. 12") == "Réf. 12"
    assert registration.fields["username"].clean("alix\u3164") == "alix"


@pytest.mark.django_db
def test_the_administration_keeps_nothing_unseen_either(rf: Any) -> None:
    request = rf.get("/")
    request.user = with_role(Role.ADMINISTRATOR)
    from django.contrib import admin

    people, bodies = admin.site._registry[User], admin.site._registry[Organisation]
    edited = [one for one in admin.site._registry.values() if one.has_change_permission(request)]
    for kind in edited:  # each list, and the rows inside its forms
        for one in (kind, *kind.get_inline_instances(request)):
            for column in one.model._meta.fields:
                if type(column) is CharField and not column.choices and column.name != "siren":
                    field = one.formfield_for_dbfield(column, request)
                    assert field is None or isinstance(field, LineField), column
    assert isinstance(bodies, OrganisationAdmin)
    person = people.get_form(request, a_person())
    assert person.base_fields["last_name"].clean("\u202eecila") == "ecila"
    body = bodies.get_form(request)
    assert body.base_fields["name"].clean("CHU\u200b") == "CHU"
    assert body.base_fields["siren"].clean("732 829 320") == "732829320"
    assert "maxlength" not in body.base_fields["siren"].widget.attrs
    with pytest.raises(ValidationError):
        body.base_fields["siren"].clean("732829321")


@pytest.mark.django_db
def test_an_account_made_of_unseen_characters_is_refused_with_what_to_do() -> None:
    client = client_for(a_person())
    page = client.post("/compte/identite/", {"first_name": "\u200b", "last_name": "\u202eecila"})
    assert page.status_code == 200
    assert "Remplissez ce champ" in page.content.decode()

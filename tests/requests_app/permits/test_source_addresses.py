"""What a convention may declare as a person's addresses, in the form and in the act."""

import pytest

from requests_app.permits.source_addresses import AddressRefused, network
from requests_app.workflow.errors import TransitionRefused
from tests.support.factories import World


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("192.0.2.10", "192.0.2.10/32"),
        (" 192.0.2.77/24 ", "192.0.2.0/24"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("10.1.0.0/16", "10.1.0.0/16"),
    ],
)
def test_kept_as_a_network(text: str, kept: str) -> None:
    assert network(text) == kept


@pytest.mark.parametrize("text", ["0.0.0.0/0", "192.0.0.0/15", "::/0", "2001:db8::/31"])
def test_a_network_too_wide_is_no_fence(text: str) -> None:
    with pytest.raises(AddressRefused, match="trop large"):
        network(text)


@pytest.mark.parametrize("text", ["", "chez-moi.example", "192.0.2.300", "192.0.2.1/33"])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(AddressRefused, match="Écrivez par exemple"):
        network(text)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["0.0.0.0/0", "chez moi"])
def test_the_convention_itself_refuses_them(address: str) -> None:
    story = World().story().reach("convention")
    people = story.convention_payload()["addresses"]
    with pytest.raises(TransitionRefused, match=address.split("/")[0]):
        story.convention(addresses={key: [address] for key in people})

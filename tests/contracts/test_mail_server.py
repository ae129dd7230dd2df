"""Mail leaves through a real SMTP server, configured as an operator does: by EMAIL_URL."""

import json
import os
import urllib.request
from typing import Any

import environ
import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import override_settings


pytestmark = pytest.mark.engine("smtp")


@pytest.fixture
def smtp() -> Any:
    settings = environ.Env.email_url_config(os.environ["TEST_SMTP_URL"])
    request = urllib.request.Request(f"{os.environ['TEST_MAIL_HTTP']}/messages", method="DELETE")
    urllib.request.urlopen(request, timeout=5).read()
    with override_settings(**settings):
        yield settings


def received(to: str) -> list[dict[str, Any]]:
    address = f"{os.environ['TEST_MAIL_HTTP']}/messages?to={to}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        return list(json.load(answer))


def send(to: str) -> int:
    return EmailMessage(
        "Demande n° 2026-0001 : réponse attendue le 3 décembre",
        "Bonjour,\n\nL’avis est émis. À vous d’agir.",
        to=[to],
    ).send()


def test_french_text_arrives_whole(smtp: Any) -> None:
    assert send("chercheuse@labo.example") == 1
    (message,) = received("chercheuse@labo.example")
    assert message["subject"].strip() == "Demande n° 2026-0001 : réponse attendue le 3 décembre"
    assert "L’avis est émis. À vous d’agir." in message["text"]
    assert mail.outbox == []  # it went out, not into Django's test box


def test_a_refused_recipient_is_an_error_and_a_later_try_succeeds(smtp: Any) -> None:
    fault = f"{os.environ['TEST_MAIL_HTTP']}/fault?code=451&n=1"
    urllib.request.urlopen(urllib.request.Request(fault, method="POST"), timeout=5).read()
    with pytest.raises(OSError, match="451"):
        send("plus-tard@labo.example")
    assert received("plus-tard@labo.example") == []
    assert send("plus-tard@labo.example") == 1
    assert len(received("plus-tard@labo.example")) == 1

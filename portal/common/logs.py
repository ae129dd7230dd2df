"""What the log must not hold: the secret part of a link."""

import logging
import re


# Links that open an account or a place carry their token in the path, and the path of a request is
# written by Django's own loggers (answers above 399) and by the web server's access log.
_LINK = re.compile(r"(/compte/(?:invitation|inscription|adresse|mot-de-passe)/)[^\s?\"]+")


def without_tokens(text: str) -> str:
    """The text, such paths cut before their token."""
    return _LINK.sub(r"\1…", text)


class HideLinkTokens(logging.Filter):
    """Cuts the message, its arguments included."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        short = without_tokens(text)
        if short != text:
            record.msg, record.args = short, ()
        return True

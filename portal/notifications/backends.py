"""Mail into a folder, for the demo: one .eml per message, opened by any mail reader."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone


class EmlBackend(BaseEmailBackend):
    """Writes under `EMAIL_FILE_PATH`; a file appears whole or not at all."""

    def __init__(self, *args: Any, file_path: "str | Path | None" = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder = Path(file_path or settings.EMAIL_FILE_PATH)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for message in email_messages:
            stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S-%f")
            path = self.folder / f"{stamp}-{uuid.uuid4().hex[:6]}.eml"
            part = path.with_suffix(".part")
            part.write_bytes(message.message().as_bytes(linesep="\r\n"))
            part.rename(path)
        return len(email_messages)

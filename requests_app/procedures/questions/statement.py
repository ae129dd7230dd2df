"""Words to read, in their place among the questions; nothing is answered."""

from typing import ClassVar, Literal

from requests_app.procedures.texts import Text

from .base import Question, Shape


class Statement(Question):
    answered: ClassVar[bool] = False

    type: Literal["statement"]
    text: Text

    def shape(self) -> Shape:
        raise NotImplementedError

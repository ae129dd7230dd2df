"""One form per act: what a person fills in, turned into the payload of `workflow.engine.apply`.

A module per kind of stage, of its name, and one per subject for the verbs of a request; each form
names its verb. No list is kept: the modules here are found, and a verb that a person does without a
form stops the start.
"""

from importlib import import_module
from pkgutil import iter_modules

from requests_app.workflow.catalogue import public_names

from .base import ActForm


# Done on pages of their own, from the draft and the page of the signature.
ELSEWHERE = frozenset(
    {"ask_signature", "send_completion", "cancel_signature", "sign", "deposit_paper"}
)


def found() -> dict[str, type[ActForm]]:
    """Raises LookupError naming the verbs that have no form, or two, and forms of no verb."""
    forms: dict[str, type[ActForm]] = {}
    for module in sorted(one.name for one in iter_modules(__path__)):
        place = import_module(f"{__name__}.{module}")
        for form in vars(place).values():
            if isinstance(form, type) and issubclass(form, ActForm) and form.verb:
                if forms.setdefault(form.verb, form) is not form:
                    raise LookupError(f"verb {form.verb!r}: two forms")
    asked = {name for name, actors in public_names().items() if actors != {"system"}} - ELSEWHERE
    if wrong := asked ^ set(forms):
        raise LookupError(f"counter/forms/acts: verbs and forms differ: {sorted(wrong)}")
    return forms


ACT_FORMS = found()

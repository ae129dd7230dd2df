"""Procedures and forms that nobody wrote: drawn from the schema, kinds and types as they are now.

What a kind or a type may say is read from its own model, so that one added later is drawn too. Only
what must agree with the rest of the file is chosen here: codes, joins, facts, effects.
"""

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter

from requests_app.procedures import kinds
from requests_app.procedures.cases import CaseType
from requests_app.procedures.kind import Trait
from requests_app.procedures.kinds import KINDS
from requests_app.procedures.law import Appeal, Authority
from requests_app.procedures.moves import Actor
from requests_app.procedures.moves import Stage as State
from requests_app.procedures.parts import Clock, Outcome, Piece, RequestEffect
from requests_app.procedures.questions import TYPES


Draw = Any
Strategy = st.SearchStrategy[Any]

PERIODS = st.sampled_from(["10d", "2w", "1m", "5wd", "45d"])  # longer than what is said before
# Words as people type them, and what a template or a formatted sentence may trip on.
WORDS = st.sampled_from(
    [
        *("Étape d’essai", "Réponse", "A", "l’avis (second)", "100 % des cas", "<b>fort</b>"),
        *("Suite : {projet}", "%(name)s", "« cité »", "x" * 180, "ligne\nseconde"),
    ]
)
TEXTS = st.one_of(WORDS, st.builds(lambda fr, en: {"fr": fr, "en": en}, WORDS, WORDS))
_ROLE_OF = {
    Actor.TEAM: "applicant",
    Actor.HOLDER: "holder_representative",
    Actor.MEMBER: "president",
}
COMMITTEES = ("comite-invente", "second-comite")
SPEAKING = kinds.having(Trait.GIVES_OPINION)
# Kinds of which an outcome may open rights by itself: once, by somebody who has no part in the
# file.
OPENERS = sorted(
    code
    for code, kind in KINDS.items()
    if not kind.traits & {Trait.FIRST, Trait.NEEDS_RIGHTS, Trait.CONSULTS_HOLDERS}
    and code != "closure"
    and not any(
        set(move.actors) & {Actor.TEAM, Actor.SYSTEM}
        for move in kind.moves
        if move.target == State.DONE
    )
)
# Said of an answer, hence never of words to read.
ANSWERED = ("sign_again", "marks", "missing", "required", "required_when")
_SKIPPED = object()


# --- From a model's own schema --------------------------------------------------------------------


def of_model(model: Any, **over: Strategy) -> Strategy:
    """What a model's JSON schema allows; `over`: by the name of a property, what it draws
    instead."""
    schema = _schema(model)
    return _of(schema, schema.get("$defs", {}), over)


@cache
def _schema(model: Any) -> dict[str, Any]:
    return TypeAdapter(model).json_schema()


def _of(schema: Mapping[str, Any], known: Mapping[str, Any], over: Mapping[str, Any]) -> Strategy:
    if "$ref" in schema:
        return _of(known[schema["$ref"].rpartition("/")[2]], known, over)
    if both := schema.get("anyOf") or schema.get("oneOf"):
        if _is_text(schema):
            return TEXTS
        return st.one_of([_of(one, known, over) for one in both if one.get("type") != "null"])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "boolean":
            return st.booleans()
        case "integer":
            low = schema.get("minimum", schema.get("exclusiveMinimum", -3) + 1)
            return st.integers(low, schema.get("maximum", max(low, 0) + 1000))
        case "array":
            least = schema.get("minItems", 0)
            most = min(schema.get("maxItems", 3), least + 2)
            return st.lists(_of(schema["items"], known, over), min_size=least, max_size=most)
        case "object":
            return _object(schema, known, over)
    if "pattern" in schema:
        return (
            PERIODS
            if "wd" in schema["pattern"]
            else st.from_regex(schema["pattern"], fullmatch=True)
        )
    return WORDS if schema.get("minLength") else st.one_of(st.just(""), WORDS)


def _is_text(schema: Mapping[str, Any]) -> bool:
    return any(set(one.get("properties", ())) == {"fr", "en"} for one in schema.get("anyOf", ()))


def _object(
    schema: Mapping[str, Any], known: Mapping[str, Any], over: Mapping[str, Any]
) -> Strategy:
    needed, perhaps = {}, {}
    for name, one in schema.get("properties", {}).items():
        if over.get(name) is _SKIPPED:
            continue
        drawn = over.get(name, _of(one, known, {}))
        (needed if name in schema.get("required", ()) or name in over else perhaps)[name] = drawn
    return st.fixed_dictionaries(needed, optional=perhaps)


# --- A form ---------------------------------------------------------------------------------------


@st.composite
def form_files(draw: Draw, code: str, *, data: bool) -> dict[str, Any]:
    """`data`: it asks which data, as a procedure that opens rights to some does."""
    sections, facts, choices = [], list[str](), dict[str, list[str]]()
    for number in range(draw(st.integers(1, 3))):
        name = f"partie_{number}"
        questions = []
        for rank in range(draw(st.integers(1, 4))):
            kind = draw(st.sampled_from(sorted(TYPES.keys() - {"data_specification"})))
            one = draw(_question(kind, f"q{number}_{rank}", facts, choices))
            if one is not None:
                questions.append(one)
                if TYPES[kind].answered and kind != "justification":
                    facts.append(f"{name}.{one['code']}")
                if options := one.get("options"):
                    choices[facts[-1]] = [option["code"] for option in options]
        if data and not number:
            role = {"code": "donnees", "type": "data_specification", "label": "Données"}
            questions.append(role | {"required": True})
        if questions:
            more = draw(st.fixed_dictionaries({}, optional={"title": TEXTS, "intro": TEXTS}))
            slug = {"slug": f"partie-{number}", "label": draw(TEXTS)}
            sections.append({"code": name, **slug, **more, "questions": questions})
    if draw(st.booleans()):
        sections.append({"code": "equipe", "slug": "equipe", "kind": "team", "label": "Équipe"})
    return {"code": code, "version": 1, "title": draw(TEXTS), "sections": sections}


@st.composite
def _question(
    draw: Draw, kind: str, code: str, facts: list[str], choices: Mapping[str, list[str]]
) -> dict[str, Any] | None:
    conditions = st.just([])
    if facts:
        fact = st.sampled_from(facts)
        conditions = st.lists(
            st.builds(lambda one, is_: {"fact": one, "filled": is_}, fact, st.booleans()),
            max_size=1,
        )
    over: dict[str, Any] = dict.fromkeys(
        ("role", "part", "names", "at_least", "unique", "needed", "source"), _SKIPPED
    )
    over |= {"code": st.just(code), "when": conditions, "required_when": conditions}
    over["when_any"] = conditions
    if kind == "justification":
        if not choices:
            return None
        fact, options = draw(st.sampled_from(sorted(choices.items())))
        over |= {"of": st.just(fact), "item": st.sampled_from(options)}
        over |= dict.fromkeys(("when", "when_any", "required_when"), _SKIPPED)
    if not TYPES[kind].answered:
        over |= dict.fromkeys(ANSWERED, _SKIPPED)
    drawn: dict[str, Any] = draw(_without_place(kind, over))
    for inside in ("options", "columns", "more"):
        for rank, one in enumerate(drawn.get(inside, ())):
            one["code"] = f"o{rank}"
    return drawn


def _without_place(kind: str, over: Mapping[str, Any]) -> Strategy:
    """One that its own model takes: what it says of itself does not hang on the file."""
    model = TYPES[kind]

    def holds(raw: dict[str, Any]) -> bool:
        try:
            model.model_validate(raw)
        except ValueError:
            return False
        return True

    inner = {"options": _options(), "columns": _columns(), "more": st.just([])}
    named = _schema(model)["properties"]
    return of_model(model, **over, **{k: v for k, v in inner.items() if k in named}).filter(holds)


def _options() -> Strategy:
    one = st.builds(lambda label: {"code": "o", "label": label}, TEXTS)
    return st.lists(one, min_size=1, max_size=4).map(
        lambda found: [one | {"code": f"o{rank}"} for rank, one in enumerate(found)]
    )


def _columns() -> Strategy:
    types = st.sampled_from(["short_text", "whole_number", "yes_no", "date", "amount", "long_text"])
    one = st.builds(
        lambda kind, label, needed: {"type": kind, "label": label, "required": needed},
        types,
        TEXTS,
        st.booleans(),
    )
    return st.lists(one, min_size=1, max_size=3).map(
        lambda found: [one | {"code": f"o{rank}"} for rank, one in enumerate(found)]
    )


# --- A procedure ----------------------------------------------------------------------------------


@st.composite
def procedure_files(draw: Draw, code: str, form: str) -> dict[str, Any]:
    """A course of some stages; about half of them open rights, by a convention or by an outcome of
    another stage; some are before two committees."""
    by_itself = st.sampled_from(OPENERS)
    opener = draw(st.one_of(st.none(), st.just("convention"), by_itself))
    rights = opener is not None
    committees = draw(st.sampled_from([COMMITTEES[:1], COMMITTEES]))
    middle = sorted(
        one
        for one, kind in KINDS.items()
        if not kind.traits & {Trait.FIRST, Trait.NEEDS_RIGHTS} and one != "closure"
    )
    names = [draw(st.sampled_from(kinds.having(Trait.FIRST)))]
    names += draw(st.lists(st.sampled_from(middle), min_size=0, max_size=4))
    if len(committees) > 1:
        names += draw(st.lists(st.sampled_from(SPEAKING), min_size=2, max_size=2))
    act = len(names)  # the place of what creates rights
    names += [opener, "extract", "opening", "use"] if opener is not None else []
    names.append("closure")
    stages: list[dict[str, Any]] = []
    for number, kind in enumerate(names):
        last = number == len(names) - 1
        opens = rights and number == act
        one = draw(_stage(kind, number, stages, last=last, opens=opens))
        if Trait.OF_COMMITTEE in KINDS[kind].traits:
            one["committee"] = committees[number % len(committees)]
        stages.append(one)
    whole: dict[str, Any] = {
        "code": code,
        "version": 1,
        "type": draw(st.sampled_from([str(one) for one in CaseType])),
        "title": draw(TEXTS),
        "short_title": draw(TEXTS),
        "summary": draw(TEXTS),
        "valid_from": date(2026, 1, 1),
        "form": form,
        "form_version": 1,
        "dataset_kinds": draw(_dataset_kinds()) if rights or _consults(names) else [],
        "signature": {"modes": draw(st.sampled_from([["online"], ["paper"], ["online", "paper"]]))},
        "pieces": draw(_pieces()),
        "appeals": draw(st.lists(of_model(Appeal), max_size=2)),
        "stages": stages,
    }
    whole |= draw(st.fixed_dictionaries({}, optional={"authority": of_model(Authority)}))
    if draw(st.booleans()) and any(one.get("committee") == committees[0] for one in stages):
        whole["committee"] = committees[0]  # said once, of those that name none
        for one in stages:
            if one.get("committee") == committees[0]:
                del one["committee"]
    if rights:
        whole["grants_on"] = stages[act]["code"]
        parties = {"main_base": ["cnam", "holder"], "catalogue": ["holder"]}
        modes = draw(st.sampled_from([["daughter_system"], ["project_space", "daughter_system"]]))
        longest = draw(st.sampled_from(["6m", "2y", "10y"]))
        terms = {"delivery_modes": modes, "max_duration": longest}
        said = Trait.SAYS_RIGHTS in KINDS[names[act]].traits
        whole |= {"convention": parties | terms} if said else {"access": terms}
    return whole


def _consults(names: list[str]) -> bool:
    return any(Trait.CONSULTS_HOLDERS in KINDS[kind].traits for kind in names)


def _dataset_kinds() -> Strategy:
    return st.sampled_from([["main_base"], ["catalogue"], ["main_base", "catalogue"]])


@st.composite
def _pieces(draw: Draw) -> list[dict[str, Any]]:
    over = {"when": _SKIPPED, "rule": st.sampled_from(["required", "optional"])}
    over |= {"content_types": _SKIPPED, "template": _SKIPPED, "code": st.just("p")}
    found = draw(st.lists(of_model(Piece, **over), max_size=3))  # type: ignore[arg-type]
    return [one | {"code": f"piece_{rank}"} for rank, one in enumerate(found)]


@st.composite
def _stage(
    draw: Draw,
    kind: str,
    number: int,
    before: list[dict[str, Any]],
    *,
    last: bool,
    opens: bool,
) -> dict[str, Any]:
    pure = KINDS[kind]
    known = [{"code": one} for one in sorted(pure.outcomes)]
    opening = draw(st.sampled_from(sorted(pure.outcomes))) if opens else None
    if draw(st.booleans()) or Trait.IN_USE in pure.traits:
        known.append({"code": "silence", "tacit": True})
    outcomes = []
    for one in known:
        over = dict.fromkeys(("code", "tacit", "request", "requires"), _SKIPPED)
        said = draw(of_model(Outcome, **over))  # type: ignore[arg-type]
        said |= one | _effect(pure.traits, one["code"], last=last)
        if one["code"] == opening:
            said["request"] = "in_force"
        if Trait.GIVES_OPINION in pure.traits:
            said.setdefault("effect", "favourable")
        outcomes.append(said)
    over = dict.fromkeys(
        ("kind", "code", "role", "after", "outcomes", "clock", "committee", "source"), _SKIPPED
    )
    stage: dict[str, Any] = draw(of_model(pure.spec, **over))  # type: ignore[arg-type]
    stage |= {"code": f"etape_{number}", "kind": kind, "role": draw(_role(kind))}
    stage |= {"outcomes": outcomes, "source": "essai"}
    stage.pop("completion_period", None)
    stage.pop("awaited", None)
    if before:
        stage["after"] = draw(_joins(before, last=last))
        if pure.traits & {Trait.OPENS_ACCESS, Trait.PREPARES_DATA}:
            stage["after"] = _with(stage["after"], *_act_of(before))
        if Trait.IN_USE in pure.traits:
            stage["after"] = _with(stage["after"], before[-1]["code"], "opened")
    clock = draw(_clock(kind, outcomes))
    if clock is not None:
        stage["clock"] = clock
    return stage


def _act_of(before: list[dict[str, Any]]) -> tuple[str, str]:
    """The stage that creates rights, and the outcome that does."""
    return next(
        (stage["code"], outcome["code"])
        for stage in before
        for outcome in stage["outcomes"]
        if outcome.get("request") == "in_force"
    )


def _with(joins: list[dict[str, Any]], stage: str, outcome: str) -> list[dict[str, Any]]:
    """The act that creates rights, or what follows it: nothing is used before."""
    others = [one for one in joins if one["stage"] != stage]
    return [*others, {"stage": stage, "outcomes": [outcome]}]


def _effect(traits: frozenset[Trait], outcome: str, *, last: bool) -> dict[str, str]:
    """What an outcome does to the request, where it can be nothing else."""
    if last:
        return {"request": "closed"}
    if Trait.FIRST in traits:
        own = {"complete": "processing", "silence": "processing"}
        effects = set(RequestEffect.__args__)  # type: ignore[attr-defined]
        found = own.get(outcome, outcome if outcome in effects else "")
        return {"request": found} if found else {}
    return {}


@st.composite
def _role(draw: Draw, kind: str) -> str:
    """Of those who may end such a stage."""
    enders = {a for move in KINDS[kind].moves if move.target == State.DONE for a in move.actors}
    roles = {_ROLE_OF.get(Actor(one), str(one)) for one in enders} - {"system", "main_base_officer"}
    if Trait.OF_COMMITTEE in KINDS[kind].traits:
        roles = {"president"}
    return draw(st.sampled_from(sorted(roles or {"operator"})))


@st.composite
def _joins(draw: Draw, before: list[dict[str, Any]], *, last: bool) -> list[dict[str, Any]]:
    nearest = before[-1]
    joins = [nearest]
    if len(before) > 1 and draw(st.booleans()):
        other = draw(st.sampled_from(before[:-1]))
        joins.append(other)
    found = []
    for one in joins:
        codes = [outcome["code"] for outcome in one["outcomes"]]
        some = draw(st.booleans()) and not last
        named = draw(st.lists(st.sampled_from(codes), min_size=1, unique=True)) if some else []
        if one is before[0] and not last:
            named = ["complete"] if "complete" in codes else named
        found.append({"stage": one["code"]} | ({"outcomes": named} if named else {}))
    return found


@st.composite
def _clock(draw: Draw, kind: str, outcomes: list[dict[str, Any]]) -> dict[str, Any] | None:
    pure = KINDS[kind]
    silence = next((one["code"] for one in outcomes if one.get("tacit")), None)
    must = silence is not None or kind == "audition"
    if not must and draw(st.booleans()):
        return None
    over: dict[str, Any] = {"urgent_period": PERIODS, "pauses": st.just(False)}
    start = "receipt" if pure.receipt else "stage"
    if Trait.FIRST in pure.traits:
        start = "deposit"
    over["start"] = st.just("permit_end" if Trait.IN_USE in pure.traits else start)
    over["period"] = _SKIPPED if Trait.IN_USE in pure.traits else PERIODS
    effect = "outcome" if silence else draw(st.sampled_from(["escalate", "remind"]))
    if kind == "audition":
        effect = "escalate"
    expiry = {"effect": effect} | ({"outcome": silence} if effect == "outcome" else {})
    over |= {"on_expiry": st.just(expiry), "extension": _SKIPPED}
    before = ("-2d", "-1d", "0d") if effect != "remind" else ()  # which reminds by itself
    over["reminders"] = st.just([{"at": at} for at in before])
    clock: dict[str, Any] = draw(of_model(Clock, **over))
    if Trait.IN_USE in pure.traits:
        clock.pop("urgent_period", None)
    return clock


# --- As a file ------------------------------------------------------------------------------------


def toml(raw: Mapping[str, Any]) -> str:
    """One key a line; what is inside on that line too."""
    return "".join(
        f"{name} = {_value(value)}\n" for name, value in raw.items() if value is not None
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inside = (f"{name} = {_value(one)}" for name, one in value.items() if one is not None)
        return f"{{ {', '.join(inside)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value)


__all__ = ["form_files", "of_model", "procedure_files", "toml"]

"""Table Schema JSON, one file per table, as the SNDS dictionary publishes it (C14, C15).

File names are PRODUCT__TABLE.json or PRODUCT__SUB__TABLE.json. Beside the standard properties the
dialect has `produit`, `champ`, `observation`, `history` for tables, and `nomenclature`,
`dateCreated`, `dateDeleted`, `dateMissing`, `regle_gestion` for fields. `dateDeleted` is the last
year that still exists: a table of 2017 alone has 2017 twice.
"""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from catalog.models import Variable
from catalog.names import shown, tidy_name, wrong_with
from portal.common.fold import is_unseen, one_line

from .base import FileContent, Mistake, Row
from .located_json import Located, loads


TYPES = frozenset(Variable.DataType.values)
MAX_BYTES = 20 * 1024 * 1024
MAX_LABEL = 300
MAX_CODE = 80
FIRST_YEAR, LAST_YEAR = 1900, 2100
# Windows-1252 characters read as Latin-1 in some labels of the 2020 dictionary.
_C1 = re.compile("[\x80-\x9f]")


class _Wrong(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def tidy(value: Any) -> str:
    """Text without control characters of a wrong encoding, without spaces at its ends.

    Soft hyphens go: they say where a printer may cut a word, and hide it from a search.
    """
    text = "" if value is None else str(value)
    text = _C1.sub(lambda m: m[0].encode("latin-1").decode("cp1252", errors="ignore"), text)
    return text.replace("\xad", "").strip()


def _text(source: dict[str, Any], key: str, line: int) -> str:
    """A property that is a text or a number. Raises _Wrong for what no page can show."""
    value = source.get(key)
    if isinstance(value, dict | list):
        raise _Wrong(line, _("« %(what)s » doit être un texte.") % {"what": key})
    text = tidy(value)
    if unseen := next((c for c in text if _is_unseen(c)), ""):
        raise _Wrong(
            line,
            _("« %(what)s » contient le caractère invisible U+%(code)s : retirez-le.")
            % {"what": key, "code": f"{ord(unseen):04X}"},
        )
    return text


def _line(source: dict[str, Any], key: str, line: int) -> str:
    """The same, of one line as the forms keep it."""
    return one_line(_text(source, key, line))


def _is_unseen(character: str) -> bool:
    """Control, direction, zero width, lone surrogate, unassigned. Joiners shape some scripts."""
    if character in "\n\r\t\u200c\u200d":
        return False
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Cn"}


def _name(value: Any, line: int, what: str) -> str:
    """A name as `catalog.names` allows it. Raises _Wrong."""
    if not isinstance(value, str):
        raise _Wrong(line, _("« %(what)s » doit être un nom.") % {"what": what})
    name = tidy_name(value)
    if reason := wrong_with(name):
        raise _Wrong(line, reason)
    return name


def label_and_text(title: str, description: str) -> tuple[str, str]:
    """A label of one line, and the whole text when the label does not say it all."""
    if title := one_line(title):
        return _shorten(title), description
    label = _shorten(description)
    # a space too many is no other text: said twice, it would count twice in a search
    return label, "" if label == one_line(description) else description


def _shorten(text: str) -> str:
    first = one_line(text.split("\n", 1)[0])
    return first if len(first) <= MAX_LABEL else first[: MAX_LABEL - 1].rstrip() + "…"


def _names(value: Any, line: int, what: str) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise _Wrong(
            line, _("« %(what)s » doit être un nom ou une liste de noms.") % {"what": what}
        )
    return [_name(name, line, what) for name in names]


def _year(value: Any, line: int, what: str) -> int | None:
    text = tidy(value)
    if not text:
        return None
    match = re.fullmatch(r"([0-9]{4})([-/][0-9]{2}){0,2}", text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise _Wrong(
            line,
            _("« %(what)s » vaut « %(value)s » : écrivez une année sur quatre chiffres.")
            % {"what": what, "value": shown(text[:40])},
        )
    return int(match[1])


def _validity(source: dict[str, Any], line: int) -> dict[str, Any]:
    missing = source.get("dateMissing") or []
    if not isinstance(missing, list):
        missing = [missing]
    years = [_year(value, line, "dateMissing") for value in missing]
    first = _year(source.get("dateCreated"), line, "dateCreated")
    last = _year(source.get("dateDeleted"), line, "dateDeleted")
    if first is not None and last is not None and last < first:
        raise _Wrong(
            line,
            _("la suppression (%(last)s) précède la création (%(first)s).")
            % {"last": last, "first": first},
        )
    return {
        "valid_from": first,
        "valid_until": last,
        "missing_years": sorted({year for year in years if year is not None}),
    }


class TableSchemaReader:
    """Reads a folder of Table Schema files."""

    code = "table_schema"

    def __init__(self, *, code_prefix: str = "") -> None:
        self.code_prefix = code_prefix

    def files(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json")

    def dataset_code(self, product: str) -> str:
        return slugify(f"{self.code_prefix}{product.replace('_', '-')}")

    def read(self, path: Path) -> FileContent:
        content = FileContent()
        try:
            content.rows = self._rows(path)
        except _Wrong as wrong:
            content.mistakes.append(Mistake(path.name, wrong.line, wrong.message))
        except OSError:
            message = _("le fichier ne peut pas être lu : vérifiez ses droits, ou qu’il est là.")
            content.mistakes.append(Mistake(path.name, 1, message))
        return content

    def _rows(self, path: Path) -> list[Row]:
        dataset_code, product, expected = self._named(path)
        schema = self._parsed(path)
        name = _name(schema.get("name"), schema.line, "name")
        if name != expected:
            raise _Wrong(
                schema.line,
                _("la table s’appelle « %(name)s » mais le fichier dit « %(expected)s ».")
                % {"name": name, "expected": shown(expected)},
            )
        variables = self._variables(schema, dataset_code, name)
        known = {row.name for row in variables}
        keys = self._keys(schema, dataset_code, name, known)
        primary: list[str] = []
        if schema.get("primaryKey"):
            primary = _names(schema["primaryKey"], schema.line, "primaryKey")
            self._must_hold(primary, known, schema.line, "primaryKey")
        history = schema.get("history") or {}
        if not isinstance(history, dict):
            raise _Wrong(schema.line, _("« history » doit être un objet."))
        label, text = label_and_text(
            _text(schema, "title", schema.line), _text(schema, "observation", schema.line)
        )
        table = Row(
            "table",
            schema.line,
            dataset_code,
            name,
            name,
            {
                "label_fr": label,
                "description": text,
                "scope_fr": _line(schema, "champ", schema.line)[:200],
                "primary_key": primary,
                "product_key": product,
                "product": (_line(schema, "produit", schema.line) or product)[:250],
                **_validity(history, schema.line),
            },
        )
        # The table's row comes last: a file is wholly staged when it is there.
        return [*variables, *keys, table]

    def _named(self, path: Path) -> tuple[str, str, str]:
        """Code of the dataset, product and table that the name of a file says."""
        *products, expected = tidy_name(path.stem).split("__")
        if any(is_unseen(one) or _is_unseen(one) for one in path.name):
            raise _Wrong(1, _("le nom du fichier contient un caractère invisible : retirez-le."))
        if not products or not all(products) or not expected:
            raise _Wrong(
                1, _("nommez le fichier PRODUIT__TABLE.json ou PRODUIT__PARTIE__TABLE.json.")
            )
        product = products[-1]
        code = self.dataset_code(product)
        if wrong_with(product) or not slugify(product) or len(code) > MAX_CODE:
            raise _Wrong(
                1,
                _(
                    "le produit « %(product)s » ne donne pas d’adresse à sa base : écrivez-le"
                    " en lettres sans accent et chiffres, en moins de 60 caractères."
                )
                % {"product": shown(product)},
            )
        return code, product, expected

    def _parsed(self, path: Path) -> Located:
        if not path.is_file():
            raise _Wrong(
                1, _("ce n’est pas un fichier qui se lit (dossier, lien sans cible…) : retirez-le.")
            )
        if path.stat().st_size > MAX_BYTES:
            raise _Wrong(1, _("le fichier dépasse 20 Mo."))
        try:
            schema = loads(path.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise _Wrong(line, _("le fichier n’est pas en UTF-8.")) from error
        except json.JSONDecodeError as error:
            raise _Wrong(
                error.lineno, _("ce n’est pas du JSON (%(why)s).") % {"why": error.msg}
            ) from error
        except RecursionError as error:
            raise _Wrong(1, _("le fichier est imbriqué trop profondément.")) from error
        if not isinstance(schema, Located):
            raise _Wrong(1, _("un schéma de table est un objet JSON."))
        return schema

    def _variables(self, schema: Located, dataset_code: str, table: str) -> list[Row]:
        fields = schema.get("fields")
        if not isinstance(fields, list) or not fields:
            raise _Wrong(schema.line, _("« fields » doit être une liste non vide."))
        rows: list[Row] = []
        seen: dict[str, int] = {}
        for item in fields:
            if not isinstance(item, Located):
                raise _Wrong(schema.line, _("chaque élément de « fields » est un objet."))
            name = _name(item.get("name"), item.line, "name")
            if name in seen:
                raise _Wrong(
                    item.line,
                    _("la variable « %(name)s » est déjà décrite ligne %(line)s.")
                    % {"name": name, "line": seen[name]},
                )
            seen[name] = item.line
            rows.append(Row("variable", item.line, dataset_code, table, name, self._field(item)))
        for position, row in enumerate(rows):
            row.payload["position"] = position
        return rows

    def _field(self, item: Located) -> dict[str, Any]:
        data_type = _text(item, "type", item.line) or "string"
        if data_type not in TYPES:
            raise _Wrong(
                item.line,
                _("le type « %(type)s » n’existe pas ; types connus : %(known)s.")
                % {"type": data_type, "known": ", ".join(sorted(TYPES))},
            )
        title, text = (_text(item, key, item.line) for key in ("title", "description"))
        label, description = label_and_text(title, text)
        observation = _text(item, "observation", item.line)
        nomenclature = _line(item, "nomenclature", item.line)
        return {
            "label_fr": label,
            "description": "\n\n".join(part for part in (description, observation) if part),
            "data_type": data_type,
            "length": _line(item, "length", item.line)[:20],
            "nomenclature": "" if nomenclature == "-" else nomenclature[:120],
            "rule": _text(item, "regle_gestion", item.line),
            **_validity(item, item.line),
        }

    def _keys(self, schema: Located, dataset_code: str, table: str, known: set[str]) -> list[Row]:
        keys = schema.get("foreignKeys") or []
        if not isinstance(keys, list):
            raise _Wrong(schema.line, _("« foreignKeys » doit être une liste."))
        rows = []
        for key in keys:
            if not isinstance(key, Located) or not isinstance(key.get("reference"), dict):
                raise _Wrong(schema.line, _("une clé a « fields » et « reference »."))
            own = _names(key.get("fields"), key.line, "fields")
            target = _names(key["reference"].get("fields"), key.line, "reference.fields")
            resource = tidy(key["reference"].get("resource"))
            resource = _name(resource, key.line, "resource") if resource else table
            self._must_hold(own, known, key.line, "fields")
            if len(own) != len(target):
                raise _Wrong(key.line, _("une clé relie autant de variables de chaque côté."))
            payload = {
                "variables": own,
                "target": resource,
                "target_variables": target,
                "note": _line(key, "description", key.line)[:300],
            }
            rows.append(Row("key", key.line, dataset_code, table, resource, payload))
        return rows

    @staticmethod
    def _must_hold(names: list[str], known: set[str], line: int, what: str) -> None:
        if unknown := sorted(set(names) - known):
            raise _Wrong(
                line,
                _("« %(what)s » nomme une variable absente de la table : %(names)s.")
                % {"what": what, "names": ", ".join(unknown)},
            )

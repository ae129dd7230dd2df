"""Table Schema JSON, one file per table, as the SNDS dictionary publishes it (C14, C15).

File names are PRODUCT__TABLE.json or PRODUCT__SUB__TABLE.json. Beside the standard properties the
dialect has `produit`, `champ`, `observation`, `history` for tables, and `nomenclature`,
`dateCreated`, `dateDeleted`, `dateMissing`, `regle_gestion` for fields. `dateDeleted` is the last
year that still exists: a table of 2017 alone has 2017 twice.
"""

import json
import re
from pathlib import Path
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from catalog.models import Variable

from .base import FileContent, Mistake, Row
from .located_json import Located, loads


TYPES = frozenset(Variable.DataType.values)
MAX_BYTES = 20 * 1024 * 1024
MAX_NAME = 80
MAX_LABEL = 300
FIRST_YEAR, LAST_YEAR = 1900, 2100
# Windows-1252 characters read as Latin-1 in some labels of the 2020 dictionary.
_C1 = re.compile("[\x80-\x9f]")


class _Wrong(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def tidy(value: Any) -> str:
    """Text without control characters of a wrong encoding, without spaces at its ends."""
    text = "" if value is None else str(value)
    text = _C1.sub(lambda m: m[0].encode("latin-1").decode("cp1252", errors="ignore"), text)
    return text.strip()


def label_and_text(title: str, description: str) -> tuple[str, str]:
    """A label of one line, and the whole text when the label does not say it all."""
    if title:
        return _shorten(title), description
    label = _shorten(description)
    return label, "" if label == description else description


def _shorten(text: str) -> str:
    first = text.split("\n", 1)[0].strip()
    return first if len(first) <= MAX_LABEL else first[: MAX_LABEL - 1].rstrip() + "…"


def _names(value: Any, line: int, what: str) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise _Wrong(
            line, _("« %(what)s » doit être un nom ou une liste de noms.") % {"what": what}
        )
    return [name.strip() for name in names]


def _year(value: Any, line: int, what: str) -> int | None:
    text = tidy(value)
    if not text:
        return None
    match = re.fullmatch(r"(\d{4})([-/]\d{2}){0,2}", text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise _Wrong(
            line,
            _("« %(what)s » vaut « %(value)s » : écrivez une année sur quatre chiffres.")
            % {"what": what, "value": text},
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
        return sorted(folder.glob("*.json"))

    def dataset_code(self, product: str) -> str:
        return slugify(f"{self.code_prefix}{product.replace('_', '-')}")

    def read(self, path: Path) -> FileContent:
        content = FileContent()
        try:
            content.rows = self._rows(path)
        except _Wrong as wrong:
            content.mistakes.append(Mistake(path.name, wrong.line, wrong.message))
        return content

    def _rows(self, path: Path) -> list[Row]:
        *products, expected = path.stem.split("__")
        if not products or not all(products) or not expected:
            raise _Wrong(
                1, _("nommez le fichier PRODUIT__TABLE.json ou PRODUIT__PARTIE__TABLE.json.")
            )
        schema = self._parsed(path)
        name = tidy(schema.get("name"))
        if name != expected:
            raise _Wrong(
                schema.line,
                _("la table s’appelle « %(name)s » mais le fichier dit « %(expected)s ».")
                % {"name": name, "expected": expected},
            )
        if len(name) > MAX_NAME:
            raise _Wrong(schema.line, _("un nom de table a 80 caractères au plus."))
        dataset_code = self.dataset_code(products[-1])
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
        label, text = label_and_text(tidy(schema.get("title")), tidy(schema.get("observation")))
        table = Row(
            "table",
            schema.line,
            dataset_code,
            name,
            name,
            {
                "label_fr": label,
                "description": text,
                "scope_fr": tidy(schema.get("champ"))[:200],
                "primary_key": primary,
                "product": tidy(schema.get("produit")) or products[-1],
                **_validity(history, schema.line),
            },
        )
        # The table's row comes last: a file is wholly staged when it is there.
        return [*variables, *keys, table]

    def _parsed(self, path: Path) -> Located:
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
            name = tidy(item.get("name"))
            if not name or len(name) > MAX_NAME:
                raise _Wrong(item.line, _("une variable a un nom de 1 à 80 caractères."))
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
        data_type = tidy(item.get("type")) or "string"
        if data_type not in TYPES:
            raise _Wrong(
                item.line,
                _("le type « %(type)s » n’existe pas ; types connus : %(known)s.")
                % {"type": data_type, "known": ", ".join(sorted(TYPES))},
            )
        title, text = tidy(item.get("title")), tidy(item.get("description"))
        label, description = label_and_text(title, text)
        observation = tidy(item.get("observation"))
        nomenclature = tidy(item.get("nomenclature"))
        return {
            "label_fr": label,
            "description": "\n\n".join(part for part in (description, observation) if part),
            "data_type": data_type,
            "length": tidy(item.get("length"))[:20],
            "nomenclature": "" if nomenclature == "-" else nomenclature[:120],
            "rule": tidy(item.get("regle_gestion")),
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
            resource = tidy(key["reference"].get("resource")) or table
            self._must_hold(own, known, key.line, "fields")
            if len(own) != len(target):
                raise _Wrong(key.line, _("une clé relie autant de variables de chaque côté."))
            payload = {
                "variables": own,
                "target": resource,
                "target_variables": target,
                "note": tidy(key.get("description"))[:300],
            }
            rows.append(Row("key", key.line, dataset_code, table, resource[:120], payload))
        return rows

    @staticmethod
    def _must_hold(names: list[str], known: set[str], line: int, what: str) -> None:
        if unknown := sorted(set(names) - known):
            raise _Wrong(
                line,
                _("« %(what)s » nomme une variable absente de la table : %(names)s.")
                % {"what": what, "names": ", ".join(unknown)},
            )

"""The embedded engine: tantivy, in process, for a portal on one machine.

Folder: `<SEARCH_DIR>/<schema hash>-<generation>/`, and a pointer file `current` that names the one
in use. Readers follow the pointer; one process writes (tantivy locks the folder besides).
"""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import tantivy
from django.utils import timezone

from catalog.search.documents import FACET_FIELDS, TEXT_FIELDS, Document
from catalog.search.query import FACETS, Group, Hit, Part, SearchRequest, SearchResult
from catalog.search.text import Word

from .base import (
    AS_TYPED,
    BOOSTS,
    CODE_EXACT,
    CODE_PART,
    CODE_PREFIX,
    DEEPEST,
    NEAR_ALL,
    PHRASE_IN_TITLE,
    PLAIN_BONUS,
    SYNONYM,
    IndexInfo,
    SearchUnavailable,
    near_enough,
    near_kinds,
    schema_hash,
    slips,
)


KEPT_GENERATIONS = 2
WRITER_HEAP = 30_000_000  # bytes; tantivy wants 15 MB a thread at least
FACET_SIZE = 200
Occur = tantivy.Occur
Query = tantivy.Query


@contextmanager
def _engine_errors(message: str) -> Iterator[None]:
    """Turn what the engine raises into SearchUnavailable.

    Rust panics come as a BaseException without a public name: a corrupted file causes them.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        raise SearchUnavailable(message) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise SearchUnavailable(message) from error
        raise


def build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in ("id", "key", "code"):
        builder.add_text_field(name, stored=name != "code", tokenizer_name="raw")
    builder.add_text_field("code_part", tokenizer_name="whitespace")
    for name in TEXT_FIELDS:
        builder.add_text_field(f"{name}_s", tokenizer_name="whitespace")
        builder.add_text_field(f"{name}_p", tokenizer_name="whitespace")
    for name in ("kind", "sort_title", *FACET_FIELDS):
        builder.add_text_field(name, stored=name == "kind", fast=True, tokenizer_name="raw")
    builder.add_integer_field("updated", fast=True)
    return builder.build()


class EmbeddedBackend:
    """Implements SearchBackend over one folder."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._opened: tuple[str, tantivy.Index] | None = None

    # --- generations --------------------------------------------------------------------------

    def _generation(self) -> str:
        try:
            name = (self.folder / "current").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SearchUnavailable("no index yet") from error
        if not name.startswith(f"{schema_hash()}-"):
            raise SearchUnavailable("the index was made by another version")
        return name

    def _index(self) -> tantivy.Index:
        name = self._generation()
        with self._lock, _engine_errors("the index cannot be opened"):
            if self._opened is None or self._opened[0] != name:
                self._opened = None
                self._opened = (name, tantivy.Index.open(str(self.folder / name)))
            index = self._opened[1]
            index.reload()
            return index

    def info(self) -> IndexInfo:
        index = self._index()
        return IndexInfo(self._generation(), index.searcher().num_docs)

    # --- writing ------------------------------------------------------------------------------

    def write(self, documents: Iterable[Document], deleted: Iterable[str]) -> None:
        index = self._index()
        with _engine_errors("the index cannot be written"):
            writer = index.writer(heap_size=WRITER_HEAP, num_threads=1)
            try:
                for key in deleted:
                    writer.delete_documents_by_term("id", key)
                for document in documents:
                    writer.delete_documents_by_term("id", document["id"])
                    writer.add_document(tantivy.Document(**document))
                writer.commit()
            finally:
                writer.wait_merging_threads()

    def rebuild(
        self, documents: Iterable[Document], *, alive: Callable[[], None] = lambda: None
    ) -> IndexInfo:
        name = f"{schema_hash()}-{timezone.now():%Y%m%dT%H%M%S%f}"
        target = self.folder / name
        try:
            with _engine_errors("the index cannot be built"):
                count = self._build(target, documents, alive)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        pointer = self.folder / "current.new"
        pointer.write_text(name, encoding="ascii")
        pointer.replace(self.folder / "current")
        self._forget_old(name)
        return IndexInfo(name, count)

    def _build(self, target: Path, documents: Iterable[Document], alive: Callable[[], None]) -> int:
        target.mkdir(parents=True)
        index = tantivy.Index(build_schema(), path=str(target))
        writer = index.writer(heap_size=WRITER_HEAP, num_threads=1)
        count = 0
        for count, document in enumerate(documents, 1):
            writer.add_document(tantivy.Document(**document))
            if count % 1000 == 0:
                alive()
        writer.commit()
        writer.wait_merging_threads()
        return count

    def _forget_old(self, current: str) -> None:
        """Keep the previous generation: a reader may still be in it."""
        older = sorted(
            (p for p in self.folder.iterdir() if p.is_dir() and p.name != current),
            key=lambda p: p.stat().st_mtime,
            reverse=True,
        )
        for path in older[KEPT_GENERATIONS - 1 :]:
            shutil.rmtree(path, ignore_errors=True)

    # --- searching ----------------------------------------------------------------------------

    def search(self, request: SearchRequest) -> SearchResult:
        index = self._index()
        with _engine_errors("the index does not answer"):
            return self._search(index.searcher(), _Builder(index.schema), request)

    def _search(
        self, searcher: tantivy.Searcher, build: "_Builder", request: SearchRequest
    ) -> SearchResult:
        matching = build.strict(request)
        chosen = build.filters(request)
        result = SearchResult(engine=self.name)
        result.kinds = self._kinds(searcher, build, matching, chosen)
        if not result.kinds.get(request.kind) and not request.parsed.is_empty:
            matching = build.loose(request)
            result.loosened = True
            near = self._kinds(searcher, build, matching, chosen)
            result.kinds = near_kinds(result.kinds, near, request.kind)
        kind = build.term("kind", request.kind)
        every = build.all_of([matching, kind, *chosen.values()])
        result.total = result.kinds.get(request.kind, 0)
        start = (request.page - 1) * request.size
        if start < min(result.total, DEEPEST):
            found = searcher.search(
                every, limit=request.size, offset=start, count=False, **_order(request.sort)
            )
            for score, address in found.hits:
                document = searcher.doc(address)
                result.hits.append(
                    Hit(
                        kind=str(document["kind"][0]),
                        key=str(document["key"][0]),
                        score=score if isinstance(score, float) else 0.0,
                    )
                )
        result.facets = self._facets(searcher, build, [matching, kind], chosen, request.kind)
        return result

    def _kinds(
        self,
        searcher: tantivy.Searcher,
        build: "_Builder",
        matching: Query,
        chosen: dict[str, Query],
    ) -> dict[str, int]:
        every = build.all_of([matching, *chosen.values()])
        return _buckets(searcher.aggregate(every, {"kind": _terms("kind")}), "kind")

    def _facets(
        self,
        searcher: tantivy.Searcher,
        build: "_Builder",
        matching: list[Query],
        chosen: dict[str, Query],
        kind: str,
    ) -> dict[str, dict[str, int]]:
        """Counts per value. A facet with a choice ignores its own choice: several may be ticked."""
        names = [name for name, kinds in FACETS.items() if kind in kinds]
        facets: dict[str, dict[str, int]] = {}
        free = [name for name in names if name not in chosen]
        if free:
            every = build.all_of([*matching, *chosen.values()])
            counted = searcher.aggregate(every, {name: _terms(name) for name in free})
            facets |= {name: _buckets(counted, name) for name in free}
        for name in chosen:
            if name in names:
                others = [query for other, query in chosen.items() if other != name]
                counted = searcher.aggregate(
                    build.all_of([*matching, *others]), {name: _terms(name)}
                )
                facets[name] = _buckets(counted, name)
        return facets


def _terms(name: str) -> dict[str, Any]:
    return {"terms": {"field": name, "size": FACET_SIZE}}


def _buckets(counted: dict[str, Any], name: str) -> dict[str, int]:
    return {str(b["key"]): int(b["doc_count"]) for b in counted[name]["buckets"]}


def _order(sort: str) -> dict[str, Any]:
    if sort == "title":
        return {"order_by_field": "sort_title", "order": tantivy.Order.Asc}
    if sort == "updated":
        return {"order_by_field": "updated", "order": tantivy.Order.Desc}
    return {}


class _Builder:
    """Turns the query tree into tantivy queries."""

    def __init__(self, schema: tantivy.Schema) -> None:
        self.schema = schema

    def term(self, field: str, value: str) -> Query:
        return Query.term_query(self.schema, field, value)

    def all_of(self, queries: list[Query]) -> Query:
        return Query.boolean_query([(Occur.Must, query) for query in queries])

    def any_of(self, queries: list[Query]) -> Query:
        return Query.boolean_query([(Occur.Should, query) for query in queries])

    def filters(self, request: SearchRequest) -> dict[str, Query]:
        """One clause per chosen facet; it filters and must not score."""
        return {
            name: Query.const_score_query(self.any_of([self.term(name, v) for v in values]), 0.0)
            for name, values in request.facets.items()
            if values
        }

    def strict(self, request: SearchRequest) -> Query:
        parsed = request.parsed
        if parsed.is_empty:
            return Query.all_query()
        clauses = [(Occur.Must, self._group(group)) for group in parsed.groups]
        clauses += [(Occur.Must, self._phrase(phrase)) for phrase in parsed.phrases]
        if any(group.also for group in parsed.groups):
            as_typed = self.all_of([self._typed(group) for group in parsed.groups])
            clauses.append((Occur.Should, Query.const_score_query(as_typed, AS_TYPED)))
        typed = [word.stem for group in parsed.groups for p in group.parts for word in p.words]
        if len(typed) > 1:
            together = Query.phrase_query(self.schema, "title_s", [*typed], slop=2)
            clauses.append((Occur.Should, Query.boost_query(together, PHRASE_IN_TITLE)))
        return Query.boolean_query(clauses)

    def _group(self, group: Group) -> Query:
        return self._or_also(self._typed(group), group)

    def _typed(self, group: Group) -> Query:
        return self.all_of([self._part(part) for part in group.parts])

    def _or_also(self, typed: Query, group: Group) -> Query:
        also = [
            Query.boost_query(self.all_of([self._word(w) for w in other]), SYNONYM)
            for other in group.also
            if other
        ]
        return self.any_of([typed, *also]) if also else typed

    def _part(self, part: Part) -> Query:
        ways = []
        if part.words:
            ways.append(self.all_of([self._word(word) for word in part.words]))
        if part.code:
            exact = self.term("code", part.code)
            ways.append(Query.const_score_query(exact, CODE_EXACT))
            if len(part.code) >= 3:
                prefix = Query.regex_query(self.schema, "code", re.escape(part.code) + ".*")
                ways.append(Query.const_score_query(prefix, CODE_PREFIX))
        return self.any_of(ways)

    def _word(self, word: Word) -> Query:
        ways = [Query.boost_query(self.term("code_part", word.plain), CODE_PART)]
        for field, boost in BOOSTS.items():
            ways.append(Query.boost_query(self.term(f"{field}_s", word.stem), boost))
            plain = self.term(f"{field}_p", word.plain)
            ways.append(Query.boost_query(plain, boost * PLAIN_BONUS))
        exact = self.term("code", word.plain)
        ways.append(Query.const_score_query(exact, CODE_EXACT))
        return self.any_of(ways)

    def _phrase(self, phrase: tuple[Word, ...]) -> Query:
        plain = [word.plain for word in phrase]
        if len(plain) == 1:
            return self.any_of([self.term(f"{field}_p", plain[0]) for field in BOOSTS])
        return self.any_of(
            [
                Query.boost_query(Query.phrase_query(self.schema, f"{field}_p", [*plain]), boost)
                for field, boost in BOOSTS.items()
            ]
        )

    def loose(self, request: SearchRequest) -> Query:
        """Some of the words, or words close to them. Only asked when nothing has them all."""
        found: list[Query] = []
        for group in request.parsed.groups:
            near = [query for part in group.parts for query in self._near_part(part, request)]
            if near and group.also:
                near = [self._or_also(self.all_of(near), group)]
            found += near
        found += [self._near(word) for phrase in request.parsed.phrases for word in phrase]
        if not found:
            return Query.empty_query()
        some = Query.boolean_query(
            [(Occur.Should, query) for query in found],
            minimum_number_should_match=near_enough(len(found)),
        )
        every = Query.const_score_query(self.all_of(found), NEAR_ALL)
        return Query.boolean_query([(Occur.Must, some), (Occur.Should, every)])

    def _near_part(self, part: Part, request: SearchRequest) -> list[Query]:
        """One query per word that matters, or a single one for what may be a code."""
        near = [self._near(word) for word in part.words if request.parsed.matters(word)]
        if len(part.code) < 3:
            return near
        code = self._near_code(part.code)
        return [self.any_of([self.all_of(near), code]) if near else code]

    def _near_code(self, code: str) -> Query:
        prefix = Query.regex_query(self.schema, "code", re.escape(code) + ".*")
        if (distance := slips(code)) == 0:
            return prefix
        near = Query.fuzzy_term_query(self.schema, "code", code, distance, True, False)
        return self.any_of([prefix, Query.boost_query(near, CODE_PREFIX)])

    def _near(self, word: Word) -> Query:
        ways = [self._word(word)]
        if distance := slips(word.plain):
            for field in ("title", "keywords", "inner"):
                name = f"{field}_p"
                near = Query.fuzzy_term_query(self.schema, name, word.plain, distance, True, False)
                start = Query.fuzzy_term_query(self.schema, name, word.plain, 0, True, True)
                ways += [
                    Query.boost_query(near, BOOSTS[field] / 3),
                    Query.boost_query(start, BOOSTS[field] / 2),
                ]
        return self.any_of(ways)

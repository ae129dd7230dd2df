"""OpenSearch 2 and 3: bodies built with `elasticsearch.dsl`, sent with `opensearch-py`.

Documents arrive analysed (see text.py), so the server only cuts at spaces: no plug-in, no synonym
file on its nodes, the same words on every engine. Indices are `<prefix>-catalog-<time>`, behind the
alias `<prefix>-catalog-live-<schema hash>`. Scores differ between versions of the servers, so
nothing here compares a score with a number.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

from django.utils import timezone
from elasticsearch.dsl import A, Q, Search
from elasticsearch.dsl.query import Bool, ConstantScore, Query
from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionTimeout, OpenSearchException
from opensearchpy.helpers import bulk

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


TIMEOUT = 2  # seconds that a page waits for a slow server
QUIET = 10  # seconds without asking it again: pages must not wait one after the other
WRITE_TIMEOUT = 30
FACET_SIZE = 200
BATCH = 500
_SORTS = {"title": ["sort_title", "id"], "updated": ["-updated", "id"]}


def build_mapping() -> dict[str, Any]:
    words = {"type": "text", "analyzer": "whitespace"}
    properties: dict[str, Any] = {
        name: {"type": "keyword"} for name in ("id", "kind", "key", "code", "sort_title")
    }
    properties |= {name: {"type": "keyword"} for name in FACET_FIELDS}
    properties |= {f"{name}_{form}": words for name in TEXT_FIELDS for form in "sp"}
    properties |= {"code_part": words, "updated": {"type": "integer"}}
    return {
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "mappings": {"dynamic": "strict", "properties": properties},
    }


class OpenSearchBackend:
    """Implements SearchBackend over one server."""

    name = "opensearch"

    def __init__(self, url: str, prefix: str) -> None:
        for name in ("opensearch", "opensearchpy.trace"):  # they print every query at INFO
            logging.getLogger(name).setLevel(logging.ERROR)
        self.client = OpenSearch([url], timeout=TIMEOUT, max_retries=0, retry_on_timeout=False)
        self.names = f"{prefix}-catalog"
        self._quiet_until = 0.0  # monotonic seconds

    @property
    def alias(self) -> str:
        """Of this version's documents: an index made by another version is out of reach."""
        return f"{self.names}-live-{schema_hash()}"

    # --- generations --------------------------------------------------------------------------

    def _generations(self) -> list[str]:
        return sorted(self.client.indices.get(index=f"{self.names}-*").keys())

    def _current(self) -> str:
        """The index behind the alias, when it was made by this version of the code."""
        try:
            found = list(self.client.indices.get_alias(name=self.alias))
        except OpenSearchException as error:
            raise SearchUnavailable("no index, or the search server does not answer") from error
        return str(found[0])

    def info(self) -> IndexInfo:
        name = self._current()
        try:
            self.client.indices.refresh(index=name, request_timeout=WRITE_TIMEOUT)
            return IndexInfo(name, int(self.client.count(index=name)["count"]))
        except OpenSearchException as error:
            raise SearchUnavailable("the search server does not answer") from error

    # --- writing ------------------------------------------------------------------------------

    def write(self, documents: Iterable[Document], deleted: Iterable[str]) -> None:
        name = self._current()
        actions = [{"_op_type": "delete", "_index": name, "_id": key} for key in deleted]
        actions += list(_puts(name, documents))
        try:
            # A document that is already gone answers 404: that is what was wanted.
            self._bulk(actions, forgiven={404})
            self.client.indices.refresh(index=name, request_timeout=WRITE_TIMEOUT)
        except OpenSearchException as error:
            raise SearchUnavailable("the index cannot be written") from error

    def _bulk(self, actions: Iterable[dict[str, Any]], forgiven: set[int] | None = None) -> None:
        _done, errors = bulk(
            self.client,
            actions,
            chunk_size=BATCH,
            raise_on_error=False,
            request_timeout=WRITE_TIMEOUT,
        )
        for error in errors if isinstance(errors, list) else []:
            answer = next(iter(error.values()))
            if answer.get("status") not in (forgiven or set()):
                raise SearchUnavailable(f"a document was refused ({answer.get('status')})")

    def rebuild(
        self, documents: Iterable[Document], *, alive: Callable[[], None] = lambda: None
    ) -> IndexInfo:
        name = f"{self.names}-{timezone.now():%Y%m%d%H%M%S%f}"
        count = 0

        def counted() -> Iterator[Document]:
            nonlocal count
            for count, document in enumerate(documents, 1):
                if count % BATCH == 0:
                    alive()
                yield document

        try:
            self.client.indices.create(
                index=name, body=build_mapping(), params={"timeout": f"{WRITE_TIMEOUT}s"},
                request_timeout=WRITE_TIMEOUT,
            )  # fmt: skip
            self._bulk(_puts(name, counted()))
            self.client.indices.refresh(index=name, request_timeout=WRITE_TIMEOUT)
            self._swap(name)
        except OpenSearchException as error:
            self._drop(name)
            raise SearchUnavailable("the index cannot be built") from error
        except BaseException:
            self._drop(name)
            raise
        return IndexInfo(name, count)

    def _drop(self, name: str) -> None:
        """Remove a half-built index; a server that is gone keeps it until the next rebuild."""
        with suppress(OpenSearchException):
            self.client.indices.delete(index=name, request_timeout=WRITE_TIMEOUT)

    def _swap(self, name: str) -> None:
        """One atomic call moves the alias; the previous generation is kept, older ones go."""
        actions: list[dict[str, Any]] = [{"add": {"index": name, "alias": self.alias}}]
        if self.client.indices.exists_alias(name=self.alias):
            actions += [
                {"remove": {"index": other, "alias": self.alias}}
                for other in self.client.indices.get_alias(name=self.alias)
            ]
        self.client.indices.update_aliases(body={"actions": actions}, request_timeout=WRITE_TIMEOUT)
        for other in [other for other in self._generations() if other < name][:-1]:
            self.client.indices.delete(index=other, request_timeout=WRITE_TIMEOUT)

    # --- searching ----------------------------------------------------------------------------

    def search(self, request: SearchRequest) -> SearchResult:
        if monotonic() < self._quiet_until:
            raise SearchUnavailable("the search server was too slow a moment ago")
        try:
            result = self._ask(request, strict(request), loosened=False)
            if not result.total and not request.parsed.is_empty:
                exact = result.kinds
                result = self._ask(request, loose(request), loosened=True)
                result.kinds = near_kinds(exact, result.kinds, request.kind)
        except ConnectionTimeout as error:
            self._quiet_until = monotonic() + QUIET
            raise SearchUnavailable("the search server was too slow") from error
        except OpenSearchException as error:
            raise SearchUnavailable("the search server does not answer") from error
        return result

    def _ask(self, request: SearchRequest, matching: Query, *, loosened: bool) -> SearchResult:
        body = build_body(request, matching)
        answer = self.client.search(index=self.alias, body=body, request_timeout=TIMEOUT)
        hits = answer["hits"]["hits"]
        if answer.get("timed_out"):
            raise SearchUnavailable("the search server was too slow")
        counted = answer["aggregations"]
        result = SearchResult(engine=self.name, loosened=loosened)
        result.kinds = _buckets(counted["kinds"]["values"])
        result.total = result.kinds.get(request.kind, 0)
        result.hits = [
            Hit(hit["_source"]["kind"], hit["_source"]["key"], float(hit.get("_score") or 0.0))
            for hit in hits
        ]
        result.facets = {
            name: _buckets(counted[f"facet_{name}"]["values"]) for name in _facets_of(request)
        }
        return result


def _puts(index: str, documents: Iterable[Document]) -> Iterator[dict[str, Any]]:
    for document in documents:
        yield {"_op_type": "index", "_index": index, "_id": document["id"], "_source": document}


def _buckets(counted: dict[str, Any]) -> dict[str, int]:
    return {str(bucket["key"]): int(bucket["doc_count"]) for bucket in counted["buckets"]}


def _facets_of(request: SearchRequest) -> list[str]:
    return [name for name, kinds in FACETS.items() if request.kind in kinds]


def build_body(request: SearchRequest, matching: Query) -> dict[str, Any]:
    """The body of one search: hits of the kind, counts of every kind, counts of every facet.

    Choices of facets are a post filter, so that each facet is counted under the others' choices.
    """
    chosen = {name: Q("terms", **{name: list(v)}) for name, v in request.facets.items() if v}
    kind = Q("term", kind=request.kind)
    search = Search().query(matching).post_filter(Bool(filter=[kind, *chosen.values()]))
    start = (request.page - 1) * request.size
    end = min(start + request.size, DEEPEST)
    search = search[min(start, DEEPEST) : max(end, min(start, DEEPEST))]
    search = search.source(["kind", "key"]).extra(track_total_hits=False, timeout=f"{TIMEOUT}s")
    if request.sort in _SORTS:
        search = search.sort(*_SORTS[request.sort])
    search.aggs.bucket("kinds", A("filter", Bool(filter=list(chosen.values())))).bucket(
        "values", A("terms", field="kind")
    )
    for name in _facets_of(request):
        others = [query for other, query in chosen.items() if other != name]
        search.aggs.bucket(f"facet_{name}", A("filter", Bool(filter=[kind, *others]))).bucket(
            "values", A("terms", field=name, size=FACET_SIZE)
        )
    body: dict[str, Any] = search.to_dict()
    return body


def strict(request: SearchRequest) -> Query:
    """Every group and phrase must be found."""
    parsed = request.parsed
    if parsed.is_empty:
        return Q("match_all")
    must = [_group(group) for group in parsed.groups]
    must += [_phrase(phrase) for phrase in parsed.phrases]
    typed = [word.stem for group in parsed.groups for p in group.parts for word in p.words]
    should: list[Query] = []
    if any(group.also for group in parsed.groups):
        as_typed = Bool(must=[_typed(group) for group in parsed.groups])
        should.append(ConstantScore(filter=as_typed, boost=AS_TYPED))
    if len(typed) > 1:
        together = {"query": " ".join(typed), "slop": 2, "boost": PHRASE_IN_TITLE}
        should.append(Q("match_phrase", title_s=together))
    return Bool(must=must, should=should)


def _any(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Bool(should=queries, minimum_should_match=1)


def _group(group: Group) -> Query:
    return _or_also(_typed(group), group)


def _typed(group: Group) -> Query:
    return Bool(must=[_part(part) for part in group.parts])


def _or_also(typed: Query, group: Group) -> Query:
    also = [
        Bool(must=[_word(word) for word in other], boost=SYNONYM) for other in group.also if other
    ]
    return _any([typed, *also])


def _part(part: Part) -> Query:
    ways: list[Query] = []
    if part.words:
        ways.append(Bool(must=[_word(word) for word in part.words]))
    if part.code:
        ways.append(ConstantScore(filter=Q("term", code=part.code), boost=CODE_EXACT))
        if len(part.code) >= 3:
            ways.append(ConstantScore(filter=Q("prefix", code=part.code), boost=CODE_PREFIX))
    return _any(ways)


def _word(word: Word) -> Query:
    ways: list[Query] = [
        Q("term", code_part={"value": word.plain, "boost": CODE_PART}),
        ConstantScore(filter=Q("term", code=word.plain), boost=CODE_EXACT),
    ]
    for field, boost in BOOSTS.items():
        ways.append(Q("term", **{f"{field}_s": {"value": word.stem, "boost": boost}}))
        plain = {"value": word.plain, "boost": boost * PLAIN_BONUS}
        ways.append(Q("term", **{f"{field}_p": plain}))
    return _any(ways)


def _phrase(phrase: tuple[Word, ...]) -> Query:
    text = " ".join(word.plain for word in phrase)
    return _any(
        [
            Q("match_phrase", **{f"{field}_p": {"query": text, "boost": boost}})
            for field, boost in BOOSTS.items()
        ]
    )


def loose(request: SearchRequest) -> Query:
    """Some of the words, or words close to them. Only asked when nothing has them all."""
    found: list[Query] = []
    for group in request.parsed.groups:
        near = [query for part in group.parts for query in _near_part(part, request)]
        if near and group.also:
            near = [_or_also(Bool(must=near), group)]
        found += near
    found += [_near(word) for phrase in request.parsed.phrases for word in phrase]
    if not found:
        return Q("match_none")
    some = Bool(should=found, minimum_should_match=near_enough(len(found)))
    every = ConstantScore(filter=Bool(must=found), boost=NEAR_ALL)
    return Bool(must=[some], should=[every])


def _near_part(part: Part, request: SearchRequest) -> list[Query]:
    """One query per word that matters, or a single one for what may be a code."""
    near = [_near(word) for word in part.words if request.parsed.matters(word)]
    if len(part.code) < 3:
        return near
    code = _near_code(part.code)
    return [_any([Bool(must=near), code]) if near else code]


def _near_code(code: str) -> Query:
    prefix = Q("prefix", code=code)
    if (distance := slips(code)) == 0:
        return prefix
    near = {"value": code, "fuzziness": distance, "boost": CODE_PREFIX}
    return _any([prefix, Q("fuzzy", code=near)])


def _near(word: Word) -> Query:
    ways = [_word(word)]
    if distance := slips(word.plain):
        for field in ("title", "keywords", "inner"):
            name = f"{field}_p"
            near = {"value": word.plain, "fuzziness": distance, "boost": BOOSTS[field] / 3}
            start = {"value": word.plain, "boost": BOOSTS[field] / 2}
            ways += [Q("fuzzy", **{name: near}), Q("prefix", **{name: start})]
    return _any(ways)

"""One set of questions for all engines: on the demonstration catalogue, and on the main base's
dictionary where the reference data are present (they are not part of the project)."""

import csv
import json
import os
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from catalog.ingest.demo import seed_catalogue
from catalog.models import Dataset, Table
from catalog.search.backends.embedded import EmbeddedBackend
from catalog.search.backends.opensearch import OpenSearchBackend
from catalog.search.documents import Document, all_documents, make_document
from catalog.search.query import SearchRequest, parse


pytestmark = pytest.mark.django_db
LABELLED = Path(settings.BASE_DIR).parent / "shared" / "data" / "search-relevance"
FOUND, RECIPROCAL = 0.8, 0.45  # of the labelled questions: in the first 20, mean of 1/rank
FOUND_SLIPPED = 0.78  # with a slip in them
SCHEMAS = Path(settings.BASE_DIR).parent / "shared" / "data" / "snds" / "schemas"

# (question, kind, what must come first, within how many)
DEMO = [
    ("commune de résidence du bénéficiaire", "variable", "BEN_RES_COM", 1),
    ("commune residence beneficiaire", "variable", "BEN_RES_COM", 1),
    ("BEN_NAI_ANN", "variable", "BEN_NAI_ANN", 1),
    ("ben_nai", "variable", "BEN_NAI_MOI", 2),
    ("date de décès", "variable", "DATE_DECES", 3),
    ("diagnostic principal", "variable", "DGN_PAL", 3),
    ("score NIHSS", "variable", "NIHSS", 1),
    ("hemoglobine glyquee", "variable", "HBA1C", 1),
    ("l’indice de masse corporelle", "variable", "IMC", 2),
    ("IMC", "variable", "IMC", 1),
    ("AVC", "dataset", "demo-registre-avc", 1),
    ("accidents vasculaires cérébraux", "dataset", "demo-registre-avc", 1),
    ("cancer du sein", "dataset", "demo-oncosein", 1),
    ("maladies rares", "dataset", "demo-maladies-rares", 1),
    ("mucoviscidoze", "dataset", "demo-mucoviscidose", 1),
    ("urgences", "dataset", "demo-urgences-bellerive", 1),
    ("greffe de rein", "dataset", "demo-greffes", 1),
    ("démence autonomie", "dataset", "demo-cohorte-vieillir", 1),
    ("médecine générale", "dataset", "demo-consultations-ville", 1),
    ("autisme", "dataset", "demo-autisme", 1),
    ("thrombectomie", "dataset", "demo-registre-avc", 1),
    ("comune de residence du beneficiare", "variable", "BEN_RES_COM", 1),  # two slips
    ("registre des acidents vasculaires", "dataset", "demo-registre-avc", 1),
]
MAIN_BASE = [
    ("commune de résidence du bénéficiaire", "variable", "BEN_RES_COM", 1),
    ("BEN_RES_COM", "variable", "BEN_RES_COM", 1),
    ("année de naissance", "variable", "BEN_NAI_ANN", 3),
    ("date de deces du beneficiaire", "variable", "BEN_DCD_DTE", 2),
    ("commune de décès", "variable", "DCD_COM_COD", 1),
    ("diagnostic principal", "variable", "DGN_PAL", 3),
    ("code CIP", "variable", "PHA_PRS_C13", 10),
    ("EXE_SOI", "variable", "EXE_SOI_DTD", 6),
    ("PMSI MCO", "dataset", "snds-pmsi-mco", 1),
    ("hospitalisation à domicile", "dataset", "snds-pmsi-had", 1),
    ("HAD", "dataset", "snds-pmsi-had", 1),
    ("psychiatrie", "dataset", "snds-pmsi-rim-p", 1),
    ("causes de décès", "dataset", "snds-causes-de-deces", 1),
    ("ALD", "dataset", "snds-dcir-dcirs", 3),
    # in the words of those who do not know the dictionary's
    ("date de naissance", "variable", "BEN_NAI_MOI", 5),
    ("sexe du patient", "variable", "BEN_SEX_COD", 2),
    ("âge du bénéficiaire", "variable", "BEN_AMA_COD", 8),
    ("spécialité du médecin", "variable", "PSE_SPE_COD", 6),
    ("numéro séquentiel", "variable", "RHAD_NUM", 10),
    ("cip13", "variable", "PHA_PRS_C13", 1),
    ("mode de sortie", "variable", "SOR_MOD", 1),
    ("durée de séjour", "variable", "SEJ_DUREE", 10),
    ("identifiant du patient", "variable", "BEN_NIR_PSA", 3),
    ("dispositifs médicaux", "table", "ER_TIP_F", 6),
    ("médicaments", "table", "ER_PHA_F", 6),
    ("biologie", "table", "ER_BIO_F", 8),
    ("hospitalisation en psychiatrie", "dataset", "snds-pmsi-rim-p", 1),
    ("mortalité", "dataset", "snds-causes-de-deces", 2),
    # slips of the finger
    ("comune de residance", "variable", "BEN_RES_COM", 3),
    ("diagnostique principal", "variable", "DGN_PAL", 5),
    ("beneficiare", "table", "IR_BEN_R", 5),
    ("psychatrie", "dataset", "snds-pmsi-rim-p", 3),
    ("causes de décés", "dataset", "snds-causes-de-deces", 1),
    ("BEN_RES_CM", "variable", "BEN_RES_COM", 3),
    ("code CIP13 boite", "variable", "PHA_PRS_C13", 3),
]

# where both are present, as in a demonstration that imported the dictionary
BOTH = [
    ("commune de résidence du bénéficiaire", "variable", "BEN_RES_COM", 1),
    ("comune de residence du beneficiaire", "variable", "BEN_RES_COM", 2),
    ("sexe du bénéficiaire", "variable", "BEN_SEX_COD", 1),
    ("date de décès du bénéficiaire", "variable", "BEN_DCD_DTE", 2),
    ("mortalité", "dataset", "snds-causes-de-deces", 3),
    ("PMSI MCO", "dataset", "snds-pmsi-mco", 1),
    ("AVC", "dataset", "demo-registre-avc", 1),
    ("diabète type 2", "variable", "TOP_FDIABET_IND", 2),
]


@pytest.fixture(
    params=["embedded", pytest.param("opensearch", marks=pytest.mark.engine("opensearch"))]
)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "embedded":
        yield EmbeddedBackend(tmp_path)
        return
    backend = OpenSearchBackend(os.environ["TEST_OPENSEARCH_URL"], f"test-{uuid.uuid4().hex[:8]}")
    yield backend
    for name in backend.client.indices.get(index=f"{backend.names}-*"):
        backend.client.indices.delete(index=name, request_timeout=30)


def misses(engine: Any, questions: list[tuple[str, str, str, int]]) -> list[str]:
    codes = {str(pk): code for pk, code in Dataset.objects.values_list("pk", "code")}
    codes |= {str(pk): name for pk, name in Table.objects.values_list("pk", "name")}
    wrong = []
    for text, kind, wanted, within in questions:
        hits = engine.search(SearchRequest(parse(text), kind)).hits
        found = [codes.get(hit.key, hit.key) for hit in hits]
        if wanted not in found[:within]:
            wrong.append(f"{text!r} ({kind}): {wanted} is not in {found[: within + 3]}")
    return wrong


def test_demonstration_catalogue(engine: Any) -> None:
    seed_catalogue()
    engine.rebuild(all_documents())
    assert not misses(engine, DEMO)


def test_dictionary_of_the_main_base(engine: Any) -> None:
    if not SCHEMAS.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{SCHEMAS} is absent: CI must have the reference data")
        pytest.skip(f"{SCHEMAS} is absent: reference data are not part of the project")
    call_command("import_table_schema", str(SCHEMAS), stdout=StringIO())
    engine.rebuild(all_documents())
    assert not misses(engine, MAIN_BASE)
    hits = engine.search(SearchRequest(parse("BEN_RES_COM"), "variable")).hits
    assert [hit.key for hit in hits] == ["BEN_RES_COM"]
    seed_catalogue()
    engine.rebuild(all_documents())
    assert not misses(engine, BOTH)


def labelled() -> tuple[list[Document], list[tuple[str, str]]]:
    """Descriptions of data.gouv.fr, and questions with the one that answers, where it is there."""
    documents, known = [], set()
    for line in (LABELLED / "datasets_corpus.ndjson").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        known.add(row["id"])
        documents.append(
            make_document(
                "dataset", row["id"], [row["acronym"] or ""],
                title=f"{row['title']} {row['acronym'] or ''}", keywords=" ".join(row["tags"]),
                holder_name=row["organization"] or "", body=row["description"] or "",
            )
        )  # fmt: skip
    questions = []
    for path in sorted(LABELLED.glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            questions += [
                (row["query"], row["expected"])
                for row in csv.DictReader(file)
                if row["expected"] in known
            ]
    return documents, questions


def test_labelled_questions_of_another_portal(engine: Any) -> None:
    """191 questions, of which 97 have their answer in the corpus."""
    if not LABELLED.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{LABELLED} is absent: CI must have the reference data")
        pytest.skip(f"{LABELLED} is absent: reference data are not part of the project")
    documents, questions = labelled()
    assert (len(documents), len(questions)) == (626, 97)
    engine.rebuild(documents)
    found, reciprocal = score(engine, questions)
    assert found >= FOUND
    assert reciprocal >= RECIPROCAL
    slipped = [(slip(text), expected) for text, expected in questions if slip(text) != text]
    found, reciprocal = score(engine, slipped)
    assert found >= FOUND_SLIPPED


def score(engine: Any, questions: list[tuple[str, str]]) -> tuple[float, float]:
    ranks = []
    for text, expected in questions:
        hits = [hit.key for hit in engine.search(SearchRequest(parse(text), "dataset")).hits]
        ranks.append(hits.index(expected) + 1 if expected in hits else 0)
    found = sum(rank > 0 for rank in ranks) / len(ranks)
    return found, sum(1 / rank for rank in ranks if rank) / len(ranks)


def slip(text: str) -> str:
    """Two letters in the middle of the longest word swapped, when it has six letters at least."""
    longest = max(text.split(), key=len, default="")
    if len(longest) < 6:
        return text
    at = len(longest) // 2
    swapped = longest[: at - 1] + longest[at] + longest[at - 1] + longest[at + 1 :]
    return text.replace(longest, swapped)

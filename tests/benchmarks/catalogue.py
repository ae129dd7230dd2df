"""The catalogue of a size, made in bulk through the ORM. Seeded: each time the same."""

import random
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from catalog.models import DataHolder, Dataset, Table, Variable
from catalog.vocabularies import sync_vocabularies
from portal.accounts.models import Organisation

from .sizes import Size


BATCH = 2_000
HOLDERS = 40
EVERYWHERE, OFTEN, SHARE = "PATIENT_ID", "SEXE", 0.3
# What labels and titles are drawn from: accents, elisions and endings, for the stemmer to work on.
WORDS = (
    "date début fin séjour entrée sortie naissance décès consultation acte prescription délivrance"
    " diagnostic principal associé traitement médicament dosage posologie biologie prélèvement"
    " résultat unité tension glycémie cholestérol insuline diabète cancer tumeur stade métastase"
    " chirurgie anesthésie réanimation urgences hospitalisation psychiatrie maternité grossesse"
    " accouchement nourrisson enfant adulte âge sexe commune résidence département région code"
    " établissement service médecin spécialité remboursement montant exonération régime assurance"
    " affection durée nombre type motif mode orientation passage transfert suivi questionnaire"
    " cohorte registre inclusion exclusion consentement génotype imagerie scanner radiographie"
).split()
KINDS = ("COD", "DAT", "NBR", "TYP", "LIB", "MNT", "IND", "TOP", "NUM", "DUR")
DATA_TYPES = tuple(Variable.DataType.values)


def fill(size: Size) -> None:
    """Add datasets, tables and variables until the size is reached."""
    draw = random.Random(size.name)
    terms = sorted(sync_vocabularies().values(), key=lambda term: (term.scheme, term.code))
    datasets = _datasets(size.datasets - Dataset.objects.count(), draw)
    Dataset.objects.bulk_create(datasets, batch_size=BATCH)
    through = Dataset.terms.through
    through.objects.bulk_create(
        (
            through(dataset_id=one.pk, vocabularyterm_id=term.pk)
            for one in datasets
            for term in draw.sample(terms, 2)
        ),
        batch_size=BATCH,
    )
    wanted = size.tables - Table.objects.count()
    tables = [_table(datasets[n % len(datasets)], n, draw) for n in range(wanted)]
    Table.objects.bulk_create(tables, batch_size=BATCH)
    variables = _variables(tables, size.variables - Variable.objects.count(), size.names, draw)
    Variable.objects.bulk_create(variables, batch_size=BATCH)


def _words(draw: random.Random, count: int) -> str:
    return " ".join(draw.sample(WORDS, count))


def _holders() -> list[DataHolder]:
    bodies = Organisation.objects.bulk_create(
        Organisation(code=f"detenteur-{n}", name=f"Centre de données n° {n}", kind="holder")
        for n in range(HOLDERS)
    )
    return DataHolder.objects.bulk_create(DataHolder(organisation=body) for body in bodies)


def _datasets(count: int, draw: random.Random) -> list[Dataset]:
    holders, now = _holders(), timezone.now()
    return [
        Dataset(
            code=f"base-{n:05}",
            kind="catalogue",
            acronym=f"B{n}",
            title_fr=f"Registre {_words(draw, 3)} n° {n}",
            summary_fr=f"Données : {_words(draw, 12)}. Recueil : {_words(draw, 10)}.",
            excludes_fr=f"Ni {_words(draw, 4)}.",
            population_fr=f"Personnes : {_words(draw, 5)}.",
            covers_from=(first := draw.randint(1995, 2018)),
            covers_until=draw.randint(first, 2026),
            number_of_individuals=draw.randint(1_000, 9_000_000),
            keywords_fr=draw.sample(WORDS, 4),
            holder=draw.choice(holders),
            published_at=now,
        )
        for n in range(count)
    ]


def _table(dataset: Dataset, number: int, draw: random.Random) -> Table:
    return Table(
        dataset=dataset,
        name=f"TAB_{number:05}",
        label_fr=f"Table {_words(draw, 3)}",
        description=f"Une ligne par {_words(draw, 2)}.",
        position=number,
        valid_from=dataset.covers_from,
        valid_until=dataset.covers_until,
    )


def _variables(
    tables: list[Table], count: int, names: int, draw: random.Random
) -> Iterator[Variable]:
    """`count` variables over the tables; every name but the two shared ones is used."""
    pool = [f"{KINDS[n % len(KINDS)]}_{WORDS[n % 43][:4].upper()}_{n:04}" for n in range(names)]
    turn = iter(pool)
    for place, table in enumerate(tables):
        width = count * (place + 1) // len(tables) - count * place // len(tables)
        held = [EVERYWHERE] + [OFTEN] * (draw.random() < SHARE)
        fresh = [name for _ in range(width - len(held)) if (name := next(turn, ""))]
        held += fresh
        while len(held) < width:
            held += [name for name in draw.sample(pool, width - len(held)) if name not in held]
        yield from (_variable(table, name, n, draw) for n, name in enumerate(held))


def _variable(table: Table, name: str, position: int, draw: random.Random) -> Variable:
    more: dict[str, Any] = {"identifier": "care_date"} if name.startswith("DAT_SOIN") else {}
    return Variable(
        table=table,
        name=name,
        label_fr=f"{_words(draw, 4)} n° {draw.randint(1, 99_999)}",
        description=f"{_words(draw, 6)}." if draw.random() < 0.3 else "",
        data_type=draw.choice(DATA_TYPES),
        position=position,
        **more,
    )

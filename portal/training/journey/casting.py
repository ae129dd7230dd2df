"""Who plays and with which data: demo catalogue databases, and the main base at hand."""

from typing import Any


# Two tables of the main base; the years hold one in which the commune of residence is missing.
DEMO_MAIN_BASE = [
    {"dataset": "demo-base-principale", "table": "DP_BEN_R"},
    {"dataset": "demo-base-principale", "table": "DP_PRS_F"},
]
# Tables of a real dictionary imported by `import_table_schema`.
REAL_MAIN_BASE = [
    {"dataset": "snds-beneficiaire", "table": "IR_BEN_R"},
    {"dataset": "snds-dcir", "table": "ER_PHA_F"},
]
CATALOGUE = [
    {"dataset": "demo-registre-cancers", "table": "RC_TUMEUR"},
    {"dataset": "demo-eds-bellerive", "table": "EDB_SEJOUR"},
]
YEARS = {"year_from": "2009", "year_until": "2018"}


def casting(*, real_dictionary: bool) -> dict[str, Any]:
    """Rows of the three studies and the two holders consulted on the first."""
    main_base = REAL_MAIN_BASE if real_dictionary else DEMO_MAIN_BASE
    return {
        "rows": [row | YEARS for row in (*main_base, *CATALOGUE)],
        "second rows": [{"dataset": "demo-greffes", "table": "GR_GREFFE", **YEARS}],
        "mr007 rows": [main_base[0] | YEARS],
        "holders": ("resp-registres-grand-lac", "resp-chu-bellerive"),
    }

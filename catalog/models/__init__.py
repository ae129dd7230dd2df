from .dataset import Dataset, Distribution
from .holder import DataHolder
from .outbox import IndexLease, IndexOutbox
from .staging import ImportRun, StagedRow
from .table import Table, TableKey
from .variable import Variable
from .vocabulary import VocabularyTerm


__all__ = [
    "DataHolder",
    "Dataset",
    "Distribution",
    "ImportRun",
    "IndexLease",
    "IndexOutbox",
    "StagedRow",
    "Table",
    "TableKey",
    "Variable",
    "VocabularyTerm",
]

"""The two sizes that pages are measured at, on PostgreSQL. No Django here: the parent reads it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Rows that a database of this size holds, those of `tests.support.factories.World` included.

    Every table holds PATIENT_ID and about 30 % hold SEXE; other names are drawn from `names`.
    `pending` requests wait for the secretariat, `further` stand later (see FURTHER); each has
    `events` events in the log, and one of those that wait has `most_events`.
    """

    name: str
    datasets: int
    tables: int
    variables: int
    names: int
    pending: int
    further: int
    events: int = 24
    most_events: int = 10_000

    @property
    def requests(self) -> int:
        return self.pending + self.further

    @property
    def in_words(self) -> str:
        return (
            f"{self.datasets:,} datasets, {self.tables:,} tables, {self.variables:,} variables;"
            f" {self.requests:,} requests ({self.pending:,} with the secretariat),"
            f" {self.events} events each, {self.most_events:,} of one"
        )


# Where the requests stand that are not with the secretariat, in turn.
FURTHER = ("referral", "opinion", "use")
SIZES = {
    size.name: size
    for size in (
        Size("small", 403, 750, 9_316, names=4_300, pending=300, further=3),
        Size("large", 10_003, 20_000, 199_710, names=5_240, pending=3_000, further=6),
    )
}

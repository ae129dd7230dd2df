"""What the portal knows of Scaleway without calling it. Pure: the web loads it."""

from requests_app.provisioning.providers.scaleway.words import LIMITS, WORDS
from requests_app.provisioning.providers.shape import Rows, Shape


MAX_PARTS = 1000  # Scaleway's limit of a multipart upload (AWS: 10,000)
# Words in Scaleway's names of quotas: what one study, and each of its persons, take (H6).
TAKEN: dict[str, tuple[int, int]] = {
    "project": (1, 0),
    "application": (0, 1),
    "group": (1, 0),
    "polic": (1, 0),
    "api_key": (0, 2),
    "bucket": (2, 0),
}
SCALEWAY = Shape(
    name="Scaleway",
    rows=Rows(study="project", person="application", rights=("group", "policy"), members="group"),
    form="2023-04-17/1",  # version of their policies / of our rendering
    tool="Scaleway",
    max_parts=MAX_PARTS,
    key_settings=("SCW_ACCESS_KEY", "SCW_SECRET_KEY"),
    words=WORDS,
    limits=LIMITS,
)

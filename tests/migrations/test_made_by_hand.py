"""What migrations make beside the models is still there when all of them were played.

SQLite remakes a table whose constraint changes, and drops in silence what no model declares.
"""

import pytest
from django.db import connection


pytestmark = [pytest.mark.both, pytest.mark.django_db]


def test_the_order_of_the_list_of_requests_is_kept() -> None:
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, "requests_app_accessrequest")
    assert "requests_newest_first" in there

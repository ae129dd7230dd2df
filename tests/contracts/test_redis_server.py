"""What the portal asks of Redis: a cache shared by processes, counters, a broker that keeps."""

import os
import uuid

import pytest
from django.core.cache.backends.redis import RedisCache
from kombu import Connection


pytestmark = pytest.mark.engine("redis")


def cache() -> RedisCache:
    """A cache as a process of its own would open it."""
    return RedisCache(os.environ["TEST_REDIS_CACHE_URL"], {})


def test_what_one_process_writes_another_reads() -> None:
    key = uuid.uuid4().hex
    cache().set(key, {"n": 1, "mot": "résidence"}, 30)
    assert cache().get(key) == {"n": 1, "mot": "résidence"}


def test_counters_of_throttles_add_up_and_end() -> None:
    key = uuid.uuid4().hex
    one, other = cache(), cache()
    assert one.add(key, 0, 30)
    assert not other.add(key, 0, 30)
    for _ in range(5):
        one.incr(key)
        other.incr(key)
    assert one.get(key) == 10
    one.touch(key, 0)
    assert other.get(key) is None


def test_cache_and_broker_do_not_share_a_database() -> None:
    assert os.environ["TEST_REDIS_URL"] != os.environ["TEST_REDIS_CACHE_URL"]
    key = uuid.uuid4().hex
    cache().set(key, 1, 30)
    assert RedisCache(os.environ["TEST_REDIS_URL"], {}).get(key) is None


def test_a_message_waits_until_a_worker_takes_it() -> None:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    with Connection(os.environ["TEST_REDIS_URL"]) as connection:
        with connection.SimpleQueue(name) as queue:
            queue.put({"request": "x"})
    with Connection(os.environ["TEST_REDIS_URL"]) as connection:
        with connection.SimpleQueue(name) as queue:
            message = queue.get(timeout=5)
            assert message.payload == {"request": "x"}
            message.ack()
            with pytest.raises(queue.Empty):  # taken once
                queue.get_nowait()


def test_the_broker_never_evicts() -> None:
    """A full Redis must refuse, not forget tasks in silence."""
    with Connection(os.environ["TEST_REDIS_URL"]) as connection:
        client = connection.default_channel.client
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"

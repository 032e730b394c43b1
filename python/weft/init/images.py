"""What is known of common images: whether they are a language to run one's own program in, and what they listen on."""

from __future__ import annotations

# The program comes from elsewhere: from a folder that is mounted, from `command`.
RUNTIMES = frozenset(
    """alpine amazoncorretto bash bun busybox debian deno eclipse-temurin elixir erlang fedora golang gradle maven node
    openjdk perl php python ruby rust sdk ubuntu""".split()
)
# Port, and whether it is opaque: what is no HTTP need not be looked at, and some servers speak first.
KNOWN: dict[str, int] = {
    "cassandra": 9042,
    "cockroach": 26257,
    "kafka": 9092,
    "mariadb": 3306,
    "memcached": 11211,
    "mongo": 27017,
    "mysql": 3306,
    "nats": 4222,
    "postgres": 5432,
    "postgis": 5432,
    "rabbitmq": 5672,
    "redis": 6379,
    "timescaledb": 5432,
    "valkey": 6379,
    "zookeeper": 2181,
}


def short(image: str) -> str:
    """ "docker.io/library/postgres:16-alpine" as postgres."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()

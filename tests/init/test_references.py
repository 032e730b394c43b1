import pytest

from weft.init.references import Callee, addressed, ports_mentioned, variable, with_port

DB = Callee("book-db", ("db", "my_db"), [5432, 8008])
API = Callee("api", ("api",), [80])


@pytest.mark.parametrize(
    ("variable", "text", "written", "calls"),
    [
        ("", "http://api/v1", "http://$(API_HOST)/v1", {"api"}),
        ("", "http://api:80/v1", "http://$(API_HOST):80/v1", {"api"}),
        ("", "postgres://u:p@db:5432/x", "postgres://u:p@$(BOOK_DB_HOST):5432/x", {"book-db"}),
        ("", "postgres://u:p@my_db/x", "postgres://u:p@$(BOOK_DB_HOST)/x", {"book-db"}),
        ("", "db:8008", "$(BOOK_DB_8008_HOST):8008", {"book-db"}),
        ("", "db:5432,api:80", "$(BOOK_DB_HOST):5432,$(API_HOST):80", {"api", "book-db"}),
        ("DB_HOST", "db", "$(BOOK_DB_HOST)", {"book-db"}),
        ("UPSTREAMS", "db,api", "$(BOOK_DB_HOST),$(API_HOST)", {"api", "book-db"}),
        # A word like any other.
        ("MODE", "api", "api", set()),
        ("", "manage.py db upgrade", "manage.py db upgrade", set()),
        ("", "http://apis/ http://the.api/ api.example.com", "http://apis/ http://the.api/ api.example.com", set()),
        # A port that it does not have.
        ("", "http://api:81/", "http://api:81/", set()),
    ],
)
def test_a_host_becomes_what_weft_tells(variable: str, text: str, written: str, calls: set[str]) -> None:
    found: set[str] = set()
    assert addressed(text, [DB, API], found, variable) == written
    assert found == calls


def test_ports_are_learned_from_others() -> None:
    texts = ["http://search:9200/", "search:9200,search:9300", "research:1", "search:99999"]
    assert ports_mentioned(texts, ["search"]) == [9200, 9300]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("gunicorn --workers 80 --bind 0.0.0.0:80 a:b", "gunicorn --workers 80 --bind 127.0.0.1:$(PORT) a:b"),
        ("manage.py runserver 80", "manage.py runserver $(PORT)"),
        ("serve --http-port=80 -p 81", "serve --http-port=$(PORT) -p $(PORT_81)"),
        (["serve", "--port", "80", "--host", "0.0.0.0"], ["serve", "--port", "$(PORT)", "--host", "127.0.0.1"]),
        (["serve", "--workers", "80", ":80"], ["serve", "--workers", "80", ":$(PORT)"]),
        (["sh", "-c", "php -S 0.0.0.0:80 -t public"], ["sh", "-c", "php -S 127.0.0.1:$(PORT) -t public"]),
        ("serve :8080 :800", "serve :8080 :800"),
    ],
)
def test_a_command_that_names_its_port_gets_its_own(words: str | list[str], written: str | list[str]) -> None:
    assert with_port(words, [80, 81]) == written


def test_the_first_port_is_the_usual_one() -> None:
    assert (variable(80, [80, 81]), variable(81, [80, 81])) == ("$(PORT)", "$(PORT_81)")

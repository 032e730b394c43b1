from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from weft.resources import types
from weft.resources.types import duration_ms, duration_text

DURATIONS = [
    ("10s", 10_000),
    ("250ms", 250),
    ("1h30m", 5_400_000),
    ("0s", 0),
    ("1h1m1s1ms", 3_661_001),
    (timedelta(seconds=2), 2_000),
]


@pytest.mark.parametrize(("text", "ms"), DURATIONS)
def test_a_duration_is_milliseconds(text, ms):
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "5", 5, 1.5, "1.5s", "5 s", "1d", "-1s", "123456s", "1s1s1s1s1s", None, True])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"unit|duration"):
        duration_ms(text)


@given(st.integers(min_value=0, max_value=99_999 * 3_600_000))
def test_a_duration_reads_back_from_its_text(ms):
    assert duration_ms(duration_text(ms)) == ms


ACCEPTED = [
    (types.DnsLabel, "a-1", "a-1"),
    (types.DnsName, "a.b", "a.b"),
    (types.HeaderName, "X-User", "x-user"),
    (types.HeaderText, "ä b\t", "ä b\t"),
    (types.Method, "PURGE", "PURGE"),
    (types.Port, 65535, 65535),
    (types.IpAddress, "2001:DB8::0", "2001:db8::"),
    (types.IpBlock, "192.0.2.7", "192.0.2.7/32"),
    (types.IpBlock, "192.0.2.0/24", "192.0.2.0/24"),
    (types.Regex, r"\d+\\1", r"\d+\\1"),
]


@pytest.mark.parametrize(("kind", "value", "becomes"), ACCEPTED)
def test_a_value_is_taken(kind, value, becomes):
    assert TypeAdapter(kind).validate_python(value) == becomes


# Each with a word that the reader of the error needs.
REFUSED = [
    (types.DnsLabel, "A", 'write "a"'),
    (types.DnsLabel, "a_b", 'write "a-b"'),
    (types.DnsLabel, "-a", "label"),
    (types.DnsLabel, "a/b", "label"),
    (types.DnsLabel, "a" * 64, "63"),
    (types.DnsName, "a..b", "name"),
    (types.HeaderName, "a b", "header name"),
    (types.HeaderName, ":path", "header name"),
    (types.HeaderText, "a\r\nb", "line breaks"),
    (types.Method, "get", 'write "GET"'),
    (types.Port, 0, "1"),
    (types.Port, 65536, "65535"),
    (types.Port, "80", "integer"),
    (types.Port, True, "integer"),
    (types.IpAddress, "192.0.2.1:80", "port: 80"),
    (types.IpAddress, "db.example", "no name"),
    (types.IpBlock, "192.0.2.7/24", 'write "192.0.2.0/24"'),
    (types.IpBlock, "x", "such as"),
    (types.Regex, "(?=a)", "look-ahead"),
    (types.Regex, "(?<!a)b", "look-behind"),
    (types.Regex, r"(a)\1", "back-reference"),
    (types.Regex, "(?>a)", "atomic"),
]


@pytest.mark.parametrize(("kind", "value", "says"), REFUSED)
def test_a_value_is_refused_with_what_helps(kind, value, says):
    with pytest.raises(ValidationError) as error:
        TypeAdapter(kind).validate_python(value)
    (details,) = error.value.errors()
    assert says in details["msg"] + str(details.get("ctx", {}))


@pytest.mark.parametrize("sign", list("/:@[] *"))
def test_no_name_has_a_sign_of_our_keys(sign):
    for kind in (types.DnsLabel, types.DnsName):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(f"a{sign}b")

from weft.discovery.hosts import addresses

HOSTS = """
127.0.0.1   localhost loop   # not.this
::1         localhost
192.0.2.7   DB.example.com db
2001:db8::7 db
nonsense    db
"""


def test_names_of_the_file_count_in_any_case(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text(HOSTS)
    assert addresses("db.example.com.", hosts) == ["192.0.2.7"]
    assert addresses("DB", hosts) == ["192.0.2.7", "2001:db8::7"]
    assert addresses("localhost", hosts) == ["127.0.0.1", "::1"]
    assert addresses("not.this", hosts) == addresses("other", hosts) == []


def test_localhost_needs_no_file(tmp_path):
    assert addresses("localhost", tmp_path / "none") == ["127.0.0.1", "::1"]
    assert addresses("a.localhost.", tmp_path / "none") == ["127.0.0.1", "::1"]
    assert addresses("a", tmp_path / "none") == []

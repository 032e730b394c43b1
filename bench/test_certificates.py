import ssl
from pathlib import Path

import pytest

from bench import certificates
from bench.certificates import Certificates


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("name", certificates.NAMES)
def test_each_leaf_matches_its_key(made: Certificates, name: str) -> None:
    context = ssl.create_default_context(cafile=str(made.roots))
    context.load_cert_chain(made.chain(name), made.key(name))
    context.load_cert_chain(made.both(name))


def test_a_leaf_holds_exactly_one_spiffe_id() -> None:
    extensions = certificates.leaf_extensions("client")
    assert extensions.count("URI:") == 1
    assert "URI:spiffe://bench.test/ns/default/sa/client\n" in extensions


def test_private_files_are_told_apart() -> None:
    made = Certificates(Path("/x"))
    files = {made.chain("client"), made.key("client"), made.both("client"), made.roots}
    assert len(files) == 4

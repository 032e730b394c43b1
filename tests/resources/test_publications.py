import pytest

from weft.resources import expand
from weft.resources.publications import Publication

SERVICE = "apiVersion: weft/v1\nkind: Service\nmetadata: {name: front}\nspec: {ports: [{port: 80}, {port: 90}]}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "front.yaml").write_text(SERVICE)
    return tmp_path


def expanded(folder, publish, service="{run: x, port: 70}"):
    text = f"namespace: shop\nresources: [front.yaml]\npublish: {publish}\nservices: {{a: {service}}}\n"
    (folder / "weft.yaml").write_text(text)
    return expand("weft.yaml")


@pytest.mark.parametrize(
    ("publish", "expected"),
    [
        ("{local: 8080, service: front}", [(8080, "shop/front", 80)]),
        ("[{local: 1, service: front, port: 90}, {local: 2, service: a}]", [(1, "shop/front", 90), (2, "shop/a", 70)]),
    ],
)
def test_a_service_of_the_resources_is_published_like_one_of_the_file(folder, publish, expected):
    found = expanded(folder, publish)
    assert found.problems == ()
    assert found.published == tuple(Publication(*entry) for entry in expected)


def test_those_of_services_come_first(folder):
    found = expanded(folder, "{local: 8080, service: front}", "{run: x, port: 70, publish: 8081}")
    assert [p.local for p in found.published] == [8081, 8080]


@pytest.mark.parametrize(
    ("publish", "says"),
    [
        ("{local: 1, service: fron}", 'there is no service \'fron\' here to publish\n\nhint: did you mean "front"?'),
        ("{local: 1, service: front, port: 81}", "front has no port 81 to publish\n\nhint: it has 80, 90"),
        ("{local: 1}", "publish[0].service is missing"),
        ("{local: 9, service: front}", "publish: 9 is taken by services.a.publish"),
        ("{local: 8, service: front}", "publish: 8 is taken by services.a.listen"),
        ("[{local: 1, service: a}, {local: 1, service: front}]", "publish: 1 is taken by publish of a"),
    ],
)
def test_what_cannot_be_published_is_named_with_its_place(folder, publish, says):
    (found,) = expanded(folder, publish, "{run: x, port: 70, publish: 9, listen: 8}").problems
    assert str(found).startswith("error: weft.yaml:3:")
    assert says in str(found)

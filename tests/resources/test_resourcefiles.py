import pytest

from weft.resources import expand, load
from weft.resources.expand import expand_text

SERVICE = "apiVersion: weft/v1\nkind: Service\nmetadata: {name: front}\nspec: {ports: [{port: 80}]}\n"
POLICY = """
apiVersion: weft/v1
kind: TrafficPolicy
metadata: {name: patience}
spec: {targetRefs: [{name: a}], timeouts: {request: 2s}}
"""
A = "services: {a: {run: x, port: 80}}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where we are, so that messages have short names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    return tmp_path


def complaints(file="weft.yaml"):
    return [str(problem).removeprefix("error: ") for problem in expand(file).problems]


def test_resources_of_other_files_stand_beside_those_that_the_file_means(folder):
    (folder / "weft.yaml").write_text(f"resources: [policies/*.yaml]\n{A}")
    (folder / "policies/b.yaml").write_text(POLICY)
    (folder / "policies/a.yaml").write_text(SERVICE)
    found = expand("weft.yaml")
    assert found.problems == ()
    assert [(str(r.ref), r.origin.file, r.origin.line) for r in found.resources] == [
        ("Service/default/a", "weft.yaml", 2),
        ("Service/default/front", "policies/a.yaml", 1),
        ("TrafficPolicy/default/patience", "policies/b.yaml", 2),
    ]
    assert [r.ref for r in load(["weft.yaml"]).resources] == [r.ref for r in found.resources]


def test_what_names_no_namespace_is_in_that_of_the_file(folder):
    (folder / "weft.yaml").write_text(f"namespace: shop\nresources: [p.yaml]\n{A}")
    mesh = "---\napiVersion: weft/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {egress: refuse}\n"
    (folder / "p.yaml").write_text(POLICY + "---\n" + SERVICE.replace("front", "front, namespace: other") + mesh)
    assert [str(r.ref) for r in expand("weft.yaml").resources] == [
        "Service/shop/a",
        "TrafficPolicy/shop/patience",
        "Service/other/front",
        "Mesh/default/mesh",
    ]


def test_a_path_is_relative_to_the_file_that_names_it(folder):
    (folder / "weft.yaml").write_text(f"include: [policies/more.yaml]\n{A}")
    (folder / "policies/more.yaml").write_text("resources: [p.yaml]\nservices: {b: {run: y}}\n")
    (folder / "policies/p.yaml").write_text(POLICY)
    assert [r.origin.file for r in expand("weft.yaml").resources] == ["weft.yaml", "policies/p.yaml"]


def test_a_file_that_two_patterns_mean_is_read_once(folder):
    (folder / "weft.yaml").write_text(f"resources: [p.yaml, '*.y?ml', '**/p.yaml', p.yaml]\n{A}")
    (folder / "p.yaml").write_text(POLICY)
    # The second pattern means the weft.yaml itself, too.
    assert complaints() == [
        "weft.yaml:1:1: this is a weft.yaml, not a resource\n\nhint: include: [weft.yaml]",
    ]
    (folder / "weft.yaml").write_text(f"resources: [p.yaml, 'p*.y?ml', '**/p.yaml']\n{A}")
    assert len(expand("weft.yaml").resources) == 2


WRONG = {
    "a file that is missing": ("- polices.yaml", "weft.yaml:2:3: there is no file polices.yaml", "policies.yaml"),
    "a folder that is missing": ("- p/a.yaml", "weft.yaml:2:3: there is no file p/a.yaml", "relative to this file"),
    "a folder": ("- policies", "weft.yaml:2:3: policies is a folder", "write policies/*.yaml"),
    "a pattern of nothing": ("- none/*.yaml", "weft.yaml:2:3: no file is called like none/*.yaml", "* stands for"),
    "more than anybody means": ("- many/*.yaml", "weft.yaml:2:3: more than 1000 files are called like", "name some"),
    "no file at all": ("- /dev/null", "weft.yaml:2:3: /dev/null is no ordinary file", "its text"),
    "a name that no file has": (f"- {'a' * 300}", "weft.yaml:2:3: cannot be looked for", "file name too long"),
    "a resource that is wrong": ("- wrong.yaml", "wrong.yaml:3:7: there is no kind", "Service"),
    "a field that is wrong": ("- field.yaml", 'field.yaml:4:8: unknown field "prots" in spec', "ports"),
    "no YAML": ("- text.yaml", "text.yaml:2:1: not valid YAML", ""),
    "a second one of its name": ("- again.yaml", "again.yaml:1:1: Service/default/a stands twice", "remove one"),
}


@pytest.mark.parametrize(("entry", "what", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_place(folder, entry, what, hint):
    (folder / "weft.yaml").write_text(f"resources:\n{entry}\n{A}")
    (folder / "policies.yaml").write_text(POLICY)
    (folder / "many").mkdir()
    for number in range(1001 if "many" in entry else 0):
        (folder / f"many/{number}.yaml").touch()
    (folder / "wrong.yaml").write_text("# a comment\napiVersion: weft/v1\nkind: Servce\n")
    (folder / "field.yaml").write_text(SERVICE.replace("spec: {", "spec: {prots: [], "))
    (folder / "text.yaml").write_text("[")
    (folder / "again.yaml").write_text(SERVICE.replace("front", "a"))
    found = complaints()
    assert found[0].startswith(what), found
    assert hint in found[0]


def test_text_without_a_place_reads_no_files():
    (found,) = expand_text(f"resources: [p.yaml]\n{A}", "w.yaml").problems
    assert str(found).startswith("error: w.yaml:1:13: cannot read p.yaml: this text has no folder")


@pytest.mark.parametrize("where", [".", "policies/..", "absolute"])
def test_in_a_folder_that_is_loaded_they_are_the_same_and_not_twice(folder, where):
    (folder / "weft.yaml").write_text(f"resources: [policies/*.yaml]\n{A}")
    (folder / "policies/a.yaml").write_text(POLICY)
    found = load([folder if where == "absolute" else where])
    assert found.problems == ()
    assert len(found.resources) == 2

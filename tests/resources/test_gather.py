from pathlib import Path

import pytest

from weft.resources import expand, load
from weft.resources.expand import expand_text
from weft.resources.gather import Around, one_document, text_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where we are, so that messages have short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files):
    """`shop__weft_yaml` is shop/weft.yaml."""
    for name, text in files.items():
        path = Path(name.replace("__", "/").replace("_yaml", ".yaml").replace("dot_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def complaints(file="weft.yaml"):
    return [str(problem).removeprefix("error: ") for problem in expand(file).problems]


def test_included_services_are_services_like_others(folder):
    write(
        weft_yaml="include: [shop/weft.yaml]\nnamespace: a\nservices: {web: {run: x, calls: [stock]}}\n",
        shop__weft_yaml="include: [../db.yaml]\nservices: {stock: {run: y, port: 80, directory: d, calls: [db]}}\n",
        db_yaml="services: {db: {run: z, port: 1}}\n",
    )
    expanded = expand("weft.yaml")
    assert expanded.problems == ()
    assert [(p.name, p.directory) for p in expanded.workloads] == [("web-0", ""), ("stock-0", "shop/d"), ("db-0", "")]
    assert {r.namespace for r in expanded.resources} == {"a"}
    assert {r.name: (r.origin.file, r.origin.line) for r in expanded.resources if r.KIND == "Service"} == {
        "stock": ("shop/weft.yaml", 2),
        "db": ("shop/../db.yaml", 1),
    }


def test_who_only_includes_has_services_too(folder):
    write(weft_yaml="include: [a.yaml]\n", a_yaml="services: {a: {run: x, port: 80}}\n")
    assert [str(r.ref) for r in load(["weft.yaml"]).resources] == ["Service/default/a"]


WRONG = {
    "a file that is missing": (
        {"weft_yaml": "include:\n  - shop.yaml\n", "shops_yaml": ""},
        'weft.yaml:2:5: there is no file shop.yaml\n\nhint: did you mean "shops.yaml"?',
    ),
    "a folder that is missing": (
        {"weft_yaml": "include:\n  - shop/a.yaml\n"},
        "weft.yaml:2:5: there is no file shop/a.yaml\n\nhint: its path is relative to this file",
    ),
    "itself": (
        {"weft_yaml": "include: [weft.yaml]\n"},
        "weft.yaml:1:11: the include of weft.yaml is circular: it includes itself\n\nhint: remove one of the two",
    ),
    "a circle": (
        {"weft_yaml": "\ninclude: [a.yaml]\n", "a_yaml": "\n\ninclude: [weft.yaml]\n"},
        "a.yaml:3:11: the include of weft.yaml is circular: weft.yaml leads here again, by weft.yaml:2:11\n\nhint: ",
    ),
    "one file twice": (
        {"weft_yaml": "include: [a.yaml, ./a.yaml]\n", "a_yaml": "services: {a: {run: x}}\n"},
        "weft.yaml:1:19: a.yaml is included twice: first at weft.yaml:1:11\n\nhint: remove one of the two",
    ),
    "a service twice": (
        {"weft_yaml": "include: [a.yaml]\nservices: {a: {run: x}}\n", "a_yaml": "services: {a: {run: x}}\n"},
        "a.yaml:1:12: the service a stands twice: first at weft.yaml:2:12\n\nhint: rename one of the two",
    ),
    "two opinions": (
        {"weft_yaml": "include: [a.yaml]\nmtls: strict\n", "a_yaml": "mtls: permissive\nservices: {a: {run: x}}\n"},
        "a.yaml:1:1: mtls: permissive, and mtls: strict at weft.yaml:2:1\n\nhint: all files",
    ),
    "a mistake in there": (
        {"weft_yaml": "include: [a.yaml]\n", "a_yaml": "services: {a: {rum: x}}\n"},
        'a.yaml:1:16: unknown field "rum" in services.a',
    ),
    "no YAML in there": ({"weft_yaml": "include: [a.yaml]\n", "a_yaml": "a: ["}, "a.yaml:"),
    "a resource in there": (
        {"weft_yaml": "include: [a.yaml]\n", "a_yaml": "kind: Service\n"},
        "a.yaml:1:1: this is a Service, not a weft.yaml\n\nhint: weft apply -f a.yaml",
    ),
    "no list": ({"weft_yaml": "include: a.yaml\n"}, "weft.yaml:1:10: include: is a string, not a list\n\nhint:"),
    "a folder": (
        {"weft_yaml": "include: [shop]\n", "shop__weft_yaml": ""},
        "weft.yaml:1:11: shop is a folder\n\nhint: write shop/weft.yaml",
    ),
    "no file at all": ({"weft_yaml": "include: [/dev/null]\n"}, "weft.yaml:1:11: /dev/null is no ordinary file"),
    "a name that no file has": (
        {"weft_yaml": f"include: [{'a' * 300}]\n"},
        f"weft.yaml:1:11: cannot be looked for: {'a' * 300}: file name too long",
    ),
    "nothing at all": ({"weft_yaml": "namespace: a\n"}, "weft.yaml:1:1: services is missing\n\nhint: services: {name:"),
    "a variable": ({"weft_yaml": "include:\n  - ${GONE}.yaml\n"}, "weft.yaml:2:5: the variable GONE is not set"),
    "a .env of something else": ({"weft_yaml": "services: {a: {run: x}}\n", "dot_env": "A: b\n"}, ".env:1:1: "),
}


@pytest.mark.parametrize(("files", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused_with_its_place(folder, files, says):
    write(**files)
    found = complaints()
    assert any(line.startswith(says) for line in found), found


def test_a_longer_circle_names_every_line_of_it(folder):
    write(weft_yaml="include: [a.yaml]\n", a_yaml="include: [b.yaml]\n", b_yaml="include: [a.yaml]\n")
    (found, _) = (*complaints(), "")[:2]
    assert "b.yaml:1:11: the include of a.yaml is circular: a.yaml leads here again, by a.yaml:1:11" in found


def test_files_have_a_limit(folder):
    for number in range(101):
        Path(f"{number}.yaml").write_text(f"include: [{number + 1}.yaml]\n")
    assert "more than 100 files" in complaints("0.yaml")[0]


def test_variables_come_from_outside_and_from_env_files(folder, monkeypatch):
    monkeypatch.setenv("OUTSIDE", "1")
    write(
        weft_yaml="include: [a/weft.yaml]\nservices:\n  top:\n    run: ${OUTSIDE} ${TOP}\n",
        dot_env="OUTSIDE=x\nTOP=2\n",
        a__weft_yaml="services:\n  inner:\n    run: ${OUTSIDE} ${TOP} ${INNER}\n",
        a__dot_env="OUTSIDE=y\nTOP=z\nINNER=3\n",
    )
    expanded = expand("weft.yaml")
    assert expanded.problems == ()
    assert [plan.command for plan in expanded.workloads] == [("1", "2"), ("1", "2", "3")]
    assert all("OUTSIDE" not in plan.env for plan in expanded.workloads)


def test_text_without_a_place_has_neither_files_nor_variables(folder, monkeypatch):
    monkeypatch.setenv("OUTSIDE", "1")
    write(a_yaml="services: {a: {run: x}}\n")
    assert "this text has no folder" in str(expand_text("include: [a.yaml]").problems[0])
    assert "OUTSIDE is not set" in str(expand_text("services: {a: {run: '${OUTSIDE}'}}").problems[0])


def test_stdin_is_where_we_are(folder):
    assert Around.of("-").folder == Path()
    assert Around.of("shop/weft.yaml").folder == Path("shop")


def test_what_is_no_file_and_no_single_document_is_said(folder):
    Path("latin.yaml").write_bytes("a: 1\nb: café\n".encode("latin-1"))
    assert str(text_of("latin.yaml")[1][0]) == "error: latin.yaml:2:7: not UTF-8\n\nhint: save it as UTF-8"
    assert text_of("gone.yaml")[1][0].why == "no such file or directory"
    assert one_document("a: 1\n---\nb: 1\n", "w.yaml")[1][0].what == "2 documents, and a weft.yaml is one"

from tools import generate_tables
from tools.generate_tables import PAGE, main, page
from weft.compiler.policies import POLICIES
from weft.compiler.tables import declared


def test_the_page_is_what_the_declarations_say():
    assert main(["--check"]) == 0


def test_every_table_and_policy_is_on_it():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"### `{table.name}`" in text for table in declared())
    assert all(f"| {policy.written} |" in text for policy in POLICIES)


def test_a_page_that_is_not_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate_tables, "ROOT", tmp_path)
    monkeypatch.setattr(generate_tables, "PAGE", tmp_path / "tables.md")
    assert main(["--check"]) == 1
    assert "hint:" in capsys.readouterr().err
    assert main([]) == 0
    assert (tmp_path / "tables.md").read_text(encoding="utf-8") == page()
    assert main(["--check"]) == 0

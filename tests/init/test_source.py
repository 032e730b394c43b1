from pathlib import Path

import pytest

from weft.init.source import MAX_FILES, reads_port


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", 'port = int(os.environ["PORT"])'),
        ("a.py", 'os.getenv("PORT", 80)'),
        ("a.js", "app.listen(process.env.PORT || 3000)"),
        ("a.rb", "port ENV.fetch('PORT') { 3000 }"),
        ("a.go", 'os.Getenv("PORT")'),
        ("a.properties", "server.port=${PORT:8080}"),
        ("src/deep/a.ts", "const { PORT } = process.env, x = env.PORT"),
        ("start.sh", "exec serve -p $PORT"),
    ],
)
def test_a_program_that_asks_for_its_port_is_seen(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert reads_port(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "PORT = 80\nserve(PORT)"),
        ("a.js", "app.listen(3000)"),
        ("a.py", 'os.environ["REPORT"]'),
        ("node_modules/x/a.js", "process.env.PORT"),
        ("a.bin", "process.env.PORT"),
    ],
)
def test_others_are_not(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert not reads_port(tmp_path)


def test_a_repository_of_many_files_is_not_read_whole(tmp_path: Path) -> None:
    for place in range(MAX_FILES + 1):
        (tmp_path / f"{place:04}.py").write_text("" if place < MAX_FILES else "os.environ['PORT']")
    assert not reads_port(tmp_path)
    assert not reads_port(tmp_path / "nothing")

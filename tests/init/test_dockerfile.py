from pathlib import Path

import pytest

from weft.init.dockerfile import Image, read

STAGES = """\
# syntax=docker/dockerfile:1
FROM python:3.11 AS base
WORKDIR /srv
EXPOSE 80 8443/tcp 53/udp
FROM base AS dev
CMD ["python", "app.py"]
FROM base AS final
WORKDIR app
CMD ["gunicorn", "app:app", \\
     "-b", "0.0.0.0:80"]
"""


@pytest.mark.parametrize(
    ("text", "target", "image"),
    [
        (STAGES, "", Image((), ("gunicorn", "app:app", "-b", "0.0.0.0:80"), (80, 8443), "/srv/app")),
        (STAGES, "dev", Image((), ("python", "app.py"), (80, 8443), "/srv")),
        (STAGES, "nothing", Image()),
        ("from x\ncmd flask run\n", "", Image((), ("sh", "-c", "flask run"))),
        ('FROM x\nENTRYPOINT ["a"]\nCMD ["b"]\n', "", Image(("a",), ("b",))),
        ('FROM x\nCMD ["b"]\nENTRYPOINT ["a"]\n', "", Image(("a",), ())),
        ('FROM x\nCMD ["a", 1]\n', "", Image((), ("sh", "-c", '["a", 1]'))),
        (
            'FROM x\nENV A=1 B="b c" C=\'d\' HOME=/root D=$A\nENV FLASK_RUN_PORT 8000\nENV PATH /bin\n',
            "",
            Image(env={"A": "1", "B": "b c", "C": "d", "FLASK_RUN_PORT": "8000"}),
        ),
        ("FROM x\nENV\nENV A\n", "", Image(env={})),
        ("", "", Image()),
    ],
)
def test_the_last_stage_says_what_runs(tmp_path: Path, text: str, target: str, image: Image) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    assert read(tmp_path / "Dockerfile", target) == image


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "Dockerfile") == read(tmp_path) == Image()

"""What a demo shows of its start and its run: the messages, and of the logs only that an app is started again."""

from __future__ import annotations

from weft.run.display import Display

# Of a supervisor, about what it runs.
OF_APPS = "weft: the app "


class Quiet(Display):
    """What apps say is kept for `weft logs`: between it nobody would find the five things to try."""

    def line(self, name: str, text: str) -> None:
        if self.log is not None:
            self.log.write(name, text)
        if text.startswith(OF_APPS):
            self.message(f"{name}: {text.removeprefix('weft: ')}")

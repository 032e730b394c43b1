"""weft: one hop (outbound only); and both ends of a call, in one process or two."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.proxies.launch import Guarded, Launch, NotInstalled, Site
from bench.proxies.weft_program import (
    Json,
    weft_hop,
    weft_pair,
    weft_pair_client,
    weft_pair_server,
    weft_stranger,
)

ROOT = Path(__file__).resolve().parents[2]
# `fat` is the profile that is measured; what the tests build comes second.
BUILT = (ROOT / "target/fat/weft-proxy", ROOT / "target/release/weft-proxy")


class Weft:
    """Adapters for `weft-proxy run --program FILE`."""

    def hop(self, site: Site) -> Launch:
        return self._launch(site, {"hop": weft_hop(site)})

    def pair(self, site: Site) -> Launch:
        return self._pair(site, {"pair": weft_pair(site)}, "client")

    def pair_in_two(self, site: Site) -> Launch:
        programs = {"server": weft_pair_server(site), "client": weft_pair_client(site)}
        return self._pair(site, programs, "server")

    def _pair(self, site: Site, programs: Mapping[str, Json], callee: str) -> Launch:
        """The port between two weft proxies speaks `weft/1` and nothing else: who asks there is a proxy too."""
        launch = self._launch(site, programs)
        file = {"stranger.json": json.dumps(weft_stranger(site, callee), indent=1)}
        guarded = Guarded(site.inner, self._command(site, "stranger"))
        return replace(launch, files={**launch.files, **file}, guarded=guarded)

    def _launch(self, site: Site, programs: Mapping[str, Json]) -> Launch:
        return Launch(
            entry=site.entry,
            files={f"{n}.json": json.dumps(p, indent=1) for n, p in programs.items()},
            commands=tuple(self._command(site, name) for name in programs),
        )

    def _command(self, site: Site, program: str) -> tuple[str, ...]:
        return (self.binary(), "run", "--program", site.file(f"{program}.json"))

    def binary(self) -> str:
        """$WEFT_PROXY, or what cargo built last."""
        named = os.environ.get("WEFT_PROXY")
        for path in (Path(named),) if named else BUILT:
            if path.is_file():
                return str(path)
        raise NotInstalled(
            f"weft-proxy is not built: no {named or BUILT[-1]}\n\n"
            "hint: cargo build --profile fat -p weft-proxy,"
            " or name the peers with --only"
        )

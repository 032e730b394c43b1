"""weft: one hop (outbound only); and both ends of a call, in one process or two."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from bench.proxies.launch import Launch, NotInstalled, Site
from bench.proxies.weft_program import (
    Json,
    weft_hop,
    weft_pair,
    weft_pair_client,
    weft_pair_server,
)

ROOT = Path(__file__).resolve().parents[2]
# `fat` is the profile that is measured; what the tests build comes second.
BUILT = (ROOT / "target/fat/weft-proxy", ROOT / "target/release/weft-proxy")


class Weft:
    """Adapters for `weft-proxy run --program FILE`."""

    def hop(self, site: Site) -> Launch:
        return self._launch(site, {"hop": weft_hop(site)})

    def pair(self, site: Site) -> Launch:
        return self._launch(site, {"pair": weft_pair(site)})

    def pair_in_two(self, site: Site) -> Launch:
        programs = {"server": weft_pair_server(site), "client": weft_pair_client(site)}
        return self._launch(site, programs)

    def _launch(self, site: Site, programs: Mapping[str, Json]) -> Launch:
        return Launch(
            entry=site.entry,
            files={f"{n}.json": json.dumps(p, indent=1) for n, p in programs.items()},
            commands=tuple((self.binary(), "run", "--program", site.file(f"{name}.json")) for name in programs),
            # The port between two weft proxies speaks `weft/1` and nothing else.
            guarded=None,
        )

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

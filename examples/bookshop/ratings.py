"""How many stars readers gave. One replica of it is flaky: $FAILS is the share of requests that it cannot answer.

While a file `ratings.broken` lies in this folder, none of them answers anything.
"""

import os
import random
import zlib
from pathlib import Path

from service import Answer, Refused, Request, as_json, serve

FAILS = float(os.environ.get("FAILS", "0"))
BROKEN = Path("ratings.broken")


def ratings(request: Request, id: str) -> Answer:
    if BROKEN.exists():
        raise Refused(500, "ratings are broken: there is a file ratings.broken")
    if random.random() < FAILS:
        raise Refused(500, "this replica has a bad moment")
    # The same book has the same stars, whoever is asked.
    seed = zlib.crc32(id.encode())
    return as_json({"average": 3.4 + seed % 16 / 10, "readers": 20 + seed % 700})


if __name__ == "__main__":
    serve({"GET /ratings/{id}": ratings})

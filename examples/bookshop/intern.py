"""A job that is curious about what nobody allowed it: it asks ratings and orders every other second."""

import os
import signal
import sys
import threading
import urllib.error
import urllib.request

# By name, through HTTP_PROXY: it has no address of its own for services that it does not declare.
WANTED = ("http://ratings.default.mesh:9080/ratings/emma", "http://orders.default.mesh:9080/api/orders/1")
EVERY_S = float(os.environ.get("EVERY", "2"))

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())

while not stop.wait(EVERY_S):
    for url in WANTED:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                print(f"let in: {response.status} {url}")
        except urllib.error.HTTPError as error:
            print(f"refused: {error.code} {url}, request {error.headers.get('x-request-id')}")
        except OSError as error:
            print(f"no answer: {url}: {error}")
sys.exit(0)

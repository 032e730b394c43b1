"""A job that tries to read ratings, which nobody allowed: once a second, and says what it was told."""

import signal
import sys
import threading
import urllib.error
import urllib.request

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())

while not stop.wait(1.0):
    try:
        # By name, through HTTP_PROXY: it has no address of its own for a service that it does not declare.
        with urllib.request.urlopen("http://ratings.default.mesh:9080/ratings/1", timeout=10) as response:
            print("batch was let in:", response.status)
    except urllib.error.HTTPError as error:
        reason, request = error.headers.get("weft-reason"), error.headers.get("x-request-id")
        print(f"batch was refused: {error.code} {reason}, request {request}")
    except OSError as error:
        print("batch got no answer:", error)
sys.exit(0)

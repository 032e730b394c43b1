"""`weft controller`: one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys

from weft.controller import log as logs
from weft.controller import peercred
from weft.controller.controller import Controller
from weft.controller.notify import notify
from weft.controller.options import OptionError, Options
from weft.controller.statedir import StateDirError
from weft.identity.errors import IdentityError
from weft.store.errors import StoreError

log = logging.getLogger("weft.controller")

# What an operator can mend; anything else is a defect and shows its traceback.
KNOWN = (OptionError, StateDirError, IdentityError, StoreError)


def run(options: Options) -> int:
    """The exit status: 0 after a graceful stop, 1 when it could not start."""
    logs.configure(options.log_format)
    try:
        asyncio.run(_run(options))
    except KNOWN as error:
        print(logs.failure(error), file=sys.stderr)
        return 1
    return 0


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    controller = Controller(options)
    try:
        await controller.start()
        if not peercred.SUPPORTED:
            log.warning("this system cannot tell who connects: every local user can administer this mesh through REST")
        _write_ready(options, controller)
        notify("READY=1")
        await stop.wait()
        notify("STOPPING=1")
        log.info("stopping; proxies keep serving their last good program")
    finally:
        await controller.stop()


def _write_ready(options: Options, controller: Controller) -> None:
    if options.ready_file is None:
        return
    content = {
        "rest": f"http://{controller.rest.address}",
        "grpc": str(controller.grpc_address),
        "join": str(controller.join_address),
        "unix_socket": str(controller.state.socket),
        "trust_domain": controller.authority.trust_domain,
        "root_sha256": controller.authority.root_sha256,
        "pid": os.getpid(),
    }
    partial = options.ready_file.with_name(options.ready_file.name + ".partial")
    partial.write_text(json.dumps(content) + "\n")
    partial.rename(options.ready_file)

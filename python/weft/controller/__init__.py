"""The one package with servers, tasks and clocks: it joins store, compiler, identity and observation, and delivers.

Read `controller.py` for how the parts are joined. The parts that decide have no sockets and take time as an argument:
`topics.py` (what is in force, under each name that is asked for), `stream.py` (one proxy's subscriptions and what it
has applied), `leases.py` (who is registered, and for how long), `status.py`. Those that act: `delivery.py`,
`registration.py`, `telemetry.py`, `signing.py` (gRPC), `compiling.py` (the worker process), `rest*.py`.

Listeners:

* `grpc_address` (127.0.0.1:15010): TLS 1.3, a client certificate is required (an SVID): delivery, registration,
  telemetry, and `Identity.Sign` for renewal.
* `grpc_address` with the next port (15011), for joining: TLS, no client certificate, `Identity.Sign` with a token only.
  Python's gRPC cannot ask for a certificate without requiring one, hence two ports. A token carries both addresses.
* `<state_dir>/controller.sock`: no TLS, everything; any identity is given here. The socket has mode 0600 in a directory
  of mode 0700 and Linux asks for write permission on connect, so that only the controller's own user and root get
  through: that *is* the check of the peer's credentials, made by the kernel before a byte is read. (Who can open the
  socket can also read the CA's key beside it: there is nothing left to protect from him.)
* `rest_address` (127.0.0.1:15080): REST, see `rest.py`.
"""

import os

# gRPC's C core reads it when it is first imported. It writes in a form of its own: about every failed handshake of each
# port scan, and once more what an exception says already.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

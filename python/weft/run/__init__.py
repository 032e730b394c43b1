"""From "run this command as that service" to a Launch file, and from there to the Rust supervisor.

The one abstraction is the `Launch` message (proto/weft/v1/program.proto): everything is decided here, written to a file
that only its owner can read, and executed there. `weft run` replaces itself with the supervisor: no Python process
stays beside a workload. `weft up` starts one supervisor per workload of a `weft.yaml` and stays to show their logs.
Read `launch.py` first, then `up.py`.
"""

"""nginx: as the peer (one hop) and as everybody's backend."""

from bench.proxies.launch import Launch, Site

# The largest that nginx's configuration takes well: a connection is never closed
# for its age. The default of 1000 would reconnect 60 times a second under load.
UNLIMITED = 1_000_000_000

CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests {unlimited};
    keepalive_timeout 3600s;
{servers}}}
"""

HOP = """\
    upstream backend {{
        server 127.0.0.1:{backend};
        keepalive 512;
        keepalive_requests {unlimited};
        keepalive_timeout 3600s;
    }}
    server {{
        listen 127.0.0.1:{entry};
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
"""

# Two addresses: whoever balances over endpoints has two to choose from.
BACKEND = """\
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.2:{port};
        default_type text/plain;
        location / {{ return 200 "{body}"; }}
    }}
"""

# nginx reads a parameter into a buffer of 4096 bytes.
LARGEST_INLINE = 4000


def hop(site: Site) -> Launch:
    servers = HOP.format(entry=site.entry, backend=site.backend, unlimited=UNLIMITED)
    return _launch(site, site.entry, servers)


def backend(site: Site, body_bytes: int) -> Launch:
    if body_bytes > LARGEST_INLINE:
        raise ValueError(f"an inline body holds at most {LARGEST_INLINE} bytes")
    servers = BACKEND.format(port=site.backend, body="x" * body_bytes)
    return _launch(site, site.backend, servers)


def _launch(site: Site, entry: int, servers: str) -> Launch:
    config = CONFIG.format(folder=site.folder, unlimited=UNLIMITED, servers=servers)
    prefix = ("-p", str(site.folder), "-e", "stderr")
    return Launch(
        entry=entry,
        files={"nginx.conf": config},
        commands=(("nginx", *prefix, "-c", site.file("nginx.conf")),),
    )

"""HAProxy: one hop; and two halves with mTLS between them, in one process."""

from bench.certificates import Certificates
from bench.proxies.launch import Guarded, Launch, Site

# AES-128-GCM is what Envoy's TLS library chooses by itself where the CPU has AES;
# OpenSSL would take AES-256: the peers are given the same work.
COMMON = """\
global
    nbthread 1
    maxconn 4000
    ssl-default-bind-options ssl-min-ver TLSv1.3
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
    ssl-default-server-options ssl-min-ver TLSv1.3
    ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256
defaults
    mode http
    http-reuse always
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
"""

# pool-purge-delay: between its turns a proxy keeps its idle connections, as the
# others do; by default half of them would go every 5 s.
HOP = """\
frontend entry
    bind 127.0.0.1:{entry}
    default_backend app
backend app
    server app 127.0.0.1:{backend} pool-purge-delay 1h
"""

PAIR = """\
frontend entry
    bind 127.0.0.1:{entry}
    default_backend peer
backend peer
    server peer 127.0.0.1:{inner} pool-purge-delay 1h {server_tls}
frontend inner
    bind 127.0.0.1:{inner} {bind_tls}
    http-request deny unless {{ ssl_c_s_dn(cn) -m str client }}
    default_backend app
backend app
    server app 127.0.0.1:{backend} pool-purge-delay 1h
"""


def hop(site: Site) -> Launch:
    sections = HOP.format(entry=site.entry, backend=site.backend)
    return _launch(site, sections, guarded=None)


def pair_h1(site: Site) -> Launch:
    return _pair(site, "http/1.1")


def pair_h2(site: Site) -> Launch:
    return _pair(site, "h2")


def _pair(site: Site, alpn: str) -> Launch:
    sections = PAIR.format(
        entry=site.entry,
        inner=site.inner,
        backend=site.backend,
        server_tls=_tls(site.certificates, "client", alpn) + " verifyhost server",
        bind_tls=_tls(site.certificates, "server", alpn),
    )
    return _launch(site, sections, guarded=Guarded(site.inner))


def _tls(certificates: Certificates, name: str, alpn: str) -> str:
    own = f"ssl crt {certificates.both(name)}"
    return f"{own} ca-file {certificates.roots} verify required alpn {alpn}"


def _launch(site: Site, sections: str, guarded: Guarded | None) -> Launch:
    return Launch(
        entry=site.entry,
        files={"haproxy.cfg": COMMON + sections},
        commands=(("haproxy", "-q", "-db", "-f", site.file("haproxy.cfg")),),
        guarded=guarded,
    )

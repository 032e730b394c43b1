"""What is published: the sdist holds what a build needs, and the wheel that it builds holds everything."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import tomllib
import zipfile
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import weft
from tests.e2e.conftest import free_port, until
from tools.build_dashboard import NotBuilt, build, built_from, sources_hash

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path = ROOT) -> str:
    # Dependencies that the checkout has compiled are not compiled again.
    env = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def dashboard() -> None:
    """Nothing is published without the dashboard, and without node there may be none."""
    try:
        build()
    except NotBuilt as error:
        if shutil.which("node"):
            raise
        pytest.skip(f"nothing can be published from here: {error}; {error.hint}")


@pytest.fixture(scope="module")
def sdist(dashboard: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(folder))
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def archive_in(folder: Path) -> Path:
    [archive] = folder.glob("*.whl")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """Unpacked."""
    out = sdist.parent / "wheel"
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(out)]
    run(sys.executable, "-m", "pip", "wheel", *options, str(sdist))
    archive = archive_in(out)
    assert "-cp311-abi3-" in archive.name
    with zipfile.ZipFile(archive) as file:
        file.extractall(out)
    return out


def test_the_sdist_has_all_sources_and_nothing_that_was_made(sdist: Path) -> None:
    files = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    places = ("crates", "proto", "python", "web", "examples/bookshop")
    tracked = run("git", "ls-files", *places, "Cargo.toml", "Cargo.lock", "LICENSE").split()
    assert set(tracked) - files == set()
    assert [name for name in files if re.search(r"_pb2|\.so$|^target/|weft/bin/|node_modules", name)] == []


def test_the_sdist_has_the_dashboard_of_its_sources(sdist: Path) -> None:
    page = sdist / "python/weft/controller/dashboard"
    assert built_from(page) == sources_hash(sdist / "web") == sources_hash(ROOT / "web")


def test_a_wheel_without_the_dashboard_is_impossible(sdist: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(sdist, broken)
    shutil.rmtree(broken / "python/weft/controller/dashboard")
    command = [sys.executable, "setup.py", "build_py", "--build-lib", str(tmp_path / "out")]
    # No node, and no compiler either: it has to fail before.
    env = {**os.environ, "PATH": "/nonexistent"}
    done = subprocess.run(command, cwd=broken, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "the dashboard is not built, and there is no node" in done.stderr
    assert "install node 18" in done.stderr


def test_the_wheel_has_the_dashboard(wheel: Path) -> None:
    page = wheel / "weft/controller/dashboard"
    names = re.findall(r'"/ui/(assets/[^"]+)"', (page / "index.html").read_text(encoding="utf-8"))
    assert {Path(name).suffix for name in names} == {".js", ".css", ".svg"}
    assert [name for name in names if not (page / name).is_file()] == []


def test_the_wheel_has_extension_proxy_and_contract(wheel: Path) -> None:
    assert list((wheel / "weft").glob("_core*.so"))
    assert (wheel / "weft/v1/program_pb2.py").exists()
    assert (wheel / "weft/v1/program_pb2.pyi").exists()
    assert (wheel / "weft/py.typed").exists()
    assert [path.name for path in wheel.glob("weft-*.dist-info/licenses/*")] == ["LICENSE"]
    assert not (wheel / "tests").exists()


def test_the_wheel_has_the_bookshop(wheel: Path) -> None:
    tracked = run("git", "ls-files", "examples/bookshop").split()
    shop = wheel / "weft/demo/bookshop"
    files = {f"examples/bookshop/{path.relative_to(shop).as_posix()}" for path in shop.rglob("*") if path.is_file()}
    assert files == set(tracked)
    # Found there, from a folder that is no checkout.
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); from weft.demo.place import sources; print(sources())"
    assert run(sys.executable, "-c", code, cwd=wheel.parent) == f"{shop}\n"


def test_the_wheels_proxy_runs(wheel: Path) -> None:
    proxy = wheel / "weft/bin/weft-proxy"
    proxy.chmod(0o755)  # zipfile forgets the mode; pip does not
    assert run(str(proxy), "--version") == f"weft-proxy {weft.__version__}\n"


def test_the_wheels_package_imports_with_its_extension(wheel: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import weft._core; print(weft._core.__file__)"
    assert run(sys.executable, "-S", "-c", code, cwd=wheel).startswith(str(wheel))


RESOURCES = """
apiVersion: weft/v1
kind: Service
metadata: {{name: web}}
spec:
  ports: [{{port: 80}}]
  endpoints: [{{address: 127.0.0.1, port: {port}}}]
"""


@pytest.fixture(scope="module")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty one, and what is installed from the wheel."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", str(venv))
    run(str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "-r", str(ROOT / "requirements.lock"))
    run(str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps", str(archive_in(wheel)))
    return venv


def test_what_an_empty_venv_gets_shows_the_bookshop(venv: Path, tmp_path: Path) -> None:
    addresses = ["--rest-address", f"127.0.0.1:{free_port()}", "--grpc-address", f"127.0.0.1:{free_port(2)}"]
    options = ["--port", str(free_port()), *addresses, "--duration", "5", "-o", "json"]
    shown = json.loads(run(str(venv / "bin/weft"), "demo", *options, cwd=tmp_path))
    assert shown["success_rate"] >= 0.999 and {edge["tls"] for edge in shown["edges"]} == {"mtls"}


def test_what_an_empty_venv_gets_carries_a_request(venv: Path, tmp_path: Path) -> None:
    app = HTTPServer(("127.0.0.1", 0), Greeter)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    resources, program, listen = tmp_path / "web.yaml", tmp_path / "program.json", f"127.0.0.1:{free_port()}"
    resources.write_text(RESOURCES.format(port=app.server_port))
    options = ["--listen", listen, "--admin", "", "--out", str(program)]
    run(str(venv / "bin/weft"), "compile", "-f", str(resources), *options, cwd=tmp_path)
    proxy = subprocess.Popen([venv / "bin/weft-proxy", "run", "--program", program], cwd=tmp_path)
    try:
        answer = until(lambda: greeting(listen), "an answer through the installed proxy")
        assert answer == (200, b"hello from the app")
    finally:
        proxy.terminate()
        assert proxy.wait(30) == 0
        app.shutdown()


class Greeter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from the app")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def greeting(address: str) -> tuple[int, bytes] | None:
    connection = HTTPConnection(address, timeout=15)
    try:
        connection.request("GET", "/", headers={"host": "web"})
        response = connection.getresponse()
        return response.status, response.read()
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


def test_both_languages_have_one_version() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    assert cargo["workspace"]["package"]["version"] == weft.__version__


def test_what_generates_and_what_runs_the_contract_fit_together() -> None:
    """Generated code refuses an older protobuf or grpcio than it was made with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    bounds = {re.split("[>=]=", text)[0]: re.split("[>=]=", text)[1] for text in project["project"]["dependencies"]}
    messages = (ROOT / "python/weft/v1/program_pb2.py").read_text(encoding="utf-8")
    stubs = (ROOT / "python/weft/v1/control_pb2_grpc.py").read_text(encoding="utf-8")
    assert f"Protobuf Python Version: {bounds['protobuf']}\n" in messages
    assert f"GRPC_GENERATED_VERSION = '{bounds['grpcio']}'" in stubs
    assert f"grpcio-tools=={bounds['grpcio']}" in project["build-system"]["requires"]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_have_all_direct_dependencies_with_hashes(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + (project["dependency-groups"]["dev"] if "dev" in name else [])
    for text in wanted:
        package = re.split(r"[>=<]", text)[0].lower()
        assert re.search(rf"^{package}==\S+( ;[^\\]*)? \\\n +--hash=sha256:", lock, re.MULTILINE), package

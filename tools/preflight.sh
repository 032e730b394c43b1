#!/bin/sh
# Says what a build lacks before it fails on it. `--python` prints the interpreter to make .venv with.
# Plain sh: it has to run where nothing is installed yet.
set -u

python_ok() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        if python_ok "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

fail() {
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

python=$(find_python) || fail "no Python 3.11 or later on PATH" \
    "install it (Debian: apt-get install python3 python3-venv), or name one: make build PYTHON=/path/to/python3"

if [ "${1:-}" = "--python" ]; then
    printf '%s\n' "$python"
    exit 0
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python cannot create virtual environments" \
    "Debian: apt-get install python3-venv"

command -v cargo >/dev/null 2>&1 || fail "no Rust toolchain on PATH" \
    "install Rust 1.85 or later from https://rustup.rs, then open a new shell"

# "rustc 1.95.0 (…)" -> "1 95"
rust=$(rustc --version | awk '{split($2, v, "."); print v[1], v[2]}')
major=${rust% *} minor=${rust#* }
if [ "$major" -lt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -lt 85 ]; }; then
    fail "Rust $major.$minor is too old; weft needs 1.85" "rustup update stable"
fi

command -v "${CC:-cc}" >/dev/null 2>&1 || fail "no C compiler on PATH" \
    "Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install"

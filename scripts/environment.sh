# Sourced by scripts/demo and scripts/test. Makes .venv from a lock file, or does nothing if it is up to date.

# Print the first Python 3.11 or later that really starts and can make virtual environments.
find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            > /dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    cat >&2 <<'TEXT'
No usable Python found. Needed: Python 3.11, 3.12 or 3.13 with the modules venv and ensurepip.
Tried: python3.13, python3.12, python3.11, python3, python.
Install one of them (on Debian and Ubuntu also its package python3-venv) and run this command again.
TEXT
    return 1
}

# prepare_environment LOCK: install LOCK, hash-checked, and this project into .venv.
prepare_environment() {
    local lock=$1 python stamp=.venv/.installed wanted
    wanted="$lock $(cat requirements-build.lock "$lock" pyproject.toml | cksum)"
    if [ -f "$stamp" ] && grep -qxF "$wanted" "$stamp" && .venv/bin/python -c '' 2> /dev/null; then
        return
    fi
    if [ ! -e .venv ]; then
        python=$(find_python)
        echo "Making .venv with $("$python" --version)"
        "$python" -m venv .venv
    elif ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
        echo ".venv exists, but is no Python 3.11 or later with pip. Remove it and run this command again." >&2
        return 1
    fi
    echo "Installing $lock into .venv (a few minutes the first time)"
    local pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
    "${pip[@]}" --require-hashes -r requirements-build.lock
    "${pip[@]}" --require-hashes --no-build-isolation -r "$lock"
    "${pip[@]}" --no-deps --no-build-isolation --editable .
    # What the development lock installs serves the demo too; the runtime lock does not serve the tests.
    if [ "$lock" = requirements-dev.lock ]; then
        echo "requirements.lock $(cat requirements-build.lock requirements.lock pyproject.toml | cksum)" > "$stamp"
        echo "$wanted" >> "$stamp"
    else
        echo "$wanted" > "$stamp"
    fi
}

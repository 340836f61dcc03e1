# Sourced by ./run and ./test: finds a Python and creates .venv from the hashed locks.

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# Relative paths are relative to the caller's folder, not to the repository.
absolute_path() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }

is_new_enough() {
  # Compares output, because a program other than Python may also exit with 0.
  [ "$("$1" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null)" = True ]
}

find_python() {
  local candidate candidates=(python3.11 python3.12 python3.13 python3 python)
  if [ -n "${GFO_PYTHON:-}" ]; then candidates=("$GFO_PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    if is_new_enough "$candidate"; then
      printf '%s' "$candidate"
      return
    fi
  done
  die "Python 3.11 or newer is needed, and none was found${GFO_PYTHON:+ at GFO_PYTHON=$GFO_PYTHON}; install it or set GFO_PYTHON to one."
}

# ensure_environment LOCK...: install the named locks of requirements/ unless they are installed.
ensure_environment() {
  local python lock wanted stamp=.venv/.installed
  if [ -x .venv/bin/python ] && ! { is_new_enough .venv/bin/python && .venv/bin/python -c 'import pip' 2>/dev/null; }; then
    say "The environment in .venv is broken or of an older Python; making it anew."
    rm -rf .venv
  fi
  if [ ! -x .venv/bin/python ]; then
    python=$(find_python) || exit 1  # the caller may have switched set -e off
    say "Making the environment in .venv with $("$python" --version) ..."
    "$python" -m venv .venv >/dev/null 2>&1 || {
      rm -rf .venv
      die "'$python -m venv' does not work; install the venv module (on Debian: apt-get install python3-venv)."
    }
  fi
  wanted=$(for lock in "$@" ; do cat "requirements/$lock.txt"; done; cat pyproject.toml)
  wanted=$(printf '%s\n%s' "$(pwd)" "$wanted" | .venv/bin/python -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
  # Development packages on top of the runtime ones do not disturb ./run.
  if [ -f "$stamp" ] && grep -qx "$*:$wanted" "$stamp"; then return; fi
  say "Installing locked packages (first time: a minute or two) ..."
  local arguments=()
  for lock in "$@"; do arguments+=(-r "requirements/$lock.txt"); done
  # The locks are complete; resolving again would meet extras that hash checking refuses once a newer release is out.
  .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --require-hashes "${arguments[@]}" \
    || die "the locked packages could not be installed; see the lines above (is the package index reachable?)."
  .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . \
    || die "the project itself could not be installed; see the lines above."
  { [ ! -f "$stamp" ] || grep -v "^$*:" "$stamp" || true; printf '%s:%s\n' "$*" "$wanted"; } >"$stamp.new"
  mv "$stamp.new" "$stamp"
}

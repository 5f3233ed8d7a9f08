# Tests of the core with the oldest versions that pyproject.toml names, in an environment of their own. torch is
# lowered, too, where an index offers its wheel for processors (TORCH_INDEX: such an index); else the one of
# constraints.txt stays, and the last line says so.
# usage: sh test_lowest.sh     (PYTHON: 3.11 or 3.12, for which these versions have wheels)
set -eu
unset PYTHONPATH  # it may name the checkout; what is tested is what is installed
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
python="$room/venv/bin/python"
install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

sed -n 's/^dependencies = \[\(.*\)\]$/\1/p' "$root/pyproject.toml" | tr -d '" ' | tr ',' '\n' | sed 's/>=/==/' \
    >"$room/lowest.txt"
oldest_torch=$(grep '^torch==' "$room/lowest.txt")
grep -v '^torch==' "$room/lowest.txt" >"$room/others.txt"
if [ -n "${TORCH_INDEX:-}" ] && install --index-url "$TORCH_INDEX" "$oldest_torch.*"; then
    said="torch lowered"
else
    said="torch NOT lowered to $oldest_torch (set TORCH_INDEX to an index with its build for processors)"
    install -c "$root/constraints.txt" torch
fi
sed 's/$/.*/' "$room/others.txt" | sed 's/\(==[0-9]*\.[0-9]*\.[0-9]*\)\.\*$/\1/' >"$room/pinned.txt"
install -r "$room/pinned.txt" pytest hypothesis
install --no-deps "$root"
"$python" -m pip list --disable-pip-version-check 2>/dev/null | grep -i -E '^(torch|numpy|scipy|safetensors) '
cd "$root"
# TESTS: others than these, which need nothing beyond the core.
OMP_NUM_THREADS=1 "$python" -m pytest -p no:cacheprovider --noconftest \
    ${TESTS:-tests/operators tests/geometry tests/layers tests/models tests/equivariance/test_models.py}
echo "lowest versions: passed; $said"

# Install wheel and sdist, one after the other, into an environment that has nothing but what they ask for.
# usage: sh try_package.sh dist/*.whl dist/*.tar.gz     (PYTHON: the interpreter to make it with)
set -eu
unset PYTHONPATH  # it may name the checkout, whose sources must not be found
here=$(cd "$(dirname "$0")" && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
python="$room/venv/bin/python"
# torch first and by the constraints: asked for by a dependency alone, pip would fetch the newest build with CUDA.
"$python" -m pip install --quiet --disable-pip-version-check -c "$here/../../constraints.txt" torch
for file in "$@"; do
    "$python" -m pip install --quiet --disable-pip-version-check -c "$here/../../constraints.txt" "$file"
    "$python" -m pip check --disable-pip-version-check
    # Elsewhere than in the checkout, for the same reason.
    (cd "$room" && "$python" "$here/core_only.py" && "$room/venv/bin/ghyena" --help >/dev/null)
    "$python" -m pip uninstall --quiet --yes geometric-hyena
done

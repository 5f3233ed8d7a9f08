"""What the core must do with torch, numpy, scipy and safetensors alone.

python core_only.py            in an environment that has nothing else
python core_only.py --block    where other packages are installed: they are made impossible to import
"""

import re
import sys
from importlib import metadata
from pathlib import Path

CORE = ("torch", "numpy", "scipy", "safetensors")


def block_others():
    """Let nothing be imported but the standard library, this package, the core's and what these need."""
    allowed = {"geometric_hyena", *sys.stdlib_module_names, *_modules_of(_required(CORE))}

    class Refuse:
        @staticmethod
        def find_spec(name, path=None, target=None):
            # The standard library's record of how Python was built is named after the platform.
            if name.partition(".")[0] not in allowed and not name.startswith("_sysconfigdata"):
                raise ModuleNotFoundError(f"blocked: {name}", name=name)

    sys.meta_path.insert(0, Refuse)


def _required(names):
    """Distributions that these need without extras, themselves included."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        if name not in found:
            found.add(name)
            waiting += [_name(need) for need in needs if "extra ==" not in need]
    return found


def _name(requirement):
    return _normal(re.match(r"[\w.-]+", requirement)[0])


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules_of(distributions):
    owners = metadata.packages_distributions()
    return {module for module, names in owners.items() if {_normal(n) for n in names} & distributions}


def main():
    if "--block" in sys.argv:
        block_others()
    import torch

    import geometric_hyena
    from geometric_hyena import GeometricGraph, GeometricHyena, SE3Hyena, collate
    from geometric_hyena.cli import main as ghyena
    from geometric_hyena.errors import MissingDependencyError
    from geometric_hyena.operators import geometric_long_conv, reference
    from geometric_hyena.testing import assert_equivariant

    try:
        import geometric_hyena.hub
    except MissingDependencyError as error:
        print(f"as it should be: {error}")
    else:
        raise AssertionError("huggingface_hub could be imported: this environment is not the core's")

    torch.manual_seed(0)
    graphs = [GeometricGraph(torch.randn(n, 4).double(), 4 * torch.randn(n, 3).double()) for n in (11, 7)]
    for model in (GeometricHyena(4, 0, 16, 4, 1).double(), SE3Hyena(4, 0, 4, 4, 1).double()):
        assert_equivariant(model, graphs)
        model(collate(graphs)).positions.square().sum().backward()
    q, k = torch.randn(2, 1, 9, 2, 4, dtype=torch.float64)
    inputs = (q[..., 0], q[..., 1:], k[..., 0], k[..., 1:], torch.ones(5, 2, dtype=torch.float64))
    pairs = zip(geometric_long_conv(*inputs), reference.geometric_long_conv(*inputs), strict=True)
    assert all(torch.allclose(fast, slow) for fast, slow in pairs)
    assert ghyena(["--version"]) == 0
    folder = geometric_hyena.__path__[0]
    for name in ("py.typed", "report/page.css", "pretrained/protein-md-demo/model.safetensors"):
        assert (Path(folder) / name).is_file(), name
    print(f"core {geometric_hyena.__version__} works: torch {torch.__version__}, {folder}")


if __name__ == "__main__":
    main()

"""The equilibrium trajectory of adenylate kinase: 4,187 frames, 3,341 atoms, 240 ps apart, no water.

S. Seyler and O. Beckstein, Molecular dynamics trajectory for benchmarking MDAnalysis, figshare (2017),
doi:10.6084/m9.figshare.5108170, CC-BY 4.0. CHARMM27, explicit water (stripped), NPT at 300 K and 1 bar;
superposed on the CORE domain.
"""

from pathlib import Path

from geometric_hyena.data.download import cache_directory, fetch

# name: (address, sha256)
FILES = {
    "adk4AKE.psf": (
        "https://ndownloader.figshare.com/files/8672230",
        "1aa947d58fb41b6805dc1e7be4dbe65c6a8f4690f0bd7fc2ae03e7bd437085f4",
    ),
    "1ake_007-nowater-core-dt240ps.dcd": (
        "https://ndownloader.figshare.com/files/8672074",
        "598fcbcfcc425f6eafbe9997238320fcacc6a4613ecce061e1521732bab734bf",
    ),
}


def download_adk_equilibrium(directory: str | Path | None = None) -> tuple[Path, Path]:
    """Download topology and trajectory (about 170 MB), unless they are there.

    Args:
        directory: where to keep them; None: `adk_equilibrium` in the cache directory.

    Returns:
        Paths of the PSF and the DCD file.

    Raises:
        InputError: where a file cannot be downloaded, with what to fetch by hand.
        MissingDependencyError: where pooch is not installed.
    """
    folder = cache_directory() / "adk_equilibrium" if directory is None else Path(directory)
    psf, dcd = (fetch(url, sha256, folder, name) for name, (url, sha256) in FILES.items())
    return psf, dcd

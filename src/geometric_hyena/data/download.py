"""Downloads that check their sha256, go on where they broke off, and say what to do by hand."""

import os
from pathlib import Path
from typing import Any

from geometric_hyena.errors import InputError, MissingDependencyError

_CHUNK = 1 << 16  # at most this much is lost where a connection breaks
_TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces of data


def cache_directory() -> Path:
    """Where downloads are kept: `$GHYENA_CACHE`, else the platform's cache directory."""
    chosen = os.environ.get("GHYENA_CACHE")
    return Path(chosen).expanduser() if chosen else Path(_pooch().os_cache("geometric-hyena"))


def fetch(url: str, sha256: str, directory: str | Path, name: str) -> Path:
    """Download a file unless it is there already with the right sha256.

    What has arrived is kept beside it as `name.part` where a download breaks off, and the next call goes on
    from there. The file appears under its name only when it is whole and its sha256 is right.

    Args:
        url: its address.
        sha256: its checksum, in hexadecimal.
        directory: where it is kept; made where missing.
        name: its name there.

    Returns:
        The path of the file.

    Raises:
        InputError: where it cannot be downloaded or its sha256 is wrong, with what to fetch by hand.
        MissingDependencyError: where pooch is not installed.
    """
    pooch = _pooch()
    import requests

    target = Path(directory).expanduser().resolve() / name
    part = target.with_name(target.name + ".part")
    by_hand = f"fetch it by hand from {url} and put it at {target} (sha256 {sha256})"
    try:
        pooch.retrieve(
            url, known_hash=f"sha256:{sha256}", fname=name, path=target.parent, downloader=_Resumable(part)
        )
    except requests.RequestException as error:
        kept = part.stat().st_size if part.exists() else 0
        again = f"run again to go on after the {kept} bytes that arrived, or " if kept else ""
        raise InputError(f"{name}: download failed ({_reason(error)}); {again}{by_hand}") from error
    except ValueError as error:  # pooch's word for another checksum
        raise InputError(
            f"{name}: what was downloaded has another sha256 and was deleted; {by_hand}"
        ) from error
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error}); set GHYENA_CACHE to another directory"
        ) from error
    return target


class _Resumable:
    """A downloader for pooch, whose own begins anew each time."""

    def __init__(self, part: Path):
        self.part = part

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        # Compressed on the way, bytes could not be counted.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == 416:  # nothing beyond what is there: whole, or not of this file
                total = response.headers.get("Content-Range", "").rpartition("/")[2]
                if total != str(have):
                    self.part.unlink()
                    raise requests.RequestException(f"the {have} bytes kept were not of this file; run again")
            else:
                response.raise_for_status()
                self._receive(response, have)
        os.replace(self.part, output_file)

    def _receive(self, response: Any, have: int) -> None:
        import requests

        goes_on = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        have = have if goes_on else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        name = self.part.name.removesuffix(".part")
        with _progress() as progress, open(self.part, "ab" if goes_on else "wb") as file:
            task = progress.add_task(name, total=total, completed=have)
            for piece in response.iter_content(_CHUNK):
                file.write(piece)
                progress.update(task, advance=len(piece))
        got = self.part.stat().st_size
        if total is not None and got < total:
            raise requests.ConnectionError(f"connection closed after {got} of {total} bytes")


def _progress() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _pooch() -> Any:
    try:
        import pooch
    except ImportError:
        raise MissingDependencyError("pooch", "train", "downloading data") from None
    return pooch


def _reason(error: Exception) -> str:
    """One line; of a failed connection the innermost cause, without its address in memory."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code} {response.reason}".rstrip()
    text = (str(error).splitlines() or [type(error).__name__])[0]
    if "NameResolution" in text or "getaddrinfo" in text:
        return "no network, or the name of the server is unknown"
    if "Connection refused" in text:
        return "connection refused"
    return text if len(text) <= 160 else text[:157] + "..."

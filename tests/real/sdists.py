"""The published lerobot source trees: downloaded once, kept in a cache, known by their hash."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

SHA256 = {
    "0.3.3": "5a8c526f4f50a5a4260b75f0382af26d01ef169c9a1ae8ca453ad5c6e1cf5aef",
    "0.4.4": "50ad61441b1e1260010031406ca836a514af20ae1d2c0149892fe040380b1016",
    "0.5.1": "4a05a9d10f013bf8fc408c7bd9c32a261209250cb66987b796416911c96a6fd3",
    "0.6.1": "2111d67d72d9f6c2379e3b8d3ea41b58855066314d88f9c0893579b7707f04b5",
}
VERSIONS = tuple(SHA256)
ATTEMPTS = 3


class DownloadFailed(Exception):
    """No route to the package index gave the expected file."""


def cache_directory() -> Path:
    return Path(os.environ.get("CAUTIFY_CACHE", "~/.cache/cautify-tests")).expanduser()


def fetch(version: str) -> Path:
    """Return the path of lerobot's sdist in the cache, downloading it when it is missing or damaged."""
    archive = cache_directory() / f"lerobot-{version}.tar.gz"
    if _intact(archive, version):
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for attempt in range(ATTEMPTS):
        for download in (_with_pip, _from_index):
            with tempfile.TemporaryDirectory(dir=archive.parent) as directory:
                try:
                    found = download(version, Path(directory))
                except (OSError, subprocess.SubprocessError, DownloadFailed) as failure:
                    failures.append(f"{download.__name__}: {failure}")
                    continue
                if _intact(found, version):
                    found.replace(archive)
                    return archive
                failures.append(f"{download.__name__}: the file's sha256 is not {SHA256[version]}")
        time.sleep(2**attempt)
    raise DownloadFailed(f"lerobot {version} could not be downloaded:\n" + "\n".join(failures))


def unpack(version: str, directory: Path) -> Path:
    """Unpack the sdist below `directory` and return the tree's root."""
    with tarfile.open(fetch(version)) as archive:
        archive.extractall(directory, filter="data")
    return directory / f"lerobot-{version}"


def _intact(archive: Path, version: str) -> bool:
    return archive.is_file() and hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256[version]


def _with_pip(version: str, directory: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", f"lerobot=={version}", "--quiet", "--no-deps", "--retries", "2"]
    command += ["--no-binary", ":all:", "--ignore-requires-python", "--dest", str(directory)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    archive = directory / f"lerobot-{version}.tar.gz"
    if not archive.is_file():
        raise DownloadFailed(result.stderr.strip()[-500:] or "pip left no file")
    return archive


def _from_index(version: str, directory: Path) -> Path:
    """Fetch the file without pip, which builds an sdist's metadata and so needs its build backend."""
    page_url = f"{_index_url().rstrip('/')}/lerobot/"
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    page = json.loads(_read(urllib.request.Request(page_url, headers=accept)))
    name = f"lerobot-{version}.tar.gz"
    url = next((entry["url"] for entry in page["files"] if entry["filename"] == name), None)
    if url is None:
        raise DownloadFailed(f"{page_url} does not list {name}")
    archive = directory / name
    archive.write_bytes(_read(urllib.request.Request(urllib.parse.urljoin(page_url, url))))
    return archive


def _index_url() -> str:
    configured = os.environ.get("PIP_INDEX_URL")
    if configured:
        return configured
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else "https://pypi.org/simple"


def _read(request: urllib.request.Request) -> bytes:
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    with urllib.request.urlopen(request, timeout=60, context=context) as response:
        return response.read()

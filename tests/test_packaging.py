"""What is shipped: the wheel holds the runtime, the sdist all that testing needs, and each install finds its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import cautify

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).parent.parent
RUNTIME = ("templates/cautious_optimizer.py", "templates/cautious_triton.py")
CACHES = {"__pycache__", ".ruff_cache", ".pytest_cache", ".mypy_cache", ".hypothesis"}
SAY = (
    "import cautify, sys; from cautify.patch import vendor; from pathlib import Path\n"
    "sys.stdout.buffer.write(vendor.template() + vendor.template(vendor.TRITON_NAME))\n"
    "print(Path(cautify.__file__).parent, file=sys.stderr)"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and with the wheel that was built from it."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    return next(built.glob("*.tar.gz"))


def runtime() -> bytes:
    """The two files as they are in this checkout."""
    return b"".join((REPOSITORY / path).read_bytes() for path in RUNTIME)


def say(path: Path, *, cwd: Path) -> tuple[bytes, Path]:
    """The runtime's two files that an installation at ``path`` finds, and where its package lies."""
    libraries = sysconfig.get_path("purelib")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), libraries]), "PYTHONSAFEPATH": "1"}
    done = subprocess.run([sys.executable, "-c", SAY], cwd=cwd, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, Path(done.stderr.decode().splitlines()[-1])


def test_the_wheel_holds_the_package_the_runtime_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "cautify").rglob("*.py")}
    assert package <= names
    assert "cautify/py.typed" in names
    assert b"".join(zipfile.ZipFile(wheel).read(f"cautify/{path}") for path in RUNTIME) == runtime()
    assert "cautify/templates/cautify-check.yml" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"cautify", f"cautify-{cautify.__version__}.dist-info"}


def test_the_wheel_has_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "cautify = cautify.cli:main" in archive.read(name).decode()


def test_the_sdist_holds_all_that_testing_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {"pyproject.toml", "constraints.txt", ".ci/run", "README.md", "CHANGELOG.md", "LICENSE"}
    expected |= {"action.yml", ".pre-commit-hooks.yaml"}
    for directory in ("cautify", "templates", "tests", "fixtures", "benchmarks"):
        for path in (REPOSITORY / directory).rglob("*"):
            if path.is_file() and not CACHES & set(path.parts) and path.suffix != ".pyc":
                expected.add(path.relative_to(REPOSITORY).as_posix())
    assert expected - names == set()


def test_an_install_from_the_wheel_finds_the_runtime_in_the_package(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    found, package = say(tmp_path / "site", cwd=tmp_path)
    assert package == tmp_path / "site" / "cautify"
    assert found == runtime()


def test_an_editable_install_finds_the_runtime_beside_the_package(tmp_path: Path) -> None:
    code = f"import hatchling.build; print(hatchling.build.build_editable({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as editable:
        paths = [name for name in editable.namelist() if name.endswith(".pth")]
        entries = editable.read(paths[0]).decode().split()
    assert entries == [str(REPOSITORY)]
    found, package = say(Path(entries[0]), cwd=tmp_path)
    assert package == REPOSITORY / "cautify"
    assert found == runtime()


def test_the_declared_python_is_the_one_that_is_checked() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == ">=3.10"
    assert settings["tool"]["mypy"]["python_version"] == "3.10"
    assert settings["tool"]["ruff"]["target-version"] == "py310"


def test_every_direct_dependency_has_a_pinned_version() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    pinned = {
        line.partition("==")[0].lower()
        for line in (REPOSITORY / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    wanted = [*settings["dependencies"], *settings["optional-dependencies"]["dev"]]
    names = {requirement.partition(">=")[0].lower() for requirement in wanted}
    assert names <= pinned

"""The wheel owns one name and carries everything; whatever else is on the path, Gatepost finds its own folders."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("server", "tools", "storage", "policies")


def run(*command: str | Path, cwd: Path, path: str = "") -> str:
    """Run a command with `path` as PYTHONPATH; what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GATEPOST"))}
    done = subprocess.run(command, cwd=cwd, env=environment | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed in a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel, cwd=target)
    return target


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A user's project that has folders named as ours, and breaks when one of them is imported."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('the wrong {name}')\n", encoding="utf-8")
    return tmp_path


def test_the_wheel_owns_one_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"gatepost"}
    assert len(top) == 2


def test_the_wheel_carries_every_file(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    wanted = {f"gatepost/app/{path.relative_to(ROOT)}" for path in files if "__pycache__" not in path.parts}
    assert {Path(name).suffix for name in wanted} >= {".py", ".sql", ".html", ".css"}
    assert {name for name in packed if name.startswith("gatepost/app/")} == wanted
    assert "gatepost/py.typed" in packed


def test_it_runs_beside_folders_of_the_same_names(installed: Path, workshop: Path) -> None:
    path = os.pathsep.join(map(str, (workshop, installed)))
    command = installed / "bin" / "gatepost"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert run(sys.executable, command, "--version", cwd=workshop, path=path) == f"gatepost {version}\n"
    assert "approvals" in run(sys.executable, "-m", "gatepost", "--help", cwd=workshop, path=path)


def test_the_installed_one_works_from_its_own_files(installed: Path, workshop: Path) -> None:
    path = os.pathsep.join(map(str, (workshop, installed)))
    code = "import gatepost; print(gatepost.home)"
    assert run(sys.executable, "-c", code, cwd=workshop, path=path).strip() == str(installed / "gatepost" / "app")
    data = workshop / "data"
    init = ("init", "--domain", "a.example", "--overseer", "boss@example.org", "--data", data)
    assert "a.example" in run(sys.executable, "-m", "gatepost", *init, cwd=workshop, path=path)


def test_an_editable_install_runs_the_checkout(workshop: Path) -> None:
    code = "import gatepost; print(gatepost.home)"
    assert run(sys.executable, "-c", code, cwd=workshop).strip() == str(ROOT)


def test_types_are_checked_strictly_everywhere() -> None:
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert mypy["strict"] is True
    assert set(mypy["files"]) >= {"gatepost", *FOLDERS, "tests"}
    relaxed = {module.partition(".")[0] for override in mypy.get("overrides", []) for module in override["module"]}
    assert not relaxed & {"gatepost", *FOLDERS, "tests"}

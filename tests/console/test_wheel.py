"""The wheel holds the console as it is served: its own modules and those of others."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from services.gateway.assets import FOLDER, MEDIA_TYPES

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "libs", "services", "deploy", "clients")


def test_the_wheel_holds_the_console(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(tmp_path),
        str(tree),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"services/gateway/console/{path.relative_to(FOLDER).as_posix()}"
        for path in FOLDER.rglob("*")
        if path.suffix in MEDIA_TYPES
    }
    assert len(wanted) > 40
    assert wanted <= held

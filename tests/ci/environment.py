# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the tests run in closed networks, with pyenv, and with an empty home. The tests themselves need none of this.

- All tools get a home in the checkout, since ansible-test and pylint write to their user's.
- uv gets pip's settings: indexes, certificates, local packages.
- pyenv's interpreters replace its shims on ``PATH``. ansible-test cannot use the shims.
- ansible-test finds a ``get-pip.py`` in its cache, and does not have to download it.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

# What uv calls pip's settings.
UV_VARIABLES = {
    "cert": "SSL_CERT_FILE",
    "extra-index-url": "UV_INDEX",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
}
# The versions of pip that ansible-test of ansible-core 2.16 to 2.21 asks for. The one that comes with Python does as well.
PIP_VERSIONS = ["23.1.2", "24.2", "25.2"]
GET_PIP = "import ensurepip\n\nensurepip.bootstrap()\n"


def _pip_settings() -> dict[str, str]:
    """Return pip's settings from its files and its environment, by their plain names."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    lines = sorted(listing.stdout.splitlines(), key=lambda line: line.startswith(":env:"))
    settings = {}
    for line in lines:
        name, value = line.split("=", 1)
        settings[name.rpartition(".")[2]] = " ".join(str(ast.literal_eval(value)).split())
    return settings


def _configure_uv(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        if name in UV_VARIABLES:
            os.environ.setdefault(UV_VARIABLES[name], value)
    # pip ignores a directory that does not exist, uv fails.
    links = settings.get("find-links", "").split()
    found = [link for link in links if "://" in link or Path(link).exists()]
    os.environ.setdefault("UV_FIND_LINKS", ",".join(found))
    # Like pip: the newest version that any of the indexes has.
    os.environ["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    os.environ["UV_PYTHON_DOWNLOADS"] = "never"


def _search_path(path: str) -> str:
    directories: list[Path] = []
    for directory in map(Path, path.split(os.pathsep)):
        if directory.name == "shims":
            directories.extend(directory.parent.glob("versions/3.*/bin"))
        else:
            directories.append(directory)
    directories.extend(Path.home().glob(".pyenv/versions/3.*/bin"))
    # antsibull-nox needs ansible-galaxy in environments without ansible-core, too.
    directories.append(Path(sys.executable).parent)
    return os.pathsep.join(map(str, directories))


def _write(path: Path, text: str) -> None:
    """Write a file, unless it is there already: another session may be reading it."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def prepare(home: Path) -> None:
    """Set up the environment of all sessions, with this directory as their home."""
    settings = _pip_settings()
    _configure_uv(settings)
    os.environ["PATH"] = _search_path(os.environ["PATH"])

    lines = ["[global]", *(f"{name} = {value}" for name, value in settings.items())]
    _write(home / ".config" / "pip" / "pip.conf", "\n".join(lines) + "\n")
    for version in PIP_VERSIONS:
        name = f"get_pip_{version.replace('.', '_')}.py"
        _write(home / ".ansible" / "test" / "cache" / name, GET_PIP)
    os.environ.setdefault("GIT_CONFIG_GLOBAL", str(Path.home() / ".gitconfig"))
    os.environ["HOME"] = str(home)

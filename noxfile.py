# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's tests: ``nox --list`` names them, ``nox -s NAME`` runs one."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import antsibull_nox
import nox

ROOT = Path(__file__).resolve().parent
CACHE = ROOT / ".cache"
# The home of all tools: they leave things behind in it, and ansible-test knows no other place.
HOME = CACHE / "home"

ANSIBLE_CORES = ["2.16", "2.17", "2.18", "2.19", "2.20", "2.21"]
# The first of the three Pythons that a release runs on.
FIRST_PYTHONS = {"2.16": 10, "2.17": 10, "2.18": 11, "2.19": 11, "2.20": 12, "2.21": 12}
PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
CONTROLLER_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What ansible-test runs unit tests with.
UNIT_TOOLS = ["mock", "pytest", "pytest-mock", "pytest-xdist", "pyyaml"]

# pip's settings and what uv calls them.
UV_VARIABLES = {
    "cert": "SSL_CERT_FILE",
    "extra-index-url": "UV_INDEX",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
}

# Stands in for the get-pip.py that ansible-test downloads from a host that is not reachable from
# everywhere: the pip that comes with Python does as well.
GET_PIP = "import ensurepip\n\nensurepip.bootstrap()\n"

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"


def pip_settings() -> dict[str, str]:
    """Return pip's settings from its files and its environment, by their plain names."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    lines = sorted(listing.stdout.splitlines(), key=lambda line: line.startswith(":env:"))
    settings = {}
    for line in lines:
        name, value = line.split("=", 1)
        settings[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return settings


def interpreter_path() -> str:
    """Return PATH with pyenv's interpreters in the place of its shims, which often fail."""
    directories: list[Path] = []
    for directory in map(Path, os.environ["PATH"].split(os.pathsep)):
        if directory.name == "shims":
            directories.extend(directory.parent.glob("versions/3.*/bin"))
        else:
            directories.append(directory)
    directories.extend(Path.home().glob(".pyenv/versions/3.*/bin"))
    return os.pathsep.join(map(str, directories))


def prepare_environment() -> None:
    """Set what all tools go by: where their home is, and where packages come from."""
    settings = {name: " ".join(value.split()) for name, value in pip_settings().items()}
    for name, value in settings.items():
        if name in UV_VARIABLES:
            os.environ.setdefault(UV_VARIABLES[name], value)
    # pip passes over a place that is not there, uv does not.
    places = settings.get("find-links", "").split()
    found = [place for place in places if "://" in place or Path(place).exists()]
    os.environ.setdefault("UV_FIND_LINKS", ",".join(found))
    # As pip does: the newest version that any of the indexes has.
    os.environ["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    os.environ["UV_PYTHON_DOWNLOADS"] = "never"
    os.environ["PATH"] = interpreter_path()

    pip_configuration = HOME / ".config" / "pip" / "pip.conf"
    lines = ["[global]", *(f"{name} = {value}" for name, value in settings.items())]
    pip_configuration.parent.mkdir(parents=True, exist_ok=True)
    pip_configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.environ.setdefault("GIT_CONFIG_GLOBAL", str(Path.home() / ".gitconfig"))
    os.environ["HOME"] = str(HOME)


def provide_get_pip(ansible_test_program: str) -> None:
    """Put the stand-in where ansible-test looks for get-pip.py before it downloads it."""
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    [requirements] = (
        Path(ansible_test_program)
        .parents[1]
        .glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py")
    )
    for version in re.findall(r"pip='([\d.]+)'", requirements.read_text(encoding="utf-8")):
        get_pip = cache / f"get_pip_{version.replace('.', '_')}.py"
        if not get_pip.exists():
            get_pip.write_text(GET_PIP, encoding="utf-8")


def collection_tree(name: str) -> Path:
    """Copy what git knows or would add to the place where ansible-test wants a collection.

    The copy is a repository of its own, since ansible-test would ask the one around it, where all
    of the copy is ignored.
    """
    tree = CACHE / "trees" / name / "ansible_collections" / "tidyops" / "datadog"
    shutil.rmtree(tree, ignore_errors=True)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        cwd=ROOT,
        text=True,
    )
    for file in filter(None, listing.stdout.split("\0")):
        if (ROOT / file).exists():
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, tree / file)
    subprocess.run(["git", "init", "--quiet", tree], check=True)
    return tree


def committed_tree(session: nox.Session, name: str) -> Path:
    """Make such a copy that can be cloned."""
    tree = collection_tree(name)
    author = ("-c", "user.name=nox", "-c", "user.email=nox@localhost")
    for command in (["add", "--all"], [*author, "commit", "--quiet", "--message", "All"]):
        session.run("git", "-C", str(tree), *command, external=True)
    return tree


def ansible_test(session: nox.Session, command: str, *arguments: str) -> None:
    """Run ansible-test on a copy of the collection.

    Its ``--venv`` would make environments of its own with pip, which takes ten times as long as
    those that nox has made with uv. An environment without ansible-core is one for modules alone:
    then the ansible-core beside nox drives the tests.
    """
    own_path = [*session.bin_paths, str(Path(sys.executable).parent)]
    path = os.pathsep.join([*own_path, os.environ["PATH"]])
    program = str(shutil.which("ansible-test", path=path))
    provide_get_pip(program)
    with session.chdir(collection_tree(re.sub(r"[^\w.]+", "-", session.name).strip("-"))):
        session.run(
            program,
            command,
            "--color",
            "no",
            *arguments,
            *session.posargs,
            env={"PATH": path},
            external=True,
        )


def plain_pytest(session: nox.Session, file: str, *arguments: str, **environment: str) -> None:
    """Run one file of unit tests without ansible-test, which does what takes long in forks."""
    session.install("ansible-core", *UNIT_TOOLS, "-r", "tests/unit/requirements.txt")
    tree = collection_tree(session.name)
    root = str(tree.parents[2])
    session.run(
        "pytest",
        "--quiet",
        "--import-mode=importlib",
        f"--rootdir={root}",
        # The threads beside it take no part in what is forked.
        "-Wignore:This process:DeprecationWarning",
        *arguments,
        *session.posargs,
        str(tree / "tests" / "unit" / "plugins" / "modules" / file),
        env={"PYTHONPATH": root, **environment},
    )


def oldest_libraries() -> list[str]:
    """Return the oldest versions of what the modules need, as their documentation has them."""
    fragment = ROOT / "plugins" / "doc_fragments" / "api.py"
    floors = re.findall(r"^  - (\w+) >= ([\d.]+)$", fragment.read_text("utf-8"), re.MULTILINE)
    return [f"{name} == {version}" for name, version in floors]


def python_versions() -> list[str]:
    """Return the versions of Python that the modules support and that are here, oldest first."""
    return [version for version in PYTHONS if shutil.which(f"python{version}")]


def controllers() -> list[t.Any]:
    """Return each release of ansible-core with the newest Python that it runs on and that is here."""
    found = []
    for release, first in FIRST_PYTHONS.items():
        versions = [f"3.{minor}" for minor in (first + 2, first + 1, first)]
        python = next((v for v in versions if shutil.which(f"python{v}")), None)
        if python:
            found.append(nox.param(python, release, id=release))
    return found


prepare_environment()
antsibull_nox.load_antsibull_nox_toml()


@nox.session
def sanity(session: nox.Session) -> None:
    """Run every test of ansible-test sanity, with the interpreters that are there."""
    session.install("ansible-core")
    ansible_test(session, "sanity", "--junit")


@nox.session(python=python_versions())
def units(session: nox.Session) -> None:
    """Run the unit tests: all of them on the newest Python, those of the modules on all.

    On the oldest one with the oldest libraries.
    """
    floors = oldest_libraries() if session.python == python_versions()[0] else []
    session.install(*UNIT_TOOLS, "-r", "tests/unit/requirements.txt", *floors)
    if session.python == CONTROLLER_PYTHON:
        session.install("ansible-core")
    ansible_test(session, "units", "--python", session.python)


@nox.session
def integration(session: nox.Session) -> None:
    """Run all integration targets, against the emulator."""
    session.install("ansible-core", "-r", "tests/integration/requirements.txt")
    ansible_test(session, "integration", "--python", CONTROLLER_PYTHON, "--continue-on-error")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site, without network and without a warning, into docs/build/html."""
    session.install("-r", "docs/docsite/requirements.txt")
    build = ROOT / "docs" / "build"
    pages = build / "rst"
    pages.mkdir(mode=0o755, parents=True, exist_ok=True)
    # antsibull-docs keeps to folders that nobody else may write to.
    pages.chmod(0o755)
    session.run(
        "antsibull-docs",
        "--config-file",
        str(ROOT / "docs" / "docsite" / "antsibull-docs.cfg"),
        "collection",
        "--use-current",
        "--squash-hierarchy",
        "--cleanup",
        "everything",
        "--fail-on-error",
        "--dest-dir",
        str(pages),
        "tidyops.datadog",
        env={"ANSIBLE_COLLECTIONS_PATH": str(collection_tree(session.name).parents[2])},
    )
    configuration = str(ROOT / "docs" / "docsite")
    options = ["-c", configuration, "-W", "--keep-going", "-q"]
    session.run("sphinx-build", "-M", "html", str(pages), str(build), *options, *session.posargs)
    session.log(f"The site begins at {build / 'html' / 'index.html'}")


@nox.session(name="fault-table", default=False)
def fault_table(session: nox.Session) -> None:
    """Write the table of faults in the guide, after every module has met every one of them."""
    guide = ROOT / "docs" / "docsite" / "rst" / "guide_faults.rst"
    plain_pytest(session, "test_faults.py", FAULT_TABLE=str(guide))


@nox.session(name="random-runs", default=False)
def random_runs(session: nox.Session) -> None:
    """Run RANDOM_RUNS random stories of modules that meet faults, from the seed RANDOM_SEED on."""
    runs, seed = os.environ.get("RANDOM_RUNS", "1000"), os.environ.get("RANDOM_SEED", "0")
    plain_pytest(
        session,
        "test_random_runs.py",
        "--numprocesses=auto",
        "--tb=short",
        RANDOM_RUNS=runs,
        RANDOM_SEED=seed,
        # They take longer than all other tests.
        EMULATOR_LIFETIME="86400",
    )
    session.log(f"{runs} random stories, of seed {seed} and those that follow, ended well.")


@nox.session(default=False)
@nox.parametrize("ansible_core", [nox.param(version, id=version) for version in ANSIBLE_CORES])
def matrix(session: nox.Session, ansible_core: str) -> None:
    """Run sanity, unit and integration tests with one release of ansible-core."""
    session.install(
        f"ansible-core == {ansible_core}.*",
        *UNIT_TOOLS,
        "-r",
        "tests/unit/requirements.txt",
        "-r",
        "tests/integration/requirements.txt",
    )
    python = str(session.python or CONTROLLER_PYTHON)
    ansible_test(session, "sanity")
    ansible_test(session, "units", "--python", python)
    ansible_test(session, "integration", "--python", python, "--continue-on-error")


@nox.session(default=False)
@nox.parametrize("python,ansible_core", controllers())
def install(session: nox.Session, ansible_core: str) -> None:
    """Build the collection, install it as the README says, and use it, with one release of ansible-core."""
    session.install(
        f"ansible-core == {ansible_core}.*",
        "-r",
        "meta/ee-requirements.txt",
        "-r",
        "tests/emulator/requirements.txt",
    )
    place = CACHE / "install" / ansible_core
    shutil.rmtree(place, ignore_errors=True)
    from_tarball, from_git = place / "tarball", place / "git"
    tree = committed_tree(session, f"install-{ansible_core}")

    galaxy = ("ansible-galaxy", "collection")
    session.run(*galaxy, "build", "--output-path", str(place), str(tree))
    [tarball] = place.glob("*.tar.gz")
    repository = f"git+file://{tree}"
    for source, target in ((str(tarball), from_tarball), (repository, from_git)):
        session.run(*galaxy, "install", source, "--collections-path", str(target))
        environment = {"ANSIBLE_COLLECTIONS_PATH": str(target)}
        listing = session.run(
            "ansible-doc", "--list", "tidyops.datadog", env=environment, silent=True
        )
        modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
        listed = sorted(re.findall(r"^tidyops\.datadog\.(\w+)", str(listing), re.MULTILINE))
        if listed != modules:
            session.error(f"ansible-doc lists {listed}.")
        session.run("python", "tests/demo/picture.py", "--check", env=environment)


@nox.session(name="first-steps", default=False, venv_backend="none")
def first_steps(session: nox.Session) -> None:
    """Type what the README's quick start says, in an empty home, and say how long it takes."""
    tree = committed_tree(session, "first-steps")
    session.run(sys.executable, "tests/demo/first_steps.py", str(tree))

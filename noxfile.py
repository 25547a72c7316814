# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's tests: ``nox --list`` names them, ``nox -s NAME`` runs one.

Sessions without a ``-`` in that list are what ``make test`` runs; ``make test-all`` adds those with the tag ``slow``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import typing as t
from pathlib import Path

import antsibull_nox
import nox
from antsibull_nox.sessions.collections import prepare_collections

ROOT = Path(__file__).resolve().parent
CACHE = ROOT / ".cache"
JUNIT = CACHE / "junit"

sys.path.insert(0, str(ROOT / "tests" / "ci"))
import environment  # noqa: E402

ANSIBLE_CORES = ["2.16", "2.17", "2.18", "2.19", "2.20", "2.21"]
# The first of the three Pythons that a release runs on.
FIRST_PYTHONS = {"2.16": 10, "2.17": 10, "2.18": 11, "2.19": 11, "2.20": 12, "2.21": 12}
PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
CONTROLLER_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What ansible-test runs unit tests with.
UNIT_TOOLS = ["mock", "pytest", "pytest-mock", "pytest-xdist", "pyyaml"]
# Most tests wait for the emulator, so more of them than there are cores can run at once.
WORKERS = "6"

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"


def collection_tree(session: nox.Session) -> Path:
    """Copy the collection to where ansible-test wants it, outside of this repository."""
    collections = prepare_collections(session, install_in_site_packages=False, install_out_of_tree=True)
    assert collections
    return collections.current_path


def committed_tree(session: nox.Session) -> Path:
    """Make such a copy that can be cloned."""
    tree = collection_tree(session)
    git = ("git", "-C", str(tree), "-c", "user.name=nox", "-c", "user.email=nox@localhost")
    for command in (["init"], ["add", "--all"], ["commit", "--message", "All"]):
        session.run(*git, command[0], "--quiet", *command[1:], external=True)
    return tree


def keep_junit(session_name: str) -> None:
    """Move what ansible-test reports from the current directory, and remove the rest of its output."""
    output = Path("tests", "output")
    shutil.rmtree(JUNIT / session_name, ignore_errors=True)
    if (output / "junit").is_dir():
        shutil.copytree(output / "junit", JUNIT / session_name)
    shutil.rmtree(output, ignore_errors=True)


def ansible_test(session: nox.Session, command: str, *arguments: str) -> None:
    """Run ansible-test on a copy of the collection.

    Its ``--venv`` would create environments of its own with pip, which takes ten times as long as
    those that nox creates with uv. An environment without ansible-core is one for modules alone:
    then the ansible-core beside nox drives the tests.
    """
    own_path = [*session.bin_paths, str(Path(sys.executable).parent)]
    path = os.pathsep.join([*own_path, os.environ["PATH"]])
    program = str(shutil.which("ansible-test", path=path))
    with session.chdir(collection_tree(session)):
        try:
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
        finally:
            keep_junit(session.name)


def pytest(session: nox.Session, *arguments: str, **variables: str) -> None:
    """Run unit tests without ansible-test, which starts a process for each of them and cannot select them by marker."""
    session.install("ansible-core", *UNIT_TOOLS, "-r", "tests/unit/requirements.txt")
    tree = collection_tree(session)
    root = str(tree.parents[2])
    with session.chdir(tree):
        session.run(
            "pytest",
            "--quiet",
            "--strict-markers",
            "--import-mode=importlib",
            f"--rootdir={root}",
            f"--numprocesses={WORKERS}",
            f"--junit-xml={JUNIT / session.name / 'units.xml'}",
            # The threads beside it take no part in what is forked.
            "-Wignore:This process:DeprecationWarning",
            *arguments,
            *(session.posargs or ["tests/unit"]),
            env={"PYTHONPATH": root, **variables},
        )


def oldest_libraries() -> list[str]:
    """Return the oldest versions of what the modules need, as their documentation has them."""
    fragment = ROOT / "plugins" / "doc_fragments" / "api.py"
    floors = re.findall(r"^  - (\w+) >= ([\d.]+)$", fragment.read_text("utf-8"), re.MULTILINE)
    return [f"{name} == {version}" for name, version in floors]


def python_versions() -> list[str]:
    """Return the versions of Python that the modules support and that are here, oldest first."""
    return [version for version in PYTHONS if shutil.which(f"python{version}")]


def newest_ansible_core() -> str:
    """Return the newest release of ansible-core that runs on this Python."""
    minor = sys.version_info.minor
    return [release for release, first in FIRST_PYTHONS.items() if first <= minor][-1]


def controllers() -> list[t.Any]:
    """Return each release of ansible-core with the newest Python that it runs on and that is here."""
    found = []
    for release, first in FIRST_PYTHONS.items():
        versions = [f"3.{minor}" for minor in (first + 2, first + 1, first)]
        python = next((v for v in versions if shutil.which(f"python{v}")), None)
        if python:
            found.append(nox.param(python, release, id=release))
    return found


environment.prepare(CACHE / "home")
antsibull_nox.load_antsibull_nox_toml()
antsibull_nox.add_ansible_test_session(
    name="sanity",
    description="Run every test of ansible-test sanity, with the interpreters that are there.",
    ansible_test_params=["sanity", "--color", "no", "--junit"],
    default=True,
    ansible_core_version=newest_ansible_core(),
    ansible_core_source="pypi",
    callback_after=lambda: keep_junit("sanity"),
)


@nox.session
def units(session: nox.Session) -> None:
    """Run the quick unit tests, or those that arguments select."""
    pytest(session, *([] if session.posargs else ["-m", "not slow"]))


@nox.session(name="units-slow", default=False, tags=["slow"])
def units_slow(session: nox.Session) -> None:
    """Run the unit tests that take long: errors on the wire, races, kills, random runs."""
    pytest(session, "-m", "slow")


@nox.session(name="units-oldest", default=False, tags=["slow"], python=python_versions()[0])
def units_oldest(session: nox.Session) -> None:
    """Run all unit tests of the modules on the oldest Python, with the oldest libraries."""
    session.install(*UNIT_TOOLS, "-r", "tests/unit/requirements.txt", *oldest_libraries())
    if session.python == CONTROLLER_PYTHON:
        session.install("ansible-core")
    ansible_test(session, "units", "--python", str(session.python), "--num-workers", WORKERS)


@nox.session
def integration(session: nox.Session) -> None:
    """Run a playbook with all kinds of credentials against the emulator, or the targets that arguments name."""
    session.install("ansible-core", "-r", "tests/integration/requirements.txt")
    targets = [] if session.posargs else ["every_kind"]
    ansible_test(session, "integration", "--python", CONTROLLER_PYTHON, *targets)


@nox.session(name="integration-all", default=False, tags=["slow"])
def integration_all(session: nox.Session) -> None:
    """Run all other integration targets: examples, guides, AWX, searches for secrets."""
    session.install("ansible-core", "-r", "tests/integration/requirements.txt")
    options = ("--continue-on-error", "--exclude", "every_kind")
    ansible_test(session, "integration", "--python", CONTROLLER_PYTHON, *options)


@nox.session(default=False, tags=["slow"])
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
        env={"ANSIBLE_COLLECTIONS_PATH": str(collection_tree(session).parents[2])},
    )
    configuration = str(ROOT / "docs" / "docsite")
    options = ["-c", configuration, "-W", "--keep-going", "-q"]
    session.run("sphinx-build", "-M", "html", str(pages), str(build), *options, *session.posargs)
    session.log(f"The site begins at {build / 'html' / 'index.html'}")


@nox.session(name="random-runs", default=False)
def random_runs(session: nox.Session) -> None:
    """Run RANDOM_RUNS random scenarios of modules that meet faults, from the seed RANDOM_SEED on."""
    runs, seed = os.environ.get("RANDOM_RUNS", "1000"), os.environ.get("RANDOM_SEED", "0")
    pytest(
        session,
        "--tb=short",
        "tests/unit/plugins/modules/test_random_runs.py",
        RANDOM_RUNS=runs,
        RANDOM_SEED=seed,
        # They take longer than all other tests.
        EMULATOR_LIFETIME="86400",
    )
    session.log(f"{runs} random scenarios, of seed {seed} and those that follow, ended well.")


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
    tree = committed_tree(session)

    galaxy = ("ansible-galaxy", "collection")
    session.run(*galaxy, "build", "--output-path", str(place), str(tree))
    [tarball] = place.glob("*.tar.gz")
    repository = f"git+file://{tree}"
    for source, target in ((str(tarball), from_tarball), (repository, from_git)):
        session.run(*galaxy, "install", source, "--collections-path", str(target))
        environment = {"ANSIBLE_COLLECTIONS_PATH": str(target)}
        listing = session.run("ansible-doc", "--list", "tidyops.datadog", env=environment, silent=True)
        modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
        listed = sorted(re.findall(r"^tidyops\.datadog\.(\w+)", str(listing), re.MULTILINE))
        if listed != modules:
            session.error(f"ansible-doc lists {listed}.")
        session.run("python", "tests/demo/picture.py", "--check", env=environment)


@nox.session(name="first-steps", default=False)
def first_steps(session: nox.Session) -> None:
    """Type what the README's quick start says, in an empty home, and say how long it takes."""
    tree = committed_tree(session)
    session.run(sys.executable, "tests/demo/first_steps.py", str(tree), external=True)

# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules cost, compared with other ways to do the same, on an emulated Datadog with latency.

Measures the wall-clock time of whole processes. Each one is checked: it must succeed, send the expected number of
writes, and leave the expected number of connections. Requires Linux. Writes tables to standard output, progress to
standard error, and the output of the programs to ``.cache/benchmark/logs``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
import typing as t
import venv
from importlib.metadata import version
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLACE = ROOT / ".cache" / "benchmark"
COLLECTIONS = PLACE / "collections"
DATA = PLACE / "data"
LOGS = PLACE / "logs"
EXAMPLES = ROOT / "docs" / "examples" / "all_connections.yml"
REQUIREMENTS = HERE / "requirements.txt"
BIN = Path(sys.executable).parent

# The emulator is no package of this environment; hence E402 below.
sys.path.insert(0, str(ROOT / "tests" / "emulator"))
from datadog_emulator.catalogue import CATALOGUE  # noqa: E402
from datadog_emulator.testing import Emulator, running_emulator  # noqa: E402

LATENCY = 0.05
CREATED = 100
TEAM_CONNECTIONS = 2000
TEAM_CONNECTIONS_CREATED = 250
TEAM_BATCH = 100
PATH = "/api/v2/actions/connections"
KEYS = {"DD-API-KEY": "benchmark-api-key", "DD-APPLICATION-KEY": "benchmark-application-key"}
# Longer than any run.
LIFETIME = 24 * 3600

# Quick programs run several times; the median counts.
REPETITIONS = 3
QUICK_SECONDS = 30
SINGLE_REPETITIONS = 11
FURTHER_TASKS = 10

PLURAL = "`action_connections`, one task"
PLURAL_LISTED = "`action_connections`, one task, where the list is offered"
BARE = "the bare module, one task, eight at a time"
SINGULAR = "`action_connection`, in a loop"
URI = "`ansible.builtin.uri`, in a loop"
CLIENT = "datadog-api-client, one after another"
LOOPS = (SINGULAR, URI)

# To predict the duration: seconds for each connection, for each program, and for everything else.
EXPECTED = {PLURAL: 0.04, PLURAL_LISTED: 0.03, BARE: 0.01, SINGULAR: 0.9, URI: 0.65, CLIENT: 0.06}
START_SECONDS = 2
OTHER_SECONDS = 100


class Run(t.NamedTuple):
    """A measured process: its time, the number of requests, and the processor time of the emulator."""

    seconds: float
    requests: int
    emulator_seconds: float


class Result(t.NamedTuple):
    """The median of several runs."""

    run: Run
    runs: int

    @classmethod
    def of(cls, runs: t.Sequence[Run]) -> Result:
        return cls(sorted(runs, key=lambda run: run.seconds)[len(runs) // 2], len(runs))

    @property
    def share(self) -> str:
        """How busy the emulator was."""
        return f"{self.run.emulator_seconds / self.run.seconds:.0%}"


class Case(t.NamedTuple):
    """A program to measure."""

    label: str
    command: t.Sequence[str]
    registry: Path | None = None
    is_listed: bool = False


class Unsafe(str):
    """A string with braces that are not Jinja: ``!unsafe`` in YAML, a string in JSON."""


class Loader(yaml.SafeLoader):
    """Reads playbooks."""


class Dumper(yaml.SafeDumper):
    """Writes files of variables."""

    def ignore_aliases(self, data: t.Any) -> bool:
        return True


def _read_unsafe(loader: Loader, node: yaml.ScalarNode) -> Unsafe:
    return Unsafe(loader.construct_scalar(node))


def _write_unsafe(dumper: Dumper, text: Unsafe) -> yaml.Node:
    return dumper.represent_scalar("!unsafe", str(text))


Loader.add_constructor("!unsafe", _read_unsafe)
Dumper.add_representer(Unsafe, _write_unsafe)


def examples() -> list[dict[str, t.Any]]:
    """Return the options of an action connection of each kind, from the example playbook."""
    [play] = yaml.load(EXAMPLES.read_text(encoding="utf-8"), Loader=Loader)
    module = "tidyops.datadog.action_connection"
    found = [task[module] for task in play["tasks"] if module in task]
    return [{key: value for key, value in options.items() if key not in ("name", "state")} for options in found]


def filled(value: t.Any, number: int) -> t.Any:
    """Return the options of an example with its variables filled in: secrets that no other connection has."""
    if isinstance(value, dict):
        return {key: filled(item, number) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, number) for item in value]
    if isinstance(value, str) and not isinstance(value, Unsafe) and value.startswith("{{ "):
        return f"made-up-{value[3:-3].rpartition('.')[2]}-{number:04}"
    return value


def connections(size: int) -> list[dict[str, t.Any]]:
    """Return the options of this many action connections, of all kinds in turn."""
    kinds = examples()
    return [
        {"name": f"Connection {number:04}", **filled(kinds[(number - 1) % len(kinds)], number)}
        for number in range(1, size + 1)
    ]


def create_request(connection: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the request that creates an action connection with these options."""
    [(integration, options)] = [item for item in connection.items() if item[0] != "name"]
    beside = {key: value for key, value in options.items() if not isinstance(value, dict)}
    [(kind, fields)] = [item for item in options.items() if item[0] not in beside]
    [entry] = [
        entry
        for entry in CATALOGUE
        if entry.integration.lower() == integration and entry.type.lower() == integration + kind.replace("_", "")
    ]
    credentials = {"type": entry.type, **fields}
    if "tokens" in fields:
        credentials["tokens"] = [{"type": "SECRET", **token} for token in fields["tokens"]]
    attributes = {
        "name": connection["name"],
        "integration": {"type": entry.integration, **beside, "credentials": credentials},
    }
    return {"data": {"type": "action_connection", "attributes": attributes}}


def write_variables(name: str, **variables: t.Any) -> Path:
    """Write a file of variables."""
    file = DATA / f"{name}.yml"
    with file.open("w", encoding="utf-8") as output:
        yaml.dump(variables, output, Dumper, sort_keys=False)
    return file


def write_json(name: str, value: t.Any) -> Path:
    """Write a file for programs other than Ansible."""
    file = DATA / f"{name}.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def registry_file(size: int) -> Path:
    """Return the path of the registry of this many connections."""
    return DATA / f"registry-{size}.json"


def progress(text: str) -> None:
    """Show progress."""
    print(text, file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Write a paragraph of the report."""
    print(f"{text}\n", flush=True)


def table(header: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> None:
    """Write a table of the report; all columns but the first are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    say("\n".join(f"| {' | '.join(line)} |" for line in lines))


def base_environ() -> dict[str, str]:
    """Return an environment with Ansible's default settings."""
    # Not the user's configuration, nor that of the machine.
    configuration = PLACE / "ansible.cfg"
    configuration.touch()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "DD_", "DATADOG_"))},
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_HOME": str(PLACE / "home"),
        "ANSIBLE_REMOTE_TEMP": str(PLACE / "home" / "tmp"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LIBRARY": str(HERE / "library"),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
    }


def install_collection(environ: t.Mapping[str, str]) -> None:
    """Build the collection and install it as from Ansible Galaxy."""
    packages = PLACE / "packages"
    for directory in (packages, COLLECTIONS):
        shutil.rmtree(directory, ignore_errors=True)
    galaxy = [str(BIN / "ansible-galaxy"), "collection"]
    build = [*galaxy, "build", "--output-path", str(packages)]
    subprocess.run(build, check=True, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    [package] = packages.glob("*.tar.gz")
    install = [*galaxy, "install", "--offline", str(package)]
    subprocess.run(install, check=True, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)


def client_python() -> Path:
    """Return an interpreter with the official client, in an environment that is created once."""
    place = PLACE / "venv"
    python, ready = place / "bin" / "python", place / "ready"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        progress("Installing the official client")
        venv.create(place, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-qq", "-r", str(REQUIREMENTS)]
        environ = {"PIP_CACHE_DIR": str(ROOT / ".cache" / "pip"), **os.environ}
        subprocess.run(install, check=True, env=environ)
        ready.write_text(wanted, encoding="utf-8")
    return python


def client_version(python: Path) -> str:
    """Return the version of the official client."""
    code = "from importlib.metadata import version; print(version('datadog-api-client'))"
    return subprocess.check_output([str(python), "-c", code], text=True).strip()


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used: fields 14 and 15 of its line in ``/proc``."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    """Runs programs against an emulator, checks what they did, and measures them."""

    def __init__(self, datadog: Emulator, environ: t.Mapping[str, str], client: Path) -> None:
        self.datadog = datadog
        self.client_python = client
        self.environ = {
            **environ,
            "DD_HOST": datadog.url,
            "DD_API_KEY": KEYS["DD-API-KEY"],
            "DD_APP_KEY": KEYS["DD-APPLICATION-KEY"],
        }
        self._programs = 0

    def playbook(self, name: str, data: Path, **variables: t.Any) -> list[str]:
        """Return the command that runs a playbook of this directory with a file of variables."""
        given = {"data": str(data), "address": self.datadog.url + PATH, "keys": KEYS, **variables}
        return [str(BIN / "ansible-playbook"), str(HERE / f"{name}.yml"), "-e", json.dumps(given)]

    def repeated(self, name: str, data: Path, times: int) -> list[str]:
        """Return the same command for a playbook with this many times the tasks."""
        [play] = yaml.safe_load((HERE / f"{name}.yml").read_text(encoding="utf-8"))
        play["tasks"] *= times
        program, _playbook, *arguments = self.playbook(name, data)
        return [program, str(write_json(f"{name}-{times}", [play])), *arguments]

    def client(self, action: str, data: Path) -> list[str]:
        """Return the command that runs the official client."""
        return [str(self.client_python), str(HERE / "client.py"), action, str(data)]

    def run(self, case: Case, *, writes: int, leaves: t.Mapping[str, int]) -> Run:
        """Run a program once.

        :param writes: the number of requests other than GET that it must send.
        :param leaves: the number of objects that must exist afterwards.
        """
        environ = dict(self.environ)
        if case.registry:
            environ["DD_CONNECTION_REGISTRY"] = str(case.registry)
        self._programs += 1
        log = LOGS / f"{self._programs:03}.log"
        self.datadog.settings(list=case.is_listed)
        self.datadog.clear()
        with log.open("w", encoding="utf-8") as output:
            before = cpu_seconds(self.datadog.process.pid)
            started = time.perf_counter()
            status = subprocess.run(
                case.command,
                check=False,
                cwd=PLACE,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ).returncode
            seconds = time.perf_counter() - started
        used = cpu_seconds(self.datadog.process.pid) - before
        methods = [request["method"] for request in self.datadog.requests()]
        written = sum(method != "GET" for method in methods)
        counts = self.datadog.state()["counts"]
        left = {kind: counts[kind] for kind in leaves}
        if (status, written, left) != (0, writes, dict(leaves)):
            sys.exit(
                f"{case.label}: exit code {status}, {written} writes instead of {writes}, "
                f"left {left} instead of {dict(leaves)}; see {log.relative_to(ROOT)}"
            )
        progress(f"{seconds:7.1f} s  {len(methods):5} requests  {case.label}")
        return Run(seconds, len(methods), used)

    def measure(
        self,
        case: Case,
        *,
        writes: int,
        leaves: t.Mapping[str, int],
        prepare: t.Callable[[], None] = lambda: None,
    ) -> Result:
        """Run a program after a preparation, several times if it is quick."""
        runs: list[Run] = []
        while not runs or len(runs) < REPETITIONS and runs[0].seconds < QUICK_SECONDS:
            prepare()
            runs.append(self.run(case, writes=writes, leaves=leaves))
        return Result.of(runs)

    def at_once(self, case: Case, *, writes: int, leaves: t.Mapping[str, int]) -> None:
        """Run a program without latency, to prepare another one."""
        self.datadog.settings(latency=0)
        self.run(case, writes=writes, leaves=leaves)
        self.datadog.settings(latency=LATENCY)

    def create(self, size: int) -> tuple[Path, Path]:
        """Create this many connections, and delete all others.

        :returns: the file of variables that describes them, and their registry.
        """
        self.datadog.reset()
        data = write_variables(f"connections-{size}", connections=connections(size))
        registry = registry_file(size)
        registry.unlink(missing_ok=True)
        case = Case(f"preparing {size} connections", self.playbook("many_connections", data), registry)
        self.at_once(case, writes=size, leaves={"action_connections": size})
        return data, registry

    def connection_ids(self) -> list[str]:
        """Return the ids of the connections that exist."""
        return [connection["id"] for connection in self.datadog.state()["action_connections"]]


Comparison = dict[str, t.Optional[Result]]


def compare(
    bench: Bench,
    cases: t.Iterable[Case],
    *,
    loops: bool,
    writes: int,
    leaves: t.Mapping[str, int],
    prepare: t.Callable[[], None] = lambda: None,
) -> Comparison:
    """Measure several ways to do the same, with or without loops."""
    return {
        case.label: (
            bench.measure(case, writes=writes, leaves=leaves, prepare=prepare)
            if loops or case.label not in LOOPS
            else None
        )
        for case in cases
    }


def unchanged(bench: Bench, size: int, loops: bool) -> Comparison:
    """Measure the ways to check this many connections that need no change."""
    data, registry = bench.create(size)
    ids = bench.connection_ids()
    ids_data = write_variables(f"ids-{size}", connection_ids=ids)
    ids_json = write_json(f"ids-{size}", ids)
    many = bench.playbook("many_connections", data)
    cases = [
        Case(PLURAL, many, registry),
        Case(PLURAL_LISTED, many, registry, is_listed=True),
        Case(BARE, bench.playbook("bare_get", ids_data)),
        Case(SINGULAR, bench.playbook("loop_of_connections", data), registry),
        Case(URI, bench.playbook("loop_of_reads", ids_data)),
        Case(CLIENT, bench.client("read", ids_json)),
    ]
    return compare(bench, cases, loops=loops, writes=0, leaves={"action_connections": size})


def created(bench: Bench, size: int, loops: bool) -> Comparison:
    """Measure the ways to create this many connections."""
    data = write_variables(f"connections-{size}", connections=connections(size))
    requests = [create_request(connection) for connection in connections(size)]
    requests_data = write_variables(f"requests-{size}", create_requests=requests)
    requests_json = write_json(f"requests-{size}", requests)
    registry = DATA / "registry-created.json"

    def prepare() -> None:
        bench.datadog.reset()
        registry.unlink(missing_ok=True)

    cases = [
        Case(PLURAL, bench.playbook("many_connections", data), registry),
        Case(SINGULAR, bench.playbook("loop_of_connections", data), registry),
        Case(URI, bench.playbook("loop_of_creates", requests_data)),
        Case(CLIENT, bench.client("create", requests_json)),
    ]
    leaves = {"action_connections": size}
    return compare(bench, cases, loops=loops, writes=size, leaves=leaves, prepare=prepare)


def create_teams(datadog: Emulator) -> list[dict[str, str]]:
    """Create teams in Datadog.

    :returns: the options of a connection for each of them.
    """
    wanted = []
    for number in range(1, TEAM_CONNECTIONS + 1):
        attributes = {"name": f"Team {number}", "handle": f"team-{number}"}
        body = {"data": {"type": "team", "attributes": attributes}}
        team = datadog.call("POST", "/api/v2/team", body).body["data"]["id"]
        wanted.append({"team": team, "connected_team": f"@acme/team-{number}"})
    return wanted


def team_connections(bench: Bench) -> tuple[Result, Result]:
    """Measure the creation of team connections, and then a task that changes none of them.

    :returns: both results.
    """
    bench.datadog.reset()
    bench.datadog.settings(latency=0)
    wanted = create_teams(bench.datadog)
    bench.datadog.settings(latency=LATENCY)
    size = TEAM_CONNECTIONS_CREATED
    data = write_variables("team-connections-created", team_connections=wanted[:size])
    creation = bench.measure(
        Case(f"{size} team connections created", bench.playbook("many_team_connections", data)),
        writes=math.ceil(size / TEAM_BATCH),
        leaves={"team_connections": size},
        prepare=lambda: remove_team_connections(bench.datadog),
    )

    remove_team_connections(bench.datadog)
    size = TEAM_CONNECTIONS
    data = write_variables("team-connections-unchanged", team_connections=wanted)
    command = bench.playbook("many_team_connections", data)
    leaves = {"team_connections": size}
    preparing = Case(f"preparing {size} team connections", command)
    bench.at_once(preparing, writes=math.ceil(size / TEAM_BATCH), leaves=leaves)
    case = Case(f"{size} team connections unchanged", command)
    return creation, bench.measure(case, writes=0, leaves=leaves)


def remove_team_connections(datadog: Emulator) -> None:
    """Delete all team connections, but not the teams."""
    path = "/api/v2/team/connections"
    while rows := datadog.call("GET", path).body["data"]:
        data = [{"type": row["type"], "id": row["id"]} for row in rows]
        datadog.call("DELETE", path, {"data": data})


def memory(bench: Bench, size: int) -> float:
    """Return the peak resident set, in MB, of the plural module for the existing connections, unchanged."""
    params = {"connections": connections(size), "registry": str(registry_file(size))}
    arguments = write_json("arguments", {"ANSIBLE_MODULE_ARGS": params})
    output = LOGS / "memory.json"
    module = "ansible_collections.tidyops.datadog.plugins.modules.action_connections"
    bench.datadog.clear()
    measured = subprocess.run(
        [
            *(sys.executable, "-S", str(HERE / "peak_memory.py"), str(output)),
            *(sys.executable, "-m", module, str(arguments)),
        ],
        check=False,
        cwd=PLACE,
        env={**bench.environ, "PYTHONPATH": str(COLLECTIONS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    writes = [request for request in bench.datadog.requests() if request["method"] != "GET"]
    if measured.returncode or writes or len(json.loads(output.read_bytes())["connections"]) != size:
        sys.exit(f"memory: exit code {measured.returncode}, {len(writes)} writes")
    megabytes = int(measured.stdout) * 1024 / 1_000_000
    progress(f"{megabytes:6.0f} MB  the module's process, {size} connections")
    return megabytes


class Single(t.NamedTuple):
    """Playbooks of one task, and of more, with the module and with the bare one."""

    ours: Result
    bare: Result
    ours_more: Result
    bare_more: Result

    @property
    def further(self) -> float:
        """The ratio of what each further task takes."""
        return (self.ours_more.run.seconds - self.ours.run.seconds) / (
            self.bare_more.run.seconds - self.bare.run.seconds
        )


def single(bench: Bench) -> Single:
    """Measure the playbooks in turn."""
    _data, registry = bench.create(1)
    data = write_variables("one", connections=connections(1), connection_ids=bench.connection_ids())
    cases = []
    for times in (1, 1 + FURTHER_TASKS):
        ours = bench.repeated("one_connection", data, times)
        cases.append(Case(f"`action_connection`, tasks: {times}", ours, registry))
        cases.append(Case(f"the bare module, tasks: {times}", bench.repeated("bare_get", data, times)))
    runs: list[list[Run]] = [[] for _case in cases]
    for number in range(SINGLE_REPETITIONS):
        for index, case in enumerate(cases):
            # Those of many tasks vary less.
            if index < 2 or number < REPETITIONS:
                runs[index].append(bench.run(case, writes=0, leaves={"action_connections": 1}))
    return Single(*map(Result.of, runs))


def comparison_rows(size: int, comparison: Comparison) -> list[list[str]]:
    """Return a table's rows for a comparison of all results with the first one."""
    first = next(iter(comparison.values()))
    assert first
    rows = []
    for label, result in comparison.items():
        if result is None:
            rows.append([label, f"{size:,}", "left out", "", "", "", ""])
        else:
            ratio = f"{result.run.seconds / first.run.seconds:.2f}"
            rows.append([label, f"{size:,}", ratio, *columns(result)])
    return rows


def columns(result: Result) -> list[str]:
    """Return the columns that all tables of results have."""
    seconds = f"{result.run.seconds:.2f}"
    return [seconds, f"{result.run.requests:,}", result.share, str(result.runs)]


COLUMNS = ["seconds", "requests", "emulator busy", "runs"]


class Target(t.NamedTuple):
    """A limit, and the number that was measured, if it was."""

    what: str
    limit: float
    found: float | None

    def row(self) -> list[str]:
        """Return the row of the table."""
        if self.found is None:
            return [self.what, f"{self.limit:g}", "not measured", ""]
        verdict = "reached" if self.found <= self.limit else "missed"
        return [self.what, f"{self.limit:g}", f"{self.found:.3g}", verdict]


def ratio(one: Result | None, other: Result | None) -> float | None:
    """Return the ratio of two times, if both were measured."""
    return one.run.seconds / other.run.seconds if one and other else None


def expected_minutes(sizes: t.Iterable[int], limit: float) -> float:
    """Return roughly how long everything takes on a machine with two processors."""
    seconds: float = OTHER_SECONDS + SINGLE_REPETITIONS * 6 * START_SECONDS
    for size in [*sizes, min(CREATED, max(sizes))]:
        for label, each in EXPECTED.items():
            if label not in LOOPS or size <= limit:
                once = START_SECONDS + each * size
                seconds += once * (REPETITIONS if once < QUICK_SECONDS else 1)
    return seconds / 60


def arguments() -> argparse.Namespace:
    """Read the command line."""

    def sizes(text: str) -> list[int]:
        found = sorted({int(number) for number in text.split(",")})
        if found[0] < 1:
            raise ValueError(text)
        return found

    parser = argparse.ArgumentParser(description="Measures the modules against an emulated Datadog.")
    parser.add_argument(
        "--sizes",
        type=sizes,
        default=[10, 100, 1000],
        metavar="N,N",
        help="numbers of unchanged action connections (10,100,1000)",
    )
    parser.add_argument(
        "--skip-loops-above",
        type=int,
        default=float("inf"),
        metavar="N",
        help="leave out loops over more connections, which take minutes",
    )
    return parser.parse_args()


def main() -> None:
    """Measure, and print the report. Fail if a program did not do what it should."""
    options = arguments()
    minutes = expected_minutes(options.sizes, options.skip_loops_above)
    progress(f"This takes about {minutes:.0f} minutes.")
    for directory in (DATA, LOGS):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    environ = base_environ()
    install_collection(environ)
    client = client_python()
    with running_emulator("--latency", str(LATENCY), "--lifetime", str(LIFETIME)) as datadog:
        report(Bench(datadog, environ, client), options.sizes, options.skip_loops_above)


def report(bench: Bench, sizes: t.Sequence[int], skip_loops_above: float) -> None:
    """Measure everything, and print each table as soon as possible."""
    say("# Benchmark")
    say(
        f"On an emulated Datadog on this machine, each of whose answers takes {LATENCY * 1000:.0f} ms. Whole processes, from "
        "start to exit, with Ansible's default settings. Of several runs, the one in the middle counts. The ratios are "
        "what can be compared; the seconds are this machine's."
    )
    collection = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    say(
        f"tidyops.datadog {collection}, {platform.system()}, {len(os.sched_getaffinity(0))} processors, "
        f"Python {platform.python_version()}, "
        f"ansible-core {version('ansible-core')}, datadog-api-client {client_version(bench.client_python)}."
    )

    say("## Unchanged action connections")
    say(
        "The bare module, `uri` and the client only read each connection by its id. There is no list, unless the table says so."
    )
    found = {size: unchanged(bench, size, size <= skip_loops_above) for size in sizes}
    # While the largest set is still there.
    peak = memory(bench, sizes[-1])
    header = ["", "connections", "ratio to the plural module", *COLUMNS]
    table(header, [row for size in sizes for row in comparison_rows(size, found[size])])
    for less, more in zip(sizes, sizes[1:]):
        growth = ratio(found[more][PLURAL], found[less][PLURAL])
        say(f"`action_connections` takes {growth:.2f} times as long for {more:,} as for {less:,}.")

    say("## Creating action connections")
    size = min(CREATED, max(sizes))
    table(header, comparison_rows(size, created(bench, size, size <= skip_loops_above)))

    say("## Team connections")
    say("`team_connections` in one task, which gives the teams by their UUIDs.")
    creation, teams = team_connections(bench)
    table(
        ["", "connections", *COLUMNS],
        [
            ["created", f"{TEAM_CONNECTIONS_CREATED:,}", *columns(creation)],
            ["unchanged", f"{TEAM_CONNECTIONS:,}", *columns(teams)],
        ],
    )

    say("## Memory")
    table(
        ["", "connections", "MB"],
        [["peak resident set of `action_connections`, unchanged", f"{sizes[-1]:,}", f"{peak:.0f}"]],
    )
    say("The module's process alone, started as `python -m` from the installed collection.")

    say("## One task, and more")
    say(
        f"Playbooks of one task that finds one connection unchanged, and of {1 + FURTHER_TASKS} such tasks; and the same with a "
        "module that does nothing but `requests.get` of the same address; in turn."
    )
    one = single(bench)
    ours, bare = one.ours, one.bare
    table(
        ["", "tasks", "ratio", *COLUMNS],
        [
            ["`action_connection`", "1", f"{ratio(ours, bare):.2f}", *columns(ours)],
            ["the bare module", "1", "1.00", *columns(bare)],
            [
                "`action_connection`",
                f"{1 + FURTHER_TASKS}",
                f"{ratio(one.ours_more, one.bare_more):.2f}",
                *columns(one.ours_more),
            ],
            ["the bare module", f"{1 + FURTHER_TASKS}", "1.00", *columns(one.bare_more)],
        ],
    )

    say("## Targets")
    hundred = found.get(100, {})
    plural = hundred.get(PLURAL)
    thousand = found.get(1000, {}).get(PLURAL)
    targets = [
        Target("one task, ratio to the bare module", 1.15, ratio(ours, bare)),
        Target("each further task, ratio to the bare module", 1.25, one.further),
        Target(
            "100 unchanged, ratio to the bare module that reads 100, eight at a time",
            1.2,
            ratio(plural, hundred.get(BARE)),
        ),
        Target(
            "100 unchanged where the list is offered, ratio to the bare module that reads one",
            1.3,
            ratio(hundred.get(PLURAL_LISTED), bare),
        ),
        Target("100 unchanged, ratio to the `uri` loop", 1 / 20, ratio(plural, hundred.get(URI))),
        Target("100 unchanged, ratio to the client", 2 / 5, ratio(plural, hundred.get(CLIENT))),
        Target("1,000 unchanged, ratio to 100", 10, ratio(thousand, plural)),
        Target(f"{TEAM_CONNECTIONS:,} unchanged team connections, requests", 21, teams.run.requests),
        Target("1,000 unchanged, peak memory in MB", 150, peak if sizes[-1] == 1000 else None),
    ]
    table(["", "at most", "measured", ""], [target.row() for target in targets])


if __name__ == "__main__":
    main()

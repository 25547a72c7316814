# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README and guides show, run as it stands there, from the top of each page to its bottom.

Blocks of a page are one shell script in an empty folder: a block of YAML with a caption is a file, one without is run
as a playbook, and each line after C($) is a command. Lines of output that a page shows have to come.
"""

from __future__ import annotations

import ast
import contextlib
import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import textwrap
import threading
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_commands import (
    CANARY,
    COLLECTION,
    EXAMPLE,
    DatastoreBackend,
    Emulator,
    running_emulator,
    secrets_file,
)

from datadog_emulator.testing import user_id

GUIDES = COLLECTION / "docs" / "docsite" / "rst"
REPOSITORY = "https://github.com/tidyops/ansible-collection-datadog.git"
#: AWX has tests of its own, and there are no commands among error messages.
WITHOUT_COMMANDS = {"guide_awx", "guide_faults", "guide_limits", "guide_troubleshooting"}
#: What a page is about exists before it is read.
BEGIN_WITH_CONNECTIONS = {"guide_existing", "guide_registry", "guide_terraform"}
#: Pages that show what is different where Datadog lists the connections of the organization.
WITH_LIST = {"guide_existing"}
CONNECTIONS: dict[str, dict[str, t.Any]] = {
    "Production AWS": {
        "type": "AWS",
        "credentials": {
            "type": "AWSAssumeRole",
            "account_id": "123456789012",
            "role": "DatadogActions",
        },
    },
    "Ticket system": {
        "type": "HTTP",
        "base_url": "https://tickets.example.com/api",
        "credentials": {
            "type": "HTTPTokenAuth",
            "tokens": [{"type": "SECRET", "name": "accessToken", "value": f"{CANARY}-ticket"}],
            "headers": [{"name": "Authorization", "value": "Bearer {{ accessToken }}"}],
        },
    },
    "GitLab": {
        "type": "Gitlab",
        "credentials": {"type": "GitlabAPIKey", "api_token": f"{CANARY}-gitlab"},
    },
}
#: The id that pages have for the last one.
ID_IN_GUIDES = "3bbe2d0e-ebe6-4bee-a90e-bcbda5eb1c54"
#: The user of the keys, whom no policy may lock out, and another one.
CALLER_IN_GUIDES = "ansible@example.com"
OTHER_USER = "workflows@example.com"
APP_KEY = f"{CANARY}-app"
#: The id that they have for a datastore.
DATASTORE_IN_GUIDES = "3f6ecf67-79f2-4f7b-9e4f-2b2a5e2f3f04"
VARIABLES = {
    "datadog_organization": "acme",
    **{
        name: f"{CANARY}-{name}"
        for name in ("gitlab_token", "tickets_access_token", "vaulted_api_key", "vaulted_app_key")
    },
}
#: What takes the place of programs that would start a day's work, or need what is not here.
STAND_INS = {
    "make": 'exec {make} --dry-run "$@"',
    "pip": """
        test "$1" = install || exit 1
        exec python -c 'import sys; from importlib.metadata import version; list(map(version, sys.argv[2:]))' "$@"
    """,
    # An environment of its own would be without what this one has.
    "python3": """
        test "$1 $2" = "-m venv" || exit 1
        mkdir --parents "$3/bin" && touch "$3/bin/activate"
    """,
    "terraform": """
        case "$1 $2" in
          "show -json") cat {folder}/terraform.json ;;
          "state rm") grep --quiet '"aws_production"' {folder}/terraform.json ;;
          *) exit 1 ;;
        esac
    """,
}
#: A nox that only looks whether there is such a session.
NOX = r"""
    test "$1" = --list || { name=${2%-3.*}; grep -q "^def ${name}(" noxfile.py; }
"""
#: Modules and plugins of other collections.
OTHER_COLLECTIONS = {
    "amazon/aws/plugins/modules/iam_role.py": """
        import json

        from ansible.module_utils.basic import AnsibleModule

        module = AnsibleModule({"name": {}, "assume_role_policy_document": {"type": "json"}})
        [statement] = json.loads(module.params["assume_role_policy_document"])["Statement"]
        external_id = statement["Condition"]["StringEquals"]["sts:ExternalId"]
        principal = statement["Principal"]["AWS"]
        if len(external_id) < 32 or len(principal) != len("arn:aws:iam::123456789012:root"):
            module.fail_json(msg=f"{external_id} {principal}")
        module.exit_json(changed=True)
    """,
    "community/hashi_vault/plugins/lookup/vault_kv2_get.py": f"""
        from ansible.plugins.lookup import LookupBase

        class LookupModule(LookupBase):
            def run(self, terms, variables=None, **kwargs):
                return [{{"secret": {{"token": "{CANARY}-vault"}}}}]
    """,
}


class Block(t.NamedTuple):
    """A block of code in a page."""

    language: str
    caption: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in Markdown or reStructuredText."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        found = re.findall(r"(?:^Save this as `([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.M)
        return [Block(language, caption, content) for caption, language, content in found]
    found = re.findall(r"^( *)\.\. code-block:: (\S+)\n(?:\1 +:caption: (.*)\n)?\n((?:\1  .*\n|\n)+)", text, re.M)
    assert len(found) == text.count("code-block::")
    return [
        Block(language.split("+")[0], caption, textwrap.dedent(content).strip() + "\n")
        for _margin, language, caption, content in found
    ]


def commands_of(block: Block) -> t.Iterator[tuple[str, list[str]]]:
    """Each command of a block, and the lines of output that are shown after it."""
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command = part.splitlines()
        size = 1
        while command[size - 1].endswith("\\"):
            size += 1
        yield "\n".join(command[:size]), [line for line in command[size:] if line.strip()]


def playbook_of(text: str) -> str:
    """A playbook of what is one, or a list of tasks, or keywords of a play."""
    content = yaml.load(text, Loader=_UnsafeLoader)
    head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n"
    if isinstance(content, dict):
        tasks = "  tasks:\n    - tidyops.datadog.action_connection_info:\n"
        return head + textwrap.indent(text, "  ") + tasks
    if any("hosts" in play for play in content):
        return text
    return head + "  tasks:\n" + textwrap.indent(text, "    ")


class _UnsafeLoader(yaml.SafeLoader):
    """Takes C(!unsafe) for what it is: a text."""


def _text(_loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return str(node.value)


_UnsafeLoader.add_constructor("!unsafe", _text)


class Page:
    """A page on its way to be a script."""

    def __init__(self, folder: Path, replacements: t.Mapping[str, str]) -> None:
        self._folder = folder
        self._replacements = replacements
        self._lines = ["set -euo pipefail"]
        self._plays: list[str] = []
        self._expected: list[tuple[str, list[str]]] = []

    def add(self, block: Block) -> None:
        """Turn a block into lines of the script."""
        text = block.text
        for old, new in self._replacements.items():
            text = text.replace(old, new)
        if block.language == "console":
            for command, output in commands_of(block._replace(text=text)):
                self._command(command, output)
        elif block.language == "yaml" and block.caption:
            file = f"cat >{shlex.quote(block.caption)} <<'END OF FILE'\n{text}END OF FILE"
            self._lines.append(file)
        elif block.language == "yaml":
            self._plays.append(playbook_of(text))

    def _command(self, command: str, output: list[str]) -> None:
        self._end_of_plays()
        self._lines += [f"echo '@@@ {len(self._expected)}'", command]
        self._expected.append((command, output))

    def _end_of_plays(self) -> None:
        """Run what has gathered in one playbook, since it takes Ansible long to start."""
        plays, self._plays = self._plays, []
        if plays:
            playbook = self._folder / f"plays_{len(self._lines)}.yml"
            playbook.write_text("".join(plays), encoding="utf-8")
            self._command(f"ansible-playbook {playbook}", [])

    def run(self, variables: t.Mapping[str, str]) -> str:
        """Run the script, see that every command succeeds and prints what is said, and return all output."""
        self._end_of_plays()
        script = self._folder / "page.sh"
        script.write_text("\n".join(self._lines) + "\n", encoding="utf-8")
        done = subprocess.run(
            ["bash", str(script)],
            check=False,
            cwd=self._folder,
            env={**os.environ, **variables},
            # For a command that asks for keys.
            input=f"{CANARY}-asked\n" * 2,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        parts = re.split(r"^@@@ \d+\n", done.stdout, flags=re.M)[1:]
        assert done.returncode == 0, f"{self._expected[len(parts) - 1][0]}\n{parts[-1]}"
        assert len(parts) == len(self._expected) > 0
        for (command, output), part in zip(self._expected, parts):
            printed = [" ".join(line.split()) for line in part.splitlines()]
            for line in output:
                assert " ".join(line.split()) in printed, f"{command}\n{part}"
        assert CANARY not in done.stdout
        return done.stdout


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    path.chmod(mode)


@pytest.fixture(name="repository", scope="session")
def fixture_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as a repository to clone and to install from."""
    folder = tmp_path_factory.mktemp("repository") / "collection"
    left_out = shutil.ignore_patterns(".git", ".cache", ".nox", ".venv", "output", "__pycache__")
    shutil.copytree(COLLECTION, folder, ignore=left_out)
    write(folder / ".venv" / "bin" / "nox", f"#!/bin/bash{NOX}", 0o755)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-Af"],
        [*identity, "commit", "-qm", "All of it"],
    ):
        subprocess.run(["git", *command], check=True, cwd=folder)
    return folder


@pytest.fixture(name="datadog")
def emulated_datadog() -> t.Iterator[Emulator]:
    """An organization without the list of connections, as most are."""
    with running_emulator("--team", "platform", "--team", "sre") as emulator:
        emulator.add_user(OTHER_USER, service_account=True)
        yield emulator


class GitHub:
    """The teams of an organization, on as many pages as there are lists of them.

    :ivar pages: the slugs.
    """

    def __init__(self, address: str, pages: list[list[str]]) -> None:
        self.address = address
        self.pages = pages

    @property
    def variables(self) -> dict[str, str]:
        return {"GITHUB_API_URL": self.address, "GITHUB_TOKEN": f"{CANARY}-github"}


@contextlib.contextmanager
def running_github(*pages: list[str]) -> t.Iterator[GitHub]:
    """A server on loopback that answers as GitHub's API does to "List teams"."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Takes GET."""

        def answer(self) -> None:
            """One page of teams."""
            path, _question, query = self.path.partition("?")
            number = int((re.findall(r"[?&]page=(\d+)", self.path) or ["1"])[0])
            allowed = self.headers["Authorization"] == f"Bearer {CANARY}-github"
            known = path == "/orgs/acme/teams" and "per_page=100" in query
            content = json.dumps([{"slug": slug} for slug in github.pages[number - 1]]).encode()
            self.send_response(200 if allowed and known else 404)
            if len(github.pages) > number:
                rows = {"next": number + 1, "last": len(github.pages)}
                links = [f'<{github.address}/x?page={at}>; rel="{name}"' for name, at in rows.items()]
                self.send_header("Link", ", ".join(links))
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = answer

        def log_message(self, *args: t.Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        github = GitHub(f"http://127.0.0.1:{server.server_port}", list(pages))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield github
        finally:
            server.shutdown()


def existing(datadog: Emulator) -> dict[str, str]:
    """Create connections, and return their ids by their names."""
    ids = {}
    for name, integration in CONNECTIONS.items():
        attributes = {"name": name, "integration": integration}
        body = {"data": {"type": "action_connection", "attributes": attributes}}
        reply = datadog.call("POST", "/api/v2/actions/connections", body)
        assert reply.status == 201, reply
        ids[name] = reply.body["data"]["id"]
    return ids


def terraform_state(ids: t.Mapping[str, str]) -> str:
    """The example of a state, about these connections."""
    state = json.loads((EXAMPLE.parent / "terraform_state.json").read_text(encoding="utf-8"))
    root = state["values"]["root_module"]
    resources = root["resources"] + root["child_modules"][0]["resources"]
    connections = [each for each in resources if each["type"] == "datadog_action_connection"]
    for connection, name in zip(connections, ("Production AWS", "Ticket system")):
        connection["values"].update(id=ids[name], name=name)
    gitlab = {"api_key": {"api_token": f"{CANARY}-gitlab"}}
    values: dict[str, t.Any] = {
        "id": ids["GitLab"],
        "name": "GitLab",
        "aws": None,
        "http": [],
        "gitlab": gitlab,
    }
    root["resources"].append({**connections[0], "values": values})
    return json.dumps(state)


def environment(folder: Path, datadog: Emulator, repository: Path) -> dict[str, str]:
    """Make what pages take for granted, and return the variables of a shell."""
    for name, content in STAND_INS.items():
        script = textwrap.dedent(content).format(folder=folder, make=shutil.which("make"))
        write(folder / "bin" / name, f"#!/bin/bash\n{script}\n", 0o755)
    for name, content in OTHER_COLLECTIONS.items():
        write(folder / "collections" / "ansible_collections" / name, content)
    write(folder / "group_vars" / "all" / "variables.yml", yaml.safe_dump(VARIABLES))
    write(folder / "vault-password", f"{CANARY}-vault-password\n", 0o600)
    (folder / "registries").mkdir()
    shutil.copytree(EXAMPLE.parent, folder / "docs" / "examples")
    collections = [str(folder / "collections"), os.environ["ANSIBLE_COLLECTIONS_PATH"]]
    return {
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(collections),
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        # What a page sets takes precedence, and what it unsets leaves the other: no page goes to Datadog itself.
        "DATADOG_HOST": datadog.url,
        "DD_HOST": datadog.url,
        "DD_API_KEY": f"{CANARY}-api",
        "DD_APP_KEY": APP_KEY,
        # A repository in place of the one on GitHub.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }


PAGES = {path.stem: path for path in (COLLECTION / "README.md", *sorted(GUIDES.glob("*.rst")))}


@pytest.mark.parametrize("stem", sorted(PAGES.keys() - WITHOUT_COMMANDS))
def test_page(stem: str, tmp_path: Path, datadog: Emulator, repository: Path) -> None:
    caller = f"caller-{user_id(APP_KEY)[:8]}@example.com"
    replacements = {"http://127.0.0.1:9126": datadog.url, CALLER_IN_GUIDES: caller}
    variables = environment(tmp_path, datadog, repository)
    if stem in WITH_LIST:
        datadog.settings(list=True)
    if stem == "guide_registry":
        # Its tasks are those of its first playbook, which names the registry once.
        variables["DD_CONNECTION_REGISTRY"] = str(tmp_path / "datadog-connections.json")
    if stem in BEGIN_WITH_CONNECTIONS:
        ids = existing(datadog)
        replacements[ID_IN_GUIDES] = ids["GitLab"]
        (tmp_path / "terraform.json").write_text(terraform_state(ids), encoding="utf-8")
    DatastoreBackend(datadog, DATASTORE_IN_GUIDES)
    page = Page(tmp_path, replacements)
    for block in blocks_of(PAGES[stem]):
        page.add(block)
    with running_github(["platform", "design"], ["sre"]) as github:
        page.run({**variables, **github.variables})


@pytest.mark.parametrize("stem", sorted(WITHOUT_COMMANDS - {"guide_awx"}))
def test_pages_without_commands(stem: str) -> None:
    assert {block.language for block in blocks_of(PAGES[stem])} <= {"text"}


def test_pages_are_listed() -> None:
    listed = yaml.safe_load((GUIDES.parent / "extra-docs.yml").read_text(encoding="utf-8"))
    pages = [page for section in listed["sections"] for page in section["toctree"]]
    assert sorted(pages) == sorted(path.stem for path in GUIDES.glob("*.rst"))


def texts_of_the_code() -> str:
    """Every text in the modules' code, each on a line, with C(…) for what is filled in."""
    lines = []
    for path in sorted((COLLECTION / "plugins" / "module_utils").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                lines.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                lines.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                )
    return "\n".join(" ".join(line.split()) for line in lines)


#: What ansible-core says where something is missing that is not missing here.
OF_ANSIBLE = "Failed to import the required Python library (requests)"
#: What ansible-core says, or is put together of much, with a task that is answered so.
OF_RUNS: dict[str, dict[str, t.Any]] = {
    "gitlab.api_kee is not an option; did you mean api_key?": {
        "name": "GitLab",
        "gitlab": {"api_kee": {}},
    },
    "'accessToken' is undefined": {
        "name": "Ticket system",
        "http": {
            "base_url": "https://tickets.example.com",
            "token_auth": {"headers": [{"name": "Authorization", "value": "Bearer {{ accessToken }}"}]},
        },
    },
    "api_key is required (or the environment variable DD_API_KEY or DATADOG_API_KEY), or access_token": {
        "name": "GitLab",
        "gitlab": {"api_key": {}},
    },
}


def test_messages() -> None:
    """What the guide quotes is what the code says, but for C(…)."""
    code = texts_of_the_code()
    messages = [" ".join(block.text.split()) for block in blocks_of(GUIDES / "guide_troubleshooting.rst")]
    assert len(messages) > 20
    assert {*OF_RUNS, OF_ANSIBLE} < set(messages)
    for message in sorted(set(messages) - {*OF_RUNS, OF_ANSIBLE}):
        pieces = [piece.strip(" .,;") for piece in re.split(r"…|(?<=HTTP )\d+", message)]
        assert max(map(len, pieces)) > 15, message
        for piece in filter(None, pieces):
            assert piece in code, (message, piece)


def test_messages_of_runs(tmp_path: Path, datadog: Emulator, repository: Path) -> None:
    """The mistakes that the guide describes are answered as it says."""
    variables = {**environment(tmp_path, datadog, repository), "DD_API_KEY": ""}
    tasks = [{"tidyops.datadog.action_connection": arguments} for arguments in OF_RUNS.values()]
    playbook = tmp_path / "mistakes.yml"
    playbook.write_text(playbook_of(yaml.safe_dump(tasks)), encoding="utf-8")
    with playbook.open("a", encoding="utf-8") as file:
        file.write("  ignore_errors: true\n")
    done = played(variables, playbook)
    for message in OF_RUNS:
        assert message in done.stdout + done.stderr


def played(variables: t.Mapping[str, str], playbook: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook that may fail, with more variables in its environment."""
    done = subprocess.run(
        ["ansible-playbook", str(playbook), *arguments],
        check=False,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert CANARY not in done.stdout + done.stderr
    return done


def connect(datadog: Emulator, handle: str, connected_team: str) -> t.Any:
    """Connect a team as a person does in Datadog."""
    [team] = datadog.call("GET", f"/api/v2/team?filter[keyword]={handle}").body["data"]
    relationships = {
        "team": {"data": {"id": team["id"], "type": "team"}},
        "connected_team": {"data": {"id": connected_team, "type": "github_team"}},
    }
    row = {
        "type": "team_connection",
        "attributes": {"source": "github", "managed_by": "datadog"},
        "relationships": relationships,
    }
    return datadog.call("POST", "/api/v2/team/connections", {"data": [row]})


def linked_teams(datadog: Emulator) -> list[str]:
    """The external teams that are connected."""
    rows = datadog.call("GET", "/api/v2/team/connections").body["data"]
    return sorted(row["relationships"]["connected_team"]["data"]["id"] for row in rows)


def test_github_teams(tmp_path: Path, repository: Path) -> None:
    """Teams on several pages of both; the connection of one that is gone goes, and one made by hand stays."""
    handles = [f"team-{number:03}" for number in range(102)]
    switches = [word for handle in handles for word in ("--team", handle)]
    with running_emulator(*switches) as datadog, running_github([], []) as github:
        variables = {**environment(tmp_path, datadog, repository), **github.variables}

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return played(variables, EXAMPLE.parent / "github_teams.yml", "-vvvv", *arguments)

        assert connect(datadog, handles[50], "@acme/by-hand").status == 201
        github.pages = [["team-000", "unknown"], ["team-101", "team-007"]]
        assert "changed=1" in run().stdout
        assert linked_teams(datadog) == [
            "@acme/by-hand",
            "@acme/team-000",
            "@acme/team-007",
            "@acme/team-101",
        ]
        assert "changed=0" in run().stdout
        github.pages = [["team-000"]]
        assert "changed=1" in run().stdout
        assert linked_teams(datadog) == ["@acme/by-hand", "@acme/team-000"]
        github.pages = [["unknown"]]
        done = run()
        assert done.returncode == 2 and "has the handle of a Datadog team" in done.stdout
        assert linked_teams(datadog) == ["@acme/by-hand", "@acme/team-000"]


def test_creation_of_a_registry(tmp_path: Path, datadog: Emulator, repository: Path) -> None:
    """One datastore of a name, none in check mode, and an answer that says what is lacking."""
    variables = environment(tmp_path, datadog, repository)
    playbook = EXAMPLE.parent / "create_registry.yml"

    def names() -> list[str]:
        stores = datadog.call("GET", "/api/v2/actions-datastores").body["data"]
        return sorted(store["attributes"]["name"] for store in stores)

    assert played(variables, playbook, "--check").returncode == 0
    datadog.settings(deny=["apps_datastore_manage"])
    done = played(variables, playbook, "-vvvv")
    assert done.returncode == 2 and "apps_datastore_manage" in done.stdout + done.stderr
    assert names() == []
    datadog.settings(deny=[])
    [registry] = re.findall("registry: datastore:[-0-9a-f]+", played(variables, playbook).stdout)
    done = played(variables, playbook)
    assert done.returncode == 2 and registry in done.stdout + done.stderr
    assert played(variables, playbook, "-e", "datastore=Another").returncode == 0
    assert names() == ["Another", "Registry of action connections"]


def test_report_of_drift(tmp_path: Path, datadog: Emulator, repository: Path) -> None:
    """Nothing at first, then it names what was edited elsewhere, as often as it is asked."""
    variables = environment(tmp_path, datadog, repository)
    datadog.settings(list=True)
    ids = existing(datadog)
    role = {"aws": {"assume_role": {"account_id": "123456789012", "role": "DatadogActions"}}}
    given = {
        "registry": str(tmp_path / "connections.json"),
        "connections": [
            {"name": "Production AWS", **role},
            {"name": "GitLab", "gitlab": {"api_key": {}}},
        ],
    }
    (tmp_path / "given.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
    (tmp_path / "keep.yml").write_text(
        playbook_of(
            "- tidyops.datadog.action_connections:\n"
            '    registry: "{{ registry }}"\n    connections: "{{ connections }}"\n'
        ),
        encoding="utf-8",
    )

    def run(playbook: Path) -> subprocess.CompletedProcess[str]:
        return played(variables, playbook, "-e", f"@{tmp_path / 'given.yml'}")

    report = EXAMPLE.parent / "report_drift.yml"
    assert run(tmp_path / "keep.yml").returncode == 0
    done = run(report)
    assert done.returncode == 0 and "as they should be" in done.stdout
    for name in ("Production AWS", "GitLab"):
        integration = CONNECTIONS[name]
        body = {"data": {"type": "action_connection", "attributes": {"integration": integration}}}
        path = f"/api/v2/actions/connections/{ids[name]}"
        assert datadog.call("PATCH", path, body).status == 200
    for _time in range(2):
        done = run(report)
        assert done.returncode == 2
        said = done.stdout + done.stderr
        assert "Changed elsewhere: Production AWS, GitLab. Different: none." in said


def test_connections_of_group_vars(tmp_path: Path, datadog: Emulator, repository: Path) -> None:
    """A dictionary and a list, with tags and access, of which the second run changes nothing."""
    variables = environment(tmp_path, datadog, repository)
    playbook = EXAMPLE.parent / "many_connections" / "connections.yml"
    registry = ("-e", f"registry={tmp_path / 'connections.json'}")
    for changes in (1, 0):
        done = played(variables, playbook, *registry)
        assert done.returncode == 0 and f"changed={changes}" in done.stdout, done.stdout
    found = {each["id"]: each["name"] for each in datadog.state()["action_connections"]}
    policies = {found[resource.partition(":")[2]]: policy for resource, policy in datadog.policies().items()}
    assert sorted(policies) == ["Production AWS", "Staging AWS", "Status page"]
    resolvers = {name: policy["resolver"][0][:4] for name, policy in policies.items()}
    assert resolvers == {"Production AWS": "role", "Staging AWS": "org:", "Status page": "role"}


def test_adoption_of_every_kind(tmp_path: Path, datadog: Emulator, repository: Path) -> None:
    """The registry knows all connections of a Terraform state afterwards, and nothing was sent."""
    variables = environment(tmp_path, datadog, repository)
    given = (*secrets_file(tmp_path / "secrets.yml"), "-e", f"registry={tmp_path / 'made.json'}")
    assert played(variables, EXAMPLE, *given).returncode == 0
    made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))["connections"]
    kinds = {name: entry["integration"].split(".") for name, entry in made.items()}
    resources = [
        {
            "type": "datadog_action_connection",
            "mode": "managed",
            "values": {
                "id": made[name]["id"],
                "name": name,
                **{other: None for other, _kind in kinds.values()},
                integration: {"api_token": None, "global_api_token": None, kind: {"x": "y"}},
            },
        }
        for name, (integration, kind) in kinds.items()
    ]
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"values": {"root_module": {"resources": resources}}}), "utf-8")
    datadog.clear()
    registry = tmp_path / "adopted.json"
    playbook = EXAMPLE.parent / "adopt_from_terraform.yml"
    arguments = ("-e", f"terraform_state={state}", "-e", f"registry={registry}")
    done = played(variables, playbook, *arguments)
    assert done.returncode == 0 and "changed=0" in done.stdout, done.stdout
    assert {request["method"] for request in datadog.requests()} == {"GET"}
    adopted = json.loads(registry.read_text(encoding="utf-8"))["connections"]
    assert len(adopted) == 25
    assert {name: each["id"] for name, each in adopted.items()} == {name: each["id"] for name, each in made.items()}


def test_integrations_are_listed() -> None:
    """The page has a row for each kind of credentials, with every field."""
    page = (GUIDES / "guide_integrations.rst").read_text(encoding="utf-8")
    [play] = yaml.load(EXAMPLE.read_text(encoding="utf-8"), Loader=_UnsafeLoader)
    tasks = [task.get("tidyops.datadog.action_connection", {}) for task in play["tasks"]]
    for task in tasks:
        for integration, options in task.items():
            for kind, fields in options.items() if isinstance(options, dict) else ():
                if isinstance(fields, dict):
                    [row] = re.findall(rf"- ``{integration}\.{kind}``\n     - (.*)", page)
                    assert all(f"``{field}``" in row for field in fields), row

# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs modules as Ansible does: parameters in as JSON, result out as JSON, each in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import re
import select
import signal
import sys
import time
import traceback
import typing as t

from ansible.module_utils import basic

PACKAGE = "ansible_collections.tidyops.datadog.plugins.modules"


class Run:
    """A module that has been started.

    A forked process, so that a run leaves nothing behind in this one (Ansible collects warnings in globals), does
    not cost an interpreter's start, and can be one of several.
    """

    def __init__(
        self,
        name: str,
        params: t.Mapping[str, t.Any],
        check_mode: bool = False,
        environ: t.Mapping[str, str] | None = None,
    ) -> None:
        module = importlib.import_module(f"{PACKAGE}.{name}")
        internal = {
            "_ansible_check_mode": check_mode,
            "_ansible_diff": True,
            "_ansible_verbosity": 4,
        }
        if "inject_invocation" in basic.PASS_VARS:
            # As at -vvv; older releases of ansible-core return it in any case.
            internal["_ansible_inject_invocation"] = True
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {**internal, **params}}).encode()
        #: What was read already.
        self._begun = ""
        self._reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(writer, 1)
            _log_to_output()
            # pytest has replaced sys.stdout by something that does not end in file descriptor 1.
            sys.stdout = os.fdopen(1, "w")
            status = _run_and_exit(module.main, arguments, environ or {})
            sys.stdout.flush()
            os._exit(status)
        os.close(writer)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._reader)

    def result(self, within: float | None = None) -> dict[str, t.Any]:
        """Wait for the end.

        :param within: seconds after which a run that has not ended fails the test; None to wait for ever.
        :returns: the result as Ansible gets it, but with warnings as plain texts; with C(raw), the output as it was
            written; and with C(logged), what went to syslog.
        """
        if within is not None and not self._ends(within):
            self.kill()
            raise AssertionError(f"the module did not end within {within} s")
        with os.fdopen(self._reader) as output:
            parts = re.split("\x1e(.*?)\x1f", self._begun + output.read(), flags=re.DOTALL)
        raw, logged = "".join(parts[::2]), "".join(parts[1::2])
        _pid, status = os.waitpid(self.pid, 0)
        result: dict[str, t.Any] = json.loads(raw)
        assert os.WEXITSTATUS(status) == (1 if result.get("failed") else 0), raw
        # ansible-core 2.19 and newer return warnings as objects.
        warnings = [json.dumps(warning) for warning in result.get("warnings", [])]
        return {**result, "warnings": warnings, "raw": raw, "logged": logged}

    def _ends(self, within: float) -> bool:
        """Read what it writes, and tell whether it has ended in time."""
        until = time.monotonic() + within
        while select.select([self._reader], [], [], max(until - time.monotonic(), 0))[0]:
            data = os.read(self._reader, 65536)
            if not data:
                return True
            self._begun += data.decode()
        return False


def _log_to_output() -> None:
    """Take the place of syslog and the journal, which are the machine's: mark their messages in the output."""

    def write(*message: t.Any) -> None:
        os.write(1, f"\x1e{message[-1]}\x1f".encode())

    basic.has_journal = False
    basic.syslog.syslog = write


def _run_and_exit(main: t.Callable[[], None], arguments: bytes, environ: t.Mapping[str, str]) -> int:
    for variable in [name for name in os.environ if name.startswith(("DD_", "DATADOG_"))]:
        del os.environ[variable]
    os.environ.update(environ)
    basic._ANSIBLE_ARGS = arguments
    # ansible-core 2.19 and newer want to know how the result is to be encoded.
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        main()
    except SystemExit as exc:
        return int(exc.code or 0)
    except BaseException:  # pylint: disable=broad-exception-caught # nothing may leave a fork
        traceback.print_exc()
    return 70

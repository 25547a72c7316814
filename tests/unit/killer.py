# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills runs at every point between two requests, or two changes of a file."""

from __future__ import annotations

import os
import signal
import typing as t

import pytest
import requests

from ansible_collections.tidyops.datadog.tests.unit.module_runner import Run


class Killer:
    """Kills a run after the n-th of the events that others can see; the first one also before it.

    Functions are replaced, since the places between a request and a record cannot be had otherwise. A module runs in a
    fork of this process, and inherits them.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 0
        self._seen = 0
        self._tests = os.getpid()
        for owner, name in ((os, "replace"), (requests.Session, "send")):
            monkeypatch.setattr(owner, name, self._guarded(getattr(owner, name)))

    def _guarded(self, function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def guarded(*args: t.Any, **kwargs: t.Any) -> t.Any:
            if not self._seen:
                # Before each of the others is after the one before.
                self._event()
            result = function(*args, **kwargs)
            self._event()
            return result

        return guarded

    def _event(self) -> None:
        if os.getpid() != self._tests:
            self._seen += 1
            if self._seen == self.at:
                os.kill(os.getpid(), signal.SIGKILL)

    def was_too_late(self, run: Run) -> bool:
        """Wait for a run to end, by itself or not."""
        _pid, status = os.waitpid(run.pid, 0)
        os.close(run._reader)
        return not os.WIFSIGNALED(status)

    def each_point(self, prepare: t.Callable[[], None], start: t.Callable[[], Run]) -> t.Iterator[int]:
        """Kill a task at every point of its way. :yields: the number of the point, after each kill."""
        for point in range(1, 200):
            self.at = 0
            prepare()
            self.at = point
            is_done = self.was_too_late(start())
            self.at = 0
            if is_done:
                assert point > 3
                return
            yield point
        raise AssertionError("it never came to its end")

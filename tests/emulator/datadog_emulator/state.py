# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the emulator holds; one object, so that a reset forgets everything."""

from __future__ import annotations

from typing import Any

from .accounts import Accounts, organization_id
from .action_connections import ActionConnection
from .datastores import Datastore
from .faults import Faults
from .log import RequestLog
from .rate_limit import RateWindow
from .restriction_policies import Policy
from .settings import Settings
from .team_connections import TeamConnection
from .teams import Team, ensure_teams


class State:
    """What exists in this Datadog, how it behaves, and what it has been asked.

    A further API keeps its objects here too, beside the ones below.
    """

    def __init__(self, settings: Settings, log: RequestLog, number: int = 0) -> None:
        self._start_settings = settings
        self._number = number
        self.log = log
        self.resets = 0
        self.reset()

    def reset(self) -> None:
        """Return to the state at start."""
        self.resets += 1
        self.settings = self._start_settings
        self.accounts = Accounts()
        self.policies: dict[str, Policy] = {}
        self.action_connections: dict[str, ActionConnection] = {}
        # With the time of each registration.
        self.app_key_registrations: dict[str, float] = {}
        self.datastores: dict[str, Datastore] = {}
        self.teams: dict[str, Team] = {}
        self.team_connections: dict[str, TeamConnection] = {}
        self.faults = Faults()
        self.rate_window = RateWindow()
        self.log.clear()
        ensure_teams(self.teams, self.settings.team)

    @property
    def organization(self) -> str:
        """The UUID of the organization."""
        return self.settings.org or organization_id(self._number)

    def change_settings(self, values: Any) -> None:
        """Apply settings given as JSON values; ValueError says what is wrong with them."""
        self.settings = self.settings.changed(values)
        ensure_teams(self.teams, self.settings.team)

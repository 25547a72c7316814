# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What is to be done, foretold: a plan is made from what is desired and what was observed, and then applied or not."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from ansible_collections.tidyops.datadog.plugins.module_utils._client import DatadogError


class OptionError(Exception):
    """Bad input: found before anything was written.

    :param problems: pairs of an option's path (C(aws.assume_role.account_id), C(http.token_auth.tokens[0].name))
        and what is wrong with it and would be right.
    """

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{path} {problem}" for path, problem in problems) + ".")
        self.problems = problems


class Refusal(Exception):
    """What was asked cannot be done or decided.

    :param message: what and why, and the ways out; without a full stop.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}.")


class LookAgain(Exception):
    """What was observed no longer holds or is in doubt: an answer was lost, or somebody else was faster.

    :param error: what to raise if looking again does not help.
    :param effect: whether the write may have had an effect that lasts.
    """

    def __init__(self, error: DatadogError, effect: bool = True) -> None:
        super().__init__(str(error))
        self.error = error
        self.effect = effect


class Overtaken(LookAgain):
    """Another run was faster: a LookAgain without a doubt."""


#: How often a run looks again before it gives up, whatever the reason.
RACES = 20


@dataclass
class Plan:
    """A decision, made without a request.

    :ivar operation: C(none), C(create), C(update), C(replace) or C(delete).
    :ivar before: what is there, in the shape of the options; empty if nothing is. Holds no secret.
    :ivar after: what will be there.
    :ivar body: what creates or updates it; empty if nothing does.
    :ivar warnings: what the user should know.
    :ivar remember: whether something is to be recorded, though nothing is to be written to Datadog.
    """

    operation: str
    before: dict[str, t.Any]
    after: dict[str, t.Any]
    body: dict[str, t.Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    remember: bool = False

    @property
    def changed(self) -> bool:
        return self.operation != "none"


@dataclass
class Outcome:
    """How it ended.

    :ivar plan: what was done: the first plan that had an effect. In check mode, what would be done.
    :ivar result: what the module returns beside C(changed), C(operation) and C(diff).
    :ivar warnings: what the user should know, those of the plan included.
    """

    plan: Plan
    result: dict[str, t.Any]
    warnings: list[str]


class Connection(t.Protocol):
    """What both kinds of connections have in common."""

    @property
    def connection_id(self) -> str | None:
        """The UUID; None if there is none yet."""

    def result(self) -> dict[str, t.Any]:
        """What modules return as C(connection)."""


class Resource:
    """One thing in Datadog, named by a task.

    :ivar progress: what was written, without a full stop each; told if something fails afterwards.
    """

    #: What to say of HTTP status 403.
    forbidden_hint = ""

    def __init__(self) -> None:
        self.progress: list[str] = []

    @staticmethod
    def result(observed: Connection | None, gone: bool = False) -> dict[str, t.Any]:
        """C(connection) is what exists in the end, C(connection_id) also what existed until now."""
        return {
            "connection": observed.result() if observed and not gone else None,
            "connection_id": observed.connection_id if observed else None,
        }

    def observe(self) -> t.Any:
        """Read what is there. The only step before apply() that makes requests."""
        raise NotImplementedError

    def plan(self, observed: t.Any) -> Plan:
        """Decide. Makes no request. Raises OptionError or Refusal."""
        raise NotImplementedError

    def foretell(self, plan: Plan, observed: t.Any) -> dict[str, t.Any]:
        """The result of a plan that is not applied, or has nothing to apply."""
        raise NotImplementedError

    def apply(self, plan: Plan, observed: t.Any) -> dict[str, t.Any]:
        """Write and record, and return the result. Raises DatadogError, Refusal or LookAgain; may add to the plan's warnings."""
        raise NotImplementedError


def converge(resource: Resource, check_mode: bool, attempts: int) -> Outcome:
    """Bring a resource to its desired state, or foretell it.

    :param attempts: how often to apply a new plan after a LookAgain. What is there is looked at in any case.
    :raises DatadogError, OptionError, Refusal: from the resource.
    """
    observed = resource.observe()
    first = plan = resource.plan(observed)
    warnings: list[str] = []
    races = RACES
    had_effect = False
    while (plan.changed or plan.remember) and not check_mode:
        try:
            result = resource.apply(plan, observed)
            break
        except LookAgain as again:
            if again.effect:
                # Else they are about what is not so.
                warnings += plan.warnings
            observed = resource.observe()
            plan = resource.plan(observed)
            overtaken = isinstance(again, Overtaken)
            given_up = races <= 0 or (attempts <= 0 and plan.changed and not overtaken)
            if given_up and (plan.changed or plan.remember):
                raise again.error from again
            races -= 1
            attempts -= not overtaken
            had_effect = had_effect or again.effect
            if not had_effect:
                first = plan
            elif not plan.changed and not overtaken:
                # Its warnings are about what was there before; this was made just now.
                plan.warnings = [f"{again.error} It was found to be there, so the task went on."]
    else:
        result = resource.foretell(plan, observed)
    return Outcome(first, result, list(dict.fromkeys(warnings + plan.warnings)))

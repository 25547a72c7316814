# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What is to be done, foretold: a plan is made from what is desired and what was observed, and then applied or not."""

from __future__ import annotations

import re
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ansible_collections.tidyops.datadog.plugins.module_utils._client import DatadogError


class OptionError(Exception):
    """Bad input: found before anything was written.

    :param problems: pairs of an option's path (C(aws.assume_role.account_id), C(http.token_auth.tokens[0].name))
        and what is wrong with it and would be right.
    """

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{path} {problem}" for path, problem in problems) + ".")
        self.problems = problems

    def inside(self, place: str, options: t.Container[str]) -> OptionError:
        """The same, for an entry of a list of options.

        :param place: the entry's path, like C(connections[3]).
        :param options: what may stand in an entry.
        """
        return OptionError(
            *(
                # What does not name an option of the entry is about the entry as a whole.
                (f"{place}{'.' if re.split(r'[.[]', path)[0] in options else ': '}{path}", problem)
                for path, problem in self.problems
            )
        )


class Refusal(Exception):
    """What was asked cannot be done or decided.

    :param message: what and why, and the ways out; without a full stop.
    :ivar concerns_all: whether other resources of the same task would meet the same.
    """

    concerns_all = False

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}.")


class LookAgain(Exception):
    """What was observed no longer holds or is in doubt: an answer was lost, or somebody else was faster.

    :param error: what to raise if looking again does not help.
    :param effect: whether the write may have had an effect that lasts.
    :param remark: a warning, if there is something to be said whatever comes of it.
    """

    is_doubt = True

    def __init__(self, error: DatadogError, effect: bool = True, remark: str = "") -> None:
        super().__init__(str(error))
        self.error = error
        self.effect = effect
        self.remark = remark


class Overtaken(LookAgain):
    """Another run was faster: a LookAgain without a doubt."""

    is_doubt = False


class NotBegun(Exception):
    """Left undone, since something else failed before."""

    def __init__(self) -> None:
        super().__init__("It was not begun.")


class Postponed(NotBegun):
    """The same, until it is known what became of that."""


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


class CommonWarning(str):
    """A warning that many of a set may have alike, so that it is told once for all of them.

    :param before: what stands before the subject, and after what follows it.
    :param subject: what it is about.
    """

    subject: str
    around: tuple[str, str]

    def __new__(cls, before: str, subject: str, after: str) -> CommonWarning:
        warning = super().__new__(cls, f"{before}{subject}{after}")
        warning.subject, warning.around = subject, (before, after)
        return warning


class Connection(t.Protocol):
    """What both kinds of connections have in common."""

    @property
    def connection_id(self) -> str | None:
        """The UUID; None if there is none yet."""

    def result(self) -> dict[str, t.Any]:
        """What modules return as C(connection)."""


class Resource:
    """One thing in Datadog that a task names.

    :ivar place: where in the task, like C(connections[3]); empty where the task is about this one alone.
    :ivar progress: what was written, without a full stop each; told if something fails afterwards.
    """

    def __init__(self, place: str = "") -> None:
        self.place = place
        self.progress: list[str] = []

    @property
    def names(self) -> dict[str, t.Any]:
        """What tells it from others in the result of a set."""
        raise NotImplementedError

    @staticmethod
    def result(observed: Connection | None, gone: bool = False) -> dict[str, t.Any]:
        """C(connection) is what exists in the end, C(connection_id) also what existed until now."""
        return {
            "connection": observed.result() if observed and not gone else None,
            "connection_id": observed.connection_id if observed else None,
        }

    def plan(self, observed: t.Any) -> Plan:
        """Decide. Makes no request. Raises OptionError or Refusal."""
        raise NotImplementedError

    def foretell(self, plan: Plan, observed: t.Any) -> dict[str, t.Any]:
        """The result of a plan that is not applied, or has nothing to apply."""
        raise NotImplementedError


class Step:
    """A resource on its way from what is there to what is desired.

    :ivar resource: a Resource.
    :ivar observed: what is there.
    :ivar plan: what is to be done about it, or was done last.
    :ivar done: the first plan that had an effect. In check mode, what would be done.
    :ivar result: what a module returns of it beside C(operation) and C(diff).
    :ivar error: why there is no result.
    :ivar again: why a former plan did not come to its end.
    """

    def __init__(self, resource: t.Any, attempts: int) -> None:
        self.resource = resource
        self.observed: t.Any = None
        self.plan = self.done = Plan("none", {}, {})
        self.result: dict[str, t.Any] = {}
        self.error: Exception | None = None
        self.again: t.Any = None
        self._attempts = attempts
        self._races = RACES
        self._had_effect = False
        self._warnings: list[str] = []

    @property
    def is_due(self) -> bool:
        """Whether there is something to write or to record."""
        return self.error is None and (self.plan.changed or self.plan.remember)

    @property
    def warnings(self) -> list[str]:
        return list(dict.fromkeys(self._warnings + self.plan.warnings))

    def decide(self) -> None:
        """Plan for what was observed."""
        self.plan = self.done = self.resource.plan(self.observed)

    def reconsider(self) -> None:
        """Plan for what was observed anew."""
        again = self.again
        if again.effect:
            # Else they are about what is not so.
            self._warnings += self.plan.warnings
        if again.remark:
            self._warnings.append(again.remark)
        self.plan = plan = self.resource.plan(self.observed)
        overtaken = not again.is_doubt
        given_up = self._races <= 0 or (self._attempts <= 0 and plan.changed and not overtaken)
        if given_up and self.is_due:
            raise again.error from again
        self._races -= 1
        self._attempts -= not overtaken
        self._had_effect = self._had_effect or again.effect
        if not self._had_effect:
            self.done = plan
        elif not plan.changed and not overtaken:
            # Its warnings are about what was there before; this was made just now.
            place = self.resource.place
            plan.warnings = [
                (
                    CommonWarning(
                        f"{again.error} Found to be there, so the task went on: ", place, "."
                    )
                    if place
                    else f"{again.error} It was found to be there, so the task went on."
                )
            ]


class Resources:
    """The things in Datadog that a task is about: one, or a set of one kind.

    :ivar resources: in the order of the task.
    :ivar workers: how many are dealt with at the same time.
    """

    #: What to say of HTTP status 403.
    forbidden_hint = ""
    #: Whether what does not belong to the set has to go before the rest comes.
    purges_first = False

    def __init__(self, resources: t.Iterable[Resource], workers: int = 1) -> None:
        self.resources = list(resources)
        self.workers = workers

    def observe(self, steps: t.Sequence[Step]) -> None:
        """Read what is there. The only part before apply() that makes requests.

        Sets C(observed) or C(error) of each step.

        :raises DatadogError, Refusal: what concerns all of them.
        """
        raise NotImplementedError

    def check(self, steps: t.Sequence[Step]) -> None:
        """See that no two resources of a set are the same. Sets C(error) of a step that is the same as another one."""

    def surplus(self, steps: t.Sequence[Step]) -> list[Resource]:
        """What is there and does not belong to the set, if the task wants that to go. Raises DatadogError or Refusal."""
        return []

    def apply(self, steps: t.Sequence[Step]) -> None:
        """Write and record.

        Sets C(result) or C(error) of each step, which may be a LookAgain; may add to the plans' warnings.
        """
        raise NotImplementedError

    def conclude(self, steps: t.Sequence[Step]) -> None:
        """Do what is left to do after something was written or recorded, and nothing has failed. Raises Refusal."""

    def each(
        self, steps: t.Sequence[Step], do: t.Callable[[Step], None], regardless: bool = False
    ) -> None:
        """Do something with each step, several at a time.

        What it raises becomes the step's error. If the others would run into the same, they are not begun, or are postponed
        where it is in doubt.

        :param regardless: whether the others are begun all the same.
        """
        failed: list[Step] = []

        def attempt(step: Step) -> None:
            step.error = None if regardless else left_for(failed)
            if step.error:
                return
            try:
                do(step)
            except (DatadogError, LookAgain, OptionError, Refusal) as exc:
                step.error = exc
                failed.append(step)

        if min(self.workers, len(steps)) < 2:
            for step in steps:
                attempt(step)
            return
        with ThreadPoolExecutor(min(self.workers, len(steps))) as pool:
            for _done in pool.map(attempt, steps):
                pass


def left_for(steps: t.Iterable[Step]) -> NotBegun | None:
    """Why nothing more is to be begun, after what became of some steps; None if it may go on."""
    errors = [step.error for step in steps]
    if any(_concerns_all(error) for error in errors):
        return NotBegun()
    doubts = [error.error for error in errors if isinstance(error, LookAgain) and error.is_doubt]
    return Postponed() if any(_concerns_all(doubt) for doubt in doubts) else None


def _concerns_all(error: Exception | None) -> bool:
    """Whether other resources would meet the same: Datadog lets nobody in, is overwhelmed, broken or not to be reached."""
    if isinstance(error, DatadogError):
        return error.status is None or error.status in (401, 403, 408, 429) or error.status >= 500
    return isinstance(error, Refusal) and error.concerns_all


def converge(kept: Resources, check_mode: bool, attempts: int) -> list[Step]:
    """Bring resources to their desired state, or foretell it. The only place that knows check mode.

    Nothing is written before everything was observed and planned, and only if nothing was refused.

    :param attempts: how often to apply a new plan after a LookAgain. What is there is looked at in any case.
    :returns: a step of each resource in the order of the task, then of each that is to be purged.
    :raises DatadogError, OptionError, Refusal: what concerns the task as a whole, before anything was written.
    """

    def planned(resources: t.Iterable[Resource]) -> list[Step]:
        steps = [Step(resource, attempts) for resource in resources]
        if steps:
            kept.observe(steps)
        kept.each(_sound(steps), Step.decide)
        return steps

    desired = planned(kept.resources)
    if len(_sound(desired)) == len(desired):
        kept.check(desired)
    purged = planned(kept.surplus(desired)) if len(_sound(desired)) == len(desired) else []
    steps = desired + purged
    if len(_sound(steps)) < len(steps):
        _leave(steps)
    elif not check_mode:
        due = [step for step in steps if step.is_due]
        for part in (purged, desired) if kept.purges_first else (desired, purged):
            due_part = [step for step in part if step.is_due]
            if len(_sound(steps)) < len(steps):
                _leave(due_part)
            else:
                _carry_out(kept, due_part)
        if due and len(_sound(steps)) == len(steps):
            kept.conclude(steps)
    for step in _sound(steps):
        step.result = step.result or step.resource.foretell(step.plan, step.observed)
    return steps


def _leave(steps: t.Iterable[Step]) -> None:
    """Begin none of them."""
    for step in _sound(steps):
        step.error = NotBegun()


def _carry_out(kept: Resources, due: list[Step]) -> None:
    """Apply plans until they hold."""
    while due:
        kept.apply(due)
        again = [step for step in due if isinstance(step.error, LookAgain)]
        postponed = [step for step in due if isinstance(step.error, Postponed)]
        for step in again:
            step.again, step.error, step.result = step.error, None, {}
        try:
            if again:
                kept.observe(again)
        except (DatadogError, Refusal) as exc:
            for step in again:
                step.error = exc
        kept.each(_sound(again), Step.reconsider)
        for step in again:
            if isinstance(step.error, NotBegun):
                # Looking again was not begun, but what led to it was.
                step.error = step.again.error
        for step in postponed:
            step.error = left_for(due)
        due = [step for step in [*again, *postponed] if step.is_due]


def _sound(steps: t.Iterable[Step]) -> list[Step]:
    """Those without an error."""
    return [step for step in steps if step.error is None]

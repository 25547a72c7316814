# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Datadog's rate limit: so many requests in a fixed period, told in five headers."""

from __future__ import annotations

import math
import time

from .answers import Answer, plain_error
from .settings import RateLimit


class RateWindow:
    """The running period and how many requests it has seen."""

    def __init__(self) -> None:
        self._limit: RateLimit | None = None
        self._ends = 0.0
        self._used = 0

    def use(self, limit: RateLimit) -> tuple[dict[str, str], Answer | None]:
        """Count a request; return the headers for its answer, and the 429 if it is one too many."""
        now = time.monotonic()
        if limit != self._limit or now >= self._ends:
            self._limit, self._ends, self._used = limit, now + limit.seconds, 0
        self._used += 1
        # Rounded, or 3600 seconds would sometimes be a tiny bit more, and then 3601.
        left = round(self._ends - now, 3)
        headers = {
            "X-RateLimit-Limit": str(limit.requests),
            "X-RateLimit-Period": f"{limit.seconds:g}",
            "X-RateLimit-Remaining": str(max(0, limit.requests - self._used)),
            "X-RateLimit-Reset": str(max(1, math.ceil(left))),
            "X-RateLimit-Name": "emulator",
        }
        if self._used <= limit.requests:
            return headers, None
        text = f"Rate limit of {limit.requests} requests in {limit.seconds:g} seconds reached."
        return headers, Answer(429, {"errors": [plain_error(429, text)]}, headers)

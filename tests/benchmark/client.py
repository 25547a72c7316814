# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads or creates action connections one by one with Datadog's official client.

``client.py read FILE`` reads the connections whose ids the file lists, ``client.py create FILE`` sends the requests
that it lists. DD_HOST says where to, DD_API_KEY and DD_APP_KEY are read by the client itself.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.v2.api.action_connection_api import ActionConnectionApi
from datadog_api_client.v2.model.create_action_connection_request import (
    CreateActionConnectionRequest,
)


def main() -> None:
    action, file = sys.argv[1:]
    items = json.loads(Path(file).read_text(encoding="utf-8"))
    with ApiClient(Configuration(host=os.environ["DD_HOST"])) as client:
        api = ActionConnectionApi(client)
        for item in items:
            if action == "read":
                api.get_action_connection(item)
            else:
                # From JSON to the client's models, as in a script that reads data.
                body = client.deserialize(json.dumps(item), (CreateActionConnectionRequest,), True)
                api.create_action_connection(body)


if __name__ == "__main__":
    main()

# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The minimum for a module that is written in Python with requests: what it costs, every module costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests
from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "urls": {"type": "list", "elements": "str", "required": True},
            "headers": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    urls, session = module.params["urls"], requests.Session()
    session.headers.update(module.params["headers"])

    def read(url: str) -> object:
        answer = session.get(url, timeout=30)
        answer.raise_for_status()
        return answer.json()

    if len(urls) == 1:
        answers = [read(urls[0])]
    else:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(read, urls))
    module.exit_json(changed=False, answers=answers)


if __name__ == "__main__":
    main()

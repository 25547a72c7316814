# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that a module written in Python with requests can do: what it costs, every module costs."""

from __future__ import annotations

import requests
from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "headers": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    answer = requests.get(module.params["url"], headers=module.params["headers"], timeout=30)
    answer.raise_for_status()
    module.exit_json(changed=False, answer=answer.json())


if __name__ == "__main__":
    main()

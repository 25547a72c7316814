# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options that all modules share."""

    # How to reach Datadog
    DOCUMENTATION = r"""
options:
  api_key:
    description:
      - The Datadog API key, used together with O(app_key).
      - If not specified, the module falls back to the environment variables E(DD_API_KEY) and E(DATADOG_API_KEY), in that
        order.
      - Mutually exclusive with O(access_token).
    type: str
  app_key:
    description:
      - The Datadog application key, used together with O(api_key).
      - If not specified, the module falls back to the environment variables E(DD_APP_KEY) and E(DATADOG_APP_KEY), in that
        order.
      - Mutually exclusive with O(access_token).
    type: str
  access_token:
    description:
      - A personal access token (C(ddpat_...)) or service access token (C(ddsat_...)), used instead of O(api_key) and
        O(app_key).
      - If neither this option nor O(api_key) nor O(app_key) is specified, the module falls back to the environment variables
        E(DD_ACCESS_TOKEN) and E(DD_BEARER_TOKEN), in that order. A token takes precedence over keys from the environment.
    type: str
  site:
    description:
      - The Datadog site of the organization.
      - If not specified, the module falls back to the environment variable E(DD_SITE), and then to V(datadoghq.com).
      - Mutually exclusive with O(api_url).
    type: str
    choices:
      - datadoghq.com
      - us3.datadoghq.com
      - us5.datadoghq.com
      - ap1.datadoghq.com
      - ap2.datadoghq.com
      - uk1.datadoghq.com
      - datadoghq.eu
      - ddog-gov.com
      - us2.ddog-gov.com
  api_url:
    description:
      - The base URL of the API, used instead of O(site), for example V(https://datadog-gateway.example.com).
      - It must begin with C(https://); C(http://) is accepted for loopback addresses only. It must not end in C(/api),
        C(/api/v1) or C(/api/v2).
      - If neither this option nor O(site) is specified, the module falls back to the environment variables E(DD_HOST) and
        E(DATADOG_HOST), in that order. They take precedence over E(DD_SITE).
    type: str
  validate_certs:
    description:
      - Whether to validate the TLS certificate of the API.
      - Only set this to V(false) for tests. Credentials are sent over this connection.
    type: bool
    default: true
  ca_path:
    description:
      - The path of a file or directory of CA certificates to trust instead of the default ones.
      - If not specified, the environment variable E(REQUESTS_CA_BUNDLE) is used.
    type: path
  timeout:
    description:
      - How many seconds a request may take, from connecting to the last byte of the response.
    type: float
    default: 30
  retries:
    description:
      - How often to repeat a failed request, from V(0) to V(20).
      - A request is repeated if the module cannot connect to Datadog, and after HTTP status 429. A request that is safe to
        repeat is also repeated if the response is lost, and after HTTP status 408 and 5xx.
      - The first retry follows at once, the next ones after 1, 2, 4 seconds, and so on up to 30 seconds. If Datadog says how
        long to wait, the module waits that long, up to 300 seconds. Waiting for a rate limit does not count as a retry.
    type: int
    default: 5
requirements:
  - requests >= 2.25.1
  - urllib3 >= 1.26.0
notes:
  - The module reads environment variables on the host that it runs on.
  - Proxies are taken from the environment variables E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY). The module does not read
    C(.netrc) and does not follow redirects.
"""

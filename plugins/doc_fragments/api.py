# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options that reach Datadog."""

    # How to reach Datadog: the options that all modules share
    DOCUMENTATION = r"""
options:
  api_key:
    description:
      - The API key, sent along with O(app_key).
      - Without it, the environment variables E(DD_API_KEY) and E(DATADOG_API_KEY) of the host that runs the module are
        looked at, in this order.
      - Mutually exclusive with O(access_token).
    type: str
    version_added: 0.1.0
  app_key:
    description:
      - The application key.
      - Without it, the environment variables E(DD_APP_KEY) and E(DATADOG_APP_KEY) are looked at, in this order.
      - Mutually exclusive with O(access_token).
    type: str
    version_added: 0.1.0
  access_token:
    description:
      - A personal or service access token (C(ddpat_...), C(ddsat_...)). It is sent alone, as a bearer token, and takes the
        place of O(api_key) and O(app_key).
      - Without it, and without O(api_key) and O(app_key), the environment variables E(DD_ACCESS_TOKEN) and
        E(DD_BEARER_TOKEN) are looked at, in this order. One of them beats keys that come from the environment too.
    type: str
    version_added: 0.1.0
  site:
    description:
      - The Datadog site of the organisation.
      - Without it, the environment variable E(DD_SITE) is looked at, and then V(datadoghq.com) is used.
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
    version_added: 0.1.0
  api_url:
    description:
      - The address of the API instead of O(site), for example that of a gateway on the way to Datadog.
      - Without it, and without O(site), the environment variables E(DD_HOST) and E(DATADOG_HOST) are looked at, in this
        order. They beat E(DD_SITE).
      - It must begin with C(https://), because credentials are sent there. C(http://) is accepted for loopback addresses.
    type: str
    version_added: 0.1.0
  validate_certs:
    description:
      - Whether the certificate of the API is validated. Leave this on.
    type: bool
    default: true
    version_added: 0.1.0
  ca_path:
    description:
      - A file or folder of CA certificates to trust instead of the usual ones.
      - Without it, the environment variable E(REQUESTS_CA_BUNDLE) counts.
    type: path
    version_added: 0.1.0
  timeout:
    description:
      - How many seconds each request may take, from the connection to the last byte of the answer.
    type: float
    default: 30
    version_added: 0.1.0
  retries:
    description:
      - How often a request is repeated at the most, from 0 to 20.
      - A request is repeated if Datadog could not be reached or answered with HTTP status 429; and, where that does no harm,
        if the answer was lost or had status 408 or 5xx.
      - The first repetition comes at once, and the others after 1, 2, 4, and so on up to 30 seconds; or as late as Datadog asks,
        up to 300 seconds. So a request takes at most O(timeout) times the number of repetitions and one, and these waits.
    type: int
    default: 5
    version_added: 0.1.0
requirements:
  - requests >= 2.25.1
  - urllib3 >= 1.26.0
notes:
  - Proxies are taken from the environment variables E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY). A C(.netrc) file is not
    read, and redirects are not followed, because they would carry the credentials elsewhere.
"""

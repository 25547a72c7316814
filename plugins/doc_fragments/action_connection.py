# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of what the modules for one and for many action connections share."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) creates a connection that does not exist, and updates a connection that differs.
      - V(absent) deletes a connection that exists.
    type: str
    choices:
      - present
      - absent
    default: present
  update_secrets:
    description:
      - When to send the secrets of an existing connection. Datadog never returns them, so they cannot be compared with what
        Datadog has.
      - V(on_change) sends the secrets that differ from those last sent, according to the fingerprints in O(registry). It sends
        all of them if the connection is new to the registry, or was changed elsewhere. Without O(registry) it sends none, and
        the module warns.
      - V(always) sends them on every run, so every run reports a change.
      - V(on_create) sends them to new connections only.
    type: str
    choices:
      - on_change
      - always
      - on_create
    default: on_change
  allow_replace:
    description:
      - Whether to replace a connection whose integration or type of credentials differs. Datadog cannot change these. If
        V(false), the module fails in this case.
      - The module creates the new connection and then deletes the old one. If the task does not specify access, the new
        connection gets the restriction policy of the old one.
      - The new connection has a new ID and, for AWS, a new external ID. Update the workflows, apps and trust policies that use
        the old ones.
    type: bool
    default: false
attributes:
  idempotent:
    support: partial
    details:
      - With O(update_secrets=always), and with C(generate_new_external_id) for AWS, every run reports a change.
notes:
  - The application key must be registered for the Actions API, see M(tidyops.datadog.app_key_registration). It must have the
    permissions C(connections_read) and C(connections_write).
  - If C(access) contains names, the application key must also have the permission C(teams_read) to look up teams, and
    C(user_access_read) to look up roles and users.
  - In headers, URL parameters and the body of an HTTP connection, C({{ name }}) refers to a token of the connection. Mark such a
    value with C(!unsafe), or Ansible reads the braces as a Jinja expression.
  - Datadog stores and returns the headers and URL parameters of HTTP connections in clear text. If one seems to contain a
    credential instead of a reference to a token, the module warns, and omits the value from its results.
  - An integration contains one type of credentials, with these fields. An asterisk marks secrets, brackets mark optional fields.
  - C(api_key) with C(api_token*) for C(anthropic, circleci, clickup, gitlab, launchdarkly, notion, openai)
  - C(api_key) with C(api_key*) for C(fastly, gemini, greynoise, split, statsig, virustotal)
  - C(asana.access_token) with C(access_token*)
  - C(aws.assume_role) with C(account_id, role, [generate_new_external_id])
  - C(azure.tenant) with C(tenant_id, app_client_id, client_secret*, [custom_scopes])
  - C(cloudflare.api_token) with C(api_token*), or C(cloudflare.global_api_token) with C(auth_email, global_api_key*)
  - C(configcat.sdk_key) with C(api_username, api_password*, sdk_key*)
  - C(datadog.api_key) with C(datacenter, api_key*, app_key*, [subdomain])
  - C(freshservice.api_key) with C(domain, api_key*)
  - C(gcp.service_account) with C(service_account_email, private_key*)
  - C(http.base_url), and C(http.token_auth) with C([tokens*], [headers], [url_parameters], [body])
  - C(okta.api_token) with C(domain, api_token*)
  - C(servicenow.basic_auth) with C(instance, username, password*)
seealso:
  - module: tidyops.datadog.action_connection_info
  - module: tidyops.datadog.app_key_registration
  - module: tidyops.datadog.restriction_policy
  - name: Who may use a connection
    description: A guide to access and tags.
    link: https://tidyops.github.io/ansible-collection-datadog/docsite/guide_access.html
  - name: The registry
    description: A guide to registries in files and datastores.
    link: https://tidyops.github.io/ansible-collection-datadog/docsite/guide_registry.html
  - name: Action connections in Datadog's API reference
    description: The API that this module uses.
    link: https://docs.datadoghq.com/api/latest/action-connection/
  - name: Connections in Datadog's documentation
    description: What connections are for, and who can use them.
    link: https://docs.datadoghq.com/actions/connections/
"""

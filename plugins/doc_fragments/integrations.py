# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import textwrap


class ModuleDocFragment:
    """Documentation of the options of one action connection, the integrations last."""

    # One option per integration, and in it one suboption per type of credentials. The argument spec is generated from
    # module_utils/_connections/catalogue.py; the sanity test validate-modules compares it with this text.
    DOCUMENTATION = r"""
options:
  name:
    description:
      - The name of the connection. It identifies the connection, unless O(connection_id) is specified, and must match exactly.
        The module looks it up in O(registry), and then in Datadog's list of connections.
      - Names are not unique in Datadog. If several connections have the name, and O(registry) does not contain it, the module
        fails and names their IDs.
      - Together with O(connection_id), this is the name that the connection will have.
      - Either O(name) or O(connection_id) is required.
    type: str
  tags:
    description:
      - The identifier tags of the connection, by which connection groups select it. Each tag has the form C(key:value), for
        example V(env:prod). The key C(default) is reserved.
      - This is the complete list, in any order. A tag that is not in it is removed, and an empty list removes all tags. If not
        specified, tags are not changed.
    type: list
    elements: str
    version_added: 2.0.0
  access:
    description:
      - Who can use the connection, as its restriction policy. If a connection has no policy, only its author can use it, and
        everybody else in the organization can only see it.
      - This is the complete policy. A principal that is not in it loses access, and an empty dictionary deletes the policy. If not
        specified, the policy is neither read nor changed.
      - A principal is V(org), which is everybody in the organization; or C(team:), C(role:) or C(user:) followed by a UUID, by the
        handle of the team, the name of the role, or the email address of the user. Names must match exactly.
      - Datadog refuses a policy that does not leave the user of the keys an editor.
      - The policy is written after the connection. If that fails, run the task again.
      - See R(the guide to access, ansible_collections.tidyops.datadog.docsite.guide_access).
    type: dict
    version_added: 2.0.0
    suboptions:
      viewer:
        description:
          - Who can see the connection, for example V(org).
        type: list
        elements: str
      resolver:
        description:
          - Who can also use the connection in workflows and apps, for example V(role:Datadog Standard Role).
        type: list
        elements: str
      editor:
        description:
          - Who can also edit and delete the connection, for example V(team:platform).
        type: list
        elements: str
  connection_id:
    description:
      - The UUID of an existing connection. It is recorded in O(registry).
      - The module fails if O(registry) has recorded another connection for O(name) that still exists.
      - Either this option or O(registry) is required if Datadog does not list the connections of the organization. Otherwise the
        module cannot determine whether the connection exists, and fails.
    type: str
  anthropic:
    description:
      - A connection to Anthropic.
    type: dict
    suboptions:
      api_key:
        description:
          - An Anthropic API key.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The API key, for example C(sk-ant-...).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  asana:
    description:
      - A connection to Asana.
    type: dict
    suboptions:
      access_token:
        description:
          - An Asana access token.
        type: dict
        required: true
        suboptions:
          access_token:
            description:
              - The access token.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  aws:
    description:
      - A connection to Amazon Web Services.
    type: dict
    suboptions:
      assume_role:
        description:
          - An IAM role that Datadog assumes.
        type: dict
        required: true
        suboptions:
          account_id:
            description:
              - The ID of the AWS account, twelve digits, for example V(123456789012). Quote it, or YAML reads it as a
                number.
              - Required to create the connection.
            type: str
          role:
            description:
              - The name of the IAM role, for example V(DatadogActions). This is not its ARN.
              - Required to create the connection.
            type: str
          generate_new_external_id:
            description:
              - Whether Datadog generates a new external ID for the trust policy of the role.
              - This changes the connection on every run, and the connection does not work until you update the trust
                policy. A new connection always gets an external ID.
            type: bool
            default: false
  azure:
    description:
      - A connection to Microsoft Azure.
    type: dict
    suboptions:
      tenant:
        description:
          - An app registration in a Microsoft Entra ID tenant.
        type: dict
        required: true
        suboptions:
          app_client_id:
            description:
              - The application (client) ID of the app registration, a UUID.
              - Required to create the connection.
            type: str
          client_secret:
            description:
              - A client secret of the app registration.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          custom_scopes:
            description:
              - The scope to request a token for in HTTP actions, for example V(api://inventory/.default).
              - Datadog cannot unset it.
            type: str
          tenant_id:
            description:
              - The directory (tenant) ID, a UUID.
              - Required to create the connection.
            type: str
  circleci:
    description:
      - A connection to CircleCI.
    type: dict
    suboptions:
      api_key:
        description:
          - A CircleCI API token.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The API token, for example C(CCIPAT_...).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  clickup:
    description:
      - A connection to ClickUp.
    type: dict
    suboptions:
      api_key:
        description:
          - A ClickUp API token.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The API token, for example C(pk_...).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  cloudflare:
    description:
      - A connection to Cloudflare.
      - Exactly one of its suboptions is required.
    type: dict
    suboptions:
      api_token:
        description:
          - A Cloudflare API token.
        type: dict
        suboptions:
          api_token:
            description:
              - The API token.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
      global_api_token:
        description:
          - The global API key of a Cloudflare user.
        type: dict
        suboptions:
          auth_email:
            description:
              - The email address of the user, for example V(dns@example.com).
              - Required to create the connection.
            type: str
          global_api_key:
            description:
              - The global API key of the user.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  configcat:
    description:
      - A connection to ConfigCat.
    type: dict
    suboptions:
      sdk_key:
        description:
          - A ConfigCat SDK key and the credentials of the public management API.
        type: dict
        required: true
        suboptions:
          api_password:
            description:
              - The password for the management API.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          api_username:
            description:
              - The user name for the management API.
              - Required to create the connection.
            type: str
          sdk_key:
            description:
              - The SDK key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  datadog:
    description:
      - A connection to another Datadog organization.
    type: dict
    suboptions:
      api_key:
        description:
          - An API key and an application key of that organization.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          app_key:
            description:
              - The application key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          datacenter:
            description:
              - The short name of that organization's Datadog site, for example V(us1).
              - Required to create the connection.
            type: str
          subdomain:
            description:
              - The custom subdomain of that organization, for example V(acme) for C(https://acme.datadoghq.com).
              - Datadog cannot unset it.
            type: str
  fastly:
    description:
      - A connection to Fastly.
    type: dict
    suboptions:
      api_key:
        description:
          - A Fastly API token.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API token.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  freshservice:
    description:
      - A connection to Freshservice.
    type: dict
    suboptions:
      api_key:
        description:
          - A Freshservice API key.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          domain:
            description:
              - The domain of the Freshservice account, for example V(acme.freshservice.com).
              - Required to create the connection.
            type: str
  gcp:
    description:
      - A connection to Google Cloud.
    type: dict
    suboptions:
      service_account:
        description:
          - A Google Cloud service account.
        type: dict
        required: true
        suboptions:
          private_key:
            description:
              - The private key of the service account in PEM format. It begins with C(-----BEGIN PRIVATE KEY-----)
                and contains line breaks, not C(\n).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          service_account_email:
            description:
              - The email address of the service account, for example V(datadog@acme.iam.gserviceaccount.com).
              - Required to create the connection.
            type: str
  gemini:
    description:
      - A connection to Google Gemini.
    type: dict
    suboptions:
      api_key:
        description:
          - A Gemini API key.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  gitlab:
    description:
      - A connection to GitLab.
    type: dict
    suboptions:
      api_key:
        description:
          - A GitLab access token.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The access token, for example C(glpat-...).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  greynoise:
    description:
      - A connection to GreyNoise.
    type: dict
    suboptions:
      api_key:
        description:
          - A GreyNoise API key.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  http:
    description:
      - A connection to any HTTP API.
    type: dict
    suboptions:
      base_url:
        description:
          - The base URL of all requests, for example V(https://tickets.example.com/api). It must not contain a user name or
            password.
          - Required to create the connection.
        type: str
      token_auth:
        description:
          - What to send with every request. All of it is optional.
        type: dict
        required: true
        suboptions:
          tokens:
            description:
              - Secrets that headers, URL parameters and the body refer to by name.
              - This is the complete list. A token that is not in it is removed. If not specified, tokens are not changed.
            type: list
            elements: dict
            suboptions:
              name:
                description:
                  - The name of the token, for example V(accessToken). It must be a letter followed by letters and digits.
                type: str
                required: true
              value:
                description:
                  - The value of the token. Datadog never returns this secret.
                  - Required for a new token. If not specified, an existing token keeps its value.
                type: str
          headers:
            description:
              - HTTP headers.
              - This is the complete list. A header that is not in it is removed. If not specified, headers are not changed.
            type: list
            elements: dict
            suboptions:
              name:
                description:
                  - The name of the header, for example V(Authorization). It must be a letter followed by letters, digits,
                    hyphens and underscores.
                type: str
                required: true
              value:
                description:
                  - The value of the header, for example C(!unsafe "Bearer {{ accessToken }}").
                  - It is not secret. Datadog returns it in clear text, so put secrets into O(http.token_auth.tokens).
                type: str
                required: true
          url_parameters:
            description:
              - Parameters of the URL's query string.
              - This is the complete list. A parameter that is not in it is removed. If not specified, parameters are not changed.
            type: list
            elements: dict
            suboptions:
              name:
                description:
                  - The name of the parameter, for example V(tenant). It must be a letter followed by letters and digits.
                type: str
                required: true
              value:
                description:
                  - The value of the parameter.
                  - It is not secret. Datadog returns it in clear text, so put secrets into O(http.token_auth.tokens).
                type: str
                required: true
          body:
            description:
              - The body of requests. Datadog cannot unset it.
            type: dict
            suboptions:
              content:
                description:
                  - The content of the body. It is not secret. It can refer to tokens, like the headers.
                type: str
              content_type:
                description:
                  - The media type of the body, for example V(application/json).
                type: str
  launchdarkly:
    description:
      - A connection to LaunchDarkly.
    type: dict
    suboptions:
      api_key:
        description:
          - A LaunchDarkly API access token.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The access token, for example C(api-...).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  notion:
    description:
      - A connection to Notion.
    type: dict
    suboptions:
      api_key:
        description:
          - A Notion integration token.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The integration token, for example C(ntn_...).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  okta:
    description:
      - A connection to Okta.
    type: dict
    suboptions:
      api_token:
        description:
          - An Okta API token.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The API token.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          domain:
            description:
              - The domain of the Okta organization, for example V(acme.okta.com).
              - Required to create the connection.
            type: str
  openai:
    description:
      - A connection to OpenAI.
    type: dict
    suboptions:
      api_key:
        description:
          - An OpenAI API key.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The API key, for example C(sk-...).
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  servicenow:
    description:
      - A connection to ServiceNow.
    type: dict
    suboptions:
      basic_auth:
        description:
          - The user name and password of a ServiceNow user.
        type: dict
        required: true
        suboptions:
          instance:
            description:
              - The name of the ServiceNow instance, for example V(acme) for C(https://acme.service-now.com).
              - Required to create the connection.
            type: str
          password:
            description:
              - The password of the user.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
          username:
            description:
              - The name of the user, for example V(datadog).
              - Required to create the connection.
            type: str
  split:
    description:
      - A connection to Split.
    type: dict
    suboptions:
      api_key:
        description:
          - A Split API key.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  statsig:
    description:
      - A connection to Statsig.
    type: dict
    suboptions:
      api_key:
        description:
          - A Statsig API key.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
  virustotal:
    description:
      - A connection to VirusTotal.
    type: dict
    suboptions:
      api_key:
        description:
          - A VirusTotal API key.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns this secret.
              - Required to create the connection.
            type: str
"""

    # The same as suboptions of C(connections), for modules that manage many connections. Annotated, since ansible-test wants
    # every other assignment in here to be that of a literal.
    CONNECTIONS: str = r"""
options:
  connections:
    description:
      - The connections. Each name and each ID must be unique in the list.
      - With O(state=absent) only O(connections[].name) and O(connections[].connection_id) are used.
    type: list
    elements: dict
    required: true
    suboptions:
""" + textwrap.indent(
        re.sub(r"\bO\((?!registry)", "O(connections[].", DOCUMENTATION).partition("options:\n")[2],
        "    ",
    )

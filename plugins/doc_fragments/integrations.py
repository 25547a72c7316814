# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import textwrap


class ModuleDocFragment:
    """Documentation of the options for integrations and their credentials."""

    # One option for each integration, one suboption for each kind of its credentials. The argument spec is made from
    # module_utils/_integrations.py; the sanity test validate-modules holds this text and that catalogue together.
    DOCUMENTATION = r"""
options:
  anthropic:
    description:
      - A connection to Anthropic.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of Anthropic.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  asana:
    description:
      - A connection to Asana.
    type: dict
    version_added: 0.1.0
    suboptions:
      access_token:
        description:
          - An access token of Asana.
        type: dict
        required: true
        suboptions:
          access_token:
            description:
              - The access token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  aws:
    description:
      - A connection to Amazon Web Services.
    type: dict
    version_added: 0.1.0
    suboptions:
      assume_role:
        description:
          - An IAM role that Datadog assumes.
        type: dict
        required: true
        suboptions:
          account_id:
            description:
              - 'The AWS account that has the role: twelve digits.'
              - Quote them. YAML reads an unquoted number, which has lost its leading zeros by then.
              - Required to create the connection.
            type: str
          role:
            description:
              - The name of the IAM role that Datadog assumes.
              - Required to create the connection.
            type: str
          generate_new_external_id:
            description:
              - Have Datadog make a new external ID, for the trust policy of the role.
              - This changes the connection with every run, and makes it unusable until the trust policy follows.
                Datadog gives a new connection an external ID in any case.
            type: bool
            default: false
  azure:
    description:
      - A connection to Microsoft Azure.
    type: dict
    version_added: 0.1.0
    suboptions:
      tenant:
        description:
          - An app registration in a tenant of Microsoft Entra ID.
        type: dict
        required: true
        suboptions:
          app_client_id:
            description:
              - The application (client) ID of the app registration.
              - Required to create the connection.
            type: str
          client_secret:
            description:
              - A client secret of the app registration.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          custom_scopes:
            description:
              - 'The scope to request when a token is fetched for an HTTP action: the identifier URI of the
                resource, followed by V(/.default).'
              - Datadog cannot unset it.
            type: str
          tenant_id:
            description:
              - The directory (tenant) ID.
              - Required to create the connection.
            type: str
  circleci:
    description:
      - A connection to CircleCI.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API token of CircleCI.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  clickup:
    description:
      - A connection to ClickUp.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API token of ClickUp.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  cloudflare:
    description:
      - A connection to Cloudflare.
      - Exactly one of its suboptions is required.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_token:
        description:
          - An API token of Cloudflare.
        type: dict
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
      global_api_token:
        description:
          - The global API key of a user of Cloudflare.
        type: dict
        suboptions:
          auth_email:
            description:
              - The e-mail address of the user.
              - Required to create the connection.
            type: str
          global_api_key:
            description:
              - The user's global API key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  configcat:
    description:
      - A connection to ConfigCat.
    type: dict
    version_added: 0.1.0
    suboptions:
      sdk_key:
        description:
          - An SDK key of ConfigCat, with the credentials of its management API.
        type: dict
        required: true
        suboptions:
          api_password:
            description:
              - The password of the management API.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          api_username:
            description:
              - The user name of the management API.
              - Required to create the connection.
            type: str
          sdk_key:
            description:
              - The SDK key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  datadog:
    description:
      - A connection to another organisation of Datadog.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key and an application key of that organisation.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The API key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          app_key:
            description:
              - The application key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          datacenter:
            description:
              - The data centre of that organisation, as Datadog's API calls it, for example V(us1).
              - Required to create the connection.
            type: str
          subdomain:
            description:
              - 'The organisation''s own subdomain, if it has one: V(acme) for C(https://acme.datadoghq.com). It
                appears in addresses that Datadog makes.'
              - Datadog cannot unset it.
            type: str
  fastly:
    description:
      - A connection to Fastly.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API token of Fastly.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  freshservice:
    description:
      - A connection to Freshservice.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of Freshservice.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          domain:
            description:
              - The domain of the Freshservice account.
              - Required to create the connection.
            type: str
  gcp:
    description:
      - A connection to Google Cloud.
    type: dict
    version_added: 0.1.0
    suboptions:
      service_account:
        description:
          - A service account of Google Cloud.
        type: dict
        required: true
        suboptions:
          private_key:
            description:
              - The private key of the service account, in PEM format.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          service_account_email:
            description:
              - The e-mail address of the service account.
              - Required to create the connection.
            type: str
  gemini:
    description:
      - A connection to Google Gemini.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of Gemini.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  gitlab:
    description:
      - A connection to GitLab.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An access token of GitLab.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  greynoise:
    description:
      - A connection to GreyNoise.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of GreyNoise.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  http:
    description:
      - A connection to any HTTP API.
    type: dict
    version_added: 0.1.0
    suboptions:
      base_url:
        description:
          - The address that every request of this connection begins with, without a user name and a password.
          - Required to create the connection.
        type: str
      token_auth:
        description:
          - What is sent with every request. All of it is optional.
        type: dict
        required: true
        suboptions:
          tokens:
            description:
              - Secrets that headers, URL parameters and the body refer to by name.
              - 'The list is the whole list: a token that is not in it is removed. Leave the option out to leave the
                tokens alone.'
            type: list
            elements: dict
            suboptions:
              name:
                description:
                  - 'The name of the token: a letter, then letters and digits.'
                type: str
                required: true
              value:
                description:
                  - The secret. Datadog never returns it.
                  - Without a value the token must exist, and is kept as it is.
                type: str
          headers:
            description:
              - HTTP headers.
              - The list is the whole list. Leave the option out to leave the headers alone.
            type: list
            elements: dict
            suboptions:
              name:
                description:
                  - 'The name of the header: a letter, then letters, digits, hyphens and underscores.'
                type: str
                required: true
              value:
                description:
                  - The value, which Datadog stores and returns in clear text. Secrets belong in
                    O(http.token_auth.tokens).
                  - To refer to a token, write C({{ name }}) with YAML's tag C(!unsafe), since Ansible would take
                    the braces for Jinja.
                type: str
                required: true
          url_parameters:
            description:
              - Parameters for the query of the address.
              - The list is the whole list. Leave the option out to leave the parameters alone.
            type: list
            elements: dict
            suboptions:
              name:
                description:
                  - 'The name of the parameter: a letter, then letters and digits.'
                type: str
                required: true
              value:
                description:
                  - The value, which Datadog stores and returns in clear text. Secrets belong in
                    O(http.token_auth.tokens).
                  - To refer to a token, write C({{ name }}) with YAML's tag C(!unsafe), since Ansible would take
                    the braces for Jinja.
                type: str
                required: true
          body:
            description:
              - The body of requests. Datadog cannot unset it.
            type: dict
            suboptions:
              content:
                description:
                  - The body, as text.
                  - To refer to a token, write C({{ name }}) with YAML's tag C(!unsafe), since Ansible would take
                    the braces for Jinja.
                type: str
              content_type:
                description:
                  - The media type of the body, for example V(application/json).
                type: str
  launchdarkly:
    description:
      - A connection to LaunchDarkly.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API access token of LaunchDarkly.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  notion:
    description:
      - A connection to Notion.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An integration token of Notion.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  okta:
    description:
      - A connection to Okta.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_token:
        description:
          - An API token of Okta.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          domain:
            description:
              - The domain of the Okta organisation.
              - Required to create the connection.
            type: str
  openai:
    description:
      - A connection to OpenAI.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of OpenAI.
        type: dict
        required: true
        suboptions:
          api_token:
            description:
              - The token.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  servicenow:
    description:
      - A connection to ServiceNow.
    type: dict
    version_added: 0.1.0
    suboptions:
      basic_auth:
        description:
          - A user of ServiceNow.
        type: dict
        required: true
        suboptions:
          instance:
            description:
              - The instance of ServiceNow.
              - Required to create the connection.
            type: str
          password:
            description:
              - The user's password.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
          username:
            description:
              - The user's name.
              - Required to create the connection.
            type: str
  split:
    description:
      - A connection to Split.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of Split.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  statsig:
    description:
      - A connection to Statsig.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of Statsig.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
  virustotal:
    description:
      - A connection to VirusTotal.
    type: dict
    version_added: 0.1.0
    suboptions:
      api_key:
        description:
          - An API key of VirusTotal.
        type: dict
        required: true
        suboptions:
          api_key:
            description:
              - The key.
              - Datadog never returns it.
              - Required to create the connection.
            type: str
"""

    # The same as suboptions of C(connections), for modules that keep a set. Annotated, since ansible-test wants every other
    # assignment in here to be that of a literal.
    CONNECTIONS: str = r"""
options:
  connections:
    description:
      - The connections. No name and no id may occur twice.
      - With O(state=absent) only O(connections[].name) or O(connections[].connection_id) counts.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the connection, as in M(tidyops.datadog.action_connection).
          - One of O(connections[].name) and O(connections[].connection_id) is required.
        type: str
      connection_id:
        description:
          - The UUID of an existing connection. It beats what O(registry) knows of O(connections[].name).
        type: str
""" + textwrap.indent(
        DOCUMENTATION.partition("options:\n")[2]
        .replace("    version_added: 0.1.0\n", "")
        .replace("O(", "O(connections[]."),
        "    ",
    )

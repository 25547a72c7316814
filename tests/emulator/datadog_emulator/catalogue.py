# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""The 24 integrations and their 25 credentials types, as the API reference lists them.

Written from the API reference and not from the collection's own catalogue: the emulator is an
independent witness. A unit test holds the table against the models of the official client.

Marks behind a field: ``!`` required on create, ``*`` secret, ``<`` made by the server,
``~`` on update only, ``+`` stands beside the credentials instead of in them. No mark: optional.
"""

from __future__ import annotations

from dataclasses import dataclass

_TABLE = r"""
AWS           AWSAssumeRole             account_id! role! external_id< principal_id< \
                                        generate_new_external_id~
Anthropic     AnthropicAPIKey           api_token!*
Asana         AsanaAccessToken          access_token!*
Azure         AzureTenant               app_client_id! client_secret!* tenant_id! custom_scopes
CircleCI      CircleCIAPIKey            api_token!*
Clickup       ClickupAPIKey             api_token!*
Cloudflare    CloudflareAPIToken        api_token!*
Cloudflare    CloudflareGlobalAPIToken  auth_email! global_api_key!*
ConfigCat     ConfigCatSDKKey           api_username! api_password!* sdk_key!*
Datadog       DatadogAPIKey             api_key!* app_key!* datacenter! subdomain
Fastly        FastlyAPIKey              api_key!*
Freshservice  FreshserviceAPIKey        api_key!* domain!
GCP           GCPServiceAccount         private_key!* service_account_email!
Gemini        GeminiAPIKey              api_key!*
Gitlab        GitlabAPIKey              api_token!*
GreyNoise     GreyNoiseAPIKey           api_key!*
HTTP          HTTPTokenAuth             base_url!+ tokens headers url_parameters body
LaunchDarkly  LaunchDarklyAPIKey        api_token!*
Notion        NotionAPIKey              api_token!*
Okta          OktaAPIToken              api_token!* domain!
OpenAI        OpenAIAPIKey              api_token!*
ServiceNow    ServiceNowBasicAuth       instance! username! password!*
Split         SplitAPIKey               api_key!*
Statsig       StatsigAPIKey             api_key!*
VirusTotal    VirusTotalAPIKey          api_key!*
"""
_MARKS = "!*<~+"


@dataclass(frozen=True)
class Field:
    """One field of an integration, with the marks of the table."""

    name: str
    required: bool
    secret: bool
    read_only: bool
    update_only: bool
    beside: bool


@dataclass(frozen=True)
class Credentials:
    """One credentials type of one integration."""

    integration: str
    type: str
    fields: tuple[Field, ...]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the fields that Datadog never gives back (tokens apart)."""
        return tuple(field.name for field in self.fields if field.secret)


def _field(word: str) -> Field:
    name = word.rstrip(_MARKS)
    marks = word[len(name) :]
    return Field(name, *(mark in marks for mark in _MARKS))


def _credentials(line: str) -> Credentials:
    integration, credentials_type, *fields = line.split()
    return Credentials(integration, credentials_type, tuple(map(_field, fields)))


CATALOGUE = tuple(_credentials(line) for line in _TABLE.strip().replace("\\\n", "").splitlines())
BY_TYPES = {(entry.integration, entry.type): entry for entry in CATALOGUE}
INTEGRATIONS = tuple(dict.fromkeys(entry.integration for entry in CATALOGUE))
SECRET_FIELDS = frozenset(name for entry in CATALOGUE for name in entry.secrets)
OPEN_FIELDS = frozenset(field.name for entry in CATALOGUE for field in entry.fields if not field.secret) | {"type"}

# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may ask: credentials, permissions and the registration of application keys."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from .answers import Refusal, plain_error
from .endpoint import Endpoint

if TYPE_CHECKING:
    from .settings import Settings
    from .state import State


def app_key_id(app_key: str) -> str:
    """Return the UUID that the emulator gives to an application key."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, app_key))


def authorize(endpoint: Endpoint, headers: Mapping[str, str], state: State) -> str:
    """Return the id of the user who asks, or refuse as Datadog does."""
    settings = state.settings
    credential, app_key = _authenticate(headers, settings)
    if endpoint.permission and set(endpoint.permission.split(" or ")) <= set(settings.deny):
        raise endpoint.refuse(403, f"this action requires the {endpoint.permission} permission")
    must_be_registered = settings.require_registration and endpoint.needs_registration
    # An access token is no application key: there is nothing to register.
    registered_at = state.app_key_registrations.get(app_key_id(app_key), float("inf"))
    registered = time.monotonic() >= registered_at + settings.registration_lag
    if must_be_registered and app_key and not registered:
        raise endpoint.refuse(403, "this application key is not registered for the Actions API: register it first")
    return state.accounts.caller(credential)


def _authenticate(headers: Mapping[str, str], settings: Settings) -> tuple[str, str]:
    """Return what tells who asks, and the application key, empty for an access token.

    A limit on one kind of credentials shuts out the other kind, unless that has limits as well.
    """
    if settings.other_site is not None:
        text = HTTPStatus(settings.other_site).phrase
        raise Refusal(settings.other_site, plain_error(settings.other_site, text))
    limited = bool(settings.api_key or settings.app_key or settings.access_token)
    if "Authorization" in headers:
        # An Authorization header decides, keys beside it or not: one that slipped in from
        # elsewhere (a .netrc file) must not go unnoticed.
        scheme, _space, token = headers["Authorization"].partition(" ")
        wrong = scheme.lower() != "bearer" or not _plausible(token)
        if wrong or (limited and token not in settings.access_token):
            raise Refusal(401, plain_error(401, "Unauthorized"))
        return token, ""
    api_key, app_key = headers.get("DD-API-KEY", ""), headers.get("DD-APPLICATION-KEY", "")
    plausible = _plausible(api_key) and _plausible(app_key)
    if not plausible or not _keys_accepted(api_key, app_key, settings):
        raise Refusal(403, plain_error(403, "Forbidden"))
    return app_key, app_key


def _plausible(credential: str) -> bool:
    return bool(credential) and credential.isascii()


def _keys_accepted(api_key: str, app_key: str, settings: Settings) -> bool:
    if not settings.api_key and not settings.app_key:
        return not settings.access_token
    good_api_key = not settings.api_key or api_key in settings.api_key
    good_app_key = not settings.app_key or app_key in settings.app_key
    return good_api_key and good_app_key

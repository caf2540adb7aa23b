"""Access rules of an engine: who may send requests over a socket or TCP, and which ones."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tabwright import paths
from tabwright.engine.http import bodies
from tabwright.models.names import parse

_ALLOWED_FETCH_SITES = ("none",)  # the user typed the address into a browser


@dataclass(frozen=True)
class Access:
    """Access rules of one endpoint.

    ``token``: the required bearer token, "" for none. ``network``: the endpoint is TCP, which web
    pages can reach. ``trusted``: clients are our own servers; they may name folders as models and
    shut the engine down.
    """

    token: str = ""
    network: bool = False
    trusted: bool = True


def refusal(access: Access, request: web.Request) -> web.Response | None:
    """Return the error response to a request that is not allowed, else None."""
    if access.network and (why := _web_page_reason(request)):
        return bodies.error_response(403, "forbidden", why)
    if access.token and not _has_token(access.token, request):
        why = "wrong or missing token"
        return bodies.error_response(401, "unauthorized", why)
    if request.method == "POST" and access.network and request.content_type != "application/json":
        why = f"the body must be application/json, not {request.content_type[:80]}"
        return bodies.error_response(415, "unsupported_media_type", why)
    return None


class ModelNames:
    """Translates model names between requests, responses and the store."""

    def __init__(self, access: Access, default_model: str) -> None:
        self._trusted = access.trusted
        self._default = default_model
        local = parse(default_model).local if self._is_path(default_model) else None
        self._alias = default_model if local is None else local.stem

    def resolve(self, name: str) -> str:
        """Return the model that a request names.

        Raises BadRequest for a path from a client that is not trusted.
        """
        if not name:
            return self._default
        if self._trusted:
            return name
        if name == self._alias:
            return self._default
        if self._is_path(name):
            raise bodies.BadRequest(
                "a path names no model at this address; name one of the catalog or org/name"
            )
        return name

    def public_name(self, name: str) -> str:
        """Return a model's name for a response: never a path, except to trusted clients."""
        if self._trusted or not self._is_path(name):
            return name
        return self._alias if name == self._default else Path(name).stem

    def hide_paths(self, message: str) -> str:
        """Remove this machine's paths from a message, except for trusted clients."""
        if self._trusted:
            return message
        folders = [str(paths.models_dir()), str(Path.home())]
        if self._is_path(self._default):
            folders.insert(0, self._default)
        for folder in folders:
            if len(folder) > 1:
                message = message.replace(folder, "…")
        return message

    @staticmethod
    def _is_path(name: str) -> bool:
        return name.startswith("~") or Path(name).is_absolute()


def _web_page_reason(request: web.Request) -> str:
    """Return why a request may come from a web page; "" when it cannot."""
    hosts = request.headers.getall("Host", [])
    port = None if request.transport is None else request.transport.get_extra_info("sockname")[1]
    if len(hosts) != 1 or not _is_loopback(hosts[0], port):
        return "the Host header does not name this loopback address"
    # No response has CORS headers, so no web page could use the API: refuse all of them.
    if "Origin" in request.headers:
        return "requests of web pages (with an Origin header) are refused"
    if request.headers.get("Sec-Fetch-Site", "none") not in _ALLOWED_FETCH_SITES:
        return "requests of web pages (Sec-Fetch-Site) are refused"
    return ""


def _is_loopback(host: str, port: int | None) -> bool:
    name, colon, number = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, number = host, ""
    if number and (not number.isascii() or not number.isdigit() or int(number[:9]) != port):
        return False
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    elif ":" in name:
        return False
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _has_token(token: str, request: web.Request) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    # aiohttp decodes bytes outside ASCII to lone surrogates.
    found = given.strip().encode("utf-8", "surrogateescape")
    return kind.lower() == "bearer" and hmac.compare_digest(found, token.encode())

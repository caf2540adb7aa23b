"""Who may ask an engine, and for what: the rules of a socket and of a TCP address."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tabwright import paths
from tabwright.engine.http import bodies
from tabwright.models.names import parse

_BROWSER_OWN = ("none",)  # the user typed the address


@dataclass(frozen=True)
class Access:
    """``token``: what a bearer must show ("" asks for none). ``network``: the address is TCP, which
    web pages can reach. ``trusted``: who asks is a server of ours and may name folders as models
    and end the engine.
    """

    token: str = ""
    network: bool = False
    trusted: bool = True


def refusal(access: Access, request: web.Request) -> web.Response | None:
    """The answer to a request that may not be asked; None for one that may."""
    if access.network and (why := _of_a_web_page(request)):
        return bodies.refused(403, "forbidden", why)
    if access.token and not _bears(access.token, request):
        why = "wrong or missing token"
        return bodies.refused(401, "unauthorized", why)
    if request.method == "POST" and access.network and request.content_type != "application/json":
        why = f"the body must be application/json, not {request.content_type[:80]}"
        return bodies.refused(415, "unsupported_media_type", why)
    return None


class ModelNames:
    """The names under which models are asked for and told of."""

    def __init__(self, access: Access, default_model: str) -> None:
        self._trusted = access.trusted
        self._default = default_model
        local = parse(default_model).local if self._is_path(default_model) else None
        self._alias = default_model if local is None else local.stem

    def meant(self, name: str) -> str:
        """The model that a request names; BadRequest for a path from who is not trusted."""
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

    def told(self, name: str) -> str:
        """How a model is called in an answer: never by its path, except to who is trusted."""
        if self._trusted or not self._is_path(name):
            return name
        return self._alias if name == self._default else Path(name).stem

    def hide(self, message: str) -> str:
        """A message without the paths of this machine, except to who is trusted."""
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


def _of_a_web_page(request: web.Request) -> str:
    """Why a request is, or could be, a web page's; "" where it cannot be."""
    hosts = request.headers.getall("Host", [])
    port = None if request.transport is None else request.transport.get_extra_info("sockname")[1]
    if len(hosts) != 1 or not _is_loopback(hosts[0], port):
        return "the Host header does not name this loopback address"
    # No answer has CORS headers, so a page that may ask could not read it: none is let in.
    if "Origin" in request.headers:
        return "requests of web pages (with an Origin header) are refused"
    if request.headers.get("Sec-Fetch-Site", "none") not in _BROWSER_OWN:
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


def _bears(token: str, request: web.Request) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    # Bytes outside ASCII come as lone surrogates.
    found = given.strip().encode("utf-8", "surrogateescape")
    return kind.lower() == "bearer" and hmac.compare_digest(found, token.encode())

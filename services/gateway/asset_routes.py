"""Routes of the console's files: `/console`, and what it loads. They need no credential: the page asks the API."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from libs.common.callers import not_found
from services.gateway.answers import names_tag
from services.gateway.assets import Asset, Console

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address may hold a login
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ASK_AGAIN, FOR_EVER = "no-cache", "public, max-age=31536000, immutable"
NOT_SET_UP = "The console's modules are not here ({missing}): run `make setup`, then start the gateway again.\n"

Handler = Callable[[Request], Awaitable[Response]]


def console_files(console: Console) -> list[Route]:
    """The page at /console, and its files under their version."""

    async def page(request: Request) -> Response:
        if console.missing:
            return Response(NOT_SET_UP.format(missing=", ".join(console.missing)), 503, media_type="text/plain")
        return _serve(request, console.page, ASK_AGAIN)

    async def file(request: Request) -> Response:
        asset = console.files.get(request.path_params["path"])
        if asset is None:
            raise not_found()
        # A page that was loaded before an update still finds its files, as they are now.
        is_current = request.path_params["version"] == console.version
        return _serve(request, asset, FOR_EVER if is_current else ASK_AGAIN)

    async def redirect(_: Request) -> Response:
        return RedirectResponse("/console", 308)

    return [
        Route("/console", page, methods=["GET"]),
        Route("/console/", redirect, methods=["GET"]),
        Route("/console/{version}/{path:path}", file, methods=["GET"]),
    ]


def _serve(request: Request, asset: Asset, cached: str) -> Response:
    headers = {**HEADERS, "ETag": asset.etag, "Cache-Control": cached}
    if names_tag(request.headers.get("if-none-match", ""), asset.etag):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)

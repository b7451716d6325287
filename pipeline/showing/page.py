"""The page and the answers behind it, as an application of FastAPI; nothing of it lies elsewhere."""

from pathlib import Path
from typing import Any

import jinja2
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from pipeline.errors import InputError
from pipeline.predicting import asking
from pipeline.recogniser import Description, Recogniser
from pipeline.showing import guard, said, uploads
from pipeline.showing.desk import Desk
from pipeline.showing.examples import Example
from pipeline.showing.uploads import RefusedError
from pipeline.training import accelerator

HERE = Path(__file__).parent
FILES = {"page.css": "text/css", "page.js": "text/javascript"}
SOON = "5"  # seconds after which a client that found no place may come again


def make(ready: Recogniser, description: Description, offered: list[Example]) -> FastAPI:
    """Return the application that answers for pictures with ``ready``."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)  # their pages would load scripts from elsewhere
    app.add_exception_handler(RefusedError, _refuse)
    _add_page(app, description, offered)
    desk = Desk(lambda content: answer(ready, content, description.class_names))

    @app.post("/answer")
    async def post(request: Request) -> Response:
        with desk.place():
            content = await uploads.receive(request)
            return JSONResponse(await desk.ask(content, request.is_disconnected))

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=guard.HOSTS, www_redirect=False)
    app.add_middleware(guard.Guard)
    return app


def answer(ready: Recogniser, content: bytes, class_names: list[str]) -> dict[str, Any]:
    """Return what is said of the bytes of a picture; raise RefusedError where they are none."""
    try:
        uploads.check(content)
        return said.said(asking.answer(ready, content), class_names)
    except InputError as error:
        raise RefusedError(422, uploads.reason(error)) from error
    finally:
        accelerator.give_back_memory()


def _add_page(app: FastAPI, description: Description, offered: list[Example]) -> None:
    """Add what is only read: the page, its files and the pictures to choose from."""
    words = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True)
    template = words.get_template("page.html.j2")
    html = template.render(model=description, examples=offered, largest=uploads.LARGEST)

    @app.get("/")
    async def page() -> Response:
        return HTMLResponse(html)

    @app.get("/files/{name}")
    async def file(name: str) -> Response:
        if name not in FILES:
            raise RefusedError(404, "there is no such file")
        return Response((HERE / name).read_bytes(), media_type=FILES[name])

    @app.get("/examples/{number}")
    async def example(number: int, small: bool = False) -> Response:
        if not 0 <= number < len(offered):
            raise RefusedError(404, "there is no such example")
        one = offered[number]
        return Response(one.small, media_type="image/jpeg") if small else Response(one.content)


async def _refuse(_: Request, refused: Exception) -> Response:
    status = refused.status if isinstance(refused, RefusedError) else 500
    return JSONResponse({"error": str(refused)}, status, {"Retry-After": SOON} if status == 503 else None)

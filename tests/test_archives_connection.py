"""Asking over real connections: who answers, over which transport, when again, and how much at most."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import trustme

from gz2interp.schema import BANDS
from gz2interp.stores.survey import Survey
from trainer.archives.limits import ArchiveError, Limits
from trainer.archives.persist import persist
from trainer.archives.service import Service
from trainer.archives.session import PoliteSession
from trainer.download import DownloadPlan, download
from trainer.download.asking import ArchiveSettings, open_archives
from trainer.rehearsal import ArchiveServer, Faults, SimpleSky
from trainer.sources import hips2fits

QUICK = Limits(rate=0, connect=2, read=2, whole=4, backoff=0.01, longest_backoff=0.02, longest_pause=0.2)
Reply = Callable[[BaseHTTPRequestHandler], None]


class Toy:
    """A server that answers as a test wants, and notes when it was asked for what."""

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[float, str]] = []
        toy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                toy.asked.append((time.monotonic(), self.path))
                reply(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Toy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(handler: BaseHTTPRequestHandler, content: bytes = b"yes", code: int = 200, **headers: str) -> None:
    handler.send_response(code)
    headers = {"Content-Length": str(len(content)), **{name.replace("_", "-"): v for name, v in headers.items()}}
    for name, value in headers.items():
        if value:
            handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def session_for(address: str, limits: Limits = QUICK) -> PoliteSession:
    return PoliteSession(Service("toy", address, limits, threading.Event()))


def redirecting(to: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        answer(handler) if handler.path == "/there" else answer(handler, code=302, Location=to)

    return reply


# -- who answers -------------------------------------------------------------------------------------------------------


def test_nothing_is_said_to_a_machine_that_a_name_suddenly_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when it is looked at, and leads into the house when it is asked."""
    resolve = socket.getaddrinfo
    with Toy(answer) as house:
        public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", house.port))]

        def changing(host: str, port: Any, *rest: Any, **more: Any) -> Any:
            if host != "archive.example.org":
                return resolve(host, port, *rest, **more)
            return public if port is None else resolve("127.0.0.1", port, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", changing)
        session = session_for(f"http://archive.example.org:{house.port}/")
        with pytest.raises(ArchiveError, match=r"leads to 127\.0\.0\.1, an address of this machine"):
            session.get(f"http://archive.example.org:{house.port}/secret")
        assert not house.asked


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{other}/there", "http://localhost:{port}/there", "file:///etc/passwd"]
)
def test_a_redirect_leads_nowhere_else(to: str) -> None:
    places: dict[str, int] = {}
    with Toy(answer) as other, Toy(lambda handler: redirecting(to.format(**places))(handler)) as toy:
        places |= {"other": other.port, "port": toy.port}
        with pytest.raises(ArchiveError) as caught:
            session_for(toy.address).get(f"{toy.address}/here")
        assert caught.value.kind == "address"
        assert not other.asked
        assert [path for _, path in toy.asked] == ["/here"]


def test_a_redirect_within_the_service_is_followed_and_an_endless_one_ends() -> None:
    with Toy(redirecting("/there")) as toy:
        assert session_for(toy.address).get(f"{toy.address}/here").content == b"yes"
    with Toy(redirecting("/again")) as toy:
        with pytest.raises(ArchiveError, match="redirects more than 5 times"):
            session_for(toy.address).get(f"{toy.address}/here")
        assert len(toy.asked) <= 7


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user adds the authority of his institute."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))


def test_a_certificate_that_nobody_vouches_for_is_refused(tls: ssl.SSLContext) -> None:
    with Toy(answer, tls) as toy:
        for verify in (None, False):  # whatever the caller, or astroquery, would allow
            with pytest.raises(ArchiveError, match="certificate"):
                session_for(toy.address).get(f"{toy.address}/here", verify=verify)
        assert not toy.asked


def test_a_trusted_one_is_believed_and_never_left_for_plain_http(tls: ssl.SSLContext, trusted: None) -> None:
    with Toy(answer) as plain, Toy(lambda handler: redirecting(f"{plain.address}/there")(handler), tls) as toy:
        with pytest.raises(ArchiveError, match="not secure"):
            session_for(toy.address).get(f"{toy.address}/here")
        assert not plain.asked
    with Toy(redirecting("/there"), tls) as toy:
        assert session_for(toy.address).get(f"{toy.address}/here").content == b"yes"


# -- when again --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_date", [False, True])
def test_a_service_is_left_alone_for_as_long_as_it_asks(as_date: bool) -> None:
    wanted = 2.0
    refused = threading.Event()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        if refused.is_set():
            answer(handler)
            return
        refused.set()
        later = formatdate(time.time() + wanted, usegmt=True) if as_date else f"{wanted:.0f}"
        answer(handler, b"slow down", 429, Retry_After=later)

    with Toy(reply) as toy:
        service = Service("toy", toy.address, QUICK, threading.Event())

        def ask() -> None:
            persist(lambda: PoliteSession(service).get(f"{toy.address}/here"), service)

        first = threading.Thread(target=ask)
        first.start()
        refused.wait(5)
        time.sleep(0.2)  # the refusal has arrived
        ask()
        first.join()
        moments = [moment for moment, _ in toy.asked]
        # A date has whole seconds. Both workers waited, not only the one that was refused.
        assert min(np.diff(moments)[:1]) >= wanted - (1.1 if as_date else 0.05)
        assert len(moments) == 3


def test_an_absurd_wait_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(rate=0, longest_hold=0.3)
    with Toy(lambda handler: answer(handler, b"", 503, Retry_After="999999999")) as toy:
        service = Service("toy", toy.address, limits, threading.Event())
        with pytest.raises(ArchiveError, match="retry after 999999999 seconds"):
            PoliteSession(service).get(f"{toy.address}/here")
        assert service.rate_limiter.held_for <= 0.3


# -- how much ----------------------------------------------------------------------------------------------------------

SMALL = Limits(rate=0, most_bytes=2**20, read=2, whole=5)


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(64):
        handler.wfile.write(bytes(2**18))


@pytest.mark.parametrize(
    "reply",
    [
        lambda handler: answer(handler, bytes(2**21)),
        _endless,
        lambda handler: answer(handler, gzip.compress(bytes(2**26)), Content_Encoding="gzip"),
    ],
    ids=["announced", "endless", "packed a thousand times"],
)
def test_an_answer_has_a_largest_size(reply: Reply) -> None:
    with Toy(reply) as toy, pytest.raises(ArchiveError, match="larger than 1 MiB"):
        session_for(toy.address, SMALL).get(f"{toy.address}/here")


def test_a_name_from_the_network_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = 'attachment; filename="../../evil.fits"'
    with Toy(lambda handler: answer(handler, Content_Disposition=named)) as toy:
        assert session_for(toy.address).get(f"{toy.address}/../../evil").content == b"yes"
    assert not list(tmp_path.rglob("*"))


# -- a mirror ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ArchiveServer, ArchiveServer, SimpleSky]]:
    """hips2fits and its mirror, as two servers."""
    sky = SimpleSky(4)
    gone = Faults(transient={}, lasting={}, outage=(40, 0.5))
    with ArchiveServer(sky, gone) as home, ArchiveServer(sky) as mirror:
        path = "/hips-image-services/hips2fits"
        monkeypatch.setattr(hips2fits, "_HOME", f"{home.address}{path}")
        monkeypatch.setattr(hips2fits, "_MIRROR", f"{mirror.address}{path}")
        monkeypatch.setattr(hips2fits, "configured", lambda section, item: None)
        yield home, mirror, sky


def test_the_mirror_is_asked_while_the_first_is_down_and_only_then(
    mirrored: tuple[ArchiveServer, ArchiveServer, SimpleSky], tmp_path: Path
) -> None:
    home, mirror, sky = mirrored
    rng = np.random.default_rng(0)
    places = {"ra": rng.uniform(0, 359, 120), "dec": rng.uniform(0, 60, 120)}
    table = pd.DataFrame({"galaxy_id": np.arange(1, 121), **places})
    survey = Survey.create(tmp_path / "survey", table)
    home.latency = mirror.latency = 0.02
    asking = ArchiveSettings(
        Limits(workers=4, rate=0, backoff=0.01, longest_backoff=0.05, longest_pause=0.2, read=2, whole=4)
    )
    report = download(survey, open_archives(["hips2fits"], DownloadPlan(), asking), workers=4, stop=asking.stop)
    assert report.counts == {"ok": 120}
    assert [service.name for service in report.services] == ["hips2fits", "hips2fits mirror"]
    assert 0 < mirror.requests < 600
    assert home.requests > 60  # again, when it was back
    for batch in survey.refreshed().batches():
        for row, image in zip(batch.rows, batch.images, strict=True):
            place = float(table["ra"][row]), float(table["dec"][row])
            planes = [sky.plane(*place, band, 0.396, (64, 64), False) for band in BANDS]
            np.testing.assert_allclose(image, np.stack(planes, axis=-1), rtol=1e-5)

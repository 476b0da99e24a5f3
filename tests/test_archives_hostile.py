"""Answers that no honest service gives: what leads elsewhere, what is malformed, and who is asked instead."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
import trustme
from astroquery.skyview import conf as skyview_conf
from test_archives_connection import SMALL, Toy, answer, redirecting, session_for

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Galaxy
from gz2interp.schema import BANDS
from trainer.archives.limits import ArchiveError, Limits, RateLimiter
from trainer.archives.persist import persist
from trainer.archives.service import Service
from trainer.archives.session import PoliteSession
from trainer.rehearsal import ArchiveServer, Faults, SimpleSky
from trainer.rehearsal.pages import skyview_form
from trainer.sources import hips2fits
from trainer.sources.hips2fits import Hips2fitsSource
from trainer.sources.remote import SourceSettings
from trainer.sources.skyview import SkyViewSource

FEW = Limits(workers=1, rate=0, tries=2, connect=2, read=2, whole=4, backoff=0.01, longest_backoff=0.02, down_after=2)
PATH = "/hips-image-services/hips2fits"
SKY = SimpleSky(4)


def galaxy(row: int = 0) -> Galaxy:
    return Galaxy(row, 588015507658768484 + row, 10.0 + row, 20.0, 4.0)


# -- where it leads ----------------------------------------------------------------------------------------------------


def test_an_allowed_host_that_stands_for_this_machine_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may be allowed by the user; the machine behind it must still be a public one."""
    resolve = socket.getaddrinfo
    to_here = {"mirror.example.org": "127.0.0.1"}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: resolve(to_here.get(host, host), *rest, **more)
    )
    with Toy(answer) as house, Toy(redirecting(f"http://mirror.example.org:{house.port}/there")) as toy:
        service = Service("toy", toy.address, FEW, threading.Event(), ["mirror.example.org"])
        with pytest.raises(ArchiveError, match=r"mirror\.example\.org leads to 127\.0\.0\.1"):
            PoliteSession(service).get(f"{toy.address}/here")
        assert len(toy.asked) == 1
        assert not house.asked


@pytest.mark.parametrize(
    "link",
    ["http://localhost:{other}/tempspace/fits/stolen.fits", "file:///tempspace/fits/etc/passwd.fits"],
)
def test_a_list_of_images_leads_nowhere_else(link: str) -> None:
    """SkyView's page names the images: a page that somebody else wrote names what he likes."""

    def skyview(handler: BaseHTTPRequestHandler) -> None:
        linked = f"<html><body>{links}</body></html>".encode()
        answer(handler, skyview_form() if "basicform" in handler.path else linked)

    with Toy(answer) as other, Toy(skyview) as toy:
        links = "".join(f"<a href='{link.format(other=other.port)}?{band}'>FITS</a>" for band in BANDS)
        with skyview_conf.set_temp("url", f"{toy.address}/current/cgi/basicform.pl"):
            source = SkyViewSource(SourceSettings(limits=FEW))
            with pytest.raises(CutoutUnavailable, match="gave up after 2 tries: the service leads to"):
                source.fetch(galaxy())
        assert not other.asked
        assert all("/current/cgi/" in path for _, path in toy.asked)


def test_a_redirect_whose_own_body_never_ends_is_cut() -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")
        for _ in range(64):
            handler.wfile.write(bytes(2**18))

    with Toy(reply) as toy:
        with pytest.raises(ArchiveError, match="larger than 1 MiB"):
            session_for(toy.address, SMALL).get(f"{toy.address}/here")
        assert len(toy.asked) == 1


def test_an_answer_packed_twice_is_never_unpacked_whole() -> None:
    """A quarter of a GiB in half a kB: a limit that is looked at only afterwards would come too late."""
    packer = zlib.compressobj(wbits=31)
    once = b"".join([*(packer.compress(bytes(2**20)) for _ in range(256)), packer.flush()])
    twice = gzip.compress(once)
    with Toy(lambda handler: answer(handler, twice, Content_Encoding="gzip, gzip")) as toy:
        tracemalloc.start()
        try:
            with pytest.raises(ArchiveError, match="larger than 1 MiB"):
                session_for(toy.address, SMALL).get(f"{toy.address}/here")
            assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
        finally:
            tracemalloc.stop()


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secured(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[trustme.LeafCert], ssl.SSLContext]:
    """What a server needs for a certificate whose authority the user trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))

    def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(tls)
        return tls

    return context


def test_a_certificate_for_another_name_or_of_last_year_is_refused(
    authority: trustme.CA, secured: Callable[[trustme.LeafCert], ssl.SSLContext]
) -> None:
    last_year = datetime.now(UTC) - timedelta(days=300)
    for certificate, words in (
        (authority.issue_cert("archive.example.org"), "certificate is not valid|doesn't match"),
        (authority.issue_cert("127.0.0.1", not_before=last_year, not_after=last_year + timedelta(1)), "expired"),
    ):
        with Toy(answer, secured(certificate)) as toy:
            with pytest.raises(ArchiveError, match=words):
                session_for(toy.address).get(f"{toy.address}/here")
            assert not toy.asked


def test_from_a_secure_service_not_even_another_secure_one_is_asked(
    authority: trustme.CA, secured: Callable[[trustme.LeafCert], ssl.SSLContext]
) -> None:
    tls = secured(authority.issue_cert("127.0.0.1", "localhost"))
    with Toy(answer, tls) as other:
        for host in ("127.0.0.1", "localhost"):
            with Toy(redirecting(f"https://{host}:{other.port}/there"), tls) as toy:
                with pytest.raises(ArchiveError, match="another host"):
                    session_for(toy.address).get(f"{toy.address}/here")
                assert len(toy.asked) == 1
        assert not other.asked


# -- what cannot be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 99 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 500 + b"\r\nhello",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1\\@evil.example/x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://a..b/x\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=lambda said: said[:60].decode(),
)
def test_what_is_no_answer_is_told_in_one_plain_line(said: bytes) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(said)
        handler.close_connection = True

    with Toy(reply) as toy:
        with pytest.raises(ArchiveError) as caught:
            session_for(toy.address).get(f"{toy.address}/here")
        assert caught.value.kind in ("connection", "address")
        assert len(caught.value.words) < 250
        assert len(toy.asked) == 1


# -- when again, and who else ------------------------------------------------------------------------------------------


def test_a_source_comes_back_no_sooner_than_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with ArchiveServer(SKY, Faults(transient={"429": 1.0}, lasting={})) as server:  # which says: after a second
        monkeypatch.setattr(hips2fits, "configured", lambda section, item: f"{server.address}{PATH}")
        source = Hips2fitsSource(SourceSettings(limits=FEW, bands=("g",), shape=(16, 16)))
        for row in range(40):
            source.fetch(galaxy(row))
            if source.services[0].troubles["held"]:
                break
        gaps = np.diff(server.times)
    assert source.services[0].troubles["held"] > 0
    assert (gaps >= 0.99).sum() >= source.services[0].troubles["held"]


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ArchiveServer, ArchiveServer]]:
    """hips2fits and its mirror; the first address is down, and stays so until its faults are changed."""
    with ArchiveServer(SKY, Faults(transient={}, lasting={}, outage=(0, 1e9))) as home, ArchiveServer(SKY) as mirror:
        monkeypatch.setattr(hips2fits, "_HOME", f"{home.address}{PATH}")
        monkeypatch.setattr(hips2fits, "_MIRROR", f"{mirror.address}{PATH}")
        monkeypatch.setattr(hips2fits, "configured", lambda section, item: None)
        yield home, mirror


def test_the_first_address_is_left_alone_while_down_and_used_again_when_back(
    mirrored: tuple[ArchiveServer, ArchiveServer],
) -> None:
    home, mirror = mirrored
    source = Hips2fitsSource(SourceSettings(limits=FEW, shape=(16, 16)))
    first = source.services[0]
    shown = source.fetch(galaxy(0)).image
    assert (home.requests, mirror.requests) == (FEW.down_after, len(BANDS))
    source.fetch(galaxy(1))
    assert (home.requests, mirror.requests) == (FEW.down_after, 2 * len(BANDS))  # nobody bothers the one that is down
    first.breaker._until = 0.0  # the pause is over
    source.fetch(galaxy(2))
    assert (home.requests, mirror.requests) == (FEW.down_after + 1, 3 * len(BANDS))  # one question, and it is down
    home.faults.outage = None
    first.breaker._until = 0.0
    again = source.fetch(galaxy(0)).image
    source.fetch(galaxy(3))
    assert not first.breaker.is_open
    assert mirror.requests == 3 * len(BANDS)
    np.testing.assert_array_equal(again, shown)  # it is the same sky


def test_when_both_stay_down_both_are_named(mirrored: tuple[ArchiveServer, ArchiveServer]) -> None:
    mirrored[1].faults = Faults(transient={}, lasting={}, outage=(0, 1e9))
    limits = Limits(**{**vars(FEW), "patience": 0.3})
    with pytest.raises(ArchiveError, match=r"hips2fits is down \(.+\); hips2fits mirror is down \(.+\)") as caught:
        Hips2fitsSource(SourceSettings(limits=limits, shape=(16, 16))).fetch(galaxy())
    assert caught.value.kind == "down"


def test_a_configured_address_has_no_mirror(
    mirrored: tuple[ArchiveServer, ArchiveServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever keeps a copy in his house does not want to be led out of it."""
    with ArchiveServer(SKY, Faults(transient={}, lasting={}, outage=(0, 1e9))) as own:
        monkeypatch.setattr(hips2fits, "configured", lambda section, item: f"{own.address}{PATH}")
        limits = Limits(**{**vars(FEW), "patience": 0.3})
        with pytest.raises(ArchiveError, match="is down"):
            Hips2fitsSource(SourceSettings(limits=limits, shape=(16, 16))).fetch(galaxy())
    assert mirrored[0].requests == mirrored[1].requests == 0


# -- when it says that it is too busy ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [429, 503])
def test_an_outage_that_says_when_to_come_again_costs_no_galaxy(code: int) -> None:
    """However often it says so: whoever waits as asked is not to blame."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        if len(toy.asked) > 1 and time.monotonic() - toy.asked[0][0] > 1.0:
            answer(handler)
        else:
            answer(handler, b"", code, Retry_After="0")

    with Toy(reply) as toy:
        service = Service("toy", toy.address, FEW, threading.Event())
        service.breaker._pause = 0.1
        assert persist(lambda: PoliteSession(service).get(f"{toy.address}/here"), service).content == b"yes"
        assert len(toy.asked) < 60  # nor is the service besieged


@pytest.mark.parametrize(
    "said",
    [f"Retry-After: Mon, 1 Jan 2020 00:00:00 +{'9' * 30}", "Location: http://[::1/", "Location: http://\xff\xfe/x"],
)
def test_odd_words_in_a_head_are_told(said: str) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        code = "503 Busy" if said.startswith("Retry") else "302 Found"
        handler.wfile.write(f"HTTP/1.1 {code}\r\n{said}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
        handler.close_connection = True

    with Toy(reply) as toy, pytest.raises(ArchiveError):
        session_for(toy.address).get(f"{toy.address}/here")


def test_after_a_hold_the_pace_is_kept_too() -> None:
    """Turns that were given out before the service asked for a pause are not all taken when it ends."""
    pace, taken = RateLimiter(20.0, threading.Event()), list[float]()

    def ask() -> None:
        pace.wait()
        taken.append(time.monotonic())

    pace.wait()
    workers = [threading.Thread(target=ask) for _ in range(12)]
    for worker in workers:
        worker.start()
    time.sleep(0.02)
    pace.hold(1.0)
    for worker in workers:
        worker.join()
    held = sorted(taken)[2:]  # one or two may have been let go before
    assert held[-1] - held[0] >= (len(held) - 1 - 3) / 20.0

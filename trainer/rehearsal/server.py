"""A local HTTP server that simulates SkyView, hips2fits and SDSS, with faults."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np

from trainer.rehearsal.faults import Faults
from trainer.rehearsal.pages import (
    crossid_table,
    field_names,
    fits_file,
    skyview_form,
    skyview_results,
    uploaded_positions,
)
from trainer.rehearsal.skies import SimulatedSky, place_of

__all__ = ["ArchiveServer"]

_HIPS: Final = "CDS/P/SDSS9/"
_ELSEWHERE: Final = "http://archive.invalid/stolen"


class ArchiveServer:
    """Simulated archives, a context manager.

    Parameters
    ----------
    sky : SimulatedSky
        Images of the archives.
    latency : float
        Delay of every answer [s].
    frames : path, optional
        Folder of SDSS frames to serve.
    fields : mapping, optional
        Values by column of the cross-identification, for every position.
    stars : bytes
        Answer to queries for stars.

    Attributes
    ----------
    times : deque of float
        Times of the last requests [s, monotonic].
    asked : Counter
        Number of image requests by position.
    peak : int
        Largest number of simultaneous requests.
    """

    def __init__(
        self,
        sky: SimulatedSky,
        faults: Faults | None = None,
        *,
        latency: float = 0.0,
        frames: str | Path | None = None,
        fields: Mapping[str, int] | None = None,
        stars: bytes = b"#Table1\nra,dec,u,g,r,i,z\n",
    ) -> None:
        self.sky, self.faults, self.latency = sky, faults or Faults(transient={}, lasting={}), latency
        self.frames, self.fields = Path(frames) if frames else None, dict(fields or {})
        self.stars = stars
        self.times = deque[float](maxlen=100_000)
        self.asked = Counter[str]()
        self.requests = self.peak = self._now = 0
        self._lock = threading.Lock()
        self.last: dict[tuple[str, tuple[int, int]], tuple[str, Any]] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.archive = self

    def __enter__(self) -> ArchiveServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Base URL of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def configuration(self) -> str:
        """Text of an ``astroquery.cfg`` that directs astroquery to this server."""
        return (
            f"[skyview]\nurl = {self.address}/current/cgi/basicform.pl\n"
            f"[hips2fits]\nserver = {self.address}/hips-image-services/hips2fits\n"
            f"[sdss]\nskyserver_baseurl = {self.address}\nsas_baseurl = {self.address}/sas\n"
        )

    @contextlib.contextmanager
    def count_request(self) -> Any:
        """Context manager that counts a request."""
        with self._lock:
            self.requests += 1
            self._now += 1
            self.peak = max(self.peak, self._now)
            self.times.append(time.monotonic())
        try:
            yield self.requests
        finally:
            with self._lock:
                self._now -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    archive: ArchiveServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors of clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, body: bytes) -> None:
        archive = self.server.archive
        with archive.count_request() as number:
            if archive.latency:
                time.sleep(archive.latency)
            if archive.faults.out(number):
                return self._spoil("503" if number % 2 else "reset")
            parts = urlsplit(self.path)
            parameters = {name.lower(): values for name, values in parse_qs(parts.query).items()}
            for path, answer in _ROUTES.items():
                if parts.path.lower().startswith(path):
                    return answer(self, parts.path, parameters, body)
            return self._send(404, b"<html><title>404 Not Found</title></html>", "text/html")

    # -- SkyView ------------------------------------------------------------------------------------------------------

    def _form(self, path: str, parameters: dict[str, list[str]], body: bytes) -> None:
        self._send(200, skyview_form(), "text/html")

    def _list(self, path: str, parameters: dict[str, list[str]], body: bytes) -> None:
        ra, dec = (float(part) for part in parameters["position"][0].replace(",", " ").split())
        width = float(parameters["size"][0].split(",")[0]) * 3600.0
        lengths = parameters["pixels"][0].split(",")
        pixels = f"{lengths[0]}x{lengths[-1]}"
        sampler = parameters.get("sampler", ["NN"])[0].replace("_", "")
        fault = self.server.archive.faults.next_fault(place_of(ra, dec), "")
        names = [
            f"skv_{ra:.7f}_{dec:.7f}_{survey.removeprefix('SDSS')}_{width:.6f}_{pixels}_{sampler}"
            for survey in parameters["survey"]
        ]
        if fault == "empty list":
            names = []
        elif fault and fault in ("429", "500", "503", "reset"):
            return self._spoil(fault)
        return self._send(200, skyview_results(names), "text/html")

    def _skyview_image(self, path: str, parameters: dict[str, list[str]], body: bytes) -> None:
        name = path.rsplit("/", 1)[1].removesuffix(".fits")
        _, ra, dec, band, width, pixels, sampler = name.split("_")
        shape = tuple(int(length) for length in reversed(pixels.split("x")))
        scale = float(width) / shape[1]
        self._image(float(ra), float(dec), band, scale, shape, sampler == "Clip", empty=0.0, SURVEY=f"SDSS{band}")

    # -- hips2fits ----------------------------------------------------------------------------------------------------

    def _hips(self, path: str, parameters: dict[str, list[str]], body: bytes) -> None:
        hips = parameters["hips"][0]
        if not hips.startswith(_HIPS):
            content = json.dumps({"title": "Bad Request", "description": f"no HiPS is called {hips}"})
            return self._send(400, content.encode(), "application/json")
        if "wcs" in parameters:
            header = json.loads(parameters["wcs"][0])
            ra, dec, scale = header["CRVAL1"], header["CRVAL2"], header["CDELT2"] * 3600.0
            shape = header["NAXIS2"], header["NAXIS1"]
        else:
            ra, dec = float(parameters["ra"][0]), float(parameters["dec"][0])
            shape = int(parameters["height"][0]), int(parameters["width"][0])
            scale = float(parameters["fov"][0]) * 3600.0 / max(shape)
        return self._image(ra, dec, hips.removeprefix(_HIPS), scale, shape, areas=False, empty=np.nan)

    # -- SDSS ---------------------------------------------------------------------------------------------------------

    def _query(self, path: str, parameters: dict[str, list[str]], body: bytes) -> None:
        if "fgetnearbyobjeq" in parameters.get("cmd", [""])[0].lower():
            return self._send(200, self.server.archive.stars, "text/plain")
        if not body:
            return self._send(200, field_names(), "text/plain")
        archive, query = self.server.archive, _form_value(body, "uquery")
        rows: list[dict[str, object]] = [
            {"ra": ra, "dec": dec, **archive.fields}
            for ra, dec in uploaded_positions(body)
            if archive.sky.plane(ra, dec, "r", 0.396, (4, 4), False) is not None
        ]
        return self._send(200, crossid_table(query, rows), "text/plain")

    def _frame(self, path: str, parameters: dict[str, list[str]], body: bytes) -> None:
        frames, name = self.server.archive.frames, path.rsplit("/", 1)[1]
        file = next((entry for entry in frames.iterdir() if entry.name == name), None) if frames else None
        if file is None:
            return self._send(404, b"<html><title>404 Not Found</title></html>", "text/html")
        fault = self.server.archive.faults.next_fault(name, "r")
        return self._spoil(fault, file.read_bytes()) if fault else self._send(200, file.read_bytes())

    # -- answers ------------------------------------------------------------------------------------------------------

    def _image(
        self, ra: float, dec: float, band: str, scale: float, shape: Any, areas: bool, empty: float, **cards: str
    ) -> None:
        archive, place = self.server.archive, place_of(ra, dec)
        archive.asked[place] += 1
        fault = archive.faults.next_fault(place, band)
        if fault in _HTTP_FAULTS:
            return self._spoil(fault)
        shown_ra, shown_dec = (ra + 0.1, dec) if fault in ("wrong place", "duplicate") else (ra, dec)
        shown_band = {"u": "g"}.get(band, "u") if fault == "wrong band" else band
        if fault == "wrong shape":
            shape = (shape[0] // 2, shape[1])
        if fault == "wrong band" and "SURVEY" in cards:
            cards["SURVEY"] = f"SDSS{shown_band}"
        plane = archive.sky.plane(shown_ra, shown_dec, shown_band, scale, shape, areas)
        pixels = np.full(shape, empty, np.float32) if plane is None else plane
        if fault == "twin" and plane is not None:  # another galaxy's light under this one's coordinates
            other, light = archive.last.get((band, shape), (place, pixels))
            pixels = pixels if other == place else light
        elif not fault and plane is not None:
            archive.last[band, shape] = place, plane
        if fault in _FILLS:
            pixels = np.full(shape, _FILLS[fault], np.float32)
        content = fits_file(pixels, shown_ra, shown_dec, scale, **cards)
        return self._spoil(fault, content) if fault == "truncated" else self._send(200, content)

    def _spoil(self, fault: str, content: bytes = b"") -> None:
        """Send a faulty answer."""
        patience = self.server.archive.faults.patience
        if fault in ("500", "503"):
            self._send(int(fault), b"<html><title>Service error</title></html>", "text/html")
        elif fault == "429":
            self._send(429, b"slow down", "text/plain", **{"Retry-After": "1"})
        elif fault == "elsewhere":
            self._send(302, b"", "text/html", Location=_ELSEWHERE)
        elif fault in ("page", "empty"):
            page = b"<html><head><title>Internal problem</title></head><body>Sorry</body></html>"
            self._send(200, b"" if fault == "empty" else page, "text/html")
        elif fault == "truncated":
            self._send(200, content[: len(content) * 2 // 3])
        else:
            self.close_connection = True
            self._stall(fault, patience)

    def _stall(self, fault: str, patience: float) -> None:
        """Hang, drip, or reset the connection."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/fits\r\nContent-Length: 20160\r\n\r\nSIMPLE  ="
        ends = time.monotonic() + patience
        with contextlib.suppress(OSError):
            if fault == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                return
            if fault == "drip":
                self.connection.sendall(head)
            while time.monotonic() < ends:
                time.sleep(0.1)
                if fault != "hang":
                    self.connection.sendall(b"X" if fault == "drip" else b"H")

    def _send(self, code: int, content: bytes, kind: str = "image/fits", **headers: str) -> None:
        with contextlib.suppress(OSError):
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)


def _form_value(body: bytes, name: str) -> str:
    """One value of a multipart form."""
    _, _, rest = body.partition(f'name="{name}"'.encode())
    _, _, rest = rest.partition(b"\r\n\r\n")
    return rest.partition(b"\r\n--")[0].decode()


_HTTP_FAULTS: Final = ("reset", "429", "500", "503", "page", "empty", "drip", "slow head", "hang", "elsewhere")
_FILLS: Final = {"zeros": 0.0, "constant": 7.0, "nan": np.nan}
_ROUTES: Final = {
    "/current/cgi/basicform.pl": _Handler._form,
    "/current/cgi/runquery.pl": _Handler._list,
    "/tempspace/fits/": _Handler._skyview_image,
    "/current/tempspace/fits/": _Handler._skyview_image,
    "/hips-image-services/hips2fits": _Handler._hips,
    "/sas/": _Handler._frame,
    "/dr": _Handler._query,
}

"""How archives are asked: where a request may go, how often, and what happens while a service is down."""

from __future__ import annotations

import threading
import time

import pytest

from gz2interp.errors import CutoutUnavailable, InputError
from trainer.archives.frame_cache import FrameCache
from trainer.archives.limits import ArchiveError, CircuitBreaker, Limits, RateLimiter, Stopped
from trainer.archives.persist import TRIES, persist
from trainer.archives.service import Guard, Service
from trainer.archives.session import plain_words

QUICK = Limits(workers=2, rate=0, tries=4, backoff=0.001, longest_backoff=0.002, down_after=3)


def service(limits: Limits = QUICK) -> Service:
    return Service("toy", "http://127.0.0.1:9/", limits, threading.Event())


@pytest.mark.parametrize(
    "url",
    [
        "https://archive.example.org/elsewhere",
        "https://archive.example.org:8443/x",
        "https://mirror.example.org/x",
    ],
)
def test_a_service_and_what_was_allowed_may_be_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.archives.service._addresses", lambda host: {"93.184.216.34"})
    Guard("https://archive.example.org/form", ["mirror.example.org"]).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://archive.example.org/x",  # no longer secure
        "https://example.org/x",
        "https://archive.example.org.evil.net/x",
        "https://archive.example.org@evil.net/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://archive.example.org/x",
        "https://archive.example.org:99999/x",
        "//archive.example.org/x",
    ],
)
def test_nothing_else_may_be_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.archives.service._addresses", lambda host: {"93.184.216.34"})
    with pytest.raises(ArchiveError) as caught:
        Guard("https://archive.example.org/form").check(url)
    assert caught.value.kind == "address"


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "10.1.2.3", "192.168.0.7", "169.254.1.1", "::1", "fe80::1%eth0", "0.0.0.0"]
)
def test_a_name_that_leads_into_the_house_is_refused(peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.archives.service._addresses", lambda host: {"93.184.216.34"})
    guard = Guard("https://archive.example.org/form")
    guard.check_peer("archive.example.org", "93.184.216.34")
    with pytest.raises(ArchiveError, match="private network"):
        guard.check_peer("archive.example.org", peer)


def test_a_service_on_this_machine_may_be_asked_at_its_own_port_only() -> None:
    guard = Guard("http://127.0.0.1:8123/form")
    guard.check("http://127.0.0.1:8123/image")
    guard.check_peer("127.0.0.1", "127.0.0.1")
    for url in ("http://127.0.0.1:22/", "http://localhost:8123/", "http://127.0.0.2:8123/"):
        with pytest.raises(ArchiveError):
            guard.check(url)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(InputError, match="https://"):
        Guard("skyview.example.org/form")


def test_the_pace_is_kept_whoever_asks() -> None:
    pace, taken = RateLimiter(200.0, threading.Event()), list[float]()

    def ask() -> None:
        for _ in range(20):
            pace.wait()
            taken.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 80 questions at 200 a second: no sooner than the last one's turn, less what a late worker may make good.
    assert max(taken) - began >= (80 - 1 - 3) / 200.0
    for later, earlier in zip(sorted(taken)[40:], sorted(taken), strict=False):
        assert later - earlier >= (40 - 4) / 200.0


def test_a_pause_that_a_service_asks_for_holds_for_all() -> None:
    pace = RateLimiter(0, threading.Event())
    pace.wait()
    pace.hold(0.2)
    began = time.monotonic()
    pace.wait()
    assert time.monotonic() - began >= 0.19


def test_waiting_ends_when_the_run_does() -> None:
    stop = threading.Event()
    pace = RateLimiter(0, stop)
    pace.hold(60)
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Stopped):
        pace.wait()


def test_a_service_that_fails_again_and_again_is_down_until_one_question_is_answered() -> None:
    breaker = CircuitBreaker("toy", QUICK, threading.Event())
    for _ in range(2):
        breaker.failed("no answer")
    assert not breaker.is_open
    breaker.failed("no answer")
    assert breaker.is_open
    assert "no answer" in breaker.words
    breaker._until = 0.0  # the pause is over
    breaker.wait()  # this thread finds out
    others = list[str]()

    def other() -> None:
        breaker.wait()
        others.append("in")

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    thread.join(0.2)
    assert others == []  # one question at a time
    breaker.succeeded()
    thread.join(2)
    assert others == ["in"]
    assert not breaker.is_open


def test_an_answer_between_failures_keeps_a_service_up() -> None:
    breaker = CircuitBreaker("toy", QUICK, threading.Event())
    for _ in range(10):
        breaker.failed("no answer")
        breaker.failed("no answer")
        breaker.succeeded()
    assert not breaker.is_open


def test_patience_ends() -> None:
    breaker = CircuitBreaker("toy", Limits(down_after=1, patience=0.01), threading.Event())
    breaker.failed("gone for a month")
    time.sleep(0.05)
    with pytest.raises(ArchiveError, match="gone for a month") as caught:
        breaker.wait()
    assert caught.value.kind == "down"


def test_a_galaxy_is_given_up_after_so_many_tries_and_told_why() -> None:
    asked = list[int]()

    def attempt() -> None:
        asked.append(1)
        raise ArchiveError("answer", "the answer is a web page")

    TRIES.set(1)
    with pytest.raises(CutoutUnavailable, match="gave up after 4 tries: the answer is a web page") as caught:
        persist(attempt, service())
    assert (caught.value.status, len(asked), TRIES.get()) == ("failed", 4, 4)


def test_progress_gives_new_tries() -> None:
    lacking, asked = [5], list[int]()

    def attempt() -> str:
        asked.append(1)
        if len(asked) % 3 == 0:
            lacking[0] -= 1
        if lacking[0]:
            raise ArchiveError("answer", "cut short")
        return "five images"

    assert persist(attempt, service(), lambda: lacking[0]) == "five images"
    assert len(asked) == 15


def test_what_will_not_change_is_not_asked_twice() -> None:
    asked = list[int]()

    def attempt() -> None:
        asked.append(1)
        raise ArchiveError("refused", "the service said 404")

    with pytest.raises(CutoutUnavailable, match="404"):
        persist(attempt, service())
    assert len(asked) == 1


def test_tries_while_a_service_is_down_do_not_count() -> None:
    toy, asked = service(), list[int]()
    for _ in range(3):
        toy.breaker.failed("no answer")

    def attempt() -> str:
        asked.append(1)
        if len(asked) < 20:
            raise ArchiveError("connection", "no answer")
        return "an image"

    TRIES.set(1)
    assert persist(attempt, toy) == "an image"
    assert TRIES.get() == 1


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            b"<html><head><title>503 Service\n Unavailable</title></head><body>x</body></html>",
            "503 Service Unavailable",
        ),
        (b'{"title": "Bad Request", "description": "hips is unknown"}', "Bad Request: hips is unknown"),
        (b"<script>alert(1)</script><p>No   image &amp; no words</p>", "No image & no words"),
        (b"\x00\x01\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_what_a_page_says_is_one_plain_line(page: bytes, words: str) -> None:
    assert plain_words(page) == words


def test_what_a_page_says_is_short() -> None:
    assert len(plain_words(b"<p>" + b"word " * 10_000)) <= 160


def test_a_file_is_fetched_once_and_the_cache_stays_within_its_size(tmp_path) -> None:
    cache, fetched = FrameCache(tmp_path / "frames", most_bytes=2500), list[str]()

    def content(name: str) -> bytes:
        fetched.append(name)
        return b"x" * 1000

    def use(name: str) -> None:
        with cache.group(name, {f"{name}.fits": lambda: content(name)}) as paths:
            assert paths[f"{name}.fits"].stat().st_size == 1000

    threads = [threading.Thread(target=use, args=("a",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == ["a"]
    for name in ("b", "c", "d"):
        time.sleep(0.02)
        use(name)
    kept = sorted(folder.name for folder in (tmp_path / "frames").iterdir())
    assert kept == ["c", "d"]  # used last
    use("d")
    assert fetched == ["a", "b", "c", "d"]


def test_a_file_that_cannot_be_fetched_leaves_nothing(tmp_path) -> None:
    cache = FrameCache(tmp_path / "frames", most_bytes=10_000)

    def broken() -> bytes:
        raise ArchiveError("answer", "cut short")

    with pytest.raises(ArchiveError), cache.group("a", {"a.fits": broken}):
        pass
    assert not list((tmp_path / "frames").rglob("*.fits"))

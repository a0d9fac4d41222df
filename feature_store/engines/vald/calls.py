"""Calls to a cluster that may be slow, away for a while, or refuse single vectors.

Many vectors travel in one stream, whose answers come in any order. One that is done names its
vector; one that failed names it only in its details, if at all. So whatever a stream leaves
unsettled is asked for once more: in another stream if the cluster was away, else one by one.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from feature_store.errors import EngineError, SettingsError

SAID_CHARACTERS = 300
"""How much of what a cluster says is repeated: it likes to quote whole vectors."""

IN_VAIN = 3
"""Calls in a row that find the cluster away; no more are made before a pause."""


@dataclass(frozen=True)
class Pace:
    """How fast vectors are sent, and how patiently; SettingsError for a value out of range."""

    chunk: int = 500
    """Vectors in one stream: they are all that is in memory of each."""

    concurrency: int = 4
    """Streams that are open at once; no more is read from the bundle than they take."""

    deadline_seconds: float = 60.0
    """How long one stream, or one single call, may take."""

    attempts: int = 8
    """How often in a row a cluster may be away before the export stops."""

    first_pause_seconds: float = 0.5
    """The pause after the first of these; each further one is twice as long."""

    longest_pause_seconds: float = 30.0
    """The longest pause."""

    def __post_init__(self) -> None:
        """Check every value."""
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} is {getattr(self, name)}; write a number above 0")

    def pause_seconds(self, attempt: int) -> float:
        """Return how long to wait after failure number `attempt`, from 1: never twice the same."""
        longest = min(self.first_pause_seconds * 2.0 ** (attempt - 1), self.longest_pause_seconds)
        return longest * random.uniform(0.5, 1)  # noqa: S311  # not a secret: it spreads retries


@dataclass(frozen=True)
class Refusal:
    """A vector that the cluster did not take, and what it said."""

    name: str
    code: str
    """One of gRPC's status codes, as INVALID_ARGUMENT."""
    said: str


@dataclass
class Settled:
    """What became of vectors: all are settled one way or another."""

    done: int = 0
    already: int = 0
    """There was nothing to do: the cluster held the same vector, or none."""
    refused: list[Refusal] = field(default_factory=list)

    def add(self, other: Settled) -> None:
        """Count what became of others, too."""
        self.done += other.done
        self.already += other.already
        self.refused += other.refused


@dataclass(frozen=True)
class Verb:
    """What is asked for every vector of many."""

    stream: Callable[..., Iterator[Any]]
    """The stub's call for a stream of requests; gives a stream of `Object.StreamLocation`."""
    single: Callable[..., Any]
    """Its call for one request alone."""
    already: Any
    """The status code that says that there is nothing to do."""


class Caller:
    """Makes calls until every vector is settled, or the cluster stays away."""

    def __init__(self, address: str, pace: Pace) -> None:
        """Name the cluster in messages, and take the pace."""
        import grpc

        codes = grpc.StatusCode
        self._passing = {
            codes.UNAVAILABLE,
            codes.DEADLINE_EXCEEDED,
            codes.RESOURCE_EXHAUSTED,
            codes.ABORTED,
        }
        self._codes = {code.value[0]: code for code in codes}
        self._error = grpc.RpcError
        self._address = address
        self._pace = pace
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End every pause at once: no further attempt is made."""
        self._stopped.set()

    def once(self, call: Callable[..., Any], request: Any) -> Any:
        """Return what one call gives, tried again while the cluster is away.

        Raises EngineError when it stays away, or refuses.
        """
        for attempt in range(1, self._pace.attempts + 1):
            try:
                return call(request, timeout=self._pace.deadline_seconds)
            except self._error as error:
                code, said = error.code(), shortened(error.details())
                if code not in self._passing:
                    raise EngineError(f"Vald at {self._address}: {code.name}: {said}") from error
                if attempt < self._pace.attempts:
                    self._wait(attempt)
        raise self._away(code)

    def settle(self, verb: Verb, requests: Mapping[str, Any]) -> Settled:
        """Ask `verb` for every request by its vector's id, until each is settled.

        Attempts are counted from the last one that settled anything: a slow cluster is not away.
        Raises EngineError when it stays away.
        """
        settled, left, said = Settled(), dict(requests), dict[str, Refusal]()
        in_vain = 0
        while left:
            before = len(left)
            broken = self._stream(verb, left, said, settled)
            if left and broken not in self._passing:
                broken = self._singly(verb, left, said, settled)
            in_vain = in_vain + 1 if len(left) == before else 0
            if in_vain == self._pace.attempts:
                if broken in self._passing:
                    raise self._away(broken)
                settled.refused += [said[name] for name in left]
                break
            if left:
                self._wait(in_vain or 1)
        return settled

    def _stream(
        self, verb: Verb, left: dict[str, Any], said: dict[str, Refusal], settled: Settled
    ) -> Any:
        """Ask for all that is left in one stream; return the code that broke it, or None."""
        # Only now: a list, because requests are still taken from it while answers come.
        answers = verb.stream(iter(list(left.values())), timeout=self._pace.deadline_seconds)
        try:
            for answer in answers:
                if answer.WhichOneof("payload") == "location":
                    if left.pop(answer.location.uuid, None) is not None:
                        settled.done += 1
                elif name := _named(answer.status):
                    code = self._codes[answer.status.code]
                    refusal = Refusal(name, code.name, shortened(answer.status.message))
                    self._note(verb, code, refusal, left, said, settled)
        except self._error as error:
            return error.code()
        return None

    def _singly(
        self, verb: Verb, left: dict[str, Any], said: dict[str, Refusal], settled: Settled
    ) -> Any:
        """Ask one by one for what a stream left without an answer.

        Return the code with which the cluster turned out to be away, or None.
        """
        away, code = 0, None
        for name in [name for name in left if name not in said]:
            if away == IN_VAIN or self._stopped.is_set():
                return code
            request = left.pop(name)
            try:
                verb.single(request, timeout=self._pace.deadline_seconds)
                settled.done, away = settled.done + 1, 0
            except self._error as error:
                left[name] = request  # now the last one, so that the others have their turn
                code = error.code()
                refusal = Refusal(name, code.name, shortened(error.details()))
                self._note(verb, code, refusal, left, said, settled)
                away = away + 1 if name in left else 0
        return None

    def _note(
        self,
        verb: Verb,
        code: Any,
        refusal: Refusal,
        left: dict[str, Any],
        said: dict[str, Refusal],
        settled: Settled,
    ) -> None:
        """Settle one vector that failed, unless what failed may pass."""
        if refusal.name not in left:
            return
        if code in self._passing:
            said[refusal.name] = refusal
            return
        del left[refusal.name]
        if code == verb.already:
            settled.already += 1
        else:
            settled.refused.append(refusal)

    def _wait(self, attempt: int) -> None:
        if self._stopped.wait(self._pace.pause_seconds(attempt)):
            raise EngineError(f"the export to Vald at {self._address} was stopped")

    def _away(self, code: Any) -> EngineError:
        return EngineError(
            f"Vald at {self._address} cannot be reached ({code.name} {self._pace.attempts} times "
            "in a row); what it has taken stays there, and the same command goes on from it"
        )


def shortened(text: str | None) -> str:
    """Return what a cluster says in one line of bearable length."""
    line = " ".join((text or "").split())
    line = "".join(letter if letter.isprintable() else "·" for letter in line)
    return line if len(line) <= SAID_CHARACTERS else f"{line[:SAID_CHARACTERS]}…"


def _named(status: Any) -> str:
    """Return the id that a failed answer is about; empty if it does not say."""
    from vald.v1.rpc.errdetails.error_details_pb2 import RequestInfo

    for detail in status.details:
        if detail.type_url.endswith(".RequestInfo"):  # Vald's own, or Google's: the same fields
            return str(RequestInfo.FromString(detail.value).request_id)
    return ""

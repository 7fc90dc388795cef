"""What the store promises, on plain values: the state machine holds every row of the real one against this."""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 1_000_000
LEASE = 5 * SECOND
AHEAD = 5 * SECOND
Pair = tuple[str, str]


@dataclass
class Row:
    """One delivery. `tried` holds the outcome of each attempt."""

    id: int
    key: tuple[str, str]
    pair: Pair
    position: int
    due: int | None
    state: str = "accepted"
    live: bool = True
    stood: bool = False
    mailed: bool = True
    published: int | None = None
    times: int = 0
    worker: str | None = None
    token: int = 0
    claims: int = 0
    tried: list[str] = field(default_factory=list)
    replayed_by: int | None = None

    def rest(self, state: str, *, due: int | None = None) -> None:
        """Nobody holds the row, and no wake-up is out."""
        self.state, self.due, self.worker, self.published, self.times = state, due, None, None, 0


@dataclass
class Model:
    """All rows, and who lives."""

    rows: dict[int, Row] = field(default_factory=dict)
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    nonces: set[str] = field(default_factory=set)
    proofs: dict[tuple[str, str], str] = field(default_factory=dict)
    beats: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def queue(self, pair: Pair) -> list[Row]:
        """The live rows of a recipient and subject, in order."""
        return sorted((row for row in self.rows.values() if row.live and row.pair == pair), key=lambda r: r.position)

    def lives(self, worker: str | None, now: int) -> bool:
        return worker is not None and self.beats.get(worker, -LEASE) > now - LEASE

    def append(self, key: tuple[str, str], pair: Pair, now: int) -> Row:
        self.last[pair[1]] = position = self.last.get(pair[1], 0) + 1
        due = None if self.queue(pair) else now
        row = Row(id=len(self.rows) + 1, key=key, pair=pair, position=position, due=due)
        self.rows[row.id] = row
        return row

    def accept(self, nonce: str, key: tuple[str, str], pair: Pair, digest: str, now: int) -> str:
        if nonce in self.nonces:
            return "NONCE_REPLAYED"
        self.nonces.add(nonce)
        if key in self.digests:
            return "repeat" if self.digests[key] == digest else "MESSAGE_ID_CONFLICT"
        self.digests[key] = digest
        self.append(key, pair, now)
        return "fresh"

    def ready(self, now: int) -> list[int]:
        due = [r for r in self.rows.values() if r.due is not None and r.due <= now]
        return [r.id for r in sorted(due, key=lambda r: (r.due, r.id)) if r.published is None and r.worker is None]

    def late(self, now: int) -> list[Row]:
        out = [r for r in self.rows.values() if r.published is not None and r.worker is None and r.due is not None]
        return [r for r in out if (r.due or 0) <= now and now - (r.published or 0) >= 30 * SECOND * 2 ** (r.times - 1)]

    def mark(self, ids: list[int], now: int) -> None:
        for row in (self.rows[number] for number in ids):
            if row.worker is None and row.due is not None and row.due <= now:
                row.published, row.times = now, row.times + 1

    def claim(self, number: int, worker: str, now: int) -> bool:
        row = self.rows[number]
        if row.due is not None and row.due > now + AHEAD and row.worker is None:
            row.published = None
        if row.due is None or row.due > now + AHEAD or row.worker is not None or not self.lives(worker, now):
            return False
        row.worker, row.token, row.claims, row.state = worker, row.token + 1, row.claims + 1, "delivering"
        row.tried.append("started")
        return True

    def settle(self, number: int, worker: str, token: int, kind: str, now: int) -> bool:
        row = self.rows[number]
        if (row.worker, row.token) != (worker, token):
            return False
        row.claims = row.claims - 1 if kind == "back" else 0
        if kind == "back":
            row.tried.pop()
            row.rest("delivering" if row.tried else "accepted", due=now)
        else:
            row.rest({"hold": "held", "die": "failed"}.get(kind, "delivering"))
            row.tried[-1] = {"stood": "started", "hold": "held"}.get(kind, "retry")
            row.due = now + 15 * SECOND if kind == "retry" else None
            row.stood = kind == "stood"
        if kind == "die":
            self.end(row, now)
        return True

    def end(self, row: Row, now: int) -> None:
        row.live = False
        queue = self.queue(row.pair)
        if queue and queue[0].state == "accepted" and queue[0].due is None:
            queue[0].due = now

    def prove(self, number: int, status: str, now: int) -> str:
        named = self.rows[number]
        if named.key in self.proofs:
            return "same" if self.proofs[named.key] == status else "conflict"
        self.proofs[named.key] = status
        for row in [r for r in self.rows.values() if r.key == named.key and (r is named or r.replayed_by is None)]:
            self.close(row, "delivered" if status == "ACCEPTED" else "refused", now, named=row is named)
        return "recorded"

    def close(self, row: Row, outcome: str, now: int, *, named: bool) -> None:
        if row.tried and row.tried[-1] == "started":
            row.tried[-1] = outcome
        elif named:
            row.tried.append(outcome)
        closed = "delivered" if outcome == "delivered" else "failed"
        row.rest(row.state if row.state == "cancelled" else closed)
        row.mailed = row.stood = False
        row.claims = 0
        self.end(row, now)

    def sweep(self, now: int) -> tuple[list[int], list[int]]:
        lost = [row for row in self.rows.values() if row.worker and not self.lives(row.worker, now)]
        for row in lost:
            row.tried[-1] = "retry"
            row.rest(*(("held",) if row.claims >= 5 else ("delivering",)), due=None if row.claims >= 5 else now)
        return [r.id for r in lost if r.claims < 5], [r.id for r in lost if r.claims >= 5]

    def release(self, worker: str, now: int) -> int:
        held = [row for row in self.rows.values() if row.worker == worker]
        for row in held:
            self.settle(row.id, worker, row.token, "back", now)
        self.beats.pop(worker, None)
        return len(held)

    def replay(self, number: int, now: int) -> list[int]:
        row = self.rows[number]
        if row.state != "failed" or row.replayed_by is not None or row.key in self.proofs:
            return []
        made = self.append(row.key, row.pair, now)
        row.replayed_by, row.mailed = made.id, False
        return [made.id]

    def discard(self, number: int, now: int) -> int:
        row = self.rows[number]
        if row.state not in {"failed", "held"} or row.replayed_by is not None:
            return 0
        row.state, row.mailed = "cancelled", False
        self.end(row, now)
        return 1

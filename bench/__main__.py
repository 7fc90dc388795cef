"""`make bench`: the tables, side by side in one run.

WGG_BENCH_COUNT sets the messages of a run (default 4000; (b) sends twice as many, so that the wait for the last marks
weighs little), WGG_BENCH_VOLUME those that stand in the databases of (f) and (h) already (default 1,000,000, in (f)
with a tenth as many open clocks).
"""

from __future__ import annotations

import os
from statistics import median

from bench.accept import STAGES, Run, run_floor, run_gateway
from bench.crypto import measure
from bench.deliver import Delivered, run_embedded, run_postgres
from bench.evidence import measure as measure_evidence
from bench.fairness import Fairness
from bench.fairness import measure as measure_fairness
from bench.purge import Purging
from bench.purge import measure as measure_purging
from bench.sealing import Sealing
from bench.sealing import measure as measure_sealing
from bench.volume import Volume
from bench.volume import measure as measure_volume

COUNT = int(os.environ.get("WGG_BENCH_COUNT", "4000"))
VOLUME = int(os.environ.get("WGG_BENCH_VOLUME", "1000000"))
ROUNDS = 3
CRYPTO_FLOOR, ACCEPT_FLOOR, RESIDENT_MIB = 0.95, 0.75, 150
FAIR, AGED, DISTURBED, CHAINED = 1.5, 1.3, 1.05, 0.97
TURNS = 4


def main() -> None:
    """Print each table as soon as it is there."""
    print("(a) SM2，单线程同步，每秒次数")
    for row in measure():
        print(
            f"    {row.operation} 本实现 {row.ours:.0f}  裸调用 {row.bare:.0f}  比 {row.ratio:.3f}（≥ {CRYPTO_FLOOR}）"
        )
    print(f"(b) 持久受理，api 与 relay，PostgreSQL 与 RabbitMQ，每轮 {2 * COUNT} 份，{ROUNDS} 轮交替")
    pairs = [(run_floor(2 * COUNT), run_gateway(2 * COUNT)) for _ in range(ROUNDS)]
    for floor, ours in pairs:
        print(f"    地板 {_line(floor)}")
        print(f"    网关 {_line(ours)}，{_memory(ours)}，比 {ours.rate / floor.rate:.2f}")
    best = median(ours.rate / floor.rate for floor, ours in pairs)
    print(f"    比的中位数 {best:.2f}（不低于 {ACCEPT_FLOOR}）")
    stages = {name: median(ours.stages[name] for _, ours in pairs) for name in STAGES}
    print("    各阶段微秒（含排队）：" + "，".join(f"{name} {micros:.0f}" for name, micros in stages.items()))
    for title, run in (("(c) PostgreSQL 与 RabbitMQ", run_postgres), ("(d) 嵌入式默认", run_embedded)):
        delivered = run(COUNT)
        print(f"{title}：受理到送达，每秒 {delivered.rate:.0f} 份，{_memory(delivered)}")
    _print_fairness(measure_fairness(COUNT, ROUNDS))
    _print_volume(measure_volume(messages=VOLUME, clocks=VOLUME // 10))
    proof = measure_evidence()
    print(f"(g) 存证：封入一项 {proof.seal_us:.0f} 微秒 CPU（{proof.leaves} 项）；{proof.messages} 份报文的证据包")
    print(f"    {proof.size / 1e6:.1f} MB，导出 {proof.export_s:.2f} 秒，核验 {proof.verify_s:.2f} 秒（均小于 2 秒）")
    _print_purging(measure_purging(messages=VOLUME))
    _print_sealing(measure_sealing(turns=TURNS))


def _memory(run: Run | Delivered) -> str:
    return f"驻留 {run.resident:.0f} MiB（每进程 ≤ {RESIDENT_MIB}）"


def _print_fairness(found: Fairness) -> None:
    print(f"(e) 一家机构不应答时其余二十家的时延（发出到推送到达，毫秒），负载为能力之半，每秒 {found.rate:.0f} 份")
    for well, sick in found.rounds:
        print(
            f"    无 p95 {well.p95:4.0f} p99 {well.p99:4.0f}  有 p95 {sick.p95:4.0f} p99 {sick.p99:4.0f}"
            f"  p95 之比 {sick.p95 / well.p95:.2f}"
        )
    print(f"    比的中位数 {median(sick.p95 / well.p95 for well, sick in found.rounds):.2f}（≤ {FAIR}）")


def _print_volume(found: Volume) -> None:
    print(f"(f) 已存 {VOLUME:,} 份报文、{VOLUME // 10:,} 个未结时限，对空库，交替执行（造数 {found.filled:.0f} 秒）")
    for title, (empty, full) in (("受理 32 份", found.accept), ("定时扫描", found.sweep)):
        ratio = median(full) / median(empty)
        print(f"    {title} 空库 {median(empty):5.1f} ms  满库 {median(full):5.1f} ms  比 {ratio:.2f}（≤ {AGED}）")
    print("    所用索引：" + "，".join(f"{name} {count}" for name, count in found.indexes.items()))
    print("    整表扫描：" + ("，".join(f"{name} {count}" for name, count in found.scans.items()) or "无"))


def _print_purging(found: Purging) -> None:
    print(f"(h) 清除：{VOLUME:,} 份到期报文分批清除时的受理，对不清除时，交替执行，受理 32 份的平均毫秒")
    for alone, beside in zip(found.alone, found.beside, strict=True):
        print(f"    不清除 {alone:5.1f}  清除时 {beside:5.1f}  比 {beside / alone:.3f}")
    ratio = median(beside / alone for alone, beside in zip(found.alone, found.beside, strict=True))
    print(
        f"    比的中位数 {ratio:.3f}（≤ {DISTURBED}）；共清除 {found.purged:,} 份，一批 {median(found.slices):.0f} ms"
    )


def _print_sealing(found: Sealing) -> None:
    print("(i) 满载受理时封块，对不封块，交替执行，每秒份数")
    pairs = list(zip(found.alone, found.beside, strict=True))
    for alone, beside in pairs:
        print(
            f"    不封块 {alone.rate:5.0f}  封块 {beside.rate:5.0f}  比 {beside.rate / alone.rate:.3f}"
            f"  每份封块用 {beside.timers_us - alone.timers_us:.0f} 微秒 CPU，不封块时共 {alone.whole_us:.0f} 微秒"
            f"  最多待封 {beside.peak} 项，末了 {beside.left} 项"
        )
    share = median((beside.timers_us - alone.timers_us) / alone.whole_us for alone, beside in pairs)
    ratio = median(beside.rate / alone.rate for alone, beside in pairs)
    print(f"    比的中位数 {ratio:.3f}（≥ {CHAINED}），CPU 占比的中位数 {share:.3f}（≤ {1 - CHAINED:.2f}）", end="")
    print(f"；停止受理后 {found.drained:.1f} 秒全部封入")


def _line(run: Run) -> str:
    return f"每秒 {run.rate:5.0f} 份，p50 {run.p50:4.0f} ms，p99 {run.p99:4.0f} ms"


if __name__ == "__main__":
    main()

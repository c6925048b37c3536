#!/usr/bin/env python3
"""Ten minutes through the live encoder in real time, with an advice that moves all the while (the
input passes as it is at times): no picture is lost, sound and picture stay together to the
millisecond, and what comes out is no later at the end than at the beginning.

usage: test_av_drift.py [SECONDS]
"""
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import media  # noqa: E402
from media import check  # noqa: E402

SIZE = {"width": 480, "height": 270}
BITRATE = 700_000
# Above and below what the input has: it is encoded again, and passes.
ADVICE = (400_000, 1_500_000, 600_000, 1_200_000)
STEP = 20


class Copy(threading.Thread):
    """Copies a pipe to a file and counts; .at: when the last byte came."""

    def __init__(self, pipe, path, other=None):
        super().__init__(daemon=True)
        self.pipe, self.path, self.other = pipe, path, other
        self.marks = []  # (time, bytes so far)
        self.start()

    def run(self):
        count = 0
        with open(self.path, "wb") as file:
            while True:
                data = os.read(self.pipe.fileno(), 65536)
                if not data:
                    break
                file.write(data)
                count += len(data)
                self.marks.append((time.monotonic(), count))
                if self.other:
                    self.other.write(data)
                    self.other.flush()
        if self.other:
            self.other.close()


def run(directory, seconds):
    before, after = (os.path.join(directory, name) for name in ("before.ts", "after.ts"))
    worker = media.Worker(["uplinkd-av", "encode", "--rate-start", str(ADVICE[0])],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    args = media.content_args(seconds=seconds, bitrate=BITRATE, **SIZE)
    args[args.index("-f"):args.index("-f")] = ["-re"]
    source = media.Process([*args, "-f", "mpegts", "-flush_packets", "1", "-"],
                           stdout=subprocess.PIPE)
    copies = Copy(source.stdout, before, worker.stdin), Copy(worker.stdout, after)
    begin, chance = time.monotonic(), random.Random(1)
    while source.alive():
        time.sleep(1)
        if chance.random() < 1 / STEP:
            bps = chance.choice(ADVICE)
            worker.command("bitrate", bps=bps, reason="test")
        check(time.monotonic() - begin < seconds * 1.2 + 30, "the source does not end")
    check(worker.wait(20) == 0, worker.report)
    for copy in copies:
        copy.join(10)
    stats = [line for _, line in worker.events if line.get("event") == "stats"]
    return before, after, stats, copies[1].marks[-1][0] - copies[0].marks[-1][0], worker


def judge(before, after, stats, behind, worker, seconds):
    source, seen = (media.read_pictures(path, **SIZE) for path in (before, after))
    offsets = media.av_offsets(after, pictures=seen)
    reference = media.av_offsets(before, pictures=source)
    passing = sum(1 for line in stats if line["passing"])
    lags = sorted(line["lag_ms"] for line in stats)
    errors = media.decode_errors(after)
    tenth = max(len(offsets) // 10, 1)
    first, last = (sum(part) / len(part) for part in (offsets[:tenth], offsets[-tenth:]))
    print(f"# {seen}")
    print(f"# {len(offsets)} of {len(reference)} flashes with their beep; offset of the first "
          f"tenth {first * 1e3:.2f} ms, of the last {last * 1e3:.2f} ms, of all "
          f"{min(offsets) * 1e3:.2f} to {max(offsets) * 1e3:.2f} ms (source "
          f"{min(reference) * 1e3:.2f} to {max(reference) * 1e3:.2f})")
    print(f"# {passing} of {len(stats)} s passed as it was; lag p50 {lags[len(lags) // 2]} max "
          f"{lags[-1]} ms; {behind * 1e3:.0f} ms behind at the end; "
          f"{worker.usage.ru_utime + worker.usage.ru_stime:.0f} CPU s, "
          f"{worker.usage.ru_maxrss / 1024:.0f} MB")
    check(not errors, f"{len(errors)} decode errors: {errors[:3]}")
    check(seen.numbers == source.numbers and seen.times == source.times, str(seen))
    check(len(source.numbers) >= seconds * 30 - 1, "the source is short")
    check(len(media.packets(after, "a:0")) == len(media.packets(before, "a:0")),
          "sound is missing")
    check(len(offsets) == len(reference), "beeps are missing")
    check(max(abs(a - b) for a, b in zip(offsets, reference)) < 0.002, "sound drifts")
    check(media.continuity_errors(after) == 0, "continuity counters break")
    check(0 < passing < len(stats), "only one of the two ways was taken")
    check(behind < 1, f"{behind:.1f} s behind at the end")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    name = f"sound and picture stay together for {seconds} s"
    with tempfile.TemporaryDirectory() as directory:
        try:
            judge(*run(directory, seconds), seconds)
        except AssertionError as error:
            print(f"not ok - {name}: {error}")
            sys.exit(1)
    print(f"ok - {name}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""uplinkd-record: segments, index, crashes and disks in every mood."""
# Runs beside another.
import ctypes
import glob
import hashlib
import json
import os
import random
import stat
import subprocess
import time

from media import Skip, Worker, case, check, main, wait_for

PACKET = 188


def packets(count, seed=0, pat_every=20):
    """TS packets with random content; PID 0 with the start flag now and then, the rest unknown."""
    rng = random.Random(seed)
    out = []
    for i in range(count):
        head = b"\x47\x40\x00" if pat_every and i % pat_every == 0 else b"\x47\x01\x23"
        out.append(head + bytes([0x10 | i & 15]) + rng.randbytes(PACKET - 4))
    return b"".join(out)


def recorder(directory, *options, **kwargs):
    worker = Worker(["uplinkd-record", "--directory", directory, "--free-min", "0", *options],
                    stdin=subprocess.PIPE, **kwargs)
    worker.wait_event("ready")
    return worker


def feed(worker, data, rate=None, until=None):
    """Writes @data, at @rate bytes a second; what was written when @until() became true."""
    begin, at = time.monotonic(), 0
    while at < len(data):
        if until and until():
            break
        block = data[at:at + 7 * PACKET * (1 if rate else 50)]
        worker.stdin.write(block)
        worker.stdin.flush()
        at += len(block)
        if rate:
            time.sleep(max(0, begin + at / rate - time.monotonic()))
    return data[:at]


def finish(worker):
    worker.stdin.close()
    check(worker.wait(15) == 0, worker.report)


def segments(directory, prefix="uplinkd"):
    """The recorded files in order of the index, which must be complete and true."""
    with open(os.path.join(directory, prefix + ".index"), encoding="ascii") as file:
        lines = [json.loads(line) for line in file]
    contents = []
    for line in lines:
        with open(os.path.join(directory, line["file"]), "rb") as file:
            content = file.read()
        check(len(content) == line["bytes"], f"{line} has {len(content)} bytes")
        check(hashlib.sha256(content).hexdigest() == line["sha256"], f"wrong hash: {line}")
        check(len(content) % PACKET == 0, "not whole packets")
        check(abs(line["start"] - time.time()) < 600, "wrong start time")
        contents.append(content)
    on_disk = sorted(os.path.basename(p) for p in glob.glob(os.path.join(directory, "*.ts")))
    check(on_disk == sorted(line["file"] for line in lines), f"index and directory differ: {lines}")
    return lines, contents


@case
def segments_concatenate_to_the_input_bit_for_bit(directory):
    data = packets(20000)
    worker = recorder(directory, "--segment-seconds", "1", "--prefix", "cam-1")
    feed(worker, data, rate=len(data) / 8)
    finish(worker)
    lines, contents = segments(directory, "cam-1")
    check(b"".join(contents) == data, "the content differs")
    check(len(lines) >= 2, f"{len(lines)} segments")
    check(all(c[:3] == b"\x47\x40\x00" for c in contents), "a segment does not begin with a PAT")
    told = [e for _, e in worker.events if e["event"] == "segment"]
    check([e["file"] for e in told] == [line["file"] for line in lines], "events differ")
    check(not glob.glob(os.path.join(directory, "*.part")), "a part is left")


@case
def a_stop_takes_what_is_in_the_pipe_and_finishes(directory):
    data = packets(3000)
    worker = recorder(directory)
    feed(worker, data)
    worker.command("stop")
    check(worker.wait(10) == 0, worker.report)
    check(b"".join(segments(directory)[1]) == data, "the content differs")


@case
def a_kill_loses_at_most_the_last_second(directory):
    rate = 1_000_000
    data = packets(5 * rate // PACKET)
    rng = random.Random(5)
    for turn in range(4):
        place = os.path.join(directory, str(turn))
        worker = recorder(place, "--segment-seconds", "1")
        end = time.monotonic() + 1 + 1.5 * rng.random()
        sent = feed(worker, data, rate=rate, until=lambda: time.monotonic() >= end)
        worker.kill()
        parts = glob.glob(os.path.join(place, "*.ts*"))
        check(parts, "nothing was written")
        again = recorder(place)
        wait_for(lambda: not glob.glob(os.path.join(place, "*.part")), 10, "the recovery")
        finish(again)
        lines, contents = segments(place)
        check(lines[-1].get("recovered"), f"not marked as recovered: {lines}")
        found = b"".join(c for _, c in sorted(zip([x["file"] for x in lines], contents)))
        check(data.startswith(found), "not a prefix of the input")
        check(len(sent) - len(found) <= rate, f"lost {len(sent) - len(found)} bytes")


@case
def remains_of_a_crash_are_cut_to_whole_packets(directory):
    data = packets(10)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for name, content in ((f"uplinkd-{stamp}.ts.part", data + b"\x47half"),
                          (f"uplinkd-{stamp}-2.ts.part", b"\x47"),
                          (f"uplinkd-{stamp}-3.ts", data[:PACKET]),
                          ("uplinkd.index", b'{"file":"torn'),
                          ("other-thing.ts", b"not ours")):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)
    worker = recorder(directory)
    feed(worker, packets(1))
    wait_for(lambda: len([1 for _, e in worker.events if e["event"] == "segment"]) == 2, 10,
             "two recovered segments")
    finish(worker)
    os.unlink(os.path.join(directory, "other-thing.ts"))
    index = os.path.join(directory, "uplinkd.index")
    with open(index, "rb") as file:
        first, rest = file.read().split(b"\n", 1)
    check(first == b'{"file":"torn', "the torn line was changed")
    with open(index, "wb") as file:
        file.write(rest)
    lines, _ = segments(directory)
    found = {line["file"]: line["bytes"] for line in lines if line.get("recovered")}
    check(found == {f"uplinkd-{stamp}.ts": len(data), f"uplinkd-{stamp}-3.ts": PACKET},
          f"recovered {found}")


@case
def a_second_recorder_leaves_the_first_ones_file_alone(directory):
    data = packets(2000)
    first = recorder(directory)
    feed(first, data)
    wait_for(lambda: glob.glob(os.path.join(directory, "*.part")), 10, "a file")
    second = recorder(directory)
    feed(second, data)
    finish(second)
    feed(first, data)
    finish(first)
    _, contents = segments(directory)
    check(sorted(contents, key=len) == [data, data + data], "the contents differ")


def mount(kind, target, options=""):
    libc = ctypes.CDLL(None, use_errno=True)
    flags = 32 | 1 if kind == "remount-ro" else 32 if kind == "remount" else 0
    if libc.mount(b"tmpfs", target.encode(), b"tmpfs", flags, options.encode()):
        raise Skip(f"mount: {os.strerror(ctypes.get_errno())}")


def unmount(target):
    ctypes.CDLL(None).umount2(target.encode(), 2)


def small_disk(directory, size):
    if os.geteuid():
        raise Skip("needs root to mount a small tmpfs")
    target = os.path.join(directory, "disk")
    os.mkdir(target)
    mount("new", target, f"size={size}")
    return target


@case
def a_full_disk_raises_the_alarm_and_recording_goes_on_when_there_is_room(directory):
    disk = small_disk(directory, 4 << 20)
    try:
        ballast = os.path.join(disk, "ballast")
        with open(ballast, "wb") as file:
            file.write(bytes(3 << 20))
        data = packets(8 * 1024 * 1024 // PACKET)
        worker = recorder(disk, "--queue-bytes", str(32 << 20))
        feed(worker, data[:2 * 1024 * 1024 // PACKET * PACKET])
        alarm = worker.wait_event("alarm", id="record", active=True)
        check("No space left" in alarm["text"], f"alarm {alarm}")
        check(len([1 for _, e in worker.events if e["event"] == "alarm"]) == 1, "more than one")
        os.unlink(ballast)
        worker.wait_event("alarm", id="record", active=False)
        wait_for(lambda: [1 for _, e in worker.events if e.get("queued_bytes") == 0
                          and e["bytes"] == 2 * 1024 * 1024 // PACKET * PACKET], 10, "the rest")
        finish(worker)
        lines, contents = segments(disk)
        check(len(lines) >= 2, "one segment only")
        joined = b"".join(contents)
        # Nothing is lost: the queue held what the disk could not take.
        check(joined == data[:len(joined)] and
              len(joined) == 2 * 1024 * 1024 // PACKET * PACKET, f"{len(joined)} bytes")
    finally:
        unmount(disk)


@case
def a_full_disk_never_stops_the_input_and_what_is_lost_is_counted(directory):
    disk = small_disk(directory, 1 << 20)
    try:
        data = packets(8 * 1024 * 1024 // PACKET, pat_every=0)
        worker = recorder(disk, "--queue-bytes", "1000000")
        begin = time.monotonic()
        # Slow enough that the disk, not the queue, is full first.
        feed(worker, data, rate=4_000_000)
        check(time.monotonic() - begin < 10, "the input was held up")
        worker.wait_event("alarm", id="record", active=True)
        worker.stdin.close()
        check(worker.wait(10) == 0, worker.report)
        last = [e for _, e in worker.events if e["event"] == "stats"][-1]
        check(last["bytes"] + last["dropped_bytes"] == len(data), f"{last}, sent {len(data)}")
        check(last["dropped_bytes"] > 0, "nothing was dropped")
        for path in glob.glob(os.path.join(disk, "*.ts*")):
            with open(path, "rb") as file:
                content = file.read()
            check(len(content) % PACKET == 0 and data.startswith(content), f"{path} is damaged")
    finally:
        unmount(disk)


@case
def the_floor_of_free_space_is_kept(directory):
    disk = small_disk(directory, 8 << 20)
    try:
        worker = recorder(disk, "--free-min", str(4 << 20))
        data = packets(7 * 1024 * 1024 // PACKET)
        feed(worker, data, rate=2_000_000)
        alarm = worker.wait_event("alarm", id="record", active=True)
        check("too little space" in alarm["text"], f"alarm {alarm}")
        free = os.statvfs(disk)
        free = free.f_bavail * free.f_frsize
        # The floor is looked at with every sync: what comes within one (0.75 s) and what waited.
        check(free > 1 << 20, f"{free} bytes free")
        worker.kill()
    finally:
        unmount(disk)


@case
def a_read_only_disk_raises_the_alarm_and_recording_starts_when_it_is_writable(directory):
    disk = small_disk(directory, 8 << 20)
    try:
        mount("remount-ro", disk)
        data = packets(1000)
        worker = recorder(disk)
        # Told before the first byte comes.
        alarm = worker.wait_event("alarm", id="record", active=True)
        feed(worker, data)
        check("Read-only" in alarm["text"], f"alarm {alarm}")
        mount("remount", disk)
        worker.wait_event("alarm", id="record", active=False)
        finish(worker)
        check(b"".join(segments(disk)[1]) == data, "the content differs")
    finally:
        unmount(disk)


@case
def a_directory_that_appears_later_is_used(directory):
    # As it is with a disk that is mounted late: something else stands in the way first.
    place = os.path.join(directory, "in", "the", "way")
    worker = recorder(place)
    data = packets(1000)
    feed(worker, data)
    worker.wait_event("alarm", id="record", active=True)
    os.makedirs(os.path.dirname(place))
    worker.wait_event("alarm", id="record", active=False)
    finish(worker)
    check(b"".join(segments(place)[1]) == data, "the content differs")
    check(stat.S_IMODE(os.stat(place).st_mode) & 0o007 == 0, "readable by everybody")


@case
def a_partial_packet_at_the_end_is_left_out(directory):
    data = packets(100)
    worker = recorder(directory)
    feed(worker, data + b"\x47\x01")
    finish(worker)
    check(b"".join(segments(directory)[1]) == data, "the content differs")


@case
def wrong_arguments_are_refused(directory):
    for options in ([], ["--directory", directory, "--prefix", "../x"],
                    ["--directory", directory, "--segment-seconds", "0"],
                    ["--directory", directory, "extra"]):
        worker = Worker(["uplinkd-record", *options])
        check(worker.wait(5) == 64, worker.report)


@case
def it_ends_when_its_supervisor_is_gone(directory):
    worker = recorder(directory)
    data = packets(500)
    feed(worker, data)
    worker.control.shutdown(2)
    check(worker.wait(10) == 0, worker.report)
    check(b"".join(segments(directory)[1]) == data, "the content differs")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What must survive: recordings when everything is killed at once, the live stream when the disk
of a recording is full."""
# Runs beside another.
import ctypes
import os
import signal
import subprocess

import media
from media import Skip, case, check, wait_for
from pair import Pair, jobs, recording, sent_by, whole
from proc import children

PACKET = 188


def part_files(directory):
    """The segments that were not finished."""
    return [os.path.join(directory, name) for name in sorted(os.listdir(directory))
            if name.endswith(".part")]


@case
def killing_everything_at_once_loses_at_most_the_last_second(directory):
    records = [os.path.join(directory, side) for side in ("send", "receive")]
    for path in records:
        os.mkdir(path)
    pair = Pair(directory, 300, send=("--record", records[0]),
                receive=("--record", records[1])).wait_connected()
    copy = os.path.join(directory, "copy.ts")
    generator = pair.generator("6M", 60, "--copy", copy)
    wait_for(lambda: jobs(pair.receiver, "record")[0]["bytes"] > 3000000, 20, "some recording")
    alive = [pid for program in (pair.sender, pair.receiver)
             for pid in [program.pid] + list(children(program.pid))]
    wrote = [jobs(program, "record")[0]["bytes"] for program in (pair.sender, pair.receiver)]
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    generator.kill()
    with open(copy, "rb") as file:
        sent = file.read()
    for path, known in zip(records, wrote):
        data = recording(path)
        for name in part_files(path):
            with open(name, "rb") as file:
                data += file.read()
        whole_packets = data[:len(data) // PACKET * PACKET]
        check(sent.startswith(whole_packets) or whole_packets.startswith(sent),
              f"{path} is not a prefix of what was sent")
        # A second of 6 Mb/s.
        check(len(data) > known - 750000, f"{path}: {len(data)} bytes of {known} taken")
        print(f"  {os.path.basename(path)}: {known - len(data)} bytes behind what it had taken")
    # The next start takes up what was left.
    os.unlink(pair.key)
    again = Pair(directory, 300, send=("--record", records[0]),
                 receive=("--record", records[1])).wait_connected()
    wait_for(lambda: not part_files(records[0]) and not part_files(records[1]), 10,
             "the recovery of the unfinished segments")
    again.stop()


@case
def a_full_disk_is_told_and_leaves_the_live_stream_alone(directory):
    if os.geteuid():
        raise Skip("needs root to mount a small tmpfs")
    disk = os.path.join(directory, "disk")
    os.mkdir(disk)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", disk.encode(), b"tmpfs", 0, b"size=2m"):
        raise Skip(f"mount: {os.strerror(ctypes.get_errno())}")
    try:
        pair = Pair(directory, 500, send=("--record", disk, "--record-free-min", "1"),
                    receive=("--record", disk, "--record-free-min", "1")).wait_connected()
        generator = pair.generator("6M", 10)
        for program in (pair.sender, pair.receiver):
            wait_for(lambda p=program: jobs(p, "record")[0]["alarm"], 15, "the alarm in the status")
            program.wait_line("record: .*(full|[Nn]o space)", 5)
        whole(pair.checker.result(), sent_by(generator))
        pair.sender.kill()
        pair.receiver.kill()
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


if __name__ == "__main__":
    media.main()

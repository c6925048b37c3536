#!/usr/bin/env python3
"""The measuring tools measure: tsgen, tscheck and the barcode reader against known damage."""
import os
import socket
import subprocess
import time

import media
from media import case, check

PACKET = 188


def judge(data, *options):
    done = subprocess.run([os.path.join(media.TESTS, "tscheck"), *options], input=data,
                          capture_output=True, check=True)
    return media.json.loads(done.stdout)


def numbered(count, *options):
    done = subprocess.run([os.path.join(media.TESTS, "tsgen"), "--rate", "0", "--count",
                           str(count), *options], capture_output=True, check=True)
    return [done.stdout[i:i + PACKET] for i in range(0, len(done.stdout), PACKET)]


@case
def a_whole_stream_is_found_whole():
    packets = numbered(7000)
    found = judge(b"".join(packets), "--expect", "7000")
    check(found["received"] == found["unique"] == 7000 and found["lost"] == 0 and
          found["corrupted"] == found["duplicated"] == found["reordered"] == 0 and
          found["continuity_errors"] == 0 and found["foreign"] == 0, found)


@case
def each_kind_of_damage_is_counted():
    packets = numbered(1000)
    flipped = bytearray(packets[500])
    flipped[100] ^= 1
    damaged = packets[:100] + packets[110:300] + [packets[301], packets[300]] + \
        packets[302:500] + [bytes(flipped)] + packets[501:700] + packets[690:]
    found = judge(b"".join(damaged), "--expect", "1000")
    check(found["lost"] == 11 and found["duplicated"] == 10 and found["reordered"] == 1 and
          found["corrupted"] == 1 and found["holes"] == [[100, 10], [500, 1]], found)
    check(judge(b"".join(packets[:900]), "--expect", "1000")["lost"] == 100, "a lost tail counts")


@case
def null_packets_and_foreign_ones_are_told_apart():
    packets = numbered(2000, "--null", "250", "--no-tables", "--pids", "random")
    nulls = sum(1 for p in packets if p[1:3] == b"\x1f\xff")
    found = judge(b"".join(packets))
    check(nulls > 300 and found["null"] == nulls and found["unique"] == 2000 - nulls, found)


@case
def udp_copies_are_equal_and_latency_is_seen(directory):
    sent, got = os.path.join(directory, "sent"), os.path.join(directory, "got")
    checker = media.Checker("--idle", "1", "--copy", got)
    # A relay that holds every datagram back for 100 ms.
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    relay.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    relay.bind(("127.0.0.1", 0))
    relay.settimeout(2)
    generator = media.Process([os.path.join(media.TESTS, "tsgen"), "--rate", "2M", "--seconds", "2",
                               "--copy", sent, "--to",
                               f"udp://127.0.0.1:{relay.getsockname()[1]}"], stdout="lines")
    held = []
    while generator.alive() or held:
        relay.settimeout(0.005)
        try:
            held.append((time.monotonic() + 0.1, relay.recv(2048)))
        except TimeoutError:
            pass
        while held and held[0][0] <= time.monotonic():
            relay.sendto(held.pop(0)[1], ("127.0.0.1", checker.port))
    found = checker.result()
    total = media.json.loads(generator.output[-1])["sent"]
    check(found["unique"] == total and found["lost"] == 0, found)
    check(90 <= found["latency_ms"]["p50"] <= 200, found)
    with open(sent, "rb") as a, open(got, "rb") as b:
        check(a.read() == b.read(), "the copies differ")


@case
def the_reader_of_pictures_sees_what_is_missing(directory):
    path = media.make_content(os.path.join(directory, "a.ts"), seconds=4, width=320, height=180)
    seen = media.read_pictures(path, 320, 180)
    check(seen.numbers == list(range(120)), lambda: str(seen))
    offsets = media.av_offsets(path, 320, 180, seen)
    check(len(offsets) == 3 and max(map(abs, offsets)) < 0.001, offsets)
    check(media.decode_errors(path) == [], "errors in a whole file")
    damaged = os.path.join(directory, "damaged.ts")
    with open(path, "rb") as file, open(damaged, "wb") as target:
        data = file.read()
        for i in range(0, len(data), 400 * PACKET):
            target.write(data[i:i + 399 * PACKET])
    check(media.decode_errors(damaged) != [] and media.continuity_errors(damaged) > 0,
          "holes are not seen")
    cut = os.path.join(directory, "cut.ts")
    media.run(["ffmpeg", "-v", "error", "-i", path, "-vf", "select='not(between(n,50,59))'",
               "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", "-an", cut])
    seen = media.read_pictures(cut, 320, 180)
    check(seen.jumps == [(49, 60)] and seen.missing == 10 and seen.unreadable == 0, lambda: str(seen))


media.main()

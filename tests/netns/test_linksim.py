#!/usr/bin/env python3
"""linksim between network namespaces: real programs see the delay, the rate and the outages."""
import subprocess
import time

from netns import Net, main

# Takes UDP packets, sends each back, and prints its first word, its length and where it came from.
SINK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
print(s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data, peer)
    print(data[:20].decode(), len(data), peer[0], flush=True)
"""
# Sends numbered packets: address, port, source address, count, bytes, seconds between them.
GUN = """
import socket, sys, time
to, port, source, count, size, gap = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((source, 0))
for i in range(int(count)):
    s.sendto(str(i).ljust(int(size)).encode(), (to, int(port)))
    time.sleep(float(gap))
"""
# Sends one packet after another and waits up to a second for each to come back: round trips in ms.
TRIP = """
import socket, sys, time
to, port, source, count = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((source, 0))
s.settimeout(1)
for i in range(int(count)):
    begin = time.monotonic()
    s.sendto(b"trip", (to, int(port)))
    try:
        s.recv(2048)
        print((time.monotonic() - begin) * 1000)
    except TimeoutError:
        pass
"""
PATIENCE = 20


def two(net, **links):
    venue, studio = net.space("venue"), net.space("studio")
    net.links(venue, studio, "--stats", **links)
    return venue, studio


def sink(net, space, link):
    process = space.popen(["python3", "-u", "-c", SINK, net.address(link, space)], text=True,
                          stdout=subprocess.PIPE)
    return process, process.stdout.readline().strip()


def shoot(net, venue, studio, link, port, count, size, gap):
    done = venue.run(["python3", "-c", GUN, net.address(link, studio), port,
                      net.address(link, venue), str(count), str(size), str(gap)])
    assert done.returncode == 0, done.stderr


def trips(net, venue, studio, link, port, count):
    """Round trips in ms; of those that were lost there is none."""
    done = venue.run(["python3", "-c", TRIP, net.address(link, studio), port,
                      net.address(link, venue), str(count)])
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


def a_round_trip_takes_both_delays():
    with Net() as net:
        venue, studio = two(net, lan="up.delay=30ms down.delay=50ms")
        _, port = sink(net, studio, "lan")
        times = trips(net, venue, studio, "lan", port, 5)
        assert len(times) == 5 and min(times) >= 80, times


def each_address_uses_its_own_link():
    with Net() as net:
        venue, studio = two(net, lan="delay=1ms", cell="delay=2ms")
        process, port = sink(net, studio, "lan")
        for link in ("lan", "cell"):
            # To the address of the LAN, from the address of either.
            done = venue.run(["python3", "-c", GUN, net.address("lan", studio), port,
                              net.address(link, venue), "3", "100", "0"])
            assert done.returncode == 0, done.stderr
            for _ in range(3):
                assert process.stdout.readline().split()[2] == net.address(link, venue)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            stats = net.stats()
            if stats["cell"]["up"]["delivered"] >= 3 and stats["lan"]["up"]["delivered"] >= 3:
                return
        raise AssertionError(f"not over both links: {stats}")


def the_rate_and_the_queue_hold():
    with Net() as net:
        venue, studio = two(net, lan="rate=1M queue=200ms")
        process, port = sink(net, studio, "lan")
        # 100 kB at once into a queue of 25 kB.
        shoot(net, venue, studio, "lan", port, 100, 1000, 0)
        begin = time.monotonic()
        end = begin + PATIENCE
        while time.monotonic() < end:
            stats = net.stats()["lan"]["up"]
            if stats["offered"] >= 100 and not stats["queue_bytes"]:
                break
        assert 18 <= stats["delivered"] <= 40, stats
        assert stats["dropped_queue"] >= 60, stats
        assert process.stdout.readline().split()[0] == "0"


def loss_is_the_share_that_was_asked_for():
    with Net() as net:
        venue, studio = two(net, lan="loss=20%")
        _, port = sink(net, studio, "lan")
        shoot(net, venue, studio, "lan", port, 1000, 100, 0.0005)
        stats = net.stats()["lan"]["up"]
        while stats["offered"] < 1000:
            stats = net.stats()["lan"]["up"]
        assert 140 <= stats["lost"] <= 260, stats


def a_black_hole_swallows_and_heals():
    with Net() as net:
        venue, studio = two(net, lan="delay=5ms")
        process, port = sink(net, studio, "lan")
        shoot(net, venue, studio, "lan", port, 1, 100, 0)
        assert process.stdout.readline()
        net.tell("lan outage=blackhole")
        # The sender notices nothing.
        shoot(net, venue, studio, "lan", port, 20, 100, 0)
        assert not trips(net, venue, studio, "lan", port, 1)
        net.tell("lan outage=none")
        venue.run(["python3", "-c", GUN, net.address("lan", studio), port,
                   net.address("lan", venue), "1", "333", "0"])
        assert process.stdout.readline().split()[1] == "333", "something came out of the hole"
        assert len(trips(net, venue, studio, "lan", port, 2)) == 2


if __name__ == "__main__":
    main(a_round_trip_takes_both_delays, each_address_uses_its_own_link, the_rate_and_the_queue_hold,
         loss_is_the_share_that_was_asked_for, a_black_hole_swallows_and_heals)

#!/usr/bin/env python3
"""linksim's relays: what the links do to packets, commands, errors, and how much they carry."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

from proc import cpu_seconds

BUILD = os.environ.get("UPLINKD_BUILD", "build")
LINKSIM = os.path.join(BUILD, "bin", "linksim")
BLAST = os.path.join(BUILD, "tests", "blast")
PATIENCE = 20.0  # seconds until something counts as never


class Linksim:
    """A running linksim; ends with the block."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([LINKSIM, "--exit-with-stdin", *arguments], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = self.event("ready")
        self.address = {}
        for link in self.ready["links"]:
            host, _, port = link["listen"].rpartition(":")
            self.address[link["name"]] = (host, int(port))

    def event(self, *kinds):
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] in kinds:
                return event
        raise AssertionError(f"linksim ended without {kinds}")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.event("done", "error")

    def end(self):
        """Ends it by SIGTERM; the last statistics."""
        self.process.send_signal(signal.SIGTERM)
        stats = self.event("stats")
        assert self.process.wait(PATIENCE) == 0, self.process.returncode
        return {link["name"]: link for link in stats["links"]}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(PATIENCE)
    return sock


def is_quiet(sock, seconds):
    return not select.select([sock], [], [], seconds)[0]


def link(name, server, words):
    return f"--link={name}:listen=127.0.0.1:0,to=127.0.0.1:{server.getsockname()[1]},{words}"


def packets_go_both_ways_with_the_delay():
    with udp() as client, udp() as server:
        with Linksim(link("lan", server, "up.delay=60ms,down.delay=30ms")) as sim:
            begin = time.monotonic()
            client.sendto(b"there", sim.address["lan"])
            data, peer = server.recvfrom(100)
            there = time.monotonic() - begin
            server.sendto(b"back", peer)
            answer, source = client.recvfrom(100)
            both = time.monotonic() - begin
            assert (data, answer, source) == (b"there", b"back", sim.address["lan"])
            assert there >= 0.060, there
            assert both - there >= 0.029, both - there


def each_client_is_told_apart():
    with udp() as one, udp() as two, udp() as server:
        with Linksim(link("lan", server, "delay=1ms")) as sim:
            peers = []
            for client, word in ((one, b"1"), (two, b"2")):
                client.sendto(word, sim.address["lan"])
                data, peer = server.recvfrom(100)
                assert data == word
                peers.append(peer)
            assert peers[0] != peers[1]
            server.sendto(b"for 2", peers[1])
            server.sendto(b"for 1", peers[0])
            assert one.recv(100) == b"for 1"
            assert two.recv(100) == b"for 2"


def the_rate_is_kept():
    with udp() as client, udp() as server:
        with Linksim(link("lan", server, "rate=1M,queue=2s")) as sim:
            # 50 packets of 1000 and 28 bytes at 1 Mb/s take 411 ms.
            for _ in range(50):
                client.sendto(bytes(1000), sim.address["lan"])
            server.recv(2000)
            begin = time.monotonic()
            for _ in range(49):
                server.recv(2000)
            assert time.monotonic() - begin >= 0.38, time.monotonic() - begin


def loss_and_queue_are_counted():
    with udp() as client, udp() as server:
        with Linksim(link("lan", server, "loss=50%"), link("dsl", server, "rate=80k queue=500ms"),
                     "--stats") as sim:
            for i in range(400):
                client.sendto(bytes(100), sim.address["lan"])
                if i % 50 == 0:
                    time.sleep(0.001)
            for _ in range(20):
                client.sendto(bytes(1000), sim.address["dsl"])
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                stats = {row["name"]: row for row in sim.event("stats")["links"]}
                if stats["dsl"]["up"]["dropped_queue"] and stats["lan"]["up"]["offered"] == 400:
                    break
            assert 120 < stats["lan"]["up"]["lost"] < 280, stats
            assert stats["dsl"]["up"]["dropped_queue"] == 16, stats


def commands_on_stdin_change_the_link():
    with udp() as client, udp() as server:
        with Linksim(link("lan", server, "delay=1ms")) as sim:
            assert sim.tell("lan outage=blackhole")["event"] == "done"
            client.sendto(b"lost", sim.address["lan"])
            assert is_quiet(server, 0.2)
            assert sim.tell("lan outage=none")["event"] == "done"
            client.sendto(b"found", sim.address["lan"])
            assert server.recv(100) == b"found"
            assert sim.tell("lan for 300ms outage=stall")["event"] == "done"
            begin = time.monotonic()
            client.sendto(b"held", sim.address["lan"])
            assert server.recv(100) == b"held"
            assert time.monotonic() - begin > 0.2
            error = sim.tell("wan outage=none")
            assert error == {"event": "error", "what": "stdin:1: there is no link wan"}, error
            stats = sim.end()
            assert stats["lan"]["up"]["dropped_outage"] == 1, stats


def rebinding_changes_the_port():
    with udp() as client, udp() as server:
        with Linksim(link("cell", server, "delay=1ms")) as sim:
            client.sendto(b"1", sim.address["cell"])
            old = server.recvfrom(100)[1]
            assert sim.tell("cell rebind")["event"] == "done"
            server.sendto(b"to the old port", old)
            client.sendto(b"2", sim.address["cell"])
            new = server.recvfrom(100)[1]
            assert new != old
            server.sendto(b"to the new port", new)
            assert client.recv(100) == b"to the new port"


def a_scenario_runs_to_its_end():
    with udp() as client, udp() as server, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bad.links")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"# A test.\nlink lan listen=127.0.0.1:0 to=127.0.0.1:"
                       f"{server.getsockname()[1]} delay=1ms\n"
                       "at 300ms lan outage=down; at 600ms lan outage=none; at 1500ms end\n")
        with Linksim("--scenario", path) as sim:
            begin = time.monotonic()
            seen = []
            while time.monotonic() - begin < 1.2:
                client.sendto(b"x", sim.address["lan"])
                time.sleep(0.01)
                if not is_quiet(server, 0.01):
                    server.recv(100)
                    seen.append(time.monotonic() - begin)
            gap = max(b - a for a, b in zip(seen, seen[1:]))
            assert 0.2 < gap < 0.6, gap
            assert sim.process.wait(PATIENCE) == 0


def it_ends_with_its_standard_input():
    with udp() as server:
        with Linksim(link("lan", server, "delay=1ms")) as sim:
            sim.process.stdin.close()
            assert sim.process.wait(PATIENCE) == 0


def errors_are_clear():
    rows = (
        ([], "linksim: no link is given (see --help)\n"),
        (["--link", "lan:rate=1M"],
         "linksim: lan: wants listen= and to=, or dev-a= and dev-b=\n"),
        (["--link", "lan:listen=127.0.0.1:0,to=nowhere,rate=1M"],
         "linksim: lan: to=nowhere: wants ADDRESS:PORT\n"),
        (["--link", "lan:colour=red"], "--link:1: colour=red is not a setting of a link\n"),
        (["--link", "lan:loss=3"], "--link:1: loss=3 wants a share such as 1% or 200ppm\n"),
        (["--scenario", "/nowhere"],
         "linksim: cannot read /nowhere: No such file or directory\n"),
    )
    for arguments, expected in rows:
        done = subprocess.run([LINKSIM, *arguments], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode in (1, 2), (arguments, done)
        assert done.stderr == expected, (arguments, done.stderr)


def carries_200_megabits_over_three_relays():
    with subprocess.Popen([BLAST, "200000000", "1316", "3"], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as blast:
        port = blast.stdout.readline().split()[1]
        words = f"listen=127.0.0.1:0,to=127.0.0.1:{port},rate=100M,delay=20ms,queue=500ms"
        with Linksim(*(f"--link=l{i}:{words}" for i in range(3))) as sim:
            blast.stdin.write(" ".join(f"{h}:{p}" for h, p in sim.address.values()) + "\n")
            blast.stdin.flush()
            result = json.loads(blast.stdout.readline())
            cpu = cpu_seconds(sim.process.pid)
            sim.end()
    # A machine that is busy with other things loses some in the sockets; the figure is the point.
    assert result["received"] > 0.95 * result["sent"], result
    assert result["sent"] * 1316 * 8 / 3 > 150e6, result
    assert result["min_us"] >= 20000, result
    print(f"# {result['received']} of {result['sent']} packets, delay p50 {result['p50_us']} us, "
          f"p99 {result['p99_us']} us, linksim {cpu / 3 * 100:.0f} % of a core")


CASES = (packets_go_both_ways_with_the_delay, each_client_is_told_apart, the_rate_is_kept,
         loss_and_queue_are_counted, commands_on_stdin_change_the_link,
         rebinding_changes_the_port, a_scenario_runs_to_its_end, it_ends_with_its_standard_input,
         errors_are_clear, carries_200_megabits_over_three_relays)


def main():
    bad = 0
    for case in CASES:
        try:
            case()
            print(f"ok - {case.__name__}", flush=True)
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
            bad += 1
            print(f"not ok - {case.__name__}: {type(error).__name__} {error}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

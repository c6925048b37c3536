#!/usr/bin/env python3
"""The real programs in namespaces joined by bad links: what the bond is for.

Figures are printed; asserted are the losses, and delays with room for a busy machine.
"""
import json
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
import media  # noqa: E402  pylint: disable=wrong-import-position
import netns  # noqa: E402  pylint: disable=wrong-import-position

UPLINKD = os.path.join(netns.BIN, "uplinkd")
NOISE_MS = 250  # what a busy machine may add to a gap


class Bond:
    """uplinkd send in the namespace `venue`, uplinkd receive in `studio`, a checker behind it."""

    def __init__(self, net, directory, latency_ms, uplinks=True, **links):
        self.net = net
        self.venue, self.studio = net.space("venue"), net.space("studio")
        if uplinks:
            net.links(self.venue, self.studio, **links)
        else:
            self.plug(links)
        key = os.path.join(directory, "key")
        media.run([os.path.join(netns.BIN, "uplinkctl"), "genkey", key])
        self.checker = self.check("--json", "--wait", "60", "--idle", str(latency_ms // 1000 + 4))
        self.control = os.path.join(directory, "send.sock")
        common = ["--key-file", key, "--latency", f"{latency_ms}ms", "--control"]
        self.receiver = media.Process(
            self.studio.command([UPLINKD, "receive", "--listen", "0.0.0.0:7000", *common,
                                 os.path.join(directory, "receive.sock"), "--output",
                                 f"udp://127.0.0.1:{self.checker.port}"]), name="receive")
        names = list(links)
        first = net.address(names[0], self.studio) if uplinks else "10.98.0.2"
        options = [word for name in names if uplinks for word in
                   ("--uplink", f"{name}={name},to={net.address(name, self.studio)}:7000")]
        self.sender = media.Process(
            self.venue.command([UPLINKD, "send", "--input", "udp://127.0.0.1:5000", "--to",
                                f"{first}:7000", *options, *common,
                                self.control]), name="send")
        self.sender.wait_line(r"transport: (connected|streaming)", 30)

    def plug(self, names):
        """Plain cables, each with a default route, to one address of the studio."""
        self.studio.ip("addr", "add", "10.98.0.2/32", "dev", "lo")
        for number, name in enumerate(names):
            self.venue.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns",
                          self.studio.name)
            for space, last in ((self.venue, 1), (self.studio, 2)):
                space.ip("addr", "add", f"10.97.{number}.{last}/30", "dev", name)
                space.ip("link", "set", name, "up")
            self.venue.ip("route", "add", "default", "via", f"10.97.{number}.2", "dev", name,
                          "metric", str(100 + number))

    def ctl(self, *words):
        """What uplinkctl prints for the sender."""
        return netns.ctl(self.venue, self.control, *words).stdout

    def shares(self):
        """{uplink: packets of the stream that it carried}, by the sender's status."""
        return {uplink["name"]: uplink["media_packets"]
                for uplink in json.loads(self.ctl("status", "--json"))["uplinks"]}

    def check(self, *options):
        """A tscheck beside the receiver."""
        return media.Checker(*options, prefix=self.studio.command([]))

    def generator(self, rate, seconds):
        """tsgen into the sender, as a process."""
        return media.Process(self.venue.command(
            [os.path.join(media.TESTS, "tsgen"), "--rate", rate, "--seconds", str(seconds), "--to",
             "udp://127.0.0.1:5000"]), name="tsgen", stdout="lines")

    def result(self, generator, title, latency_ms, delay_room_ms):
        """Waits for the end; fails on any loss; prints the figures."""
        media.check(generator.wait(120) == 0, generator.report)
        result = self.checker.result(120)
        latency = result["latency_ms"]
        print(f"  {title}: {result['unique']} packets, lost {result['lost']}, gap "
              f"{result['gap_max_ms']} ms (source {result['sent_gap_max_ms']}), latency p50 "
              f"{latency['p50']} max {latency['max']} ms")
        wrong = {name: result[name] for name in ("lost", "duplicated", "corrupted", "reordered")
                 if result[name]}
        media.check(not wrong, lambda: f"{wrong}\n{self.sender.report()}\n{self.receiver.report()}")
        media.check(abs(latency["p50"] - latency_ms) < delay_room_ms,
                    f"latency {latency['p50']} ms instead of {latency_ms}")
        for process in (self.sender, self.receiver):
            media.check(process.stop() == 0, process.report)
        return result


def silent_black_hole_of_the_lan_costs_nothing():
    with netns.Net() as net, tempfile.TemporaryDirectory() as directory:
        bond = Bond(net, directory, 1000, lan="rate=20M delay=5ms queue=200ms",
                    cell="rate=8M delay=40ms queue=300ms")
        stream = bond.generator("6M", 30)
        time.sleep(10)  # of the stream: part of the scenario
        net.tell("for 10s lan outage=blackhole")
        result = bond.result(stream, "6 Mb/s, LAN gone from 10 to 20 s", 1000, 50)
        media.check(result["gap_max_ms"] < 60 + NOISE_MS, f"gap of {result['gap_max_ms']} ms")


def three_links_carry_twelve_of_fifteen_megabits():
    with netns.Net() as net, tempfile.TemporaryDirectory() as directory:
        bond = Bond(net, directory, 1000, lan="rate=6M delay=10ms queue=300ms",
                    cell="rate=4M delay=40ms queue=300ms",
                    wifi="rate=5M delay=8ms loss=1% queue=300ms")
        bond.result(bond.generator("12M", 30), "12 Mb/s over 6 + 4 + 5", 1000, 50)


def outage_of_all_links_for_ten_seconds_costs_nothing_at_fifteen():
    with netns.Net() as net, tempfile.TemporaryDirectory() as directory:
        bond = Bond(net, directory, 15000, lan="rate=20M delay=5ms queue=200ms",
                    cell="rate=8M delay=40ms queue=300ms")
        stream = bond.generator("5M", 25)
        time.sleep(6)  # of the stream: part of the scenario
        net.tell("for 10s * outage=blackhole")
        bond.result(stream, "5 Mb/s, all links gone from 6 to 16 s", 15000, 100)


def interfaces_are_found_without_being_named():
    with netns.Net() as net, tempfile.TemporaryDirectory() as directory:
        bond = Bond(net, directory, 1000, uplinks=False, one="", two="")
        for name in ("one", "two"):  # or one of them could carry it all
            media.wait_for(lambda name=name: name in bond.shares(), 5, f"an uplink {name}")
            bond.ctl("uplink", name, "max", "4M")
        stream = bond.generator("6M", 8)
        shares = media.wait_for(
            lambda: (lambda found: found if len(found) == 2 and all(
                packets > 100 for packets in found.values()) else None)(bond.shares()),
            20, "packets of the stream on both interfaces")
        bond.result(stream, f"6 Mb/s over two interfaces, {shares}", 1000, 50)


if __name__ == "__main__":
    netns.main(silent_black_hole_of_the_lan_costs_nothing,
               three_links_carry_twelve_of_fifteen_megabits,
               outage_of_all_links_for_ten_seconds_costs_nothing_at_fifteen,
               interfaces_are_found_without_being_named)

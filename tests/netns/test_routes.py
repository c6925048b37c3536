#!/usr/bin/env python3
"""manage-routes: an uplink without a default route gets one of its own, which is removed at the
stop and after a crash, and set again when somebody removes it."""
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
import media  # noqa: E402  pylint: disable=wrong-import-position
import netns  # noqa: E402  pylint: disable=wrong-import-position

UPLINKD = os.path.join(netns.BIN, "uplinkd")


class Venue:
    """Two cables to a studio; the second has a gateway but no default route."""

    def __init__(self, net, directory):
        self.directory = directory
        self.venue, self.studio = net.space("venue"), net.space("studio")
        self.studio.ip("addr", "add", "10.98.0.2/32", "dev", "lo")
        for number, name in enumerate(("lan", "cell")):
            self.venue.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns",
                          self.studio.name)
            for space, last in ((self.venue, 1), (self.studio, 2)):
                space.ip("addr", "add", f"10.97.{number}.{last}/30", "dev", name)
                space.ip("link", "set", name, "up")
        self.venue.ip("route", "add", "default", "via", "10.97.0.2", "dev", "lan", "metric", "100")
        self.key = os.path.join(directory, "key")
        media.run([os.path.join(netns.BIN, "uplinkctl"), "genkey", self.key])
        self.receiver = media.Process(self.studio.command(
            [UPLINKD, "receive", "--listen", "10.98.0.2:7000", "--key-file", self.key, "--control",
             os.path.join(directory, "receive.sock"), "--output", "udp://127.0.0.1:9"]),
            name="receive")

    def sender(self, gateway, *prefix):
        config = os.path.join(self.directory, "sender.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[sender]\nkey-file = {self.key}\nto = 10.98.0.2:7000\n"
                       f"control = {self.directory}/send.sock\nmanage-routes = yes\n"
                       "[input]\nurl = udp://127.0.0.1:5000\n[uplink lan]\n[uplink cell]\n"
                       f"gateway = {gateway}\n")
        return media.Process(self.venue.command([*prefix, UPLINKD, "--config", config]),
                             name="send")

    def ours(self):
        """(rules, routes) with our protocol number."""
        return (self.venue.ip("-d", "rule", "show").count("proto 181"),
                len(self.venue.ip("route", "show", "table", "all", "proto", "181").splitlines()))

    def wait_ours(self, rules, routes):
        deadline = time.monotonic() + 10
        while self.ours() != (rules, routes):
            if time.monotonic() > deadline:
                raise AssertionError(f"rules and routes of ours: {self.ours()}, expected "
                                     f"{(rules, routes)}")
            time.sleep(0.1)


def an_uplink_without_a_route_gets_one_and_nothing_is_left_of_it():
    with tempfile.TemporaryDirectory() as directory, netns.Net() as net:
        v = Venue(net, directory)
        others = v.venue.ip("rule"), v.venue.ip("route", "show", "table", "main")
        sender = v.sender("10.97.1.2")
        sender.wait_line("routes: cell gets a default route by 10.97.1.2, in table 1", 10)
        sender.wait_line("uplink cell: up, was probing", 15)
        media.check(v.ours() == (1, 1), v.ours())
        # What somebody else removes is back a moment later.
        v.venue.ip("rule", "del", "oif", "cell")
        v.wait_ours(1, 1)
        # A crash leaves it; the next start removes it, though nothing wants it any more.
        sender.kill()
        media.check(v.ours() == (1, 1), v.ours())
        v.venue.ip("route", "add", "default", "via", "10.97.1.2", "dev", "cell", "metric", "300")
        sender = v.sender("10.97.1.2")
        sender.wait_line("routes: removed 2 rules and routes that an earlier run left", 10)
        sender.wait_line("uplink cell: up, was probing", 15)
        media.check(v.ours() == (0, 0), v.ours())
        # Its own route goes: ours comes, and leaves with the sender.
        v.venue.ip("route", "del", "default", "dev", "cell")
        v.wait_ours(1, 1)
        media.check(sender.stop() == 0, sender.report)
        media.check(v.ours() == (0, 0), v.ours())
        media.check(others == (v.venue.ip("rule"), v.venue.ip("route", "show", "table", "main")),
                    "rules or routes of others were changed")


def flush_routes_removes_what_a_crash_left():
    with tempfile.TemporaryDirectory() as directory, netns.Net() as net:
        v = Venue(net, directory)
        sender = v.sender("10.97.1.2")
        v.wait_ours(1, 1)
        sender.kill()
        done = v.venue.run([UPLINKD, "--flush-routes"])
        media.check(done.returncode == 0 and v.ours() == (0, 0), done.stderr)


def without_the_capability_it_says_so():
    with tempfile.TemporaryDirectory() as directory, netns.Net() as net:
        v = Venue(net, directory)
        sender = v.sender("10.97.1.2", "setpriv", "--bounding-set", "-net_admin", "--inh-caps",
                          "-net_admin")
        sender.wait_line("check: manage-routes: cell needs a default route by 10.97.1.2, but "
                         "setting one is not permitted; give the service .* CAP_NET_ADMIN", 20)
        sender.wait_line("uplink lan: up, was probing", 10)
        media.check(v.ours() == (0, 0), v.ours())
        media.check(sender.stop() == 0, sender.report)


if __name__ == "__main__":
    netns.main(an_uplink_without_a_route_gets_one_and_nothing_is_left_of_it,
               flush_routes_removes_what_a_crash_left, without_the_capability_it_says_so)

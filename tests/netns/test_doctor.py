#!/usr/bin/env python3
"""uplinkctl doctor on a machine whose network is wrong in every way that it looks for."""
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
NAME = "receiver.uplinkd.test"
# A name server that answers only who asks from the first uplink.
DNS = r'''
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.98.0.2", 53))
while True:
    data, client = s.recvfrom(512)
    if client[0] == "10.97.0.1":
        s.sendto(data[:2] + b"\x81\x83" + data[4:], client)
'''
HIDE = ('mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && '
        'if [ -d /run/systemd ]; then mount -t tmpfs none /run/systemd; fi && '
        'shift 2 && exec "$@"')


class Venue:
    """A sender's machine with cables to a studio, and a receiver there."""

    def __init__(self, net, directory, cables, *options):
        self.venue, self.studio = net.space("venue"), net.space("studio")
        self.studio.ip("addr", "add", "10.98.0.2/32", "dev", "lo")
        for number, name in enumerate(cables):
            self.cable(number, name)
        self.control = os.path.join(directory, "send.sock")
        self.config = os.path.join(directory, "sender.conf")
        key = os.path.join(directory, "key")
        media.run([os.path.join(netns.BIN, "uplinkctl"), "genkey", key])
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f"[sender]\nkey-file = {key}\nto = {NAME}:7000\ncontrol = {self.control}\n"
                       f"[input]\nurl = udp://127.0.0.1:5000\n" + "".join(options))
        hosts, resolv = (os.path.join(directory, name) for name in ("hosts", "resolv"))
        with open(hosts, "w", encoding="ascii") as file:
            file.write(f"127.0.0.1 localhost\n10.98.0.2 {NAME}\n")
        with open(resolv, "w", encoding="ascii") as file:
            file.write("nameserver 10.98.0.2\noptions timeout:1\n")
        self.inside = ["sh", "-c", HIDE, "sh", hosts, resolv]
        self.receiver = media.Process(self.studio.command(
            [UPLINKD, "receive", "--listen", "10.98.0.2:7000", "--key-file", key, "--control",
             os.path.join(directory, "receive.sock"), "--output", "udp://127.0.0.1:9"]),
            name="receive")
        self.environment = dict(os.environ, STATE_DIRECTORY=directory)

    def cable(self, number, name):
        self.venue.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns",
                      self.studio.name)
        for space, last in ((self.venue, 1), (self.studio, 2)):
            space.ip("addr", "add", f"10.97.{number}.{last}/30", "dev", name)
            space.ip("link", "set", name, "up")
        self.venue.ip("route", "add", "default", "via", f"10.97.{number}.2", "dev", name, "metric",
                      str(100 + number))

    def start(self):
        self.sender = media.Process(
            self.venue.command([*self.inside, UPLINKD, "--config", self.config]), name="send",
            env=self.environment)
        self.sender.wait_line("receiver .* answers", 20)
        return self

    def doctor(self, *options):
        """The exit status and what it says."""
        done = netns.ctl(self.venue, self.control, "doctor", *options)
        return done.returncode, done.stdout

    def findings(self):
        """{(code, uplink): severity} of what is not ok."""
        return {(f["code"], f["uplink"]): f["severity"]
                for f in json.loads(self.doctor("--json")[1]) if f["severity"] != "ok"}

    def wait(self, expected, timeout=20):
        """Until these findings are there and no others."""
        deadline = time.monotonic() + timeout
        while self.findings() != expected:
            if time.monotonic() > deadline:
                raise AssertionError(f"found {self.findings()}, expected {expected}\n"
                                     f"{self.sender.report()}")
            time.sleep(0.2)


def every_finding_comes_and_goes():
    with tempfile.TemporaryDirectory() as directory, netns.Net() as net:
        v = Venue(net, directory, ("lan", "cell"))
        dns = media.Process(v.studio.command([sys.executable, "-c", DNS]), name="dns")
        v.start()
        v.wait({("dns", "cell"): "warning"})
        code, text = v.doctor()
        media.check(code == 1 and "name server 10.98.0.2:53 does not answer over it" in text, text)
        media.check("ok       every uplink has a route" in text, text)

        v.venue.run(["sysctl", "-q", "-w", "net.ipv4.conf.cell.rp_filter=1"])
        v.wait({("rp-filter", "cell"): "error", ("dns", "cell"): "warning"})
        v.sender.wait_line(r"check: uplink cell: the reverse path filter .*rp_filter=2", 15)
        v.venue.run(["sysctl", "-q", "-w", "net.ipv4.conf.cell.rp_filter=2"])
        v.wait({("dns", "cell"): "warning"})

        v.venue.ip("route", "del", "default", "dev", "cell")
        v.wait({("no-default-route", "cell"): "error"})
        v.venue.ip("route", "add", "default", "via", "10.97.1.2", "dev", "cell", "metric", "101")
        v.venue.ip("tuntap", "add", "vpn0", "mode", "tun")
        v.venue.ip("addr", "add", "10.96.0.1/24", "dev", "vpn0")
        v.venue.ip("link", "set", "vpn0", "up")
        v.venue.ip("route", "add", "default", "dev", "vpn0", "metric", "1")
        v.wait({("vpn", ""): "note", ("dns", "cell"): "warning"})
        v.venue.ip("link", "del", "vpn0")
        dns.kill()
        media.check(v.sender.stop() == 0, v.sender.report)


def two_ways_to_one_router_are_told():
    with tempfile.TemporaryDirectory() as directory, netns.Net() as net:
        v = Venue(net, directory, ())
        v.studio.ip("link", "add", "br0", "type", "bridge")
        v.studio.ip("addr", "add", "10.97.9.1/24", "dev", "br0")
        v.studio.ip("link", "set", "br0", "up")
        for number, name in enumerate(("cable", "radio")):
            v.venue.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns",
                       v.studio.name)
            v.studio.ip("link", "set", name, "master", "br0", "up")
            v.venue.ip("addr", "add", f"10.97.9.{number + 2}/24", "dev", name)
            v.venue.ip("link", "set", name, "up")
            v.venue.ip("route", "add", "default", "via", "10.97.9.1", "dev", name, "metric",
                       str(100 + number))
        v.start()
        v.wait({("same-router", "radio"): "warning", ("dns", "cable"): "warning",
                ("dns", "radio"): "warning"})
        media.check(v.sender.stop() == 0, v.sender.report)


def a_machine_without_a_running_sender_is_checked_too():
    with tempfile.TemporaryDirectory() as directory, netns.Net() as net:
        v = Venue(net, directory, ("lan", "cell"))
        done = v.venue.run([UPLINKD, "--config", v.config, "--doctor"])
        media.check(done.returncode == 0 and done.stdout.count("ok ") == 7, done.stdout)
        v.venue.ip("route", "del", "default", "dev", "cell")
        done = v.venue.run([UPLINKD, "--config", v.config, "--doctor"])
        media.check(done.returncode == 1 and
                    "error   cell: cell has an address but no default route" in done.stdout,
                    done.stdout)


if __name__ == "__main__":
    netns.main(every_finding_comes_and_goes, two_ways_to_one_router_are_told,
               a_machine_without_a_running_sender_is_checked_too)

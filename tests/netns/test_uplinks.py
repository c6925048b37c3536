#!/usr/bin/env python3
"""Uplinks that are found by themselves, in namespaces: plugged in, taken away, two of one kind.

All of it runs as an unprivileged user, with nothing but the default routes that any network
manager sets. Each case also looks at every datagram that leaves: none may do so by another
interface than that of its uplink.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
import media  # noqa: E402  pylint: disable=wrong-import-position
import netns  # noqa: E402  pylint: disable=wrong-import-position

NOBODY = 65534
NOISE = 0.5  # seconds that a busy machine may add
RECEIVER = "10.98.0.2"
RECEIVER6 = "2001:db8:98::2"
LATENCY_MS = 1000


class Site:
    """A venue with cables to a studio; uplinkd on both sides, a checker behind it."""

    def __init__(self, net, directory):
        self.net, self.directory = net, directory
        self.venue, self.studio = net.space("venue"), net.space("studio")
        self.studio.ip("addr", "add", f"{RECEIVER}/32", "dev", "lo")
        self.studio.ip("addr", "add", f"{RECEIVER6}/128", "dev", "lo", "nodad")
        self.numbers = {}
        self.capture = self.checker = self.sender = self.receiver = None

    # --- cables ---

    def cable(self, name, route=True):
        """A veth with an address of its own, and a default route."""
        number = self.numbers.setdefault(name, len(self.numbers))
        self.venue.ip("link", "add", name, "type", "veth", "peer", "name", name, "netns",
                      self.studio.name)
        for space, last in ((self.venue, 1), (self.studio, 2)):
            space.ip("addr", "add", f"10.97.{number}.{last}/30", "dev", name)
            space.ip("link", "set", name, "up")
        if route:
            self.route(name)

    def route(self, name):
        number = self.numbers[name]
        self.venue.ip("route", "add", "default", "via", f"10.97.{number}.2", "dev", name, "metric",
                      str(100 + number))

    # --- programs ---

    def start(self, *options, to=f"{RECEIVER}:7000", log_level="info", rate="8M", seconds=10):
        """Everything up to the running stream."""
        key = os.path.join(self.directory, "key")
        media.run([os.path.join(netns.BIN, "uplinkctl"), "genkey", key])
        programs = os.path.join(self.directory, "bin")  # where nobody can read them
        os.mkdir(programs)
        for name in ("uplinkd", "uplinkd-srt"):
            shutil.copy(os.path.join(netns.BIN, name), programs)
        for path in (self.directory, key):
            os.chown(path, NOBODY, NOBODY)
        self.checker = media.Checker("--json", "--wait", "60", "--idle", "4",
                                     prefix=self.studio.command([]))
        self.capture = self.venue.popen([sys.executable, os.path.join(HERE, "capture.py")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        media.check(self.capture.stdout.readline() == "ready\n", "no capture")
        common = ["--key-file", key, "--latency", f"{LATENCY_MS}ms", "--control"]
        unprivileged = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                        "--inh-caps=-all", os.path.join(programs, "uplinkd")]
        self.receiver = media.Process(
            self.studio.command([*unprivileged, "receive", "--listen", "[::]:7000", *common,
                                 os.path.join(self.directory, "receive.sock"), "--output",
                                 f"udp://127.0.0.1:{self.checker.port}"]), name="receive")
        self.receiver.wait_line("listening|waiting", 10)
        self.sender = media.Process(
            self.venue.command([*unprivileged, "send", "--input", "udp://127.0.0.1:5000", "--to",
                                to, "--log-level", log_level, *options, *common,
                                os.path.join(self.directory, "send.sock")]), name="send")
        self.sender.wait_line(r"transport: (connected|streaming)", 30)
        with open(f"/proc/{self.sender.pid}/status", encoding="ascii") as status:
            media.check(re.search(r"^CapEff:\s+0+$", status.read(), re.M), "it has privileges")
        return media.Process(self.venue.command(
            [os.path.join(media.TESTS, "tsgen"), "--rate", rate, "--seconds", str(seconds), "--to",
             "udp://127.0.0.1:5000"]), name="tsgen", stdout="lines")

    def ctl(self, *words):
        """What uplinkctl prints for the sender."""
        return netns.ctl(self.venue, os.path.join(self.directory, "send.sock"), *words).stdout

    def status(self):
        return json.loads(self.ctl("status", "--json"))

    def uplinks(self):
        return {uplink["name"]: uplink for uplink in self.status()["uplinks"]}

    def carried(self, name):
        """Packets of the stream, copies too, that an uplink was given so far."""
        uplink = self.uplinks().get(name)
        return uplink["media_packets"] + uplink["copy_packets"] if uplink else 0

    def carries(self, name, seconds=5):
        """Waits until an uplink carries more of the stream than it has by now."""
        before = self.carried(name)
        begin = time.monotonic()
        media.wait_for(lambda: self.carried(name) > before + 20, seconds,
                       f"packets of the stream on {name}")
        return time.monotonic() - begin

    def answers(self, name, seconds=5):
        """Waits until the receiver answers by an uplink."""
        begin = time.monotonic()
        media.wait_for(lambda: self.uplinks().get(name, {}).get("state") == "up", seconds,
                       f"{name} to be up")
        return time.monotonic() - begin

    def steer(self, *words):
        """What an operator asks for by `uplinkctl uplink`."""
        self.ctl("uplink", *words)

    def flows(self):
        """Ends the capture and holds it against the log: {device: [flow...]}."""
        self.capture.stdin.close()
        flows = json.loads(self.capture.stdout.readline())
        owner = {}
        for line in self.sender.errors:
            found = re.search(r"uplink \S+: (\S+) from (\S+) to ", line)
            if found:
                owner.setdefault(found.group(2), set()).add(found.group(1))
            found = re.search(r"uplink \S+: (\S+) is called (\S+) now", line)
            for devices in owner.values() if found else ():
                devices |= {found.group(2)} if found.group(1) in devices else set()
        media.check(flows, "nothing was captured")
        for flow in flows:
            media.check(flow["device"] in owner.get(flow["from"], ()),
                        lambda flow=flow: f"{flow} left by another interface than {owner}")
        by_device = {}
        for flow in flows:
            by_device.setdefault(flow["device"], []).append(flow)
        return by_device

    @staticmethod
    def stopped(flows, name, moment):
        """Prints how long after @moment the last datagram left by an uplink that was lost then."""
        late = max((time for flow in flows[name] for time in flow["ends"] if time < moment + 0.5),
                   default=moment) - moment
        print(f"  {name}: last datagram {late * 1000:+.1f} ms after its loss", flush=True)

    def finish(self, generator, title):
        """To the end of the stream; fails on any loss."""
        media.check(generator.wait(60) == 0, generator.report)
        result = self.checker.result(60)
        print(f"  {title}: {result['unique']} packets, lost {result['lost']}, gap "
              f"{result['gap_max_ms']} ms (source {result['sent_gap_max_ms']}), latency max "
              f"{result['latency_ms']['max']} ms", flush=True)
        wrong = {name: result[name] for name in ("lost", "duplicated", "corrupted", "reordered")
                 if result[name]}
        media.check(not wrong, lambda: f"{wrong}\n{self.sender.report()}\n{self.receiver.report()}")
        flows = self.flows()
        for process in (self.sender, self.receiver):
            media.check(process.stop() == 0, process.report)
        return flows


class Case:
    """with Case() as site: ..."""

    def __enter__(self):
        self.net = netns.Net().__enter__()
        try:
            self.directory = tempfile.TemporaryDirectory()
            os.chmod(self.directory.name, 0o755)
            return Site(self.net, self.directory.name)
        except BaseException:
            self.net.close()
            raise

    def __exit__(self, *_):
        self.net.__exit__()
        self.directory.cleanup()


# --- cases ------------------------------------------------------------------------------------

def a_new_cable_carries_the_stream_within_a_second():
    with Case() as site:
        site.cable("one")
        stream = site.start(seconds=8)
        site.carries("one")
        site.cable("two", route=False)
        time.sleep(0.5)  # an address without a route is no uplink
        media.check("two" not in site.uplinks(), "an uplink without a route")
        reason = {i["device"]: i["reason"] for i in site.status()["interfaces"]}
        media.check("no default route" in reason["two"], f"{reason}")
        media.check(not reason["one"] and reason["lo"], f"{reason}")
        begin = time.monotonic()
        site.route("two")
        site.steer("one", "max", "6M")  # or nothing need go by the second
        site.carries("two")
        took = time.monotonic() - begin
        flows = site.finish(stream, "8 Mb/s, a second cable")
        first = flows["two"][0]["first_large"] - begin
        print(f"  first large datagram {first * 1000:.0f} ms after the default route, 20 packets of "
              f"the stream after {took * 1000:.0f} ms", flush=True)
        media.check(first < 1 + NOISE and took < 1 + NOISE, f"{first} s, {took} s")


def one_of_three_is_taken_away_and_nothing_is_lost():
    with Case() as site:
        for name in ("one", "two", "three"):
            site.cable(name)
        stream = site.start(seconds=8)
        for name in ("one", "two", "three"):
            site.answers(name)
        media.wait_for(lambda: sum(map(site.carried, site.uplinks())) > 1000, 5, "a second of it")
        gone = max(site.uplinks(), key=site.carried)
        begin = time.monotonic()
        site.venue.ip("link", "delete", gone)
        media.wait_for(lambda: gone not in site.uplinks(), 5, "the end of the uplink")
        print(f"  out of the set {(time.monotonic() - begin) * 1000:.0f} ms after the removal",
              flush=True)
        site.cable(gone)  # the stick is back
        site.answers(gone)
        flows = site.finish(stream, "8 Mb/s, the busiest of three taken away and put back")
        site.stopped(flows, gone, begin)


def whatever_happens_to_an_uplink_costs_nothing_and_it_returns():
    moments = {}

    def lose(site, name, away, back):
        before = site.uplinks()[name]["local"]
        away()
        moments[name] = time.monotonic()
        media.wait_for(lambda: site.uplinks().get(name, {}).get("problem"), 5,
                       f"a problem of {name}")
        told = site.uplinks()[name]["problem"]
        back()
        print(f"  {name}: {told}; up {site.answers(name):.2f} s after it is right again",
              flush=True)
        media.check(site.uplinks()[name]["local"] == before, "it lost its port, and so its NAT")

    with Case() as site:
        names = ("u-cable", "u-off", "u-addr", "u-route", "u-name")
        for name in names:
            site.cable(name)
        venue, studio = site.venue.ip, site.studio.ip
        stream = site.start(seconds=15)
        for name in names:
            site.answers(name)
        lose(site, "u-cable", lambda: studio("link", "set", "u-cable", "down"),
             lambda: studio("link", "set", "u-cable", "up"))
        lose(site, "u-off", lambda: venue("link", "set", "u-off", "down"),
             lambda: (venue("link", "set", "u-off", "up"), site.route("u-off")))
        lose(site, "u-addr", lambda: venue("addr", "flush", "dev", "u-addr"),
             lambda: (venue("addr", "add", "10.97.2.1/29", "dev", "u-addr"),
                      site.route("u-addr")))
        lose(site, "u-route", lambda: venue("route", "delete", "default", "dev", "u-route"),
             lambda: site.route("u-route"))
        # A renewed lease and a second address move nothing; a new name is followed.
        before = site.uplinks()["u-route"]["local"]
        venue("addr", "change", "10.97.3.1/30", "dev", "u-route", "valid_lft", "600",
              "preferred_lft", "600")
        venue("addr", "add", "10.97.33.1/30", "dev", "u-route")
        time.sleep(0.2)  # longer than such a change takes to be seen
        site.answers("u-route")
        media.check(site.uplinks()["u-route"]["local"] == before, "the lease moved the uplink")
        before = site.uplinks()["u-name"]["local"]
        venue("link", "set", "u-name", "name", "enx0c5b8f279a64")
        media.wait_for(lambda: site.uplinks()["u-name"]["device"] == "enx0c5b8f279a64", 5,
                       "the new name")
        site.answers("u-name")
        media.check(site.uplinks()["u-name"]["local"] == before, "the name moved the uplink")
        flows = site.finish(stream, "8 Mb/s over five uplinks, each with its trouble")
        for name, moment in moments.items():
            site.stopped(flows, name, moment)


def two_identical_sticks_carry_their_shares():
    """Same MAC, address, subnet and gateway; behind each a way of its own to the studio, which
    carries 6 Mb/s: one alone would not do."""
    with Case() as site:
        for number, name in enumerate(("stick0", "stick1")):
            modem = site.net.space(name)
            site.venue.ip("link", "add", name, "address", "0c:5b:8f:27:9a:64", "type", "veth",
                          "peer", "name", "lan", "netns", modem.name)
            modem.ip("addr", "add", "192.168.8.1/24", "dev", "lan")
            modem.ip("link", "set", "lan", "up")
            site.venue.ip("addr", "add", "192.168.8.100/24", "dev", name)
            site.venue.ip("link", "set", name, "up")
            site.venue.ip("route", "add", "default", "via", "192.168.8.1", "dev", name, "metric",
                          str(100 + number))
            modem.ip("link", "add", "wan", "type", "veth", "peer", "name", f"wan{number}", "netns",
                     site.studio.name)
            for space, device, last in ((modem, "wan", 1), (site.studio, f"wan{number}", 2)):
                space.ip("addr", "add", f"10.96.{number}.{last}/30", "dev", device)
                space.ip("link", "set", device, "up")
            # The way out, as a NAT: what comes for the receiver leaves from an address of its own.
            modem.ip("addr", "add", f"{RECEIVER}/32", "dev", "lo")
            relay = modem.popen(
                [os.path.join(netns.BIN, "linksim"), "--exit-with-stdin", "--link",
                 f"{name}:listen={RECEIVER}:7000,to=10.96.{number}.2:7000,rate=6M,delay=20ms,"
                 "queue=200ms"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            site.net.event(relay, "ready")
        stream = site.start(seconds=10)
        shares = media.wait_for(
            lambda: (lambda now: now if all(n > 500 for n in now) else None)(
                [site.carried(name) for name in ("stick0", "stick1")]), 15,
            "packets of the stream on both sticks")
        flows = site.finish(stream, "8 Mb/s over two identical sticks of 6 Mb/s")
        large = {name: sum(flow["large"] for flow in flows[name]) for name in flows}
        print(f"  large datagrams {large}, packets at the time of asking {shares}", flush=True)
        media.check(all(n > sum(large.values()) * 0.25 for n in large.values()), f"{large}")


def a_hundred_and_fifty_interfaces_that_come_and_go_disturb_nothing():
    count = 150
    with Case() as site:
        for name in ("one", "two"):
            site.cable(name)
        stream = site.start(seconds=12, log_level="debug")
        site.answers("two")
        batch = os.path.join(site.directory, "batch")
        for _ in range(2):
            for verb in ("add", "delete"):
                with open(batch, "w", encoding="ascii") as file:
                    for i in range(count):
                        if verb == "add":
                            file.write(f"link add churn{i} type bridge\n"
                                       f"addr add 10.{100 + i % 100}.{i // 100}.1/24 dev churn{i}\n"
                                       f"link set churn{i} up\n")
                        else:
                            file.write(f"link delete churn{i}\n")
                site.venue.ip("-batch", batch)
        for name in ("one", "two"):
            site.answers(name)
        sender = site.sender
        site.finish(stream, f"8 Mb/s while {count} interfaces come and go twice")
        reads = [(int(found.group(1)), int(found.group(2))) for found in
                 (re.search(r"netlink: (\d+) interfaces read in (\d+) us", line)
                  for line in sender.errors) if found]
        few = sorted(cost for n, cost in reads if n < 8)
        media.check(few, sender.report)
        lost = sum("too many events" in line for line in sender.errors)
        print(f"  {len(reads)} dumps, events lost {lost} times; with less than 8 interfaces median "
              f"{few[len(few) // 2]} us; with {max(reads)[0]} interfaces "
              f"{max(cost for n, cost in reads if n == max(reads)[0])} us", flush=True)
        media.check(few[len(few) // 2] < 2000, f"{few}")


def sections_match_exclude_and_override():
    with Case() as site:
        for name in ("one", "two", "guest"):
            site.cable(name)
        config = os.path.join(site.directory, "send.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write("[sender]\n[uplink guests]\ndevice = gue*\nuse = no\n"
                       "[uplink two]\ncost = expensive\nrate-max = 4M\n"
                       "[uplink cables]\ntype = lan\nrate-max = 6M\n")
        stream = site.start("--config", config, seconds=4)
        site.carries("cables")
        uplinks = site.uplinks()
        media.check(set(uplinks) == {"cables", "two"}, f"{set(uplinks)}")
        media.check(uplinks["cables"]["cost"] == "free" and uplinks["cables"]["device"] == "one"
                    and uplinks["cables"]["type"] == "lan" and
                    uplinks["two"]["cost"] == "expensive", f"{uplinks}")
        reason = {i["device"]: i["reason"] for i in site.status()["interfaces"]}
        media.check(reason["guest"] == "[uplink guests] says use = no", f"{reason}")
        flows = site.finish(stream, "8 Mb/s with sections")
        media.check("guest" not in flows, f"{flows}")


def the_other_family_is_used_when_one_does_not_answer():
    """A host name with both families; the way by the first of them is a dead end."""
    with Case() as site:
        site.cable("one")
        for space, last in ((site.venue, 1), (site.studio, 2)):
            space.ip("addr", "add", f"2001:db8:97::{last}/64", "dev", "one", "nodad")
        site.venue.ip("route", "add", "default", "via", "2001:db8:97::99", "dev", "one")  # nobody
        etc = f"/etc/netns/{site.venue.name}"
        os.makedirs(etc)
        try:
            with open(os.path.join(etc, "hosts"), "w", encoding="ascii") as file:
                file.write(f"{RECEIVER6} receiver.test\n{RECEIVER} receiver.test\n")
            begin = time.monotonic()
            stream = site.start(to="receiver.test:7000", seconds=3)
            print(f"  connected {time.monotonic() - begin:.1f} s after the start, to "
                  f"{site.uplinks()['one']['remote']}", flush=True)
            site.finish(stream, "8 Mb/s by the other family")
        finally:
            shutil.rmtree(etc)
            if not os.listdir("/etc/netns"):
                os.rmdir("/etc/netns")


def addresses_of_ipv6_may_change_while_the_stream_runs():
    """As with privacy extensions: a new address comes, the old one is deprecated, then goes."""
    with Case() as site:
        for number, name in enumerate(("one", "two")):
            site.cable(name, route=False)
            for space, last in ((site.venue, 1), (site.studio, 2)):
                space.ip("addr", "add", f"2001:db8:97:{number}::{last}/64", "dev", name, "nodad")
            site.venue.ip("route", "add", "default", "via", f"2001:db8:97:{number}::2", "dev",
                          name, "metric", str(100 + number))
        stream = site.start(to=f"[{RECEIVER6}]:7000", seconds=5)
        for name in ("one", "two"):
            site.answers(name)
        old, before = "2001:db8:97::1/64", site.uplinks()["one"]["local"]
        site.venue.ip("addr", "add", "2001:db8:97::abcd/64", "dev", "one", "nodad")
        site.venue.ip("addr", "change", old, "dev", "one", "nodad", "preferred_lft", "0",
                      "valid_lft", "600")
        time.sleep(0.2)  # longer than such a change takes to be seen
        media.check(site.uplinks()["one"]["local"] == before, "a deprecated address was left")
        site.venue.ip("addr", "delete", old, "dev", "one")
        media.wait_for(lambda: "abcd" in site.uplinks()["one"]["local"], 5, "the new address")
        site.answers("one")
        site.finish(stream, "8 Mb/s over IPv6, the address changed")


def a_way_that_swallows_long_datagrams_carries_them_in_fragments():
    """Two uplinks; behind one a router whose next hop takes 1280 bytes and which says nothing."""
    with Case() as site:
        site.cable("good")
        router = site.net.space("router")
        site.venue.ip("link", "add", "small", "type", "veth", "peer", "name", "lan", "netns",
                      router.name)
        router.ip("link", "add", "wan", "mtu", "1280", "type", "veth", "peer", "name", "router",
                  "netns", site.studio.name)
        for space, device, address in ((site.venue, "small", "10.95.0.1/30"),
                                       (router, "lan", "10.95.0.2/30"),
                                       (router, "wan", "10.95.1.1/30"),
                                       (site.studio, "router", "10.95.1.2/30")):
            space.ip("addr", "add", address, "dev", device)
            space.ip("link", "set", device, "up")
        router.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
        router.ip("route", "add", "default", "via", "10.95.1.2", "dev", "wan")
        # Its ICMP finds no way back.
        router.ip("rule", "add", "ipproto", "icmp", "blackhole")
        site.studio.ip("route", "add", "10.95.0.0/30", "via", "10.95.1.1", "dev", "router")
        site.venue.ip("route", "add", "default", "via", "10.95.0.2", "dev", "small", "metric",
                      "200")
        stream = site.start(seconds=10)
        found = site.sender.wait_line(r"uplink small: (.*) go in fragments", 15)
        print(f"  {found.group(1)}", flush=True)
        site.steer("good", "max", "7M")
        print(f"  carries {site.carries('small', 10):.1f} s after the other was limited", flush=True)
        media.wait_for(lambda: site.uplinks()["small"]["loss_ppm"] < 10000, 10, "no more loss")
        site.finish(stream, "8 Mb/s with a path MTU of 1280 that nobody tells of")


if __name__ == "__main__":
    CASES = (a_new_cable_carries_the_stream_within_a_second,
             one_of_three_is_taken_away_and_nothing_is_lost,
             whatever_happens_to_an_uplink_costs_nothing_and_it_returns,
             two_identical_sticks_carry_their_shares,
             a_hundred_and_fifty_interfaces_that_come_and_go_disturb_nothing,
             sections_match_exclude_and_override,
             the_other_family_is_used_when_one_does_not_answer,
             addresses_of_ipv6_may_change_while_the_stream_runs,
             a_way_that_swallows_long_datagrams_carries_them_in_fragments)
    netns.main(*(case for case in CASES
                 if len(sys.argv) < 2 or any(word in case.__name__ for word in sys.argv[1:])))

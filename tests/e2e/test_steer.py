#!/usr/bin/env python3
"""What an operator asks of a running sender, through uplinkctl: policy, drain, mute, cost, limit;
and data caps, which survive a restart."""
# Runs beside another.
import json
import os
import subprocess

from media import BIN, case, check, main, wait_for
from pair import Pair, sent_by, whole


def ctl(program, *words):
    """uplinkctl against this program: its status and all it says."""
    done = subprocess.run([os.path.join(BIN, "uplinkctl"), "--socket", program.control, *words],
                          capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def uplink(program, name):
    """The uplink of that name in the status."""
    return next((entry for entry in program.snapshot().get("uplinks", [])
                 if entry["name"] == name), {})


def wait_uplink(program, name, what, **values):
    """Until the uplink has these values."""
    wait_for(lambda: all(uplink(program, name).get(k) == v for k, v in values.items()), 15,
             lambda: f"{what}: {uplink(program, name)}")


@case
def orders_take_effect_at_once_and_lose_nothing(directory):
    pair = Pair(directory, 500).wait_connected()
    sender, generator = pair.sender, pair.generator("4M", 8)
    for policy in ("broadcast", "backup", "aggregate", "backup"):
        code, text = ctl(sender, "policy", policy)
        check(code == 0 and f"policy {policy}" in text, text)
    check("policy backup" in ctl(sender, "policy")[1], "not told")
    check(sender.snapshot()["bond"]["policy"] == "backup", "not in the status")

    code, text = ctl(sender, "uplink", "one", "mute")
    check(code == 0 and "muted now" in text, text)
    wait_uplink(sender, "one", "muted", service="muted", muted=True, state="up")
    media = uplink(sender, "one")["media_packets"]
    sent = uplink(sender, "two")["media_packets"]
    wait_for(lambda: uplink(sender, "two")["media_packets"] > sent + 300, 10, "two carries all")
    check(uplink(sender, "one")["media_packets"] == media, "a muted uplink carries media")
    ctl(sender, "uplink", "one", "unmute")

    code, text = ctl(sender, "uplink", "two", "drain")
    check(code == 0 and "draining now" in text, text)
    wait_uplink(sender, "two", "drained", service="drained", state="off", local="")
    check("unmute" in uplink(sender, "two")["notice"], "does not tell how it ends")
    code, text = ctl(sender, "uplink", "one", "mute")
    check(code == 0 and "the stream stands still" in text, text)
    ctl(sender, "uplink", "one", "unmute")
    ctl(sender, "uplink", "two", "unmute")
    wait_uplink(sender, "two", "back", service="serving", state="up", notice="")

    ctl(sender, "uplink", "two", "cost", "paid")
    ctl(sender, "uplink", "two", "max", "1.5M")
    wait_uplink(sender, "two", "cost and limit", cost="paid", rate_max_bps=1500000)
    whole(pair.checker.result(), sent_by(generator))
    code, text = ctl(sender, "reload")
    check(code == 0, text)
    wait_uplink(sender, "two", "as configured", cost="free", rate_max_bps=0)
    check("policy aggregate" in ctl(sender, "policy")[1], "the reload left the policy")
    pair.stop()


@case
def a_limit_holds_for_every_byte(directory):
    pair = Pair(directory, 500, send=["--policy", "broadcast"]).wait_connected()
    ctl(pair.sender, "uplink", "two", "max", "1M")
    generator = pair.generator("3M", 6)
    wait_for(lambda: uplink(pair.sender, "two")["tx_bps"] > 800000, 10, "it is used")

    def sample():
        status = pair.sender.snapshot()
        entry = next(u for u in status["uplinks"] if u["name"] == "two")
        return status["unix_usec"], (entry["tx_bytes"] + 28 * entry["tx_datagrams"]) * 8

    begin, bits = sample()
    wait_for(lambda: sample()[0] > begin + 2000000, 10, "two seconds")
    end, more = sample()
    rate = (more - bits) * 1000000 / (end - begin)
    print(f"# {rate / 1000:.0f} kb/s of 1000")
    check(700000 < rate <= 1000000, f"{rate} bit/s")
    whole(pair.checker.result(), sent_by(generator))
    pair.stop()


@case
def what_is_wrong_is_told_with_what_would_be_right(directory):
    pair = Pair(directory, 500).wait_connected()
    for words, expected in (
            (("policy", "fastest"), "it is aggregate, broadcast or backup"),
            (("uplink", "lan", "drain"), "there are: one, two"),
            (("uplink", "one", "explode"), "it is drain, mute, unmute, cost or max"),
            (("uplink", "one", "cost", "cheap"), "free, paid, expensive"),
            (("uplink", "one", "cost"), "needs a value"),
            (("uplink", "one", "max", "quick"), "rate-max: "),
            (("uplink", "one", "mute", "now"), "takes no value")):
        code, text = ctl(pair.sender, *words)
        check(code == 69 and expected in text, f"{words}: {code} {text}")
    code, text = ctl(pair.receiver, "policy")
    check(code == 69 and "unknown command" in text, text)
    pair.stop()


@case
def links_tell_what_is_used_and_why_not(directory):
    pair = Pair(directory, 500).wait_connected()
    links = json.loads(ctl(pair.sender, "links", "--json")[1])
    loopback = next(link for link in links if link["name"] == "lo")
    check(loopback["used"] and loopback["uplink"] in ("one", "two") and not loopback["reason"],
          loopback)
    check("127.0.0.1/8" in loopback["addresses"], loopback)
    for link in links:
        check(link["used"] or link["reason"], f"not told why: {link}")
    code, text = ctl(pair.sender, "links")
    check(code == 0 and "127.0.0.1/8" in text, text)
    for link in links:
        check(link["name"] in text and link["reason"] in text, text)
    pair.stop()


def make_paid(sender, *names):
    for name in names:
        check(ctl(sender, "uplink", name, "cost", "paid")[0] == 0, f"cost of {name}")
        wait_uplink(sender, name, "paid", cost="paid")


@case
def a_data_cap_drains_survives_a_restart_and_can_be_lifted(directory):
    state = {"STATE_DIRECTORY": directory}
    # The others cost something, so that all of the stream goes over this one while it may.
    options = ["--policy", "backup", "--uplink", "cell=127.0.0.4,cap-day=2M,cap-month=1G"]
    pair = Pair(directory, 500, send=options, env=state).wait_connected()
    make_paid(pair.sender, "one", "two")
    generator = pair.generator("6M", 6)
    pair.sender.wait_line("uplink cell: data cap reached", 10)
    wait_uplink(pair.sender, "cell", "drained", service="drained", state="off")
    entry = uplink(pair.sender, "cell")
    print(f"# {entry['day_bytes']} of {entry['cap_day_bytes']} bytes")
    check(1 << 20 < entry["day_bytes"] <= 2 << 20, entry)
    check(entry["month_bytes"] == entry["day_bytes"] and entry["cap_month_bytes"] == 1 << 30, entry)
    check("raise cap-day and reload" in entry["notice"], entry)
    whole(pair.checker.result(), sent_by(generator))
    pair.stop()

    later = os.path.join(directory, "later")
    os.mkdir(later)
    again = Pair(later, 500, send=options, env=state).wait_connected()
    make_paid(again.sender, "one", "two")
    check(uplink(again.sender, "cell")["day_bytes"] >= entry["day_bytes"], "forgotten")
    generator = again.generator("6M", 4)
    again.sender.wait_line("uplink cell: data cap reached", 10)
    wait_uplink(again.sender, "cell", "drained again", service="drained", state="off")
    check(ctl(again.sender, "uplink", "cell", "unmute")[0] == 0, "unmute")
    wait_uplink(again.sender, "cell", "lifted", service="serving", state="up")
    wait_for(lambda: uplink(again.sender, "cell")["day_bytes"] > 2200 * 1024, 10, "carries on")
    whole(again.checker.result(), sent_by(generator))
    wait_uplink(again.sender, "cell", "stays lifted", service="serving", state="up")
    again.stop()


if __name__ == "__main__":
    main()

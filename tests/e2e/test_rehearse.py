#!/usr/bin/env python3
"""uplinkctl rehearse: generated media over bad links to a real receiver, which keeps it away from
its output; figures and advice in words; refused beside a live stream, and stopped by Ctrl-C."""
import json
import os
import signal
import subprocess

import media
from media import BIN, Checker, Process, case, check, free_port, main, wait_for
from pair import Pair, Program, sent_by, whole, write_key

LINKS = {"lan": "rate=6M,delay=10ms,queue=200ms", "cell": "rate=4M,delay=40ms,queue=300ms,loss=3%"}


class Bond:
    """A sender and a receiver joined by linksim, with a checker behind the receiver."""

    def __init__(self, directory):
        self.checker = Checker("--idle", "2", "--wait", "60")
        port, key = free_port(), write_key(directory)
        self.input_port = free_port()
        options = []
        for name, words in LINKS.items():
            options += ["--link", f"{name}:listen=127.0.0.1:0,to=127.0.0.1:{port},{words}"]
        self.linksim = Process([os.path.join(BIN, "linksim"), *options], stdin=subprocess.PIPE,
                               stdout="lines")
        ready = json.loads(self.linksim.wait_line("ready", lines=self.linksim.output).string)
        self.receiver = Program("receive", directory, "--listen", f"127.0.0.1:{port}", "--key-file",
                                key, "--output", f"udp://127.0.0.1:{self.checker.port}")
        self.sender = Program("send", directory, "--input", f"udp://127.0.0.1:{self.input_port}",
                              "--to", f"127.0.0.1:{port}", "--key-file", key,
                              *[word for i, name in enumerate(LINKS) for word in
                                ("--uplink", f"{name}=127.0.0.{i + 2},to={listen(ready, name)}")])
        self.sender.wait_line("transport: (connected|streaming)", 15)

    def stop(self):
        check(self.sender.stop() == 0, self.sender.report)
        check(self.receiver.stop() == 0, self.receiver.report)
        self.linksim.stop()


def listen(ready, name):
    """Where linksim takes the packets of that link."""
    return next(link["listen"] for link in ready["links"] if link["name"] == name)


def rehearse(program, *words, **kwargs):
    """uplinkctl rehearse, as a process."""
    return Process([os.path.join(BIN, "uplinkctl"), "--socket", program.control, "rehearse",
                    *words], stdout="lines", name="rehearse", **kwargs)


@case
def a_rehearsal_measures_advises_and_reaches_no_output(directory):
    bond = Bond(directory)
    process = rehearse(bond.sender, "--minutes", "0.25", "--json")
    wait_for(lambda: bond.sender.snapshot()["bond"]["media_submitted"] > 100, 10, "media")
    with rehearse(bond.sender) as second:
        check(second.wait(10) == 69, second.report)
        check("running already" in second.errors[-1], second.report)
    check(process.wait(40) == 0, process.report)
    rehearsal = json.loads("\n".join(process.output))
    report, verdict = rehearsal["report"], rehearsal["report"]["verdict"]
    print("#", json.dumps({k: v for k, v in report.items() if not k.endswith("kbps")}))
    check(rehearsal["ended"] == "" and report["seconds"] == 15, rehearsal)
    uplinks = {entry["name"]: entry for entry in report["uplinks"]}
    check(set(uplinks) == set(LINKS), uplinks)
    for name, most in (("lan", 6000000), ("cell", 4000000)):
        capacity = uplinks[name]["capacity_median_bps"]
        check(most / 2 < capacity < most * 1.2, f"{name}: {capacity}")
        check(len(uplinks[name]["capacity_kbps"]) == 15, "plot")
    check(20000 <= uplinks["lan"]["rtt_median_usec"] < 90000, uplinks["lan"])
    check(50000 <= uplinks["cell"]["rtt_median_usec"] < 200000, uplinks["cell"])
    check(10000 < uplinks["cell"]["loss_ppm"] < 60000, uplinks["cell"])
    check(report["received_packets"] > 2000, report)
    check(report["lost_packets"] * 100 < report["received_packets"], report)
    check(10000 < report["delay_median_usec"] < report["delay_p999_usec"] < 900000, report)
    late = {entry["latency_usec"]: entry["late_packets"] for entry in report["late"]}
    check(late[500000] >= late[1000000] >= late[2000000], late)
    check(1000000 < verdict["bitrate_bps"] < 8000000, verdict)
    check(600000 <= verdict["latency_usec"] <= 2400000 and verdict["latency_usec"] % 300000 == 0,
          verdict)
    check(verdict["policy"] == "aggregate", verdict)
    check(any("cell: loses" in line["text"] for line in verdict["lines"]), verdict)
    # What comes out afterwards is the stream alone.
    sent = media.generate("--rate", "2M", "--seconds", "2", "--to",
                          f"udp://127.0.0.1:{bond.input_port}")["sent"]
    whole(bond.checker.result(), sent)
    bond.stop()


@case
def people_see_a_plot_and_words_and_end_it_with_an_interrupt(directory):
    pair = Pair(directory, 500).wait_connected()
    ctl = rehearse(pair.sender, "--minutes", "5", env={"LC_ALL": "C.UTF-8"})
    wait_for(lambda: pair.sender.snapshot()["bond"]["media_delivered"] > 500, 15, "media")
    os.kill(ctl.pid, signal.SIGINT)
    check(ctl.wait(15) == 0, ctl.report)
    text = "\n".join(ctl.output)
    for expected in ("second by second", "\u2588", "CAPACITY", "one ", "two ", "packets arrived",
                     "Encoder with a fixed bitrate", "Latency: ", "Policy: "):
        check(expected in text, f"{expected!r} is missing in\n{text}")
    check("ended early: stopped" in "\n".join(ctl.errors), ctl.report)
    pair.sender.wait_line("rehearsal ended: stopped", 5)
    plain = rehearse(pair.sender, "--minutes", "0.05", env={"LC_ALL": "C"})
    check(plain.wait(20) == 0, plain.report)
    check("#" in "".join(plain.output) and "\u2588" not in "".join(plain.output), plain.report)
    pair.stop()


@case
def a_live_stream_goes_first(directory):
    pair = Pair(directory, 500).wait_connected()
    generator = pair.generator("3M", 8)
    wait_for(lambda: pair.sender.snapshot()["stream"] == "live", 10, "live")
    with rehearse(pair.sender) as refused:
        check(refused.wait(10) == 69 and "--force" in refused.errors[-1], refused.report)
    with rehearse(pair.sender, "--force", "--minutes", "0.06", "--json") as forced:
        check(forced.wait(20) == 0, forced.report)
        report = json.loads("\n".join(forced.output))["report"]
        check(report["received_packets"] > 50, report)
    whole(pair.checker.result(), sent_by(generator))
    pair.stop()


@case
def without_a_receiver_it_is_refused(directory):
    sender = Program("send", directory, "--input", f"udp://127.0.0.1:{free_port()}", "--to",
                     f"127.0.0.1:{free_port()}", "--key-file", write_key(directory), "--uplink",
                     "one=127.0.0.2")
    sender.wait_line("waiting for receiver", 10)
    with rehearse(sender) as refused:
        check(refused.wait(10) == 69 and "no answer from the receiver" in refused.errors[-1],
              refused.report)
    check(sender.stop() == 0, sender.report)


if __name__ == "__main__":
    main()

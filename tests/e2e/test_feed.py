#!/usr/bin/env python3
"""The two feeds of the bond: `ts` needs no SRT between two uplinkd, keeps the spacing, and loses
nothing that is within the latency; `srt` is there for who asks for it."""
import json
import os
import signal
import subprocess
import time

import media
from media import Process, case, check, wait_for
from pair import Pair, Program, jobs, sent_by, whole
from proc import children

TSGEN = os.path.join(media.TESTS, "tsgen")
LONG = ("--idle", "4", "--wait", "40")


def no_srt(pair):
    """Fails when one of the two has an SRT worker for the bond."""
    for program in (pair.sender, pair.receiver):
        check(program.snapshot()["bond"]["feed"] == "ts", "the status tells another feed")
        check(jobs(program, "transport")[0]["where"] == "MPEG-TS over the bond", "the job")
        lines = children(program.pid).values()
        check(not any("--inner" in line for line in lines), f"SRT workers run: {lines}")


@case
def feed_ts_keeps_the_spacing_and_needs_no_srt_worker(directory):
    pair = Pair(directory, 500, send=("--feed", "ts")).wait_connected()
    sent = pair.generate("8M", 5)["sent"]
    result = pair.checker.result()
    whole(result, sent)
    print(f"# latency ms {result['latency_ms']}, jitter ms {result['jitter_ms']}")
    check(490 <= result["latency_ms"]["p50"] <= 510, "the latency is not the one that was asked for")
    check(result["jitter_ms"]["p50"] < 2, "the spacing is not that of the source")
    no_srt(pair)
    pair.stop()


@case
def null_packets_are_not_carried_and_come_out_all_the_same(directory):
    original, copy = os.path.join(directory, "in.ts"), os.path.join(directory, "out.ts")
    pair = Pair(directory, 300, send=("--feed", "ts"),
                checker=("--idle", "2", "--wait", "40", "--copy", copy)).wait_connected()
    told = pair.generate("4M", 3, "--null", "500", "--copy", original)
    pair.checker.result()
    carried = sum(uplink["tx_bytes"] for uplink in pair.sender.snapshot()["uplinks"])
    pair.stop()
    with open(original, "rb") as one, open(copy, "rb") as other:
        check(one.read() == other.read(), "the output is not the input")
    check(carried < 0.75 * told["bytes"], f"{carried} bytes for {told['bytes']}, half of them null")


@case
def a_stream_of_a_low_rate_is_not_held_up(directory):
    pair = Pair(directory, 300, send=("--feed", "ts")).wait_connected()
    # Standard input of single packets: 376 bytes in 10 ms never fill a media packet in 5 ms.
    with Process([TSGEN, "--rate", "300k", "--seconds", "3", "--to",
                  f"udp://127.0.0.1:{pair.input_port}"], stdout="lines") as generator:
        check(generator.wait(20) == 0, generator.report)
        sent = json.loads(generator.output[-1])["sent"]
    result = pair.checker.result()
    whole(result, sent)
    check(result["latency_ms"]["max"] < 400, f"{result['latency_ms']}")
    pair.stop()


@case
def an_end_that_is_set_to_srt_gets_srt_and_both_say_so(directory):
    pair = Pair(directory, 400, send=("--feed", "ts"), receive=("--feed", "srt")).wait_connected()
    pair.sender.wait_line("does not take feed ts .* sending feed srt", 5)
    sent = pair.generate("6M", 2)["sent"]
    whole(pair.checker.result(), sent)
    for program in (pair.sender, pair.receiver):
        check(program.snapshot()["bond"]["feed"] == "srt", "the status tells another feed")
    pair.stop()


@case
def feed_srt_passes_bit_for_bit(directory):
    original, copy = os.path.join(directory, "in.ts"), os.path.join(directory, "out.ts")
    pair = Pair(directory, 400, send=("--feed", "srt"),
                checker=("--idle", "2", "--wait", "40", "--copy", copy)).wait_connected()
    pair.generate("4M", 2, "--no-tables", "--pids", "random", "--null", "100", "--copy", original)
    pair.checker.result()
    pair.stop()
    with open(original, "rb") as one, open(copy, "rb") as other:
        check(one.read() == other.read(), "the output is not the input")


@case
def a_restarted_sender_loses_nothing_of_what_was_there(directory):
    pair = Pair(directory, 2000, send=("--feed", "ts"), checker=LONG).wait_connected()
    generator = pair.generator("4M", 6)
    wait_for(lambda: jobs(pair.receiver, "1")[0]["bytes"] > 500000, 15, "the stream")
    pair.sender.send_signal(signal.SIGKILL)
    pair.sender.wait(10)
    pair.sender = Program("send", directory, "--input", f"udp://127.0.0.1:{pair.input_port}",
                          "--to", f"127.0.0.1:{pair.port}", "--key-file", pair.key, "--latency",
                          "2000ms", "--uplink", "one=127.0.0.2", "--uplink", "two=127.0.0.3",
                          "--feed", "ts")
    sent, result = sent_by(generator), pair.checker.result()
    print(f"# lost {result['lost']} of {sent}, longest gap {result['gap_max_ms']} ms")
    check(result["last"] + 1 == sent and not result["reordered"] and not result["duplicated"],
          f"{result}")
    # The two seconds that were held are there: only what came while no sender was, is not.
    lost = sum(count for _, count in result["holes"])
    check(lost == result["lost"] and len(result["holes"]) == 1, f"{result['holes']}")
    check(result["gap_max_ms"] < lost * 188 * 8 / 4e6 * 1e3 + 300, f"{result}")
    pair.stop()


@case
def a_stopped_receiver_hands_on_what_it_holds(directory):
    pair = Pair(directory, 2000, send=("--feed", "ts"), checker=LONG).wait_connected()
    generator = pair.generator("4M", 6)
    wait_for(lambda: jobs(pair.receiver, "1")[0]["bytes"] > 500000, 15, "the stream")
    check(pair.receiver.stop() == 0, pair.receiver.report)
    pair.start_receiver()
    sent, result = sent_by(generator), pair.checker.result()
    print(f"# lost {result['lost']} of {sent}, longest gap {result['gap_max_ms']} ms")
    check(result["last"] + 1 == sent, f"{result}")
    # Without it: two seconds, 5300 packets.
    check(result["lost"] < 1500, f"{result}")
    pair.stop()


@case
def an_outage_within_the_latency_costs_nothing(directory):
    pair = Pair(directory, 5000, send=("--feed", "ts"), checker=LONG)
    pair.sender.kill()
    with Process([os.path.join(media.BIN, "linksim"), "--link",
                  f"one:listen=127.0.0.1:0 to=127.0.0.1:{pair.port} rate=12M delay=15ms loss=1%",
                  "--link", f"two:listen=127.0.0.1:0 to=127.0.0.1:{pair.port} rate=6M delay=40ms"],
                 stdin=subprocess.PIPE, stdout="lines") as links:
        ready = json.loads(links.wait_line("ready", lines=links.output).string)
        uplinks = [word for link in ready["links"] for word in
                   ("--uplink", f"{link['name']}=127.0.0.1,to={link['listen']}")]
        pair.sender = Program("send", directory, "--input", f"udp://127.0.0.1:{pair.input_port}",
                              "--to", f"127.0.0.1:{pair.port}", "--key-file", pair.key,
                              "--latency", "5s", "--feed", "ts", *uplinks)
        pair.wait_connected()
        generator = pair.generator("6M", 7)
        time.sleep(2)  # the outage is to fall into the stream
        links.stdin.write(b"* for 3s outage=blackhole\n")
        links.stdin.flush()
        sent, result = sent_by(generator), pair.checker.result()
    whole(result, sent)
    print(f"# latency ms {result['latency_ms']}, jitter ms {result['jitter_ms']}")
    check(result["gap_max_ms"] < 500, "the output paused")
    pair.stop()


if __name__ == "__main__":
    media.main()

#!/usr/bin/env python3
"""Who follows the advised bitrate, inside the running sender: our own encoder, or a command."""
import json
import os
import random
import socket
import subprocess
import time

import media
from avlive import dts_of, is_video, ts_packets
from live import Capture, LimitedPair
from media import Process, Skip, case, check, free_port, wait_for
from pair import Pair, jobs, recording


@case
def a_command_is_told_the_bitrate(directory):
    told = os.path.join(directory, "told")
    pair = Pair(directory, 300, send=("--encoder", "exec", "--encoder-command", f"cat > {told}"))
    pair.wait_connected()

    def line():
        if not os.path.exists(told):
            return ""
        with open(told, encoding="ascii") as file:
            return file.readline()

    words = wait_for(line, 10, "a line of advice").split()
    check(words[0] == "bitrate" and 1000000 <= int(words[1]) <= 10000000, f"{words}")
    check(jobs(pair.sender, "encoder command")[0]["state"] == "running", "not in the status")
    pair.stop()


@case
def our_encoder_sends_what_the_advice_allows(directory):
    out = os.path.join(directory, "out.ts")
    port, record = free_port(), os.path.join(directory, "record")
    content = os.path.join(directory, "content.ts")
    media.make_content(content, width=320, height=180, fps=25, seconds=8, bitrate=1500000)
    os.mkfifo(os.path.join(directory, "pipe"))
    with open(out, "wb") as file:
        reader = Process(["cat", os.path.join(directory, "pipe")], stdout=file)
        pair = Pair(directory, 500, outputs=[f"pipe:{directory}/pipe"],
                    input_url=f"udp://127.0.0.1:{port}",
                    send=("--encoder", "builtin", "--record", record))
        pair.wait_connected()
        with Process(["ffmpeg", "-v", "error", "-re", "-i", content, "-c", "copy", "-f", "mpegts",
                      f"udp://127.0.0.1:{port}?pkt_size=1316"], name="ffmpeg") as encoder:
            check(encoder.wait(60) == 0, encoder.report)
        pair.stop()
        reader.wait(10)
    probe = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries",
                            "stream=codec_name,nb_read_packets", "-of", "json", out],
                           capture_output=True, check=True, timeout=60)
    streams = {s["codec_name"]: int(s["nb_read_packets"])
               for s in json.loads(probe.stdout)["streams"]}
    check(streams.get("h264", 0) > 100 and streams.get("aac", 0) > 100, f"{streams}")
    check(os.listdir(record), "the original is not recorded")


def feed(port, paths, damage):
    """Sends files in real time to a UDP port, damaged by @damage(number of the file, packet); the
    bytes that were sent."""
    sent, begin, last = b"", time.monotonic(), 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for number, path in enumerate(paths):
            begin, first = begin + last + 0.04, None
            packets = ts_packets(path)
            for i in range(0, len(packets), 7):
                for packet in filter(is_video, packets[i:i + 7]):
                    first = first or dts_of(packet)[1]
                    last = dts_of(packet)[1] - first
                    time.sleep(max(0, begin + last - time.monotonic()))
                data = b"".join(damage(number, bytearray(p)) for p in packets[i:i + 7])
                out.sendto(data, ("127.0.0.1", port))
                sent += data
    return sent


@case
def bad_input_is_told_encoded_on_and_recorded_as_it_came(directory):
    options = {"width": 320, "height": 180, "seconds": 3, "fps": 25, "bitrate": 800000}
    good = media.make_content(os.path.join(directory, "good.ts"), **options)
    other = os.path.join(directory, "other.ts")
    media.run([*media.content_args(**{**options, "codec": "mpeg2", "audio": "mp2", "width": 480,
                                      "height": 272}), "-output_ts_offset", "5000",
               "-mpegts_start_pid", "0x200", "-mpegts_pmt_start_pid", "0x300", other])
    silent = media.make_content(os.path.join(directory, "silent.ts"), audio=None, **options)
    chance = random.Random(5)

    def damage(number, packet):
        if number == 2 and chance.random() < 0.1:
            for _ in range(30):
                packet[chance.randrange(4, 188)] = chance.randrange(256)
        return packet
    record, out = os.path.join(directory, "record"), Capture()
    pair = Pair(directory, 300, outputs=[out.url],
                send=("--encoder", "builtin", "--record", record)).wait_connected()
    encoder = pair.sender.worker("uplinkd-av encode")
    sent = feed(pair.input_port, (good, other, good, silent), damage)
    for text in ("time stamps of the input jump", "input is damaged"):
        pair.sender.wait_line(text)
    check(pair.sender.worker("uplinkd-av encode") == encoder, "the encode worker was restarted")
    pair.stop()
    out.close()
    check(recording(record) == sent, f"{len(recording(record))} bytes recorded of {len(sent)}")
    times = sorted(out.pictures.values())
    gap = max(b - a for a, b in zip(times, times[1:]))
    print(f"# {len(times)} of 300 pictures, the longest pause {gap * 1000:.0f} ms")
    check(len(times) > 180 and gap < 2.5 and times[-1] - times[0] > 10,
          f"{len(times)} pictures in {times[-1] - times[0]:.1f} s, {gap:.2f} s without any")


FOLLOW = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "tools", "exec",
                                      "gst-follow"))


def need_gstreamer():
    probe = subprocess.run(["/usr/bin/python3", "-c", "import gi; gi.require_version('Gst', '1.0')"],
                           capture_output=True, check=False)
    if probe.returncode:
        raise Skip("needs python3-gi and gir1.2-gstreamer-1.0")


@case
def a_pipeline_that_cannot_run_here_is_told():
    need_gstreamer()
    for pipeline, words in (("videotestsrc ! vaapinone name=encoder ! fakesink",
                             ("vaapinone", "not installed", "vainfo")),
                            ("videotestsrc ! fakesink", ("name=encoder",)),
                            ("filesrc location=/nonexistent ! x264enc name=encoder ! fakesink",
                             ("filesrc0",))):
        with Process([FOLLOW, *pipeline.split()], stdin=subprocess.PIPE) as follow:
            check(follow.wait(20) == 1, follow.report)
        check(all(word in "\n".join(follow.errors) for word in words), follow.report)


@case
def a_gstreamer_encoder_follows_the_bitrate(directory):
    need_gstreamer()
    port = free_port()
    pipeline = ("videotestsrc is-live=true pattern=snow ! video/x-raw,width=320,height=180,"
                "framerate=30/1 ! x264enc name=encoder tune=zerolatency speed-preset=ultrafast "
                f"key-int-max=60 ! mpegtsmux alignment=7 ! udpsink host=127.0.0.1 port={port}")
    pair = LimitedPair(directory, 1500, f"udp://127.0.0.1:{port}", "--encoder", "exec",
                       "--encoder-command", f"exec {FOLLOW} {pipeline}")
    wait_for(lambda: pair.input_bps() > 300000, 20, "a stream of GStreamer")
    pair.follow(1500, 600, 2200)
    pair.stop()


if __name__ == "__main__":
    media.main()

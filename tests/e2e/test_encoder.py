#!/usr/bin/env python3
"""Who follows the advised bitrate, inside the running sender: our own encoder, or a command."""
import json
import os
import subprocess

import media
from live import LimitedPair
from media import Process, Skip, case, check, free_port, wait_for
from pair import Pair, jobs


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

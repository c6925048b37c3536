#!/usr/bin/env python3
"""The class that stream/ts gives to each picture, against what real encoders wrote: their elementary
streams are taken apart a second time here, in another way."""
import os
import re
import subprocess

import media
from media import case, check

TABLES, REFERENCE, DISPOSABLE = 0, 1, 2


def encode(directory, name, *codec):
    path = os.path.join(directory, name + ".ts")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=8",
                    "-f", "lavfi", "-i", "sine=d=8", *codec, "-c:a", "aac", "-y", path],
                   check=True, timeout=120)
    return path


def elementary(path, form):
    return subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-f",
                           form, "-"], check=True, capture_output=True, timeout=60).stdout


def units(stream, delimiter):
    """The access units of an elementary stream, each as the list of its NAL units."""
    found = []
    for nal in re.split(rb"\x00\x00\x01", stream)[1:]:
        if delimiter(nal):
            found.append([])
        found[-1].append(nal)
    return found


def class_h264(unit):
    for nal in unit:
        kind = nal[0] & 31
        if kind in (5, 7, 8) or (kind == 6 and nal[1] == 6):
            return TABLES
        if kind == 1:
            return REFERENCE if nal[0] & 0x60 else DISPOSABLE
    return 9


def class_h265(unit):
    for nal in unit:
        kind = nal[0] >> 1 & 63
        if 16 <= kind <= 23 or 32 <= kind <= 34 or (kind == 39 and nal[2] == 6):
            return TABLES
        if kind < 16:
            return DISPOSABLE if kind % 2 == 0 else REFERENCE
    return 9


def compare(directory, path, form, delimiter, class_of):
    copy = os.path.join(directory, "copy")
    with open(path, "rb") as source:
        out = subprocess.run([os.path.join(media.TESTS, "tsclass"), copy], stdin=source, check=True,
                             capture_output=True, timeout=60, text=True).stdout.splitlines()
    want = [class_of(unit) for unit in units(elementary(path, form), delimiter)]
    got = [int(line) for line in out[:-1]]
    check(got == want, f"{len(got)} units, {len(want)} wanted\n{got}\n{want}")
    check(out[-1] == "garbage 0 missing 0 errors 0 tables 2", out[-1])
    with open(path, "rb") as first, open(copy, "rb") as second:
        check(first.read() == second.read(), "the packets are not those of the input")
    return got


@case
def h264_with_a_pyramid_of_b_pictures(directory):
    path = encode(directory, "h264", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "3",
                  "-b_strategy", "0", "-sc_threshold", "0")
    got = compare(directory, path, "h264", lambda nal: nal[0] & 31 == 9, class_h264)
    check(len(got) == 200 and got.count(TABLES) == 4, got)
    check(got.count(DISPOSABLE) > 60 and got.count(REFERENCE) > 60, got)


@case
def h264_without_b_pictures_has_nothing_to_drop(directory):
    path = encode(directory, "zerolatency", "-c:v", "libx264", "-preset", "veryfast", "-tune",
                  "zerolatency", "-g", "50")
    got = compare(directory, path, "h264", lambda nal: nal[0] & 31 == 9, class_h264)
    check(DISPOSABLE not in got and got.count(TABLES) == 4, got)


@case
def h264_with_intra_refresh_has_recovery_points(directory):
    path = encode(directory, "refresh", "-c:v", "libx264", "-preset", "veryfast", "-tune",
                  "zerolatency", "-g", "50", "-x264-params", "intra-refresh=1")
    got = compare(directory, path, "h264", lambda nal: nal[0] & 31 == 9, class_h264)
    check(got.count(TABLES) >= 3, got)


@case
def h265_with_b_pictures(directory):
    path = encode(directory, "h265", "-c:v", "libx265", "-preset", "superfast", "-g", "50", "-bf",
                  "3", "-x265-params", "log-level=none:scenecut=0")
    got = compare(directory, path, "hevc", lambda nal: nal[0] >> 1 & 63 == 35, class_h265)
    check(len(got) == 200 and got.count(TABLES) == 4 and got.count(DISPOSABLE) > 40, got)


media.main()

#pragma once

/*
 * The contract between uplinkd and its workers.
 *
 * A worker is a program of its own, exec'd, doing one job:
 *
 *   fd 0  MPEG-TS in, where the role consumes it. End of file = finish what is there, then exit 0.
 *   fd 1  MPEG-TS out, where the role produces it. Whole 188-byte packets; written as soon as they
 *         are there (the reader keeps their timing).
 *   fd 2  log lines for people, one event a line; an optional "<N>" in front is the syslog level
 *         (0-7, as sd-daemon(3)). uplinkd logs them under the worker's name.
 *   fd UPLINKD_WORKER_CONTROL_FD  a stream socket carrying JSON, one object a line, in both
 *         directions. Present when the environment has UPLINKD_CONTROL_FD=3; started by hand in a
 *         shell there is none and the worker runs without.
 *
 * Settings come in argv. Secrets never do: an option that takes one takes the name of a file
 * (--passphrase-file, --url-file, ...), which may be /dev/fd/N. uplinkd passes a memfd that way.
 *
 * SIGTERM = stop cleanly (finish files, say goodbye to peers) within WORKER_STOP_SECONDS.
 * End of the control socket = uplinkd is gone: stop cleanly as well, so that no orphan stays.
 * A worker that has a peer to talk to (SRT caller, RTMP push) reconnects by itself for ever,
 * 1, 2, 4, 5, 5 ... seconds apart; it exits only for reasons of the table below. uplinkd starts
 * it again after any exit, with a back-off of at most 5 seconds.
 *
 * Lines from a worker (keys in any order; unknown keys and events are ignored):
 *   {"event":"ready", ...}            it can take data; a listener adds "port": N (the bound one)
 *   {"event":"state","state":S,"reason":TEXT,"peer":TEXT}
 *         S: "listening" "connecting" "connected" "streaming" "reconnecting" "failed"
 *         TEXT for people: what happened and what happens next. Never a secret.
 *   {"event":"stats", ...}            once a second: cumulative counters and gauges of the role;
 *         always "bytes" (passed on so far), the rest documented in the role's own header
 *   {"event":"alarm","id":ID,"active":true|false,"text":TEXT}
 *         something a person must know (disk full, certificate refused ...); cleared by the same
 *         id with active=false. At most one line a second and id.
 *   {"event":"segment", ...}          uplinkd-record: a finished segment (the index line)
 *
 * Lines to a worker:
 *   {"command":"bitrate","bps":N,"reason":TEXT}   encode: the advice
 *   {"command":"keyframe"}                        encode: the next picture, half a second after
 *                                                 the last one at the earliest
 *   {"command":"stop"}                            like SIGTERM
 *
 * Exit status (of sysexits.h where one fits): why it ended.
 */
#define UPLINKD_WORKER_CONTROL_FD   3
#define UPLINKD_WORKER_CONTROL_ENV  "UPLINKD_CONTROL_FD"
#define UPLINKD_WORKER_LINE_MAX	    4096 /* bytes of one JSON line, newline included */
#define UPLINKD_WORKER_STOP_SECONDS 5	 /* then it is killed */

enum worker_exit {
	WORKER_EXIT_OK = 0,	/* its input ended, or it was told to stop */
	WORKER_EXIT_USAGE = 64, /* wrong arguments: a bug or an installation of two versions */
	WORKER_EXIT_DATA = 65,	/* the input is not what the role can work with */
	WORKER_EXIT_UNAVAILABLE = 69, /* a peer or device cannot be had; starting again may help */
	WORKER_EXIT_SOFTWARE = 70,    /* an internal error */
	WORKER_EXIT_CANTCREAT =
		73,	     /* the output cannot be created (address in use, no directory) */
	WORKER_EXIT_IO = 74, /* reading or writing failed (disk) */
	WORKER_EXIT_TEMPORARY = 75, /* try again later */
	WORKER_EXIT_REFUSED = 77,   /* the peer refused us (key, passphrase, certificate) */
	WORKER_EXIT_CONFIG = 78,    /* the settings cannot work; a person must change them */
};

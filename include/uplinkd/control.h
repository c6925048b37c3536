#pragma once

/*
 * The contract of the control socket, which uplinkctl (and any script) speaks.
 *
 * Where: a Unix stream socket, mode 0660. Its directory is the first of
 *   $RUNTIME_DIRECTORY            as systemd sets it (RuntimeDirectory= of the unit)
 *   /run/uplinkd                  when it is there and writable
 *   $XDG_RUNTIME_DIR/uplinkd
 *   /tmp/uplinkd-UID              mode 0700, owned by UID
 * Its name is send.sock or receive.sock; when a living uplinkd has that one, send-PID.sock or
 * receive-PID.sock. Setting "control" (--control) gives another path.
 *
 * What: JSON, one object a line, in both directions. A request is at most
 * UPLINKD_CONTROL_REQUEST_MAX bytes. Each request gets one reply, in order:
 *   {"ok":true, ...}   or   {"ok":false,"error":TEXT}
 * A member "id" of the request is repeated in its replies. Unknown members are ignored on both
 * sides. At most UPLINKD_CONTROL_CLIENTS_MAX clients are served; one that asks nothing for
 * UPLINKD_CONTROL_IDLE_SECONDS, or does not read what it asked for, is dropped.
 *
 * Requests:
 *   {"command":"status"}                  {"ok":true,"status":STATUS}
 *   {"command":"watch","interval_ms":N}   the same every N ms (100 to 60000, default 1000) until
 * the client closes; from the second on, "log" has only what is new. Further requests are still
 * answered.
 *   {"command":"log","since":N}           {"ok":true,"log":[LOG...]} with number > N (default 0)
 *   {"command":"doctor"}                  {"ok":true,"findings":[FINDING...]}: a diagnosis made
 *                                         now, with what is well too; of a sender alone
 *   {"command":"reload"}                  reads the configuration again; the error tells what is
 *                                         wrong with it, and the old one stays
 *   {"command":"stop"}                    stops cleanly, as SIGTERM
 *
 * Of a sender, besides:
 *   {"command":"policy"}                  {"ok":true,"policy":POLICY}
 *   {"command":"policy","policy":POLICY}  the same, after changing it at once
 *   {"command":"uplink","name":NAME,"action":ACTION,"value":VALUE}
 *                                         {"ok":true,"name":NAME,"service":SERVICE,"warning":TEXT}
 *     ACTION "drain"    gives it nothing new, and closes it when what is out has come home
 *            "mute"     gives it no media, and goes on asking whether it is there
 *            "unmute"   takes it back; lifts a data cap for the rest of its day or month
 *            "cost"     VALUE "free", "paid" or "expensive"
 *            "max"      VALUE as rate-max in a configuration, "8M" or "0"
 *     "warning" tells what comes of it that may not be wanted; "": nothing. All of it takes effect
 *     at once. A reload puts policy, cost and max back to the configuration; drain and mute stay
 *     until "unmute" or a restart.
 *   {"command":"links"}                   {"ok":true,"links":[LINK...]}: every network interface
 *   {"command":"rehearse","action":"start","seconds":N,"force":BOOL}
 *                                         {"ok":true,"rehearsal":REHEARSAL}
 *     Sends generated media through the bond for N seconds (3 to 3600); nothing of it leaves the
 *     receiver. Refused beside a live stream unless "force". {"action":"stop"} ends it early,
 *     without an action it is only asked about; it ends by itself when nobody asks for 15 s. The
 *     policy is aggregate meanwhile.
 *
 * Units are in the names: _usec microseconds, _bps bits per second, _bytes, _permille, _ppm (parts
 * per million). Counters are cumulative since the start.
 *
 * STATUS:
 *   "role"          "sender" or "receiver"
 *   "version"
 *   "unix_usec"     when the snapshot was taken
 *   "uptime_usec"
 *   "stream"        "live", "degraded", "waiting for input", "offline"
 *   "bond"          BOND
 *   "uplinks"       [UPLINK...]; a receiver's are the paths that its sender has opened
 *   "interfaces"    [INTERFACE...]: a sender's network interfaces, used or not
 *   "jobs"          [JOB...]: input, recording, outputs and the workers between
 *   "findings"      [FINDING...]: what is not well, the worst first
 *   "log"           [LOG...]: the last state changes, newest last
 *
 * BOND:
 *   "session_up"          the other end is there and knows the key
 *   "session_age_usec"    since it came up or went down
 *   "sessions"            how many there were
 *   "policy"              "aggregate", "broadcast", "backup" (a sender's; a receiver has none)
 *   "feed"                what the bond carries in this session (or did in the last): "srt", an
 *                         SRT connection, or "ts", MPEG-TS
 *   "latency_usec"        in force: the greater of both ends
 *   "rtt_min_usec"        of the fastest path; 0: not known yet
 *   "media_submitted"     media packets given to the bond (sender)
 *   "media_refused"       no room for them in the bond
 *   "media_delivered"     handed on at the receiver (a sender tells what the receiver reports)
 *   "media_lost"          given up: not there at their deadline
 *   "media_late"          arrived after their deadline
 *   "media_duplicate"     copies that were not needed
 *   "media_recovered"     receiver: got back from parity, lost or not there yet
 *   "parity_packets"      sender: sent, because a repair would come too late
 *   "control_sent", "control_delivered"   the feed's own control packets
 *   "media_queued"        sender: not sent at all yet
 *   "media_queue_age_usec"  sender: how long the oldest of them waits
 *   "media_owed"          sender: not acknowledged, and not too old yet
 *   "media_held"          receiver: not handed on yet; with feed "ts" all of the latency
 *   "advice_bps"          the bitrate the encoder should use now
 *   "advice_reason"       why, in words
 *   "hello_refused"       hellos with a wrong key, version or time
 *   "input_forged", "input_replayed", "input_malformed", "input_unknown"  datagrams refused
 *   "input_unanchored"    too late to be read; their media packets were sent again
 *
 * UPLINK:
 *   "name", "device"      device "": not bound to an interface
 *   "type"                "lan", "wifi", "cellular", "tether", "unknown"
 *   "bus_path"            where it is plugged in, as ID_PATH of udev: the same port, the same
 *                         path; "": virtual
 *   "driver"              "": none
 *   "model"               what a USB device calls itself
 *   "ssid"                of the Wi-Fi network
 *   "local", "remote"     addresses and ports
 *   "problem"             why it is not used and what to do; "": nothing is wrong
 *   "state"               "off", "probing", "up", "suspect", "muted", "dead"
 *   "reason"              of the last change of state, in words
 *   "state_age_usec"      since then
 *   "cost"                "free", "paid", "expensive"
 *   "muted"               by the operator or a data cap
 *   "service"             what is asked of it: "serving"; "muted": it answers and carries no media;
 *                         "draining": the same until what is out has come home; "drained": closed
 *   "notice"              who asked for it and what ends it, or how near a data cap is; "": nothing
 *   "rate_max_bps"        the operator's limit of everything that is sent; 0: none
 *   "day_bytes", "month_bytes"          sent and received with headers, on this day and in this
 *                         month of local time, over restarts (sender)
 *   "cap_day_bytes", "cap_month_bytes"  data caps; 0: none
 *   "share_permille"      of the media packets of the last second
 *   "operator", "technology"   modem, as ModemManager tells: "5G", "LTE", ...; "": not known
 *   "signal_dbm"          Wi-Fi: average of the access point; modem: RSRP or RSSI; 0: not known
 *   "signal_percent"      modem; 0: not known
 *   "bitrate_bps"         Wi-Fi: what the radio sends with now; 0: not known
 *   "tx_datagrams", "tx_bytes", "rx_datagrams", "rx_bytes"   UDP payload
 *   "tx_bps", "rx_bps"    over the last second
 *   "capacity_bps"        what it is believed to carry now
 *   "seen_bps"            of it, what it was seen to carry: without hope
 *   "media_packets"       first transmissions given to this path
 *   "copy_packets"        further copies
 *   "lost_packets"        datagrams declared lost
 *   "spurious_packets"    of these, acknowledged after all
 *   "rtt_usec", "rtt_min_usec", "rtt_var_usec"
 *   "queue_usec"          queueing delay on the way to the peer
 *   "loss_ppm"            over the last seconds
 *   "window_bytes", "inflight_bytes"
 *
 * INTERFACE:
 *   "device", "type", "bus_path", "driver", "model", "ssid"   as of an uplink
 *   "uplink"              the name of the uplink that it is; "": none
 *   "reason"              why it is not in use; "": it is
 *
 * LINK:
 *   "name"
 *   "type"                as of an uplink
 *   "kind"                of a virtual one, as the kernel says: "bridge", "wireguard"; "": a device
 *   "path"                where it is plugged in; "": nowhere
 *   "up", "carrier"       switched on; cable or association there
 *   "addresses"           ["192.0.2.7/24"...]
 *   "default_route"       "ipv4", "ipv6", "both", "none"
 *   "uplink"              the name of the uplink it is; "": none
 *   "used"                that uplink has a socket
 *   "reason"              why it is not used, and what to do; "": it is
 *
 * REHEARSAL:
 *   "phase"               "none", "running", "settling" (what is out there comes in), "done"
 *   "seconds", "elapsed_seconds"
 *   "advice_bps"          the bitrate now
 *   "sent_packets", "received_packets", "lost_packets"
 *   "ended"               why it is over before its time; "": it is not
 *   "report"              REPORT, when it is done
 *
 * REPORT:
 *   "seconds"             measured; the first quarter, 15 s at most, is left out of the capacities
 *   "latency_usec", "policy"             in force
 *   "capacity_p5_bps", "capacity_median_bps"  of all uplinks together: in all but the worst
 *                         twentieth of the seconds, and in half of them
 *   "advice_p5_bps", "advice_median_bps", "advice_most_bps"   the bitrate that was advised
 *   "received_packets", "lost_packets"
 *   "delay_median_usec", "delay_p99_usec", "delay_p999_usec"   from capture to arrival
 *   "late"                [{"latency_usec", "late_packets", "at_most"}...]: how many would be too
 *                         late at this latency; "at_most": those lost may have come by then
 *   "sent_kbps", "capacity_kbps"         one number a second, or the least of several (120 at most)
 *   "uplinks"             [{"name", "cost", "answered", "capacity_p5_bps", "capacity_median_bps",
 *                         "rtt_median_usec", "rtt_p95_usec", "jitter_usec", "loss_ppm", "outages",
 *                         "down_seconds", "bytes" (both ways), "capacity_kbps"}...]
 *   "verdict"             {"bitrate_bps" (fixed; 0: too little), "bitrate_max_bps" (following the
 *                         advice), "latency_usec" (0: not known), "policy",
 *                         "lines": [{"level": "good", "advice" or "warning", "text"}...]}
 *
 * JOB:
 *   "kind"                "input", "record", "encoder", "gate", "transport", "output"
 *   "name"
 *   "where"               url without its secrets, or directory
 *   "state"               "waiting", "connecting", "streaming", "reconnecting", "failed", ...
 *   "reason"              what happened and what happens next
 *   "alarm"               what a person must know; "": nothing
 *   "bytes"               passed on since the start
 *   "rate_bps"            over the last second
 *   "dropped_bytes"       lost here because it could not keep up; gate: left out because the
 *                         uplinks do not carry it
 *   "ts_errors"           input: packets or runs of bytes that were not MPEG-TS
 *   "restarts"
 *   "pid"                 0: none
 *
 * FINDING:
 *   "code"                what was looked at or found, a word for programs
 *   "severity"            "error": it keeps something from working; "warning": it costs something;
 *                         "note": good to know; "ok": nothing was found
 *   "uplink"              which one; "": it is not of one
 *   "text"                what is so, for people
 *   "advice"              what to do about it; "": nothing
 *
 * LOG:
 *   "number"              counts up by one; a gap tells what was missed
 *   "unix_usec"
 *   "level"               as syslog: 3 error, 4 warning, 6 information
 *   "text"
 */
#define UPLINKD_CONTROL_REQUEST_MAX  4096 /* bytes, newline included */
#define UPLINKD_CONTROL_REPLY_MAX    (256 * 1024)
#define UPLINKD_CONTROL_CLIENTS_MAX  16
#define UPLINKD_CONTROL_IDLE_SECONDS 30

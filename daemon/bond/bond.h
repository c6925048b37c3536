#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "uplinkd/wire.h"

/*
 * The bond: all paths between one sender of a stream and one receiver, and the engine that drives
 * them. It knows no socket, clock, thread or log: datagrams and media packets are pulled out of it
 * and pushed into it, each time with the current time. There are two drivers: net/pump on real
 * sockets and tests/sim in virtual time.
 *
 * The turn of a driver:
 *
 *     bond_input() / bond_submit() for whatever came in
 *     if (bond_wakeup_at(b) <= now) bond_wakeup(b, now)
 *     while (bond_next_datagram(b, &d, now)) send d
 *     while (bond_next_media(b, &m, now))    hand m on
 *     while (bond_next_event(b, &e))         tell people
 *     sleep until bond_wakeup_at(b) or the next input
 *
 * Both roles are the same machine: media packets of kind DATA flow from sender to receiver in
 * order and by their deadline; packets of kind CONTROL (the feed's own acknowledgements,
 * handshakes) flow in both directions, at once and unordered. Only the sender asks for a session;
 * the receiver's bond stands for one known key and serves one session at a time.
 *
 * Time to live of a media packet: submitted at t (the capture time), it is released at the other
 * end at t + latency - BOND_FEED_MARGIN, reckoned as if the path with the least delay took half of
 * its round trip; earlier as soon as everything before it is there. Behind the bond the feed's own
 * play-out (SRT) adds the margin, so that the whole way takes `latency`.
 *
 * With feed TS nothing comes behind the bond: a packet is released at t + latency, in the rhythm of
 * the sender's clock, which is followed without steps (bond/playclock.h). What is held when the
 * sender was started anew is still handed on, before what the new one sends. A receiver that was
 * started anew gets again what is not yet due, unless the old one had said goodbye.
 */
#define BOND_PATHS_MAX WIRE_PATHS_MAX
#define BOND_NAME_MAX  32

/* Kept back from the latency for what comes after the bond: an eighth, from 40 to 120 ms. */
static inline usec_t bond_feed_margin(usec_t latency)
{
	return usec_clamp(latency / 8, 40 * USEC_PER_MS, 120 * USEC_PER_MS);
}

#define BOND_LATENCY_MIN (100 * USEC_PER_MS)
#define BOND_LATENCY_MAX (60 * USEC_PER_SEC)

struct bond;

/* What the media packets of a session are. */
enum bond_feed {
	BOND_FEED_SRT, /* datagrams of an SRT connection, which does its own play-out */
	BOND_FEED_TS,  /* MPEG-TS; the bond hands each on when it is due, not before */
};

enum bond_role {
	BOND_ROLE_SENDER,
	BOND_ROLE_RECEIVER,
};

enum bond_policy {
	BOND_POLICY_AGGREGATE, /* use the sum of all paths */
	BOND_POLICY_BROADCAST, /* every packet on every path */
	BOND_POLICY_BACKUP,    /* the cheapest class carries, the next takes over or tops up */
};

/* Cost class of an uplink: lower is used first where the policy asks for it. */
enum bond_cost {
	BOND_COST_FREE,
	BOND_COST_PAID,
	BOND_COST_EXPENSIVE,
};

/* Mechanisms that can be switched off, to measure what each is worth. */
enum bond_switch {
	BOND_OFF_PACING = 1 << 0,     /* send whatever the window allows, at once */
	BOND_OFF_WINDOW = 1 << 1,     /* no limit from the queueing delay */
	BOND_OFF_ARRIVAL = 1 << 2,    /* spread by window share, not by predicted arrival */
	BOND_OFF_REINJECT = 1 << 3,   /* no copies of overdue packets before they are lost */
	BOND_OFF_STALL = 1 << 4,      /* no suspicion of a silent path */
	BOND_OFF_REDUNDANCY = 1 << 5, /* no copies in spare capacity */
	BOND_OFF_PROBE = 1 << 6,      /* no use of copies as a probe for capacity */
	BOND_OFF_DAMPING = 1 << 7,    /* no damping of the choice of path */
	BOND_OFF_PARITY = 1 << 8,     /* no parity where repair would come too late */
};

/* An address as the driver knows it; to the engine just bytes that are equal or not. */
struct bond_address {
	uint8_t len;
	uint8_t bytes[28]; /* large enough for struct sockaddr_in6 */
};

struct bond_config {
	enum bond_role role;
	enum bond_policy policy;
	uint8_t key[32];	 /* the pre-shared key of this sender */
	uint8_t seed[32];	 /* secret and random: ephemeral keys are drawn from it */
	uint64_t instance;	 /* random: tells a restarted peer from one that was away */
	uint64_t unix_minus_now; /* unix time in us, less `now`, for the time stamp of hellos */
	usec_t latency;		 /* what this side asks for; the greater of both sides holds */
	uint64_t rate_max_bps;	 /* the largest stream expected: sizes the pools */
	uint64_t advice_min_bps, advice_max_bps, advice_start_bps; /* limits of the advice */
	unsigned overhead_paid_permille; /* redundancy budget on paid uplinks; default 30 */
	unsigned off;			 /* enum bond_switch, or'ed */
	bool feed_ts; /* sender: use feed TS if the receiver takes it; receiver: take it */
};

/* Fills in what is not about identity: latency 1 s, 100 Mb/s, advice 1 to 10 Mb/s from 2.5. */
void bond_config_defaults(struct bond_config *config);

/* NULL: out of memory, or the configuration is out of its ranges. */
struct bond *bond_new(const struct bond_config *config, usec_t now);
struct bond *bond_free(struct bond *bond);

/* --- paths (the sender's side; a receiver's paths come with the datagrams) ------------------- */

struct bond_path_config {
	char name[BOND_NAME_MAX]; /* of the uplink, for people */
	uint32_t link;		  /* the driver's handle of the socket; comes back with datagrams */
	struct bond_address remote; /* where datagrams go */
	enum bond_cost cost;
	uint64_t rate_max_bps; /* of everything sent, headers too; 0: no limit of the operator's */
	unsigned header_bytes; /* of IP and UDP, which rate_max_bps counts with each datagram */
	bool muted;	       /* carries no media, only what keeps it known */
};

/* The id of the path (0 to BOND_PATHS_MAX - 1), or -ENOSPC. A name that was here before gets its
 * old id and packet numbers again: its address may have changed, nothing else. */
int bond_path_add(struct bond *bond, const struct bond_path_config *config, usec_t now);
/* Changes cost, limit, mute, link or remote of a path in use. What is out on a path that is muted
 * comes home by itself, or is repaired like everything else. 0 or -ENOENT. */
int bond_path_set(struct bond *bond, unsigned path_id, const struct bond_path_config *config,
		  usec_t now);
/* The uplink is gone: what was on its way there is sent elsewhere at once. */
void bond_path_drop(struct bond *bond, unsigned path_id, usec_t now);
void bond_set_policy(struct bond *bond, enum bond_policy policy, usec_t now);
/* The wall clock was set: its time now, less @now, in place of config.unix_minus_now. */
void bond_set_clock(struct bond *bond, uint64_t unix_minus_now);

/* --- in ------------------------------------------------------------------------------------- */

enum bond_input_result {
	BOND_INPUT_TAKEN,   /* authentic and processed */
	BOND_INPUT_FOREIGN, /* not for this bond: another key or session; the driver may try the
			       next */
	BOND_INPUT_REFUSED, /* for this bond but void: replay, malformed, old; counted */
};

/* A datagram arrived on @link from @from at @now. @data is overwritten (opened in place). */
enum bond_input_result bond_input(struct bond *bond, uint32_t link, const struct bond_address *from,
				  uint8_t *data, size_t len, usec_t now);

enum bond_media_kind {
	BOND_MEDIA_DATA,    /* ordered, with a deadline; sender to receiver only */
	BOND_MEDIA_CONTROL, /* at once on the best path, unordered, delivered once */
	BOND_MEDIA_URGENT,  /* like CONTROL, in two copies on two paths */
};

/* Gives the bond something to carry; the bytes are copied. @captured is its time of origin by
 * the same clock as @now and not later (mostly the same). 0; -EMSGSIZE: longer than
 * WIRE_MEDIA_MAX; -ENOBUFS: no room, dropped and counted; -EPERM: DATA given to a receiver. */
int bond_submit(struct bond *bond, enum bond_media_kind kind, enum wire_class class,
		const uint8_t *data, size_t len, usec_t captured, usec_t now);

/* Like bond_submit() of DATA. The first @prefix bytes (up to WIRE_PREFIX_MAX and @len) are mostly
 * those of the packet before: they cross the uplinks only when they change. */
int bond_submit_prefixed(struct bond *bond, enum wire_class class, const uint8_t *data, size_t len,
			 size_t prefix, usec_t captured, usec_t now);
/* Sender: little is submitted because little seems to be carried. Some packets of padding show on
 * each path, as at its beginning, whether it still is so; media goes first. */
void bond_try(struct bond *bond, usec_t now);
/* The media sequence number that the next DATA gets, low bits. */
uint32_t bond_next_seq(const struct bond *bond);

/* Receiver: hands on all that is held with the next bond_next_media(), due or not. */
void bond_drain(struct bond *bond, usec_t now);

/* Says goodbye on all paths; further input is refused. */
void bond_close(struct bond *bond, enum wire_close reason, usec_t now);

/* --- out ------------------------------------------------------------------------------------ */

struct bond_datagram {
	uint32_t link;
	unsigned path_id;
	struct bond_address to;
	const uint8_t *data; /* valid until the next call on this bond */
	size_t len;
};

struct bond_media {
	enum bond_media_kind kind;
	const uint8_t *data; /* valid until the next call on this bond */
	size_t len;
	enum bond_feed feed; /* DATA: of the session that it belongs to */
	uint64_t seq;	     /* DATA: media sequence number; its low 32 bits are the sender's */
	uint64_t lost;	     /* DATA: how many were given up just before this one */
	usec_t due;	     /* DATA: its deadline here, by this side's clock */
	uint32_t captured;   /* DATA: `captured` of its submission, low 32 bits */
	usec_t delay; /* DATA: from its capture to its arrival here, as far as it can be known */
};

enum bond_event_kind {
	BOND_EVENT_SESSION_UP,	 /* the peer proved that it knows the key; stats has its latency */
	BOND_EVENT_SESSION_DOWN, /* closed by the peer, or nothing was heard for too long */
	BOND_EVENT_PATH,	 /* a path changed its state */
	BOND_EVENT_ADVICE,	 /* the encoder should use this bitrate now */
};

enum bond_path_state {
	BOND_PATH_OFF,	   /* not there, or dropped */
	BOND_PATH_PROBING, /* asking; nothing heard on it yet */
	BOND_PATH_UP,	   /* carries media */
	BOND_PATH_SUSPECT, /* silent while it should answer: nothing new on it but duplicates */
	BOND_PATH_MUTED,   /* not trusted yet: earns its way back with duplicates */
	BOND_PATH_DEAD,	   /* silent for long: probed once in a while */
};

/* Why something changed; bond_reason_text() for people. */
enum bond_reason {
	BOND_REASON_NONE,
	BOND_REASON_HELLO,     /* handshake done */
	BOND_REASON_ADDED,     /* the uplink was added */
	BOND_REASON_DROPPED,   /* the uplink is gone */
	BOND_REASON_OPERATOR,  /* a person asked for it */
	BOND_REASON_SILENT,    /* nothing was acknowledged although it should have been */
	BOND_REASON_ANSWERED,  /* it answers again */
	BOND_REASON_PROVEN,    /* it delivered what it was given */
	BOND_REASON_LOSSY,     /* most of what it carried was lost */
	BOND_REASON_MOVED,     /* the peer's address changed */
	BOND_REASON_CLOSED,    /* the peer said goodbye */
	BOND_REASON_RESTARTED, /* the peer was started anew */
	BOND_REASON_TIMEOUT,   /* nothing heard from the peer on any path */
	BOND_REASON_START,     /* advice: the configured start */
	BOND_REASON_CAPACITY,  /* advice: what the paths are known to carry */
	BOND_REASON_QUEUE,     /* advice: packets wait in the bond */
	BOND_REASON_LATE,      /* advice: packets came late or were lost */
	BOND_REASON_PATH_LOST, /* advice: a path went away */
};

const char *bond_reason_text(enum bond_reason reason);
const char *bond_path_state_text(enum bond_path_state state);

struct bond_event {
	enum bond_event_kind kind;
	enum bond_reason reason;
	unsigned path_id;	       /* PATH */
	enum bond_path_state from, to; /* PATH */
	uint64_t bps;		       /* ADVICE */
};

/* Each: true while there is one more; the drivers call until false. */
bool bond_next_datagram(struct bond *bond, struct bond_datagram *ret_datagram, usec_t now);
bool bond_next_media(struct bond *bond, struct bond_media *ret_media, usec_t now);
bool bond_next_event(struct bond *bond, struct bond_event *ret_event);

/* When bond_wakeup() (and then the three above) must be called at the latest. */
usec_t bond_wakeup_at(const struct bond *bond);
void bond_wakeup(struct bond *bond, usec_t now);

/* --- what it knows -------------------------------------------------------------------------- */

struct bond_path_stats {
	char name[BOND_NAME_MAX];
	uint32_t link;
	struct bond_address remote;
	enum bond_path_state state;
	enum bond_reason reason; /* of the last change of state */
	usec_t since;		 /* of the last change of state */
	enum bond_cost cost;
	bool muted;			 /* by the operator */
	uint64_t rate_max_bps;		 /* the operator's limit; 0: none */
	uint64_t tx_datagrams, tx_bytes; /* UDP payload */
	uint64_t rx_datagrams, rx_bytes;
	uint64_t media_packets;	   /* first transmissions of media given to this path */
	uint64_t copy_packets;	   /* further copies */
	uint64_t lost_packets;	   /* declared lost (RFC 9002) */
	uint64_t spurious_packets; /* declared lost, acknowledged after all */
	/* Datagrams of more than 1200 bytes, and shorter ones. */
	uint64_t long_lost, long_acked, short_acked;
	uint64_t tx_bps, rx_bps; /* over the last second */
	uint64_t capacity_bps;	 /* belief: what it can carry now */
	uint64_t seen_bps;	 /* of it, what it was seen to carry: without hope */
	usec_t rtt, rtt_min, rtt_var;
	usec_t queue;	   /* queueing delay on the way to the peer */
	unsigned loss_ppm; /* over the last seconds */
	uint64_t window_bytes, inflight_bytes;
};

struct bond_stats {
	bool session_up;
	enum bond_feed feed; /* of the session, or of the last one */
	usec_t session_since;
	uint64_t sessions; /* how many there were */
	enum bond_policy policy;
	usec_t latency; /* in force (negotiated) */
	usec_t rtt_min; /* of the fastest path; 0 unknown */
	unsigned paths; /* entries of path[] in use: indexed by path id */
	struct bond_path_stats path[BOND_PATHS_MAX];

	/* Sender: as told by the receiver's reports. Receiver: own counts. Cumulative. */
	uint64_t media_submitted; /* sender only */
	uint64_t media_refused;	  /* no room in the pool */
	uint64_t media_delivered;
	uint64_t media_lost;
	uint64_t media_late;
	uint64_t media_duplicate;
	uint64_t media_recovered; /* receiver only: from parity */
	uint64_t parity_packets;  /* sender only */
	uint64_t control_sent, control_delivered;

	uint64_t media_queued;	/* sender: not sent at all yet */
	usec_t media_queue_age; /* sender: how long the oldest of them waits */
	uint64_t media_owed;	/* sender: not acknowledged, and not too old yet */
	uint64_t media_held;	/* receiver: not handed on yet */

	uint64_t advice_bps;
	enum bond_reason advice_reason;

	uint64_t hello_refused; /* wrong key, version, time or form */
	uint64_t input_forged;	/* a sealed datagram did not open */
	uint64_t input_replayed;
	uint64_t input_malformed;
	uint64_t input_unanchored; /* a media packet without what it refers to: sent again */
	uint64_t input_unknown;	   /* none of ours */
};

void bond_stats(struct bond *bond, struct bond_stats *ret_stats, usec_t now);

/* Sender: how much there is room for, for who makes a stream smaller that is too large. */
struct bond_room {
	bool session_up;
	enum bond_feed feed;
	usec_t latency;
	usec_t hold;	       /* how long a packet may wait, from its capture, and be in time */
	usec_t queue_age;      /* how long the oldest packet that was not sent waits */
	uint64_t queued_bytes; /* of such packets */
	uint64_t rate_bps;     /* of media, that the paths carry; 0: none of them is up */
	bool tried;	       /* there is a path of which that is known */
};

void bond_room(struct bond *bond, struct bond_room *ret_room, usec_t now);

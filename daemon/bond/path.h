#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"
#include "bond/ack.h"
#include "bond/bond.h"
#include "bond/estimator.h"
#include "bond/inflight.h"
#include "bond/pacer.h"
#include "bond/rate.h"
#include "wire/anchor.h"
#include "wire/seal.h"

/*
 * One way between the two ends: what is known of it, what is on it, and how far it is trusted.
 * Sender and receiver of the stream hold the same structure for the same path id.
 */
struct path {
	bool in_use;
	unsigned id;
	struct bond_path_config config; /* receiver: link and remote are where it was last heard */

	enum bond_path_state state;
	enum bond_reason reason;
	usec_t since;
	bool event; /* a change was not told yet; it began at: */
	enum bond_path_state event_from;

	struct estimator estimator;
	struct rate rate;
	struct pacer pacer;
	struct inflight inflight;
	struct ack ack;
	struct replay replay;
	struct anchor_sender anchors_sent;
	struct anchor_receiver anchors_held;

	usec_t heard_at;     /* anything authentic came in on it; 0: never in this session */
	usec_t progress_at;  /* last news that one of its packets arrived */
	usec_t eliciting_at; /* the last packet that asks for an acknowledgement left */
	usec_t long_at;	     /* the last long header left */
	usec_t hello_at;     /* the next hello is due (asking side) */
	usec_t hello_backoff;
	usec_t hungry_at; /* last time that a packet had to wait for this path */
	usec_t round_hungry_since;

	usec_t probe_at; /* the next probe is due, while it is not trusted */
	unsigned probes; /* without answer */
	unsigned flaps;	 /* falls from UP of late */
	usec_t flap_at;	 /* the last one; one is forgiven every PATH_FORGIVE */
	unsigned proof;	 /* packets delivered since it answered again */
	usec_t proof_since;
	usec_t overtake_at; /* repair_overtake() looks again */
	bool close_due;

	bool tried;	     /* it had its trial: the capacity is more than a place to begin */
	unsigned trial;	     /* padded packets still to be sent, to see how it takes them */
	unsigned trials;     /* until it is tried */
	uint64_t trial_lost; /* packets of the path that were lost before it */
	uint64_t trial_end;  /* the number behind the last of them; 0: they are judged */

	struct meter tx_meter, rx_meter;
	struct meter acked_meter, lost_meter; /* packets */
	uint64_t rx_datagrams, rx_bytes, tx_datagrams, tx_bytes;
	uint64_t media_packets, copy_packets;
	uint64_t filler_bytes; /* copies made only because there was room */
	uint64_t media_cursor; /* policy broadcast: next media packet to be copied here */
};

#define PATH_TRIAL 9 /* packets: one more than bond/throughput takes for a run */

#define PATH_TRIALS 4 /* each at half of the pace: down to 0.6 Mb/s */

/* 0 or -ENOMEM. @ring: packets that can be on their way. */
int path_init(struct path *p, unsigned id, uint32_t ring, usec_t now);
void path_deinit(struct path *p);
/* The path carries from here on what @config says; what is known of it stays. */
void path_configure(struct path *p, const struct bond_path_config *config);
/* A new session: numbers begin again. The estimates stay. */
void path_reset(struct path *p, usec_t now);

void path_set_state(struct path *p, enum bond_path_state state, enum bond_reason reason,
		    usec_t now);
/* May carry new media. */
bool path_is_usable(const struct path *p);
/* When a packet of the trial may leave; USEC_NEVER: none does. */
usec_t path_trial_at(const struct path *p, usec_t now);
/* One leaves now. */
void path_trial_sent(struct path *p, usec_t now);
/* Something was acknowledged: perhaps the end of the trial. */
void path_judge_trial(struct path *p, usec_t now);

/* Share of what was sent in the last seconds that did not arrive. */
unsigned path_loss_ppm(struct path *p, usec_t now);
/* How long the oldest packet out there is late beyond what was to be expected. */
usec_t path_stalled_for(struct path *p, usec_t now);
/* A packet sent at t is overdue at t + this; @patience: beyond what its path needs. */
usec_t path_overdue_delay(const struct path *p, usec_t patience);
/* A datagram left: when the next one may. @eliciting: it was more than an acknowledgement. */
void path_pace(struct path *p, size_t len, bool eliciting, usec_t now);
/* Bytes that may still be given to it; 0: it is full. */
uint64_t path_room(const struct path *p, usec_t now);

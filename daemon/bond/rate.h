#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"
#include "bond/estimator.h"

/*
 * What one path can carry: the belief, and the window and the pace that follow from it. Three
 * numbers are kept apart: `capacity_bps` is what we dare to send; `proven_bps` is the most it has
 * delivered of late; what the encoder should send is the business of bond/advice.
 */
#define RATE_QUEUE_TARGET  (60 * USEC_PER_MS) /* SCReAM v2, QDELAY_TARGET_LO */
#define RATE_WINDOW_FIRST  (24 * 1400)	      /* bytes, before anything is known */
#define RATE_WINDOW_MIN	   (6 * 1400)
#define RATE_CAPACITY_MIN  UINT64_C(150000)
#define RATE_CAPACITY_MAX  UINT64_C(10000000000)
#define RATE_PROVEN_WINDOW (2 * USEC_PER_SEC)

struct rate {
	uint64_t capacity_bps;	  /* 0: nothing known yet */
	uint64_t limit_bps;	  /* the operator's; 0: none */
	bool starting;		  /* doubling from round to round */
	uint64_t start_until_bps; /* a ramp back ends here; 0: until a queue shows */
	struct extremum proven;	  /* of the negated delivery rate */
	uint64_t proven_bps;
	uint64_t slow_bps;	  /* served while busy in the last second; 0: hardly busy */
	usec_t round_at;	  /* the next time that the belief may change */
	usec_t drain_until;	  /* letting the queue run dry to see the base delay */
	usec_t hold_until;	  /* no growth: it lost packets under load */
	unsigned cuts;		  /* in a row because of loss, without effect so far */
	unsigned loss_before_ppm; /* when it was last cut because of loss */
	uint64_t delivered, lost; /* at the start of the round */
	unsigned round_loss_ppm;  /* averaged over a few rounds */
	unsigned base_loss_ppm;	  /* the normal loss of the channel */
};

void rate_init(struct rate *r, uint64_t limit_bps, usec_t now);

/* Something was acknowledged. @hungry: since the last round began, packets had to wait for this
 * path's window or pace; else the path was not tried at its limit. @lost_bytes is cumulative. */
void rate_acked(struct rate *r, struct estimator *e, bool hungry, uint64_t lost_bytes, usec_t now);
/* True when rate_acked() would begin a new round now. */
bool rate_round_is_over(const struct rate *r, usec_t now);

/* A run of packets has gone through at rate_pace_bps(). If the path was too slow for it, what was
 * served is what may be believed; else half more than so far. @first: nothing went before it.
 * @whole: nothing of it was lost. False: too little came to tell, perhaps because the queue is
 * shorter than the run; half is believed. */
bool rate_tried(struct rate *r, struct estimator *e, bool first, bool whole, usec_t now);

/* What was given up while the path was silent says nothing about its losses. */
void rate_forget_loss(struct rate *r, const struct estimator *e, uint64_t lost_bytes);
/* Comes back from silence: begins again at a fraction of the belief and doubles up to it. */
void rate_restart(struct rate *r, usec_t now);

/* Bytes that may be on their way. */
uint64_t rate_window(const struct rate *r, const struct estimator *e, usec_t now);
/* The pace of primary data. */
uint64_t rate_pace_bps(const struct rate *r, const struct estimator *e);
/* What it has been seen to carry in the last second: without the part of the belief that is hope.
 * 0: unknown. */
uint64_t rate_seen_bps(const struct rate *r);
/* What one may count on when predicting an arrival; never 0. */
uint64_t rate_predict_bps(const struct rate *r);

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "wire/frame.h"

/*
 * The receiving half of acknowledgement, for one path: which packet numbers came and when, and
 * when the other side should be told.
 */
#define ACK_PACKETS 8		       /* tell after so many ... */
#define ACK_DELAY   (20 * USEC_PER_MS) /* ... or so long after the first untold */
#define ACK_SPACING (5 * USEC_PER_MS)  /* but not more often than this */
/* Acknowledgements go back on the fastest path; one at least so often also on the path itself, so
 * that its silence means something and the loss of the fastest one does not delay all others. */
#define ACK_OWN_SPACING (40 * USEC_PER_MS)
/* An arrival is told again and again for at least so long, in which packets come in. Were it told
 * for ever, every hole would cost its bytes in every acknowledgement. */
#define ACK_REPEAT USEC_PER_SEC

struct ack {
	struct frame_range range[WIRE_ACK_RANGES_MAX]; /* descending */
	unsigned ranges;
	struct ack_time {
		uint64_t number;
		usec_t at;
	} time[WIRE_ACK_TIMES_MAX + 1]; /* ring of the newest arrivals */
	unsigned times;			/* ever put */
	unsigned times_told;		/* of these, the other side knows so many */
	uint64_t largest;
	usec_t largest_at;
	unsigned untold;     /* packets that ask for an answer, since the last one */
	usec_t untold_since; /* USEC_NEVER: none */
	usec_t told_at;
	bool own_untold; /* the same, as far as told on the path itself */
	usec_t own_told_at;
	uint64_t dropped; /* ranges forgotten for want of room */
	/* The lowest number that came in this span of ACK_REPEAT, and in the one before. */
	uint64_t low, low_before;
	usec_t low_since;
};

void ack_init(struct ack *a);
/* Packet @number came; the caller has made sure that it is new. */
void ack_record(struct ack *a, uint64_t number, bool eliciting, usec_t now);
/* When an answer is due on the fastest path, and on this path; USEC_NEVER: nothing to tell. */
usec_t ack_due_at(const struct ack *a);
usec_t ack_own_due_at(const struct ack *a);
/* Fills @ret_frame as of @now; false when nothing came yet. */
bool ack_frame(const struct ack *a, uint8_t path_id, usec_t now, struct frame_ack *ret_frame);
/* The other side is told now: by the quickest path, or as a second copy on this path itself. */
void ack_told(struct ack *a, usec_t now);
void ack_own_told(struct ack *a, usec_t now);

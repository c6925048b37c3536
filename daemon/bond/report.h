#pragma once

#include <stdbool.h>

#include "base/clock.h"
#include "bond/playout.h"
#include "wire/frame.h"

/*
 * What the receiver tells the sender about the stream as a whole, and what the sender remembers
 * of it. Counts are cumulative, so a lost report costs nothing.
 */
#define REPORT_SPACING (100 * USEC_PER_MS)

struct report {
	usec_t sent_at;
	uint64_t sent_progress; /* sum of the counts that were sent last */
	struct frame_report peer;
	usec_t heard_at;	  /* 0: never */
	struct frame_report base; /* counts of sessions with earlier instances of the peer */
};

/* Receiver: when a report is due; USEC_NEVER: there is no news. */
usec_t report_due_at(const struct report *r, const struct playout *playout);
/* Receiver: true when the counts changed and the last report is old enough; fills @ret_frame. */
bool report_make(struct report *r, struct playout *playout, usec_t now,
		 struct frame_report *ret_frame);
/* Sender: a report came in. Older ones than the newest are ignored. */
void report_take(struct report *r, const struct frame_report *frame, usec_t now);
/* Sender: the peer was started anew, its counts begin again. */
void report_restart(struct report *r);
/* Sender: all that was ever reported. */
struct frame_report report_total(const struct report *r);

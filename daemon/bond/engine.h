#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bond/advice.h"
#include "bond/backlog.h"
#include "bond/bond.h"
#include "bond/message.h"
#include "bond/parity.h"
#include "bond/path.h"
#include "bond/playout.h"
#include "bond/recovery.h"
#include "bond/redundancy.h"
#include "bond/report.h"
#include "bond/scheduler.h"
#include "bond/peer.h"

/*
 * The inside of the bond, for the files that compose the parts and for nobody else:
 *
 *   bond.c        the facade: life, paths, policy, media in and out
 *   intake.c      what comes in: datagrams, frames, acknowledgements
 *   repair.c      what is to be sent again, and why
 *   departure.c   what leaves next
 *   coding.c      when parity is worth its bytes, and where it goes
 *   turn.c        what time brings
 *   events.c      what people are told
 *   snapshot.c    what is known: bond_stats()
 *   room.c        how much of a stream there is room for
 */
#define ENGINE_ANSWERS 4 /* hellos answered in one turn of the driver */
#define ENGINE_EVENTS  8 /* changes of the session, until the driver fetches them */

struct answer {
	uint32_t link;
	struct bond_address to;
	size_t len;
	uint8_t data[WIRE_HELLO_BYTES];
};

struct coding {
	usec_t look_at; /* the paths are looked at again */
	usec_t span;	/* how long a packet can profit from parity */
	uint64_t lost[BOND_PATHS_MAX], acked[BOND_PATHS_MAX]; /* as the last look saw them */
};

struct bond {
	struct bond_config config;
	usec_t latency; /* in force */
	struct peer peer;
	struct path path[BOND_PATHS_MAX];
	struct scheduler scheduler;
	struct outgoing outgoing;
	struct incoming incoming;
	struct backlog backlog; /* sender */
	struct playout playout; /* receiver */
	struct playout fading;	/* receiver: of the sender before this one; ring NULL: none */
	struct report report;
	struct advice advice;	      /* sender */
	struct redundancy redundancy; /* sender */
	struct parity_sender parity;  /* sender */
	struct coding coding;	      /* sender */
	struct recovery recovery;     /* receiver */
	usec_t lag; /* sender: from the capture of the newest packet to its submission */

	usec_t heard_at; /* anything authentic, on any path */
	usec_t began_at;
	bool told_up; /* as told by the last session event */
	bool closed;
	enum wire_close close_reason;
	bool clock_known; /* the difference of the clocks that one-way delays are based on */
	uint32_t clock;

	usec_t hello_at;     /* not before this, on any path */
	bool asking;	     /* hellos are being sent */
	bool is_ample;	     /* the paths carry less than a third of what they could */
	uint32_t leaving;    /* bit per path: the peer is to be told that it goes */
	uint32_t generation; /* of path status frames */

	struct answer answer[ENGINE_ANSWERS];
	unsigned answers;
	struct {
		enum bond_event_kind kind;
		enum bond_reason reason;
	} event[ENGINE_EVENTS];
	unsigned events;

	usec_t timer_at;  /* what time brings next: turn_run() */
	usec_t depart_at; /* something may leave then */
	bool settled;	  /* nothing happened since turn_run() was called last */
	usec_t now;	  /* of the last call */
	uint8_t out[WIRE_DATAGRAM_MAX + 64];
	uint8_t hello[WIRE_HELLO_BYTES];

	uint64_t input_forged, input_replayed, input_malformed, input_unanchored, input_unknown;
};

/* bond.c */
/* From the capture of a packet to its deadline. */
usec_t engine_hold(const struct bond *b);
/* What of it was left when the newest packet was submitted. */
usec_t engine_time(const struct bond *b);
/* How long the oldest packet that was never sent waits here. */
usec_t engine_waiting(struct bond *b, usec_t now);
/* Of the fastest path; 0: unknown. */
usec_t engine_rtt_min(const struct bond *b);
/* No path but @p can carry media. */
bool engine_is_alone(const struct bond *b, const struct path *p);
/* A new session is current; numbers begin again. @restarted: the peer is another instance. */
void engine_new_session(struct bond *b, bool restarted, usec_t now);
int engine_path_open(struct bond *b, unsigned id, usec_t now);

/* repair.c */
void repair_acked(struct bond *b, const struct sent *s, usec_t now);
void repair_lost(struct bond *b, struct path *p, const struct sent *s, usec_t now);
/* Declares lost what is lost by now; when to look again. */
usec_t repair_detect(struct bond *b, struct path *p, usec_t now);
/* Copies what takes too long on its path; when to look again. */
usec_t repair_overdue(struct bond *b, struct path *p, usec_t now);
/* Copies what another path would bring much earlier. */
void repair_overtake(struct bond *b, struct path *p, usec_t now);
/* Everything that is out on this path goes elsewhere. */
void repair_evacuate(struct bond *b, struct path *p, bool forget, usec_t now);

/* coding.c */
/* A media packet was submitted. */
void coding_submitted(struct bond *b, const uint8_t *data, size_t len, usec_t captured, usec_t now);
/* A parity packet that may leave now, and where. */
bool coding_next(struct bond *b, struct frame_parity *ret_frame, unsigned *ret_path, usec_t now);

/* turn.c */
/* Does what is due; when it is to be called again, as far as nothing else happens. */
usec_t turn_run(struct bond *b, usec_t now);

/* events.c */
void event_session(struct bond *b, enum bond_event_kind kind, enum bond_reason reason);

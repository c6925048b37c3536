#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "tools/linksim/scenario.h"

/*
 * A spread decides which link takes a datagram, and learns from what comes back. Four ways: that of
 * SRTLA senders, window / (in flight + 1) with their constants; a round robin with fixed weights;
 * one link; all links. The first two leave out a link on which nothing came for 4 s, and ask there
 * once a second.
 */
enum spread_way {
	SPREAD_CLASSIC,
	SPREAD_WEIGHTED,
	SPREAD_SINGLE,
	SPREAD_ALL,
};

#define SPREAD_LOG	 256 /* sequence numbers that a link remembers */
#define SPREAD_SILENCE	 (4 * USEC_PER_SEC)
#define SPREAD_NOBODY	 UINT32_MAX
#define SPREAD_LOG_EMPTY UINT64_MAX

struct spread_link {
	bool present;
	uint64_t weight; /* mean capacity */
	usec_t heard;	 /* last; 0: dead */
	usec_t sent;	 /* last */

	int32_t window; /* in thousandths of a packet */
	int32_t in_flight;
	uint64_t log[SPREAD_LOG];
	unsigned log_at;

	int64_t credit; /* weighted */
};

struct spread {
	enum spread_way way;
	unsigned links;
	struct spread_link link[SCENARIO_LINKS_MAX];
};

void spread_init(struct spread *spread, enum spread_way way, unsigned links);
/* The link is (again) there, with a fresh socket. */
void spread_add(struct spread *spread, unsigned link, usec_t now);
void spread_drop(struct spread *spread, unsigned link);

/* The link for the next datagram, or SPREAD_NOBODY. SPREAD_ALL: ask spread_takes() instead. */
unsigned spread_choose(struct spread *spread, usec_t now);
/* Whether @link takes a copy of everything. */
bool spread_takes(const struct spread *spread, unsigned link);
void spread_sent(struct spread *spread, unsigned link, uint64_t number, usec_t now);
/* The socket refused. */
void spread_failed(struct spread *spread, unsigned link);
void spread_heard(struct spread *spread, unsigned link, usec_t now);
/* The receiver of the spread has @number (SRTLA's own acknowledgement). */
void spread_acknowledged(struct spread *spread, uint64_t number);
/* SRT's receiver has everything below @number; asks for @number again. */
void spread_complete(struct spread *spread, uint64_t below);
void spread_asked(struct spread *spread, uint64_t number);
/* Whether @link must be asked for a sign of life now; @now and again a second later. */
bool spread_asks(const struct spread *spread, unsigned link, usec_t now);

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * SRT's recovery, as far as it decides what arrives when: the sender keeps what is not acknowledged
 * and sends again what a NAK asks for, not twice within a round trip, not what is too old
 * (TLPKTDROP); the receiver acknowledges every 10 ms, reports a hole once `tolerance` later packets
 * are there and again every max(20 ms, (SRTT + 4 RTTVar) / 2), and skips what is missing when a
 * later packet is due. The periodic report leaves out what is within the tolerance: stock libsrt
 * does not, which over several links costs it more than half its bytes again.
 *
 * Packets count from 0. Both ends live in one object; what they know of each other goes through
 * the driver's messages alone.
 */
#define SRT_ACK_EVERY	   (10 * USEC_PER_MS)
#define SRT_TOLERANCE	   40  /* LOSSMAXTTL as SRTLA receivers set it */
#define SRT_NAK_MAX	   256 /* sequence numbers in one report */
#define SRT_RTT_START	   (100 * USEC_PER_MS)
#define SRT_RTT_VAR_START  (50 * USEC_PER_MS)
#define SRT_DROP_AGE_MIN   USEC_PER_SEC
#define SRT_DROP_AGE_EXTRA (20 * USEC_PER_MS)

struct srt_packet {
	usec_t captured;
	usec_t sent; /* last; 0: never */
	bool arrived;
};

struct srt_rtt {
	usec_t smoothed, variance;
};

struct srt {
	struct srt_packet *packet;
	uint64_t count, room;
	usec_t latency;
	unsigned tolerance;

	/* The sender */
	uint64_t acked; /* everything below it has arrived, or was given up */
	struct srt_rtt told;

	/* The receiver */
	uint64_t next;	   /* to be handed on */
	uint64_t highest;  /* one more than the highest that came */
	uint64_t first;	   /* nothing from `next` to here has come */
	uint64_t reported; /* holes below it were reported */
	struct srt_rtt rtt;
	usec_t ack_at, nak_at;
};

/* Both times count until the receiver hands on: its latency is that of the whole way. */
void srt_init(struct srt *srt, usec_t latency, unsigned tolerance);
void srt_deinit(struct srt *srt);

/* 0 or -ENOMEM. The packet must be sent now. */
int srt_submit(struct srt *srt, usec_t now);
/* A report asks for @number: whether it is sent again. */
bool srt_asked(struct srt *srt, uint64_t number, usec_t now);
void srt_acknowledged(struct srt *srt, uint64_t below, const struct srt_rtt *rtt);

/* False: it was there already, or its time is over. */
bool srt_arrived(struct srt *srt, uint64_t number);
void srt_round_trip(struct srt *srt, usec_t sample);
/* The next packet to hand on, or UINT64_MAX. What was skipped before it is lost. */
uint64_t srt_deliver(struct srt *srt, usec_t now);
/* When the first packet behind a hole is due. */
usec_t srt_due_at(struct srt *srt);
/* What an acknowledgement says now: everything below is there. */
uint64_t srt_complete(const struct srt *srt);
/* The holes to report: new ones, or, @periodic, all. Returns how many. */
unsigned srt_report(struct srt *srt, bool periodic, uint64_t ret_number[static SRT_NAK_MAX]);
usec_t srt_nak_interval(const struct srt *srt);

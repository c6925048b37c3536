#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "capacity.h"

/*
 * A link: what one direction of a bad network does to packets. Pure and deterministic: the
 * simulator runs it in virtual time, linksim on real sockets. The way of a packet:
 *
 *     link_send -> MTU -> drop-tail queue -> bottleneck (capacity) -> loss -> delay, jitter,
 *     duplication -> link_receive
 *
 * What is lost has used its share of the capacity first, as on a radio link. Delay keeps the order
 * of packets unless `reorder` is set.
 *
 * The driver calls link_receive() until NULL whenever link_next_at() has come, and after nothing
 * else; all calls take a `now` that never goes back.
 *
 * Not modelled: competing traffic (take it off the rate), a radio's state machine and its
 * promotion delay, active queue management, ECN, ICMP, corruption (a checksum turns it into loss).
 */
#define LINK_PACKET_MAX	   2048
#define LINK_SLOTS_DEFAULT 8192
#define LINK_JITTER_GRAIN  (10 * USEC_PER_MS)

enum link_outage {
	LINK_OUTAGE_NONE,
	LINK_OUTAGE_BLACKHOLE, /* takes everything, delivers nothing, says nothing */
	LINK_OUTAGE_STALL,     /* the bottleneck stands still; the queue fills, and drains after */
	LINK_OUTAGE_SUSPEND, /* everything stands still, also what is on its way; nothing is lost */
	LINK_OUTAGE_DOWN,    /* refuses; what was queued or on its way is gone */
};

struct link_config {
	/* Delay after the bottleneck; the jitter is added or taken off, bell-shaped within
	 * +-jitter. It is drawn anew every LINK_JITTER_GRAIN (neighbours share it as they share a
	 * grant of the radio), with `reorder` for each packet. */
	usec_t delay;
	usec_t jitter;
	bool reorder;

	unsigned loss_ppm; /* of each packet, independent */
	/* Gilbert-Elliott: per packet the chances to enter and leave the bad state, in which
	 * burst_loss_ppm are lost. */
	unsigned burst_enter_ppm;
	unsigned burst_leave_ppm;
	unsigned burst_loss_ppm;
	unsigned duplicate_ppm;

	/* What does not fit is dropped. Time is reckoned at the present (mean) rate. 0: only the
	 * number of slots limits it. */
	usec_t queue;
	uint64_t queue_bytes;

	unsigned overhead_bytes; /* added to the length of each packet: 28 for IPv4 and UDP */
	unsigned mtu;		 /* of length and overhead; 0: LINK_PACKET_MAX alone limits it */
};

enum link_verdict {
	LINK_TAKEN,   /* on its way (which may well end in a black hole) */
	LINK_DROPPED, /* no room, or too long */
	LINK_IS_DOWN, /* the sender notices */
};

struct link_packet {
	uint64_t tag; /* the driver's */
	size_t len;
	uint8_t data[LINK_PACKET_MAX];
	/* private */
	usec_t due;
	uint64_t order; /* of entry into the flight: ties of `due` keep it */
	uint32_t next;
};

/* Cumulative; packets unless the name says otherwise. */
struct link_counters {
	uint64_t offered, offered_bytes;
	uint64_t delivered, delivered_bytes;
	uint64_t dropped_queue; /* drop-tail */
	uint64_t dropped_mtu;
	uint64_t dropped_outage;
	uint64_t lost; /* loss and burst loss */
	uint64_t duplicated;
	uint64_t queue_bytes_max; /* the largest queue there was */
};

struct link;

/* NULL: out of memory. @slots: how many packets it can hold in all (0: LINK_SLOTS_DEFAULT). */
struct link *link_new(const struct link_config *config, unsigned slots, uint64_t seed, usec_t now);
struct link *link_free(struct link *link);

/* Changes take effect at @now; what is queued or on its way stays. */
void link_set(struct link *link, const struct link_config *config, usec_t now);
const struct link_config *link_config(const struct link *link);
void link_set_rate(struct link *link, uint64_t rate_bps, usec_t now);
/* The tables are borrowed; see capacity.h. */
void link_set_steps(struct link *link, const struct capacity_step *steps, size_t count,
		    usec_t period, usec_t now);
void link_set_trace(struct link *link, const uint32_t *trace_ms, size_t count, usec_t now);
/* The trace in force, or NULL. */
const uint32_t *link_trace(const struct link *link, size_t *ret_count);
void link_set_outage(struct link *link, enum link_outage outage, usec_t now);
enum link_outage link_outage(const struct link *link);
uint64_t link_rate_bps(const struct link *link); /* present, of a table the mean; 0: unlimited */

enum link_verdict link_send(struct link *link, const uint8_t *data, size_t len, uint64_t tag,
			    usec_t now);
/* When link_receive() must be called at the latest; it may then still have nothing. */
usec_t link_next_at(const struct link *link);
/* The next packet that has arrived, or NULL. Valid until the next call on this link. */
const struct link_packet *link_receive(struct link *link, usec_t now);

const struct link_counters *link_counters(const struct link *link);
uint64_t link_queued_bytes(const struct link *link); /* waiting for the bottleneck or in it */
/* Packets that are queued or on their way: 0 when the link is empty. */
unsigned link_held(const struct link *link);

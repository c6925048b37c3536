#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * The recorder checks every media packet that comes out of the bond: it is one that went in,
 * unmodified, in order, once; and it measures: delays, gaps, what is missing or late. Times are
 * those of the world.
 */
#define RECORDER_BUDGETS 4
extern const unsigned recorder_budget_ms[RECORDER_BUDGETS];

struct recorder_figures {
	uint64_t submitted; /* also those the bond had no room for */
	uint64_t delivered;
	uint64_t lost;			   /* submitted and never delivered */
	uint64_t late;			   /* delivered after the deadline */
	uint64_t within[RECORDER_BUDGETS]; /* delivered by so many ms after submission */
	uint64_t again;			   /* delivered a second time, by a restarted receiver */
	usec_t least, p50, p95, p99, p999, most; /* delay from submission to delivery */
	usec_t gap;				 /* longest time between two deliveries */
	usec_t gap_at;				 /* when the longest one ended */
	/* By how much the distance of two deliveries differed from that of their submissions, at
	 * most: of one to the next, and of those a second apart. Not across a hole of a second. */
	usec_t spacing, wander;
	usec_t spacing_at, wander_at;
};

struct recorder {
	struct record *record; /* one per packet submitted, by its number */
	uint64_t count, room;
	usec_t from;		 /* packets submitted before do not count */
	usec_t deadline;	 /* a delay beyond it is late */
	usec_t last_at;		 /* of the last delivery; 0: none yet */
	usec_t last_in;		 /* when that one was submitted */
	usec_t mark_at, mark_in; /* the same of one up to a second before; 0: none */
	uint64_t next;		 /* numbers below it cannot come any more in this epoch */
	unsigned epoch;		 /* counts the receivers */
	bool unordered; /* a coded layer is above the bond: order and counts are not checked */
	bool fresh;	/* nothing came yet from the present pair of bonds */
	struct recorder_figures figures;
};

/* 0 or -ENOMEM. */
int recorder_init(struct recorder *recorder, usec_t deadline);
void recorder_deinit(struct recorder *recorder);
/* Packet @number went into the bond, or was refused. Numbers count from 0. 0 or -ENOMEM. */
int recorder_submitted(struct recorder *recorder, uint64_t number, bool accepted, usec_t now);
usec_t recorder_submitted_at(const struct recorder *recorder, uint64_t number);
/* A packet came out. NULL, or what is wrong with it. @lost: what the bond says it gave up just
 * before it. */
const char *recorder_delivered(struct recorder *recorder, const uint8_t *data, size_t len,
			       uint64_t lost, usec_t now);
/* The same for a packet whose bytes are known to be right. */
const char *recorder_took(struct recorder *recorder, uint64_t number, uint64_t lost, usec_t now);
/* A new receiver begins: it cannot know what the old one delivered. */
void recorder_receiver_restarted(struct recorder *recorder);
/* A new sender begins: it does not know what the old one had still to send. */
void recorder_sender_restarted(struct recorder *recorder);
/* Fills in what is lost and the delays. */
void recorder_finish(struct recorder *recorder);

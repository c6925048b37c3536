#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * The bounded queue between the thread that reads the stream and the one that writes it to a disk
 * of any mood. Its memory grows with what waits, up to the bound, and is given back.
 */
#define BLOCK_BYTES (348 * 188) /* whole packets, just below 64 kB */

struct block {
	struct block *next;
	usec_t at;	    /* when its first byte came */
	uint64_t unix_usec; /* the same by the wall clock */
	size_t len;	    /* a multiple of 188 once it is queued */
	size_t taken;	    /* of the writer: what is dealt with */
	uint8_t data[BLOCK_BYTES];
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct block *head, **tail;
	size_t blocks, blocks_max;
	uint64_t bytes; /* waiting */
	bool closed;
};

/* What both sides want to know at one moment. */
struct queue_state {
	uint64_t bytes;
	size_t blocks;
	usec_t oldest; /* when the first byte that waits came; USEC_NEVER: nothing waits */
};

void queue_init(struct queue *queue, uint64_t max_bytes);
void queue_deinit(struct queue *queue);

/* Takes @block, or returns false because the bound is reached (it stays the caller's). */
bool queue_put(struct queue *queue, struct block *block);
/* No more blocks will come. */
void queue_close(struct queue *queue);

/* The oldest block, which stays in the queue; waits until @deadline (CLOCK_MONOTONIC). NULL: none
 * until then, or none any more (*ret_closed). */
struct block *queue_peek(struct queue *queue, usec_t deadline, bool *ret_closed);
/* Removes and releases the oldest block. */
void queue_drop_head(struct queue *queue);
/* Waits until @deadline or until the queue is closed; true: closed. */
bool queue_wait_closed(struct queue *queue, usec_t deadline);
void queue_state(struct queue *queue, struct queue_state *ret_state);

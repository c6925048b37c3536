#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "bond/bond.h"

/*
 * Junk: what an unfriendly network throws at a bond. Random bytes, genuine datagrams cut short,
 * with a flipped bit or a second time, from where they came or from elsewhere, and the hellos of a
 * stranger with another key. None of it may change anything but counters.
 */
#define JUNK_CAPTURES 64

struct junk_item {
	bool to_receiver;
	bool elsewhere; /* comes from an address that nobody has */
	size_t len;
	uint8_t data[WIRE_DATAGRAM_MAX];
};

struct junk {
	struct rng rng;
	struct bond *stranger;
	struct junk_item capture[JUNK_CAPTURES];
	unsigned captures;
};

/* 0 or -ENOMEM. */
int junk_init(struct junk *junk, uint64_t seed);
void junk_deinit(struct junk *junk);
/* Remembers a genuine datagram, to be used against its receiver. */
void junk_capture(struct junk *junk, bool to_receiver, const uint8_t *data, size_t len);
/* One more piece of it. */
void junk_next(struct junk *junk, usec_t now, struct junk_item *ret_item);

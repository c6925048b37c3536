#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link.h"

/*
 * A setting: one word "key=value" that changes a link.
 *
 *     rate=20M           bit/s with k, M, G; none: unlimited
 *     trace=FILE         delivery opportunities (see capacity.h): one time stamp in ms per line
 *     delay=40ms         after the bottleneck; us, ms, s, min
 *     jitter=5ms         +-, keeps the order
 *     reorder=yes        jitter may change the order; no
 *     loss=1%            of each packet; %, ppm
 *     burst=5%:8         loss in runs: share and mean length in packets; none
 *     duplicate=0.1%
 *     queue=300ms        drop-tail, in time at the present rate; none
 *     queue-bytes=64k    drop-tail, in bytes; none
 *     mtu=1500           with overhead; none
 *     overhead=28        bytes counted for each packet on top of its length
 *     outage=blackhole   none, blackhole, stall, suspend, down (see link.h)
 */
enum setting_key {
	SETTING_RATE,
	SETTING_TRACE,
	SETTING_DELAY,
	SETTING_JITTER,
	SETTING_REORDER,
	SETTING_LOSS,
	SETTING_BURST,
	SETTING_DUPLICATE,
	SETTING_QUEUE,
	SETTING_QUEUE_BYTES,
	SETTING_MTU,
	SETTING_OVERHEAD,
	SETTING_OUTAGE,
	SETTING_KEYS
};

struct setting {
	enum setting_key key;
	uint64_t value;	       /* us, bit/s, ppm, bytes, enum link_outage, as the key needs */
	uint64_t burst[3];     /* BURST: ppm to enter, to leave, to lose */
	const char *trace;     /* TRACE: path of the file, inside the parsed word */
	const uint32_t *table; /* TRACE: filled in by who loads it */
	size_t count;
};

/* 0; -EINVAL: *ret_why says why (a constant text). */
int setting_parse(const char *word, struct setting *ret_setting, const char **ret_why);
void setting_apply(struct link *link, const struct setting *setting, usec_t now);
/* What a later setting_apply() puts back. */
struct setting setting_read(const struct link *link, enum setting_key key);

/* Values alone, with their units; 0 or -EINVAL. */
int setting_duration(const char *text, usec_t *ret_usec);
int setting_number(const char *text, uint64_t *ret_number); /* k, M, G: powers of 1000 */
int setting_share(const char *text, unsigned *ret_ppm);	    /* % or ppm, at most 100 % */

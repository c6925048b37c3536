#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bond/bond.h"

/*
 * How much each uplink has carried on this day and in this month, for data caps. Pure: days come in
 * as numbers (20261124), in whichever time zone the caller lives.
 */
#define USAGE_ENTRIES_MAX 64
#define USAGE_TEXT_MAX	  (USAGE_ENTRIES_MAX * 96)

struct usage_entry {
	char name[BOND_NAME_MAX];
	uint32_t day; /* that day_bytes is of */
	uint64_t day_bytes, month_bytes;
};

struct usage {
	unsigned count;
	struct usage_entry entry[USAGE_ENTRIES_MAX];
};

/* The number of a date; @month from 1. */
static inline uint32_t usage_day(unsigned year, unsigned month, unsigned day)
{
	return (uint32_t)(year * 10000 + month * 100 + day);
}

/* Of one path, what is counted of what it has carried since the bond began. */
struct usage_seen {
	uint64_t bytes, datagrams;
};

/* What came in addition, with @header_bytes for each datagram: its headers now. */
uint64_t usage_since(struct usage_seen *seen, uint64_t bytes, uint64_t datagrams,
		     unsigned header_bytes);
/* Counts; where there is no place, that of the uplink used longest ago is taken. */
void usage_add(struct usage *usage, const char *name, uint64_t bytes, uint32_t today);
void usage_get(const struct usage *usage, const char *name, uint32_t today, uint64_t *ret_day,
	       uint64_t *ret_month);

/* As lines "NAME DAY DAY_BYTES MONTH_BYTES"; the length. */
size_t usage_print(const struct usage *usage, char text[static USAGE_TEXT_MAX]);
/* Takes over such lines; how many were none. */
unsigned usage_parse(struct usage *usage, const char *text);

/* How near a cap is. */
enum usage_level {
	USAGE_LEVEL_FINE,
	USAGE_LEVEL_NEAR,    /* 80 % are used */
	USAGE_LEVEL_CLOSE,   /* 95 % */
	USAGE_LEVEL_REACHED, /* what may come until the next look does not fit any more */
};

/* @soon: bytes until the next look. A cap of 0 is none. */
enum usage_level usage_level(uint64_t used, uint64_t cap, uint64_t soon);

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/rng.h"
#include "uplinkd/wire.h"

/*
 * What a rehearsal sends through a bond, as include/uplinkd/wire.h tells in section 6: media that
 * nobody is to see, the question how it arrived, and the answer.
 */
enum rehearse_kind {
	REHEARSE_MEDIA = 0,
	REHEARSE_ASK = 1,
	REHEARSE_REPORT = 2,
};

#define REHEARSE_HEADER_BYTES 6
#define REHEARSE_REPORT_MAX   (REHEARSE_HEADER_BYTES + 18 + 1 + HISTOGRAM_BUCKETS * 5)

struct rehearse_report {
	uint64_t packets; /* that came */
	uint64_t lost;	  /* that were given up before one that came */
	struct histogram delays;
};

/* Of a rehearsal and not of the stream. */
bool rehearse_is(const uint8_t *data, size_t len);
/* False: malformed, or of a kind that is not known. */
bool rehearse_decode(const uint8_t *data, size_t len, enum rehearse_kind *ret_kind,
		     uint32_t *ret_id);

/* Writes @len bytes, at least REHEARSE_HEADER_BYTES, that no link can compress. */
void rehearse_media(uint8_t *data, size_t len, uint32_t id, struct rng *rng);
/* Writes REHEARSE_HEADER_BYTES. */
void rehearse_ask(uint8_t *data, uint32_t id);
/* The bytes written to @data, which has REHEARSE_REPORT_MAX. */
size_t rehearse_report_encode(uint8_t *data, uint32_t id, const struct rehearse_report *report);
/* False, and *ret_report untouched: malformed. */
bool rehearse_report_decode(const uint8_t *data, size_t len, struct rehearse_report *ret_report);

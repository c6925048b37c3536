#pragma once

#include "base/cursor.h"

/*
 * AAC frames: with ADTS headers in MPEG-TS, bare in FLV, where an AudioSpecificConfig sent ahead
 * says what they are (ISO/IEC 14496-3, 1.6.2.1 and 1.A.2.2).
 */
#define ADTS_HEADER_SIZE   7
#define ADTS_FRAME_MAX	   8191 /* 13 bits of length */
#define ADTS_CONFIG_SIZE   2
#define ADTS_FRAME_SAMPLES 1024

struct adts_config {
	uint8_t object_type; /* 1 Main, 2 LC, 3 SSR, 4 LTP: what ADTS can say */
	uint8_t rate_index;  /* 0 to 12 */
	uint8_t channels;    /* channel configuration, 1 to 7 */
};

/* The sample rate of an index; 0 for none. */
uint32_t adts_rate(unsigned rate_index);
/* The frame at the beginning of @data, which has @len bytes: returns the length of the whole frame
 * with its header, which may be more than @len; 0 when no ADTS header begins here (or fewer than
 * ADTS_HEADER_SIZE bytes are there). *@ret_header: bytes before the AAC data, 7 or 9. */
size_t adts_parse(const uint8_t *data, size_t len, struct adts_config *ret_config,
		  size_t *ret_header);
/* A header for @payload bytes of AAC data. */
void adts_write_header(const struct adts_config *config, size_t payload, struct writer *w);
/* The first bytes of an AudioSpecificConfig of any length; SBR and PS signalling is skipped, as a
 * decoder finds both by itself. False: nothing that ADTS could carry. */
bool adts_read_asc(const uint8_t *data, size_t len, struct adts_config *ret_config);
void adts_write_asc(const struct adts_config *config, struct writer *w);

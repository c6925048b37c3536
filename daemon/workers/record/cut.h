#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Where a recording may be cut: a pure look at whole MPEG-TS packets (ISO/IEC 13818-1, 2.4.3).
 */
#define CUT_PACKET 188

enum cut_rule {
	CUT_RULE_KEYFRAME, /* at a PAT that is followed by a video key picture before the next */
	CUT_RULE_TABLE,	   /* at any PAT */
	CUT_RULE_ANY,	   /* here */
};

/* The offset of the first packet of the new segment; @len: there is no such place. @len is a
 * multiple of CUT_PACKET. */
size_t cut_find(const uint8_t *data, size_t len, enum cut_rule rule);

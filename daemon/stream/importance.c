#include "stream/importance.h"

void importance_init(struct importance *importance)
{
	ts_init(&importance->ts);
}

/* The start of a picture may not tell its class yet; it counts as one that others need. */
enum wire_class importance_of(struct importance *importance, const uint8_t *data, size_t len)
{
	enum wire_class class = WIRE_CLASS_DISPOSABLE;

	if (!len || len % TS_PACKET_BYTES || data[0] != TS_SYNC)
		return WIRE_CLASS_REFERENCE;
	for (size_t at = 0; at < len; at += TS_PACKET_BYTES) {
		struct ts_info info;

		if (!ts_read(&importance->ts, data + at, &info))
			info.class = WIRE_CLASS_REFERENCE;
		if (info.class < class)
			class = (enum wire_class)info.class;
	}
	return class;
}

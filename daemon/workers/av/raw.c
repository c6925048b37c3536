#include "workers/av/raw.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct raw {
	pthread_mutex_t lock;
	uint64_t end; /* the place of the next byte to come */
	size_t size;
	uint8_t data[];
};

struct raw *raw_new(size_t bytes)
{
	struct raw *raw = malloc(sizeof(*raw) + bytes);

	if (!raw)
		return NULL;
	raw->end = 0;
	raw->size = bytes;
	(void)pthread_mutex_init(&raw->lock, NULL);
	return raw;
}

struct raw *raw_free(struct raw *raw)
{
	if (!raw)
		return NULL;
	(void)pthread_mutex_destroy(&raw->lock);
	free(raw);
	return NULL;
}

void raw_append(struct raw *raw, const uint8_t *data, size_t len)
{
	(void)pthread_mutex_lock(&raw->lock);
	while (len) {
		size_t at = (size_t)(raw->end % raw->size);
		size_t n = len < raw->size - at ? len : raw->size - at;

		memcpy(raw->data + at, data, n);
		raw->end += n;
		data += n;
		len -= n;
	}
	(void)pthread_mutex_unlock(&raw->lock);
}

long raw_read(struct raw *raw, uint64_t position, uint8_t *data, size_t len)
{
	long outcome;

	(void)pthread_mutex_lock(&raw->lock);
	if (position + raw->size < raw->end) {
		outcome = -ERANGE;
	} else {
		size_t done = 0;

		while (done < len && position < raw->end) {
			size_t at = (size_t)(position % raw->size);
			size_t n = raw->size - at;

			n = n < len - done ? n : len - done;
			n = n < raw->end - position ? n : (size_t)(raw->end - position);
			memcpy(data + done, raw->data + at, n);
			done += n;
			position += n;
		}
		outcome = (long)done;
	}
	(void)pthread_mutex_unlock(&raw->lock);
	return outcome;
}

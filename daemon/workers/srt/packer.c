#include "workers/srt/packer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "workers/srt/framer.h"

bool packer_has_room(const struct packer *packer)
{
	return !packer->ended && packer->end - packer->begin < LEG_MESSAGE;
}

int packer_read(struct packer *packer, int fd, usec_t now)
{
	ssize_t n;

	memmove(packer->data, packer->data + packer->begin, packer->end - packer->begin);
	packer->end -= packer->begin;
	packer->begin = 0;
	n = read(fd, packer->data + packer->end, PACKER_BYTES - packer->end);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	packer->ended = !n;
	packer->end += (size_t)n;
	packer->since = now;
	return 0;
}

usec_t packer_due(const struct packer *packer)
{
	size_t len = packer->end - packer->begin;

	if (len < FRAMER_PACKET)
		return USEC_NEVER;
	return len >= LEG_MESSAGE || packer->ended ? 0 : packer->since + PACKER_FLUSH_USEC;
}

size_t packer_peek(const struct packer *packer, usec_t now, const uint8_t **ret_message)
{
	size_t len = packer->end - packer->begin;

	if (now < packer_due(packer))
		return 0;
	*ret_message = packer->data + packer->begin;
	return len >= LEG_MESSAGE ? LEG_MESSAGE : len - len % FRAMER_PACKET;
}

void packer_consume(struct packer *packer, size_t len)
{
	packer->begin += len;
}

#include "workers/av/output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void output_init(struct output *output, int fd)
{
	memset(output, 0, sizeof(*output));
	output->fd = fd;
}

void output_change(struct output *output)
{
	memset(output->joined, 0, sizeof(output->joined));
}

static void output_give(struct output *output, const uint8_t *data, size_t len)
{
	output->bytes += len;
	while (len && !output->gone) {
		ssize_t n = write(output->fd, data, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd item = { .fd = output->fd, .events = POLLOUT };

			(void)poll(&item, 1, 1000);
		} else if (n < 0 && errno != EINTR) {
			output->gone = true;
		} else if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

static void output_give_joint(struct output *output, unsigned pid, unsigned continuity)
{
	uint8_t joint[TS_PACKET_BYTES];

	memset(joint, 0xff, sizeof(joint));
	joint[0] = TS_SYNC;
	joint[1] = (uint8_t)(pid >> 8);
	joint[2] = (uint8_t)pid;
	joint[3] = (uint8_t)(0x20 | continuity); /* an adaptation field alone */
	joint[4] = TS_PACKET_BYTES - 5;
	joint[5] = 0x80; /* discontinuity_indicator */
	output_give(output, joint, sizeof(joint));
}

void output_write(struct output *output, const uint8_t *data, size_t len)
{
	size_t given = 0;

	for (size_t i = 0; i + TS_PACKET_BYTES <= len; i += TS_PACKET_BYTES) {
		unsigned pid = (data[i + 1] & 0x1fu) << 8 | data[i + 2];
		unsigned before = (data[i + 3] - 1) & 0x0f; /* the counter of the one before */

		if (!(data[i + 3] & 0x10) || pid == TS_PID_NULL)
			continue;
		if (!output->joined[pid] && output->seen[pid] &&
		    output->continuity[pid] != before) {
			output_give(output, data + given, i - given);
			output_give_joint(output, pid, before);
			given = i;
		}
		output->joined[pid] = output->seen[pid] = true;
		output->continuity[pid] = data[i + 3] & 0x0f;
	}
	output_give(output, data + given, len - given);
}

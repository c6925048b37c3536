#include "workers/av/reference.h"

#include <string.h>

#include "workers/av/timeline.h"

#define LATE	 (1 * TIMELINE_HZ)
#define LEAD_MAX (10 * TIMELINE_HZ)

void reference_init(struct reference *reference)
{
	memset(reference, 0, sizeof(*reference));
	ts_align_init(&reference->align);
}

static void reference_packet(struct reference *reference, const uint8_t *data)
{
	struct ts_packet packet;
	uint64_t pts, dts;

	if (!ts_packet_decode(data, &packet))
		return;
	if (packet.has_pcr) {
		reference->known = true;
		reference->pid = packet.pid;
		reference->base = packet.pcr / 300;
	}
	if (!reference->known || packet.pid != reference->pid || !packet.start ||
	    !ts_pes_times(packet.payload, packet.payload_len, &pts, &dts))
		return;
	if (((dts - reference->base + LATE) & (TIMELINE_WRAP - 1)) <= LATE + LEAD_MAX)
		reference->row = 0;
	else if (++reference->row >= REFERENCE_ROW)
		reference->wrong++;
}

void reference_feed(struct reference *reference, const uint8_t *data, size_t len)
{
	const uint8_t *run;
	size_t count;

	while ((count = ts_align_next(&reference->align, &data, &len, &run)))
		for (size_t i = 0; i < count; i++)
			reference_packet(reference, run + i * TS_PACKET_BYTES);
}

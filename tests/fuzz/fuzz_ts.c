#include "fuzz/fuzz.h"

#include <string.h>

#include "stream/ts.h"

/*
 * First byte: the size of the pieces; the rest is a stream of bytes. What is handed out must be
 * found in the input, in order, and garbage and packets must add up.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ts_align align;
	static struct ts ts;
	size_t piece, at = 0, handed = 0;

	if (!size)
		return 0;
	piece = 1 + (size_t)data[0] * data[0] / 16;
	data++;
	size--;
	ts_align_init(&align);
	ts_init(&ts);
	while (at < size) {
		size_t len = size - at < piece ? size - at : piece, n;
		const uint8_t *next = data + at, *run;

		at += len;
		while ((n = ts_align_next(&align, &next, &len, &run))) {
			FUZZ_CHECK(n <= TS_ALIGN_PACKETS);
			for (size_t i = 0; i < n; i++) {
				const uint8_t *packet = run + i * TS_PACKET_BYTES;
				uint8_t *exact = malloc(TS_PACKET_BYTES);
				struct ts_info info;

				FUZZ_CHECK(exact && packet[0] == TS_SYNC);
				memcpy(exact, packet, TS_PACKET_BYTES);
				if (ts_read(&ts, exact, &info)) {
					FUZZ_CHECK(info.class <= WIRE_CLASS_DISPOSABLE);
					FUZZ_CHECK(info.missing < 16);
					FUZZ_CHECK(info.packet.payload_len <= 184);
				}
				free(exact);
			}
			handed += n * TS_PACKET_BYTES;
		}
		FUZZ_CHECK(!len);
		FUZZ_CHECK(align.packets * TS_PACKET_BYTES == handed);
		FUZZ_CHECK(handed + align.garbage + align.len - align.handed == at);
	}
	ts_align_reset(&align);
	FUZZ_CHECK(handed + align.garbage == size);
	FUZZ_CHECK(ts.programs <= PSI_PROGRAMS_MAX);
	return 0;
}

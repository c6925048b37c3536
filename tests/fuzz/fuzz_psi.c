#include "fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "stream/picture.h"
#include "stream/psi.h"

/*
 * Bodies of tables without the CRC in the way. First byte: 0 PAT, 1 PMT, 2 H.264, 3 H.265, 4 a
 * sequence of payloads (length, flags, bytes) whose sections get a right CRC.
 */

static void on_section(void *owner, const uint8_t *section, size_t len)
{
	struct psi_pat pat;
	struct psi_pmt pmt;

	(void)owner;
	FUZZ_CHECK(len > 3 && len <= PSI_SECTION_MAX && !psi_crc(section, len));
	(void)psi_pat_decode(section, len, &pat);
	(void)psi_pmt_decode(section, len, &pmt);
}

/* Cut in two at any place the class must be the same. */
static void feed_picture(enum picture_codec codec, const uint8_t *data, size_t size)
{
	struct picture whole, parts;
	size_t cut = size ? data[0] % size : 0;
	bool known;

	picture_init(&whole, codec);
	picture_init(&parts, codec);
	known = picture_feed(&whole, data, size);
	(void)picture_feed(&parts, data, cut);
	FUZZ_CHECK(picture_feed(&parts, data + cut, size - cut) == known);
	FUZZ_CHECK(whole.class == parts.class && whole.class <= WIRE_CLASS_DISPOSABLE);
}

static void feed_sections(const uint8_t *data, size_t size)
{
	struct psi_section section = { .started = false };

	while (size >= 2) {
		size_t len = data[0] % 185;
		uint8_t flags = data[1];

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		psi_feed(&section, data, len, flags & 1, flags & 2, on_section, NULL);
		FUZZ_CHECK(section.len <= PSI_SECTION_MAX);
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct psi_pat pat;
	struct psi_pmt pmt;
	uint8_t what;

	if (!size)
		return 0;
	what = *data++ % 5;
	size--;
	switch (what) {
	case 0:
		if (psi_pat_decode(data, size, &pat))
			FUZZ_CHECK(pat.programs <= PSI_PROGRAMS_MAX);
		break;
	case 1:
		if (psi_pmt_decode(data, size, &pmt))
			FUZZ_CHECK(pmt.streams <= PSI_STREAMS_MAX && pmt.pcr_pid < 8192);
		break;
	case 2:
		feed_picture(PICTURE_H264, data, size);
		break;
	case 3:
		feed_picture(PICTURE_H265, data, size);
		break;
	case 4:
		feed_sections(data, size);
		break;
	}
	return 0;
}

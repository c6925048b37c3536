#include "stream/psi.h"

#include <string.h>

#include "base/cursor.h"

/*
 * Section: u8 table id | 1 bit syntax | 3 bits | 12 bits length of what follows | u16 id | 2 bits |
 * 5 bits version | 1 bit in force | u8 section number | u8 last | ... | u32 CRC.
 *
 * A payload with the start flag begins with a pointer to the first section that starts in it; what
 * lies before belongs to the section that is being collected. Sections may follow each other
 * directly; 0xff ends them. A section is thrown away when packets are missing inside it.
 */

#define HEADER_BYTES 3
#define TABLE_PAT    0x00
#define TABLE_PMT    0x02

uint32_t psi_crc(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint32_t)data[i] << 24;
		for (int bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7u : 0);
	}
	return crc;
}

/* Bytes that the section wants in all, as far as that is known. */
static size_t section_wants(const struct psi_section *section)
{
	if (section->len < HEADER_BYTES)
		return HEADER_BYTES;
	return HEADER_BYTES + ((size_t)(section->data[1] & 0x0f) << 8 | section->data[2]);
}

/* Takes what belongs to the section from @payload; the number of bytes taken. */
static size_t section_take(struct psi_section *section, const uint8_t *payload, size_t len,
			   psi_on_section *on_section, void *owner)
{
	size_t taken = 0;

	while (section->started && taken < len) {
		size_t wants = section_wants(section), n = wants - section->len;

		if (wants > PSI_SECTION_MAX) {
			section->started = false;
			break;
		}
		if (n > len - taken)
			n = len - taken;
		memcpy(section->data + section->len, payload + taken, n);
		section->len = (uint16_t)(section->len + n);
		taken += n;
		if (section->len == section_wants(section) && section->len > HEADER_BYTES) {
			section->started = false;
			if (!psi_crc(section->data, section->len))
				on_section(owner, section->data, section->len);
		} else if (section->len == section_wants(section)) {
			section->started = false; /* says that it is empty */
		}
	}
	return taken;
}

void psi_feed(struct psi_section *section, const uint8_t *payload, size_t len, bool start, bool gap,
	      psi_on_section *on_section, void *owner)
{
	if (gap)
		section->started = false;
	if (!start) {
		(void)section_take(section, payload, len, on_section, owner);
		return;
	}
	if (!len || payload[0] >= len) {
		section->started = false;
		return;
	}
	(void)section_take(section, payload + 1, payload[0], on_section, owner);
	len -= 1u + payload[0];
	payload += 1u + payload[0];
	while (len && payload[0] != 0xff) {
		size_t n;

		section->started = true;
		section->len = 0;
		n = section_take(section, payload, len, on_section, owner);
		payload += n;
		len -= n;
		if (section->started || !n)
			return;
	}
	section->started = false;
}

/* The part between header and CRC of a table with @id; false: another one, or not in force. */
static bool table_body(const uint8_t *section, size_t len, uint8_t id, uint16_t *ret_number,
		       struct cursor *ret_body)
{
	struct cursor in = cursor_of(section, len);
	uint8_t version;

	if (cursor_u8(&in) != id || !(cursor_u16(&in) & 0x8000))
		return false;
	*ret_number = cursor_u16(&in);
	version = cursor_u8(&in);
	(void)cursor_u16(&in);
	if (in.failed || cursor_left(&in) < 4 || !(version & 1))
		return false;
	*ret_body = cursor_of(in.next, cursor_left(&in) - 4);
	return true;
}

int psi_pat_decode(const uint8_t *section, size_t len, struct psi_pat *ret_pat)
{
	struct psi_pat pat = { 0 };
	struct cursor in;
	uint16_t stream;

	if (!table_body(section, len, TABLE_PAT, &stream, &in))
		return 0;
	while (cursor_left(&in) >= 4) {
		uint16_t number = cursor_u16(&in), pid = cursor_u16(&in) & 0x1fff;

		if (!number || pat.programs == PSI_PROGRAMS_MAX)
			continue;
		pat.program[pat.programs].number = number;
		pat.program[pat.programs++].pmt_pid = pid;
	}
	*ret_pat = pat;
	return 1;
}

/* PES private data: what it is, only its descriptors tell (ETSI EN 300 468, 6.1; SMPTE RP 217). */
static enum psi_kind private_kind(struct cursor descriptors)
{
	while (cursor_left(&descriptors)) {
		uint8_t tag = cursor_u8(&descriptors), len = cursor_u8(&descriptors);
		const uint8_t *body = cursor_bytes(&descriptors, len);

		if (!body)
			break;
		switch (tag) {
		case 0x6a: /* AC-3 */
		case 0x7a: /* E-AC-3 */
		case 0x7b: /* DTS */
		case 0x7c: /* AAC */
			return PSI_KIND_AUDIO;
		case 0x05: /* registration */
			if (len < 4)
				break;
			if (!memcmp(body, "HEVC", 4))
				return PSI_KIND_H265;
			if (!memcmp(body, "Opus", 4) || !memcmp(body, "AC-3", 4) ||
			    !memcmp(body, "EAC3", 4) || !memcmp(body, "BSSD", 4))
				return PSI_KIND_AUDIO;
			if (!memcmp(body, "CUEI", 4))
				return PSI_KIND_CUE;
			break;
		}
	}
	return PSI_KIND_OTHER;
}

static enum psi_kind stream_kind(uint8_t type, struct cursor descriptors)
{
	switch (type) {
	case 0x1b:
		return PSI_KIND_H264;
	case 0x24:
		return PSI_KIND_H265;
	case 0x01: /* MPEG-1, MPEG-2, MPEG-4 part 2, JPEG 2000, VVC, VC-1, AVS */
	case 0x02:
	case 0x10:
	case 0x21:
	case 0x33:
	case 0x42:
	case 0xea:
		return PSI_KIND_VIDEO;
	case 0x03: /* MPEG audio, AAC, AC-3, DTS and their kin */
	case 0x04:
	case 0x0f:
	case 0x11:
	case 0x1c:
	case 0x2d:
	case 0x2e:
	case 0x80:
	case 0x81:
	case 0x82:
	case 0x83:
	case 0x84:
	case 0x85:
	case 0x87:
		return PSI_KIND_AUDIO;
	case 0x86:
		return PSI_KIND_CUE;
	case 0x06:
		return private_kind(descriptors);
	default:
		return PSI_KIND_OTHER;
	}
}

int psi_pmt_decode(const uint8_t *section, size_t len, struct psi_pmt *ret_pmt)
{
	struct psi_pmt pmt = { 0 };
	struct cursor in;

	if (!table_body(section, len, TABLE_PMT, &pmt.number, &in))
		return 0;
	pmt.pcr_pid = cursor_u16(&in) & 0x1fff;
	(void)cursor_bytes(&in, cursor_u16(&in) & 0x0fff);
	while (cursor_left(&in)) {
		uint8_t type = cursor_u8(&in);
		uint16_t pid = cursor_u16(&in) & 0x1fff;
		size_t info = cursor_u16(&in) & 0x0fff;
		const uint8_t *descriptors = cursor_bytes(&in, info);

		if (in.failed)
			return 0;
		if (pmt.streams == PSI_STREAMS_MAX)
			continue;
		pmt.stream[pmt.streams].pid = pid;
		pmt.stream[pmt.streams].type = type;
		pmt.stream[pmt.streams++].kind =
			(uint8_t)stream_kind(type, cursor_of(descriptors, info));
	}
	if (in.failed)
		return 0;
	*ret_pmt = pmt;
	return 1;
}

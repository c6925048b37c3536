#pragma once

#include <string.h>

#include "base/cursor.h"
#include "stream/ts.h"
#include "unit/test.h"

/* A small multiplexer: the packets that the tests of the stream's reader are fed with. */

struct mux {
	uint8_t continuity[TS_PIDS];
};

/* A packet of @pid with @payload, filled up by an adaptation field. */
static inline void mux_packet(struct mux *mux, uint8_t *out, uint16_t pid, bool start,
			      const uint8_t *payload, size_t len, int64_t pcr, bool random_access)
{
	struct writer w = writer_of(out, TS_PACKET_BYTES);
	bool clock = pcr >= 0;
	size_t fill = TS_PACKET_BYTES - 4 - len;
	bool field = fill > 0 || clock || random_access;

	assert_true(fill >= (clock ? 8 : random_access ? 2 : 0));
	writer_u8(&w, TS_SYNC);
	writer_u16(&w, (uint16_t)(pid | (start ? 0x4000 : 0)));
	writer_u8(&w, (uint8_t)((field ? 0x20 : 0) | (len ? 0x10 : 0) | mux->continuity[pid]));
	if (len)
		mux->continuity[pid] = (mux->continuity[pid] + 1) & 15;
	if (field) {
		writer_u8(&w, (uint8_t)(fill - 1));
		if (fill > 1)
			writer_u8(&w, (uint8_t)((random_access ? 0x40 : 0) | (clock ? 0x10 : 0)));
		if (clock)
			writer_uint(&w,
				    (uint64_t)(pcr / 300) << 15 | 0x7e00 | (uint64_t)(pcr % 300),
				    6);
	}
	while (writer_left(&w) > len)
		writer_u8(&w, 0xff);
	writer_bytes(&w, payload, len);
	assert_false(w.failed);
}

static inline size_t section_end(struct writer *w)
{
	size_t len = writer_len(w) + 4;

	w->begin[1] = (uint8_t)(0xb0 | (len - 3) >> 8);
	w->begin[2] = (uint8_t)(len - 3);
	writer_u32(w, psi_crc(w->begin, writer_len(w)));
	assert_false(w->failed);
	return len;
}

static inline struct writer section_begin(uint8_t *out, uint8_t table, uint16_t id,
					  unsigned version)
{
	struct writer w = writer_of(out, PSI_SECTION_MAX);

	writer_u8(&w, table);
	writer_u16(&w, 0);
	writer_u16(&w, id);
	writer_u8(&w, (uint8_t)(0xc1 | version << 1));
	writer_u16(&w, 0);
	return w;
}

static inline size_t make_pat(uint8_t *out, unsigned version, const uint16_t *pmt_pids, unsigned n)
{
	struct writer w = section_begin(out, 0, 1, version);

	for (unsigned i = 0; i < n; i++) {
		writer_u16(&w, (uint16_t)(i + 1));
		writer_u16(&w, 0xe000 | pmt_pids[i]);
	}
	return section_end(&w);
}

struct es {
	uint8_t type;
	uint16_t pid;
	const char *registration;
};

static inline size_t make_pmt(uint8_t *out, uint16_t number, unsigned version, uint16_t pcr_pid,
			      const struct es *es, unsigned n)
{
	struct writer w = section_begin(out, 2, number, version);

	writer_u16(&w, 0xe000 | pcr_pid);
	writer_u16(&w, 0xf000);
	for (unsigned i = 0; i < n; i++) {
		writer_u8(&w, es[i].type);
		writer_u16(&w, 0xe000 | es[i].pid);
		writer_u16(&w, es[i].registration ? 0xf006 : 0xf000);
		if (es[i].registration) {
			writer_u16(&w, 0x0504);
			writer_bytes(&w, es[i].registration, 4);
		}
	}
	return section_end(&w);
}

static inline void send_section(struct mux *mux, struct ts *ts, uint16_t pid,
				const uint8_t *section, size_t len)
{
	uint8_t payload[PSI_SECTION_MAX + 1] = { 0 }, packet[TS_PACKET_BYTES];
	struct ts_info info;

	memcpy(payload + 1, section, len++);
	for (size_t at = 0; at < len; at += 184) {
		size_t n = len - at < 184 ? len - at : 184;

		mux_packet(mux, packet, pid, !at, payload + at, n, -1, false);
		assert_int_equal(ts_read(ts, packet, &info), 1);
		assert_int_equal(info.class, WIRE_CLASS_TABLES);
	}
}

static inline void send_tables(struct mux *mux, struct ts *ts, unsigned version,
			       const struct es *es, unsigned n)
{
	static const uint16_t pmt_pid = 0x1000;
	uint8_t section[PSI_SECTION_MAX];

	send_section(mux, ts, 0, section, make_pat(section, 0, &pmt_pid, 1));
	send_section(mux, ts, pmt_pid, section, make_pmt(section, 1, version, 0x100, es, n));
}

static const struct es streams[] = {
	{ 0x1b, 0x100, NULL }, { 0x24, 0x101, NULL },	{ 0x0f, 0x102, NULL },
	{ 0x06, 0x103, NULL }, { 0x06, 0x104, "Opus" }, { 0x02, 0x105, NULL },
};

static inline struct ts_info send(struct mux *mux, struct ts *ts, uint16_t pid, bool start,
				  const void *payload, size_t len)
{
	uint8_t packet[TS_PACKET_BYTES];
	struct ts_info info;

	mux_packet(mux, packet, pid, start, payload, len, -1, false);
	assert_int_equal(ts_read(ts, packet, &info), 1);
	return info;
}

/* A PES packet with @es behind its header, cut into packets of @piece bytes; the info of the last.
 */
static inline struct ts_info send_unit(struct mux *mux, struct ts *ts, uint16_t pid,
				       const uint8_t *es, size_t len, size_t piece)
{
	uint8_t unit[2000] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0 };
	struct ts_info info = { 0 };

	memcpy(unit + 9, es, len);
	len += 9;
	for (size_t at = 0; at < len; at += piece)
		info = send(mux, ts, pid, !at, unit + at, len - at < piece ? len - at : piece);
	return info;
}

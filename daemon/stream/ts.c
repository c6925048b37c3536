#include "stream/ts.h"

#include <string.h>

#include "base/cursor.h"

/*
 * What is known of a PID is one byte in `role`: nothing, a table, a PMT of program n, audio, other,
 * video, or video of a known codec with its picture scanner. PAT and PMT set the roles; a table
 * that came in unchanged (same CRC) costs a comparison. When one changes, all roles are assigned
 * anew from the tables that are in force, so that no PID keeps a role that nobody gives it any
 * more; a PID that several programs claim has the role that the last of them gives it. Two programs
 * may share a PMT PID; only one of them is read then.
 *
 * Continuity (2.4.3.3): the counter steps with every packet of a PID that has a payload; a packet
 * may be sent twice in a row; an announced discontinuity may be anything; null packets do not
 * count.
 */

enum {
	ROLE_UNKNOWN = 0,
	ROLE_TABLE = 1,
	ROLE_AUDIO = 2,
	ROLE_OTHER = 3,
	ROLE_VIDEO = 4,
	ROLE_CUE = 5,
	ROLE_PMT = 0x40,   /* + program */
	ROLE_CODED = 0x80, /* + video */
};

#define PID_RESERVED   0x20 /* below: PAT, CAT, ..., and DVB tables */
#define CONTINUITY     0x0f
#define CONTINUITY_ON  0x10
#define CONTINUITY_REP 0x20

/* --- packets in a stream of bytes ------------------------------------------------------------ */

void ts_align_init(struct ts_align *align)
{
	memset(align, 0, sizeof(*align));
}

void ts_align_reset(struct ts_align *align)
{
	align->garbage += align->len - align->handed;
	align->len = align->handed = 0;
	align->in_step = false;
}

static void align_discard(struct ts_align *align, size_t n)
{
	align->len -= n;
	memmove(align->data, align->data + n, align->len);
}

/* Drops bytes until the data may begin with a packet. */
static void align_search(struct ts_align *align)
{
	size_t at = 0;

	for (; at < align->len; at++) {
		unsigned found = 0;

		while (found < TS_ALIGN_SYNCS && at + found * TS_PACKET_BYTES < align->len &&
		       align->data[at + found * TS_PACKET_BYTES] == TS_SYNC)
			found++;
		if (found == TS_ALIGN_SYNCS) {
			align->in_step = true;
			break;
		}
		/* All that is there fits, and the rest has not come yet. */
		if (found && at + found * TS_PACKET_BYTES >= align->len)
			break;
	}
	align->garbage += at;
	align_discard(align, at);
}

static size_t align_run(struct ts_align *align)
{
	size_t n = 0;

	while ((n + 1) * TS_PACKET_BYTES <= align->len &&
	       align->data[n * TS_PACKET_BYTES] == TS_SYNC)
		n++;
	return n;
}

size_t ts_align_next(struct ts_align *align, const uint8_t **data, size_t *len,
		     const uint8_t **ret_run)
{
	align_discard(align, align->handed);
	align->handed = 0;
	for (;;) {
		size_t n = sizeof(align->data) - align->len, run;
		bool took;

		if (n > *len)
			n = *len;
		took = n > 0;
		if (n) {
			memcpy(align->data + align->len, *data, n);
			align->len += n;
			*data += n;
			*len -= n;
		}
		if (!align->in_step)
			align_search(align);
		run = align->in_step ? align_run(align) : 0;
		if (run) {
			align->handed = run * TS_PACKET_BYTES;
			align->packets += run;
			*ret_run = align->data;
			return run;
		}
		if (align->in_step && align->len && align->data[0] != TS_SYNC) {
			align->in_step = false;
			align->lost_step++;
		} else if (!took) {
			return 0;
		}
	}
}

/* --- one packet ------------------------------------------------------------------------------ */

static void adaptation_decode(struct cursor in, struct ts_packet *packet)
{
	uint8_t flags = cursor_u8(&in);

	if (in.failed)
		return;
	packet->discontinuity = flags & 0x80;
	packet->random_access = flags & 0x40;
	if (flags & 0x10) {
		uint64_t pcr = cursor_uint(&in, 6);

		packet->has_pcr = !in.failed;
		packet->pcr = in.failed ? 0 : (pcr >> 15) * 300 + (pcr & 0x1ff) % 300;
	}
}

int ts_packet_decode(const uint8_t data[static TS_PACKET_BYTES], struct ts_packet *ret_packet)
{
	struct cursor in = cursor_of(data, TS_PACKET_BYTES);
	uint8_t sync = cursor_u8(&in), last;
	uint16_t word = cursor_u16(&in);
	struct ts_packet packet = {
		.error = word & 0x8000,
		.start = word & 0x4000,
		.pid = word & 0x1fff,
	};

	if (sync != TS_SYNC)
		return 0;
	last = cursor_u8(&in);
	packet.scrambled = last & 0xc0;
	packet.continuity = last & 0x0f;
	if (last & 0x20) {
		size_t n = cursor_u8(&in);
		const uint8_t *field = cursor_bytes(&in, n);

		if (!field)
			return 0;
		adaptation_decode(cursor_of(field, n), &packet);
	}
	if (last & 0x10) {
		packet.payload_len = cursor_left(&in);
		packet.payload = cursor_bytes(&in, packet.payload_len);
		packet.has_payload = true;
	}
	*ret_packet = packet;
	return 1;
}

/* 33 bits in 5 bytes: 4 bits of mark, 3 bits, a marker, 15 bits, a marker, 15 bits, a marker. */
static uint64_t pes_time(struct cursor *in)
{
	uint64_t v = cursor_uint(in, 5);

	return (v >> 33 & 7) << 30 | (v >> 17 & 0x7fff) << 15 | (v >> 1 & 0x7fff);
}

/* Past the header of a PES packet; empty where it is none or goes on in the next packet. */
static struct cursor pes_body(const uint8_t *payload, size_t len, uint8_t *ret_flags,
			      struct cursor *ret_header)
{
	struct cursor in = cursor_of(payload, len);
	uint32_t prefix = cursor_u24(&in);
	size_t header_len;

	(void)cursor_u24(&in); /* stream id, length */
	(void)cursor_u8(&in);
	*ret_flags = cursor_u8(&in);
	header_len = cursor_u8(&in);
	*ret_header = in;
	(void)cursor_bytes(&in, header_len);
	if (in.failed || prefix != 1) {
		*ret_flags = 0;
		return cursor_of(NULL, 0);
	}
	*ret_header = cursor_of(ret_header->next, header_len);
	return in;
}

bool ts_pes_is_video(const uint8_t *payload, size_t len)
{
	return len > 3 && !payload[0] && !payload[1] && payload[2] == 1 &&
	       (payload[3] & 0xf0) == 0xe0;
}

int ts_pes_times(const uint8_t *payload, size_t len, uint64_t *ret_pts, uint64_t *ret_dts)
{
	struct cursor header;
	uint64_t pts, dts;
	uint8_t flags;

	(void)pes_body(payload, len, &flags, &header);
	if (!(flags & 0x80))
		return 0;
	pts = dts = pes_time(&header);
	if (flags & 0x40)
		dts = pes_time(&header);
	if (header.failed)
		return 0;
	*ret_pts = pts;
	*ret_dts = dts;
	return 1;
}

/* --- tables ---------------------------------------------------------------------------------- */

/* Where the scanner of a stream goes that may have had one before. */
static uint8_t video_add(struct ts *ts, const struct ts_video *before, uint16_t pid,
			 enum picture_codec codec)
{
	unsigned slot = 0;

	while (slot < TS_VIDEOS_MAX && ts->video[slot].used && ts->video[slot].pid != pid)
		slot++;
	if (slot == TS_VIDEOS_MAX)
		return ROLE_VIDEO;
	ts->video[slot] = (struct ts_video){ .used = true, .pid = pid };
	picture_init(&ts->video[slot].picture, codec);
	for (unsigned i = 0; i < TS_VIDEOS_MAX; i++)
		if (before[i].used && before[i].pid == pid && before[i].picture.codec == codec)
			ts->video[slot].picture = before[i].picture;
	return (uint8_t)(ROLE_CODED + slot);
}

static uint8_t role_of_stream(struct ts *ts, const struct ts_video *before, uint16_t pid,
			      enum psi_kind kind)
{
	switch (kind) {
	case PSI_KIND_H264:
		return video_add(ts, before, pid, PICTURE_H264);
	case PSI_KIND_H265:
		return video_add(ts, before, pid, PICTURE_H265);
	case PSI_KIND_VIDEO:
		return ROLE_VIDEO;
	case PSI_KIND_AUDIO:
		return ROLE_AUDIO;
	case PSI_KIND_CUE:
		return ROLE_CUE;
	case PSI_KIND_OTHER:
		break;
	}
	return ROLE_OTHER;
}

static void ts_assign_roles(struct ts *ts)
{
	struct ts_video before[TS_VIDEOS_MAX];

	memcpy(before, ts->video, sizeof(before));
	memset(ts->video, 0, sizeof(ts->video));
	memset(ts->role, ROLE_UNKNOWN, sizeof(ts->role));
	memset(ts->role, ROLE_TABLE, PID_RESERVED);
	for (unsigned p = 0; p < ts->programs; p++)
		ts->role[ts->program[p].pmt_pid] = (uint8_t)(ROLE_PMT + p);
	for (unsigned p = 0; p < ts->programs; p++) {
		const struct psi_pmt *pmt = &ts->program[p].pmt;

		for (unsigned i = 0; ts->program[p].has_pmt && i < pmt->streams; i++) {
			uint16_t pid = pmt->stream[i].pid;

			/* A table that calls a PID of tables a stream is wrong. */
			if (pid < PID_RESERVED || pid == TS_PID_NULL ||
			    (ts->role[pid] & 0xc0) == ROLE_PMT)
				continue;
			ts->role[pid] =
				role_of_stream(ts, before, pid, (enum psi_kind)pmt->stream[i].kind);
		}
	}
}

/* On which PID a PMT came: programs may share one. */
struct pmt_owner {
	struct ts *ts;
	uint16_t pid;
};

static void on_pmt(void *opaque, const uint8_t *section, size_t len)
{
	struct pmt_owner *owner = opaque;
	/* The CRC that the section carries is its fingerprint. */
	struct cursor end = cursor_of(section + len - 4, 4);
	uint32_t crc = cursor_u32(&end);
	struct psi_pmt pmt;

	if (!psi_pmt_decode(section, len, &pmt))
		return;
	for (unsigned i = 0; i < owner->ts->programs; i++) {
		struct ts_program *program = &owner->ts->program[i];

		if (program->pmt_pid != owner->pid || program->number != pmt.number ||
		    (program->has_pmt && program->crc == crc))
			continue;
		program->pmt = pmt;
		program->crc = crc;
		program->has_pmt = true;
		owner->ts->tables++;
		ts_assign_roles(owner->ts);
	}
}

static void on_pat(void *opaque, const uint8_t *section, size_t len)
{
	struct ts *ts = opaque;
	struct cursor end = cursor_of(section + len - 4, 4);
	uint32_t crc = cursor_u32(&end);
	struct psi_pat pat;

	if ((ts->has_pat && crc == ts->pat_crc) || !psi_pat_decode(section, len, &pat))
		return;
	ts->programs = 0;
	ts->pat_crc = crc;
	ts->has_pat = true;
	ts->tables++;
	for (unsigned i = 0; i < pat.programs; i++) {
		uint16_t pid = pat.program[i].pmt_pid;

		if (pid >= PID_RESERVED && pid != TS_PID_NULL)
			ts->program[ts->programs++] = (struct ts_program){
				.number = pat.program[i].number,
				.pmt_pid = pid,
			};
	}
	ts_assign_roles(ts);
}

/* --- the stream ------------------------------------------------------------------------------ */

void ts_init(struct ts *ts)
{
	memset(ts, 0, sizeof(*ts));
	ts_assign_roles(ts);
}

static void check_continuity(struct ts *ts, struct ts_info *info)
{
	const struct ts_packet *packet = &info->packet;
	uint8_t *state = &ts->continuity[packet->pid];
	uint8_t last = *state & CONTINUITY;

	if (packet->pid == TS_PID_NULL || !packet->has_payload)
		return;
	if (*state & CONTINUITY_ON && !packet->discontinuity) {
		if (packet->continuity == last && !(*state & CONTINUITY_REP)) {
			info->repeated = true;
		} else {
			info->missing = (packet->continuity - last - 1u) & CONTINUITY;
			ts->missing += info->missing;
			ts->gaps += info->missing ? 1 : 0;
		}
	}
	*state = (uint8_t)(packet->continuity | CONTINUITY_ON |
			   (info->repeated ? CONTINUITY_REP : 0));
}

static void read_video(struct ts *ts, struct ts_video *video, struct ts_info *info)
{
	const struct ts_packet *packet = &info->packet;
	struct cursor in = cursor_of(packet->payload, packet->payload_len);
	bool known = video->picture.known;

	info->picture = &video->picture;
	if (!packet->has_payload || packet->scrambled || info->repeated) {
		info->class = video->picture.class;
		info->class_known = known;
		return;
	}
	if (packet->start) {
		struct cursor header;
		uint8_t flags;

		in = pes_body(packet->payload, packet->payload_len, &flags, &header);
		picture_begin(&video->picture);
		ts->video_units++;
		known = false;
	}
	info->class_known = picture_feed(&video->picture, in.next, cursor_left(&in));
	info->class = video->picture.class;
	if (info->class_known && !known && info->class == WIRE_CLASS_TABLES)
		ts->key_units++;
}

static void read_table(struct ts *ts, uint8_t role, const struct ts_info *info)
{
	const struct ts_packet *packet = &info->packet;
	struct pmt_owner owner = { .ts = ts, .pid = packet->pid };

	if (!packet->has_payload || packet->scrambled || info->repeated || packet->error)
		return;
	if (!packet->pid) {
		psi_feed(&ts->pat_section, packet->payload, packet->payload_len, packet->start,
			 info->missing, on_pat, ts);
	} else if ((role & 0xc0) == ROLE_PMT) {
		psi_feed(&ts->program[role - ROLE_PMT].section, packet->payload,
			 packet->payload_len, packet->start, info->missing, on_pmt, &owner);
	}
}

static void read_pcr(struct ts *ts, const struct ts_packet *packet)
{
	if (!packet->has_pcr)
		return;
	if (ts->programs && ts->program[0].has_pmt && ts->program[0].pmt.pcr_pid != packet->pid)
		return;
	ts->pcr = packet->pcr;
	ts->has_pcr = true;
}

int ts_read(struct ts *ts, const uint8_t data[static TS_PACKET_BYTES], struct ts_info *ret_info)
{
	struct ts_info info = { .class = WIRE_CLASS_TABLES, .class_known = true };
	uint8_t role;

	ts->packets++;
	if (!ts_packet_decode(data, &info.packet)) {
		ts->errors++;
		return 0;
	}
	ts->errors += info.packet.error;
	role = ts->role[info.packet.pid];
	check_continuity(ts, &info);
	read_pcr(ts, &info.packet);
	info.unit_start = info.packet.start && info.packet.has_payload && !info.repeated;
	if (info.packet.pid == TS_PID_NULL) {
		info.kind = TS_KIND_NULL;
		info.class = WIRE_CLASS_DISPOSABLE;
		ts->null_packets++;
	} else if (role == ROLE_TABLE || (role & 0xc0) == ROLE_PMT) {
		info.kind = TS_KIND_TABLE;
		read_table(ts, role, &info);
	} else if (role >= ROLE_CODED) {
		info.kind = TS_KIND_VIDEO;
		read_video(ts, &ts->video[role - ROLE_CODED], &info);
	} else if (role == ROLE_AUDIO || role == ROLE_CUE) {
		info.kind = role == ROLE_AUDIO ? TS_KIND_AUDIO : TS_KIND_OTHER;
	} else {
		info.kind = role == ROLE_VIDEO	 ? TS_KIND_VIDEO
			    : role == ROLE_OTHER ? TS_KIND_OTHER
						 : TS_KIND_UNKNOWN;
		info.class = WIRE_CLASS_REFERENCE;
	}
	/* The clock of the receiver hangs on these few bytes. */
	if (info.packet.has_pcr && !info.packet.has_payload) {
		info.class = WIRE_CLASS_TABLES;
		info.class_known = true;
	}
	*ret_info = info;
	return 1;
}

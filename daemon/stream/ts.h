#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/picture.h"
#include "stream/psi.h"
#include "uplinkd/wire.h"

/*
 * Reading MPEG-TS (ISO/IEC 13818-1) without changing it: finding the packets in a stream of bytes,
 * and knowing what is in them. Nothing here drops or alters a packet; streams with unknown PIDs or
 * without any tables are read like all others, only less is known of them.
 */
#define TS_PACKET_BYTES 188
#define TS_SYNC		0x47
#define TS_PIDS		8192
#define TS_PID_NULL	0x1fff

/* --- packets in a stream of bytes ------------------------------------------------------------ */

/*
 * Hands out runs of whole packets. In step: each packet begins with the sync byte. Out of step (at
 * the start, or where that byte is wrong): bytes are garbage until three sync bytes stand 188 bytes
 * apart; so the first two packets of a stream wait for the third.
 */
#define TS_ALIGN_PACKETS 64 /* the longest run */
#define TS_ALIGN_SYNCS	 3

struct ts_align {
	uint8_t data[TS_ALIGN_PACKETS * TS_PACKET_BYTES];
	size_t len;    /* bytes in `data` */
	size_t handed; /* of them, given out by the last call */
	bool in_step;
	uint64_t packets;   /* handed out */
	uint64_t garbage;   /* bytes that belong to no packet */
	uint64_t lost_step; /* how often it fell out of step */
};

void ts_align_init(struct ts_align *align);
/* Takes from *@data (and moves *@data and *@len on) until there is a run. The number of packets in
 * *ret_run, which is valid until the next call; 0: all of *@data is taken and no packet whole. */
size_t ts_align_next(struct ts_align *align, const uint8_t **data, size_t *len,
		     const uint8_t **ret_run);
/* Forgets a partial packet, as at the end of a connection: it counts as garbage. */
void ts_align_reset(struct ts_align *align);

/* --- one packet ------------------------------------------------------------------------------ */

#define TS_CLOCK_HZ 27000000 /* of a PCR; time stamps count in 1/300 of it */

struct ts_packet {
	uint16_t pid;
	uint8_t continuity;
	bool error; /* transport_error_indicator */
	bool start; /* payload_unit_start_indicator */
	bool scrambled;
	bool has_payload;
	bool discontinuity; /* the adaptation field announces one */
	bool random_access;
	bool has_pcr;
	uint64_t pcr; /* in 1/27 MHz, below 2^33 * 300 */
	const uint8_t *payload;
	size_t payload_len;
};

/* 1: *ret_packet is set, with pointers into @data; 0: no sync byte, or an adaptation field longer
 * than the packet. */
int ts_packet_decode(const uint8_t data[static TS_PACKET_BYTES], struct ts_packet *ret_packet);

/* Whether a PES packet of video begins there (ISO/IEC 13818-1, table 2-22). */
bool ts_pes_is_video(const uint8_t *payload, size_t len);
/* The time stamps at the start of a PES packet, in 1/90000 s. 1: there is a PTS (*ret_dts is the
 * same where there is no DTS); 0: none. */
int ts_pes_times(const uint8_t *payload, size_t len, uint64_t *ret_pts, uint64_t *ret_dts);

/* --- the stream ------------------------------------------------------------------------------ */

enum ts_kind {
	TS_KIND_UNKNOWN, /* no table names its PID */
	TS_KIND_TABLE,	 /* PAT, PMT and all other PIDs below 0x20 */
	TS_KIND_VIDEO,
	TS_KIND_AUDIO,
	TS_KIND_OTHER, /* data, subtitles */
	TS_KIND_NULL,
};

#define TS_VIDEOS_MAX 8 /* streams whose pictures are told apart; more are of class REFERENCE */

/* What ts_read() found in a packet. */
struct ts_info {
	struct ts_packet packet;
	enum ts_kind kind;
	unsigned missing; /* packets of this PID missing before it, modulo 16; at least */
	bool repeated;	  /* the same packet again, as the standard allows once */
	bool unit_start;  /* an access unit or section begins here */
	uint8_t class;	  /* enum wire_class, as far as it is known with this packet */
	/* Video: false while the slice that decides has not come yet; `class` is REFERENCE then
	 * and may still change with a later packet of the same access unit. */
	bool class_known;
	/* Video of a codec whose pictures are told apart: the one that this packet belongs to, as
	 * far as it was read. Valid until the next packet. */
	const struct picture *picture;
};

struct ts_video {
	bool used;
	uint16_t pid;
	struct picture picture;
};

struct ts_program {
	uint16_t number;
	uint16_t pmt_pid;
	uint32_t crc; /* of the section that `pmt` was read from */
	bool has_pmt;
	struct psi_pmt pmt;
	struct psi_section section;
};

struct ts {
	uint8_t role[TS_PIDS];	     /* see ts.c */
	uint8_t continuity[TS_PIDS]; /* bits 0-3: last one; bit 4: seen; bit 5: last was repeated */
	struct psi_section pat_section;
	uint32_t pat_crc;
	bool has_pat;
	unsigned programs;
	struct ts_program program[PSI_PROGRAMS_MAX];
	struct ts_video video[TS_VIDEOS_MAX];

	uint64_t packets;
	uint64_t null_packets;
	uint64_t missing;   /* sum of ts_info.missing */
	uint64_t gaps;	    /* how often something was missing */
	uint64_t errors;    /* transport_error_indicator, or not a packet */
	uint64_t tables;    /* versions of PAT and PMT that were read */
	uint64_t key_units; /* access units of class TABLES in video */
	uint64_t video_units;
	uint64_t pcr; /* the last one of the first program's PCR PID */
	bool has_pcr;
};

void ts_init(struct ts *ts);
/* Reads one packet. 1: *ret_info is set; 0: not a packet, counted as an error. */
int ts_read(struct ts *ts, const uint8_t packet[static TS_PACKET_BYTES], struct ts_info *ret_info);

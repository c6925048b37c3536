#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Tables of MPEG-TS (ISO/IEC 13818-1, 2.4.4): sections are put together from the payloads of one
 * PID, and PAT and PMT are read. Total: any bytes give a table or nothing.
 */
#define PSI_SECTION_MAX	 1024 /* of PAT and PMT, with header and CRC */
#define PSI_PROGRAMS_MAX 8    /* more are ignored */
#define PSI_STREAMS_MAX	 32   /* per program; more are ignored */

struct psi_section {
	uint8_t data[PSI_SECTION_MAX];
	uint16_t len; /* bytes collected */
	bool started;
};

/* Called for each whole section with a right CRC. */
typedef void psi_on_section(void *owner, const uint8_t *section, size_t len);

/* The payload of one packet. @start: payload_unit_start_indicator. @gap: packets are missing before
 * this one. */
void psi_feed(struct psi_section *section, const uint8_t *payload, size_t len, bool start, bool gap,
	      psi_on_section *on_section, void *owner);

struct psi_pat {
	unsigned programs;
	struct {
		uint16_t number, pmt_pid;
	} program[PSI_PROGRAMS_MAX];
};

enum psi_kind {
	PSI_KIND_OTHER,
	PSI_KIND_H264,
	PSI_KIND_H265,
	PSI_KIND_VIDEO, /* of another codec */
	PSI_KIND_AUDIO,
	PSI_KIND_CUE, /* SCTE 35 */
};

struct psi_pmt {
	uint16_t number;
	uint16_t pcr_pid;
	unsigned streams;
	struct {
		uint16_t pid;
		uint8_t type; /* stream_type as it is in the table */
		uint8_t kind; /* enum psi_kind */
	} stream[PSI_STREAMS_MAX];
};

/* 1: the section is such a table, in force now; 0: it is not. */
int psi_pat_decode(const uint8_t *section, size_t len, struct psi_pat *ret_pat);
int psi_pmt_decode(const uint8_t *section, size_t len, struct psi_pmt *ret_pmt);

/* CRC-32/MPEG-2; 0 over a section with its CRC. */
uint32_t psi_crc(const uint8_t *data, size_t len);

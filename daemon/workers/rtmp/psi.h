#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Watches the tables of an MPEG-TS (ISO/IEC 13818-1, 2.4.4) for one thing: that the streams of the
 * first program become others. libavformat's demuxer does not notice when a PID changes its codec;
 * so it is begun anew there.
 */
#define PSI_PACKET 188

struct psi {
	bool known;	  /* a PMT was there */
	uint16_t program; /* its number; 0: no PAT yet */
	uint16_t pmt_pid;
	uint32_t hash;		 /* of what the PMT says, without its version */
	uint8_t pat[PSI_PACKET]; /* the packet that held the PAT */
};

/* True when @packet holds a PMT that names other streams than the one before. */
bool psi_watch(struct psi *p, const uint8_t packet[PSI_PACKET]);
/* Where packets begin in @data: the offset of the first sync byte that is followed by another one
 * 188 bytes on, or by fewer bytes; @len if there is none. */
size_t psi_sync(const uint8_t *data, size_t len);

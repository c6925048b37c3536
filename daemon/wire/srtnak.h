#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Keeps an SRT sender from resending what the bond has given up.
 *
 * Behind the bond stands an SRT receiver; it sees a gap where the bond gave packets up, and asks
 * for them again and again (NAK), every 20 ms, until their play time has passed. The sender would
 * resend them all, into a bond that is short of capacity already. So the receiver's relay keeps the
 * sequence numbers that the bond has given up and takes them out of the NAKs on their way back.
 *
 * The relay shows it every packet, in both directions:
 *
 *     srtnak_toward_receiver()  before it gives a packet to the SRT receiver
 *     srtnak_toward_sender()    before it sends a packet of the SRT receiver back
 *
 * What was given up is learned from the numbers of the data packets themselves: the bond releases
 * in order, so where it lost something, a gap between two first transmissions is final. A range is
 * forgotten once the receiver's ACK has passed it. What is left in a NAK is loss that the bond does
 * not know of (a full UDP buffer on the loopback): that one is worth asking for.
 */
#define SRTNAK_RANGES 256

/* A jump of more than this (more than a minute at 300 Mb/s) is another stream, not a gap. */
#define SRTNAK_JUMP_MAX (1 << 21)

struct srtnak {
	bool started;
	uint32_t next;	      /* sequence number after the newest released packet */
	uint32_t destination; /* socket of the receiver; 0: not known yet */
	uint32_t source;      /* socket of the sender, from its handshake; 0: not known */
	unsigned count;
	struct {
		uint32_t first, last;
	} range[SRTNAK_RANGES]; /* ascending, apart from each other, below `next` */

	uint64_t given_up;  /* packets that went into the set */
	uint64_t swallowed; /* NAKs of which nothing was left */
	uint64_t trimmed;   /* NAKs of which something was left out */
	uint64_t merged;    /* how often two ranges became one for want of room */
	uint64_t malformed; /* NAKs that were none: swallowed as well */
};

void srtnak_init(struct srtnak *filter);

/* @lost: the bond gave up media packets just before this one (bond_media.lost). Without it a gap is
 * none of the bond's doing, and NAKs for it pass. */
void srtnak_toward_receiver(struct srtnak *filter, const uint8_t *packet, size_t len, bool lost);

/* The length of what is to be sent on, in @out (which must not overlap @packet); 0: nothing.
 * Anything but a NAK passes unchanged (or not at all, when longer than @size). A NAK whose rest
 * does not fit into @size is cut: what is missing comes with the next one. */
size_t srtnak_toward_sender(struct srtnak *filter, const uint8_t *packet, size_t len, uint8_t *out,
			    size_t size);

/* True when the bond has given @seq up and the receiver has not passed it yet. */
bool srtnak_contains(const struct srtnak *filter, uint32_t seq);

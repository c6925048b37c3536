#pragma once

#include "workers/srt/door.h"

/*
 * Those who called a listening sender: each gets every message, and one that does not keep up loses
 * messages of its own and, after a while, its place.
 */
#define PLAYERS_MAX 32

struct player {
	SRTSOCKET socket;
	char peer[80];
	usec_t blocked; /* since when; 0: takes everything */
};

struct players {
	struct door *door;
	struct player player[PLAYERS_MAX];
	unsigned count;
	uint64_t dropped; /* bytes that somebody did not get */
};

/* Lets in who waits, lets go who is gone. */
void players_tend(struct players *players);
void players_send(struct players *players, const uint8_t *message, size_t len);
void players_close(struct players *players);

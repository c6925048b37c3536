#include "workers/srt/players.h"

#include <string.h>

#define BLOCKED_MAX_USEC (10 * USEC_PER_SEC)

static void player_remove(struct players *players, unsigned i, const char *why)
{
	struct player *player = &players->player[i];

	log_info("player at %s: %s (%u left)", player->peer, why, players->count - 1);
	(void)srt_close(player->socket);
	players->count--;
	memmove(player, player + 1, (players->count - i) * sizeof(*player));
	atomic_store(&players->door->guests, players->count);
}

void players_tend(struct players *players)
{
	usec_t now = supervisor_clock();
	SRTSOCKET socket;
	char peer[80];

	for (unsigned i = players->count; i-- > 0;) {
		struct player *player = &players->player[i];

		if (srt_getsockstate(player->socket) != SRTS_CONNECTED)
			player_remove(players, i, "gone");
		else if (player->blocked && usec_since(player->blocked, now) > BLOCKED_MAX_USEC)
			player_remove(players, i, "too slow, disconnected");
	}
	while ((socket = door_accept(players->door, peer, sizeof(peer))) != SRT_INVALID_SOCK) {
		struct player *player = &players->player[players->count];

		/* Several may have passed the callback at once. */
		if (players->count >= players->door->guests_max) {
			(void)srt_close(socket);
			continue;
		}
		*player = (struct player){ .socket = socket };
		memcpy(player->peer, peer, sizeof(peer));
		players->count++;
		atomic_store(&players->door->guests, players->count);
		log_info("player at %s: connected (%u now)", peer, players->count);
	}
	door_report(players->door);
}

void players_send(struct players *players, const uint8_t *message, size_t len)
{
	for (unsigned i = 0; i < players->count; i++) {
		struct player *player = &players->player[i];
		SRT_MSGCTRL control = srt_msgctrl_default;

		if (srt_sendmsg2(player->socket, (const char *)message, (int)len, &control) !=
		    SRT_ERROR) {
			player->blocked = 0;
			continue;
		}
		players->dropped += len;
		if (!player->blocked)
			player->blocked = supervisor_clock();
	}
}

void players_close(struct players *players)
{
	while (players->count)
		player_remove(players, players->count - 1, "disconnected, the stream is over");
}

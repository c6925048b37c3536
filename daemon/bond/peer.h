#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "bond/bond.h"
#include "wire/hello.h"
#include "wire/seal.h"

/*
 * Who the other end is and by which keys it is spoken to: drives the handshake
 * (daemon/wire/hello.h) and owns the keys that come out of it. Knows no path but its id.
 */
#define PEER_ATTEMPTS 64 /* hellos of the asker that may still be answered */
#define PEER_PENDING  16 /* hellos answered, of which none was confirmed yet */

struct peer_keys {
	struct seal *send, *receive; /* NULL: none */
	uint32_t local_id, remote_id;
	uint64_t peer_instance;
	usec_t latency;
	bool feed_ts;
	bool parity; /* both can */
};

struct peer {
	enum bond_role role;
	uint8_t psk[32], seed[32];
	uint64_t draws; /* secrets drawn from the seed so far */
	uint64_t instance;
	uint64_t unix_minus_now;
	usec_t latency_asked;
	uint16_t features; /* enum wire_feature that this side has */

	struct peer_keys current;
	bool up;
	usec_t established_at;
	uint64_t sessions;

	struct peer_attempt {
		bool waiting;
		uint32_t local_id;
		usec_t asked_at;
		struct hello hello;
	} attempt[PEER_ATTEMPTS];
	unsigned attempts;
	uint64_t time_last; /* of the hello sent (asker) or accepted (answerer) last, unix us */
	struct peer_keys pending[PEER_PENDING]; /* asker: the first alone, a candidate */
	unsigned pendings;
	usec_t candidate_at; /* asker: when the candidate came */

	uint64_t sealed; /* packets since the last change of the key */
	usec_t key_at;	 /* of that change */
	bool key_proven; /* something sent under this key was acknowledged */

	uint64_t hello_refused;
};

void peer_init(struct peer *s, const struct bond_config *config, usec_t now);
void peer_deinit(struct peer *s);

/* Asker: writes a hello of WIRE_HELLO_BYTES; 0 when the cryptography fails. */
size_t peer_ask(struct peer *s, uint8_t path_id, usec_t now, uint8_t *out);
/* Answerer: reads a hello and writes the answer. The result, and *ret_len of the answer: 0: none.
 */
enum bond_input_result peer_answer(struct peer *s, const uint8_t *data, size_t len, uint8_t *out,
				   size_t size, size_t *ret_len);

enum peer_news {
	PEER_NOTHING,
	PEER_NEW, /* `current` was replaced; numbers begin at 0 on all paths */
};

/* Asker: reads an answer. @heard_at: when the current session was last heard of. A peer which is
 * still the same instance keeps its session; what it answered is kept for peer_fall_back(). */
enum bond_input_result peer_finish(struct peer *s, const uint8_t *data, size_t len, usec_t heard_at,
				   usec_t now, usec_t *ret_round_trip, enum peer_news *ret_news,
				   bool *ret_restarted);
#define PEER_FALL_BACK_AFTER (300 * USEC_PER_MS)
/* Asker: the current session stays silent although the peer answers hellos: take the new one. */
bool peer_fall_back(struct peer *s, usec_t heard_at, usec_t now);

/* Answerer: the pending session of this id, or NULL. */
struct peer_keys *peer_pending(struct peer *s, uint32_t local_id);
/* Answerer: a sealed datagram opened under @keys (of peer_pending()): it becomes current. */
void peer_confirm(struct peer *s, struct peer_keys *keys, usec_t now, bool *ret_restarted);

/* Changes the sending key when it is time to. */
void peer_renew(struct peer *s, usec_t now);

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
#define SESSION_ATTEMPTS 64 /* hellos of the asker that may still be answered */
#define SESSION_PENDING	 16 /* hellos answered, of which none was confirmed yet */

struct session_keys {
	struct seal *send, *receive; /* NULL: none */
	uint32_t local_id, remote_id;
	uint64_t peer_instance;
	usec_t latency;
};

struct session {
	enum bond_role role;
	uint8_t psk[32], seed[32];
	uint64_t draws; /* secrets drawn from the seed so far */
	uint64_t instance;
	uint64_t unix_minus_now;
	usec_t latency_asked;

	struct session_keys current;
	bool up;
	usec_t established_at;
	uint64_t sessions;

	struct session_attempt {
		bool waiting;
		uint32_t local_id;
		usec_t asked_at;
		struct hello hello;
	} attempt[SESSION_ATTEMPTS];
	unsigned attempts;
	uint64_t time_last; /* of the hello sent (asker) or accepted (answerer) last, unix us */
	struct session_keys pending[SESSION_PENDING]; /* asker: the first alone, a candidate */
	unsigned pendings;
	usec_t candidate_at; /* asker: when the candidate came */

	uint64_t sealed; /* packets since the last change of the key */
	usec_t key_at;	 /* of that change */
	bool key_proven; /* something sent under this key was acknowledged */

	uint64_t hello_refused;
};

void session_init(struct session *s, const struct bond_config *config, usec_t now);
void session_deinit(struct session *s);

/* Asker: writes a hello of WIRE_HELLO_BYTES; 0 when the cryptography fails. */
size_t session_ask(struct session *s, uint8_t path_id, usec_t now, uint8_t *out);
/* Answerer: reads a hello and writes the answer. The result, and *ret_len of the answer: 0: none.
 */
enum bond_input_result session_answer(struct session *s, const uint8_t *data, size_t len,
				      uint8_t *out, size_t size, size_t *ret_len);

enum session_news {
	SESSION_NOTHING,
	SESSION_NEW, /* `current` was replaced; numbers begin at 0 on all paths */
};

/* Asker: reads an answer. @heard_at: when the current session was last heard of. A peer which is
 * still the same instance keeps its session; what it answered is kept for session_fall_back(). */
enum bond_input_result session_finish(struct session *s, const uint8_t *data, size_t len,
				      usec_t heard_at, usec_t now, usec_t *ret_round_trip,
				      enum session_news *ret_news, bool *ret_restarted);
#define SESSION_FALL_BACK_AFTER (300 * USEC_PER_MS)
/* Asker: the current session stays silent although the peer answers hellos: take the new one. */
bool session_fall_back(struct session *s, usec_t heard_at, usec_t now);

/* Answerer: the pending session of this id, or NULL. */
struct session_keys *session_pending(struct session *s, uint32_t local_id);
/* Answerer: a sealed datagram opened under @keys (of session_pending()): it becomes current. */
void session_confirm(struct session *s, struct session_keys *keys, usec_t now, bool *ret_restarted);

/* Changes the sending key when it is time to. */
void session_renew(struct session *s, usec_t now);

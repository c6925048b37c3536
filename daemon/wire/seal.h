#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * Sealing of datagrams: AES-256-GCM (RFC 5116) with a 16-byte tag. The nonce is the static IV of
 * the direction XOR (path id as 32 bits, packet number as 64 bits), so that each path has its own
 * packet numbers under one key (draft-ietf-quic-multipath, section 2.4). The header is the
 * associated data.
 *
 * Key change (RFC 9001, section 6): one bit in the header is the key phase. The next key is
 * derived from the current secret by HKDF; each side may change the key of its own direction at
 * any time, and must before SEAL_PACKETS_MAX. The receiver keeps the previous key for a while and
 * the next key ready, so that no datagram is lost by it.
 */
#define SEAL_TAG_BYTES	  16
#define SEAL_SECRET_BYTES 32
#define SEAL_BYTES_MAX	  2048 /* of what is opened, and of its header: no datagram is larger */
#define SEAL_PACKETS_MAX  (UINT64_C(1) << 23) /* AES-GCM confidentiality limit, RFC 9001, 6.6 */

struct seal; /* one direction's keys; opaque: it holds OpenSSL contexts */

/* @secret is copied; NULL when memory or OpenSSL fails. */
struct seal *seal_new(const uint8_t secret[static SEAL_SECRET_BYTES]);
struct seal *seal_free(struct seal *seal);

/* Current key phase (0 or 1) of the sending direction, for the header of the next datagram. */
unsigned seal_phase(const struct seal *seal);

/* Encrypts @len bytes of @plain into @out (which has room for @len + SEAL_TAG_BYTES, and may be
 * the same memory as @plain) under the current key. The bytes written. */
size_t seal_protect(struct seal *seal, uint8_t path_id, uint64_t number, const uint8_t *header,
		    size_t header_len, const uint8_t *plain, size_t len, uint8_t *out);

/* Steps the sending direction to the next key. Not again before a datagram of the current step was
 * acknowledged: the receiver is at most one step behind. 0 or -ENOMEM, nothing changed. */
int seal_next_key(struct seal *seal);

/* Decrypts and authenticates @len bytes (tag included) into @out, which may be the same memory.
 * Tries the key that @phase names: the current, the next (a success steps forward and keeps the
 * old one until @now + SEAL_OLD_KEY_USEC) or the previous one. The plain length, or -1: forged,
 * damaged or of another session, nothing changed. */
#define SEAL_OLD_KEY_USEC (3 * USEC_PER_SEC)
int seal_open(struct seal *seal, unsigned phase, uint8_t path_id, uint64_t number,
	      const uint8_t *header, size_t header_len, const uint8_t *sealed, size_t len,
	      uint8_t *out, usec_t now);

/* Which packet numbers of one path were seen (RFC 6479 style bitmap): of the REPLAY_WINDOW - 64
 * below the highest. All zero is the state of a path on which nothing was seen. */
#define REPLAY_WINDOW 4096

struct replay {
	uint64_t next; /* the highest number seen, plus one */
	uint64_t bits[REPLAY_WINDOW / 64];
};

/* True when @number was not seen yet and is not older than the window. Does not record it: call
 * replay_record() after the datagram proved authentic. */
bool replay_is_new(const struct replay *replay, uint64_t number);
void replay_record(struct replay *replay, uint64_t number);

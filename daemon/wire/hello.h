#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The handshake: Noise_NNpsk0_25519_AESGCM_SHA256 (Noise protocol framework, revision 34).
 *
 *   -> psk, e     the sender of the stream asks, with a sealed payload
 *   <- e, ee      the receiver answers, with a sealed payload
 *
 * Pure: the ephemeral private keys come in as arguments, so a handshake replays bit for bit and
 * the published test vectors can be run. What the payloads mean is the business of the caller
 * (see include/uplinkd/wire.h).
 *
 * Order of calls.  Asking side: hello_ask(), then hello_finish() on what comes back.
 * Answering side: hello_read() on what came in - it succeeds only for who knows the key, and the
 * caller may still turn the payload down (replay) - then hello_answer().
 * All functions return the length of what they wrote, or -1: nothing was written then, and the
 * state is as before.
 */
#define HELLO_KEY_BYTES	  32
#define HELLO_OVERHEAD	  48 /* ephemeral key 32, tag 16: message length = payload + this */
#define HELLO_PAYLOAD_MAX 1024

struct hello {
	uint8_t chaining_key[32];
	uint8_t hash[32];
	uint8_t cipher_key[32];
	uint64_t cipher_nonce;
	uint8_t ephemeral_private[32];
	uint8_t remote_public[32];
};

/* What a finished handshake gives: a secret per direction, as seen from this side. */
struct hello_keys {
	uint8_t send[32];
	uint8_t receive[32];
	uint8_t session_hash[32]; /* the same on both sides, different in every session */
};

int hello_ask(struct hello *hello, const uint8_t psk[static 32],
	      const uint8_t ephemeral_private[static 32], const uint8_t *prologue,
	      size_t prologue_len, const uint8_t *payload, size_t payload_len, uint8_t *out,
	      size_t out_size);
int hello_read(struct hello *hello, const uint8_t psk[static 32], const uint8_t *prologue,
	       size_t prologue_len, const uint8_t *message, size_t len, uint8_t *payload,
	       size_t payload_size);
int hello_answer(struct hello *hello, const uint8_t ephemeral_private[static 32],
		 const uint8_t *payload, size_t payload_len, uint8_t *out, size_t out_size,
		 struct hello_keys *ret_keys);
int hello_finish(struct hello *hello, const uint8_t *message, size_t len, uint8_t *payload,
		 size_t payload_size, struct hello_keys *ret_keys);

/* Overwrites a secret so that the compiler cannot leave it out. */
void hello_wipe(void *secret, size_t len);

/* Wipes the secrets. */
void hello_clear(struct hello *hello);

/* HKDF-SHA256, expand alone (RFC 5869, 2.3): @out_len up to 255 * 32 bytes from @secret; "info" is
 * @label followed by @context (both together at most HELLO_INFO_MAX bytes). Used for key steps and
 * to draw ephemeral keys from the seed that the caller of the engine supplies. */
#define HELLO_INFO_MAX 128
int hello_derive(const uint8_t secret[static 32], const char *label, const uint8_t *context,
		 size_t context_len, uint8_t *out, size_t out_len);

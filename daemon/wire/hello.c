#include "wire/hello.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

/*
 * The Noise framework, revision 34, cut down to the one pattern that is used. Its two objects,
 * SymmetricState and HandshakeState, are one struct here; the functions keep the names of the
 * specification (MixHash is hello_mix_hash(), section 5.2) so that the two can be read side by
 * side. The name of the protocol is exactly 32 bytes long and is therefore the first hash itself.
 *
 * Every message is built or read on a copy of the state, which is committed at the end. So a forged
 * answer costs the asking side nothing: it goes on waiting for the true one.
 *
 * What may fail: a tag (forged or another key), a public key of small order (the shared secret is
 * all zero then, section 12.1; an attacker could fix the session keys with it if it knew the
 * pre-shared key, and nobody else uses such a key), a length, and memory inside OpenSSL. The caller
 * need not tell them apart.
 */

#define HASH_BYTES 32
#define TAG_BYTES  16

static const char protocol_name[] = "Noise_NNpsk0_25519_AESGCM_SHA256";

_Static_assert(sizeof(protocol_name) - 1 == HASH_BYTES, "the name is the first hash");
_Static_assert(HELLO_OVERHEAD == HELLO_KEY_BYTES + TAG_BYTES, "a key and a tag per message");

/* --- primitives ------------------------------------------------------------------------------ */

static bool hmac(const uint8_t key[static HASH_BYTES], const uint8_t *data, size_t len,
		 uint8_t out[static HASH_BYTES])
{
	unsigned n = HASH_BYTES;

	return HMAC(EVP_sha256(), key, HASH_BYTES, data, len, out, &n) && n == HASH_BYTES;
}

/* HKDF-Expand: T(i) = HMAC(prk, T(i-1) | info | i). */
static bool hkdf_expand(const uint8_t prk[static HASH_BYTES], const uint8_t *info, size_t info_len,
			uint8_t *out, size_t out_len)
{
	uint8_t block[HASH_BYTES + HELLO_INFO_MAX + 1];
	uint8_t t[HASH_BYTES] = { 0 };
	size_t previous = 0;
	bool done = info_len <= HELLO_INFO_MAX && out_len <= 255 * HASH_BYTES;

	for (uint8_t i = 1; done && out_len; i++) {
		size_t n = out_len < HASH_BYTES ? out_len : HASH_BYTES;

		memcpy(block, t, previous);
		if (info_len)
			memcpy(block + previous, info, info_len);
		block[previous + info_len] = i;
		done = hmac(prk, block, previous + info_len + 1, t);
		if (!done)
			break;
		memcpy(out, t, n);
		out += n;
		out_len -= n;
		previous = HASH_BYTES;
	}
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(t, sizeof(t));
	return done;
}

/* AES-256-GCM with the nonce of Noise: 32 bits of zero, the counter big-endian. @len is without
 * the tag; sealing writes it behind @out, opening expects it behind @in. */
static bool aead(bool seal, const uint8_t *key, uint64_t counter, const uint8_t *ad,
		 const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12] = { 0 };
	uint8_t tag[TAG_BYTES];
	int n = 0;
	bool done;

	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(counter >> (56 - 8 * i));
	if (!seal)
		memcpy(tag, in + len, sizeof(tag));
	done = ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, ad, HASH_BYTES) == 1 &&
	       (!len || EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1) &&
	       (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1) &&
	       EVP_CipherFinal_ex(ctx, out + len, &n) == 1 &&
	       (!seal ||
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, out + len) == 1);
	EVP_CIPHER_CTX_free(ctx);
	return done;
}

static bool public_of(const uint8_t private[static 32], uint8_t public[static 32])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, 32);
	size_t len = 32;
	bool done = key && EVP_PKEY_get_raw_public_key(key, public, &len) == 1 && len == 32;

	EVP_PKEY_free(key);
	return done;
}

static bool shared_secret(const uint8_t private[static 32], const uint8_t public[static 32],
			  uint8_t secret[static 32])
{
	static const uint8_t zero[32];
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, 32);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public, 32);
	EVP_PKEY_CTX *ctx = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t len = 32;
	bool done = ctx && peer && EVP_PKEY_derive_init(ctx) == 1 &&
		    EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		    EVP_PKEY_derive(ctx, secret, &len) == 1 && len == 32 &&
		    CRYPTO_memcmp(secret, zero, 32) != 0;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
	return done;
}

/* --- SymmetricState -------------------------------------------------------------------------- */

static void hello_mix_hash(struct hello *hello, const uint8_t *data, size_t len)
{
	uint8_t block[HASH_BYTES + HELLO_PAYLOAD_MAX + TAG_BYTES];

	memcpy(block, hello->hash, HASH_BYTES);
	if (len)
		memcpy(block + HASH_BYTES, data, len);
	SHA256(block, HASH_BYTES + len, hello->hash);
}

/* HKDF of Noise (section 4.3) into up to three outputs: extract with the chaining key, then
 * expand with an empty info. */
static bool hello_hkdf(const struct hello *hello, const uint8_t *input, size_t len, uint8_t *out,
		       unsigned outputs)
{
	uint8_t prk[HASH_BYTES];
	bool done = hmac(hello->chaining_key, input, len, prk) &&
		    hkdf_expand(prk, NULL, 0, out, (size_t)outputs * HASH_BYTES);

	OPENSSL_cleanse(prk, sizeof(prk));
	return done;
}

static bool hello_mix_key(struct hello *hello, const uint8_t input[static 32])
{
	uint8_t out[2 * HASH_BYTES];
	bool done = hello_hkdf(hello, input, 32, out, 2);

	if (done) {
		memcpy(hello->chaining_key, out, HASH_BYTES);
		memcpy(hello->cipher_key, out + HASH_BYTES, HASH_BYTES);
		hello->cipher_nonce = 0;
	}
	OPENSSL_cleanse(out, sizeof(out));
	return done;
}

static bool hello_mix_key_and_hash(struct hello *hello, const uint8_t psk[static 32])
{
	uint8_t out[3 * HASH_BYTES];
	bool done = hello_hkdf(hello, psk, 32, out, 3);

	if (done) {
		memcpy(hello->chaining_key, out, HASH_BYTES);
		hello_mix_hash(hello, out + HASH_BYTES, HASH_BYTES);
		memcpy(hello->cipher_key, out + 2 * HASH_BYTES, HASH_BYTES);
		hello->cipher_nonce = 0;
	}
	OPENSSL_cleanse(out, sizeof(out));
	return done;
}

/* Seals @len bytes into @out, which gets TAG_BYTES more. */
static bool hello_encrypt_and_hash(struct hello *hello, const uint8_t *plain, size_t len,
				   uint8_t *out)
{
	if (!aead(true, hello->cipher_key, hello->cipher_nonce, hello->hash, plain, len, out))
		return false;
	hello->cipher_nonce++;
	hello_mix_hash(hello, out, len + TAG_BYTES);
	return true;
}

static bool hello_decrypt_and_hash(struct hello *hello, const uint8_t *sealed, size_t len,
				   uint8_t *plain)
{
	if (!aead(false, hello->cipher_key, hello->cipher_nonce, hello->hash, sealed, len, plain))
		return false;
	hello->cipher_nonce++;
	hello_mix_hash(hello, sealed, len + TAG_BYTES);
	return true;
}

/* --- HandshakeState -------------------------------------------------------------------------- */

/* The beginning that both sides share, up to and with the token "psk". */
static bool hello_begin(struct hello *hello, const uint8_t psk[static 32], const uint8_t *prologue,
			size_t prologue_len)
{
	*hello = (struct hello){ 0 };
	memcpy(hello->hash, protocol_name, HASH_BYTES);
	memcpy(hello->chaining_key, hello->hash, HASH_BYTES);
	if (prologue_len > HELLO_PAYLOAD_MAX)
		return false;
	hello_mix_hash(hello, prologue, prologue_len);
	return hello_mix_key_and_hash(hello, psk);
}

/* The token "e" of a handshake with a pre-shared key: the public key goes into hash and key. */
static bool hello_token_e(struct hello *hello, const uint8_t public[static 32])
{
	hello_mix_hash(hello, public, HELLO_KEY_BYTES);
	return hello_mix_key(hello, public);
}

static bool hello_token_ee(struct hello *hello)
{
	uint8_t secret[32];
	bool done = shared_secret(hello->ephemeral_private, hello->remote_public, secret) &&
		    hello_mix_key(hello, secret);

	OPENSSL_cleanse(secret, sizeof(secret));
	return done;
}

/* Writes "e", the tokens after it and the payload; @next is committed to @hello by the caller. */
static bool hello_write(struct hello *next, bool with_ee, const uint8_t *payload,
			size_t payload_len, uint8_t *out)
{
	uint8_t public[HELLO_KEY_BYTES];

	if (!public_of(next->ephemeral_private, public) || !hello_token_e(next, public) ||
	    (with_ee && !hello_token_ee(next)) ||
	    !hello_encrypt_and_hash(next, payload, payload_len, out + HELLO_KEY_BYTES))
		return false;
	memcpy(out, public, HELLO_KEY_BYTES);
	return true;
}

/* The counterpart: the length of the payload, or -1 with @payload untouched. */
static int hello_take(struct hello *next, bool with_ee, const uint8_t *message, size_t len,
		      uint8_t *payload, size_t payload_size)
{
	uint8_t plain[HELLO_PAYLOAD_MAX];
	int r = -1;

	if (len < HELLO_OVERHEAD || len - HELLO_OVERHEAD > HELLO_PAYLOAD_MAX ||
	    len - HELLO_OVERHEAD > payload_size)
		return -1;
	len -= HELLO_OVERHEAD;
	memcpy(next->remote_public, message, HELLO_KEY_BYTES);
	if (hello_token_e(next, next->remote_public) && (!with_ee || hello_token_ee(next)) &&
	    hello_decrypt_and_hash(next, message + HELLO_KEY_BYTES, len, plain)) {
		if (len)
			memcpy(payload, plain, len);
		r = (int)len;
	}
	OPENSSL_cleanse(plain, sizeof(plain));
	return r;
}

/* Split(): the first key is the asking side's sending key. */
static bool hello_split(const struct hello *hello, uint8_t *asking, uint8_t *answering,
			uint8_t *session_hash)
{
	uint8_t out[2 * HASH_BYTES];
	bool done = hello_hkdf(hello, NULL, 0, out, 2);

	if (done) {
		memcpy(asking, out, HASH_BYTES);
		memcpy(answering, out + HASH_BYTES, HASH_BYTES);
		memcpy(session_hash, hello->hash, HASH_BYTES);
	}
	OPENSSL_cleanse(out, sizeof(out));
	return done;
}

int hello_ask(struct hello *hello, const uint8_t psk[static 32],
	      const uint8_t ephemeral_private[static 32], const uint8_t *prologue,
	      size_t prologue_len, const uint8_t *payload, size_t payload_len, uint8_t *out,
	      size_t out_size)
{
	struct hello next;
	int r = -1;

	if (payload_len > HELLO_PAYLOAD_MAX || payload_len + HELLO_OVERHEAD > out_size)
		return -1;
	if (hello_begin(&next, psk, prologue, prologue_len)) {
		memcpy(next.ephemeral_private, ephemeral_private, HELLO_KEY_BYTES);
		if (hello_write(&next, false, payload, payload_len, out)) {
			*hello = next;
			r = (int)(payload_len + HELLO_OVERHEAD);
		}
	}
	hello_clear(&next);
	return r;
}

int hello_read(struct hello *hello, const uint8_t psk[static 32], const uint8_t *prologue,
	       size_t prologue_len, const uint8_t *message, size_t len, uint8_t *payload,
	       size_t payload_size)
{
	struct hello next;
	int r = -1;

	if (hello_begin(&next, psk, prologue, prologue_len))
		r = hello_take(&next, false, message, len, payload, payload_size);
	if (r >= 0)
		*hello = next;
	hello_clear(&next);
	return r;
}

int hello_answer(struct hello *hello, const uint8_t ephemeral_private[static 32],
		 const uint8_t *payload, size_t payload_len, uint8_t *out, size_t out_size,
		 struct hello_keys *ret_keys)
{
	struct hello next;
	int r = -1;

	if (payload_len > HELLO_PAYLOAD_MAX || payload_len + HELLO_OVERHEAD > out_size)
		return -1;
	next = *hello;
	memcpy(next.ephemeral_private, ephemeral_private, HELLO_KEY_BYTES);
	if (hello_write(&next, true, payload, payload_len, out) &&
	    hello_split(&next, ret_keys->receive, ret_keys->send, ret_keys->session_hash)) {
		*hello = next;
		r = (int)(payload_len + HELLO_OVERHEAD);
	}
	hello_clear(&next);
	return r;
}

int hello_finish(struct hello *hello, const uint8_t *message, size_t len, uint8_t *payload,
		 size_t payload_size, struct hello_keys *ret_keys)
{
	struct hello next = *hello;
	struct hello_keys keys = { 0 };
	uint8_t plain[HELLO_PAYLOAD_MAX];
	int r;

	r = hello_take(&next, true, message, len, plain,
		       payload_size < sizeof(plain) ? payload_size : sizeof(plain));
	if (r >= 0 && !hello_split(&next, keys.send, keys.receive, keys.session_hash))
		r = -1;
	if (r >= 0) {
		if (r)
			memcpy(payload, plain, (size_t)r);
		*ret_keys = keys;
		*hello = next;
	}
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(&keys, sizeof(keys));
	hello_clear(&next);
	return r;
}

void hello_wipe(void *secret, size_t len)
{
	OPENSSL_cleanse(secret, len);
}

void hello_clear(struct hello *hello)
{
	OPENSSL_cleanse(hello, sizeof(*hello));
}

int hello_derive(const uint8_t secret[static 32], const char *label, const uint8_t *context,
		 size_t context_len, uint8_t *out, size_t out_len)
{
	uint8_t info[HELLO_INFO_MAX];
	size_t label_len = strlen(label);

	if (label_len > sizeof(info) || context_len > sizeof(info) - label_len)
		return -1;
	memcpy(info, label, label_len);
	if (context_len)
		memcpy(info + label_len, context, context_len);
	return hkdf_expand(secret, info, label_len + context_len, out, out_len) ? (int)out_len : -1;
}

#include "wire/seal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "wire/hello.h"

/*
 * One direction of a session: the same struct seals on one side and opens on the other.
 *
 * A key step owns two cipher contexts, one for each use, with the key schedule computed; a packet
 * then only sets its nonce. Setting a nonce, sealing and opening allocate nothing.
 *
 * The opening side holds three steps: previous, current and next. The bit in the header cannot
 * tell the previous from the next (both have the other phase), so both are tried: the next one
 * only after the previous one failed, and the previous one only while it lasts. Trying costs an
 * attacker's datagram at most two decryptions, and the next step is derived once, when the current
 * one begins, not once for each forgery. A step forward happens only after a datagram proved
 * authentic under the next key; so who does not know the secret can never move it.
 *
 * No nonce is used twice under a key: (path id, number) is fresh for each datagram of a direction,
 * that is the duty of who calls seal_protect(), and the keys of the two directions and of all steps
 * differ.
 *
 * The secret of a step is overwritten as soon as its successor is derived, so that a memory dump
 * does not open the datagrams of earlier steps.
 */

#define NONCE_BYTES 12
#define KEY_BYTES   32

struct seal_step {
	EVP_CIPHER_CTX *encrypt;
	EVP_CIPHER_CTX *decrypt;
	uint8_t iv[NONCE_BYTES];
	bool usable;
};

struct seal {
	struct seal_step current, next, previous;
	uint8_t secret[SEAL_SECRET_BYTES]; /* of `next`, once that is derived */
	unsigned phase;			   /* of `current` */
	usec_t previous_until;
	EVP_CIPHER *cipher;
	/* What is being opened: it reaches the caller only when it proved authentic, and a
	 * datagram opened in place is still whole when it did not. */
	uint8_t scratch[SEAL_BYTES_MAX];
};

static int step_init(struct seal_step *step)
{
	*step = (struct seal_step){ .encrypt = EVP_CIPHER_CTX_new(),
				    .decrypt = EVP_CIPHER_CTX_new() };
	return step->encrypt && step->decrypt ? 0 : -ENOMEM;
}

/* Freeing a context wipes its key schedule. */
static void step_deinit(struct seal_step *step)
{
	EVP_CIPHER_CTX_free(step->encrypt);
	EVP_CIPHER_CTX_free(step->decrypt);
	OPENSSL_cleanse(step, sizeof(*step));
}

/* Key and IV from @secret into @step, whose contexts are reused. */
static int step_derive(struct seal_step *step, const EVP_CIPHER *cipher, const uint8_t *secret)
{
	uint8_t key[KEY_BYTES];
	int r = -ENOMEM;

	step->usable = false;
	if (hello_derive(secret, "key", NULL, 0, key, sizeof(key)) < 0 ||
	    hello_derive(secret, "iv", NULL, 0, step->iv, sizeof(step->iv)) < 0)
		goto out;
	if (EVP_EncryptInit_ex(step->encrypt, cipher, NULL, key, NULL) != 1 ||
	    EVP_DecryptInit_ex(step->decrypt, cipher, NULL, key, NULL) != 1)
		goto out;
	step->usable = true;
	r = 0;
out:
	OPENSSL_cleanse(key, sizeof(key));
	return r;
}

/* Moves @secret on and derives the next step from it. */
static int seal_prepare_next(struct seal *seal)
{
	uint8_t secret[SEAL_SECRET_BYTES];
	int r;

	if (hello_derive(seal->secret, "next", NULL, 0, secret, sizeof(secret)) < 0)
		return -ENOMEM;
	r = step_derive(&seal->next, seal->cipher, secret);
	if (!r)
		memcpy(seal->secret, secret, sizeof(secret));
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

struct seal *seal_new(const uint8_t secret[static SEAL_SECRET_BYTES])
{
	struct seal *seal = calloc(1, sizeof(*seal));

	if (!seal)
		return NULL;
	seal->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	memcpy(seal->secret, secret, SEAL_SECRET_BYTES);
	if (!seal->cipher || step_init(&seal->current) < 0 || step_init(&seal->next) < 0 ||
	    step_init(&seal->previous) < 0 ||
	    step_derive(&seal->current, seal->cipher, seal->secret) < 0 ||
	    seal_prepare_next(seal) < 0)
		return seal_free(seal);
	return seal;
}

struct seal *seal_free(struct seal *seal)
{
	if (!seal)
		return NULL;
	step_deinit(&seal->current);
	step_deinit(&seal->next);
	step_deinit(&seal->previous);
	EVP_CIPHER_free(seal->cipher);
	OPENSSL_cleanse(seal, sizeof(*seal));
	free(seal);
	return NULL;
}

unsigned seal_phase(const struct seal *seal)
{
	return seal->phase;
}

static void nonce_of(const struct seal_step *step, uint8_t path_id, uint64_t number,
		     uint8_t nonce[static NONCE_BYTES])
{
	memcpy(nonce, step->iv, NONCE_BYTES);
	nonce[3] ^= path_id;
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] ^= (uint8_t)(number >> (56 - 8 * i));
}

size_t seal_protect(struct seal *seal, uint8_t path_id, uint64_t number, const uint8_t *header,
		    size_t header_len, const uint8_t *plain, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = seal->current.encrypt;
	uint8_t nonce[NONCE_BYTES];
	int n = 0, last = 0;
	bool done;

	assert(seal->current.usable && len <= INT32_MAX && header_len <= INT32_MAX);
	nonce_of(&seal->current, path_id, number, nonce);
	done = EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, header, (int)header_len) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &n, plain, (int)len) == 1 &&
	       EVP_EncryptFinal_ex(ctx, out + n, &last) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, out + len) == 1;
	/* With a valid context these cannot fail; what they left would not be sealed. */
	assert(done && (size_t)(n + last) == len);
	return done ? len + SEAL_TAG_BYTES : 0;
}

/* Turns @next into @current, and what was current into @previous; the contexts go round. */
static int seal_step_forward(struct seal *seal)
{
	struct seal_step oldest = seal->previous;

	seal->previous = seal->current;
	seal->current = seal->next;
	seal->next = oldest;
	seal->phase ^= 1;
	return seal_prepare_next(seal);
}

int seal_next_key(struct seal *seal)
{
	if (!seal->next.usable && seal_prepare_next(seal) < 0)
		return -ENOMEM;
	/* A failure to derive the step after this one shows at the next call. */
	(void)seal_step_forward(seal);
	seal->previous.usable = false;
	return 0;
}

/* Decrypts @len bytes and the tag behind them. OpenSSL compares the tag in constant time. */
static bool step_open(struct seal_step *step, uint8_t path_id, uint64_t number,
		      const uint8_t *header, size_t header_len, const uint8_t *sealed, size_t len,
		      uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = step->decrypt;
	uint8_t nonce[NONCE_BYTES], tag[SEAL_TAG_BYTES];
	int n = 0, last = 0;

	memcpy(tag, sealed + len, sizeof(tag));
	nonce_of(step, path_id, number, nonce);
	return EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, header, (int)header_len) == 1 &&
	       EVP_DecryptUpdate(ctx, out, &n, sealed, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, out + n, &last) == 1;
}

int seal_open(struct seal *seal, unsigned phase, uint8_t path_id, uint64_t number,
	      const uint8_t *header, size_t header_len, const uint8_t *sealed, size_t len,
	      uint8_t *out, usec_t now)
{
	bool opened = false;

	if (len < SEAL_TAG_BYTES || len > SEAL_BYTES_MAX || header_len > SEAL_BYTES_MAX)
		return -1;
	len -= SEAL_TAG_BYTES;
	if (seal->previous.usable && now >= seal->previous_until)
		seal->previous.usable = false;
	if ((phase & 1) == seal->phase) {
		opened = step_open(&seal->current, path_id, number, header, header_len, sealed, len,
				   seal->scratch);
	} else {
		if (seal->previous.usable)
			opened = step_open(&seal->previous, path_id, number, header, header_len,
					   sealed, len, seal->scratch);
		if (!opened && (seal->next.usable || !seal_prepare_next(seal)) &&
		    step_open(&seal->next, path_id, number, header, header_len, sealed, len,
			      seal->scratch)) {
			opened = true;
			seal->previous_until = usec_add(now, SEAL_OLD_KEY_USEC);
			/* Without memory for the step after it, the next change tries again. */
			(void)seal_step_forward(seal);
		}
	}
	if (!opened)
		return -1;
	memcpy(out, seal->scratch, len);
	return (int)len;
}

/* --- replay window --------------------------------------------------------------------------- */

/*
 * Bit `number % REPLAY_WINDOW` says whether `number` was seen; it belongs to the youngest number
 * with that remainder that is below `next`. The window moves by whole words, so the oldest numbers
 * that it still takes are those of the REPLAY_WINDOW - 64 below the highest (RFC 6479, 2.4).
 */
#define WORD_BITS     64
#define REPLAY_USABLE (REPLAY_WINDOW - WORD_BITS)

bool replay_is_new(const struct replay *replay, uint64_t number)
{
	if (number >= replay->next)
		return number != UINT64_MAX;
	if (replay->next - number > REPLAY_USABLE)
		return false;
	return !(replay->bits[number % REPLAY_WINDOW / WORD_BITS] >> number % WORD_BITS & 1);
}

void replay_record(struct replay *replay, uint64_t number)
{
	assert(replay_is_new(replay, number));
	if (number >= replay->next) {
		/* The words that were not begun yet still hold numbers from one turn ago. */
		uint64_t begun = (replay->next + WORD_BITS - 1) / WORD_BITS;
		uint64_t wanted = number / WORD_BITS;

		for (uint64_t i = 0; begun + i <= wanted && i < REPLAY_WINDOW / WORD_BITS; i++)
			replay->bits[(begun + i) % (REPLAY_WINDOW / WORD_BITS)] = 0;
		replay->next = number + 1;
	}
	replay->bits[number % REPLAY_WINDOW / WORD_BITS] |= UINT64_C(1) << number % WORD_BITS;
}

#include "unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/rng.h"
#include "uplinkd/wire.h"
#include "wire/hello.h"

/*
 * The handshake against published vectors, against a second implementation written along the text
 * of the specification with other OpenSSL functions, and against everything that can be damaged.
 */

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static void random_fill(struct rng *rng, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)rng_u64(rng);
}

/* AES-256-GCM with a Noise nonce. @sealed has the tag at its end. */
static bool reference_aead(int seal, const uint8_t *key, uint64_t counter, const uint8_t *ad,
			   size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12] = { 0 }, tag[16];
	int n;
	bool ok;

	for (int i = 0; i < 8; i++)
		nonce[11 - i] = (uint8_t)(counter >> 8 * i);
	assert_int_equal(EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, seal), 1);
	if (ad_len)
		assert_int_equal(EVP_CipherUpdate(ctx, NULL, &n, ad, (int)ad_len), 1);
	if (!seal) {
		memcpy(tag, in + len, 16);
		assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag), 1);
	}
	assert_int_equal(EVP_CipherUpdate(ctx, out, &n, in, (int)len), 1);
	ok = EVP_CipherFinal_ex(ctx, out + n, &n) == 1;
	if (seal)
		assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + len), 1);
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/* --- published vectors ----------------------------------------------------------------------- */

/* Source: the project cacophony (Haskell), vectors/cacophony.txt, commit 36c1e5c3a799, entry
 * "Noise_NNpsk0_25519_AESGCM_SHA256"; the same file is used by snow and others. */
static const struct {
	const char *prologue, *psk, *ask_ephemeral, *answer_ephemeral;
	struct {
		const char *payload, *ciphertext;
	} message[6];
} vector = {
	.prologue = "4a6f686e2047616c74",
	.psk = "54686973206973206d7920417573747269616e20706572737065637469766521",
	.ask_ephemeral = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
	.answer_ephemeral = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
	.message = {
		{ "4c756477696720766f6e204d69736573",
		  "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79447c37a89fc17813788"
		  "d30df2d59501d6066f5f8aecc3406bbd9829f2d24a531b1" },
		{ "4d757272617920526f746862617264",
		  "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088432f29d79368ef9de4e"
		  "1ae7a362fb05bf0ad668e026bf5714554497b3a720461" },
		{ "462e20412e20486179656b",
		  "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6" },
		{ "4361726c204d656e676572",
		  "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0" },
		{ "4a65616e2d426170746973746520536179",
		  "6cfc49a3e65472edc2d0152abe5ce950170a8a47c959f30bd48b5f0aacf29adbfd" },
		{ "457567656e2042f6686d20766f6e2042617765726b",
		  "9bc86e6d974ed21ba04604a94aa68de21677eb409ead070c0cd569b069ee19ba142aa4c1a9" },
	},
};

static void passes_the_published_vectors(void **state)
{
	uint8_t prologue[16], psk[32], ask_key[32], answer_key[32];
	uint8_t payload[6][32], ciphertext[6][128], out[256], back[256];
	size_t payload_len[6], ciphertext_len[6];
	size_t prologue_len = unhex(vector.prologue, prologue);
	struct hello asking, answering;
	struct hello_keys asking_keys, answering_keys;

	(void)state;
	unhex(vector.psk, psk);
	unhex(vector.ask_ephemeral, ask_key);
	unhex(vector.answer_ephemeral, answer_key);
	for (int i = 0; i < 6; i++) {
		payload_len[i] = unhex(vector.message[i].payload, payload[i]);
		ciphertext_len[i] = unhex(vector.message[i].ciphertext, ciphertext[i]);
	}

	assert_int_equal(hello_ask(&asking, psk, ask_key, prologue, prologue_len, payload[0],
				   payload_len[0], out, sizeof(out)),
			 ciphertext_len[0]);
	assert_memory_equal(out, ciphertext[0], ciphertext_len[0]);
	assert_int_equal(hello_read(&answering, psk, prologue, prologue_len, out, ciphertext_len[0],
				    back, sizeof(back)),
			 payload_len[0]);
	assert_memory_equal(back, payload[0], payload_len[0]);

	assert_int_equal(hello_answer(&answering, answer_key, payload[1], payload_len[1], out,
				      sizeof(out), &answering_keys),
			 ciphertext_len[1]);
	assert_memory_equal(out, ciphertext[1], ciphertext_len[1]);
	assert_int_equal(
		hello_finish(&asking, out, ciphertext_len[1], back, sizeof(back), &asking_keys),
		payload_len[1]);
	assert_memory_equal(back, payload[1], payload_len[1]);

	assert_memory_equal(asking_keys.send, answering_keys.receive, 32);
	assert_memory_equal(asking_keys.receive, answering_keys.send, 32);
	assert_memory_equal(asking_keys.session_hash, answering_keys.session_hash, 32);

	/* Transport messages of the vector: the sides take turns, each with its own counter. */
	for (int i = 2; i < 6; i++) {
		const uint8_t *key = i % 2 ? answering_keys.send : asking_keys.send;

		assert_true(reference_aead(1, key, (uint64_t)(i - 2) / 2, NULL, 0, payload[i],
					   payload_len[i], out));
		assert_memory_equal(out, ciphertext[i], ciphertext_len[i]);
	}
}

/* --- a second implementation ----------------------------------------------------------------- */

/* HKDF by OpenSSL's own KDF. @salt NULL: expand alone. */
static void reference_hkdf(const uint8_t *salt, const uint8_t *key, size_t key_len,
			   const char *info, uint8_t *out, size_t out_len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int mode = salt ? EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND : EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	uint8_t copy[32], key_copy[32] = { 0 };
	char digest[] = "SHA256", text[64];
	OSSL_PARAM params[6], *p = params;

	assert_true(key_len <= sizeof(key_copy));
	if (key_len)
		memcpy(key_copy, key, key_len);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key_copy, key_len);
	if (salt) {
		memcpy(copy, salt, 32);
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, copy, 32);
	}
	if (info) {
		snprintf(text, sizeof(text), "%s", info);
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, text, strlen(text));
	}
	*p = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_KDF_derive(ctx, out, out_len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void reference_hash(uint8_t *h, const uint8_t *data, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
	assert_int_equal(EVP_DigestUpdate(ctx, h, 32), 1);
	assert_int_equal(EVP_DigestUpdate(ctx, data, len), 1);
	assert_int_equal(EVP_DigestFinal_ex(ctx, h, NULL), 1);
	EVP_MD_CTX_free(ctx);
}

/* The asking hello as the specification lists its steps; leaves ck, h and k behind. */
static size_t reference_ask(const uint8_t *psk, const uint8_t *public, const uint8_t *prologue,
			    size_t prologue_len, const uint8_t *payload, size_t len, uint8_t *out)
{
	uint8_t ck[32], h[32], k[32], keys[96];

	memcpy(h, "Noise_NNpsk0_25519_AESGCM_SHA256", 32);
	memcpy(ck, h, 32);
	reference_hash(h, prologue, prologue_len);
	reference_hkdf(ck, psk, 32, NULL, keys, 96);
	memcpy(ck, keys, 32);
	reference_hash(h, keys + 32, 32);
	memcpy(out, public, 32);
	reference_hash(h, public, 32);
	reference_hkdf(ck, public, 32, NULL, keys, 64);
	memcpy(k, keys + 32, 32);
	assert_true(reference_aead(1, k, 0, h, 32, payload, len, out + 32));
	return 32 + len + 16;
}

static void agrees_with_a_second_implementation(void **state)
{
	struct rng rng = rng_of(7);

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint8_t psk[32], key[32], public[32], prologue[40], payload[200], mine[300],
			theirs[300];
		size_t prologue_len = rng_below(&rng, 41), len = rng_below(&rng, 201), n = 32;
		struct hello hello;
		EVP_PKEY *pkey;

		random_fill(&rng, psk, 32);
		random_fill(&rng, key, 32);
		random_fill(&rng, prologue, sizeof(prologue));
		random_fill(&rng, payload, sizeof(payload));
		pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, 32);
		assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, public, &n), 1);
		EVP_PKEY_free(pkey);
		n = reference_ask(psk, public, prologue, prologue_len, payload, len, theirs);
		assert_int_equal(hello_ask(&hello, psk, key, prologue, prologue_len, payload, len,
					   mine, sizeof(mine)),
				 n);
		assert_memory_equal(mine, theirs, n);
	}
}

static void derives_like_hkdf_of_the_library(void **state)
{
	static const char *const labels[] = { "key", "iv", "next", "a longer label of some kind" };
	struct rng rng = rng_of(8);

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint8_t secret[32], mine[200], theirs[200];
		const char *label = labels[round % 4];
		size_t len = 1 + rng_below(&rng, 200);

		random_fill(&rng, secret, 32);
		assert_int_equal(hello_derive(secret, label, NULL, 0, mine, len), (int)len);
		reference_hkdf(NULL, secret, 32, label, theirs, len);
		assert_memory_equal(mine, theirs, len);
	}
}

static void derivation_separates_by_label_and_context(void **state)
{
	uint8_t secret[32] = { 1 }, a[32], b[32], long_info[HELLO_INFO_MAX] = { 0 };

	(void)state;
	assert_int_equal(hello_derive(secret, "key", (const uint8_t *)"1", 1, a, 32), 32);
	assert_int_equal(hello_derive(secret, "key", (const uint8_t *)"2", 1, b, 32), 32);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(hello_derive(secret, "iv", (const uint8_t *)"1", 1, b, 32), 32);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(hello_derive(secret, "key", long_info, sizeof(long_info), b, 32), -1);
	assert_int_equal(hello_derive(secret, "key", long_info, sizeof(long_info) - 3, b, 32), 32);
}

/* --- a whole handshake, damaged -------------------------------------------------------------- */

struct scene {
	uint8_t psk[32], ask_key[32], answer_key[32], prologue[4];
	uint8_t ask[WIRE_HELLO_BYTES], answer[128];
	size_t ask_len, answer_len;
	struct hello asking, answering;
	struct hello_keys asking_keys, answering_keys;
};

static void scene_play(struct scene *s, uint64_t seed)
{
	struct rng rng = rng_of(seed);
	uint8_t payload[100], back[100];

	random_fill(&rng, s->psk, 32);
	random_fill(&rng, s->ask_key, 32);
	random_fill(&rng, s->answer_key, 32);
	random_fill(&rng, s->prologue, 4);
	random_fill(&rng, payload, sizeof(payload));
	s->ask_len = (size_t)hello_ask(&s->asking, s->psk, s->ask_key, s->prologue, 4, payload,
				       sizeof(payload), s->ask, sizeof(s->ask));
	assert_int_equal(s->ask_len, sizeof(payload) + HELLO_OVERHEAD);
	assert_int_equal(hello_read(&s->answering, s->psk, s->prologue, 4, s->ask, s->ask_len, back,
				    sizeof(back)),
			 sizeof(payload));
	s->answer_len = (size_t)hello_answer(&s->answering, s->answer_key, payload, 20, s->answer,
					     sizeof(s->answer), &s->answering_keys);
	assert_int_equal(s->answer_len, 20 + HELLO_OVERHEAD);
}

static void refuses_a_hello_with_any_bit_changed(void **state)
{
	struct scene s;
	struct hello hello;
	uint8_t back[200];

	(void)state;
	scene_play(&s, 1);
	for (size_t i = 0; i < s.ask_len * 8; i++) {
		s.ask[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(hello_read(&hello, s.psk, s.prologue, 4, s.ask, s.ask_len, back,
					    sizeof(back)),
				 -1);
		s.ask[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < s.ask_len; len++)
		assert_int_equal(
			hello_read(&hello, s.psk, s.prologue, 4, s.ask, len, back, sizeof(back)),
			-1);
	for (int i = 0; i < 4; i++) {
		s.prologue[i] ^= 1;
		assert_int_equal(hello_read(&hello, s.psk, s.prologue, 4, s.ask, s.ask_len, back,
					    sizeof(back)),
				 -1);
		s.prologue[i] ^= 1;
	}
	s.psk[31] ^= 1;
	assert_int_equal(
		hello_read(&hello, s.psk, s.prologue, 4, s.ask, s.ask_len, back, sizeof(back)), -1);
}

static void a_forged_answer_does_not_end_the_wait_for_the_true_one(void **state)
{
	struct scene s;
	uint8_t back[200], untouched[200];

	(void)state;
	scene_play(&s, 2);
	memset(back, 0x5a, sizeof(back));
	memset(untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < s.answer_len * 8; i++) {
		/* X25519 ignores the highest bit of a public key; the hash does not. */
		s.answer[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(hello_finish(&s.asking, s.answer, s.answer_len, back, sizeof(back),
					      &s.asking_keys),
				 -1);
		s.answer[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < s.answer_len; len++)
		assert_int_equal(
			hello_finish(&s.asking, s.answer, len, back, sizeof(back), &s.asking_keys),
			-1);
	assert_memory_equal(back, untouched, sizeof(back));
	assert_int_equal(
		hello_finish(&s.asking, s.answer, s.answer_len, back, sizeof(back), &s.asking_keys),
		20);
	assert_memory_equal(s.asking_keys.send, s.answering_keys.receive, 32);
	assert_memory_equal(s.asking_keys.receive, s.answering_keys.send, 32);
	assert_memory_not_equal(s.asking_keys.receive, s.asking_keys.send, 32);
}

static void an_answer_to_another_hello_is_refused(void **state)
{
	struct scene a, b;
	uint8_t back[200];

	(void)state;
	scene_play(&a, 3);
	scene_play(&b, 3);
	b.ask_key[5] ^= 1;
	assert_int_equal(hello_ask(&b.asking, b.psk, b.ask_key, b.prologue, 4, NULL, 0, b.ask,
				   sizeof(b.ask)),
			 HELLO_OVERHEAD);
	assert_int_equal(
		hello_finish(&b.asking, a.answer, a.answer_len, back, sizeof(back), &b.asking_keys),
		-1);
}

/* The points of small order of the curve (and their unreduced forms): whoever sends one makes the
 * shared secret zero, whatever the other side's key is. */
static void refuses_public_keys_of_small_order(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
		struct scene s;
		uint8_t point[32], message[32 + 16], back[64], out[128];
		struct hello_keys keys;

		scene_play(&s, 4);
		unhex(points[i], point);
		/* A peer that knows the pre-shared key asks with that point. */
		reference_ask(s.psk, point, s.prologue, 4, (const uint8_t *)"", 0, message);
		assert_int_equal(hello_read(&s.answering, s.psk, s.prologue, 4, message,
					    sizeof(message), back, sizeof(back)),
				 0);
		assert_int_equal(
			hello_answer(&s.answering, s.answer_key, NULL, 0, out, sizeof(out), &keys),
			-1);
		/* And answers with it: no tag can be right, as no key comes out. */
		memcpy(s.answer, point, 32);
		assert_int_equal(
			hello_finish(&s.asking, s.answer, s.answer_len, back, sizeof(back), &keys),
			-1);
	}
}

static void writes_nothing_where_there_is_no_room(void **state)
{
	struct scene s;
	struct hello hello;
	struct hello_keys keys;
	static const uint8_t large[HELLO_PAYLOAD_MAX + 1];
	static uint8_t out[HELLO_PAYLOAD_MAX + HELLO_OVERHEAD + 1];
	uint8_t back[100];

	(void)state;
	scene_play(&s, 5);
	assert_int_equal(hello_ask(&hello, s.psk, s.ask_key, NULL, 0, large, 50, out,
				   50 + HELLO_OVERHEAD - 1),
			 -1);
	assert_int_equal(hello_ask(&hello, s.psk, s.ask_key, NULL, 0, large, sizeof(large), out,
				   sizeof(out)),
			 -1);
	assert_int_equal(hello_ask(&hello, s.psk, s.ask_key, NULL, 0, large, HELLO_PAYLOAD_MAX, out,
				   sizeof(out)),
			 HELLO_PAYLOAD_MAX + HELLO_OVERHEAD);
	assert_int_equal(hello_read(&hello, s.psk, s.prologue, 4, s.ask, s.ask_len, back, 99), -1);
	assert_int_equal(hello_read(&hello, s.psk, s.prologue, 4, s.ask, s.ask_len, back, 100),
			 100);
	assert_int_equal(
		hello_answer(&hello, s.answer_key, large, 50, out, 50 + HELLO_OVERHEAD - 1, &keys),
		-1);
	assert_int_equal(hello_finish(&s.asking, s.answer, s.answer_len, back, 19, &keys), -1);
	assert_int_equal(hello_finish(&s.asking, s.answer, s.answer_len, back, 20, &keys), 20);
}

static void clearing_leaves_no_secret(void **state)
{
	struct scene s;
	static const struct hello zero;

	(void)state;
	scene_play(&s, 6);
	hello_clear(&s.asking);
	assert_memory_equal(&s.asking, &zero, sizeof(zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_the_published_vectors),
		cmocka_unit_test(agrees_with_a_second_implementation),
		cmocka_unit_test(derives_like_hkdf_of_the_library),
		cmocka_unit_test(derivation_separates_by_label_and_context),
		cmocka_unit_test(refuses_a_hello_with_any_bit_changed),
		cmocka_unit_test(a_forged_answer_does_not_end_the_wait_for_the_true_one),
		cmocka_unit_test(an_answer_to_another_hello_is_refused),
		cmocka_unit_test(refuses_public_keys_of_small_order),
		cmocka_unit_test(writes_nothing_where_there_is_no_room),
		cmocka_unit_test(clearing_leaves_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "wire/hello.h"

/*
 * First byte: what to do; second: where to damage (255: nowhere); then a message or a payload.
 *
 *   0  read the bytes as an asking hello          1  take them as an answer
 *   2  ask with the bytes as payload, damage it, read it
 *   3  a whole handshake with the bytes as payload of the answer, which is damaged
 */

static const uint8_t psk[32] = { 1 }, ask_key[32] = { 2 }, answer_key[32] = { 3 };

static void ask_and_read(const uint8_t *payload, size_t len, uint8_t damage)
{
	static uint8_t message[HELLO_PAYLOAD_MAX + HELLO_OVERHEAD], back[HELLO_PAYLOAD_MAX];
	struct hello asking, answering;
	int n = hello_ask(&asking, psk, ask_key, payload, len, payload, len, message,
			  sizeof(message));

	FUZZ_CHECK(n < 0 ? len > HELLO_PAYLOAD_MAX : (size_t)n == len + HELLO_OVERHEAD);
	if (n < 0)
		return;
	if (damage < 255)
		message[damage % n] ^= (uint8_t)(1 + damage);
	n = hello_read(&answering, psk, payload, len, message, (size_t)n, back, sizeof(back));
	FUZZ_CHECK(damage < 255 ? n == -1 : (size_t)n == len);
	FUZZ_CHECK(n < 0 || !len || !memcmp(back, payload, len));
}

static void answer_and_finish(const uint8_t *payload, size_t len, uint8_t damage, bool raw)
{
	static uint8_t message[HELLO_PAYLOAD_MAX + HELLO_OVERHEAD], back[HELLO_PAYLOAD_MAX];
	struct hello asking, answering;
	struct hello_keys mine, theirs;
	int n = hello_ask(&asking, psk, ask_key, NULL, 0, NULL, 0, message, sizeof(message));

	FUZZ_CHECK(n == HELLO_OVERHEAD);
	if (raw) {
		FUZZ_CHECK(hello_finish(&asking, payload, len, back, sizeof(back), &mine) == -1);
		return;
	}
	FUZZ_CHECK(hello_read(&answering, psk, NULL, 0, message, (size_t)n, back, sizeof(back)) ==
		   0);
	n = hello_answer(&answering, answer_key, payload, len, message, sizeof(message), &theirs);
	if (n < 0)
		return;
	if (damage < 255) {
		message[damage % n] ^= (uint8_t)(1 + damage);
		FUZZ_CHECK(hello_finish(&asking, message, (size_t)n, back, sizeof(back), &mine) ==
			   -1);
		message[damage % n] ^= (uint8_t)(1 + damage);
	}
	FUZZ_CHECK(hello_finish(&asking, message, (size_t)n, back, sizeof(back), &mine) ==
		   (int)len);
	FUZZ_CHECK(!memcmp(mine.send, theirs.receive, 32));
	FUZZ_CHECK(!memcmp(mine.receive, theirs.send, 32));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t back[64];
	struct hello hello;

	if (size < 2)
		return 0;
	switch (data[0] & 3) {
	case 0:
		FUZZ_CHECK(hello_read(&hello, psk, NULL, 0, data + 2, size - 2, back,
				      sizeof(back)) == -1);
		break;
	case 1:
		answer_and_finish(data + 2, size - 2, data[1], true);
		break;
	case 2:
		ask_and_read(data + 2, size - 2, data[1]);
		break;
	case 3:
		answer_and_finish(data + 2, size - 2, data[1], false);
		break;
	}
	return 0;
}

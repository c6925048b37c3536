#include "fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"

/*
 * The first half of the input is a program of reads over the second half; a plain index is the
 * model. What is read is written with the counterpart, and must read the same again.
 */

struct step {
	uint8_t what; /* 0 varint, 1 to 8 bytes of a number, 9: raw bytes */
	uint64_t value;
};

static uint64_t model_uint(const uint8_t *data, size_t size, size_t *at, bool *failed, size_t n)
{
	uint64_t v = 0;

	if (*failed || n > size - *at) {
		*failed = true;
		return 0;
	}
	while (n--)
		v = v << 8 | data[(*at)++];
	return v;
}

static uint64_t model_varint(const uint8_t *data, size_t size, size_t *at, bool *failed)
{
	uint64_t v = 0;

	for (int i = 0; i < 9; i++) {
		uint64_t byte = model_uint(data, size, at, failed, 1);

		if (*failed)
			return 0;
		v = v << 7 | (byte & 0x7f);
		if (byte < 0x80)
			return v;
	}
	*failed = true;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct step steps[4096];
	static uint8_t buffer[sizeof(steps) / sizeof(*steps) * 9];
	size_t count = size / 2 < 4096 ? size / 2 : 4096, at = 0, done = 0;
	const uint8_t *program = data;
	struct cursor c;
	struct writer w = writer_of(buffer, sizeof(buffer));
	bool failed = false;

	if (!size)
		return 0;
	data += size / 2;
	size -= size / 2;
	c = cursor_of(data, size);
	for (size_t i = 0; i < count; i++) {
		uint64_t want, got;

		if (program[i] % 10 == 0) {
			want = model_varint(data, size, &at, &failed);
			got = cursor_varint(&c);
		} else if (program[i] % 10 == 9) {
			size_t n = program[i] / 10;
			const uint8_t *p = cursor_bytes(&c, n);

			if (failed || n > size - at)
				failed = true;
			else
				FUZZ_CHECK(p == data + at);
			at += failed ? 0 : n;
			want = got = 0;
		} else {
			want = model_uint(data, size, &at, &failed, program[i] % 10);
			got = cursor_uint(&c, program[i] % 10);
		}
		FUZZ_CHECK(want == got && failed == c.failed);
		FUZZ_CHECK(cursor_left(&c) == (failed ? 0 : size - at));
		if (failed)
			break;
		steps[done++] = (struct step){ program[i] % 10, got };
	}
	for (size_t i = 0; i < done; i++) {
		if (!steps[i].what)
			writer_varint(&w, steps[i].value);
		else if (steps[i].what < 9)
			writer_uint(&w, steps[i].value, steps[i].what);
	}
	FUZZ_CHECK(!w.failed);
	c = cursor_of(buffer, writer_len(&w));
	for (size_t i = 0; i < done; i++) {
		if (!steps[i].what)
			FUZZ_CHECK(cursor_varint(&c) == steps[i].value);
		else if (steps[i].what < 9)
			FUZZ_CHECK(cursor_uint(&c, steps[i].what) == steps[i].value);
	}
	FUZZ_CHECK(!c.failed && !cursor_left(&c));
	return 0;
}

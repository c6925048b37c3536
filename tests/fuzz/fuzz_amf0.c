#include "fuzz/fuzz.h"

#include <string.h>

#include "workers/rtmp/amf0.h"

/* Input: AMF0 values one after the other. What is read as a container can be walked, and a walk
 * stays inside it. */

static void walk(const struct amf0_value *object, unsigned depth)
{
	struct cursor body = object->body;
	struct amf0_text name;
	struct amf0_value value;
	char text[32];

	FUZZ_CHECK(depth <= AMF0_DEPTH_MAX + 1);
	while (amf0_read_property(&body, &name, &value)) {
		FUZZ_CHECK(!name.len ||
			   ((const uint8_t *)name.data >= object->body.next &&
			    (const uint8_t *)name.data + name.len <= object->body.end));
		amf0_string_copy(&value, text, sizeof(text));
		FUZZ_CHECK(strlen(text) < sizeof(text));
		if (value.body.next)
			walk(&value, depth + 1);
	}
	FUZZ_CHECK(!body.failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct amf0_value value;
	char text[16];

	if (size > 4096)
		return 0;
	while (cursor_left(&c) && amf0_read(&c, &value)) {
		if (value.body.next) {
			walk(&value, 0);
			amf0_find_text(&value, "code", text, sizeof(text));
		}
	}
	return 0;
}

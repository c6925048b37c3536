#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "workers/rtmp/amf0.h"

static void reads_the_values_of_a_command(void **state)
{
	/* "connect", 1, { app: "live", capable: true } as FFmpeg sends it. */
	static const uint8_t bytes[] = "\x02\0\7connect"
				       "\0\x3f\xf0\0\0\0\0\0\0"
				       "\3\0\3app\2\0\4live\0\7capable\1\1\0\0\x09"
				       "\5";
	struct cursor c = cursor_of(bytes, sizeof(bytes) - 1);
	struct amf0_value name, id, object, value;
	char text[8];

	(void)state;
	assert_true(amf0_read(&c, &name));
	assert_int_equal(name.type, AMF0_TYPE_STRING);
	assert_true(amf0_text_is(name.text, "connect"));
	assert_true(amf0_read(&c, &id));
	assert_true(id.number == 1.0);
	assert_true(amf0_read(&c, &object));
	assert_int_equal(object.type, AMF0_TYPE_OBJECT);
	amf0_find_text(&object, "app", text, sizeof(text));
	assert_string_equal(text, "live");
	assert_true(amf0_find(&object, "capable", &value) && value.boolean);
	assert_false(amf0_find(&object, "cap", &value));
	assert_true(amf0_read(&c, &value));
	assert_int_equal(value.type, AMF0_TYPE_NULL);
	assert_int_equal(cursor_left(&c), 0);
}

static void reads_every_type_whole(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum amf0_type type;
	} rows[] = {
		{ "\6", 1, AMF0_TYPE_UNDEFINED },
		{ "\7\0\1", 3, AMF0_TYPE_REFERENCE },
		{ "\x0a\0\0\0\2\5\1\1", 8, AMF0_TYPE_STRICT_ARRAY },
		{ "\x0b\0\0\0\0\0\0\0\0\0\0", 11, AMF0_TYPE_DATE },
		{ "\x0c\0\0\0\2ab", 7, AMF0_TYPE_LONG_STRING },
		{ "\x0d", 1, AMF0_TYPE_UNSUPPORTED },
		{ "\x0f\0\0\0\1x", 6, AMF0_TYPE_XML },
		{ "\x10\0\1T\0\1a\5\0\0\x09", 11, AMF0_TYPE_TYPED_OBJECT },
		{ "\x08\0\0\0\1\0\1a\5\0\0\x09", 12, AMF0_TYPE_ECMA_ARRAY },
		/* Without an end mark, at the end of the message. */
		{ "\x08\0\0\0\1\0\1a\5", 9, AMF0_TYPE_ECMA_ARRAY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cursor c = cursor_of(rows[i].bytes, rows[i].len);
		struct amf0_value value;

		assert_true(amf0_read(&c, &value));
		assert_int_equal(value.type, rows[i].type);
		assert_int_equal(cursor_left(&c), 0);
		for (size_t len = 0; len < rows[i].len; len++) {
			c = cursor_of(rows[i].bytes, len);
			if (rows[i].type != AMF0_TYPE_ECMA_ARRAY)
				assert_false(amf0_read(&c, &value));
		}
	}
}

static void bounds_the_depth_of_containers(void **state)
{
	uint8_t bytes[4 * 5 * AMF0_DEPTH_MAX];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct amf0_value value;
	struct cursor c;

	(void)state;
	for (int i = 0; i < 4 * AMF0_DEPTH_MAX; i++) {
		writer_u8(&w, AMF0_TYPE_STRICT_ARRAY);
		writer_u32(&w, 1);
	}
	c = cursor_of(bytes, writer_len(&w));
	assert_false(amf0_read(&c, &value));
	assert_true(c.failed);
}

static void reads_back_what_it_writes(void **state)
{
	uint8_t bytes[256];
	char text[4];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct cursor c;
	struct amf0_value value, inner;

	(void)state;
	amf0_write_ecma_array(&w, 2);
	amf0_write_name(&w, "width");
	amf0_write_number(&w, 1920);
	amf0_write_name(&w, "o");
	amf0_write_object(&w);
	amf0_write_name(&w, "s");
	amf0_write_string(&w, "longer than text");
	amf0_write_name(&w, "n");
	amf0_write_null(&w);
	amf0_write_object_end(&w);
	amf0_write_object_end(&w);
	amf0_write_boolean(&w, true);
	assert_false(w.failed);
	c = cursor_of(bytes, writer_len(&w));
	assert_true(amf0_read(&c, &value));
	assert_true(amf0_find(&value, "width", &inner) && inner.number == 1920);
	assert_true(amf0_find(&value, "o", &inner));
	amf0_find_text(&inner, "s", text, sizeof(text));
	assert_string_equal(text, "lon");
	assert_true(amf0_read(&c, &value) && value.boolean);
	assert_int_equal(cursor_left(&c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_values_of_a_command),
		cmocka_unit_test(reads_every_type_whole),
		cmocka_unit_test(bounds_the_depth_of_containers),
		cmocka_unit_test(reads_back_what_it_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#pragma once

#include "base/cursor.h"

/*
 * AMF0, the serialisation of RTMP commands and metadata (Adobe, "Action Message Format - AMF 0",
 * 2007). Reading allocates nothing: a value points into the bytes it was read from and is valid as
 * long as they are.
 */
enum amf0_type {
	AMF0_TYPE_NUMBER = 0x00,
	AMF0_TYPE_BOOLEAN = 0x01,
	AMF0_TYPE_STRING = 0x02,
	AMF0_TYPE_OBJECT = 0x03,
	AMF0_TYPE_NULL = 0x05,
	AMF0_TYPE_UNDEFINED = 0x06,
	AMF0_TYPE_REFERENCE = 0x07,
	AMF0_TYPE_ECMA_ARRAY = 0x08,
	AMF0_TYPE_OBJECT_END = 0x09,
	AMF0_TYPE_STRICT_ARRAY = 0x0a,
	AMF0_TYPE_DATE = 0x0b,
	AMF0_TYPE_LONG_STRING = 0x0c,
	AMF0_TYPE_UNSUPPORTED = 0x0d,
	AMF0_TYPE_XML = 0x0f,
	AMF0_TYPE_TYPED_OBJECT = 0x10,
};

#define AMF0_DEPTH_MAX 16 /* containers inside containers; the commands of RTMP need 3 */

struct amf0_text {
	const char *data; /* not terminated */
	size_t len;
};

struct amf0_value {
	enum amf0_type type;
	double number;	       /* NUMBER, DATE (ms since 1970) */
	bool boolean;	       /* BOOLEAN */
	struct amf0_text text; /* STRING, LONG_STRING, XML */
	struct cursor body;    /* OBJECT, TYPED_OBJECT, ECMA_ARRAY: its properties */
};

/* The next value, containers as a whole. False, and *@c failed, when the bytes are not AMF0. */
bool amf0_read(struct cursor *c, struct amf0_value *ret_value);
/* The next property of @body; false at its end. */
bool amf0_read_property(struct cursor *body, struct amf0_text *ret_name,
			struct amf0_value *ret_value);
/* The property @name of @object; false when it has none, or is no object. */
bool amf0_find(const struct amf0_value *object, const char *name, struct amf0_value *ret_value);
bool amf0_text_is(struct amf0_text text, const char *string);
/* The text of property @name as a string in @buf (cut to @size); "" when there is none. */
void amf0_find_text(const struct amf0_value *object, const char *name, char *buf, size_t size);
/* A string value as a string in @buf, cut to @size; "" for other types. */
void amf0_string_copy(const struct amf0_value *value, char *buf, size_t size);

void amf0_write_number(struct writer *w, double number);
void amf0_write_boolean(struct writer *w, bool boolean);
void amf0_write_string(struct writer *w, const char *string);
void amf0_write_null(struct writer *w);
/* Properties follow, each amf0_write_name() and a value; then amf0_write_object_end(). */
void amf0_write_object(struct writer *w);
void amf0_write_ecma_array(struct writer *w, uint32_t count);
void amf0_write_name(struct writer *w, const char *name);
void amf0_write_object_end(struct writer *w);

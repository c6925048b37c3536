#include "workers/rtmp/amf0.h"

/*
 * A value is read whole before it is handed out, so that a caller can skip what it does not know
 * by ignoring it; walking into a container reads its inside a second time. With the depth bounded,
 * that stays linear in practice and at most AMF0_DEPTH_MAX times the length.
 *
 * One leniency: encoders exist that count the properties of an ECMA array correctly and leave out
 * its end marker when nothing follows, so the end of the message ends such an array as well.
 */

static struct amf0_text read_text(struct cursor *c, size_t len)
{
	const uint8_t *p = cursor_bytes(c, len);

	return (struct amf0_text){ .data = (const char *)p, .len = p ? len : 0 };
}

static double read_double(struct cursor *c)
{
	uint64_t bits = cursor_u64(c);
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

static void read_value(struct cursor *c, struct amf0_value *v, unsigned depth)
{
	struct amf0_value child;
	uint32_t count;

	*v = (struct amf0_value){ .type = (enum amf0_type)cursor_u8(c) };
	if (depth > AMF0_DEPTH_MAX) {
		cursor_fail(c);
		return;
	}
	switch (v->type) {
	case AMF0_TYPE_NUMBER:
		v->number = read_double(c);
		break;
	case AMF0_TYPE_BOOLEAN:
		v->boolean = cursor_u8(c);
		break;
	case AMF0_TYPE_STRING:
		v->text = read_text(c, cursor_u16(c));
		break;
	case AMF0_TYPE_LONG_STRING:
	case AMF0_TYPE_XML:
		v->text = read_text(c, cursor_u32(c));
		break;
	case AMF0_TYPE_NULL:
	case AMF0_TYPE_UNDEFINED:
	case AMF0_TYPE_UNSUPPORTED:
		break;
	case AMF0_TYPE_REFERENCE:
		(void)cursor_u16(c);
		break;
	case AMF0_TYPE_DATE:
		v->number = read_double(c);
		(void)cursor_u16(c);
		break;
	case AMF0_TYPE_STRICT_ARRAY:
		/* Every element takes a byte at least, so the input bounds the count. */
		for (count = cursor_u32(c); count && !c->failed; count--)
			read_value(c, &child, depth + 1);
		break;
	case AMF0_TYPE_TYPED_OBJECT:
	case AMF0_TYPE_ECMA_ARRAY:
	case AMF0_TYPE_OBJECT:
		if (v->type == AMF0_TYPE_TYPED_OBJECT)
			(void)read_text(c, cursor_u16(c));
		if (v->type == AMF0_TYPE_ECMA_ARRAY)
			(void)cursor_u32(c);
		v->body = *c;
		while (!c->failed) {
			struct cursor at = *c;

			v->body.end = c->next;
			if (v->type == AMF0_TYPE_ECMA_ARRAY && !cursor_left(c))
				return;
			if (cursor_u24(c) == AMF0_TYPE_OBJECT_END)
				return;
			*c = at;
			(void)read_text(c, cursor_u16(c));
			read_value(c, &child, depth + 1);
		}
		break;
	case AMF0_TYPE_OBJECT_END:
	default:
		cursor_fail(c);
	}
}

bool amf0_read(struct cursor *c, struct amf0_value *ret_value)
{
	struct amf0_value value;

	read_value(c, &value, 0);
	if (c->failed)
		return false;
	*ret_value = value;
	return true;
}

bool amf0_read_property(struct cursor *body, struct amf0_text *ret_name,
			struct amf0_value *ret_value)
{
	struct amf0_text name;

	if (!cursor_left(body))
		return false;
	name = read_text(body, cursor_u16(body));
	if (!amf0_read(body, ret_value))
		return false;
	*ret_name = name;
	return true;
}

bool amf0_find(const struct amf0_value *object, const char *name, struct amf0_value *ret_value)
{
	struct cursor body = object->body;
	struct amf0_text key;
	struct amf0_value value;

	while (amf0_read_property(&body, &key, &value)) {
		if (amf0_text_is(key, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

bool amf0_text_is(struct amf0_text text, const char *string)
{
	return text.len == strlen(string) && (!text.len || !memcmp(text.data, string, text.len));
}

void amf0_string_copy(const struct amf0_value *value, char *buf, size_t size)
{
	size_t len = value->text.len < size - 1 ? value->text.len : size - 1;

	if (len)
		memcpy(buf, value->text.data, len);
	buf[len] = '\0';
}

void amf0_find_text(const struct amf0_value *object, const char *name, char *buf, size_t size)
{
	struct amf0_value value;

	buf[0] = '\0';
	if (amf0_find(object, name, &value))
		amf0_string_copy(&value, buf, size);
}

static void write_text(struct writer *w, const char *string, size_t len)
{
	writer_u16(w, (uint16_t)len);
	writer_bytes(w, string, len);
}

void amf0_write_number(struct writer *w, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	writer_u8(w, AMF0_TYPE_NUMBER);
	writer_u64(w, bits);
}

void amf0_write_boolean(struct writer *w, bool boolean)
{
	writer_u8(w, AMF0_TYPE_BOOLEAN);
	writer_u8(w, boolean);
}

void amf0_write_string(struct writer *w, const char *string)
{
	size_t len = strlen(string);

	if (len > UINT16_MAX) {
		writer_u8(w, AMF0_TYPE_LONG_STRING);
		writer_u32(w, (uint32_t)len);
		writer_bytes(w, string, len);
		return;
	}
	writer_u8(w, AMF0_TYPE_STRING);
	write_text(w, string, len);
}

void amf0_write_null(struct writer *w)
{
	writer_u8(w, AMF0_TYPE_NULL);
}

void amf0_write_object(struct writer *w)
{
	writer_u8(w, AMF0_TYPE_OBJECT);
}

void amf0_write_ecma_array(struct writer *w, uint32_t count)
{
	writer_u8(w, AMF0_TYPE_ECMA_ARRAY);
	writer_u32(w, count);
}

void amf0_write_name(struct writer *w, const char *name)
{
	write_text(w, name, strlen(name));
}

void amf0_write_object_end(struct writer *w)
{
	writer_u24(w, AMF0_TYPE_OBJECT_END);
}

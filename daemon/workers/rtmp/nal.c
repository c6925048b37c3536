#include "workers/rtmp/nal.h"

/* ITU-T H.264 and H.265: NAL unit types in 7.4.1 (tables 7-1), byte stream in annex B, emulation
 * prevention in 7.3.1. */

/* The offset of the next 00 00 01 at or after @from, or @len. */
static size_t start_code(const uint8_t *p, size_t len, size_t from)
{
	while (from + 3 <= len) {
		const uint8_t *one = memchr(p + from + 2, 1, len - from - 2);

		if (!one)
			return len;
		from = (size_t)(one - p) - 2;
		if (!p[from] && !p[from + 1])
			return from;
		from++;
	}
	return len;
}

bool nal_next_annexb(struct cursor *c, struct nal *ret_nal)
{
	size_t left = cursor_left(c), begin, end;
	const uint8_t *p = c->next;

	if (!left)
		return false;
	begin = start_code(p, left, 0);
	if (left - begin <= 3) {
		(void)cursor_bytes(c, left);
		return false;
	}
	begin += 3;
	end = start_code(p, left, begin);
	(void)cursor_bytes(c, end);
	while (end > begin && !p[end - 1])
		end--;
	*ret_nal = (struct nal){ p + begin, end - begin };
	return true;
}

bool nal_next_length(struct cursor *c, unsigned length_size, struct nal *ret_nal)
{
	struct nal nal;

	if (!cursor_left(c))
		return false;
	nal.len = cursor_uint(c, length_size);
	nal.data = cursor_bytes(c, nal.len);
	if (c->failed)
		return false;
	*ret_nal = nal;
	return true;
}

#define SEI_RECOVERY_POINT 6

/* Open GOPs and periodic intra refresh have no IDR pictures but announce where to begin
 * (H.264, D.1.8). */
static enum nal_role role_sei(struct nal nal)
{
	struct cursor c = cursor_of(nal.data + 1, nal.len - 1);

	while (cursor_left(&c) > 2) {
		size_t type = 0, size = 0;
		uint8_t byte;

		do {
			byte = cursor_u8(&c);
			type += byte;
		} while (byte == 0xff);
		do {
			byte = cursor_u8(&c);
			size += byte;
		} while (byte == 0xff);
		if (!c.failed && type == SEI_RECOVERY_POINT)
			return NAL_ROLE_RECOVERY;
		(void)cursor_bytes(&c, size);
	}
	return NAL_ROLE_OTHER;
}

static enum nal_role role_h264(struct nal nal)
{
	switch (nal.data[0] & 0x1f) {
	case 1:
	case 2:
	case 3:
	case 4:
		return NAL_ROLE_PICTURE;
	case 5:
		return NAL_ROLE_KEY;
	case 6:
		return role_sei(nal);
	case 7:
		return NAL_ROLE_SPS;
	case 8:
		return NAL_ROLE_PPS;
	case 9:
		return NAL_ROLE_DELIMITER;
	default:
		return NAL_ROLE_OTHER;
	}
}

static enum nal_role role_hevc(unsigned type)
{
	if (type < 16)
		return NAL_ROLE_PICTURE;
	if (type < 24) /* BLA, IDR, CRA: IRAP pictures */
		return NAL_ROLE_KEY;
	switch (type) {
	case 32:
		return NAL_ROLE_VPS;
	case 33:
		return NAL_ROLE_SPS;
	case 34:
		return NAL_ROLE_PPS;
	case 35:
		return NAL_ROLE_DELIMITER;
	default:
		return NAL_ROLE_OTHER;
	}
}

enum nal_role nal_role(enum media_codec codec, struct nal nal)
{
	if (!nal.len)
		return NAL_ROLE_OTHER;
	if (codec == MEDIA_CODEC_HEVC)
		return role_hevc(nal.data[0] >> 1 & 0x3f);
	return role_h264(nal);
}

struct nal_bits nal_bits_of(struct nal nal)
{
	return (struct nal_bits){ .nal = nal };
}

static unsigned read_bit(struct nal_bits *b)
{
	unsigned shift = 7 - b->at % 8;
	unsigned bit;

	/* At the first bit of a byte: is it an emulation prevention byte? */
	if (shift == 7 && b->zeros == 2 && b->byte < b->nal.len && b->nal.data[b->byte] == 3) {
		b->byte++;
		b->zeros = 0;
	}
	if (b->byte >= b->nal.len) {
		b->failed = true;
		return 0;
	}
	bit = b->nal.data[b->byte] >> shift & 1;
	b->at++;
	if (!shift) {
		b->zeros = b->nal.data[b->byte] ? 0 : b->zeros + 1;
		b->byte++;
	}
	return bit;
}

uint32_t nal_bits(struct nal_bits *b, unsigned count)
{
	uint32_t value = 0;

	while (count--)
		value = value << 1 | read_bit(b);
	return b->failed ? 0 : value;
}

uint32_t nal_bits_ue(struct nal_bits *b)
{
	unsigned zeros = 0;

	while (!b->failed && !read_bit(b))
		zeros++;
	if (zeros > 31)
		b->failed = true;
	if (b->failed)
		return 0;
	return (UINT32_C(1) << zeros) - 1 + nal_bits(b, zeros);
}

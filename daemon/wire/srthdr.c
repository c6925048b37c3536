#include "wire/srthdr.h"

#include "base/cursor.h"
#include "base/seq.h"

/*
 * All words are 32 bits, big-endian:
 *
 *   data     0 | seq (31)
 *            PP (2) O (1) KK (2) R (1) msgno (26)
 *   control  1 | type (15) | subtype (16)
 *            depends on the type
 *   both     time stamp, destination socket id, body
 *
 * The limits below are those of libsrt (core.cpp, handshake.h, haicrypt's hcrypt_msg.h, as of
 * 1.5.1), taken as "what a well-behaved peer can send". The MSS is the exception: libsrt takes
 * any and sizes buffers by it, so smaller than what every IPv4 host must be able to receive is
 * refused here.
 */

#define HANDSHAKE_BYTES 48
#define MSS_MIN		576
#define MSS_MAX		65535
#define PADDING_MAX	16 /* bodies that nobody reads: 4 bytes from libsrt */
#define ACK_BODY_MAX	32 /* eight fields; libsrt sends 4, 16, 24 or 28 bytes, long ago 32 */
#define STREAMID_MAX	512
#define CONGESTION_MAX	16
#define FILTER_MAX	512

int srthdr_decode(const uint8_t *packet, size_t len, struct srthdr *ret_header)
{
	struct cursor in = cursor_of(packet, len);
	uint32_t first = cursor_u32(&in), second = cursor_u32(&in);
	struct srthdr header = {
		.is_control = first >> 31,
		.time_usec = cursor_u32(&in),
		.destination = cursor_u32(&in),
	};

	if (in.failed)
		return 0;
	if (header.is_control) {
		header.type = first >> 16 & 0x7fff;
		header.subtype = first & 0xffff;
		header.info = second;
	} else {
		header.seq = first;
		header.position = (uint8_t)(second >> 30);
		header.in_order = second >> 29 & 1;
		header.key = second >> 27 & 3;
		header.retransmitted = second >> 26 & 1;
		header.msgno = second & 0x3ffffff;
	}
	header.body_len = cursor_left(&in);
	header.body = cursor_bytes(&in, header.body_len);
	*ret_header = header;
	return 1;
}

enum srthdr_kind srthdr_kind(const struct srthdr *header)
{
	if (!header->is_control)
		return SRTHDR_KIND_DATA;
	switch (header->type) {
	case SRTHDR_HANDSHAKE:
	case SRTHDR_SHUTDOWN:
	case SRTHDR_NAK:
	case SRTHDR_USER:
		return SRTHDR_KIND_URGENT;
	default:
		return SRTHDR_KIND_CONTROL;
	}
}

int srthdr_handshake(const struct srthdr *header, struct srthdr_handshake *ret_handshake)
{
	struct cursor in = cursor_of(header->body, header->body_len);
	struct srthdr_handshake handshake = { .version = cursor_u32(&in) };

	if (!header->is_control || header->type != SRTHDR_HANDSHAKE)
		return 0;
	(void)cursor_u32(&in); /* cipher and extension flags */
	handshake.seq = cursor_u32(&in);
	handshake.mss = cursor_u32(&in);
	(void)cursor_u32(&in); /* flow window */
	handshake.request = (int32_t)cursor_u32(&in);
	handshake.socket = cursor_u32(&in);
	(void)cursor_bytes(&in, HANDSHAKE_BYTES - 28); /* cookie and address */
	if (in.failed)
		return 0;
	handshake.blocks_len = cursor_left(&in);
	handshake.blocks = cursor_bytes(&in, handshake.blocks_len);
	*ret_handshake = handshake;
	return 1;
}

/*
 * Key material: 0x12 | u16 0x2029 | u8 which keys (bits 1-0) | u32 | cipher, auth, SE, zero |
 * u16 | u8 salt length / 4 | u8 key length / 4 | salt | wrapped keys, 8 bytes longer than they.
 */
static bool key_material_is_sane(const uint8_t *data, size_t len)
{
	struct cursor in = cursor_of(data, len);
	bool known = cursor_u8(&in) == 0x12;
	size_t keys, salt, key;

	known &= cursor_u16(&in) == 0x2029;
	keys = cursor_u8(&in);
	known &= keys >= 1 && keys <= 3;
	(void)cursor_bytes(&in, 10);
	salt = 4u * cursor_u8(&in);
	key = 4u * cursor_u8(&in);
	known &= salt == 16 && (key == 16 || key == 24 || key == 32);
	return !in.failed && known && cursor_left(&in) == salt + 8 + key * (keys == 3 ? 2 : 1);
}

/* A block of a handshake, or the body of a message of type SRTHDR_USER. */
static bool extension_is_sane(unsigned type, const uint8_t *data, size_t len)
{
	switch (type) {
	case SRTHDR_EXT_HSREQ:
	case SRTHDR_EXT_HSRSP:
		return len == 12;
	case SRTHDR_EXT_KMREQ:
		return key_material_is_sane(data, len);
	case SRTHDR_EXT_KMRSP: /* the same back, or one word that says why not */
		return len == 4 || key_material_is_sane(data, len);
	case SRTHDR_EXT_STREAMID:
		return len <= STREAMID_MAX;
	case SRTHDR_EXT_CONGESTION:
		return len <= CONGESTION_MAX;
	case SRTHDR_EXT_FILTER:
		return len <= FILTER_MAX;
	case SRTHDR_EXT_GROUP:
		return len == 8;
	default: /* a newer one: skipped by who does not know it */
		return true;
	}
}

static bool handshake_is_sane(const struct srthdr *header)
{
	struct srthdr_handshake handshake;
	struct cursor in;

	if (!srthdr_handshake(header, &handshake))
		return false;
	if ((handshake.version != 4 && handshake.version != 5) || handshake.seq > SRTHDR_SEQ_MAX ||
	    handshake.mss < MSS_MIN || handshake.mss > MSS_MAX)
		return false;
	if (handshake.request < SRTHDR_REQUEST_DONE ||
	    (handshake.request > SRTHDR_REQUEST_INDUCTION &&
	     handshake.request < SRTHDR_REQUEST_REFUSED))
		return false;
	if (handshake.version == 4 || handshake.request >= SRTHDR_REQUEST_WAVEHAND)
		return !handshake.blocks_len;
	in = cursor_of(handshake.blocks, handshake.blocks_len);
	while (cursor_left(&in)) {
		unsigned type = cursor_u16(&in);
		size_t len = 4u * cursor_u16(&in);
		const uint8_t *data = cursor_bytes(&in, len);

		if (in.failed || !extension_is_sane(type, data, len))
			return false;
	}
	return !in.failed;
}

/* A list of single sequence numbers and of pairs (the first of a pair has its highest bit set). */
static bool nak_is_sane(const struct srthdr *header)
{
	struct cursor in = cursor_of(header->body, header->body_len);

	if (!header->body_len)
		return false;
	while (cursor_left(&in)) {
		uint32_t first = cursor_u32(&in);

		if (first > SRTHDR_SEQ_MAX) {
			uint32_t last = cursor_u32(&in);

			if (last > SRTHDR_SEQ_MAX || seq31_diff(last, first & SRTHDR_SEQ_MAX) < 0)
				return false;
		}
	}
	return !in.failed;
}

static bool dropreq_is_sane(const struct srthdr *header)
{
	struct cursor in = cursor_of(header->body, header->body_len);
	uint32_t first = cursor_u32(&in), last = cursor_u32(&in);

	return !in.failed && !cursor_left(&in) && first <= SRTHDR_SEQ_MAX &&
	       last <= SRTHDR_SEQ_MAX && seq31_diff(last, first) >= 0;
}

static bool ack_is_sane(const struct srthdr *header)
{
	struct cursor in = cursor_of(header->body, header->body_len);

	return cursor_u32(&in) <= SRTHDR_SEQ_MAX && !in.failed && header->body_len % 4 == 0 &&
	       header->body_len <= ACK_BODY_MAX;
}

bool srthdr_is_sane(const uint8_t *packet, size_t len)
{
	struct srthdr header;

	if (len > SRTHDR_PACKET_MAX || !srthdr_decode(packet, len, &header))
		return false;
	if (!header.is_control)
		return header.body_len && header.destination;
	switch (header.type) {
	case SRTHDR_HANDSHAKE:
		return handshake_is_sane(&header);
	case SRTHDR_ACK:
		return ack_is_sane(&header);
	case SRTHDR_NAK:
		return nak_is_sane(&header);
	case SRTHDR_DROPREQ:
		return dropreq_is_sane(&header);
	case SRTHDR_KEEPALIVE:
	case SRTHDR_CONGESTION:
	case SRTHDR_SHUTDOWN:
	case SRTHDR_ACKACK:
	case SRTHDR_PEERERROR:
		return header.body_len <= PADDING_MAX;
	case SRTHDR_USER:
		return header.subtype >= SRTHDR_EXT_HSREQ && header.subtype <= SRTHDR_EXT_KMRSP &&
		       extension_is_sane(header.subtype, header.body, header.body_len);
	default:
		return false;
	}
}

#include "workers/rtmp/paramset.h"

#include "workers/rtmp/hevc.h"

static struct nal set_nal(const struct paramset *p, unsigned i)
{
	return (struct nal){ p->bytes + p->nals[i].begin, p->nals[i].len };
}

bool paramset_find(const struct paramset *p, enum nal_role role, struct nal *ret_nal)
{
	for (unsigned i = 0; i < p->count; i++) {
		if (p->nals[i].role == role) {
			*ret_nal = set_nal(p, i);
			return true;
		}
	}
	return false;
}

static bool set_has(const struct paramset *p, struct nal nal)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->nals[i].len == nal.len && !memcmp(set_nal(p, i).data, nal.data, nal.len))
			return true;
	return false;
}

/* False when it does not fit; twins are kept once. */
static bool set_add(struct paramset *p, enum nal_role role, struct nal nal)
{
	if (set_has(p, nal))
		return true;
	if (p->count == PARAMSET_NALS_MAX || nal.len > (size_t)(PARAMSET_BYTES_MAX - p->used))
		return false;
	p->nals[p->count].role = role;
	p->nals[p->count].begin = p->used;
	p->nals[p->count].len = (uint16_t)nal.len;
	p->count++;
	memcpy(p->bytes + p->used, nal.data, nal.len);
	p->used = (uint16_t)(p->used + nal.len);
	return true;
}

bool paramset_equal(const struct paramset *a, const struct paramset *b)
{
	if (a->codec != b->codec || a->count != b->count || a->used != b->used)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (a->nals[i].role != b->nals[i].role || a->nals[i].len != b->nals[i].len)
			return false;
	return !memcmp(a->bytes, b->bytes, a->used);
}

bool paramset_is_complete(const struct paramset *p)
{
	struct nal nal;

	return paramset_find(p, NAL_ROLE_SPS, &nal) && paramset_find(p, NAL_ROLE_PPS, &nal) &&
	       (p->codec != MEDIA_CODEC_HEVC || paramset_find(p, NAL_ROLE_VPS, &nal));
}

bool paramset_collect(struct paramset *p, enum media_codec codec, const uint8_t *data, size_t len)
{
	struct paramset next = { .codec = codec };
	struct cursor c = cursor_of(data, len);
	struct nal nal;
	bool sps = false;

	while (nal_next_annexb(&c, &nal)) {
		enum nal_role role = nal_role(codec, nal);

		/* They stand before the first slice: the rest need not be looked at. */
		if (role == NAL_ROLE_PICTURE || role == NAL_ROLE_KEY)
			break;
		if (role == NAL_ROLE_VPS || role == NAL_ROLE_SPS || role == NAL_ROLE_PPS) {
			sps |= role == NAL_ROLE_SPS;
			if (!set_add(&next, role, nal))
				return false;
		}
	}
	if (!next.count)
		return false;
	if (!sps) {
		struct paramset sum = *p;

		if (p->codec != codec)
			return false;
		for (unsigned i = 0; i < next.count; i++)
			if (!set_add(&sum, next.nals[i].role, set_nal(&next, i)))
				return false;
		next = sum;
	}
	if (paramset_equal(p, &next))
		return false;
	*p = next;
	return true;
}

static void write_nals(const struct paramset *p, enum nal_role role, struct writer *w)
{
	for (unsigned i = 0; i < p->count; i++) {
		if (p->nals[i].role == role) {
			writer_u16(w, p->nals[i].len);
			writer_bytes(w, set_nal(p, i).data, p->nals[i].len);
		}
	}
}

static uint8_t count_role(const struct paramset *p, enum nal_role role)
{
	uint8_t n = 0;

	for (unsigned i = 0; i < p->count; i++)
		n += p->nals[i].role == role;
	return n;
}

static void write_avcc(const struct paramset *p, struct writer *w)
{
	struct nal sps = { 0 };
	uint8_t profile;

	if (!paramset_find(p, NAL_ROLE_SPS, &sps) || sps.len < 4) {
		w->failed = true;
		return;
	}
	profile = sps.data[1];
	writer_u8(w, 1);
	writer_bytes(w, sps.data + 1, 3); /* profile, constraints, level */
	writer_u8(w, 0xfc | 3);		  /* NAL lengths of 4 bytes */
	writer_u8(w, 0xe0 | count_role(p, NAL_ROLE_SPS));
	write_nals(p, NAL_ROLE_SPS, w);
	writer_u8(w, count_role(p, NAL_ROLE_PPS));
	write_nals(p, NAL_ROLE_PPS, w);
	if (profile == 100 || profile == 110 || profile == 122 || profile == 144) {
		struct nal_bits b = nal_bits_of(sps);
		uint32_t chroma;

		(void)nal_bits(&b, 32); /* NAL header, profile, constraints, level */
		(void)nal_bits_ue(&b);	/* seq_parameter_set_id */
		chroma = nal_bits_ue(&b);
		if (chroma == 3)
			(void)nal_bits(&b, 1); /* separate_colour_plane_flag */
		writer_u8(w, (uint8_t)(0xfc | (chroma & 3)));
		writer_u8(w, (uint8_t)(0xf8 | (nal_bits_ue(&b) & 7)));
		writer_u8(w, (uint8_t)(0xf8 | (nal_bits_ue(&b) & 7)));
		writer_u8(w, 0); /* no SPS extensions */
		w->failed |= b.failed;
	}
}

static void write_hvcc(const struct paramset *p, struct writer *w)
{
	static const struct {
		enum nal_role role;
		uint8_t type;
	} arrays[] = { { NAL_ROLE_VPS, 32 }, { NAL_ROLE_SPS, 33 }, { NAL_ROLE_PPS, 34 } };
	struct hevc_sps h;
	struct nal sps = { 0 };

	if (!paramset_find(p, NAL_ROLE_SPS, &sps) || !hevc_sps_read(sps, &h)) {
		w->failed = true;
		return;
	}
	writer_u8(w, 1);
	writer_bytes(w, h.general, sizeof(h.general));
	writer_u16(w, 0xf000); /* min_spatial_segmentation: not stated */
	writer_u8(w, 0xfc);    /* parallelism: not stated */
	writer_u8(w, 0xfc | h.chroma);
	writer_u8(w, 0xf8 | h.luma_depth);
	writer_u8(w, 0xf8 | h.chroma_depth);
	writer_u16(w, 0); /* average frame rate: not stated */
	writer_u8(w, (uint8_t)(h.layers << 3 | h.nested << 2 | 3)); /* NAL lengths of 4 bytes */
	writer_u8(w, sizeof(arrays) / sizeof(arrays[0]));
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		writer_u8(w, arrays[i].type);
		writer_u16(w, count_role(p, arrays[i].role));
		write_nals(p, arrays[i].role, w);
	}
}

void paramset_write_record(const struct paramset *p, struct writer *w)
{
	if (!paramset_is_complete(p))
		w->failed = true;
	else if (p->codec == MEDIA_CODEC_HEVC)
		write_hvcc(p, w);
	else
		write_avcc(p, w);
}

static void read_nals(struct cursor *c, unsigned count, struct paramset *p)
{
	while (count-- && !c->failed) {
		size_t len = cursor_u16(c);
		struct nal nal = { cursor_bytes(c, len), len };
		enum nal_role role;

		if (c->failed)
			return;
		role = nal_role(p->codec, nal);
		/* hvcC may carry SEI as well; only parameter sets are of use. */
		if (role != NAL_ROLE_VPS && role != NAL_ROLE_SPS && role != NAL_ROLE_PPS)
			continue;
		if (!set_add(p, role, nal))
			cursor_fail(c);
	}
}

bool paramset_read_record(enum media_codec codec, const uint8_t *data, size_t len,
			  struct paramset *ret_set, unsigned *ret_length_size)
{
	struct cursor c = cursor_of(data, len);
	struct paramset p = { .codec = codec };
	unsigned length_size, arrays;

	if (cursor_u8(&c) != 1)
		return false;
	if (codec == MEDIA_CODEC_HEVC) {
		(void)cursor_bytes(&c, 20);
		length_size = (cursor_u8(&c) & 3) + 1;
		for (arrays = cursor_u8(&c); arrays && !c.failed; arrays--) {
			(void)cursor_u8(&c);
			read_nals(&c, cursor_u16(&c), &p);
		}
	} else {
		(void)cursor_bytes(&c, 3);
		length_size = (cursor_u8(&c) & 3) + 1;
		read_nals(&c, cursor_u8(&c) & 0x1f, &p);
		read_nals(&c, cursor_u8(&c), &p);
	}
	if (c.failed || !p.count || length_size == 3)
		return false;
	*ret_set = p;
	*ret_length_size = length_size;
	return true;
}

void paramset_write_annexb(const struct paramset *p, struct writer *w)
{
	for (unsigned i = 0; i < p->count; i++) {
		writer_u32(w, 1);
		writer_bytes(w, set_nal(p, i).data, p->nals[i].len);
	}
}

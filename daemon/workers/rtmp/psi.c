#include "workers/rtmp/psi.h"

#include "base/cursor.h"

#define TS_SYNC	   0x47
#define TABLE_PAT  0
#define TABLE_PMT  2
#define FNV_OFFSET 2166136261u /* FNV-1a, 32 bit */
#define FNV_PRIME  16777619u

size_t psi_sync(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] == TS_SYNC &&
		    (i + PSI_PACKET >= len || data[i + PSI_PACKET] == TS_SYNC))
			return i;
	return len;
}

/* The section that begins in @packet, from its table id on; what of it is in this packet. */
static struct cursor section_of(const uint8_t *packet, uint16_t *ret_pid)
{
	struct cursor c = cursor_of(packet, PSI_PACKET);
	uint8_t flags;
	uint16_t pid;

	(void)cursor_u8(&c);
	pid = cursor_u16(&c);
	flags = cursor_u8(&c);
	*ret_pid = pid & 0x1fff;
	if (packet[0] != TS_SYNC || !(pid & 0x4000) || (pid & 0x8000) || !(flags & 0x10))
		cursor_fail(&c);
	if (flags & 0x20)
		(void)cursor_bytes(&c, cursor_u8(&c));
	(void)cursor_bytes(&c, cursor_u8(&c)); /* pointer_field */
	return c;
}

static void on_pat(struct psi *p, struct cursor c, const uint8_t *packet)
{
	if (cursor_u8(&c) != TABLE_PAT)
		return;
	(void)cursor_bytes(&c, 7);
	while (cursor_left(&c) >= 8) { /* 4 and the checksum */
		uint16_t program = cursor_u16(&c);
		uint16_t pid = cursor_u16(&c) & 0x1fff;

		if (!program)
			continue;
		p->program = program;
		p->pmt_pid = pid;
		memcpy(p->pat, packet, PSI_PACKET);
		return;
	}
}

static bool on_pmt(struct psi *p, struct cursor c)
{
	uint32_t hash = FNV_OFFSET;
	size_t len;
	bool changed;

	if (cursor_u8(&c) != TABLE_PMT)
		return false;
	len = cursor_u16(&c) & 0xfff;
	if (cursor_u16(&c) != p->program || c.failed || len < 9)
		return false;
	if (!(cursor_u8(&c) & 1)) /* not yet in force */
		return false;
	(void)cursor_u16(&c);
	len -= 9; /* what was read since, and the checksum */
	if (len > cursor_left(&c))
		len = cursor_left(&c);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ c.next[i]) * FNV_PRIME;
	changed = p->known && hash != p->hash;
	p->known = true;
	p->hash = hash;
	return changed;
}

bool psi_watch(struct psi *p, const uint8_t packet[PSI_PACKET])
{
	uint16_t pid = (uint16_t)((packet[1] & 0x1f) << 8 | packet[2]);
	struct cursor c;

	if (pid != 0 && (!p->program || pid != p->pmt_pid))
		return false;
	c = section_of(packet, &pid);
	if (c.failed)
		return false;
	if (pid != 0)
		return on_pmt(p, c);
	on_pat(p, c, packet);
	return false;
}

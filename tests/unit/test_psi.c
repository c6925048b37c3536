#include "unit/test.h"

#include <string.h>

#include "base/cursor.h"
#include "workers/rtmp/psi.h"

static void begin(struct writer *w, uint8_t packet[PSI_PACKET], uint16_t pid)
{
	memset(packet, 0xff, PSI_PACKET);
	*w = writer_of(packet, PSI_PACKET);
	writer_u8(w, 0x47);
	writer_u16(w, 0x4000 | pid);
	writer_u8(w, 0x10);
	writer_u8(w, 0); /* pointer_field */
}

static void make_pat(uint8_t packet[PSI_PACKET], uint16_t program, uint16_t pid)
{
	struct writer w;

	begin(&w, packet, 0);
	writer_u8(&w, 0);
	writer_u16(&w, 0xb000 | 17);
	writer_bytes(&w, "\0\1\xc1\0\0", 5);
	writer_u32(&w, 0xe010); /* the network's table: program 0 */
	writer_u16(&w, program);
	writer_u16(&w, 0xe000 | pid);
	writer_u32(&w, 0x12345678); /* nobody checks it here */
}

static void make_pmt(uint8_t packet[PSI_PACKET], uint16_t program, uint16_t pid, uint8_t version,
		     uint8_t video_type)
{
	struct writer w;

	begin(&w, packet, pid);
	writer_u8(&w, 2);
	writer_u16(&w, 0xb000 | 18);
	writer_u16(&w, program);
	writer_u8(&w, (uint8_t)(0xc1 | version << 1));
	writer_bytes(&w, "\0\0\xe1\0\xf0\0", 6);
	writer_u8(&w, video_type);
	writer_bytes(&w, "\xe1\0\xf0\0", 4);
	writer_u32(&w, 0x9abcdef0 + version);
}

static void sees_that_the_streams_are_others(void **state)
{
	uint8_t pat[PSI_PACKET], pmt[PSI_PACKET];
	struct psi p = { 0 };

	(void)state;
	make_pat(pat, 1, 0x1000);
	make_pmt(pmt, 1, 0x1000, 0, 0x1b);
	assert_false(psi_watch(&p, pmt)); /* nothing is known of it yet */
	assert_false(p.known);
	assert_false(psi_watch(&p, pat));
	assert_memory_equal(p.pat, pat, PSI_PACKET);
	assert_false(psi_watch(&p, pmt));
	assert_true(p.known);
	assert_false(psi_watch(&p, pmt));
	/* Another version with the same words is the same. */
	make_pmt(pmt, 1, 0x1000, 1, 0x1b);
	assert_false(psi_watch(&p, pmt));
	make_pmt(pmt, 1, 0x1000, 2, 0x24);
	assert_true(psi_watch(&p, pmt));
	assert_false(psi_watch(&p, pmt));
	/* Another program on the same PID is not ours. */
	make_pmt(pmt, 2, 0x1000, 0, 0x1b);
	assert_false(psi_watch(&p, pmt));
	/* The table moves and changes. */
	make_pat(pat, 7, 0x1100);
	assert_false(psi_watch(&p, pat));
	make_pmt(pmt, 7, 0x1100, 0, 0x1b);
	assert_true(psi_watch(&p, pmt));
}

static void damaged_tables_are_no_tables(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 40; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t pat[PSI_PACKET], pmt[PSI_PACKET];
			struct psi p = { 0 };

			make_pat(pat, 1, 0x1000);
			make_pmt(pmt, 1, 0x1000, 0, 0x1b);
			pat[at] ^= (uint8_t)(1 << bit);
			pmt[at] ^= (uint8_t)(1 << bit);
			(void)psi_watch(&p, pat);
			(void)psi_watch(&p, pmt);
		}
	}
}

static void finds_where_packets_begin(void **state)
{
	uint8_t bytes[3 * PSI_PACKET] = { 0 };

	(void)state;
	assert_int_equal(psi_sync(bytes, sizeof(bytes)), sizeof(bytes));
	bytes[3] = 0x47; /* a stray one */
	bytes[10] = bytes[10 + PSI_PACKET] = bytes[10 + 2 * PSI_PACKET] = 0x47;
	assert_int_equal(psi_sync(bytes, sizeof(bytes)), 10);
	assert_int_equal(psi_sync(bytes + 10, sizeof(bytes) - 10), 0);
	assert_int_equal(psi_sync(bytes, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_that_the_streams_are_others),
		cmocka_unit_test(damaged_tables_are_no_tables),
		cmocka_unit_test(finds_where_packets_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fuzz/fuzz.h"

#include "workers/av/guess.h"
#include "workers/av/passage.h"

/*
 * The stream in pieces: the first byte is their length. The tables that come of it must be some
 * that our reader takes.
 */
static void read_tables(const uint8_t *tables, const struct guess *guess)
{
	static struct ts ts;
	struct ts_info info;

	ts_init(&ts);
	FUZZ_CHECK(ts_read(&ts, tables, &info) == 1);
	FUZZ_CHECK(ts_read(&ts, tables + TS_PACKET_BYTES, &info) == 1);
	FUZZ_CHECK(ts.programs == 1 && ts.program[0].has_pmt);
	FUZZ_CHECK(ts.program[0].pmt.streams == guess->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guess guess;
	uint8_t tables[GUESS_BYTES];
	usec_t now = 1;
	size_t piece;

	if (!size)
		return 0;
	(void)passage_may_begin_with(AV_CODEC_ID_H264, data, (int)size);
	(void)passage_may_begin_with(AV_CODEC_ID_HEVC, data, (int)size);
	piece = *data++ + 1u;
	size--;
	guess_init(&guess);
	while (size) {
		size_t len = piece < size ? piece : size;

		guess_feed(&guess, data, len, now);
		FUZZ_CHECK(guess.count <= GUESS_STREAMS_MAX);
		if (guess_tables(&guess, now, tables))
			read_tables(tables, &guess);
		data += len;
		size -= len;
		now += USEC_PER_SEC;
	}
	return 0;
}

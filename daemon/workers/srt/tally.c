#include "workers/srt/tally.h"

#include <stdbool.h>

void tally_end(struct tally *tally)
{
	tally->lost += tally->now_lost;
	tally->retransmitted += tally->now_retransmitted;
	tally->dropped += tally->now_dropped;
	tally->now_lost = tally->now_retransmitted = tally->now_dropped = 0;
}

static unsigned receive_buffer_use(const SRT_TRACEBSTATS *perf)
{
	int64_t all = (int64_t)perf->byteRcvBuf + perf->byteAvailRcvBuf;

	return all > 0 ? (unsigned)((int64_t)perf->byteRcvBuf * 1000 / all) : 0;
}

void tally_tell(struct tally *tally, SRTSOCKET socket, int sends, uint64_t bytes, json_t *line,
		unsigned *ret_full_permille)
{
	SRT_TRACEBSTATS perf = { 0 };
	int latency = 0, size = sizeof(latency);
	bool connected = socket != SRT_INVALID_SOCK && !srt_bstats(socket, &perf, 0);

	if (connected) {
		tally->now_lost = sends ? perf.pktSndLossTotal : perf.pktRcvLossTotal;
		tally->now_retransmitted = sends ? perf.pktRetransTotal : perf.pktRcvRetrans;
		tally->now_dropped = sends ? perf.pktSndDropTotal : perf.pktRcvDropTotal;
		(void)srt_getsockflag(socket, sends ? SRTO_PEERLATENCY : SRTO_RCVLATENCY, &latency,
				      &size);
	}
	*ret_full_permille = connected && !sends ? receive_buffer_use(&perf) : 0;
	(void)json_object_set_new(line, "connected", json_boolean(connected));
	(void)json_object_set_new(line, "rtt_usec", json_integer((json_int_t)(perf.msRTT * 1e3)));
	(void)json_object_set_new(line, "latency_ms", json_integer(latency));
	(void)json_object_set_new(line, "rate_bps",
				  json_integer((json_int_t)(bytes - tally->bytes_before) * 8));
	(void)json_object_set_new(line, "buffer_ms",
				  json_integer(sends ? perf.msSndBuf : perf.msRcvBuf));
	(void)json_object_set_new(line, "lost", json_integer(tally->lost + tally->now_lost));
	(void)json_object_set_new(line, "retransmitted",
				  json_integer(tally->retransmitted + tally->now_retransmitted));
	(void)json_object_set_new(line, "dropped",
				  json_integer(tally->dropped + tally->now_dropped));
	tally->bytes_before = bytes;
}

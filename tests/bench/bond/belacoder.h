#pragma once

#include <stdint.h>

/*
 * The encoder control that goes with SRTLA senders, with its constants: called every 20 ms with the
 * round trip as SRT smooths it and the number of packets in its send buffer.
 */
#define BELACODER_TICK_MS 20

struct belacoder {
	double bitrate, min, max, latency_ms; /* bit/s */
	double buffer_avg, buffer_jitter, buffer_before;
	double rtt_avg, rtt_delta, rtt_before, rtt_min, rtt_jitter;
	double throughput; /* kbit/s */
	int64_t next_down_ms, next_up_ms;
};

void belacoder_init(struct belacoder *b, uint64_t min_bps, uint64_t max_bps, uint64_t start_bps,
		    uint64_t latency_ms);
/* The bitrate from now on. @sent_bps: what SRT sent in the last tick. */
uint64_t belacoder_tick(struct belacoder *b, int64_t now_ms, double rtt_ms, double buffer,
			double sent_bps);

#include "bench/bond/belacoder.h"

static double larger(double a, double b)
{
	return a > b ? a : b;
}

void belacoder_init(struct belacoder *b, uint64_t min_bps, uint64_t max_bps, uint64_t start_bps,
		    uint64_t latency_ms)
{
	*b = (struct belacoder){ .bitrate = (double)start_bps,
				 .min = (double)min_bps,
				 .max = (double)max_bps,
				 .latency_ms = (double)latency_ms,
				 .rtt_before = 300,
				 .rtt_min = 200 };
}

static void observe(struct belacoder *b, double rtt, double buffer, double sent_bps)
{
	b->buffer_avg = b->buffer_avg * 0.99 + buffer * 0.01;
	b->buffer_jitter = larger(b->buffer_jitter * 0.99, buffer - b->buffer_before);
	b->buffer_before = buffer;
	b->rtt_avg = b->rtt_avg > 0 ? b->rtt_avg * 0.99 + rtt * 0.01 : rtt;
	b->rtt_delta = b->rtt_delta * 0.8 + (rtt - b->rtt_before) * 0.2;
	b->rtt_min *= 1.001;
	if (rtt < b->rtt_min && b->rtt_delta < 1)
		b->rtt_min = rtt;
	b->rtt_jitter = larger(b->rtt_jitter * 0.99, rtt - b->rtt_before);
	b->rtt_before = rtt;
	b->throughput = b->throughput * 0.97 + sent_bps / 1024 * 0.03;
}

uint64_t belacoder_tick(struct belacoder *b, int64_t now_ms, double rtt, double buffer,
			double sent_bps)
{
	double th1, th2, th3, half;

	observe(b, rtt, buffer, sent_bps);
	half = b->throughput / 8 * (b->latency_ms / 2) / 1316;
	th3 = 4 * (b->buffer_avg + b->buffer_jitter);
	th2 = larger(50, b->buffer_avg + larger(3 * b->buffer_jitter, b->buffer_avg));
	th2 = th2 < half ? th2 : half;
	th1 = larger(50, b->buffer_avg + 2.5 * b->buffer_jitter);
	if (b->bitrate > b->min && (rtt >= b->latency_ms / 3 || buffer > th3)) {
		b->bitrate = b->min;
		b->next_down_ms = now_ms + 200;
	} else if (now_ms > b->next_down_ms && (rtt > b->latency_ms / 5 || buffer > th2)) {
		b->bitrate -= 100000 + b->bitrate / 10;
		b->next_down_ms = now_ms + 250;
	} else if (now_ms > b->next_down_ms &&
		   (rtt > b->rtt_avg + larger(4 * b->rtt_jitter, 0.15 * b->rtt_avg) ||
		    buffer > th1)) {
		b->bitrate -= 100000;
		b->next_down_ms = now_ms + 200;
	} else if (now_ms > b->next_up_ms && rtt < b->rtt_min + larger(1, 2 * b->rtt_jitter) &&
		   b->rtt_delta < 0.01) {
		b->bitrate += 30000 + b->bitrate / 30;
		b->next_up_ms = now_ms + 500;
	}
	b->bitrate = b->bitrate < b->min ? b->min : b->bitrate > b->max ? b->max : b->bitrate;
	return (uint64_t)(b->bitrate / 100000) * 100000;
}

#include "bench/bond/linkset.h"
#include "bench/bond/scenario.h"

#include <stdio.h>
#include <string.h>

#define MS  USEC_PER_MS
#define SEC USEC_PER_SEC

#define FRAMES(mbps)                                                                               \
	{                                                                                          \
		.rate_bps = (uint64_t)((mbps)*1e6), .frames = true                                 \
	}
#define CONSTANT(mbps)                                                                             \
	{                                                                                          \
		.rate_bps = (uint64_t)((mbps)*1e6)                                                 \
	}
#define FOLLOWING                                                                                  \
	{                                                                                          \
		.rate_bps = 2500000, .frames = true, .follow = true                                \
	}
/* A share of a capacity in IP bytes, as a rate of media packets: a full datagram has 36 more. */
#define LOAD(mbps, percent) ((mbps) * (percent) / 100.0 * 1332 / 1368)

#define SCENARIO(in_group, row_name, what, text, ...)                                              \
	{                                                                                          \
		.group = in_group, .about = what, .world.name = row_name, .world.scenario = text,  \
		__VA_ARGS__                                                                        \
	}

/* Parity: three links of the same delay and loss; the latency leaves less than two round trips. */
#define SRT_CONTENDERS                                                                             \
	(1u << CONTENDER_CLASSIC | 1u << CONTENDER_WEIGHTED | 1u << CONTENDER_SINGLE |             \
	 1u << CONTENDER_DUPLICATE)
#define LINKS_OF(words)                                                                            \
	"link a rate=6M queue=300ms " words "; link b rate=6M queue=300ms " words                  \
	"; link c rate=6M queue=300ms " words
#define PARITY(row_name, words, latency_ms, mbps)                                                  \
	{                                                                                          \
		.group = "parity", .about = (words), .world.name = (row_name),                     \
		.world.scenario = LINKS_OF(words), .world.latency = (latency_ms)*MS,               \
		.world.source = CONSTANT(mbps), .world.settle = 5 * SEC, .world.length = 25 * SEC, \
		.skip = SRT_CONTENDERS, .coded = true, .hidden = true                              \
	}

const struct bench_scenario bench_scenarios[] = {
	/* --- steady links and radio links, nothing else happens --- */
	SCENARIO("links", "stable", "8 Mb/s on 15, clean", LINKSET_THREE,
		 .world.source = FRAMES(8)),
	SCENARIO("links", "stable-highest",
		 "6+4+5 Mb/s, 1 % loss on the last: the highest constant stream without a miss",
		 LINKSET_THREE "wifi loss=1%", .world.source = CONSTANT(14),
		 .world.length = 60 * SEC, .search_from_bps = 13500000, .search_to_bps = 15000000),
	SCENARIO("links", "lte-advice", "three LTE-like uplinks, the source follows the advice",
		 LINKSET_LTE, .world.capacity = linkset_lte, .world.length = 110 * SEC,
		 .world.source = FOLLOWING, .world.advice_max_bps = 40000000),
	SCENARIO("links", "lte-65", "the same, constant at 65 % of what the oracle carries",
		 LINKSET_LTE, .world.capacity = linkset_lte, .world.length = 110 * SEC,
		 .world.source = CONSTANT(1), .oracle_permille = 650),
	SCENARIO("links", "lte-100", "the same, constant at 100 % of it", LINKSET_LTE,
		 .world.capacity = linkset_lte, .world.length = 110 * SEC,
		 .world.source = CONSTANT(1), .oracle_permille = 1000),
	SCENARIO("links", "drive-5g", "5G that comes and goes, two LTE, driving", LINKSET_DRIVE,
		 .world.capacity = linkset_drive, .world.length = 60 * SEC,
		 .world.source = FRAMES(10)),
	SCENARIO("links", "static", "three 4G/5G uplinks standing still, 12 Mb/s", LINKSET_STATIC,
		 .world.capacity = linkset_static, .world.length = 60 * SEC,
		 .world.source = FRAMES(12)),
	SCENARIO("links", "venue", "LAN, crowded Wi-Fi and LTE, 8 Mb/s", LINKSET_VENUE,
		 .world.capacity = linkset_venue, .world.length = 60 * SEC,
		 .world.source = FRAMES(8)),
	SCENARIO("links", "weak", "three 3G-like uplinks, the source follows the advice",
		 LINKSET_WEAK, .world.capacity = linkset_weak, .world.length = 60 * SEC,
		 .world.source = { .rate_bps = 500000, .frames = true, .follow = true },
		 .world.latency = 2 * SEC, .world.advice_min_bps = 300000,
		 .world.advice_start_bps = 500000, .world.advice_max_bps = 6000000),
	SCENARIO("links", "paid", "8 Mb/s on a LAN of 6 and a paid LTE of 6",
		 "link lan rate=6M delay=10ms queue=300ms; link cell rate=6M delay=40ms "
		 "queue=500ms paid;",
		 .world.source = FRAMES(8)),
	/* --- links that go away --- */
	SCENARIO("cuts", "cut-one", "one link black for 4 s at 60 % load, 500 ms",
		 LINKSET_THREE "at {at}ms for 4s {one} outage=blackhole",
		 .world.source = CONSTANT(LOAD(15, 60)), .world.latency = 500 * MS),
	SCENARIO("cuts", "cut-two", "two of three black for 4 s, 3 Mb/s",
		 LINKSET_THREE "at {at}ms for 4s {others} outage=blackhole",
		 .world.source = CONSTANT(3)),
	SCENARIO("cuts", "heal", "the LAN black from 6 to 18 s",
		 LINKSET_THREE "at 6s lan for 12s outage=blackhole", .world.source = CONSTANT(8.5),
		 .world.length = 30 * SEC, .heal_link = "lan", .cut_at = 6 * SEC,
		 .heal_at = 18 * SEC),
	SCENARIO("cuts", "rebind", "NAT forgets one link, then all",
		 LINKSET_THREE "at {at}ms {one} rebind; at 15s * rebind",
		 .world.source = FRAMES(7)),
	SCENARIO("cuts", "address", "one link gets another address",
		 LINKSET_THREE "at {at}ms {one} address", .world.source = FRAMES(7)),
	/* --- links that get bad --- */
	SCENARIO("bad", "marginal", "a leg that swings between 100 and 1200 ms every 1 to 5 s",
		 LINKSET_THREE "cell queue=2s; {swings}", .world.source = FRAMES(8),
		 .world.length = 28 * SEC, .without = LINKSET_TWO),
	SCENARIO("bad", "marginal-fast", "1200 ms for half of every second",
		 LINKSET_THREE
		 "cell queue=2s; at 3s every 1s until 28s cell for 500ms delay=1200ms",
		 .world.source = FRAMES(8), .world.length = 28 * SEC, .without = LINKSET_TWO),
	SCENARIO("bad", "stalls", "a radio that stands still for 400 to 800 ms every 1 to 5 s",
		 LINKSET_THREE "cell queue=2s; {stalls}", .world.source = FRAMES(8),
		 .world.length = 28 * SEC, .without = LINKSET_TWO),
	SCENARIO("bad", "burst-70", "one link loses 70 % for 3 s",
		 LINKSET_THREE "at {at}ms for 3s {one} loss=70%", .world.source = FRAMES(7)),
	SCENARIO("bad", "burst-5", "5 % burst loss on all links at half load",
		 LINKSET_THREE "* burst=5%:8", .world.source = CONSTANT(7.5)),
	SCENARIO("bad", "spare", "3 Mb/s, 2 % burst loss and a radio that stalls",
		 LINKSET_THREE "* burst=2%:4; at 4s every 5s cell for 600ms outage=stall",
		 .world.source = FRAMES(3)),
	/* --- delays --- */
	SCENARIO("delay", "ten-ten", "10 Mb/s at 10 ms beside 10 Mb/s at 200 ms, constant 15 Mb/s",
		 "link fast rate=10M delay=5ms queue=300ms; link slow rate=10M delay=100ms "
		 "queue=300ms",
		 .world.source = CONSTANT(15)),
	SCENARIO("delay", "rtt-20-80-600", "three links of 6 Mb/s, round trips of 20, 80, 600 ms",
		 "link a rate=6M delay=10ms queue=300ms; link b rate=6M delay=40ms queue=300ms;"
		 "link sat rate=6M delay=300ms queue=600ms",
		 .world.source = FRAMES(9), .world.latency = 2 * SEC),
	/* --- capacity that changes --- */
	SCENARIO("steps", "step",
		 "12 Mb/s, halved at 15 s, doubled at 27 s; the advice is followed",
		 "link lan rate=8M delay=20ms queue=500ms; link cell rate=4M delay=40ms "
		 "queue=500ms;"
		 "at 15s lan rate=4M; at 15s cell rate=2M; at 27s lan rate=8M; at 27s cell rate=4M",
		 .world.source = FOLLOWING, .world.length = 40 * SEC,
		 .world.advice_max_bps = 20000000, .down_at = 15 * SEC,
		 .down_bps = (uint64_t)(LOAD(6, 100) * 1e6), .up_at = 27 * SEC,
		 .up_bps = (uint64_t)(LOAD(12, 90) * 1e6)),
	SCENARIO("steps", "crowd", "all links lose 60 % within 20 s; the advice is followed",
		 LINKSET_THREE
		 "at 8s lan rate=5280k; at 8s cell rate=3520k; at 8s wifi rate=4400k;"
		 "at 12s lan rate=4560k; at 12s cell rate=3040k; at 12s wifi rate=3800k;"
		 "at 16s lan rate=3840k; at 16s cell rate=2560k; at 16s wifi rate=3200k;"
		 "at 20s lan rate=3120k; at 20s cell rate=2080k; at 20s wifi rate=2600k;"
		 "at 24s lan rate=2880k; at 24s cell rate=1920k; at 24s wifi rate=2400k;"
		 "at 28s lan rate=2400k; at 28s cell rate=1600k; at 28s wifi rate=2000k",
		 .world.source = FOLLOWING, .world.length = 40 * SEC,
		 .world.advice_max_bps = 20000000),
	SCENARIO("steps", "overload", "130 % of the capacity, nobody adapts", LINKSET_THREE,
		 .world.source = CONSTANT(19.5)),
	/* --- nothing carries --- */
	SCENARIO("outages", "black-3", "all links black for 3 s, 7.5 of 15 Mb/s, latency 8 s",
		 LINKSET_THREE "at {at}ms for 3s * outage=blackhole", .world.source = CONSTANT(7.5),
		 .world.latency = 8 * SEC, .world.length = 30 * SEC),
	SCENARIO("outages", "black-10", "the same for 10 s, 5 Mb/s, latency 15 s",
		 LINKSET_THREE "at {at}ms for 10s * outage=blackhole", .world.source = CONSTANT(5),
		 .world.latency = 15 * SEC, .world.length = 40 * SEC),
	SCENARIO("outages", "black-30", "the same for 30 s, 4 Mb/s, latency 45 s",
		 LINKSET_THREE "at 8s for 30s * outage=blackhole", .world.source = CONSTANT(4),
		 .world.latency = 45 * SEC, .world.length = 100 * SEC),
	SCENARIO("outages", "restart", "the receiver is started anew, 6 Mb/s",
		 LINKSET_THREE "at {at}ms receiver restart", .world.source = FRAMES(6),
		 .skip = SRT_CONTENDERS),
	/* --- would parity help? --- */
	PARITY("200-300-loss-1", "delay=100ms loss=1%", 300, 4),
	PARITY("200-300-loss-5", "delay=100ms loss=5%", 300, 4),
	PARITY("200-300-burst-2", "delay=100ms burst=2%:6", 300, 4),
	PARITY("200-400-loss-1", "delay=100ms loss=1%", 400, 4),
	PARITY("200-400-loss-5", "delay=100ms loss=5%", 400, 4),
	PARITY("200-400-burst-2", "delay=100ms burst=2%:6", 400, 4),
	PARITY("200-400-burst-5", "delay=100ms burst=5%:8", 400, 4),
	PARITY("600-700-loss-1", "delay=300ms loss=1%", 700, 4),
	PARITY("600-700-burst-2", "delay=300ms burst=2%:6", 700, 4),
	PARITY("600-1000-loss-1", "delay=300ms loss=1%", 1000, 4),
	PARITY("600-1000-loss-5", "delay=300ms loss=5%", 1000, 4),
	PARITY("600-1000-burst-2", "delay=300ms burst=2%:6", 1000, 4),
	PARITY("600-1000-burst-5", "delay=300ms burst=5%:8", 1000, 4),
	PARITY("200-300-loss-1-full", "delay=100ms loss=1%", 300, 12),
	PARITY("600-1000-burst-2-full", "delay=300ms burst=2%:6", 1000, 12),
	PARITY("40-500-burst-5", "delay=20ms burst=5%:8", 500, 4),
};

const unsigned bench_scenarios_count = sizeof(bench_scenarios) / sizeof(*bench_scenarios);

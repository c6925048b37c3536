#include "sim/row.h"

#define MS  USEC_PER_MS
#define SEC USEC_PER_SEC

/* The links that the requirements name: 15 Mb/s in all. */
#define THREE_LINKS                                                                                \
	"link lan rate=6M delay=10ms queue=300ms; link cell rate=4M delay=40ms queue=500ms;"       \
	"link wifi rate=5M delay=8ms queue=300ms;"
#define THREE_ALIKE(delay)                                                                         \
	"link a rate=6M queue=300ms delay=" delay "; link b rate=6M queue=300ms delay=" delay      \
	"; link c rate=6M queue=300ms delay=" delay ";"
#define FRAMES(mbps)                                                                               \
	{                                                                                          \
		.rate_bps = (uint64_t)((mbps)*1000000), .frames = true                             \
	}
#define CONSTANT(mbps)                                                                             \
	{                                                                                          \
		.rate_bps = (uint64_t)((mbps)*1000000)                                             \
	}
/* Longest gap after a cut: one round trip of the slowest link and 60 ms. */
#define GAP_AFTER_CUT (140 * MS)

/* Feed `ts`: as captured, within 2 ms. */
#define PACED .world.feed_ts = true, .spacing_max = 2 * MS, .wander_max = 2 * MS

#define GATED(mbps)                                                                                \
	.world.source = { .rate_bps = (uint64_t)((mbps)*1000000), .frames = true, .burst = 6 },    \
	.world.gated = true, .check = true

#define ROW(row_name, text, ...) .world.name = row_name, .world.scenario = text, __VA_ARGS__

const struct row rows[] = {
	{ ROW("steady", THREE_LINKS, .world.source = FRAMES(8), .check = true,
	      .copies_permille_max = 20, .p99_max = 200 * MS) },
	/* What the receiver sends back, all told: at most 1.5 % of the stream. Upwards there are
	 * the 36 bytes that a datagram costs beyond 1332, and 1.5 % of copies. */
	{ ROW("back-at-2", THREE_LINKS, .world.source = FRAMES(2), .check = true,
	      .back_permille_max = 15) },
	{ ROW("back-at-6", THREE_LINKS, .world.source = FRAMES(6), .check = true,
	      .back_permille_max = 15) },
	{ ROW("back-at-10", THREE_LINKS, .world.source = FRAMES(10), .check = true,
	      .back_permille_max = 15, .overhead_permille_max = 46) },
	{ ROW("back-with-loss", THREE_LINKS "* loss=2%", .world.source = FRAMES(4), .check = true,
	      .back_permille_max = 15) },
	{ ROW("back-constant", THREE_LINKS, .world.source = CONSTANT(6), .check = true,
	      .back_permille_max = 15) },
	{ ROW("single", "link cell rate=8M delay=30ms queue=500ms loss=0.5%",
	      .world.source = FRAMES(5), .check = true) },
	{ ROW("loss-1", THREE_LINKS "wifi loss=1%", .world.source = CONSTANT(12), .check = true) },
	{ ROW("loss-1-at-14", THREE_LINKS "wifi loss=1%", .world.source = CONSTANT(14.0),
	      .check = true) },
	{ ROW("cut-lan", THREE_LINKS "at 8s lan outage=blackhole", .world.source = FRAMES(6),
	      .check = true, .gap_max = GAP_AFTER_CUT) },
	{ ROW("cut-cell", THREE_LINKS "at 8s cell outage=blackhole", .world.source = FRAMES(6),
	      .check = true, .gap_max = GAP_AFTER_CUT) },
	{ ROW("cut-wifi", THREE_LINKS "at 8s wifi outage=blackhole", .world.source = FRAMES(6),
	      .check = true, .gap_max = GAP_AFTER_CUT) },
	{ ROW("black-hole-beside-cell",
	      "link lan rate=20M delay=5ms queue=200ms; link cell rate=8M delay=40ms queue=500ms;"
	      "at 6s lan for 10s outage=blackhole",
	      .world.source = CONSTANT(6), .check = true, .gap_max = 100 * MS) },
	{ ROW("cut-each-for-a-while",
	      THREE_LINKS "at 6s lan for 5s outage=down; at 14s cell for 5s outage=blackhole;"
			  "at 22s wifi for 5s outage=blackhole",
	      .world.source = FRAMES(7), .world.length = 32 * SEC, .check = true,
	      .gap_max = GAP_AFTER_CUT) },
	{ ROW("cut-short-budget", THREE_LINKS "at 8s lan for 4s outage=blackhole",
	      .world.source = CONSTANT(9), .world.latency = 500 * MS, .check = true,
	      .gap_max = GAP_AFTER_CUT) },
	{ ROW("cut-two", THREE_LINKS "at 8s lan+wifi for 5s outage=blackhole",
	      .world.source = FRAMES(3), .check = true, .gap_max = 2 * GAP_AFTER_CUT) },
	{ ROW("cut-all", THREE_LINKS "at 8s for 3s * outage=blackhole",
	      .world.source = CONSTANT(7.5), .world.latency = 8 * SEC, .world.length = 30 * SEC,
	      .check = true, .overhead_permille_max = 350) },
	{ ROW("outage-10s", THREE_LINKS "at 8s for 10s * outage=blackhole",
	      .world.source = FRAMES(5), .world.latency = 15 * SEC, .world.length = 40 * SEC,
	      .check = true) },
	{ ROW("outage-30s", THREE_LINKS "at 8s for 30s * outage=blackhole",
	      .world.source = FRAMES(4), .world.latency = 45 * SEC, .world.length = 100 * SEC) },
	{ ROW("fast-beside-slow",
	      "link fast rate=10M delay=5ms queue=300ms; link slow rate=10M delay=100ms "
	      "queue=300ms",
	      .world.source = CONSTANT(15), .overhead_permille_max = 60, .check = true) },
	{ ROW("three-delays",
	      "link a rate=6M delay=10ms queue=300ms; link b rate=6M delay=40ms queue=300ms;"
	      "link sat rate=6M delay=300ms queue=600ms",
	      .world.source = FRAMES(9), .world.latency = 2 * SEC, .check = true) },
	/* Whether a burst takes a packet and its copies is luck: 2 in the median of 40 seeds. */
	{ ROW("satellites",
	      "link a rate=6M delay=300ms queue=600ms; link b rate=6M delay=300ms queue=600ms;"
	      "link c rate=6M delay=300ms queue=600ms; * burst=2%:6",
	      .world.source = FRAMES(12), .world.latency = 2 * SEC, .check = true, .lost_max = 8) },
	/* Too late for repair: only parity is in time. */
	{ ROW("too-late-for-repair", THREE_ALIKE("100ms") "* loss=1%", .world.source = CONSTANT(4),
	      .world.latency = 300 * MS, .check = true, .parity = true, .lost_max = 3,
	      .overhead_permille_max = 240) },
	{ ROW("too-late-for-repair-far", THREE_ALIKE("300ms") "* loss=1%",
	      .world.source = CONSTANT(4), .check = true, .parity = true, .lost_max = 8,
	      .overhead_permille_max = 240) },
	{ ROW("too-late-for-repair-bursts", THREE_ALIKE("300ms") "* burst=2%:6",
	      .world.source = CONSTANT(4), .check = true, .parity = true, .lost_max = 60,
	      .overhead_permille_max = 370) },
	{ ROW("too-late-for-repair-alone", "link lan rate=8M delay=100ms queue=300ms; * loss=1%",
	      .world.source = CONSTANT(4), .world.latency = 300 * MS, .world.settle = 5 * SEC,
	      .check = true, .parity = true, .lost_max = 8, .overhead_permille_max = 180) },
	{ ROW("too-late-for-repair-uneven",
	      "link a rate=6M delay=100ms queue=300ms; link b rate=6M delay=200ms queue=300ms;"
	      "* loss=2%",
	      .world.source = CONSTANT(8), .world.latency = 400 * MS, .world.settle = 5 * SEC,
	      .check = true, .parity = true, .lost_max = 40, .overhead_permille_max = 180) },
	/* There would be time, but for what stood before the bond. */
	{ ROW("too-late-for-repair-lagged", THREE_ALIKE("100ms") "* loss=1%",
	      .world.source = CONSTANT(4), .world.lag = 700 * MS, PACED, .check = true,
	      .parity = true, .lost_max = 3, .overhead_permille_max = 180) },
	{ ROW("burst-loss", THREE_LINKS "* burst=5%:8", .world.source = CONSTANT(7.5),
	      .check = true) },
	{ ROW("burst-loss-frugal", THREE_LINKS "* burst=5%:8", .world.source = CONSTANT(7.5),
	      .overhead_permille_max = 110) },
	{ ROW("loss-70", THREE_LINKS "at 8s lan for 3s loss=70%", .world.source = FRAMES(7),
	      .check = true) },
	{ ROW("flapping",
	      THREE_LINKS "at 4s every 4s until 24s cell for 1500ms outage=blackhole;"
			  "at 5s every 5s until 24s lan for 700ms outage=down",
	      .world.source = FRAMES(5), .world.length = 28 * SEC, .check = true) },
	{ ROW("jitter-and-reordering",
	      "link a rate=8M delay=40ms jitter=15ms reorder=yes duplicate=1% queue=300ms;"
	      "link b rate=8M delay=50ms jitter=30ms queue=300ms",
	      .world.source = FRAMES(8), .copies_permille_max = 60) },
	{ ROW("marginal-leg", THREE_LINKS "at 4s every 4s until 26s cell for 2s delay=600ms",
	      .world.source = FRAMES(7), .world.length = 28 * SEC, .check = true) },
	{ ROW("marginal-leg-each-second",
	      THREE_LINKS "cell queue=2s; at 3s every 1s until 28s cell for 500ms delay=1200ms",
	      .world.source = FRAMES(8), .world.length = 28 * SEC, .check = true) },
	{ ROW("radio-stalls",
	      THREE_LINKS "* queue=1s; at 4s every 6s until 26s lan for 400ms outage=stall;"
			  "at 6s every 5s until 26s cell for 800ms outage=stall;"
			  "at 7s every 7s until 26s wifi for 600ms outage=stall",
	      .world.source = FRAMES(6), .world.length = 28 * SEC, .check = true) },
	{ ROW("step-of-one-link",
	      THREE_LINKS "at 8s lan rate=2M; at 14s lan rate=6M; at 18s wifi rate=2500k;"
			  "at 24s wifi rate=5M",
	      .world.source = FRAMES(6), .world.length = 28 * SEC, .check = true) },
	{ ROW("step-down-and-up",
	      "link lan rate=8M delay=20ms queue=500ms; link cell rate=4M delay=40ms queue=500ms;"
	      "at 15s lan+cell for 12s rate=2M",
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .world.length = 40 * SEC, .world.advice_max_bps = 12000000,
	      .advice = { { 13 * SEC, 15 * SEC, 8000000, 12000000 },
			  { 15 * SEC + 330 * MS, 27 * SEC, 1000000, 4000000 },
			  { 38 * SEC, 41 * SEC, 8000000, 12000000 } }) },
	/* Less than the start bitrate, which is known before it begins. */
	{ ROW("cold-start",
	      "link a rate=700k delay=40ms queue=2s; link b rate=700k delay=60ms queue=2s;"
	      "link c rate=700k delay=50ms queue=2s",
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .check = true, .advice = { { 4 * SEC, 21 * SEC, 1000000, 2000000 } }) },
	/* A stream that does not follow: what is too much is left out by picture, from the first
	 * packet on. */
	{ ROW("gated-half",
	      "link a rate=900k delay=20ms queue=300ms; link b rate=700k delay=35ms queue=300ms;"
	      "link c rate=500k delay=50ms queue=300ms",
	      GATED(4), .cut_min = 200, .cut_max = 495) },
	{ ROW("gated-tiny",
	      "link a rate=300k delay=20ms queue=300ms; link b rate=300k delay=35ms queue=300ms;"
	      "link c rate=300k delay=50ms queue=300ms",
	      GATED(4), .cut_min = 300, .cut_max = ROW_ANY) },
	/* Queues that are shorter than what a path is tried with. */
	{ ROW("gated-shallow",
	      "link a rate=900k delay=20ms queue=100ms; link b rate=700k delay=35ms queue=100ms;"
	      "link c rate=500k delay=50ms queue=100ms",
	      GATED(4), .cut_min = 200, .cut_max = 495) },
	{ ROW("gated-tiny-shallow",
	      "link a rate=300k delay=20ms queue=200ms; link b rate=300k delay=35ms queue=200ms;"
	      "link c rate=300k delay=50ms queue=200ms",
	      GATED(4), .cut_min = 300, .cut_max = ROW_ANY) },
	{ ROW("gated-single", "link a rate=2100k delay=30ms queue=300ms", GATED(4), .cut_min = 200,
	      .cut_max = 495) },
	{ ROW("gated-unequal",
	      "link a rate=1800k delay=20ms queue=300ms; link b rate=300k delay=40ms queue=300ms",
	      GATED(4), .cut_min = 200, .cut_max = 495) },
	{ ROW("gated-far",
	      "link a rate=900k delay=20ms queue=300ms; link b rate=700k delay=35ms queue=300ms;"
	      "link sat rate=500k delay=100ms queue=300ms",
	      GATED(4), .cut_min = 200, .cut_max = 495) },
	/* A keyframe is nearly too large for what the way leaves of the latency. */
	{ ROW("gated-far-single", "link sat rate=2100k delay=100ms queue=300ms", GATED(4),
	      .cut_min = 200, .cut_max = ROW_ANY) },
	{ ROW("gated-deep",
	      "link a rate=900k delay=20ms queue=2s; link b rate=700k delay=35ms queue=2s;"
	      "link c rate=500k delay=50ms queue=2s",
	      GATED(4), .cut_min = 200, .cut_max = 495) },
	{ ROW("gated-ample",
	      "link a rate=10M delay=20ms queue=300ms; link b rate=10M delay=35ms queue=300ms;"
	      "link c rate=10M delay=50ms queue=300ms",
	      GATED(4)) },
	{ ROW("gated-enough",
	      "link a rate=2M delay=20ms queue=300ms; link b rate=1600k delay=35ms queue=300ms;"
	      "link c rate=1400k delay=50ms queue=300ms",
	      GATED(4)) },
	{ ROW("gated-ample-20",
	      "link a rate=40M delay=20ms queue=300ms; link b rate=40M delay=35ms queue=300ms;"
	      "link c rate=40M delay=50ms queue=300ms",
	      GATED(20), .cut_max = 49) },
	{ ROW("gated-and-better",
	      "link a rate=300k delay=20ms queue=300ms; link b rate=300k delay=35ms queue=300ms;"
	      "at 10s a+b rate=5M",
	      GATED(4), .world.length = 30 * SEC, .cut_min = 200, .cut_max = 560) },
	{ ROW("advice-start", THREE_LINKS,
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .world.advice_max_bps = 20000000,
	      .advice = { { 15 * SEC, 21 * SEC, 9000000, 15000000 } }, .check = true) },
	{ ROW("lte-like",
	      "link att delay=45ms queue=2s; link vzw delay=35ms queue=2s;"
	      "link tmo delay=25ms queue=2s",
	      .world.capacity = radio_capacity, .world.length = 110 * SEC,
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .world.advice_max_bps = 20000000, .late_max = 30, .lost_max = 30, .p99_max = 400 * MS,
	      .on_time_bps_min = 12000000) },
	{ ROW("lte-like-constant",
	      "link att delay=45ms queue=2s; link vzw delay=35ms queue=2s;"
	      "link tmo delay=25ms queue=2s",
	      .world.capacity = radio_capacity, .world.length = 110 * SEC,
	      .world.source = CONSTANT(6)) },
	{ ROW("overload", THREE_LINKS, .world.source = CONSTANT(19.5), .check = true,
	      .lost_max = ROW_ANY, .late_max = ROW_ANY, .on_time_bps_min = 12970000) },
	{ ROW("crowd",
	      THREE_LINKS "at 8s every 2s until 12s * rate=3M; at 14s * rate=2500k;"
			  "at 18s * rate=2200k; at 22s * rate=2M",
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .world.length = 40 * SEC, .world.advice_max_bps = 12000000, .check = true) },
	{ ROW("nat-rebinding",
	      THREE_LINKS "at 6s cell rebind; at 9s lan+wifi rebind; at 13s * rebind",
	      .world.source = FRAMES(7), .check = true, .gap_max = 2 * GAP_AFTER_CUT) },
	{ ROW("address-change",
	      THREE_LINKS "at 6s cell address; at 9s lan address; at 13s wifi drop;"
			  "at 16s wifi add",
	      .world.source = FRAMES(7), .check = true, .gap_max = GAP_AFTER_CUT) },
	{ ROW("heal", THREE_LINKS "at 6s lan for 12s outage=blackhole",
	      .world.source = CONSTANT(8.5), .world.length = 30 * SEC, .check = true,
	      .gap_max = GAP_AFTER_CUT, .share = { { "lan", 21, 29, 2000000, 0, 0 } }) },
	/* What the old receiver held and had acknowledged is gone with it, besides what comes until
	 * the sender knows: less than half a second. */
	{ ROW("receiver-restart", THREE_LINKS "at 8s receiver restart", .world.source = FRAMES(6),
	      .check = true, .lost_max = 300, .sessions = 2) },
	{ ROW("receiver-away", THREE_LINKS "at 8s receiver off; at 11s receiver on",
	      .world.source = FRAMES(6), .world.latency = 8 * SEC, .check = true, .lost_max = 300,
	      .sessions = 2) },
	{ ROW("sender-restart", THREE_LINKS "at 8s sender restart", .world.source = FRAMES(6),
	      .check = true, .lost_max = 300, .sessions = 2) },
	{ ROW("junk", THREE_LINKS "at 3s junk on", .world.source = FRAMES(8),
	      .world.control_every = 50 * MS, .check = true, .p99_max = 200 * MS) },
	{ ROW("control", THREE_LINKS, .world.source = FRAMES(5), .world.control_every = 10 * MS,
	      .check = true) },
	{ ROW("control-with-loss", THREE_LINKS "* loss=2%", .world.source = FRAMES(5),
	      .world.control_every = 10 * MS, .check = true, .control_lost_max = 160) },
	{ ROW("broadcast",
	      THREE_LINKS "* loss=3%; at 6s lan outage=blackhole; at 12s lan outage=none",
	      .world.source = CONSTANT(3), .world.policy = BOND_POLICY_BROADCAST, .check = true,
	      .p99_max = 100 * MS) },
	{ ROW("backup",
	      "link lan rate=10M delay=8ms queue=200ms; link cell rate=8M delay=40ms queue=500ms "
	      "paid;"
	      "at 8s lan for 6s outage=blackhole",
	      .world.source = FRAMES(5), .world.policy = BOND_POLICY_BACKUP, .check = true,
	      .gap_max = GAP_AFTER_CUT,
	      .share = { { "cell", 2, 8, 0, 300000, 0 }, { "cell", 10, 14, 4500000, 0, 0 } }) },
	/* The cheap uplink is too small: the paid one carries what is missing, and no more. */
	{ ROW("backup-topup",
	      "link lan rate=10M delay=8ms queue=200ms; link cell rate=8M delay=40ms queue=500ms "
	      "paid; at 8s lan for 6s rate=3M",
	      .world.source = FRAMES(5), .world.policy = BOND_POLICY_BACKUP, .check = true,
	      .share = { { "cell", 2, 8, 0, 160000, 0 },
			 { "lan", 10, 14, 2600000, 0, 0 },
			 { "cell", 16, 20, 0, 160000, 0 } }) },
	/* What a paid uplink costs that carries nothing: keepalives. */
	{ ROW("backup-idle",
	      "link lan rate=10M delay=8ms queue=200ms; link cell rate=8M delay=40ms queue=500ms "
	      "paid",
	      .world.source = FRAMES(5), .world.policy = BOND_POLICY_BACKUP,
	      .world.off = BOND_OFF_REDUNDANCY, .check = true,
	      .share = { { "cell", 3, 21, 0, 2000, 0 } }) },
	{ ROW("backup-follow",
	      "link lan rate=6M delay=8ms queue=200ms; link cell rate=8M delay=40ms queue=500ms "
	      "paid; at 12s lan for 6s rate=1M",
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .world.policy = BOND_POLICY_BACKUP, .world.length = 32 * SEC, .check = true,
	      .advice = { { 11 * SEC, 12 * SEC, 4000000, 5800000 },
			  { 14 * SEC, 18 * SEC, 1600000, 2700000 },
			  { 30 * SEC, 33 * SEC, 4000000, 5800000 } },
	      .share = { { "cell", 2, 11, 0, 160000, 0 },
			 { "cell", 14, 18, 700000, 2000000, 0 } }) },
	{ ROW("broadcast-follow", THREE_LINKS,
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .world.policy = BOND_POLICY_BROADCAST, .check = true,
	      .advice = { { 12 * SEC, 21 * SEC, 3000000, 4900000 } },
	      .share = { { "lan", 10, 20, 3200000, 0, 0 }, { "wifi", 10, 20, 3200000, 0, 0 } }) },
	{ ROW("cap", THREE_LINKS "lan cap=1500k; at 12s cell cap=800k", .world.source = CONSTANT(6),
	      .check = true,
	      .share = { { "lan", 1, 20, 1200000, 0, 1500000 },
			 { "cell", 13, 20, 0, 0, 800000 } }) },
	/* All of them capped below what is offered: every second is at its limit. */
	{ ROW("cap-full", THREE_LINKS "* loss=2%; * cap=500k; at 12s wifi for 3s outage=blackhole",
	      .world.source = CONSTANT(2), .world.policy = BOND_POLICY_AGGREGATE, .check = true,
	      .lost_max = ROW_ANY, .late_max = ROW_ANY,
	      .share = { { "lan", 0, 20, 450000, 0, 500000 },
			 { "cell", 0, 20, 450000, 0, 500000 },
			 { "wifi", 0, 20, 300000, 0, 500000 } }) },
	{ ROW("cap-broadcast", THREE_LINKS "* loss=2%; cell cap=400k", .world.source = CONSTANT(2),
	      .world.policy = BOND_POLICY_BROADCAST, .check = true,
	      .share = { { "cell", 0, 20, 350000, 0, 400000 } }) },
	{ ROW("broadcast-without-repair",
	      "link a rate=8M delay=90ms queue=300ms loss=5%; link b rate=8M delay=80ms "
	      "queue=300ms loss=5%",
	      .world.source = CONSTANT(3), .world.policy = BOND_POLICY_BROADCAST,
	      .world.latency = 250 * MS, .check = true, .lost_max = 40, .late_max = 40) },
	{ ROW("policy-changes",
	      THREE_LINKS "cell paid; at 5s bond backup; at 8s bond broadcast; at 11s bond backup;"
			  "at 14s bond aggregate; at 17s bond broadcast",
	      .world.source = FRAMES(3.5), .check = true, .gap_max = 60 * MS) },
	{ ROW("mute-and-unmute",
	      THREE_LINKS
	      "at 5s lan mute; at 9s lan unmute; at 11s cell+wifi mute; at 15s cell+wifi unmute",
	      .world.source = FRAMES(3.5), .check = true, .gap_max = 60 * MS,
	      .share = { { "lan", 6, 9, 0, 3000, 0 }, { "lan", 12, 15, 3400000, 0, 0 } }) },
	{ ROW("paced", THREE_LINKS, .world.source = FRAMES(8), PACED, .check = true,
	      .p99_max = 1005 * MS) },
	/* Something before the bond took a third of the latency: the whole way takes no longer, and
	 * the advice is as if it had taken nothing. */
	{ ROW("paced-lagged", THREE_LINKS,
	      .world.source = { .rate_bps = 2500000, .frames = true, .follow = true },
	      .world.lag = 330 * MS, .world.advice_max_bps = 20000000, PACED, .check = true,
	      .least_min = 665 * MS, .p99_max = 675 * MS,
	      .advice = { { 15 * SEC, 21 * SEC, 9000000, 15000000 } }) },
	{ ROW("paced-loss", THREE_LINKS "* loss=3%", .world.source = FRAMES(7), PACED,
	      .check = true) },
	{ ROW("paced-short",
	      "link a rate=8M delay=30ms jitter=15ms reorder=yes queue=300ms;"
	      "link b rate=8M delay=40ms jitter=15ms queue=300ms",
	      .world.source = FRAMES(6), .world.latency = 400 * MS, PACED, .check = true) },
	/* The quickest path dies, its successor has 70 ms more, and it comes back. */
	{ ROW("paced-path-change",
	      "link lan rate=8M delay=10ms queue=300ms; link cell rate=8M delay=80ms queue=500ms;"
	      "at 10s lan outage=blackhole; at 70s lan outage=none; at 110s lan drop;"
	      "at 150s lan add",
	      .world.source = FRAMES(4), .world.length = 190 * SEC, PACED, .check = true) },
	{ ROW("paced-outage-3s", THREE_LINKS "at 8s for 3s * outage=blackhole",
	      .world.source = FRAMES(6), .world.latency = 8 * SEC, .world.length = 30 * SEC, PACED,
	      .check = true) },
	{ ROW("paced-outage-30s", THREE_LINKS "at 8s for 30s * outage=blackhole",
	      .world.source = FRAMES(4), .world.latency = 45 * SEC, .world.length = 100 * SEC,
	      PACED, .check = true) },
	{ ROW("paced-outage-too-long", THREE_LINKS "at 8s for 10s * outage=blackhole",
	      .world.source = FRAMES(5), .world.length = 40 * SEC, .world.feed_ts = true,
	      .check = true, .lost_max = 5500, .p99_max = 1005 * MS) },
	/* The new one gets again what the old one held: lost is what was due meanwhile. */
	{ ROW("paced-receiver-restart", THREE_LINKS "at 14s receiver restart",
	      .world.source = FRAMES(6), .world.latency = 8 * SEC, .world.length = 30 * SEC,
	      .world.feed_ts = true, .check = true, .lost_max = 300, .p99_max = 8010 * MS,
	      .gap_max = 500 * MS, .sessions = 2) },
	{ ROW("paced-receiver-away", THREE_LINKS "at 14s receiver off; at 17s receiver on",
	      .world.source = FRAMES(6), .world.latency = 8 * SEC, .world.length = 30 * SEC,
	      .world.feed_ts = true, .check = true, .lost_max = 2500, .p99_max = 8010 * MS,
	      .gap_max = 4500 * MS, .sessions = 2) },
	/* What is under way at that moment is lost; what is held is played out. */
	{ ROW("paced-sender-restart", THREE_LINKS "at 14s sender restart",
	      .world.source = FRAMES(6), .world.latency = 8 * SEC, .world.length = 30 * SEC, PACED,
	      .check = true, .lost_max = 60, .sessions = 2) },
	/* Over a day the clocks go 4.3 s (17.3 s) apart. */
	{ ROW("paced-skew-1h",
	      "link lan rate=1M delay=20ms loss=1%; link cell rate=1M delay=40ms loss=1%",
	      .world.source = { .rate_bps = 16000, .bytes = 200 }, .world.length = 1 * 3600 * SEC,
	      .world.skew_ppm = 200, PACED, .check = true, .least_min = 975 * MS,
	      .p99_max = 1010 * MS) },
	{ ROW("paced-skew-24h",
	      "link lan rate=1M delay=20ms loss=1%; link cell rate=1M delay=40ms loss=1%",
	      .world.source = { .rate_bps = 16000, .bytes = 200 }, .world.length = 24 * 3600 * SEC,
	      .world.skew_ppm = 50, PACED, .least_min = 990 * MS, .p99_max = 1010 * MS) },
	{ ROW("paced-skew-24h-slower",
	      "link lan rate=1M delay=20ms loss=1%; link cell rate=1M delay=40ms loss=1%",
	      .world.source = { .rate_bps = 16000, .bytes = 200 }, .world.length = 24 * 3600 * SEC,
	      .world.skew_ppm = -50, PACED, .least_min = 990 * MS, .p99_max = 1010 * MS) },
	{ ROW("paced-skew-24h-200ppm",
	      "link lan rate=1M delay=20ms loss=1%; link cell rate=1M delay=40ms loss=1%",
	      .world.source = { .rate_bps = 16000, .bytes = 200 }, .world.length = 24 * 3600 * SEC,
	      .world.skew_ppm = 200, PACED, .least_min = 975 * MS, .p99_max = 1010 * MS) },
	{ ROW("paced-skew-24h-200ppm-slower",
	      "link lan rate=1M delay=20ms loss=1%; link cell rate=1M delay=40ms loss=1%",
	      .world.source = { .rate_bps = 16000, .bytes = 200 }, .world.length = 24 * 3600 * SEC,
	      .world.skew_ppm = -200, PACED, .least_min = 975 * MS, .p99_max = 1025 * MS) },
	/* Over a day the clocks go 4.3 s apart. */
	{ ROW("skew-24h",
	      "link lan rate=1M delay=20ms loss=1%; link cell rate=1M delay=40ms loss=1%",
	      .world.source = { .rate_bps = 400, .bytes = 200 }, .world.length = 24 * 3600 * SEC,
	      .world.skew_ppm = 50, .check = true, .p99_max = 500 * MS) },
	{ ROW("skew-24h-slower",
	      "link lan rate=1M delay=20ms loss=1%; link cell rate=1M delay=40ms loss=1%",
	      .world.source = { .rate_bps = 400, .bytes = 200 }, .world.length = 24 * 3600 * SEC,
	      .world.skew_ppm = -50, .p99_max = 500 * MS) },
};

const unsigned rows_count = sizeof(rows) / sizeof(*rows);

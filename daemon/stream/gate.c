#include "stream/gate.h"

#include <assert.h>
#include <string.h>

/*
 * One number decides: how long a packet that comes now would wait in the bond, as a share of how
 * long it may (`hold`). It is the greater of what the oldest packet there has waited already and of
 * what lies before it, divided by the rate. The steps, with hysteresis:
 *
 *     thin_on .. thin_off  pictures that nothing depends on are left out. A keyframe alone, which
 *                          is as large as some 0.3 s of the stream, must not reach it
 *     cut                  the picture and all behind it are left out, until the next keyframe
 *     at a keyframe, with the size of those before it added:
 *       <= cut             the stream goes on
 *       <= key             the keyframe passes, what follows does not (it would be cut at once)
 *       above              not even the keyframe
 *
 * What is left above is for the audio behind it and for the capacity to fall: over three cellular
 * uplinks the next second carries, in one case of twenty, 0.7 times what the last did. Where the
 * encoder follows, the queue is the last of what was too much and about to drain, so more of the
 * time is used before a picture is given up. A stream that passes whole is judged less strictly at
 * a keyframe, because small pictures follow a large one: there only a keyframe that would take the
 * whole time is left out.
 *
 * A decision is made once per access unit, at its start, and holds to its end. As long as any
 * picture would pass, nothing is looked at; else the packets from its start on are held back, and
 * all others behind them, so that the order stays, until its first slice is there, mostly in the
 * same packet. A picture whose slice does not come in GATE_SLICE_MAX packets is taken for one that
 * others need.
 *
 * At the start nothing is known. What the bond carries it finds out by itself, in a round trip or
 * so; until then pictures wait, and the stream begins with the next keyframe. The size of the first
 * keyframe is known at its end: it is held back until then, but not for long, and is judged as
 * strictly as after a cut.
 *
 * A PES packet may hold more than one picture. It counts as the most important of them; when the
 * first was left out as one that no other needs before a more important one showed, that is a hole
 * like any other, and from then on nothing is disposable in this stream. Where PES packets begin
 * within pictures there is no place to cut, so the stream passes whole.
 *
 * Going on (after a cut) is possible at an IDR picture, and in H.265 at any random access picture,
 * but then without what follows it and is shown before it, which its time stamps tell. H.264
 * numbers its frames from one IDR picture to the next, and decoders fill the hole that they find at
 * another entry (recovery point) with old pictures; so it serves where no IDR picture came for
 * IDR_AFTER, and so does, better than nothing for ever, where the picture is refreshed bit by bit.
 *
 * Of a packet that is left out the clock (PCR) passes, in a packet without payload. The continuity
 * counter of the PID is counted anew from the first gap on; before it every packet stays as it is.
 */
/* Permille of `hold`. */
struct steps {
	unsigned thin_on, thin_off, cut, key;
};

static const struct steps steps_fixed = { .thin_on = 450, .thin_off = 100, .cut = 600, .key = 700 };
static const struct steps steps_follows = {
	.thin_on = 600, .thin_off = 200, .cut = 850, .key = 900
};

#define KEY_WHOLE 1000 /* a keyframe of a stream that passes whole */
#define SIZE_WAIT 250  /* for the rest of the first keyframe; then it is taken for ... */
#define SIZE_MORE 2    /* ... times what is there */
#define RECENT	  (10 * USEC_PER_MS) /* on the way to the bond */
#define IDR_AFTER (5 * USEC_PER_SEC)
#define PTS_HALF  (UINT64_C(1) << 32)
#define PTS_MASK  ((UINT64_C(1) << 33) - 1)

const char *gate_level_name(enum gate_level level)
{
	switch (level) {
	case GATE_LEVEL_ALL:
		return "streaming";
	case GATE_LEVEL_START:
		return "starting";
	case GATE_LEVEL_REFERENCE:
		return "thinned";
	case GATE_LEVEL_WAIT:
		return "frozen";
	case GATE_LEVEL_KEYS:
		return "keyframes";
	case GATE_LEVEL_AUDIO:
		return "audio only";
	}
	return "unknown";
}

const char *gate_level_text(enum gate_level level)
{
	switch (level) {
	case GATE_LEVEL_ALL:
		return "everything passes";
	case GATE_LEVEL_START:
		return "pictures begin with the first keyframe after it is known what the uplinks "
		       "carry";
	case GATE_LEVEL_REFERENCE:
		return "pictures that no other needs are left out";
	case GATE_LEVEL_WAIT:
		return "pictures are left out until the next keyframe";
	case GATE_LEVEL_KEYS:
		return "only keyframes and sound pass";
	case GATE_LEVEL_AUDIO:
		return "only sound passes";
	}
	return "unknown";
}

void gate_init(struct gate *gate, usec_t now)
{
	memset(gate, 0, sizeof(*gate));
	ts_init(&gate->ts);
	mix_init(&gate->mix, now);
}

/* --- how much there is to wait ---------------------------------------------------------------- */

static usec_t time_of(const struct gate *gate, uint64_t bytes)
{
	return gate->view.rate_bps ? bytes * 8 * USEC_PER_SEC / gate->view.rate_bps : 0;
}

static usec_t gate_wait(const struct gate *gate)
{
	return usec_max(gate->view.queue_age,
			time_of(gate, gate->view.queued_bytes + gate->recent[0] + gate->recent[1]));
}

static const struct steps *steps_of(const struct gate *gate)
{
	return gate->view.follows ? &steps_follows : &steps_fixed;
}

static bool exceeds(const struct gate *gate, usec_t wait, unsigned permille)
{
	return gate->view.hold && wait > gate->view.hold * permille / 1000;
}

static void update_thin(struct gate *gate)
{
	usec_t wait = gate_wait(gate);

	if (exceeds(gate, wait, steps_of(gate)->thin_on))
		gate->thin = true;
	else if (!exceeds(gate, wait, steps_of(gate)->thin_off))
		gate->thin = false;
}

void gate_view(struct gate *gate, const struct gate_view *view, usec_t now)
{
	usec_t span = usec_since(gate->recent_at, now);

	gate->view = *view;
	if (view->direct) {
		gate->recent[0] = gate->recent[1] = 0;
	} else if (span >= RECENT) {
		gate->recent[1] = span < 2 * RECENT ? gate->recent[0] : 0;
		gate->recent[0] = 0;
		gate->recent_at = now;
	}
	update_thin(gate);
}

enum gate_level gate_level(const struct gate *gate)
{
	enum gate_level level = gate->thin ? GATE_LEVEL_REFERENCE : GATE_LEVEL_ALL;

	for (unsigned i = 0; i < TS_VIDEOS_MAX; i++)
		if (gate->video[i].broken && gate->video[i].level > level)
			level = gate->video[i].level;
	return level;
}

static bool is_starting(const struct gate *gate)
{
	return gate->view.hold && gate->view.starting;
}

bool gate_wants_key(const struct gate *gate)
{
	bool broken = false;

	for (unsigned i = 0; i < TS_VIDEOS_MAX; i++)
		broken |= gate->video[i].broken;
	return broken && !is_starting(gate) &&
	       !exceeds(gate, gate_wait(gate), steps_of(gate)->thin_off);
}

/* --- one access unit -------------------------------------------------------------------------- */

/* An encoder that follows makes its keyframes to the measure of its bitrate. */
static bool needs_size(const struct gate *gate, const struct gate_video *video)
{
	return gate->view.hold && !gate->view.follows && !video->sized;
}

/* Of a keyframe that begins now the size is not known; those before it were as large. The first one
 * was held back. */
static usec_t key_time(const struct gate *gate, const struct gate_video *video, usec_t now)
{
	if (gate->view.follows)
		return 0;
	if (!video->sized)
		return time_of(gate, video->ended ? video->bytes : SIZE_MORE * video->bytes) +
		       usec_since(video->began_at, now);
	return time_of(gate, video->key_bytes);
}

/* Permille of `hold` that a keyframe may take. */
static unsigned key_most(const struct gate *gate, const struct gate_video *video)
{
	return video->broken || gate->thin || needs_size(gate, video) ? steps_of(gate)->key
								      : KEY_WHOLE;
}

/* The picture passes, whatever it is. */
static bool passes_anyway(const struct gate *gate, const struct gate_video *video, usec_t now)
{
	if (!gate->view.hold)
		return !video->broken;
	return !video->broken && !video->leading && !gate->thin && !is_starting(gate) &&
	       !needs_size(gate, video) && !exceeds(gate, gate_wait(gate), steps_of(gate)->cut) &&
	       !exceeds(gate, gate_wait(gate) + key_time(gate, video, now), KEY_WHOLE);
}

static void chain_break(struct gate *gate, struct gate_video *video, enum gate_level level)
{
	gate->counters.cuts += !video->broken && level != GATE_LEVEL_START;
	video->broken = true;
	video->leading = false;
	video->level = level;
}

static bool decide_entry(struct gate *gate, struct gate_video *video, enum picture_entry entry,
			 usec_t now)
{
	usec_t after = gate_wait(gate) + key_time(gate, video, now);
	bool pressed = video->broken || gate->thin;
	unsigned most = key_most(gate, video);

	video->sized = true;
	if (exceeds(gate, after, most)) {
		gate->counters.keys++;
		chain_break(gate, video, GATE_LEVEL_AUDIO);
		return false;
	}
	if (pressed && exceeds(gate, after, steps_of(gate)->cut)) {
		chain_break(gate, video, GATE_LEVEL_KEYS);
		return true;
	}
	video->leading = video->broken && entry == PICTURE_ENTRY_OPEN && video->has_pts;
	video->entry_pts = video->pts;
	video->broken = false;
	return true;
}

/* Behind an open entry: shown before it. The first that is not ends it. */
static bool is_leading(struct gate_video *video)
{
	if (!video->leading)
		return false;
	if (video->has_pts && ((video->pts - video->entry_pts) & PTS_MASK) >= PTS_HALF)
		return true;
	video->leading = false;
	return false;
}

/* Where the stream may go on. The multiplexer says so where the elementary stream does not. */
static enum picture_entry entry_of(const struct gate_video *video, usec_t now)
{
	enum picture_entry entry = video->picture.entry;

	if (entry == PICTURE_ENTRY_NONE && video->random_access)
		entry = PICTURE_ENTRY_OPEN;
	if (entry == PICTURE_ENTRY_CLEAN || usec_since(video->clean_at, now) >= IDR_AFTER ||
	    (entry == PICTURE_ENTRY_OPEN && video->picture.codec == PICTURE_H265 &&
	     !video->mixed_open))
		return entry;
	return PICTURE_ENTRY_NONE;
}

static bool decide(struct gate *gate, struct gate_video *video, usec_t now)
{
	struct gate_counters *counters = &gate->counters;
	enum picture_entry entry = entry_of(video, now);

	if (is_starting(gate)) {
		counters->waiting++;
		chain_break(gate, video, GATE_LEVEL_START);
		return false;
	}
	if (entry != PICTURE_ENTRY_NONE)
		return decide_entry(gate, video, entry, now);
	if (video->broken) {
		counters->waiting++;
		return false;
	}
	if (is_leading(video)) {
		counters->leading++;
		return false;
	}
	if (video->picture.class == WIRE_CLASS_DISPOSABLE && !video->mixed) {
		counters->disposable += gate->thin;
		return !gate->thin;
	}
	if (exceeds(gate, gate_wait(gate), steps_of(gate)->cut)) {
		counters->waiting++;
		chain_break(gate, video, GATE_LEVEL_WAIT);
		return false;
	}
	return true;
}

/* What is held back can be decided upon: its slice is there, and its size where that is needed, or
 * there is no time to wait for them. */
static bool is_ripe(const struct gate *gate, const struct gate_video *video, usec_t now)
{
	usec_t held = usec_since(video->began_at, now);

	if (!video->picture.sliced)
		return gate->counters.packets - video->began >= GATE_SLICE_MAX;
	return !needs_size(gate, video) || is_starting(gate) ||
	       entry_of(video, now) == PICTURE_ENTRY_NONE || exceeds(gate, held, SIZE_WAIT) ||
	       exceeds(gate, gate_wait(gate) + time_of(gate, video->bytes) + held,
		       key_most(gate, video));
}

static void unit_decide(struct gate *gate, struct gate_video *video, usec_t now)
{
	unsigned index = (unsigned)(video - gate->video);

	video->verdict = decide(gate, video, now) ? GATE_PASS : GATE_DROP;
	for (unsigned i = 0; i < gate->count; i++) {
		struct gate_packet *packet = &gate->held[(gate->first + i) % GATE_HELD_MAX];

		if (packet->video != index || packet->verdict != GATE_HOLD)
			continue;
		packet->verdict = video->verdict;
		gate->recent[0] += video->verdict == GATE_PASS ? TS_PACKET_BYTES : 0;
	}
}

/* The size of the one before is known now. */
static void unit_end(struct gate_video *video, usec_t now)
{
	if (video->picture.entry == PICTURE_ENTRY_CLEAN)
		video->clean_at = now;
	if (video->picture.entry < PICTURE_ENTRY_OPEN)
		return;
	video->sized = true;
	video->key_bytes -= video->key_bytes / 8;
	if (video->bytes > video->key_bytes)
		video->key_bytes = video->bytes;
}

static void unit_begin(struct gate *gate, struct gate_video *video, const struct ts_packet *packet,
		       usec_t now)
{
	uint64_t dts;

	unit_end(video, now);
	gate->counters.units++;
	video->bytes = 0;
	video->ended = video->holed = false;
	video->picture = (struct picture){ 0 };
	video->began_at = now;
	video->began = gate->counters.packets;
	video->random_access = packet->random_access;
	video->has_pts = ts_pes_times(packet->payload, packet->payload_len, &video->pts, &dts);
	video->verdict = packet->scrambled || video->unaligned || passes_anyway(gate, video, now)
				 ? GATE_PASS
				 : GATE_HOLD;
}

/* --- packets ---------------------------------------------------------------------------------- */

static struct gate_video *video_of(struct gate *gate, const struct ts_info *info, usec_t now)
{
	struct gate_video *oldest = &gate->video[0];

	for (unsigned i = 0; i < TS_VIDEOS_MAX; i++) {
		struct gate_video *video = &gate->video[i];

		if (video->used && video->pid == info->packet.pid)
			return video;
		if (oldest->used && (!video->used || video->seen < oldest->seen))
			oldest = video;
	}
	if (!info->picture)
		return NULL;
	/* What is held of the PID that gives way goes as it was decided; nothing waits for it. */
	for (unsigned i = 0; i < gate->count; i++) {
		struct gate_packet *packet = &gate->held[(gate->first + i) % GATE_HELD_MAX];

		if (packet->video == oldest - gate->video) {
			packet->video = GATE_NO_VIDEO;
			if (packet->verdict == GATE_HOLD)
				packet->verdict = GATE_PASS;
		}
	}
	*oldest = (struct gate_video){
		.used = true,
		.pid = info->packet.pid,
		.clean_at = now,
		.sent = (uint8_t)((info->packet.continuity + (info->packet.has_payload ? 15 : 0)) &
				  15),
	};
	return oldest;
}

/* More of an access unit was read. What was left out because nothing needs it, and now turns out to
 * hold more than that, leaves a hole. */
static void unit_read(struct gate *gate, struct gate_video *video, const struct ts_info *info)
{
	bool raised = video->picture.sliced && info->picture->class < video->picture.class;

	video->picture = *info->picture;
	video->holed |= info->missing;
	if (!video->picture.sliced)
		return;
	/* Where something is missing, two units may look like one. */
	if (!video->holed) {
		video->unaligned |= video->picture.unaligned;
		video->mixed |= raised;
		video->mixed_open |= video->picture.leads;
	}
	if (video->unaligned)
		video->broken = false;
	else if (raised && video->verdict == GATE_DROP)
		chain_break(gate, video, GATE_LEVEL_WAIT);
}

/* What becomes of a packet; for video, of its access unit. */
static enum gate_verdict judge(struct gate *gate, struct gate_video *video,
			       const struct ts_info *info, usec_t now)
{
	if (info->kind == TS_KIND_NULL && gate_level(gate) != GATE_LEVEL_ALL) {
		gate->counters.nulls++;
		return GATE_DROP;
	}
	if (!video || !info->picture)
		return GATE_PASS;
	if (info->unit_start) {
		/* One that ended without a slice, or whose size had to be known. */
		video->ended = true;
		if (video->verdict == GATE_HOLD)
			unit_decide(gate, video, now);
		unit_begin(gate, video, &info->packet, now);
	}
	video->bytes += TS_PACKET_BYTES;
	unit_read(gate, video, info);
	return video->verdict;
}

/* What ts_read() found in it. */
static void put_known(struct gate *gate, struct gate_packet *packet, const struct ts_info *info,
		      usec_t now)
{
	struct gate_video *video = video_of(gate, info, now);

	mix_add(&gate->mix, info, now);
	packet->missing = (uint8_t)info->missing;
	packet->repeated = info->repeated;
	packet->has_payload = info->packet.has_payload;
	packet->has_pcr = info->packet.has_pcr;
	if (video) {
		packet->video = (uint8_t)(video - gate->video);
		video->seen = gate->counters.packets;
	}
	packet->verdict = judge(gate, video, info, now);
}

void gate_put(struct gate *gate, const uint8_t data[static TS_PACKET_BYTES], usec_t now)
{
	struct gate_packet *packet = &gate->held[(gate->first + gate->count) % GATE_HELD_MAX];
	struct ts_info info;

	assert(gate->count < GATE_HELD_MAX);
	gate->counters.packets++;
	gate->count++;
	memcpy(packet->data, data, TS_PACKET_BYTES);
	packet->video = GATE_NO_VIDEO;
	packet->verdict = GATE_PASS;
	if (ts_read(&gate->ts, data, &info))
		put_known(gate, packet, &info, now);
	if (packet->verdict == GATE_PASS)
		gate->recent[0] += TS_PACKET_BYTES;
	for (unsigned i = 0; i < TS_VIDEOS_MAX; i++)
		if (gate->video[i].used && gate->video[i].verdict == GATE_HOLD &&
		    is_ripe(gate, &gate->video[i], now))
			unit_decide(gate, &gate->video[i], now);
	if (gate->count == GATE_HELD_MAX)
		gate_flush(gate, now);
}

void gate_flush(struct gate *gate, usec_t now)
{
	for (unsigned i = 0; i < TS_VIDEOS_MAX; i++)
		if (gate->video[i].used && gate->video[i].verdict == GATE_HOLD)
			unit_decide(gate, &gate->video[i], now);
}

/* --- what goes on ----------------------------------------------------------------------------- */

static void set_continuity(uint8_t *data, uint8_t continuity)
{
	data[3] = (uint8_t)((data[3] & 0xf0) | continuity);
}

/* A packet of the same PID that has nothing but the clock of @data. */
static void keep_clock(uint8_t *data, uint8_t continuity)
{
	data[1] &= 0x1f; /* no error, no start, no priority */
	data[3] = (uint8_t)(0x20 | continuity);
	data[4] = TS_PACKET_BYTES - 5;
	data[5] = (uint8_t)((data[5] & 0x80) | 0x10); /* of the flags: discontinuity, PCR */
	memset(data + 12, 0xff, TS_PACKET_BYTES - 12);
}

/* False: nothing of it goes on. */
static bool finish(struct gate *gate, struct gate_packet *packet)
{
	struct gate_video *video =
		packet->video == GATE_NO_VIDEO ? NULL : &gate->video[packet->video];
	uint8_t *data = packet->data;

	if (packet->verdict == GATE_DROP) {
		bool clock = video && packet->has_pcr && !packet->repeated;

		gate->counters.dropped_packets += !clock;
		if (!video)
			return false;
		video->touched = true;
		video->after_drop |= packet->has_payload;
		if (!clock)
			return false;
		gate->counters.clocks++;
		keep_clock(data, video->sent);
		return true;
	}
	if (!video)
		return true;
	if (!video->touched) {
		video->sent = data[3] & 15;
		return true;
	}
	if (packet->has_payload && !packet->repeated) {
		/* What is missing in front of it, beyond what we left out, stays visible. */
		video->sent += 1 + (video->after_drop ? 0 : packet->missing);
		video->sent &= 15;
		video->after_drop = false;
	}
	set_continuity(data, video->sent);
	return true;
}

const uint8_t *gate_next(struct gate *gate)
{
	for (;;) {
		struct gate_packet *packet;

		if (gate->lent) {
			gate->first = (gate->first + 1) % GATE_HELD_MAX;
			gate->count--;
			gate->lent = false;
		}
		/* The beginning of the ring stays in the caches. */
		if (!gate->count)
			gate->first = 0;
		packet = &gate->held[gate->first];
		if (!gate->count || packet->verdict == GATE_HOLD)
			return NULL;
		gate->lent = true;
		if (finish(gate, packet))
			return packet->data;
	}
}

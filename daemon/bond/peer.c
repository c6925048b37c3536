#include "bond/peer.h"

#include <string.h>

#include "base/cursor.h"
#include "uplinkd/wire.h"

/*
 * The asker sends hellos, each with a fresh ephemeral key, a fresh time and a fresh bond id, and
 * remembers the last PEER_ATTEMPTS of them: with 600 ms round trip and a retry after 100 ms the
 * answer to the first comes when three more are out. The low bits of the bond id say which one an
 * answer belongs to.
 *
 * The answerer turns down what does not open, and what is not newer than every hello before
 * (replay). Each hello that it answers gives a pending session; the first sealed datagram under one
 * of these makes it current and the others void. So a recorded hello, or one whose answer got lost,
 * changes nothing.
 *
 * The asker goes on asking while it hears nothing. When the answer comes from the same instance as
 * before, the old session most likely lives and only the way was broken; then the new one is kept
 * aside for a moment (PEER_FALL_BACK_AFTER) in which the old one may be heard. When the instance
 * is another, the peer was restarted and the new session is taken at once.
 *
 * Secrets: ephemeral keys are drawn from the seed by HKDF with a counter, so no randomness of its
 * own is needed here. The sending key changes after KEY_PACKETS or an hour, and only after
 * something under the present one was acknowledged: one bit cannot tell more than two keys.
 */
#define KEY_PACKETS    (SEAL_PACKETS_MAX / 2)
#define KEY_SPAN       (3600 * USEC_PER_SEC)
#define ASK_PAYLOAD    (WIRE_HELLO_BYTES - 4 - HELLO_OVERHEAD)
#define ANSWER_PAYLOAD 20

void peer_init(struct peer *s, const struct bond_config *config, usec_t now)
{
	*s = (struct peer){
		.role = config->role,
		.instance = config->instance,
		.unix_minus_now = config->unix_minus_now,
		.latency_asked = config->latency,
		.features = (uint16_t)((config->feed_ts ? WIRE_FEATURE_TS : 0) |
				       (config->off & BOND_OFF_PARITY ? 0 : WIRE_FEATURE_PARITY)),
		.key_at = now
	};
	memcpy(s->psk, config->key, sizeof(s->psk));
	memcpy(s->seed, config->seed, sizeof(s->seed));
	s->current.latency = config->latency;
}

/* What the other side has, as far as this one has it too. */
static void peer_take_features(const struct peer *s, uint16_t theirs, struct peer_keys *keys)
{
	keys->feed_ts = theirs & s->features & WIRE_FEATURE_TS;
	keys->parity = theirs & s->features & WIRE_FEATURE_PARITY;
}

static void peer_keys_clear(struct peer_keys *keys)
{
	keys->send = seal_free(keys->send);
	keys->receive = seal_free(keys->receive);
	*keys = (struct peer_keys){ 0 };
}

static void peer_clear_pending(struct peer *s)
{
	for (unsigned i = 0; i < PEER_PENDING; i++)
		peer_keys_clear(&s->pending[i]);
}

static void peer_clear_attempts(struct peer *s)
{
	for (unsigned i = 0; i < PEER_ATTEMPTS; i++) {
		if (s->attempt[i].waiting)
			hello_clear(&s->attempt[i].hello);
		s->attempt[i].waiting = false;
	}
}

void peer_deinit(struct peer *s)
{
	peer_keys_clear(&s->current);
	peer_clear_pending(s);
	peer_clear_attempts(s);
	hello_wipe(s->psk, sizeof(s->psk));
	hello_wipe(s->seed, sizeof(s->seed));
}

static bool peer_draw(struct peer *s, const char *label, uint8_t *out, size_t len)
{
	uint8_t context[16];
	struct writer w = writer_of(context, sizeof(context));

	writer_u64(&w, s->instance);
	writer_u64(&w, s->draws++);
	return hello_derive(s->seed, label, context, sizeof(context), out, len) >= 0;
}

static uint32_t peer_draw_id(struct peer *s)
{
	uint8_t bytes[4] = { 0 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)peer_draw(s, "bond id", bytes, sizeof(bytes));
	return cursor_u32(&c);
}

static struct peer_keys peer_keys_of(const struct hello_keys *keys)
{
	return (struct peer_keys){ .send = seal_new(keys->send),
				   .receive = seal_new(keys->receive) };
}

static usec_t peer_latency(uint32_t asked_ms, usec_t ours)
{
	return usec_clamp(usec_max(asked_ms * USEC_PER_MS, ours), BOND_LATENCY_MIN,
			  BOND_LATENCY_MAX);
}

size_t peer_ask(struct peer *s, uint8_t path_id, usec_t now, uint8_t *out)
{
	static const uint8_t prologue[4] = { WIRE_HELLO_ASK, WIRE_VERSION, 0, 0 };
	unsigned index = s->attempts % PEER_ATTEMPTS;
	struct peer_attempt *a = &s->attempt[index];
	uint8_t payload[ASK_PAYLOAD] = { 0 }, ephemeral[32];
	struct writer w = writer_of(payload, sizeof(payload));
	uint64_t time = now + s->unix_minus_now;
	int len;

	s->attempts++;
	if (a->waiting)
		hello_clear(&a->hello);
	a->waiting = false;
	a->local_id = (peer_draw_id(s) & ~(uint32_t)(PEER_ATTEMPTS - 1)) | index;
	a->asked_at = now;
	s->time_last = time > s->time_last ? time : s->time_last + 1;
	writer_u64(&w, s->time_last);
	writer_u32(&w, a->local_id);
	writer_u32(&w, (uint32_t)(s->latency_asked / USEC_PER_MS));
	writer_u16(&w, s->features);
	writer_u8(&w, path_id);
	writer_u8(&w, 0);
	writer_u64(&w, s->instance);
	if (!peer_draw(s, "ephemeral", ephemeral, sizeof(ephemeral)))
		return 0;
	memcpy(out, prologue, sizeof(prologue));
	len = hello_ask(&a->hello, s->psk, ephemeral, prologue, sizeof(prologue), payload,
			sizeof(payload), out + 4, WIRE_HELLO_BYTES - 4);
	hello_wipe(ephemeral, sizeof(ephemeral));
	if (len < 0)
		return 0;
	a->waiting = true;
	return 4 + (size_t)len;
}

static void peer_take(struct peer *s, struct peer_keys *keys, usec_t now)
{
	peer_keys_clear(&s->current);
	s->current = *keys;
	*keys = (struct peer_keys){ 0 };
	s->up = true;
	s->sessions++;
	s->established_at = now;
	s->sealed = 0;
	s->key_at = now;
	s->key_proven = false;
	peer_clear_pending(s);
	peer_clear_attempts(s);
}

enum bond_input_result peer_finish(struct peer *s, const uint8_t *data, size_t len, usec_t heard_at,
				   usec_t now, usec_t *ret_round_trip, enum peer_news *ret_news,
				   bool *ret_restarted)
{
	struct cursor c = cursor_of(data, len);
	struct peer_attempt *a;
	struct hello_keys keys;
	struct peer_keys fresh;
	uint8_t payload[HELLO_PAYLOAD_MAX];
	uint32_t local_id;
	int plain;

	*ret_news = PEER_NOTHING;
	(void)cursor_u32(&c);
	local_id = cursor_u32(&c);
	a = &s->attempt[local_id % PEER_ATTEMPTS];
	if (c.failed || !a->waiting || a->local_id != local_id)
		return BOND_INPUT_FOREIGN;
	if (data[1] != WIRE_VERSION)
		return BOND_INPUT_REFUSED;
	plain = hello_finish(&a->hello, c.next, cursor_left(&c), payload, sizeof(payload), &keys);
	if (plain < ANSWER_PAYLOAD) {
		s->hello_refused++;
		return BOND_INPUT_REFUSED;
	}
	a->waiting = false;
	hello_clear(&a->hello);
	fresh = peer_keys_of(&keys);
	hello_wipe(&keys, sizeof(keys));
	c = cursor_of(payload, (size_t)plain);
	fresh.local_id = local_id;
	fresh.remote_id = cursor_u32(&c);
	fresh.latency = peer_latency(cursor_u32(&c), s->latency_asked);
	peer_take_features(s, cursor_u16(&c), &fresh);
	(void)cursor_u16(&c);
	fresh.peer_instance = cursor_u64(&c);
	*ret_round_trip = usec_since(a->asked_at, now);
	if (!fresh.send || !fresh.receive) {
		peer_keys_clear(&fresh);
		return BOND_INPUT_REFUSED;
	}
	if (s->up && fresh.peer_instance == s->current.peer_instance) {
		peer_keys_clear(&s->pending[0]);
		if (heard_at >= a->asked_at)
			peer_keys_clear(&fresh);
		else
			s->pending[0] = fresh, s->candidate_at = now;
		return BOND_INPUT_TAKEN;
	}
	*ret_restarted = s->sessions && fresh.peer_instance != s->current.peer_instance;
	peer_take(s, &fresh, now);
	*ret_news = PEER_NEW;
	return BOND_INPUT_TAKEN;
}

bool peer_fall_back(struct peer *s, usec_t heard_at, usec_t now)
{
	struct peer_keys keys = s->pending[0];

	if (!keys.send)
		return false;
	if (heard_at >= s->candidate_at) {
		peer_clear_pending(s);
		return false;
	}
	if (now < s->candidate_at + PEER_FALL_BACK_AFTER)
		return false;
	s->pending[0] = (struct peer_keys){ 0 };
	peer_take(s, &keys, now);
	return true;
}

static size_t peer_write_answer(struct peer *s, struct hello *hello, uint32_t asker_id,
				struct peer_keys *fresh, uint8_t *out, size_t size)
{
	uint8_t payload[ANSWER_PAYLOAD], ephemeral[32];
	struct writer w = writer_of(payload, sizeof(payload));
	struct hello_keys keys;
	uint64_t peer = fresh->peer_instance;
	usec_t latency = fresh->latency;
	bool feed_ts = fresh->feed_ts, parity = fresh->parity;
	uint32_t local_id = peer_draw_id(s);
	int len;

	writer_u32(&w, local_id);
	writer_u32(&w, (uint32_t)(latency / USEC_PER_MS));
	writer_u16(&w, (uint16_t)((feed_ts ? WIRE_FEATURE_TS : 0) |
				  (parity ? WIRE_FEATURE_PARITY : 0)));
	writer_u16(&w, 0);
	writer_u64(&w, s->instance);
	if (!peer_draw(s, "ephemeral", ephemeral, sizeof(ephemeral)))
		return 0;
	w = writer_of(out, size);
	writer_u8(&w, WIRE_HELLO_ANSWER);
	writer_u8(&w, WIRE_VERSION);
	writer_u16(&w, 0);
	writer_u32(&w, asker_id);
	len = hello_answer(hello, ephemeral, payload, sizeof(payload), w.next, writer_left(&w),
			   &keys);
	hello_wipe(ephemeral, sizeof(ephemeral));
	if (len < 0)
		return 0;
	*fresh = peer_keys_of(&keys);
	hello_wipe(&keys, sizeof(keys));
	fresh->local_id = local_id;
	fresh->remote_id = asker_id;
	fresh->peer_instance = peer;
	fresh->latency = latency;
	fresh->feed_ts = feed_ts;
	fresh->parity = parity;
	return fresh->send && fresh->receive ? writer_len(&w) + (size_t)len : 0;
}

enum bond_input_result peer_answer(struct peer *s, const uint8_t *data, size_t len, uint8_t *out,
				   size_t size, size_t *ret_len)
{
	uint8_t payload[HELLO_PAYLOAD_MAX];
	struct hello hello;
	struct peer_keys fresh = { 0 };
	struct cursor c;
	uint64_t time;
	uint32_t asker_id;
	int plain;

	*ret_len = 0;
	if (len != WIRE_HELLO_BYTES || data[1] != WIRE_VERSION || data[2] || data[3]) {
		s->hello_refused++;
		return BOND_INPUT_REFUSED;
	}
	plain = hello_read(&hello, s->psk, data, 4, data + 4, len - 4, payload, sizeof(payload));
	if (plain < 0)
		return BOND_INPUT_FOREIGN;
	c = cursor_of(payload, (size_t)plain);
	time = cursor_u64(&c);
	asker_id = cursor_u32(&c);
	fresh.latency = peer_latency(cursor_u32(&c), s->latency_asked);
	peer_take_features(s, cursor_u16(&c), &fresh);
	(void)cursor_u16(&c); /* path id, zero: they do not matter yet */
	fresh.peer_instance = cursor_u64(&c);
	if (c.failed || time <= s->time_last) {
		hello_clear(&hello);
		s->hello_refused++;
		return BOND_INPUT_REFUSED;
	}
	s->time_last = time;
	*ret_len = peer_write_answer(s, &hello, asker_id, &fresh, out, size);
	hello_clear(&hello);
	if (!*ret_len) {
		peer_keys_clear(&fresh);
		return BOND_INPUT_REFUSED;
	}
	peer_keys_clear(&s->pending[s->pendings % PEER_PENDING]);
	s->pending[s->pendings++ % PEER_PENDING] = fresh;
	return BOND_INPUT_TAKEN;
}

struct peer_keys *peer_pending(struct peer *s, uint32_t local_id)
{
	if (s->role != BOND_ROLE_RECEIVER)
		return NULL;
	for (unsigned i = 0; i < PEER_PENDING; i++)
		if (s->pending[i].receive && s->pending[i].local_id == local_id)
			return &s->pending[i];
	return NULL;
}

void peer_confirm(struct peer *s, struct peer_keys *keys, usec_t now, bool *ret_restarted)
{
	*ret_restarted = s->sessions && s->current.peer_instance != keys->peer_instance;
	peer_take(s, keys, now);
}

void peer_renew(struct peer *s, usec_t now)
{
	if (!s->up || !s->key_proven)
		return;
	if (s->sealed < KEY_PACKETS && now < s->key_at + KEY_SPAN)
		return;
	if (seal_next_key(s->current.send) < 0)
		return;
	s->sealed = 0;
	s->key_at = now;
	s->key_proven = false;
}

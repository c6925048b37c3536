#include <string.h>

#include "bond/peer.h"
#include "unit/test.h"
#include "uplinkd/wire.h"

/* The handshake between two sessions, message by message. */
struct ends {
	struct peer asker, answerer;
	uint8_t ask[WIRE_HELLO_BYTES], answer[WIRE_HELLO_BYTES];
	size_t ask_len, answer_len;
};

static struct bond_config config_of(enum bond_role role, uint64_t instance, usec_t latency)
{
	struct bond_config c = { .role = role, .instance = instance, .latency = latency };

	memset(c.key, 5, sizeof(c.key));
	memset(c.seed, (int)instance, sizeof(c.seed));
	return c;
}

static void begin(struct ends *e)
{
	struct bond_config a = config_of(BOND_ROLE_SENDER, 1, USEC_PER_SEC);
	struct bond_config b = config_of(BOND_ROLE_RECEIVER, 2, 3 * USEC_PER_SEC);

	memset(e, 0, sizeof(*e));
	peer_init(&e->asker, &a, 0);
	peer_init(&e->answerer, &b, 0);
}

static void finish(struct ends *e)
{
	peer_deinit(&e->asker);
	peer_deinit(&e->answerer);
}

static enum bond_input_result answer(struct ends *e)
{
	return peer_answer(&e->answerer, e->ask, e->ask_len, e->answer, sizeof(e->answer),
			   &e->answer_len);
}

static enum peer_news take(struct ends *e, usec_t heard_at, usec_t now, bool *restarted)
{
	enum peer_news news = PEER_NOTHING;
	usec_t round_trip;

	*restarted = false;
	assert_int_equal(peer_finish(&e->asker, e->answer, e->answer_len, heard_at, now,
				     &round_trip, &news, restarted),
			 BOND_INPUT_TAKEN);
	return news;
}

/* Seals with one end and opens with the other. */
static bool passes(struct seal *from, struct seal *to)
{
	uint8_t header[3] = { 0xc0, 0, 0 }, data[4 + WIRE_TAG_BYTES] = "abc";
	size_t len = seal_protect(from, 0, 7, header, 3, data, 4, data);

	return seal_open(to, 0, 0, 7, header, 3, data, len, data, 0) == 4;
}

static void establish(struct ends *e, usec_t now)
{
	bool restarted;

	e->ask_len = peer_ask(&e->asker, 0, now, e->ask);
	assert_int_equal(answer(e), BOND_INPUT_TAKEN);
	assert_int_equal(take(e, 0, now + 1, &restarted), PEER_NEW);
	peer_confirm(&e->answerer, peer_pending(&e->answerer, e->asker.current.remote_id), now + 2,
		     &restarted);
}

static void both_ends_get_matching_keys_and_the_greater_latency(void **state)
{
	struct ends e;

	(void)state;
	begin(&e);
	establish(&e, 1000);
	assert_true(e.asker.up && e.answerer.up);
	assert_true(passes(e.asker.current.send, e.answerer.current.receive));
	assert_true(passes(e.answerer.current.send, e.asker.current.receive));
	assert_int_equal(e.asker.current.latency, 3 * USEC_PER_SEC);
	assert_int_equal(e.answerer.current.latency, 3 * USEC_PER_SEC);
	assert_int_equal(e.asker.current.local_id, e.answerer.current.remote_id);
	finish(&e);
}

static void a_hello_is_as_long_as_the_specification_says(void **state)
{
	struct ends e;

	(void)state;
	begin(&e);
	assert_int_equal(peer_ask(&e.asker, 0, 1, e.ask), WIRE_HELLO_BYTES);
	finish(&e);
}

static void a_replayed_hello_is_not_answered(void **state)
{
	struct ends e;

	(void)state;
	begin(&e);
	e.ask_len = peer_ask(&e.asker, 0, 1000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	assert_int_equal(answer(&e), BOND_INPUT_REFUSED);
	assert_int_equal(e.answer_len, 0);
	assert_int_equal(e.answerer.hello_refused, 1);
	finish(&e);
}

static void each_hello_is_newer_than_the_last_even_at_the_same_time(void **state)
{
	struct ends e;

	(void)state;
	begin(&e);
	for (unsigned i = 0; i < 5; i++) {
		e.ask_len = peer_ask(&e.asker, 0, 1000, e.ask);
		assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	}
	finish(&e);
}

static void another_key_is_foreign(void **state)
{
	struct ends e;

	(void)state;
	begin(&e);
	e.answerer.psk[0] ^= 1;
	e.ask_len = peer_ask(&e.asker, 0, 1000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_FOREIGN);
	assert_int_equal(e.answer_len, 0);
	finish(&e);
}

static void hellos_of_the_wrong_form_are_refused(void **state)
{
	struct ends e;

	(void)state;
	begin(&e);
	e.ask_len = peer_ask(&e.asker, 0, 1000, e.ask);
	e.ask_len--;
	assert_int_equal(answer(&e), BOND_INPUT_REFUSED);
	e.ask_len++;
	e.ask[1]++;
	assert_int_equal(answer(&e), BOND_INPUT_REFUSED);
	e.ask[1]--;
	e.ask[3] = 1;
	assert_int_equal(answer(&e), BOND_INPUT_REFUSED);
	assert_int_equal(e.answerer.hello_refused, 3);
	finish(&e);
}

static void the_answer_to_an_earlier_hello_still_counts(void **state)
{
	struct ends e;
	uint8_t later[WIRE_HELLO_BYTES];
	bool restarted;

	(void)state;
	begin(&e);
	e.ask_len = peer_ask(&e.asker, 0, 1000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	for (unsigned i = 0; i < 5; i++)
		(void)peer_ask(&e.asker, 0, 2000 + i, later);
	assert_int_equal(take(&e, 0, 600000, &restarted), PEER_NEW);
	finish(&e);
}

static void a_damaged_answer_changes_nothing(void **state)
{
	struct ends e;
	enum peer_news news;
	usec_t round_trip;
	bool restarted;

	(void)state;
	begin(&e);
	e.ask_len = peer_ask(&e.asker, 0, 1000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	e.answer[e.answer_len - 1] ^= 1;
	assert_int_equal(peer_finish(&e.asker, e.answer, e.answer_len, 0, 2000, &round_trip, &news,
				     &restarted),
			 BOND_INPUT_REFUSED);
	e.answer[e.answer_len - 1] ^= 1;
	assert_int_equal(take(&e, 0, 2001, &restarted), PEER_NEW);
	finish(&e);
}

static void the_old_session_stays_until_the_new_one_is_confirmed(void **state)
{
	struct ends e;
	uint32_t id;

	(void)state;
	begin(&e);
	establish(&e, 1000);
	id = e.answerer.current.local_id;
	e.ask_len = peer_ask(&e.asker, 0, 5000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	assert_int_equal(e.answerer.current.local_id, id);
	assert_int_equal(e.answerer.sessions, 1);
	finish(&e);
}

static void a_peer_that_was_only_away_keeps_its_session(void **state)
{
	struct ends e;
	bool restarted;

	(void)state;
	begin(&e);
	establish(&e, 1000);
	e.ask_len = peer_ask(&e.asker, 0, 5000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	/* Nothing heard since the question: the answer is kept aside ... */
	assert_int_equal(take(&e, 4000, 6000, &restarted), PEER_NOTHING);
	assert_false(peer_fall_back(&e.asker, 4000, 7000));
	/* ... and thrown away once the old session is heard. */
	assert_false(peer_fall_back(&e.asker, 8000, 6000 + PEER_FALL_BACK_AFTER));
	assert_null(e.asker.pending[0].send);
	assert_int_equal(e.asker.sessions, 1);
	finish(&e);
}

static void a_peer_that_lost_the_session_gets_the_new_one(void **state)
{
	struct ends e;
	bool restarted;

	(void)state;
	begin(&e);
	establish(&e, 1000);
	e.ask_len = peer_ask(&e.asker, 0, 5000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	assert_int_equal(take(&e, 4000, 6000, &restarted), PEER_NOTHING);
	assert_true(peer_fall_back(&e.asker, 4000, 6000 + PEER_FALL_BACK_AFTER));
	assert_int_equal(e.asker.sessions, 2);
	finish(&e);
}

static void a_restarted_peer_is_recognised_by_its_instance(void **state)
{
	struct ends e;
	struct bond_config c = config_of(BOND_ROLE_RECEIVER, 3, USEC_PER_SEC);
	bool restarted;

	(void)state;
	begin(&e);
	establish(&e, 1000);
	peer_deinit(&e.answerer);
	peer_init(&e.answerer, &c, 0);
	e.ask_len = peer_ask(&e.asker, 0, 5000, e.ask);
	assert_int_equal(answer(&e), BOND_INPUT_TAKEN);
	assert_int_equal(take(&e, 4000, 6000, &restarted), PEER_NEW);
	assert_true(restarted);
	finish(&e);
}

static void the_key_changes_only_after_it_was_proven(void **state)
{
	struct ends e;

	(void)state;
	begin(&e);
	establish(&e, 1000);
	e.asker.sealed = SEAL_PACKETS_MAX / 2;
	peer_renew(&e.asker, 2000);
	assert_int_equal(seal_phase(e.asker.current.send), 0);
	e.asker.key_proven = true;
	peer_renew(&e.asker, 2000);
	assert_int_equal(seal_phase(e.asker.current.send), 1);
	assert_int_equal(e.asker.sealed, 0);
	/* And after an hour. */
	e.asker.key_proven = true;
	peer_renew(&e.asker, 2000 + 3599 * USEC_PER_SEC);
	assert_int_equal(seal_phase(e.asker.current.send), 1);
	peer_renew(&e.asker, 2000 + 3600 * USEC_PER_SEC);
	assert_int_equal(seal_phase(e.asker.current.send), 0);
	finish(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_get_matching_keys_and_the_greater_latency),
		cmocka_unit_test(a_hello_is_as_long_as_the_specification_says),
		cmocka_unit_test(a_replayed_hello_is_not_answered),
		cmocka_unit_test(each_hello_is_newer_than_the_last_even_at_the_same_time),
		cmocka_unit_test(another_key_is_foreign),
		cmocka_unit_test(hellos_of_the_wrong_form_are_refused),
		cmocka_unit_test(the_answer_to_an_earlier_hello_still_counts),
		cmocka_unit_test(a_damaged_answer_changes_nothing),
		cmocka_unit_test(the_old_session_stays_until_the_new_one_is_confirmed),
		cmocka_unit_test(a_peer_that_was_only_away_keeps_its_session),
		cmocka_unit_test(a_peer_that_lost_the_session_gets_the_new_one),
		cmocka_unit_test(a_restarted_peer_is_recognised_by_its_instance),
		cmocka_unit_test(the_key_changes_only_after_it_was_proven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

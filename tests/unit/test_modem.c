#include "net/modem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "unit/test.h"

/*
 * A ModemManager of the test's own, on a bus of the test's own: it answers GetManagedObjects with
 * the types and properties of the real one.
 */
#define SERVICE "org.freedesktop.ModemManager1"
#define MODEM	SERVICE ".Modem"
#define WAIT	(10 * USEC_PER_SEC)
#define PERIOD	(50 * USEC_PER_MS)

static pid_t daemon_pid = -1;
static sd_bus *mock;
static uint32_t technology;
static bool garbled;

static const char config[] =
	"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
	" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
	"<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>"
	"<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
	"<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n";

/* Starts a bus; its address in $DBUS_SYSTEM_BUS_ADDRESS. */
static bool bus_start(void)
{
	char path[] = "/tmp/test_modem.XXXXXX", address[256] = "";
	int pipes[2], fd = mkstemp(path);
	ssize_t n;

	if (fd < 0 || write(fd, config, sizeof(config) - 1) != (ssize_t)sizeof(config) - 1 ||
	    pipe(pipes) < 0)
		return false;
	daemon_pid = fork();
	if (!daemon_pid) {
		char option[64], print[32];

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)snprintf(option, sizeof(option), "--config-file=%s", path);
		(void)snprintf(print, sizeof(print), "--print-address=%d", pipes[1]);
		(void)close(pipes[0]);
		(void)execlp("dbus-daemon", "dbus-daemon", option, print, "--nofork", "--nopidfile",
			     (char *)NULL);
		_exit(127);
	}
	(void)close(pipes[1]);
	n = read(pipes[0], address, sizeof(address) - 1);
	(void)close(pipes[0]);
	(void)close(fd);
	(void)unlink(path);
	if (n <= 0)
		return false;
	address[strcspn(address, "\n")] = '\0';
	return !setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
}

static int setup(void **state)
{
	(void)state;
	technology = 1u << 14;
	garbled = false;
	if (bus_start())
		return 0;
	print_error("no bus: is dbus-daemon missing (tools/install-deps test)?\n");
	return -1;
}

static int teardown(void **state)
{
	(void)state;
	mock = sd_bus_flush_close_unref(mock);
	if (daemon_pid > 0) {
		(void)kill(daemon_pid, SIGKILL);
		(void)waitpid(daemon_pid, NULL, 0);
	}
	daemon_pid = -1;
	(void)unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	return 0;
}

/* --- the mock ------------------------------------------------------------------------------- */

static int append_modem(sd_bus_message *reply)
{
	int r = sd_bus_message_append(
		reply, "{oa{sa{sv}}}", "/org/freedesktop/ModemManager1/Modem/0", 3, MODEM, 5,
		"Ports", "a(su)", 3, "cdc-wdm0", 6, "wwan0", 2, "ttyUSB2", 3, "SignalQuality",
		"(ub)", 54, 1, "AccessTechnologies", "u", technology, "EquipmentIdentifier", "s",
		"490154203237518", "State", "i", 11, MODEM ".Modem3gpp", 1, "OperatorName", "s",
		"Example Mobile", MODEM ".Signal", 2, "Rate", "u", 5, "Lte", "a{sv}", 3, "rssi",
		"d", -61.0, "rsrp", "d", -97.5, "snr", "d", 12.0);

	return r;
}

static int on_objects(sd_bus_message *m, void *data, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_is_method_call(m, "org.freedesktop.DBus.ObjectManager",
					      "GetManagedObjects");

	(void)data;
	(void)error;
	if (r <= 0)
		return r;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0 && garbled) {
		r = sd_bus_message_append(reply, "s", "something else");
	} else if (r >= 0) {
		r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
		if (r >= 0)
			r = append_modem(reply);
		/* A second one, whose properties have other types than the first's. */
		if (r >= 0)
			r = sd_bus_message_append(
				reply, "{oa{sa{sv}}}", "/org/freedesktop/ModemManager1/Modem/1", 1,
				MODEM, 3, "Ports", "a(su)", 1, "wwan1", 2, "SignalQuality", "s",
				"good", "AccessTechnologies", "as", 1, "lte");
		if (r >= 0)
			r = sd_bus_message_close_container(reply);
	}
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static void mock_start(void)
{
	assert_true(sd_bus_open_system(&mock) >= 0);
	assert_true(sd_bus_add_object(mock, NULL, "/org/freedesktop/ModemManager1", on_objects,
				      NULL) >= 0);
	assert_true(sd_bus_request_name(mock, SERVICE, 0) >= 0);
}

/* Turns both until another answer has come. */
static void wait_answer(struct loop *loop, const struct modems *modems)
{
	unsigned before = modems_answers(modems);
	usec_t until = loop_clock() + WAIT;
	const struct timespec moment = { .tv_nsec = 1000000 };

	while (modems_answers(modems) == before && loop_clock() < until) {
		loop_turn(loop, false);
		while (mock && sd_bus_process(mock, NULL) > 0)
			;
		(void)nanosleep(&moment, NULL);
	}
	assert_true(modems_answers(modems) > before);
}

/* --- the tests ------------------------------------------------------------------------------ */

static void a_modem_is_found_by_its_network_interface(void **state)
{
	struct loop *loop = loop_new();
	struct modems *modems;
	const struct modem_info *modem;

	(void)state;
	mock_start();
	modems = modems_new(loop, PERIOD);
	assert_null(modems_find(modems, "wwan0"));
	wait_answer(loop, modems);
	modem = modems_find(modems, "wwan0");
	assert_non_null(modem);
	assert_string_equal(modem->operator_name, "Example Mobile");
	assert_string_equal(modem->technology, "LTE");
	assert_int_equal(modem->signal_percent, 54);
	assert_int_equal(modem->signal_dbm, -97);
	assert_null(modems_find(modems, "cdc-wdm0")); /* a port, but not of the network */
	assert_null(modems_find(modems, ""));
	/* What has another type than it should is passed over. */
	assert_non_null(modems_find(modems, "wwan1"));
	assert_int_equal(modems_find(modems, "wwan1")->signal_percent, 0);
	assert_string_equal(modems_find(modems, "wwan1")->technology, "");
	modems_free(modems);
	loop_free(loop);
}

static void changes_are_seen_and_a_modem_manager_that_goes_is_forgotten(void **state)
{
	struct loop *loop = loop_new();
	struct modems *modems;

	(void)state;
	mock_start();
	modems = modems_new(loop, PERIOD);
	wait_answer(loop, modems);
	technology |= 1u << 15;
	wait_answer(loop, modems);
	assert_string_equal(modems_find(modems, "wwan0")->technology, "5G");
	assert_true(sd_bus_release_name(mock, SERVICE) >= 0);
	wait_answer(loop, modems);
	assert_null(modems_find(modems, "wwan0"));
	modems_free(modems);
	loop_free(loop);
}

static void an_answer_of_another_form_tells_nothing(void **state)
{
	struct loop *loop = loop_new();
	struct modems *modems;

	(void)state;
	garbled = true;
	mock_start();
	modems = modems_new(loop, PERIOD);
	wait_answer(loop, modems);
	assert_null(modems_find(modems, "wwan0"));
	modems_free(modems);
	loop_free(loop);
}

static void without_a_bus_or_without_a_modem_manager_nothing_is_known(void **state)
{
	struct loop *loop = loop_new();
	struct modems *modems;

	(void)state;
	modems = modems_new(loop, PERIOD);
	wait_answer(loop, modems); /* an error: nobody has that name */
	assert_null(modems_find(modems, "wwan0"));
	/* The bus dies under it. */
	(void)kill(daemon_pid, SIGKILL);
	(void)waitpid(daemon_pid, NULL, 0);
	daemon_pid = -1;
	for (unsigned i = 0; i < 10; i++)
		loop_turn(loop, false);
	modems_free(modems);
	/* And there is none. */
	modems = modems_new(loop, PERIOD);
	loop_turn(loop, false);
	assert_int_equal(modems_answers(modems), 0);
	modems_free(modems);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_modem_is_found_by_its_network_interface, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			changes_are_seen_and_a_modem_manager_that_goes_is_forgotten, setup,
			teardown),
		cmocka_unit_test_setup_teardown(an_answer_of_another_form_tells_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			without_a_bus_or_without_a_modem_manager_nothing_is_known, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

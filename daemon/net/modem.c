#include "net/modem.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

/*
 * One question every few seconds for everything ModemManager has; it looks at its modems every half
 * minute itself, so waiting for its signals would gain nothing. The call is asynchronous and does
 * not make the bus start a ModemManager.
 *
 * sd-bus does its work in sd_bus_process(), which is called whenever its descriptor or its timeout
 * says so; after each call both may be others.
 */
#define SERVICE	   "org.freedesktop.ModemManager1"
#define PATH	   "/org/freedesktop/ModemManager1"
#define MODEM	   SERVICE ".Modem"
#define MODEM_3GPP MODEM ".Modem3gpp"
#define SIGNAL	   MODEM ".Signal"
#define RETRY	   (30 * USEC_PER_SEC) /* without a bus */
#define PATIENCE   (4 * USEC_PER_SEC)
#define PORT_NET   2 /* MM_MODEM_PORT_TYPE_NET */
#define STEPS_MAX  64

struct modems {
	struct loop *loop;
	usec_t period;
	struct loop_timer ask, timeout;
	struct loop_io io;
	sd_bus *bus;	    /* NULL: none */
	sd_bus_slot *asked; /* the question that is out */
	unsigned count, answers;
	struct modem_info modem[MODEM_MAX];
};

/* --- reading an answer ---------------------------------------------------------------------- */

/* MMModemAccessTechnology, best first. */
static const struct {
	uint32_t bit;
	const char *text;
} technologies[] = {
	{ 1u << 15, "5G" },   { 1u << 14, "LTE" }, { 1u << 16, "LTE-M" }, { 1u << 17, "NB-IoT" },
	{ 1u << 9, "HSPA+" }, { 1u << 8, "HSPA" }, { 1u << 7, "HSUPA" },  { 1u << 6, "HSDPA" },
	{ 1u << 5, "UMTS" },  { 1u << 4, "EDGE" }, { 1u << 3, "GPRS" },	  { 1u << 1, "GSM" },
};

static void take_technology(struct modem_info *modem, uint32_t bits)
{
	for (size_t i = 0; i < sizeof(technologies) / sizeof(technologies[0]); i++)
		if (bits & technologies[i].bit) {
			(void)snprintf(modem->technology, sizeof(modem->technology), "%s",
				       technologies[i].text);
			return;
		}
}

static int take_ports(struct modem_info *modem, sd_bus_message *m)
{
	const char *name;
	uint32_t type;
	int r = sd_bus_message_enter_container(m, 'a', "(su)");

	while (r >= 0 && (r = sd_bus_message_read(m, "(su)", &name, &type)) > 0)
		if (type == PORT_NET && modem->ports < MODEM_PORTS_MAX &&
		    strlen(name) < IF_NAMESIZE)
			(void)strcpy(modem->port[modem->ports++], name);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* A dictionary of figures: the pilot's strength is worth more than that of all there is. */
static int take_signal(struct modem_info *modem, sd_bus_message *m)
{
	const char *key;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		double value = 0;

		r = sd_bus_message_read(m, "s", &key);
		if (r < 0)
			return r;
		r = !strcmp(key, "rsrp") || (!strcmp(key, "rssi") && !modem->signal_dbm)
			    ? sd_bus_message_read(m, "v", "d", &value)
			    : sd_bus_message_skip(m, "v");
		if (r < 0 || (r = sd_bus_message_exit_container(m)) < 0)
			return r;
		/* Beyond this they stand for "not known". */
		if (value < 0 && value > -200)
			modem->signal_dbm = (int)value;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int take_quality(struct modem_info *modem, sd_bus_message *m)
{
	uint32_t percent = 0;
	int recent, r = sd_bus_message_read(m, "(ub)", &percent, &recent);

	modem->signal_percent = percent <= 100 ? percent : 100;
	return r;
}

/* The value of one property, in its variant of type @type. */
static int take_value(struct modem_info *modem, sd_bus_message *m, const char *interface,
		      const char *property)
{
	const char *text;
	uint32_t number;
	int r;

	if (!strcmp(interface, MODEM) && !strcmp(property, "Ports"))
		return take_ports(modem, m);
	if (!strcmp(interface, MODEM) && !strcmp(property, "SignalQuality"))
		return take_quality(modem, m);
	if (!strcmp(interface, MODEM) && !strcmp(property, "AccessTechnologies")) {
		r = sd_bus_message_read(m, "u", &number);
		if (r >= 0)
			take_technology(modem, number);
		return r;
	}
	if (!strcmp(interface, MODEM_3GPP) && !strcmp(property, "OperatorName")) {
		r = sd_bus_message_read(m, "s", &text);
		if (r >= 0)
			(void)snprintf(modem->operator_name, sizeof(modem->operator_name), "%s",
				       text);
		return r;
	}
	return take_signal(modem, m); /* of SIGNAL */
}

static const char *type_of(const char *interface, const char *property)
{
	static const struct {
		const char *interface, *property, *type;
	} known[] = {
		{ MODEM, "Ports", "a(su)" },	      { MODEM, "SignalQuality", "(ub)" },
		{ MODEM, "AccessTechnologies", "u" }, { MODEM_3GPP, "OperatorName", "s" },
		{ SIGNAL, "Nr5g", "a{sv}" },	      { SIGNAL, "Lte", "a{sv}" },
		{ SIGNAL, "Umts", "a{sv}" },	      { SIGNAL, "Gsm", "a{sv}" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(interface, known[i].interface) && !strcmp(property, known[i].property))
			return known[i].type;
	return NULL;
}

static int take_property(struct modem_info *modem, sd_bus_message *m, const char *interface)
{
	const char *property, *type, *actual;
	int r = sd_bus_message_read(m, "s", &property);

	if (r < 0)
		return r;
	type = type_of(interface, property);
	if (!type || sd_bus_message_peek_type(m, NULL, &actual) <= 0 || strcmp(actual, type) != 0)
		return sd_bus_message_skip(m, "v");
	r = sd_bus_message_enter_container(m, 'v', type);
	if (r >= 0)
		r = take_value(modem, m, interface, property);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int take_interface(struct modem_info *modem, sd_bus_message *m)
{
	const char *interface;
	int r = sd_bus_message_read(m, "s", &interface);

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = take_property(modem, m, interface);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int take_object(struct modems *modems, sd_bus_message *m)
{
	struct modem_info modem = { 0 };
	const char *path;
	int r = sd_bus_message_read(m, "o", &path);

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
		r = take_interface(&modem, m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r >= 0 && modem.ports && modems->count < MODEM_MAX)
		modems->modem[modems->count++] = modem;
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int on_answer(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct modems *modems = data;
	int r;

	(void)error;
	modems->asked = sd_bus_slot_unref(modems->asked);
	modems->count = 0;
	modems->answers++;
	if (sd_bus_message_is_method_error(m, NULL))
		return 0; /* no ModemManager */
	r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
		r = take_object(modems, m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r < 0)
		modems->count = 0; /* another form than ours: half of it is worth nothing */
	return 0;
}

/* --- the bus in the loop -------------------------------------------------------------------- */

static void bus_close(struct modems *modems)
{
	loop_io_deinit(&modems->io);
	loop_timer_set(&modems->timeout, USEC_NEVER);
	modems->asked = sd_bus_slot_unref(modems->asked);
	modems->bus = sd_bus_close_unref(modems->bus);
	modems->count = 0;
	loop_timer_set(&modems->ask, loop_now(modems->loop) + RETRY);
}

/* Works off what is there and waits for what is next. */
static void bus_turn(struct modems *modems)
{
	uint64_t timeout = UINT64_MAX;
	int r = 0, events;

	for (unsigned i = 0; i < STEPS_MAX && (r = sd_bus_process(modems->bus, NULL)) > 0; i++)
		;
	events = r < 0 ? r : sd_bus_get_events(modems->bus);
	if (events < 0) {
		bus_close(modems);
		return;
	}
	loop_io_set(&modems->io,
		    (events & POLLIN ? LOOP_READ : 0) | (events & POLLOUT ? LOOP_WRITE : 0));
	(void)sd_bus_get_timeout(modems->bus, &timeout);
	/* More steps are left: at once. */
	loop_timer_set(&modems->timeout, r > 0			 ? loop_now(modems->loop)
					 : timeout == UINT64_MAX ? USEC_NEVER
								 : timeout);
}

static void on_bus(struct loop_io *io, unsigned events)
{
	(void)events;
	bus_turn(io->owner);
}

static void on_timeout(struct loop_timer *timer)
{
	struct modems *modems = timer->owner;

	if (modems->bus)
		bus_turn(modems);
}

static bool bus_open(struct modems *modems)
{
	if (modems->bus)
		return true;
	if (sd_bus_open_system(&modems->bus) < 0) {
		modems->bus = NULL;
		return false;
	}
	loop_io_init(&modems->io, modems->loop, sd_bus_get_fd(modems->bus), on_bus, modems);
	return true;
}

static int bus_ask(struct modems *modems)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(modems->bus, &m, SERVICE, PATH,
					       "org.freedesktop.DBus.ObjectManager",
					       "GetManagedObjects");

	if (r >= 0)
		r = sd_bus_message_set_auto_start(m, 0);
	if (r >= 0)
		r = sd_bus_call_async(modems->bus, &modems->asked, m, on_answer, modems, PATIENCE);
	sd_bus_message_unref(m);
	return r;
}

static void on_ask(struct loop_timer *timer)
{
	struct modems *modems = timer->owner;

	loop_timer_set(timer, loop_now(modems->loop) + modems->period);
	if (!bus_open(modems)) {
		loop_timer_set(timer, loop_now(modems->loop) + RETRY);
		return;
	}
	if (!modems->asked && bus_ask(modems) < 0)
		bus_close(modems);
	else
		bus_turn(modems);
}

struct modems *modems_new(struct loop *loop, usec_t period)
{
	struct modems *modems = calloc(1, sizeof(*modems));

	if (!modems)
		return NULL;
	modems->loop = loop;
	modems->period = period;
	loop_timer_init(&modems->ask, loop, on_ask, modems);
	loop_timer_init(&modems->timeout, loop, on_timeout, modems);
	loop_timer_set(&modems->ask, loop_now(loop));
	return modems;
}

struct modems *modems_free(struct modems *modems)
{
	if (!modems)
		return NULL;
	if (modems->bus)
		bus_close(modems);
	loop_timer_deinit(&modems->ask);
	loop_timer_deinit(&modems->timeout);
	free(modems);
	return NULL;
}

const struct modem_info *modems_find(const struct modems *modems, const char *device)
{
	for (unsigned i = 0; i < modems->count && device[0]; i++)
		for (unsigned k = 0; k < modems->modem[i].ports; k++)
			if (!strcmp(modems->modem[i].port[k], device))
				return &modems->modem[i];
	return NULL;
}

unsigned modems_answers(const struct modems *modems)
{
	return modems->answers;
}

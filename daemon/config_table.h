#pragma once

#include "config.h"

/*
 * The insides of the configuration, shared by config_*.c alone: the table of all settings, and
 * what the parser of files and the parser of the command line have in common.
 */
enum config_section {
	CONFIG_SECTION_ROLE, /* [sender] or [receiver] */
	CONFIG_SECTION_INPUT,
	CONFIG_SECTION_ENCODER,
	CONFIG_SECTION_ADVICE,
	CONFIG_SECTION_RECORD,
	CONFIG_SECTION_UPLINK, /* [uplink NAME] */
	CONFIG_SECTION_OUTPUT, /* [output NAME] */
	CONFIG_SECTION_COUNT,
};

enum config_type {
	CONFIG_TYPE_TEXT,	/* char[size] */
	CONFIG_TYPE_FILE,	/* char[size]; "credential:NAME" becomes a path */
	CONFIG_TYPE_DEVICE,	/* char[size], the name of an interface */
	CONFIG_TYPE_ADDRESS,	/* char[size], an IP address */
	CONFIG_TYPE_ENDPOINT,	/* char[size], HOST:PORT */
	CONFIG_TYPE_LISTEN,	/* char[size], [ADDRESS]:PORT */
	CONFIG_TYPE_RECEIVERS,	/* list of HOST:PORT in config.to */
	CONFIG_TYPE_DURATION,	/* usec_t */
	CONFIG_TYPE_SECONDS,	/* unsigned; written as a duration */
	CONFIG_TYPE_RATE,	/* uint64_t, bit/s */
	CONFIG_TYPE_SIZE,	/* uint64_t, bytes */
	CONFIG_TYPE_BOOL,	/* bool */
	CONFIG_TYPE_CHOICE,	/* an enum: the index in choices */
	CONFIG_TYPE_WORD,	/* char[size], one of choices */
	CONFIG_TYPE_LADDER,	/* char[size], as uplinkd-av takes it */
	CONFIG_TYPE_URL_INPUT,	/* struct config_url */
	CONFIG_TYPE_URL_OUTPUT, /* struct config_url */
};

struct config_key {
	enum config_section section;
	unsigned roles; /* bits: 1 << enum config_role */
	const char *name;
	const char *option; /* of the command line, without "--"; NULL: in files only */
	enum config_type type;
	size_t offset; /* in struct config, config_uplink or config_output */
	size_t size;
	uint64_t min, max;	    /* of numbers */
	const char *const *choices; /* ended by NULL */
	const char *fallback;	    /* default, as one would write it; NULL: none */
	const char *value;	    /* what stands for the value in --help */
	const char *help;
	bool live; /* a reload changes it while the role runs; of the sections before [uplink] */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* "sender" or "receiver" for CONFIG_SECTION_ROLE, else "input", "uplink", ... */
const char *config_section_name(enum config_section section, enum config_role role);
const struct config_key *config_key_find(enum config_section section, const char *name);
/* Sets the fields of one section below @base (the config, an uplink or an output) to their
 * defaults. */
void config_section_defaults(enum config_section section, void *base);
/* The uplink or output of this name, made when it is new; NULL: the table is full. */
struct config_uplink *config_uplink_get(struct config *config, const char *name);
struct config_output *config_output_get(struct config *config, const char *name);
/* A name of an uplink or output: letters, digits, '.', '_', '-'. */
bool config_name_valid(const char *name);

#define CONFIG_WHY_MAX 256
/* Puts @text into the field of @key below @base; "" brings the default back. 0, or -EINVAL with
 * the reason in @why. */
int config_value_set(const struct config_key *key, void *base, const char *text,
		     char why[CONFIG_WHY_MAX]);
/* HOST:PORT or [IPV6]:PORT; an empty host and port 0 only for something to listen on. */
bool config_endpoint_valid(const char *text, bool listen);

/* The candidate (a list ended by NULL) that @word was probably meant to be, or NULL. */
const char *config_nearest(const char *word, const char *const *candidates);

/* Reads config.key_file into config.key and config.fingerprint. */
void config_key_load(struct config *config, struct config_errors *errors);

void config_errors_add(struct config_errors *errors, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

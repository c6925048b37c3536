#include "config_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/*
 * The command line: one option per setting of the table, and --config, --uplink and --output. All
 * take a value, as "--name value" or "--name=value".
 */
struct special {
	const char *name;
	unsigned roles;
	const char *value;
	const char *help;
};

static const struct special specials[] = {
	{ "config", 1u << CONFIG_ROLE_SENDER | 1u << CONFIG_ROLE_RECEIVER, "FILE",
	  "read this file and FILE.d/*.conf first; options win over them" },
	{ "uplink", 1u << CONFIG_ROLE_SENDER,
	  "NAME=INTERFACE|ADDRESS[,to=HOST:PORT][,cost=COST]...",
	  "use this uplink alone, again for each; without: every interface with an address and a "
	  "default route" },
	{ "output", 1u << CONFIG_ROLE_RECEIVER, "[NAME=]URL",
	  "hand the stream on, again for each: udp://HOST:PORT, srt://HOST:PORT, "
	  "rtmp(s)://HOST/APP/KEY, pipe: or pipe:/FIFO" },
};
#define SPECIALS (sizeof(specials) / sizeof(specials[0]))

struct arguments {
	struct config *config;
	struct config_errors *errors;
	bool to, uplink, output; /* given: the list of the files is gone */
	unsigned outputs;	 /* without a name so far */
};

/* The value of argv[*index], which may be the next argument; NULL: there is none. */
static const char *option_value(int argc, const char *const *argv, int *index, char *name,
				size_t size)
{
	const char *text = argv[*index] + 2, *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);

	(void)snprintf(name, size, "%.*s", len < size ? (int)len : (int)size - 1, text);
	if (equals)
		return equals + 1;
	if (*index + 1 < argc && strncmp(argv[*index + 1], "--", 2) != 0)
		return argv[++*index];
	return NULL;
}

static const struct config_key *option_find(const char *name, enum config_role role)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].option && !strcmp(config_keys[i].option, name) &&
		    config_keys[i].roles & 1u << role)
			return &config_keys[i];
	return NULL;
}

static const struct special *special_find(const char *name, enum config_role role)
{
	for (size_t i = 0; i < SPECIALS; i++)
		if (!strcmp(specials[i].name, name) && specials[i].roles & 1u << role)
			return &specials[i];
	return NULL;
}

static void option_unknown(struct arguments *a, const char *name)
{
	const char *candidates[64], *near;
	unsigned role = 1u << a->config->role;
	size_t n = 0;

	for (size_t i = 0; i < config_key_count && n < 50; i++)
		if (config_keys[i].option && config_keys[i].roles & role)
			candidates[n++] = config_keys[i].option;
	for (size_t i = 0; i < SPECIALS; i++)
		if (specials[i].roles & role)
			candidates[n++] = specials[i].name;
	candidates[n] = NULL;
	near = config_nearest(name, candidates);
	if (near)
		config_errors_add(a->errors, "--%s: unknown option, did you mean --%s?", name,
				  near);
	else
		config_errors_add(a->errors, "--%s: unknown option; see --help", name);
}

/* NAME=INTERFACE|ADDRESS[,key=value]..., or INTERFACE alone. */
static void add_uplink(struct arguments *a, const char *spec)
{
	char copy[CONFIG_TEXT_MAX], why[CONFIG_WHY_MAX], *rest = copy, *part, *equals;
	const char *where;
	struct config_uplink *uplink;
	uint8_t bytes[16];

	if (strlen(spec) >= sizeof(copy)) {
		config_errors_add(a->errors, "--uplink: too long");
		return;
	}
	(void)strcpy(copy, spec);
	part = strsep(&rest, ",");
	equals = strchr(part, '=');
	where = equals ? equals + 1 : part;
	if (equals)
		*equals = '\0';
	if (!config_name_valid(part) || !*where) {
		config_errors_add(a->errors, "--uplink %s: must be NAME=INTERFACE or NAME=ADDRESS",
				  spec);
		return;
	}
	for (unsigned i = 0; i < a->config->uplink_count; i++)
		if (!strcmp(a->config->uplinks[i].name, part)) {
			config_errors_add(a->errors, "--uplink %s: the name is taken", spec);
			return;
		}
	uplink = config_uplink_get(a->config, part);
	if (!uplink) {
		config_errors_add(a->errors, "--uplink %s: there may be at most %d", spec,
				  CONFIG_UPLINKS_MAX);
		return;
	}
	for (const char *name = inet_pton(AF_INET, where, bytes) == 1 ||
						inet_pton(AF_INET6, where, bytes) == 1
					? "address"
					: "device";
	     ;) {
		const struct config_key *key = config_key_find(CONFIG_SECTION_UPLINK, name);

		if (!key)
			config_errors_add(a->errors, "--uplink %s: unknown key \"%s\"", spec, name);
		else if (config_value_set(key, uplink, where, why) < 0)
			config_errors_add(a->errors, "--uplink %s: %s: %s", spec, name, why);
		do {
			name = strsep(&rest, ",");
		} while (name && !*name);
		if (!name)
			return;
		where = name + strcspn(name, "=");
		if (!*where) {
			config_errors_add(a->errors, "--uplink %s: \"%s\" must be key=value", spec,
					  name);
			return;
		}
		copy[where - copy] = '\0';
		where++;
	}
}

/* [NAME=]URL; outputs without a name are numbered. */
static void add_output(struct arguments *a, const char *spec)
{
	const struct config_key *key = config_key_find(CONFIG_SECTION_OUTPUT, "url");
	size_t len = strcspn(spec, "=:");
	char name[BOND_NAME_MAX], why[CONFIG_WHY_MAX];
	struct config_output *output;
	unsigned before = a->config->output_count;

	if (len < sizeof(name) && spec[len] == '=') {
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, spec);
		spec += len + 1;
	} else {
		(void)snprintf(name, sizeof(name), "%u", ++a->outputs);
	}
	if (!config_name_valid(name)) {
		config_errors_add(a->errors, "--output: must be URL or NAME=URL");
		return;
	}
	output = config_output_get(a->config, name);
	if (!output || a->config->output_count == before) {
		config_errors_add(a->errors,
				  output ? "--output %s: the name is taken"
					 : "--output %s: is one too many",
				  name);
		return;
	}
	/* The url may hold a stream key: the message is without it. */
	if (config_value_set(key, output, spec, why) < 0)
		config_errors_add(a->errors, "--output: %s", why);
}

static void apply(struct arguments *a, const char *name, const char *value)
{
	const struct config_key *key = option_find(name, a->config->role);
	char why[CONFIG_WHY_MAX];

	if (!strcmp(name, "uplink")) {
		if (!a->uplink)
			a->config->uplink_count = 0;
		a->uplink = a->config->uplinks_only = true;
		add_uplink(a, value);
	} else if (!strcmp(name, "output")) {
		if (!a->output)
			a->config->output_count = 0;
		a->output = true;
		add_output(a, value);
	} else if (key) {
		if (key->type == CONFIG_TYPE_RECEIVERS && !a->to)
			a->config->receivers = 0;
		a->to |= key->type == CONFIG_TYPE_RECEIVERS;
		if (config_value_set(key, a->config, value, why) < 0)
			config_errors_add(a->errors, "--%s: %s", name, why);
	}
}

/* One walk over the arguments: the first reads the files, the second applies the options. */
static void walk(struct arguments *a, int argc, const char *const *argv, bool files)
{
	for (int i = 0; i < argc; i++) {
		char name[64];
		const char *value;
		bool known;

		if (strncmp(argv[i], "--", 2) != 0 || !argv[i][2]) {
			if (!files)
				config_errors_add(a->errors, "%.64s: not an option; see --help",
						  argv[i]);
			continue;
		}
		value = option_value(argc, argv, &i, name, sizeof(name));
		known = option_find(name, a->config->role) || special_find(name, a->config->role);
		if (files) {
			if (value && !strcmp(name, "config"))
				(void)config_read(a->config, value, a->errors);
		} else if (!known) {
			option_unknown(a, name);
		} else if (!value) {
			config_errors_add(a->errors, "--%s: needs a value", name);
		} else {
			apply(a, name, value);
		}
	}
}

int config_arguments(struct config *config, int argc, const char *const *argv,
		     struct config_errors *errors)
{
	struct config copy = *config;
	struct arguments a = { .config = &copy, .errors = errors };
	unsigned before = errors->count;

	walk(&a, argc, argv, true);
	walk(&a, argc, argv, false);
	if (errors->count != before)
		return -EINVAL;
	*config = copy;
	return 0;
}

/* "  --name VALUE" and the help below or beside it, wrapped at 80 columns. */
static void help_line(FILE *file, const char *name, const char *value, const char *help,
		      const char *fallback)
{
	char text[400];
	const char *p = text;
	int used = fprintf(file, "  --%s %s", name, value);

	(void)snprintf(text, sizeof(text), "%s%s%s%s", help, fallback ? " (default: " : "",
		       fallback ? fallback : "", fallback ? ")" : "");
	if (used > 30) {
		(void)fputc('\n', file);
		used = 0;
	}
	while (*p) {
		size_t len = strlen(p), width = 48;

		if (len > width) {
			len = width;
			while (len && p[len] != ' ')
				len--;
			if (!len)
				len = width;
		}
		(void)fprintf(file, "%*s%.*s\n", 32 - used, "", (int)len, p);
		p += len + (p[len] == ' ');
		used = 0;
	}
}

void config_help(FILE *file, enum config_role role)
{
	for (size_t i = 0; i < SPECIALS; i++)
		if (specials[i].roles & 1u << role)
			help_line(file, specials[i].name, specials[i].value, specials[i].help,
				  NULL);
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].option && config_keys[i].roles & 1u << role)
			help_line(file, config_keys[i].option, config_keys[i].value,
				  config_keys[i].help, config_keys[i].fallback);
}

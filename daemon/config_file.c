#include "config_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Files: sections in brackets, "key = value" lines, comments by '#' or ';' at the start of a line;
 * as in systemd, a repeated key of a list adds to it and an empty value brings the default back.
 * FILE.d/[*].conf are read after FILE, in the order of their names. A reader works on a copy, so
 * that a file with an error changes nothing; it goes on after an error, so that all are told.
 */
#define FILE_BYTES_MAX (1u << 20)
#define LINE_MAX_BYTES 1024u

struct parser {
	struct config *config;
	struct config_errors *errors;
	const char *name; /* of the file, for messages */
	unsigned line;
	bool skip;	/* the section is not ours: its errors would only repeat the first */
	bool any;	/* a section was seen */
	char title[64]; /* "[uplink wwan0]" */
	enum config_section section;
	void *base;
};

static void complain(struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct parser *parser, const char *format, ...)
{
	char text[640];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	config_errors_add(parser->errors, "%s:%u: %s", parser->name, parser->line, text);
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		end--;
	*end = '\0';
	return text;
}

static void unknown_section(struct parser *parser, const char *word)
{
	static const char *const known[] = { "sender", "receiver", "input",  "encoder", "advice",
					     "record", "uplink",   "output", NULL };
	const char *near = config_nearest(word, known);

	if (near)
		complain(parser, "[%s] unknown section, did you mean [%s]?", word, near);
	else
		complain(parser, "[%s] unknown section", word);
}

/* What a section of this name sets; false: there is none. */
static bool section_find(const char *word, enum config_section *ret_section, unsigned *ret_roles)
{
	*ret_roles = 0;
	if (!strcmp(word, "sender") || !strcmp(word, "receiver")) {
		*ret_section = CONFIG_SECTION_ROLE;
		*ret_roles = 1u << (*word == 's' ? CONFIG_ROLE_SENDER : CONFIG_ROLE_RECEIVER);
		return true;
	}
	for (enum config_section s = CONFIG_SECTION_INPUT; s < CONFIG_SECTION_COUNT; s++) {
		if (strcmp(word, config_section_name(s, CONFIG_ROLE_SENDER)) != 0)
			continue;
		*ret_section = s;
		for (size_t i = 0; i < config_key_count; i++)
			if (config_keys[i].section == s)
				*ret_roles |= config_keys[i].roles;
		return true;
	}
	return false;
}

static void begin_named(struct parser *parser, const char *word, const char *name)
{
	bool uplink = parser->section == CONFIG_SECTION_UPLINK;

	if (!config_name_valid(name)) {
		complain(parser,
			 *name ? "[%s %.40s] a name has letters, digits, '.', '_' and '-', at most "
				 "%d"
			       : "[%s%s] needs a name of at most %d characters: [%s NAME]",
			 word, name, BOND_NAME_MAX - 1, word);
		parser->skip = true;
		return;
	}
	if (uplink)
		parser->base = config_uplink_get(parser->config, name);
	else
		parser->base = config_output_get(parser->config, name);
	if (!parser->base) {
		complain(parser, "[%s %s] is one too many; there may be %d", word, name,
			 uplink ? CONFIG_UPLINKS_MAX : CONFIG_OUTPUTS_MAX);
		parser->skip = true;
	}
}

static void begin_section(struct parser *parser, char *text)
{
	char *close = strchr(text, ']'), *word = text, *name;
	enum config_role role = parser->config->role;
	unsigned roles;

	parser->any = true;
	parser->skip = true;
	if (!close || close[1]) {
		complain(parser, "a section stands alone in a line, as [name]");
		return;
	}
	*close = '\0';
	word = trim(word);
	name = word + strcspn(word, " \t");
	if (*name) {
		*name = '\0';
		name = trim(name + 1);
	}
	if (!section_find(word, &parser->section, &roles)) {
		unknown_section(parser, word);
		return;
	}
	if (!(roles & 1u << role)) {
		complain(parser, "[%s] is for a %s, but this is a %s", word,
			 config_section_name(CONFIG_SECTION_ROLE, role == CONFIG_ROLE_SENDER
									  ? CONFIG_ROLE_RECEIVER
									  : CONFIG_ROLE_SENDER),
			 config_section_name(CONFIG_SECTION_ROLE, role));
		return;
	}
	parser->skip = false;
	parser->base = parser->config;
	(void)snprintf(parser->title, sizeof(parser->title), "[%s%s%.40s]", word, *name ? " " : "",
		       name);
	if (parser->section >= CONFIG_SECTION_UPLINK)
		begin_named(parser, word, name);
	else if (*name)
		complain(parser, "[%s] takes no name", word);
}

static void unknown_key(struct parser *parser, const char *name)
{
	const char *candidates[32], *near;
	size_t n = 0;

	for (size_t i = 0; i < config_key_count && n < 31; i++)
		if (config_keys[i].section == parser->section &&
		    config_keys[i].roles & 1u << parser->config->role)
			candidates[n++] = config_keys[i].name;
	candidates[n] = NULL;
	near = config_nearest(name, candidates);
	if (near)
		complain(parser, "%s unknown key \"%.64s\", did you mean \"%s\"?", parser->title,
			 name, near);
	else
		complain(parser, "%s unknown key \"%.64s\"", parser->title, name);
}

static void assign(struct parser *parser, char *name, char *value)
{
	const struct config_key *key = config_key_find(parser->section, name);
	char why[CONFIG_WHY_MAX];

	if (!key || !(key->roles & 1u << parser->config->role))
		unknown_key(parser, name);
	else if (config_value_set(key, parser->base, value, why) < 0)
		complain(parser, "%s %s: %s", parser->title, name, why);
}

static void parse_line(struct parser *parser, char *text)
{
	char *equals;

	text = trim(text);
	if (!*text || *text == '#' || *text == ';')
		return;
	if (*text == '[') {
		begin_section(parser, text + 1);
		return;
	}
	equals = strchr(text, '=');
	if (!parser->any) {
		complain(parser, "a setting must stand in a section, such as [%s]",
			 config_section_name(CONFIG_SECTION_ROLE, parser->config->role));
		parser->any = parser->skip = true;
	} else if (parser->skip) {
		return;
	} else if (!equals) {
		complain(parser,
			 "\"%.40s\" is not a section, a setting \"key = value\" or a comment",
			 text);
	} else {
		*equals = '\0';
		assign(parser, trim(text), trim(equals + 1));
	}
}

static void parse_text(struct parser *parser, const char *text, size_t len)
{
	char line[LINE_MAX_BYTES + 1];

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;
		bool valid = n <= LINE_MAX_BYTES;

		parser->line++;
		for (size_t i = 0; valid && i < n; i++)
			valid = (unsigned char)text[i] >= ' ' || text[i] == '\t' || text[i] == '\r';
		if (valid) {
			memcpy(line, text, n);
			line[n] = '\0';
			parse_line(parser, line);
		} else {
			complain(parser, n > LINE_MAX_BYTES ? "the line is too long"
							    : "the line is not text");
		}
		n += end != NULL;
		text += n;
		len -= n;
	}
	explicit_bzero(line, sizeof(line));
}

int config_parse(struct config *config, const char *name, const char *text, size_t len,
		 struct config_errors *errors)
{
	struct config copy = *config;
	struct parser parser = { .config = &copy, .errors = errors, .name = name };
	unsigned before = errors->count;

	parse_text(&parser, text, len);
	if (errors->count != before)
		return -EINVAL;
	*config = copy;
	return 0;
}

/* The whole file; NULL with the error told. */
static char *file_load(const char *name, size_t *ret_len, struct config_errors *errors)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *problem = NULL;
	char *text = NULL;
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		problem = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		problem = "not a file";
	else if (!(text = malloc(FILE_BYTES_MAX)))
		problem = strerror(ENOMEM);
	while (!problem && (n = read(fd, text + len, FILE_BYTES_MAX - len)) != 0) {
		if (n < 0)
			problem = strerror(errno);
		else if ((len += (size_t)n) == FILE_BYTES_MAX)
			problem = "too large for a configuration";
	}
	if (fd >= 0)
		(void)close(fd);
	if (!problem) {
		*ret_len = len;
		return text;
	}
	config_errors_add(errors, "%s: cannot be read: %s", name, problem);
	free(text);
	return NULL;
}

static int read_one(struct config *config, const char *file, struct config_errors *errors)
{
	size_t len;
	char *text = file_load(file, &len, errors);
	int error;

	if (!text)
		return -EINVAL;
	error = config_parse(config, file, text, len, errors);
	free(text);
	return error;
}

static int is_drop_in(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && !strcmp(dot, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not by the locale, as alphasort() would */
}

int config_read(struct config *config, const char *file, struct config_errors *errors)
{
	struct config copy = *config;
	unsigned before = errors->count;
	struct dirent **entries;
	char path[4096];
	int n;

	(void)read_one(&copy, file, errors);
	(void)snprintf(path, sizeof(path), "%s.d", file);
	n = scandir(path, &entries, is_drop_in, by_name);
	if (n < 0 && errno != ENOENT && errno != ENOTDIR)
		config_errors_add(errors, "%s: cannot be read: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s.d/%s", file, entries[i]->d_name);
		(void)read_one(&copy, path, errors);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (errors->count != before)
		return -EINVAL;
	*config = copy;
	return 0;
}

int config_file_role(const char *file, enum config_role *ret_role, struct config_errors *errors)
{
	bool seen[2] = { false, false };
	char *text, *rest;
	size_t len;

	text = file_load(file, &len, errors);
	if (!text)
		return -EINVAL;
	text[len] = '\0'; /* there is room: a file is shorter than the buffer */
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		line = trim(line);
		seen[CONFIG_ROLE_SENDER] |= !strcmp(line, "[sender]");
		seen[CONFIG_ROLE_RECEIVER] |= !strcmp(line, "[receiver]");
	}
	free(text);
	if (seen[CONFIG_ROLE_SENDER] == seen[CONFIG_ROLE_RECEIVER]) {
		config_errors_add(
			errors,
			seen[CONFIG_ROLE_SENDER]
				? "%s: has both [sender] and [receiver]; use a file for each"
				: "%s: has neither a section [sender] nor [receiver]",
			file);
		return -EINVAL;
	}
	*ret_role = seen[CONFIG_ROLE_SENDER] ? CONFIG_ROLE_SENDER : CONFIG_ROLE_RECEIVER;
	return 0;
}

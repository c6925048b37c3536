#include "scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/*
 * The parser takes one statement at a time apart into words, then reads the words from left to
 * right. It reports every error of a text, not only the first.
 */

struct parser {
	struct scenario *scenario;
	scenario_event_fn *event;
	const char *name;
	unsigned line;
	FILE *errors;
	unsigned count; /* of errors */

	char *word; /* the present one; NULL at the end of the statement */
	char *rest;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *p, const char *format, ...)
{
	va_list arguments;

	p->count++;
	fprintf(p->errors, "%s:%u: ", p->name, p->line);
	va_start(arguments, format);
	vfprintf(p->errors, format, arguments);
	va_end(arguments);
	fputc('\n', p->errors);
	return -EINVAL;
}

static char *next_word(struct parser *p)
{
	p->word = strtok_r(NULL, " \t\r,", &p->rest);
	return p->word;
}

static bool copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (!len || len >= size)
		return false;
	memcpy(to, from, len + 1);
	return true;
}

static int load_trace(struct parser *p, const char *path)
{
	struct scenario *s = p->scenario;
	struct scenario_trace *trace = &s->trace[s->traces];
	size_t room = 0;
	unsigned long last = 0;
	char line[64];
	FILE *file;

	for (unsigned i = 0; i < s->traces; i++)
		if (!strcmp(s->trace[i].path, path))
			return 0;
	if (s->traces == SCENARIO_TRACES_MAX)
		return fail(p, "more than %d traces", SCENARIO_TRACES_MAX);
	file = fopen(path, "re");
	if (!file)
		return fail(p, "cannot read the trace %s: %s", path, strerror(errno));
	*trace = (struct scenario_trace){ 0 };
	(void)copy(trace->path, sizeof(trace->path), path);
	while (fgets(line, sizeof(line), file)) {
		char *end;
		unsigned long at = strtoul(line, &end, 10);

		if (end == line || !isspace((unsigned char)*end) || at < last || at > UINT32_MAX) {
			fail(p, "%s, line %zu: wants rising times in ms, one a line", path,
			     trace->count + 1);
			break;
		}
		if (trace->count == room) {
			uint32_t *more;

			room = room ? 2 * room : 4096;
			more = realloc(trace->at_ms, room * sizeof(*more));
			if (!more) {
				fail(p, "out of memory at the trace %s", path);
				break;
			}
			trace->at_ms = more;
		}
		trace->at_ms[trace->count++] = (uint32_t)(last = at);
	}
	(void)fclose(file);
	s->traces++;
	return trace->count ? 0 : fail(p, "the trace %s is empty", path);
}

/* A setting or an event. */
static int parse_word(struct parser *p, const char *target, unsigned directions,
		      struct scenario_word *ret)
{
	struct setting setting;
	const char *text = p->word, *why;

	if (!strncmp(text, "up.", 3) || !strncmp(text, "down.", 5)) {
		directions &= *text == 'u' ? SCENARIO_UP : SCENARIO_DOWN;
		text = strchr(text, '.') + 1;
	}
	ret->directions = directions;
	if (!copy(ret->text, sizeof(ret->text), text))
		return fail(p, "%s: too long", text);
	if (p->event && p->event(target, text))
		return 0;
	if (setting_parse(ret->text, &setting, &why))
		return fail(p, "%s %s", text, why);
	return setting.key == SETTING_TRACE ? load_trace(p, setting.trace) : 0;
}

/* 1: it is an option of a link and was taken. */
static int parse_option(struct parser *p, struct scenario_link *link)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} options[] = {
		{ "listen=", link->listen, sizeof(link->listen) },
		{ "to=", link->to, sizeof(link->to) },
		{ "ns-a=", link->ns[0], sizeof(link->ns[0]) },
		{ "ns-b=", link->ns[1], sizeof(link->ns[1]) },
		{ "dev-a=", link->dev[0], sizeof(link->dev[0]) },
		{ "dev-b=", link->dev[1], sizeof(link->dev[1]) },
		{ "addr-a=", link->addr[0], sizeof(link->addr[0]) },
		{ "addr-b=", link->addr[1], sizeof(link->addr[1]) },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		size_t len = strlen(options[i].key);

		if (strncmp(p->word, options[i].key, len))
			continue;
		if (!copy(options[i].to, options[i].size, p->word + len))
			(void)fail(p, "%s is empty or too long", p->word);
		return 1;
	}
	if (!strncmp(p->word, "seed=", 5)) {
		link->has_seed = true;
		if (setting_number(p->word + 5, &link->seed))
			(void)fail(p, "%s wants a number", p->word);
		return 1;
	}
	return 0;
}

static int parse_link(struct parser *p)
{
	struct scenario *s = p->scenario;
	struct scenario_link *link = &s->link[s->links];
	const char *name = next_word(p);

	if (s->links == SCENARIO_LINKS_MAX)
		return fail(p, "more than %d links", SCENARIO_LINKS_MAX);
	*link = (struct scenario_link){ 0 };
	if (!name || strpbrk(name, "=*+.") || !copy(link->name, sizeof(link->name), name))
		return fail(p, "link wants a name of up to %d characters", SCENARIO_NAME_MAX - 1);
	for (unsigned i = 0; i < s->links; i++)
		if (!strcmp(s->link[i].name, name))
			return fail(p, "there is a link %s already", name);
	while (next_word(p)) {
		if (parse_option(p, link))
			continue;
		if (link->words == SCENARIO_WORDS_MAX)
			return fail(p, "more than %d settings", SCENARIO_WORDS_MAX);
		if (!parse_word(p, name, SCENARIO_UP | SCENARIO_DOWN, &link->word[link->words]))
			link->words++;
	}
	s->links++;
	return 0;
}

/* "at", "every", "until" and "for" with their times. */
static int parse_times(struct parser *p, struct scenario_command *command)
{
	for (; p->word; next_word(p)) {
		usec_t *to = !strcmp(p->word, "at")	 ? &command->at
			     : !strcmp(p->word, "every") ? &command->every
			     : !strcmp(p->word, "until") ? &command->until
			     : !strcmp(p->word, "for")	 ? &command->lasts
							 : NULL;
		const char *word = p->word;

		if (!to)
			return 0;
		if (!next_word(p) || setting_duration(p->word, to))
			return fail(p, "%s wants a time such as 12s or 600ms", word);
		if ((to == &command->every || to == &command->lasts) && !*to)
			return fail(p, "%s wants a time above 0", word);
	}
	return 0;
}

static bool target_is_known(const struct parser *p, const char *target)
{
	size_t named = 0;
	size_t parts = 1;

	for (const char *c = target; *c; c++)
		parts += *c == '+';
	for (unsigned i = 0; i < p->scenario->links; i++)
		named += scenario_names(target, p->scenario->link[i].name) != 0;
	return named >= parts || !strncmp(target, "*", 1);
}

static int parse_command(struct parser *p, struct scenario_command *command)
{
	*command = (struct scenario_command){ .until = USEC_NEVER };
	if (parse_times(p, command))
		return -EINVAL;
	if (!p->word || !copy(command->target, sizeof(command->target), p->word))
		return fail(p, "whom does this concern? The name of a link is missing");
	if (!strcmp(command->target, "end"))
		return next_word(p) ? fail(p, "nothing may follow end") : 0;
	next_word(p);
	/* Once more: "cell for 600ms outage=stall" reads well. */
	if (parse_times(p, command))
		return -EINVAL;
	if (!target_is_known(p, command->target) &&
	    !(p->event && p->word && p->event(command->target, p->word)))
		return fail(p, "there is no link %s", command->target);
	if (!p->word)
		return fail(p, "%s: nothing to change", command->target);
	for (; p->word; next_word(p)) {
		if (command->words == SCENARIO_WORDS_MAX)
			return fail(p, "more than %d settings", SCENARIO_WORDS_MAX);
		if (!parse_word(p, command->target, SCENARIO_UP | SCENARIO_DOWN,
				&command->word[command->words]))
			command->words++;
	}
	return 0;
}

static void parse_statement(struct parser *p, char *statement)
{
	struct scenario *s = p->scenario;

	statement[strcspn(statement, "#")] = '\0';
	p->word = strtok_r(statement, " \t\r,", &p->rest);
	if (!p->word)
		return;
	if (!strcmp(p->word, "link"))
		(void)parse_link(p);
	else if (s->commands == SCENARIO_COMMANDS_MAX)
		(void)fail(p, "more than %d timed statements", SCENARIO_COMMANDS_MAX);
	else if (!parse_command(p, &s->command[s->commands]))
		s->commands++;
}

int scenario_parse(struct scenario *scenario, const char *text, const char *name,
		   scenario_event_fn *event, FILE *errors)
{
	struct parser p = {
		.scenario = scenario, .event = event, .name = name, .line = 1, .errors = errors
	};
	char *all = strdup(text);

	if (!all)
		return fail(&p, "out of memory");
	for (char *at = all; *at;) {
		size_t len = strcspn(at, ";\n");
		char end = at[len];

		at[len] = '\0';
		/* A semicolon inside a comment ends nothing. */
		if (end == ';' && strchr(at, '#')) {
			at[len] = ' ';
			len = strcspn(at, "\n");
			end = at[len];
			at[len] = '\0';
		}
		parse_statement(&p, at);
		p.line += end == '\n';
		at += len + (end != '\0');
	}
	free(all);
	return p.count ? -EINVAL : 0;
}

int scenario_parse_command(struct scenario *scenario, const char *text, const char *name,
			   scenario_event_fn *event, FILE *errors,
			   struct scenario_command *ret_command)
{
	struct parser p = {
		.scenario = scenario, .event = event, .name = name, .line = 1, .errors = errors
	};
	struct scenario_command command;
	char *all = strdup(text);

	if (!all)
		return fail(&p, "out of memory");
	all[strcspn(all, "#\n")] = '\0';
	p.word = strtok_r(all, " \t\r,", &p.rest);
	if (!parse_command(&p, &command) && !p.count)
		*ret_command = command;
	free(all);
	return p.count ? -EINVAL : 0;
}

int scenario_setting(const struct scenario *scenario, const struct scenario_word *word,
		     struct setting *ret_setting)
{
	const char *why;

	if (setting_parse(word->text, ret_setting, &why))
		return -EINVAL;
	for (unsigned i = 0; ret_setting->key == SETTING_TRACE && i < scenario->traces; i++) {
		if (strcmp(scenario->trace[i].path, ret_setting->trace))
			continue;
		ret_setting->table = scenario->trace[i].at_ms;
		ret_setting->count = scenario->trace[i].count;
	}
	return 0;
}

unsigned scenario_names(const char *target, const char *name)
{
	size_t len = strlen(name);

	while (*target) {
		size_t part = strcspn(target, "+");
		size_t base = strcspn(target, "+.");
		unsigned directions = SCENARIO_UP | SCENARIO_DOWN;

		if (part > base)
			directions = part - base == 3 && !strncmp(target + base, ".up", 3)
					     ? SCENARIO_UP
				     : part - base == 5 && !strncmp(target + base, ".down", 5)
					     ? SCENARIO_DOWN
					     : 0;
		if ((base == 1 && *target == '*') || (base == len && !strncmp(target, name, len)))
			return directions;
		target += part + (target[part] == '+');
	}
	return 0;
}

void scenario_deinit(struct scenario *scenario)
{
	for (unsigned i = 0; i < scenario->traces; i++)
		free(scenario->trace[i].at_ms);
	*scenario = (struct scenario){ 0 };
}

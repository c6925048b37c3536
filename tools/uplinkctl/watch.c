#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "show.h"

/*
 * The view is text of show.c, cut to the size of the terminal, and drawn from the top left corner
 * on the alternate screen; nothing is cleared before, so that it does not flicker over ssh. Each
 * draw is one write. Signals set flags alone; whatever ends the program, the terminal is put back.
 */
#define LOG_MAX 64

static volatile sig_atomic_t resized, ended;

static void on_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else
		ended = 1;
}

struct view {
	struct show show;
	struct termios saved;
	json_t *status; /* last snapshot */
	json_t *log;	/* what has been seen of it */
};

/* Copies one line, cut to @columns; escape sequences and continuation bytes take none. */
static const char *put_line(FILE *out, const char *line, int columns)
{
	for (; *line && *line != '\n'; line++) {
		if (*line == '\033') {
			size_t len = strcspn(line, "m");

			(void)fprintf(out, "%.*s", (int)len + (line[len] == 'm'), line);
			line += len - !line[len];
			continue;
		}
		if (((unsigned char)*line & 0xc0) != 0x80 && columns-- <= 0) {
			line += strcspn(line, "\n");
			break;
		}
		if (columns >= 0)
			(void)fputc(*line, out);
	}
	return *line ? line + 1 : line;
}

static void draw(struct view *view)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char *body = NULL, *screen = NULL;
	size_t body_len, screen_len;
	const char *line;
	FILE *out;

	if (!view->status)
		return;
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (!size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	view->show.out = open_memstream(&body, &body_len);
	out = open_memstream(&screen, &screen_len);
	if (!view->show.out || !out)
		exit(1);
	show_status(&view->show, view->status);
	(void)fputs("\n  LAST CHANGES                                              q: quit\n",
		    view->show.out);
	show_log(&view->show, view->log, LOG_MAX);
	(void)fclose(view->show.out);

	/* The log is at the bottom and the newest counts: cut the oldest of it. */
	(void)fputs("\033[H", out);
	line = body;
	for (int row = 0, skip = 0; row < size.ws_row && *line; row++) {
		if (!skip && strstr(line, "LAST CHANGES") &&
		    strstr(line, "LAST CHANGES") < line + strcspn(line, "\n")) {
			int rows = 0;

			for (const char *p = line; *p; p++)
				rows += *p == '\n';
			skip = 1;
			line = put_line(out, line, size.ws_col);
			for (rows += row - size.ws_row; rows > 0 && *line; rows--)
				line += strcspn(line, "\n") + 1;
		} else {
			line = put_line(out, line, size.ws_col);
		}
		(void)fputs(row + 1 < size.ws_row ? "\033[0m\033[K\r\n" : "\033[0m\033[K", out);
	}
	(void)fputs("\033[J", out);
	(void)fclose(out);
	(void)!write(STDOUT_FILENO, screen, screen_len);
	free(body);
	free(screen);
}

static void take(struct view *view, json_t *reply)
{
	json_t *status = json_object_get(reply, "status"), *entry;
	size_t i;

	json_array_foreach(json_object_get(status, "log"), i, entry)
	{
		(void)json_array_append(view->log, entry);
	}
	while (json_array_size(view->log) > LOG_MAX)
		(void)json_array_remove(view->log, 0);
	json_decref(view->status);
	view->status = json_incref(status);
	json_decref(reply);
}

/* False: the user wants to quit. */
static bool take_keys(void)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	return !memchr(keys, 'q', (size_t)n) && !memchr(keys, 3, (size_t)n);
}

static int watch_screen(struct client *client, struct view *view)
{
	bool keys = isatty(STDIN_FILENO);
	int status = 0;

	while (!ended) {
		struct pollfd fds[2] = { { .fd = client_fd(client), .events = POLLIN },
					 { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN } };

		if (resized) {
			resized = 0;
			draw(view);
		}
		if (!client_has_reply(client) && poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && !take_keys())
			break;
		if (client_has_reply(client) || fds[0].revents) {
			json_t *reply = client_reply(client);

			if (!reply) {
				status = 1;
				break;
			}
			take(view, reply);
			draw(view);
		}
	}
	return status;
}

static int watch_terminal(struct client *client, struct view *view)
{
	const struct sigaction action = { .sa_handler = on_signal };
	bool raw = tcgetattr(STDIN_FILENO, &view->saved) == 0;
	char *told = NULL;
	size_t told_len = 0;
	FILE *saved = stderr, *buffer = open_memstream(&told, &told_len);
	int status;

	(void)sigaction(SIGWINCH, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	if (raw) {
		struct termios mode = view->saved;

		mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	}
	(void)!write(STDOUT_FILENO, "\033[?1049h\033[?25l", 14);
	/* What is told while the view stands would vanish with it. */
	stderr = buffer ? buffer : saved;
	status = watch_screen(client, view);
	stderr = saved;
	if (buffer)
		(void)fclose(buffer);
	(void)!write(STDOUT_FILENO, "\033[?25h\033[?1049l", 14);
	if (raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &view->saved);
	if (told)
		(void)fputs(told, stderr);
	free(told);
	return status;
}

static int watch_lines(struct client *client, struct show *show)
{
	json_t *reply;

	while ((reply = client_reply(client))) {
		show_line(show, json_object_get(reply, "status"));
		json_decref(reply);
		if (fflush(stdout) != 0)
			return 0; /* the reader has seen enough */
	}
	return 1;
}

int watch(struct client *client, int interval_ms, bool color, bool unicode)
{
	struct view view = { .show = { .out = stdout, .color = color, .unicode = unicode } };
	int status;

	if (!client_ask(client, "watch", interval_ms))
		return 1;
	if (!isatty(STDOUT_FILENO))
		return watch_lines(client, &view.show);
	view.log = json_array();
	status = watch_terminal(client, &view);
	json_decref(view.status);
	json_decref(view.log);
	return status;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * The file is read as libyaml's events, not as a document: events know their lines, need no memory
 * that the file's author could make grow, and a key is checked where it stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/sysroot.h"
#include "config/option.h"
#include "config/quote.h"

#define FILE_MAX_BYTES (1u << 20)
#define KEYS_MAX 64  /* more than there are options and sections */
#define LIST_MAX 256 /* bytes of all items of a list */

struct seen_key {
	char name[OPTION_NAME_MAX];
	unsigned long line;
};

struct reader {
	yaml_parser_t parser;
	struct config *config;
	struct config_error *error;
	const char *path;
	const char *data;
	size_t len;
	struct seen_key seen[KEYS_MAX];
	size_t seen_count;
};

static struct place place_at(const struct reader *r, const yaml_event_t *event)
{
	return (struct place){ PLACE_FILE, r->path, event->start_mark.line + 1 };
}

static unsigned long line_of(const struct reader *r, size_t offset)
{
	unsigned long line = 1;

	for (size_t i = 0; i < offset && i < r->len; i++)
		line += r->data[i] == '\n';
	return line;
}

/* libyaml's own complaint, at the best line it knows. */
static int fail_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct place place = { PLACE_FILE, r->path, p->problem_mark.line + 1 };

	if (p->error == YAML_READER_ERROR)
		place.line = line_of(r, p->problem_offset);
	return config_fail(
		r->error, &place, NULL,
		"not valid YAML: %s%s%s; expected lines such as: web.listen-address: 0.0.0.0:28282",
		p->problem ? p->problem : "cannot be read", p->context ? " " : "",
		p->context ? p->context : "");
}

/* Fetches the next event, which the caller deletes. Nothing here needs aliases. */
static int next_event(struct reader *r, yaml_event_t *event)
{
	if (!yaml_parser_parse(&r->parser, event))
		return fail_syntax(r);
	if (event->type == YAML_ALIAS_EVENT) {
		struct place place = place_at(r, event);

		yaml_event_delete(event);
		return config_fail(r->error, &place, NULL,
				   "aliases (*name) are not allowed; expected the value itself");
	}
	return 0;
}

static int check_duplicate(struct reader *r, const char *name, const struct place *place)
{
	for (size_t i = 0; i < r->seen_count; i++)
		if (strcmp(r->seen[i].name, name) == 0)
			return config_fail(r->error, place, NULL,
					   "%s is set twice, first in line %lu; expected it once",
					   name, r->seen[i].line);
	if (r->seen_count < KEYS_MAX) {
		struct seen_key *key = &r->seen[r->seen_count++];

		snprintf(key->name, sizeof(key->name), "%.*s", (int)sizeof(key->name) - 1, name);
		key->line = place->line;
	}
	return 0;
}

/* Reads the items of a list up to its end into @text, with commas between. */
static int read_items(struct reader *r, const struct option *option, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (;;) {
		yaml_event_t event;
		struct place place;
		yaml_event_type_t type;
		int added = 0;

		if (next_event(r, &event) < 0)
			return -EINVAL;
		place = place_at(r, &event);
		type = event.type;
		if (type == YAML_SCALAR_EVENT)
			added = snprintf(text + len, size - len, "%s%s", len ? "," : "",
					 (const char *)event.data.scalar.value);
		yaml_event_delete(&event);
		if (type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (type != YAML_SCALAR_EVENT)
			return config_fail(r->error, &place, option,
					   "a list inside a list or a map");
		if (added < 0 || (size_t)added >= size - len)
			return config_fail(r->error, &place, option, "the list is too long");
		len += (size_t)added;
	}
}

/* A plain nothing, ~ or null: what YAML takes for no value. */
static bool is_null(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int set_scalar(struct reader *r, const struct option *option, const yaml_event_t *event,
		      const struct place *place)
{
	const char *text = (const char *)event->data.scalar.value;

	if (strlen(text) != event->data.scalar.length)
		return config_fail(r->error, place, option, "the value holds a NUL byte");
	return config_set(r->config, option, is_null(event) ? "" : text, place, r->error);
}

/* The value of @option starts with @event. */
static int read_value(struct reader *r, const struct option *option, const yaml_event_t *event)
{
	struct place place = place_at(r, event);
	char items[LIST_MAX];

	if (strcmp(option->name, "config.file") == 0)
		return config_fail(
			r->error, &place, NULL,
			"config.file cannot be set in the file itself; expected it as flag or "
			"in the environment, for example: --config.file=%s",
			option->example);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return set_scalar(r, option, event, &place);
	case YAML_SEQUENCE_START_EVENT:
		if (!config_option_is_list(option))
			return config_fail(r->error, &place, option,
					   "%s takes one value, not a list", option->name);
		if (read_items(r, option, items, sizeof(items)) < 0)
			return -EINVAL;
		return config_set(r->config, option, items, &place, r->error);
	default:
		return config_fail(r->error, &place, option, "%s takes a value, not a map",
				   option->name);
	}
}

static int read_map(struct reader *r, const char *prefix);

static int read_section(struct reader *r, const char *name, const yaml_event_t *event)
{
	struct place place = place_at(r, event);
	const struct option *first = config_section_first(name);

	if (event->type == YAML_MAPPING_START_EVENT)
		return read_map(r, name);
	if (event->type == YAML_SCALAR_EVENT && is_null(event))
		return 0;
	return config_fail(r->error, &place, NULL,
			   "%s is a section, not a value; expected a map such as: %s: {%s: %s}",
			   name, name, strchr(first->name, '.') + 1, first->example);
}

/* One key of the map whose keys start with @prefix ("" or "web"), and its value. */
static int read_key(struct reader *r, const char *prefix, const yaml_event_t *key)
{
	struct place place = place_at(r, key);
	const struct option *option;
	yaml_event_t value;
	char name[2 * OPTION_NAME_MAX];
	int result;

	if (key->type != YAML_SCALAR_EVENT ||
	    memchr(key->data.scalar.value, '\0', key->data.scalar.length))
		return config_fail(r->error, &place, NULL,
				   "a key is a name; expected a line such as: log.level: info");
	snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "",
		 (const char *)key->data.scalar.value);
	option = config_option_find(name);
	if (!option && !config_section_first(name))
		return config_fail(r->error, &place, NULL, "unknown key %s; the nearest is %s",
				   config_quote(name).text, config_option_nearest(name)->name);
	if (check_duplicate(r, name, &place) < 0 || next_event(r, &value) < 0)
		return -EINVAL;
	result = option ? read_value(r, option, &value) : read_section(r, name, &value);
	yaml_event_delete(&value);
	return result;
}

/* The map's start has been read; reads up to its end. Sections are one deep, so this is not for
 * ever. */
static int read_map(struct reader *r, const char *prefix)
{
	for (;;) {
		yaml_event_t key;
		bool end;
		int result = 0;

		if (next_event(r, &key) < 0)
			return -EINVAL;
		end = key.type == YAML_MAPPING_END_EVENT;
		if (!end)
			result = read_key(r, prefix, &key);
		yaml_event_delete(&key);
		if (end || result < 0)
			return result;
	}
}

/* The whole stream: nothing, or one document that is a map. */
static int read_stream(struct reader *r)
{
	unsigned documents = 0;

	for (;;) {
		yaml_event_t event;
		struct place place;
		yaml_event_type_t type;
		bool nothing;

		if (next_event(r, &event) < 0)
			return -EINVAL;
		place = place_at(r, &event);
		type = event.type;
		nothing = type == YAML_SCALAR_EVENT && is_null(&event);
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			return 0;
		if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			return config_fail(r->error, &place, NULL,
					   "a second document (---) starts; expected one");
		if (type == YAML_MAPPING_START_EVENT && read_map(r, "") < 0)
			return -EINVAL;
		if (type == YAML_SEQUENCE_START_EVENT || (type == YAML_SCALAR_EVENT && !nothing))
			return config_fail(r->error, &place, NULL,
					   "the file is not a map; expected lines such as: "
					   "web.listen-address: 0.0.0.0:28282");
	}
}

int config_parse_yaml(struct config *config, const char *path, const char *data, size_t len,
		      struct config_error *error)
{
	struct reader r = {
		.config = config, .error = error, .path = path, .data = data, .len = len
	};
	struct place place = { PLACE_FILE, path, 0 };
	size_t bad;
	int result;

	if (!config_is_utf8(data, len, &bad)) {
		place.line = line_of(&r, bad);
		return config_fail(error, &place, NULL, "the text is not UTF-8; expected UTF-8");
	}
	if (!yaml_parser_initialize(&r.parser))
		return config_fail(error, &place, NULL, "out of memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)data, len);
	result = read_stream(&r);
	yaml_parser_delete(&r.parser);
	return result;
}

int config_read_yaml(struct config *config, const char *path, struct config_error *error)
{
	struct place place = { PLACE_FILE, path, 0 };
	/* not blocking: opening a pipe would wait for who writes to it, the agent with it */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *data = NULL;
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return config_fail(
			error, &place, NULL,
			"the configuration file cannot be opened: %s; expected a file that "
			"this user may read",
			strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return config_fail(
			error, &place, NULL,
			"the configuration file is not a regular file; expected a YAML file");
	data = malloc(FILE_MAX_BYTES + 1);
	len = data ? sysroot_read_all(fd, data, FILE_MAX_BYTES + 1) : -ENOMEM;
	if (len < 0)
		return config_fail(
			error, &place, NULL,
			"the configuration file cannot be read: %s; expected a YAML file",
			strerror((int)-len));
	if (len > FILE_MAX_BYTES)
		return config_fail(
			error, &place, NULL,
			"the configuration file is larger than 1 MiB; expected a smaller one");
	return config_parse_yaml(config, path, data, (size_t)len, error);
}

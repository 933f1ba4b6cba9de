// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"

#define BAD "\xEF\xBF\xBD"

/* What one warning writes to standard error. */
static void logged(enum log_format format, const char *argument, char *out, size_t size)
{
	int old = dup(STDERR_FILENO);
	int fds[2];
	ssize_t len;

	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	log_setup(LOG_LEVEL_INFO, format);
	log_debug("not this one");
	log_warn("name %s.", argument);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	close(fds[1]);
	len = read(fds[0], out, size - 1);
	assert_true(len > 0);
	out[len] = '\0';
	close(fds[0]);
	close(old);
}

/* Bytes that somebody else chose make neither a second line nor a command to the terminal. */
static void test_text(void **state)
{
	char line[8192];

	logged(LOG_FORMAT_TEXT, "a\nb\x1b[2J\x7f\xFF\xC3\xA9", line, sizeof(line));
	assert_string_equal(strchr(line, ' '), " warn  name a?b?[2J?" BAD "\xC3\xA9.\n");
}

static void test_json(void **state)
{
	char line[8192];
	json_t *json;

	logged(LOG_FORMAT_JSON, "\"\\\n\x1b\xFF\xC3\xA9", line, sizeof(line));
	json = json_loads(line, 0, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "level")), "warn");
	assert_string_equal(json_string_value(json_object_get(json, "msg")),
			    "name \"\\??" BAD "\xC3\xA9.");
	json_decref(json);
}

/* The longest line is still one, and still JSON. */
static void test_long(void **state)
{
	static char text[10000];
	char line[8192];
	json_t *json;

	memset(text, '"', sizeof(text) - 1);
	logged(LOG_FORMAT_JSON, text, line, sizeof(line));
	assert_int_equal(line[strlen(line) - 1], '\n');
	json = json_loads(line, 0, NULL);
	assert_non_null(json);
	assert_true(json_string_length(json_object_get(json, "msg")) > 2000);
	json_decref(json);
	memset(text, '\xFF', sizeof(text) - 1);
	logged(LOG_FORMAT_TEXT, text, line, sizeof(line));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"

#define LOG_LINE_MAX 2048

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static atomic_int log_level_now = LOG_LEVEL_INFO;
static atomic_int log_format_now = LOG_FORMAT_TEXT;

void log_setup(enum log_level level, enum log_format format)
{
	atomic_store(&log_level_now, level);
	atomic_store(&log_format_now, format);
}

/* RFC 3339 in UTC with milliseconds, e.g. 2026-01-31T12:00:00.123Z. */
static void log_timestamp(char *buf, size_t size)
{
	struct timespec ts;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	len = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, size - len, ".%03ldZ", ts.tv_nsec / 1000000);
}

/* Copies @text, which is clean, as the inside of a JSON string of at most twice its length. */
static void log_json_text(char *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*out++ = '\\';
		*out++ = *text;
	}
	*out = '\0';
}

void log_line(enum log_level level, const char *format, ...)
{
	char when[40], raw[LOG_LINE_MAX], text[LOG_LINE_MAX], json[2 * LOG_LINE_MAX];
	char line[2 * LOG_LINE_MAX + 128];
	va_list args;
	int len;

	if ((int)level < atomic_load(&log_level_now))
		return;
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	text_clean(text, sizeof(text), raw);
	log_timestamp(when, sizeof(when));
	if (atomic_load(&log_format_now) == LOG_FORMAT_JSON) {
		log_json_text(json, text);
		len = snprintf(line, sizeof(line),
			       "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":\"%s\"}\n", when,
			       level_names[level], json);
	} else {
		len = snprintf(line, sizeof(line), "%s %-5s %s\n", when, level_names[level], text);
	}
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* nowhere left to complain */
}

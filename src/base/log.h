// SPDX-License-Identifier: Apache-2.0
/*
 * The log: one line per event on standard error, as text for people or as JSON for collectors. Only
 * cli/ and the wiring log above debug level; the rooms report errors to their callers. What is in a
 * line may be bytes that somebody else chose: it comes out as text, on one line, that no terminal
 * obeys. A reader of standard error that stops reading stops who logs.
 */
#pragma once

#include "base/types.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
};

enum log_format {
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
};

/* Sets what is printed from now on. May be called again at any time, from any thread. */
void log_setup(enum log_level level, enum log_format format);

/* Prints one line when @level is at least the one set. Safe from any thread; a line is one write.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)

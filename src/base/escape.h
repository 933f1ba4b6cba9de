// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes that somebody else chose, made safe to pass on: always valid UTF-8, and for the metric
 * formats with backslash, double quote and newline escaped as both want it in a label value.
 */
#pragma once

#include "base/types.h"

/* One byte of text becomes at most this many bytes (an invalid byte becomes U+FFFD). */
#define LABEL_ESCAPE_GROWTH 3

/*
 * Writes the escaped form of the string @text to @out as a string of at most @size - 1 bytes and
 * returns its length. A text that does not fit is cut between characters, never inside one or
 * inside an escape.
 * @size 0 writes nothing and returns 0.
 */
size_t label_escape(char *out, size_t size, const char *text);

/* The same without escapes, for formats that do their own: only bytes that are not UTF-8 are
 * replaced. */
size_t utf8_clean(char *out, size_t size, const char *text);

/* The same for one line on a terminal: control characters become question marks. */
size_t text_clean(char *out, size_t size, const char *text);

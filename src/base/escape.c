// SPDX-License-Identifier: Apache-2.0
#include "base/escape.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static bool is_tail(u8 byte)
{
	return (byte & 0xC0) == 0x80;
}

/*
 * Length of the valid UTF-8 sequence at the start of the string @s, 0 when there is none. Overlong
 * forms, surrogates and what lies above U+10FFFF are not valid; the terminating NUL is no tail
 * byte, so that nothing is read beyond it.
 */
static size_t utf8_len(const u8 *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4 || !is_tail(s[1]))
		return 0;
	if (s[0] < 0xE0)
		return 2;
	if (!is_tail(s[2]))
		return 0;
	if (s[0] < 0xF0)
		return (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ? 0 : 3;
	if (!is_tail(s[3]))
		return 0;
	return (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F) ? 0 : 4;
}

/* The escape of @c in a label value, or NULL: it has none. */
static const char *label_escape_of(u8 c)
{
	return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

static size_t copy_clean(char *out, size_t size, const char *text, bool escape)
{
	const u8 *s = (const u8 *)text;
	size_t len = 0;

	if (size == 0)
		return 0;
	while (*s) {
		size_t used = utf8_len(s);
		const char *piece = used == 0 ? REPLACEMENT : escape ? label_escape_of(*s) : NULL;
		size_t piece_len = piece ? strlen(piece) : used;

		if (piece_len >= size - len)
			break;
		memcpy(out + len, piece ? piece : (const char *)s, piece_len);
		len += piece_len;
		s += used ? used : 1;
	}
	out[len] = '\0';
	return len;
}

size_t label_escape(char *out, size_t size, const char *text)
{
	return copy_clean(out, size, text, true);
}

size_t utf8_clean(char *out, size_t size, const char *text)
{
	return copy_clean(out, size, text, false);
}

size_t text_clean(char *out, size_t size, const char *text)
{
	size_t len = utf8_clean(out, size, text);

	for (size_t i = 0; i < len; i++) {
		bool c1 = (u8)out[i] == 0xC2 && (u8)out[i + 1] < 0xA0; /* U+0080 to U+009F */

		if ((u8)out[i] < 0x20 || out[i] == 0x7f || c1)
			out[i] = '?';
		if (c1)
			out[++i] = '?';
	}
	return len;
}

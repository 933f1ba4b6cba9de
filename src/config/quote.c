// SPDX-License-Identifier: Apache-2.0
#include "config/quote.h"

#include <string.h>

struct quoted config_quote(const char *text)
{
	struct quoted quoted;
	size_t room = sizeof(quoted.text) - 1;
	size_t len = strnlen(text, room + 1);
	bool cut = len > room;
	size_t keep = cut ? room - 3 : len;

	for (size_t i = 0; i < keep; i++)
		quoted.text[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	memcpy(quoted.text + keep, cut ? "..." : "", cut ? 4 : 1);
	return quoted;
}

/* The length of the sequence that starts with @lead, with the bits of its first byte; 0: none does.
 */
static size_t sequence(u8 lead, u32 *bits)
{
	if (lead < 0x80) {
		*bits = lead;
		return 1;
	}
	if (lead >= 0xc2 && lead < 0xe0) {
		*bits = lead & 0x1f;
		return 2;
	}
	if (lead >= 0xe0 && lead < 0xf0) {
		*bits = lead & 0x0f;
		return 3;
	}
	if (lead >= 0xf0 && lead < 0xf5) {
		*bits = lead & 0x07;
		return 4;
	}
	return 0;
}

bool config_is_utf8(const char *text, size_t len, size_t *bad)
{
	static const u32 smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 0; i < len;) {
		u32 code;
		size_t size = sequence((u8)text[i], &code);
		size_t have = 1;

		*bad = i;
		if (size == 0 || size > len - i)
			return false;
		for (; have < size && ((u8)text[i + have] & 0xc0) == 0x80; have++)
			code = code << 6 | ((u8)text[i + have] & 0x3f);
		if (have < size || code < smallest[size] || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return false;
		i += size;
	}
	return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "serve/negotiate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define Q_ONE 1000

/* A stretch of a header. */
struct span {
	const char *at;
	size_t len;
};

static struct span trim(struct span span)
{
	while (span.len > 0 && isspace((u8)span.at[0])) {
		span.at++;
		span.len--;
	}
	while (span.len > 0 && isspace((u8)span.at[span.len - 1]))
		span.len--;
	return span;
}

static bool is(struct span span, const char *text)
{
	return span.len == strlen(text) && strncasecmp(span.at, text, span.len) == 0;
}

/* Takes the part before the next @separator off @rest; false when nothing is left. */
static bool next_part(struct span *rest, char separator, struct span *part)
{
	const char *end;

	if (!rest->at)
		return false;
	end = memchr(rest->at, separator, rest->len);
	part->at = rest->at;
	part->len = end ? (size_t)(end - rest->at) : rest->len;
	rest->len = end ? rest->len - part->len - 1 : 0;
	rest->at = end ? end + 1 : NULL;
	*part = trim(*part);
	return true;
}

/* The weight "0.75" in thousandths; what is no weight is 0. */
static u32 parse_q(struct span text)
{
	u32 q = 0, scale = Q_ONE;

	if (text.len == 0 || (text.at[0] != '0' && text.at[0] != '1'))
		return 0;
	q = text.at[0] == '1' ? Q_ONE : 0;
	if (text.len > 1 && text.at[1] != '.')
		return 0;
	for (size_t i = 2; i < text.len && i < 5; i++) {
		if (!isdigit((u8)text.at[i]))
			return 0;
		scale /= 10;
		q += (u32)(text.at[i] - '0') * scale;
	}
	return q > Q_ONE ? Q_ONE : q;
}

/* One entry of a list header. */
struct choice {
	struct span name;
	struct span version; /* at NULL: none given */
	u32 q;
};

static bool next_choice(struct span *rest, struct choice *choice)
{
	struct span entry, parameter;

	if (!next_part(rest, ',', &entry))
		return false;
	*choice = (struct choice){ .q = Q_ONE };
	next_part(&entry, ';', &choice->name);
	while (next_part(&entry, ';', &parameter)) {
		struct span key;

		next_part(&parameter, '=', &key);
		if (!parameter.at)
			continue;
		if (is(key, "q"))
			choice->q = parse_q(trim(parameter));
		else if (is(key, "version"))
			choice->version = trim(parameter);
	}
	return true;
}

bool negotiate_gzip(const char *accept_encoding)
{
	struct span rest = { accept_encoding, accept_encoding ? strlen(accept_encoding) : 0 };
	struct choice choice;
	bool any = false;

	while (next_choice(&rest, &choice)) {
		if (is(choice.name, "gzip") || is(choice.name, "x-gzip"))
			return choice.q > 0;
		if (is(choice.name, "*"))
			any = choice.q > 0;
	}
	return any;
}

bool negotiate_openmetrics(const char *accept)
{
	struct span rest = { accept, accept ? strlen(accept) : 0 };
	struct choice choice;
	u32 openmetrics = 0, text = 0;

	while (next_choice(&rest, &choice)) {
		if (is(choice.name, "application/openmetrics-text") &&
		    (!choice.version.at || is(choice.version, "1.0.0")))
			openmetrics = choice.q > openmetrics ? choice.q : openmetrics;
		else if (is(choice.name, "text/plain"))
			text = choice.q > text ? choice.q : text;
	}
	return openmetrics > 0 && openmetrics >= text;
}

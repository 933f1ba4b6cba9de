// SPDX-License-Identifier: Apache-2.0
#include "meter/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void report_begin(struct meter_report *report)
{
	report->none = METER_ABSENT;
	report->found[0] = '\0';
	report->notes = 0;
	report->touched = true;
}

void report_found(struct meter_report *report, const char *format, ...)
{
	va_list args;

	report->touched = true;
	va_start(args, format);
	vsnprintf(report->found, sizeof(report->found), format, args);
	va_end(args);
}

void report_append(struct meter_report *report, const char *format, ...)
{
	size_t len = strlen(report->found);
	va_list args;

	report->touched = true;
	va_start(args, format);
	vsnprintf(report->found + len, sizeof(report->found) - len, format, args);
	va_end(args);
}

static bool same_note(const struct meter_note *a, const struct meter_note *b)
{
	return strcmp(a->code, b->code) == 0 && strcmp(a->text, b->text) == 0;
}

/* Room for one more note: when the table is full, the place of a less severe one, or NULL. */
static struct meter_note *note_place(struct meter_report *report, enum meter_severity severity)
{
	struct meter_note *least = &report->note[0];

	if (report->notes < METER_NOTES_MAX)
		return &report->note[report->notes++];
	for (u32 i = 1; i < report->notes; i++) {
		if (report->note[i].severity < least->severity)
			least = &report->note[i];
	}
	return least->severity < severity ? least : NULL;
}

struct meter_note *report_note(struct meter_report *report, enum meter_severity severity,
			       const char *code, const char *format, ...)
{
	static _Thread_local struct meter_note lost; /* for what found no room */
	struct meter_note note = { .severity = severity };
	struct meter_note *place;
	va_list args;

	report->touched = true;
	snprintf(note.code, sizeof(note.code), "%s", code);
	va_start(args, format);
	vsnprintf(note.text, sizeof(note.text), format, args);
	va_end(args);
	for (u32 i = 0; i < report->notes; i++) {
		if (same_note(&report->note[i], &note))
			return &report->note[i];
	}
	place = note_place(report, severity);
	if (!place)
		place = &lost;
	*place = note;
	return place;
}

void report_remedy(struct meter_note *note, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(note->remedy, sizeof(note->remedy), format, args);
	va_end(args);
}

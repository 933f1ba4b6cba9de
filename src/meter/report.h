// SPDX-License-Identifier: Apache-2.0
/*
 * What a meter found, in words: one line, and a verdict for each thing that a person should know
 * of.
 */
#pragma once

#include "meter/meter.h"

struct meter_report {
	enum meter_status none; /* the meter's status as long as it has no zone */
	char found[200];        /* what was found, or why nothing and what would change it */
	u32 notes;
	struct meter_note note[METER_NOTES_MAX];
	bool touched; /* written to since the set looked at it */
};

/* Empties @report; its status without zones is METER_ABSENT. */
void report_begin(struct meter_report *report);

/* Sets the line; report_append() adds to it. What does not fit is cut. */
void report_found(struct meter_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void report_append(struct meter_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Adds a note and returns it, for its remedy to be written; a second one with the same code and
 * text is the first. When there is no room a less severe one makes way, or the note is lost: what
 * is returned can always be written to.
 */
struct meter_note *report_note(struct meter_report *report, enum meter_severity severity,
			       const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Writes what to do about @note. */
void report_remedy(struct meter_note *note, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// SPDX-License-Identifier: Apache-2.0
/*
 * What doctor finds out, before it is printed: for people by doctor_text.c, for machines by
 * doctor_json.c.
 */
#pragma once

#include <stdio.h>

#include "config/config.h"
#include "meter/meter.h"

struct doctor_zone {
	const struct meter_zone *zone;
	enum meter_status status; /* what the meter reads; dead and implausible where it lies */
	bool used;                /* its joules are the ones reported */
	bool left_out;            /* on purpose: a duplicate or a mirror */
	bool moves;               /* its value has changed between the looks */
	bool power_known;
	u64 power_uw; /* over the time of the looks */
};

enum doctor_permission {
	PERMISSION_UNKNOWN, /* there is nothing to be read */
	PERMISSION_GRANTED,
	PERMISSION_PARTLY, /* some zones may be read */
	PERMISSION_DENIED,
};

struct doctor_meter {
	const struct meter_state *state;
	enum doctor_permission permission;
	bool waiting; /* has not answered in the time that doctor gives */
};

struct doctor_verdict {
	bool measured;      /* something is; else all numbers are estimates */
	bool complete;      /* the CPU or the whole machine is */
	double error_ratio; /* of the estimates where nothing is measured; 0: not known */
	char text[512];     /* one sentence for people */
	char remedy[256];   /* the most promising one, unless it is complete */
};

struct doctor_activity {
	int error; /* negative errno: nothing can be read */
	char source[16];
	char detail[256];
	u32 threads;
	u32 cgroups;
	bool cgroup_v1; /* its accounting is mounted beside v2 */
};

struct doctor {
	const char *cpu; /* name of the CPU's kind */
	u32 cpus;        /* online */
	bool virtual_machine;
	struct meter_set *set;
	u32 zones;
	struct doctor_zone zone[METER_ZONES_MAX];
	u32 meters;
	struct doctor_meter meter[METERS_MAX];
	struct doctor_verdict verdict;
	struct doctor_activity activity;
};

/*
 * Opens the meters and looks at them until every one has answered and every counter has moved or
 * was found dead, 40 s at most. @progress: told what it waits for, a terminal, or NULL. Fills
 * everything about meters and zones. Returns 0 or -ENOMEM.
 */
int doctor_look(struct doctor *doctor, const struct sysroot *root,
		const struct meter_options *options, FILE *progress);

/* Fills the verdict from what doctor_look() found. */
void doctor_judge(struct doctor *doctor);

void doctor_print_text(FILE *out, const struct doctor *doctor);

/* Returns 0 or -ENOMEM; nothing is written then. */
int doctor_print_json(FILE *out, const struct doctor *doctor);

/* "granted", "partly", "denied", "unknown". */
const char *doctor_permission_name(enum doctor_permission permission);

/* "info", "warning", "problem". */
const char *doctor_severity_name(enum meter_severity severity);

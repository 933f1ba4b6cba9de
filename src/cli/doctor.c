// SPDX-License-Identifier: Apache-2.0
/*
 * kepler doctor: what can be measured on this machine, how well, and for each thing that can't be:
 * why, and what would change it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "activity/activity.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "config/config.h"
#include "meter/cpu_model.h"
#include "meter/meter.h"

/* Counters that move do so within this time on any machine. */
#define LOOK_USEC 250000

/* One zone, as two looks a moment apart have it. */
static void print_zone(const struct meter_zone *zone, const struct meter_reading *before,
		       const struct meter_reading *now)
{
	printf("    %-9s %-10s %-28s %s", domain_name(zone->domain), quality_name(zone->quality),
	       zone->name, meter_status_name(now->status));
	if (zone->error_ratio > 0.0)
		printf(", +-%.0f %%", zone->error_ratio * 100.0);
	if (now->status == METER_OK && before->zone == now->zone &&
	    before->value_uj == now->value_uj && zone->quality == QUALITY_MEASURED)
		printf(", does not move: serve takes it for dead when that stays so under load");
	printf("\n");
}

static void print_meters(const struct sysroot *root)
{
	struct meter_reading reading[2][METER_ZONES_MAX] = { 0 };
	struct meter_input input = { .cpus = (u32)sysconf(_SC_NPROCESSORS_ONLN) };
	const struct meter_state *state;
	struct meter_options options = meter_options_default();
	struct meter_set *set;
	u32 count = 0;

	if (meter_set_new(root, &options, &set) < 0)
		return;
	for (int look = 0; look < 2; look++) {
		input.now_ns = clock_boot_ns();
		input.awake_ns = clock_read_ns(CLOCK_MONOTONIC);
		count = meter_set_read(set, &input, reading[look]);
		if (!look)
			usleep(LOOK_USEC);
	}
	printf("power\n");
	for (u32 i = 0; (state = meter_set_state(set, i)); i++) {
		printf("  %-4s %s: %s\n", state->used ? "yes" : "no", state->name,
		       state->description);
		if (state->detail[0])
			printf("       %s\n", state->detail);
		for (u32 z = 0; z < count; z++) {
			const struct meter_zone *zone = meter_set_zone(set, reading[1][z].zone);

			if (zone->meter == i)
				print_zone(zone, &reading[0][z], &reading[1][z]);
		}
	}
	meter_set_free(set);
}

static void print_activity(const struct sysroot *root, const struct config *config)
{
	const struct activity_options options = { .bpf = config->activity_bpf,
						  .irq_counters = config->exporter_irq_counters };
	struct activity_table table = { 0 };
	struct activity *activity;
	int r;

	printf("\nactivity\n");
	r = activity_new(root, &options, &activity);
	if (r < 0) {
		printf("  no   neither BPF nor %s can be read: %s; run as root\n", root->proc,
		       strerror(-r));
		return;
	}
	r = activity_baseline(activity, &table);
	printf("  %-4s by %s: %s\n", r < 0 ? "no" : "yes", activity_source(activity),
	       activity_detail(activity));
	printf("       %u threads and %u cgroups seen; cgroup v1 accounting %s\n", table.count,
	       table.event_count,
	       activity_v1_hierarchy(activity) ? "is mounted beside v2" : "is not used");
	activity_table_deinit(&table);
	activity_free(activity);
}

int command_doctor(int argc, char **argv)
{
	struct config config;
	struct config_error error;
	struct sysroot root;
	const char *which;
	int r;

	if (config_load(&config, argc, argv, environ, &error) < 0) {
		fprintf(stderr, "kepler: %s\n", error.text);
		return 2;
	}
	r = sysroot_init(&root, config.host_procfs, config.host_sysfs, &which);
	if (r < 0) {
		fprintf(stderr, "kepler: can't open %s: %s; set host.procfs and host.sysfs\n",
			which, strerror(-r));
		return 1;
	}
	printf("machine\n  CPU  %s, %ld online\n\n", cpu_model_read(&root)->name,
	       sysconf(_SC_NPROCESSORS_ONLN));
	print_meters(&root);
	print_activity(&root, &config);
	sysroot_deinit(&root);
	return 0;
}

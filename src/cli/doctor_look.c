// SPDX-License-Identifier: Apache-2.0
/*
 * Looks at the meters as the agent would, only oftener. Two looks tell watts, and whether a counter
 * moves; one that does not gets CPU load, after which the meters' own check says whether it is
 * dead. Meters that ask a slow device are waited for, within reason.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor.h"
#include "meter/energy.h"

/* Counters that move do so within this time on any machine. */
#define LOOK_NS (250 * NSEC_PER_MSEC)
/* How often slow meters are asked whether they have answered. */
#define STEP_NS (100 * NSEC_PER_MSEC)
/* For the first answers of slow meters, and for second ones, which tell watts. */
#define ANSWERS_NS (15 * NSEC_PER_SEC)
#define SECOND_ANSWERS_NS (8 * NSEC_PER_SEC)
/* CPU time that is used up to see whether a counter is dead: the agent asks for 2 s. */
#define BURN_NS (3 * NSEC_PER_SEC)
#define BURN_WALL_NS (15 * NSEC_PER_SEC)

struct look {
	struct doctor *doctor;
	const struct sysroot *root;
	FILE *progress;
	u64 begin_ns;
	u64 last_ns; /* boot clock of the last look */
	u64 stat_ns; /* CPU time in /proc/stat at the beginning; 0 not known */
	u64 own_ns;  /* this program's own CPU time at the beginning */
	u32 told_s;  /* what the progress line says */
	bool has_told;
	struct meter_reading first[METER_ZONES_MAX]; /* the first good one; taken_ns 0: none yet */
	struct meter_reading reported[METER_ZONES_MAX];
};

static u64 own_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (u64)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NSEC_PER_SEC +
	       (u64)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NSEC_PER_USEC;
}

/* CPU time of all tasks since boot in steps of a tick, 0 where it can't be read. */
static u64 stat_cpu_ns(const struct sysroot *root)
{
	unsigned long long user, nice_, system;
	char text[256];

	if (sysroot_read_text(root->proc_fd, "stat", text, sizeof(text)) < 0 ||
	    sscanf(text, "cpu %llu %llu %llu", &user, &nice_, &system) != 3)
		return 0;
	return (user + nice_ + system) * (NSEC_PER_SEC / (u64)sysconf(_SC_CLK_TCK));
}

/* The machine's CPU time; of a captured tree, whose does not pass, this program's own. */
static u64 run_ns(const struct look *look)
{
	u64 stat = stat_cpu_ns(look->root);

	stat = stat > look->stat_ns ? stat - look->stat_ns : 0;
	return u64_max(stat, own_cpu_ns() - look->own_ns);
}

/* Begins to count where a zone reads well for the first time, or anew. */
static void follow(struct look *look, u32 zone)
{
	const struct meter_reading *raw = meter_set_raw(look->doctor->set, zone, NULL);
	struct meter_reading *first = &look->first[zone];

	if (raw->status == METER_OK && (!first->taken_ns || first->epoch != raw->epoch))
		*first = *raw;
}

static void look_once(struct look *look)
{
	struct doctor *doctor = look->doctor;
	struct meter_input input = { .cpus = doctor->cpus };

	meter_set_kick(doctor->set);
	input.run_ns = run_ns(look);
	input.now_ns = clock_boot_ns();
	input.awake_ns = clock_read_ns(CLOCK_MONOTONIC);
	look->last_ns = input.now_ns;
	doctor->zones = meter_set_read(doctor->set, &input, look->reported);
	for (u32 z = 0; z < doctor->zones; z++)
		follow(look, z);
}

static void sleep_ns(u64 ns)
{
	struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

static void tell(struct look *look, const char *what)
{
	u32 seconds = (u32)((clock_boot_ns() - look->begin_ns) / NSEC_PER_SEC);

	if (!look->progress || (look->has_told && seconds == look->told_s))
		return;
	fprintf(look->progress, "\r\033[K%s ... %u s", what, seconds);
	fflush(look->progress);
	look->has_told = true;
	look->told_s = seconds;
}

static void end_telling(struct look *look)
{
	if (look->has_told)
		fprintf(look->progress, "\r\033[K");
	look->has_told = false;
}

/* Names the meters that have not answered. Returns their number. */
static u32 name_waiting(const struct look *look, char *text, size_t size)
{
	const struct meter_state *state;
	size_t len = (size_t)snprintf(text, size, "asking");
	u32 waiting = 0;

	for (u32 i = 0; (state = meter_set_state(look->doctor->set, i)); i++) {
		if (state->waiting && len < size)
			len += (size_t)snprintf(text + len, size - len, "%s %s",
						waiting++ ? "," : "", state->name);
	}
	return waiting;
}

static void wait_for_answers(struct look *look)
{
	char text[160];

	while (name_waiting(look, text, sizeof(text)) &&
	       look->last_ns - look->begin_ns < ANSWERS_NS) {
		tell(look, text);
		sleep_ns(STEP_NS);
		look_once(look);
	}
}

/* Whether the zone's meter will tell more of it soon, and has not yet. */
static bool second_is_near(const struct look *look, u32 zone)
{
	const struct meter_reading *raw = meter_set_raw(look->doctor->set, zone, NULL);

	return raw->status == METER_OK && raw->taken_ns == look->first[zone].taken_ns &&
	       meter_set_zone(look->doctor->set, zone)->period_ns < SECOND_ANSWERS_NS;
}

static bool any(const struct look *look, bool (*what)(const struct look *look, u32 zone))
{
	for (u32 z = 0; z < look->doctor->zones; z++) {
		if (what(look, z))
			return true;
	}
	return false;
}

static void wait_for_second_answers(struct look *look)
{
	u64 begin_ns = look->last_ns;

	do {
		tell(look, "looking again for watts");
		sleep_ns(LOOK_NS);
		look_once(look);
	} while (any(look, second_is_near) && look->last_ns - begin_ns < SECOND_ANSWERS_NS);
}

/* A counter that is read in every look and has stood still; not decided yet whether it is dead. */
static bool stands_still(const struct look *look, u32 zone)
{
	const struct meter_zone *z = meter_set_zone(look->doctor->set, zone);
	bool left_out;
	const struct meter_reading *raw = meter_set_raw(look->doctor->set, zone, &left_out);

	return raw->status == METER_OK && !left_out && raw->taken_ns == look->last_ns &&
	       raw->value_uj == look->first[zone].value_uj && !z->may_rest &&
	       z->quality == QUALITY_MEASURED && look->reported[zone].status != METER_DEAD;
}

/* Works until this program has used @until_ns of CPU time. */
static void burn(u64 until_ns)
{
	volatile u32 work = 0;

	while (own_cpu_ns() < until_ns) {
		for (u32 i = 0; i < 100000; i++)
			work += i;
	}
}

static void load_still_counters(struct look *look)
{
	u64 begin_ns = look->last_ns, own_ns = own_cpu_ns();

	while (any(look, stands_still) && own_cpu_ns() - own_ns < BURN_NS &&
	       look->last_ns - begin_ns < BURN_WALL_NS) {
		tell(look, "working, to see whether a counter moves");
		burn(own_cpu_ns() + LOOK_NS);
		look_once(look);
	}
}

static void take_power(struct doctor_zone *zone, const struct meter_reading *first,
		       const struct meter_reading *now)
{
	u64 delta_uj, passed_ns;

	if (zone->status != METER_OK || now->taken_ns <= first->taken_ns)
		return;
	delta_uj = energy_delta_uj(first->value_uj, now->value_uj, zone->zone->modulus_uj);
	passed_ns = now->taken_ns - first->taken_ns;
	zone->moves = delta_uj != 0;
	zone->power_known = true;
	zone->power_uw = (u64)((u128)delta_uj * NSEC_PER_SEC / passed_ns);
}

static void take_zone(struct look *look, u32 index)
{
	struct doctor *doctor = look->doctor;
	struct doctor_zone *zone = &doctor->zone[index];
	const struct meter_reading *raw = meter_set_raw(doctor->set, index, &zone->left_out);
	enum meter_status reported = look->reported[index].status;

	zone->zone = meter_set_zone(doctor->set, index);
	zone->used = reported == METER_OK;
	zone->status = raw->status;
	if (reported == METER_DEAD || reported == METER_IMPLAUSIBLE)
		zone->status = reported;
	take_power(zone, &look->first[index], raw);
}

static enum doctor_permission permission_of(const struct doctor *doctor, u32 meter)
{
	const struct meter_state *state = doctor->meter[meter].state;
	u32 denied = 0, others = 0;

	for (u32 z = 0; z < doctor->zones; z++) {
		if (doctor->zone[z].zone->meter != meter || doctor->zone[z].left_out)
			continue;
		if (doctor->zone[z].status == METER_DENIED)
			denied++;
		else
			others++;
	}
	if (denied)
		return others ? PERMISSION_PARTLY : PERMISSION_DENIED;
	if (others)
		return PERMISSION_GRANTED;
	return state->status == METER_DENIED ? PERMISSION_DENIED : PERMISSION_UNKNOWN;
}

static void take_all(struct look *look)
{
	struct doctor *doctor = look->doctor;
	const struct meter_state *state;

	for (u32 z = 0; z < doctor->zones; z++)
		take_zone(look, z);
	for (u32 i = 0; (state = meter_set_state(doctor->set, i)); i++) {
		doctor->meter[i].state = state;
		doctor->meter[i].waiting = state->waiting;
		doctor->meter[i].permission = permission_of(doctor, i);
		doctor->meters++;
	}
}

int doctor_look(struct doctor *doctor, const struct sysroot *root,
		const struct meter_options *options, FILE *progress)
{
	struct look *look = calloc(1, sizeof(*look));

	if (!look || meter_set_new(root, options, &doctor->set) < 0) {
		free(look);
		return -ENOMEM;
	}
	look->doctor = doctor;
	look->root = root;
	look->progress = progress;
	look->begin_ns = clock_boot_ns();
	look->stat_ns = stat_cpu_ns(root);
	look->own_ns = own_cpu_ns();
	look_once(look);
	wait_for_answers(look);
	wait_for_second_answers(look);
	load_still_counters(look);
	end_telling(look);
	take_all(look);
	free(look);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "meter/hwmon_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sysroot.h"
#include "meter/cpu_topology.h"

/* A sensor without load may read a little below zero; what is further down is no consumption. */
#define BELOW_ZERO_UW 1000000

static bool same_chip(const struct hwmon_chip *a, const struct hwmon_chip *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->device, b->device) == 0;
}

/* The place of a chip that was there before, or a free one. */
static struct hwmon_place *find_place(struct hwmon_table *table, const struct hwmon_chip *chip)
{
	struct hwmon_place *unused = NULL;

	for (u32 i = 0; i < table->places; i++) {
		struct hwmon_place *place = &table->place[i];

		if (place->present)
			continue;
		if (same_chip(&place->chip, chip))
			return place;
		unused = place;
	}
	if (table->places < HWMON_CHIPS_MAX) {
		unused = &table->place[table->places++];
		*unused = (struct hwmon_place){ .dir_fd = -1, .ordinal = UINT32_MAX };
	}
	return unused;
}

static bool ordinal_taken(const struct hwmon_table *table, const struct hwmon_place *self,
			  u32 ordinal)
{
	for (u32 i = 0; i < table->places; i++) {
		const struct hwmon_place *place = &table->place[i];

		if (place != self && place->present && place->ordinal == ordinal &&
		    strcmp(place->chip.name, self->chip.name) == 0)
			return true;
	}
	return false;
}

/* Finds the places of all chips: first those that were there already keep their ordinals. */
static void place_chips(struct hwmon_table *table)
{
	bool was[HWMON_CHIPS_MAX] = { false };

	for (u32 i = 0; i < table->places; i++) {
		was[i] = table->place[i].present;
		table->place[i].present = false;
	}
	for (u32 i = 0; i < table->chips.count; i++) {
		const struct hwmon_chip *chip = &table->chips.chip[i];
		struct hwmon_place *place = chip->supply ? NULL : find_place(table, chip);

		if (!place)
			continue;
		if (!was[place - table->place] || !same_chip(&place->chip, chip))
			place->ordinal = UINT32_MAX;
		place->chip = *chip;
		place->present = true;
	}
	for (u32 i = 0; i < table->places; i++) {
		struct hwmon_place *place = &table->place[i];

		if (!place->present || place->ordinal != UINT32_MAX)
			continue;
		for (place->ordinal = 0; ordinal_taken(table, place, place->ordinal);)
			place->ordinal++;
	}
}

/* The socket that a sensor belongs to; false when that is not known now. */
static bool find_socket(const struct hwmon_table *table, const struct hwmon_place *place,
			const struct hwmon_verdict *verdict, u32 *socket)
{
	struct cpu_place cpu;

	*socket = place->ordinal;
	if (verdict->number == HWMON_NO_NUMBER)
		return true;
	*socket = verdict->number;
	if (!verdict->fact || !(verdict->fact->flags & HWMON_BY_CPU))
		return true;
	if (cpu_place_read(table->sys_fd, verdict->number, &cpu) < 0)
		return false;
	*socket = cpu.package;
	return true;
}

static struct hwmon_sensor *find_sensor(struct hwmon_table *table, const struct hwmon_place *place,
					const char *name)
{
	struct hwmon_sensor *sensor;

	for (u32 i = 0; i < table->sensors; i++) {
		sensor = &table->sensor[i];
		if (sensor->ordinal == place->ordinal && strcmp(sensor->sensor, name) == 0 &&
		    strcmp(sensor->chip_name, place->chip.name) == 0)
			return sensor;
	}
	if (table->sensors == HWMON_SENSORS_MAX)
		return NULL;
	sensor = &table->sensor[table->sensors++];
	sensor->flow.gauge.gap_ns = FLOW_GAP_NS;
	snprintf(sensor->chip_name, sizeof(sensor->chip_name), "%s", place->chip.name);
	snprintf(sensor->sensor, sizeof(sensor->sensor), "%s", name);
	sensor->ordinal = place->ordinal;
	sensor->chip = UINT32_MAX;
	return sensor;
}

static void take_sensor(struct hwmon_table *table, u32 chip, const struct hwmon_channel *channel,
			const struct hwmon_verdict *verdict)
{
	const struct hwmon_place *place = &table->place[chip];
	bool instant = verdict->fact && (verdict->fact->flags & HWMON_INSTANT);
	struct hwmon_sensor *sensor;
	u32 socket;

	if (!find_socket(table, place, verdict, &socket))
		return;
	sensor = find_sensor(table, place, channel->sensor);
	if (!sensor) {
		table->no_room++;
		return;
	}
	/* Another device has the name and the place of the one that was measured. */
	if (sensor->chip != chip)
		flow_stop(&sensor->flow, METER_ABSENT);
	sensor->present = true;
	sensor->chip = chip;
	sensor->verdict = *verdict;
	sensor->socket = socket;
	sensor->tier = channel->tier;
	if (instant && channel->has_input)
		sensor->tier = HWMON_INPUT;
	sensor->flow.gauge.kind = sensor->tier == HWMON_AVERAGE ? GAUGE_AVERAGE : GAUGE_INSTANT;
	sensor->index = channel->index;
	sensor->current = channel->current;
	snprintf(sensor->label, sizeof(sensor->label), "%s", channel->label);
}

/* Keeps what a person must know to assign this sensor. */
static void take_open(struct hwmon_open *open, const struct hwmon_chip *chip,
		      const struct hwmon_channel *channel, bool first_of_chip)
{
	const char *label = channel->label[0] ? channel->label : channel->sensor;
	size_t len = strlen(open->text);

	if (open->count++ == 0)
		snprintf(open->example, sizeof(open->example), "%s/%s", chip->name, label);
	if (first_of_chip)
		snprintf(open->text + len, sizeof(open->text) - len, "%s%s %s: %s", len ? "; " : "",
			 chip->name, chip->device, label);
	else
		snprintf(open->text + len, sizeof(open->text) - len, ", %s", label);
}

static void take_channels(struct hwmon_table *table, u32 chip)
{
	struct hwmon_place *place = &table->place[chip];
	bool counted = false, first = true;

	for (u32 i = 0; i < table->channels.count; i++) {
		const struct hwmon_channel *channel = &table->channels.channel[i];
		struct hwmon_id id = { .name = place->chip.name,
				       .driver = place->chip.driver,
				       .device = place->chip.device,
				       .label = channel->label,
				       .sensor = channel->sensor };
		struct hwmon_verdict verdict = hwmon_classify(&table->assign, &id);

		if (verdict.assigned)
			table->used[verdict.assigned - 1] = true;
		if (hwmon_domains(verdict.class)) {
			counted = true;
			take_sensor(table, chip, channel, &verdict);
		} else if (hwmon_is_open(verdict.class)) {
			take_open(&table->open, &place->chip, channel, first);
			first = false;
		} else if (verdict.fact && verdict.fact->remark && !table->left_out) {
			table->left_out = verdict.fact;
			snprintf(table->left_out_label, sizeof(table->left_out_label), "%s",
				 channel->label);
		}
	}
	if (counted)
		place->dir_fd = openat(table->sys_fd, table->channels.dir,
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void close_dir(struct hwmon_place *place)
{
	if (place->dir_fd >= 0)
		close(place->dir_fd);
	place->dir_fd = -1;
}

void hwmon_table_scan(struct hwmon_table *table)
{
	table->error = hwmon_list(table->sys_fd, &table->chips);
	table->no_room = 0;
	table->left_out = NULL;
	memset(&table->open, 0, sizeof(table->open));
	for (u32 i = 0; i < table->sensors; i++)
		table->sensor[i].present = false;
	place_chips(table);
	for (u32 i = 0; i < table->places; i++) {
		close_dir(&table->place[i]);
		if (table->place[i].present &&
		    hwmon_list_channels(table->sys_fd, &table->place[i].chip, &table->channels) ==
			    0)
			take_channels(table, i);
	}
	for (u32 i = 0; i < table->sensors; i++) {
		if (!table->sensor[i].present)
			flow_stop(&table->sensor[i].flow, METER_ABSENT);
	}
}

/* Reads a whole number, which may be negative. Returns 0 or a negative errno. */
static int read_number(int dir_fd, const char *name, s64 *value)
{
	char text[32];
	ssize_t len = sysroot_read_text(dir_fd, name, text, sizeof(text));
	bool negative = len > 0 && text[0] == '-';
	u64 number;
	int r;

	if (len < 0)
		return (int)len;
	r = sysroot_parse_u64(text + negative, &number);
	if (r < 0)
		return r;
	if (number > INT64_MAX)
		return -ERANGE;
	*value = negative ? -(s64)number : (s64)number;
	return 0;
}

static int read_pair(const struct hwmon_sensor *sensor, int dir_fd, s64 *power_uw)
{
	char name[32];
	s64 voltage_mv, current_ma;
	int r;

	snprintf(name, sizeof(name), "in%u_input", sensor->index);
	r = read_number(dir_fd, name, &voltage_mv);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "curr%u_input", sensor->current);
	r = read_number(dir_fd, name, &current_ma);
	if (r < 0)
		return r;
	return __builtin_mul_overflow(voltage_mv, current_ma, power_uw) ? -ERANGE : 0;
}

static int read_sensor(struct hwmon_sensor *sensor, int dir_fd, u64 awake_ns)
{
	static const char *const parts[][2] = {
		[HWMON_ENERGY] = { "energy", "input" },
		[HWMON_AVERAGE] = { "power", "average" },
		[HWMON_INPUT] = { "power", "input" },
	};
	char name[32];
	s64 value;
	int r;

	if (sensor->tier == HWMON_PAIR) {
		r = read_pair(sensor, dir_fd, &value);
	} else {
		snprintf(name, sizeof(name), "%s%u_%s", parts[sensor->tier][0], sensor->index,
			 parts[sensor->tier][1]);
		r = read_number(dir_fd, name, &value);
	}
	if (r < 0)
		return r;
	if (value < (sensor->tier == HWMON_ENERGY ? 0 : -BELOW_ZERO_UW))
		return -ERANGE;
	if (sensor->tier == HWMON_ENERGY)
		flow_take_energy(&sensor->flow, (u64)value);
	else
		flow_take_power(&sensor->flow, value < 0 ? 0 : (u64)value, awake_ns);
	return 0;
}

void hwmon_table_read(struct hwmon_table *table, const struct meter_poll *when)
{
	for (u32 i = 0; i < table->sensors && !slow_stopping(when->stop); i++) {
		struct hwmon_sensor *sensor = &table->sensor[i];
		int r;

		if (!sensor->present)
			continue;
		r = read_sensor(sensor, table->place[sensor->chip].dir_fd, when->awake_ns);
		if (r < 0)
			flow_miss(&sensor->flow, meter_status_of_errno(r));
	}
}

u32 hwmon_table_lost(const struct hwmon_table *table)
{
	u32 lost = 0;

	for (u32 i = 0; i < table->sensors; i++)
		lost += table->sensor[i].flow.status == METER_ABSENT;
	return lost;
}

void hwmon_table_deinit(struct hwmon_table *table)
{
	for (u32 i = 0; i < table->places; i++)
		close_dir(&table->place[i]);
}

// SPDX-License-Identifier: Apache-2.0
#include "export/top.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/escape.h"
#include "kepler_version.h"
#include "workload/identity.h"

static double watts(u64 power_uw)
{
	return (double)power_uw / 1e6;
}

static double joules(u64 energy_uj)
{
	return (double)energy_uj / 1e6;
}

static double finite_ratio(double ratio)
{
	return isfinite(ratio) && ratio >= 0 ? ratio : 0;
}

/* A JSON string of any bytes. */
static json_t *text_of(const char *text)
{
	char clean[512];

	utf8_clean(clean, sizeof(clean), text);
	return json_string(clean);
}

u64 top_row_energy_uj(const struct snapshot *snapshot, const struct snapshot_row *row)
{
	const struct account *account = &row->account;

	if (snapshot->domain[DOMAIN_PLATFORM].live)
		return account->energy_uj[MODE_DYNAMIC][DOMAIN_PLATFORM] +
		       account->energy_uj[MODE_IDLE][DOMAIN_PLATFORM];
	return account_total_uj(account, MODE_DYNAMIC) + account_total_uj(account, MODE_IDLE);
}

static bool uses_more(const struct snapshot *snapshot, const struct snapshot_row *a,
		      const struct snapshot_row *b)
{
	u64 a_uw = snapshot_row_power_uw(snapshot, a), b_uw = snapshot_row_power_uw(snapshot, b);

	return a_uw != b_uw ? a_uw > b_uw
			    : top_row_energy_uj(snapshot, a) > top_row_energy_uj(snapshot, b);
}

u32 top_rows(const struct snapshot *snapshot, enum snapshot_level level,
	     const struct snapshot_row **rows, u32 max)
{
	const struct snapshot_rows *all = &snapshot->level[level];
	u32 count = 0;

	for (u32 i = 0; i < all->count && max > 0; i++) {
		const struct snapshot_row *row = &all->row[i];
		u32 at;

		if (!row->identity || !row->exported)
			continue;
		if (count == max && !uses_more(snapshot, row, rows[max - 1]))
			continue;
		at = count < max ? count++ : max - 1;
		for (; at > 0 && uses_more(snapshot, row, rows[at - 1]); at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
	return count;
}

static json_t *row_json(const struct snapshot *snapshot, enum snapshot_level level,
			const struct snapshot_row *row)
{
	const struct identity *identity = row->identity;
	json_t *json = json_pack("{s:f, s:f, s:b, s:o, s:o}", "watts",
				 watts(snapshot_row_power_uw(snapshot, row)), "joules",
				 joules(top_row_energy_uj(snapshot, row)), "ended", row->ended,
				 "container_id", text_of(identity->container_id), "container_name",
				 text_of(identity->container_name));

	if (level == LEVEL_PROCESS) {
		json_object_set_new(json, "pid", json_integer(identity->pid));
		json_object_set_new(json, "command", text_of(identity->comm));
	} else {
		json_object_set_new(json, "namespace", text_of(identity->container_namespace));
		json_object_set_new(json, "pod", text_of(identity->pod_name));
	}
	return json;
}

static json_t *rows_json(const struct snapshot *snapshot, enum snapshot_level level, u32 limit)
{
	const struct snapshot_row *rows[TOP_LIMIT_MAX];
	u32 count = top_rows(snapshot, level, rows, limit);
	json_t *json = json_array();

	for (u32 i = 0; i < count; i++)
		json_array_append_new(json, row_json(snapshot, level, rows[i]));
	return json;
}

static json_t *domains_json(const struct snapshot *snapshot)
{
	json_t *json = json_array();

	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		const struct snapshot_domain *domain = &snapshot->domain[d];

		if (!domain->live)
			continue;
		json_array_append_new(
			json,
			json_pack(
				"{s:s, s:f, s:f, s:f, s:s, s:s, s:f}", "domain", domain_name(d),
				"watts", watts(domain->power_uw), "idle_watts",
				watts(domain->idle_uw), "joules",
				joules(domain->node_uj[MODE_DYNAMIC] + domain->node_uj[MODE_IDLE]),
				"quality", quality_name(domain->quality), "source", domain->source,
				"error", finite_ratio(domain->error_ratio)));
	}
	return json;
}

/* The machine's power in one figure, which is also what the rows are shares of. */
static json_t *power_json(const struct snapshot *snapshot)
{
	static const enum power_domain parts[] = { DOMAIN_PACKAGE, DOMAIN_DRAM, DOMAIN_GPU,
						   DOMAIN_OTHER };
	const struct snapshot_domain *platform = &snapshot->domain[DOMAIN_PLATFORM];
	enum power_quality quality = QUALITY_MEASURED;
	double error_uw = 0;
	u64 power_uw = 0;

	if (platform->live) {
		power_uw = platform->power_uw;
		quality = platform->quality;
		error_uw = finite_ratio(platform->error_ratio) * (double)power_uw;
	} else {
		for (u32 i = 0; i < ARRAY_SIZE(parts); i++) {
			const struct snapshot_domain *domain = &snapshot->domain[parts[i]];

			if (!domain->live)
				continue;
			power_uw += domain->power_uw;
			error_uw += finite_ratio(domain->error_ratio) * (double)domain->power_uw;
			quality = domain->quality > quality ? domain->quality : quality;
		}
	}
	return json_pack("{s:f, s:s, s:f}", "watts", watts(power_uw), "quality",
			 quality_name(quality), "error",
			 power_uw ? error_uw / (double)power_uw
				  : finite_ratio(platform->error_ratio));
}

static json_t *meters_json(const struct snapshot *snapshot)
{
	json_t *json = json_array();

	for (u32 i = 0; i < snapshot->meters; i++) {
		const struct snapshot_meter *meter = &snapshot->meter[i];
		u64 errors = 0;

		if (!meter->known) /* what this machine never had is of no interest */
			continue;
		for (u32 status = 1; status < ARRAY_SIZE(meter->read_errors); status++)
			errors += meter->read_errors[status];
		json_array_append_new(json,
				      json_pack("{s:s, s:s, s:b, s:s, s:I}", "name", meter->name,
						"source", meter->source, "up", meter->up, "quality",
						quality_name(meter->quality), "read_errors",
						(json_int_t)errors));
	}
	return json;
}

static json_t *lost_json(const struct snapshot *snapshot)
{
	json_t *json = json_object();

	for (u32 i = 0; i < snapshot->losts; i++)
		json_object_set_new(json, snapshot->lost[i].source,
				    json_integer((json_int_t)snapshot->lost[i].count));
	return json;
}

static json_t *self_json(const struct snapshot *snapshot)
{
	const struct snapshot_self *self = &snapshot->self;

	return json_pack(
		"{s:f, s:I, s:f, s:f, s:f}", "cpu_seconds", (double)self->cpu_ns / 1e9,
		"resident_bytes", (json_int_t)self->resident_bytes, "joules",
		joules(self->energy_uj), "tick_seconds",
		self->tick_count ? (double)self->tick_sum_ns / (double)self->tick_count / 1e9 : 0.0,
		"uptime_seconds",
		snapshot->unix_ns > self->start_unix_ns
			? (double)(snapshot->unix_ns - self->start_unix_ns) / 1e9
			: 0.0);
}

static json_t *snapshot_json(const struct snapshot *snapshot, const struct top_options *options)
{
	u64 unix_ms = snapshot->unix_ns / NSEC_PER_MSEC;
	u32 limit =
		options->limit ? (u32)u64_min(options->limit, TOP_LIMIT_MAX) : TOP_LIMIT_DEFAULT;

	return json_pack(
		"{s:o, s:o, s:s, s:I, s:f, s:f, s:i, s:{s:f, s:f, s:f, s:f}, s:{s:s, s:o}, "
		"s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"node", text_of(options->node_name), "cpu_architecture",
		text_of(options->cpu_architecture), "version", KEPLER_VERSION, "tick",
		(json_int_t)snapshot->seq, "time", (double)unix_ms / 1e3, "interval",
		(double)snapshot->interval_ns / 1e9, "cpus", (int)snapshot->cpus, /**/
		"cpu", "busy", finite_ratio(snapshot->busy_ratio), "irq",
		finite_ratio(snapshot->irq_ratio), "softirq", finite_ratio(snapshot->softirq_ratio),
		"steal", finite_ratio(snapshot->steal_ratio), /**/
		"activity", "source", snapshot->activity_source, "detail",
		text_of(snapshot->activity_detail ? snapshot->activity_detail : ""), /**/
		"power", power_json(snapshot), "domains", domains_json(snapshot), "containers",
		rows_json(snapshot, LEVEL_CONTAINER, limit), "processes",
		rows_json(snapshot, LEVEL_PROCESS, limit), "meters", meters_json(snapshot), "lost",
		lost_json(snapshot), "self", self_json(snapshot));
}

int top_render(const struct snapshot *snapshot, const struct top_options *options, char **text,
	       size_t *len)
{
	json_t *json = snapshot_json(snapshot, options);
	char *rendered = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

	json_decref(json);
	if (!rendered)
		return -ENOMEM;
	*len = strlen(rendered);
	*text = rendered;
	return 0;
}

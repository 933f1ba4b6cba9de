// SPDX-License-Identifier: Apache-2.0
#include "export/sample.h"

#include <math.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/escape.h"
#include "export/number.h"
#include "kepler_version.h"

#define RATIO_DECIMALS 6

static void add(struct sample *sample, const char *text)
{
	size_t len = strlen(text);

	if (sample->cut || len >= sample->size - sample->len) {
		sample->cut = true;
		return;
	}
	memcpy(sample->line + sample->len, text, len);
	sample->len += len;
}

/* Begins the line with the family's name and @suffix ("", "_bucket", ...). */
static void name(struct sample *sample, const char *suffix)
{
	add(sample, sample->family->name);
	add(sample, suffix);
}

/* Adds a label; @value is any bytes. */
static void label(struct sample *sample, const char *key, const char *value)
{
	char escaped[512];

	label_escape(escaped, sizeof(escaped), value);
	add(sample, sample->labelled ? "," : "{");
	add(sample, key);
	add(sample, "=\"");
	add(sample, escaped);
	add(sample, "\"");
	sample->labelled = true;
}

static void node_label(struct sample *sample)
{
	if (sample->exposition->options.node_label)
		label(sample, "node", sample->exposition->options.node_name);
}

/* Ends the line with @value / 10^@decimals. */
static enum sample_result value(struct sample *sample, u64 number, u32 decimals)
{
	char text[NUMBER_MAX + 1];

	*number_put_fixed(text, number, decimals) = '\0';
	add(sample, sample->labelled ? "} " : " ");
	add(sample, text);
	add(sample, "\n");
	return sample->cut ? SAMPLE_SKIPPED : SAMPLE_WRITTEN;
}

/* A series of its own without labels. */
static enum sample_result single(struct sample *sample, u32 index, u64 number, u32 decimals)
{
	if (index > 0)
		return SAMPLE_DONE;
	name(sample, "");
	return value(sample, number, decimals);
}

/* A ratio in millionths; what is not a sensible ratio becomes 0. */
static u64 ratio_millionths(double ratio)
{
	return isfinite(ratio) && ratio > 0 && ratio < 1e9 ? (u64)(ratio * 1e6 + 0.5) : 0;
}

static const struct snapshot *snapshot_of(const struct sample *sample)
{
	return sample->exposition->snapshot;
}

enum sample_result sample_activity_info(struct sample *sample, u32 index)
{
	if (index > 0)
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "source", snapshot_of(sample)->activity_source);
	return value(sample, 1, 0);
}

enum sample_result sample_config_reload(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->config_reload_ok, 0);
}

enum sample_result sample_estimate_error(struct sample *sample, u32 index)
{
	const struct snapshot_domain *domain = &snapshot_of(sample)->domain[index];

	if (index >= DOMAIN_MAX)
		return SAMPLE_DONE;
	if (!domain->present || domain->quality == QUALITY_MEASURED)
		return SAMPLE_SKIPPED;
	name(sample, "");
	label(sample, "domain", domain_name(index));
	return value(sample, ratio_millionths(domain->error_ratio), RATIO_DECIMALS);
}

enum sample_result sample_build_info(struct sample *sample, u32 index)
{
	struct utsname uts;

	if (index > 0)
		return SAMPLE_DONE;
	uname(&uts);
	name(sample, "");
	label(sample, "branch", "");
	label(sample, "revision", sample->exposition->options.revision);
	label(sample, "version", KEPLER_VERSION);
	label(sample, "os", "linux");
	label(sample, "arch", uts.machine);
	return value(sample, 1, 0);
}

enum sample_result sample_http_cut(struct sample *sample, u32 index)
{
	const struct exposition_count *cut = sample->exposition->options.http_cut;

	if (index >= ARRAY_SIZE(sample->exposition->options.http_cut) || !cut[index].label)
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "reason", cut[index].label);
	return value(sample, cut[index].value, 0);
}

enum sample_result sample_last_tick(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->unix_ns / NSEC_PER_MSEC, 3);
}

enum sample_result sample_lost_events(struct sample *sample, u32 index)
{
	const struct snapshot *snapshot = snapshot_of(sample);

	if (index >= snapshot->losts)
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "source", snapshot->lost[index].source);
	return value(sample, snapshot->lost[index].count, 0);
}

enum sample_result sample_meter_info(struct sample *sample, u32 index)
{
	const struct snapshot *snapshot = snapshot_of(sample);
	const struct snapshot_meter *meter = &snapshot->meter[index / DOMAIN_MAX];

	if (index / DOMAIN_MAX >= snapshot->meters)
		return SAMPLE_DONE;
	if (!(meter->domains & 1U << index % DOMAIN_MAX))
		return SAMPLE_SKIPPED;
	name(sample, "");
	label(sample, "meter", meter->name);
	label(sample, "domain", domain_name(index % DOMAIN_MAX));
	label(sample, "source", meter->source);
	label(sample, "quality", quality_name(meter->quality));
	return value(sample, 1, 0);
}

enum sample_result sample_meter_up(struct sample *sample, u32 index)
{
	const struct snapshot *snapshot = snapshot_of(sample);

	if (index >= snapshot->meters)
		return SAMPLE_DONE;
	if (!snapshot->meter[index].known)
		return SAMPLE_SKIPPED;
	name(sample, "");
	label(sample, "meter", snapshot->meter[index].name);
	return value(sample, snapshot->meter[index].up, 0);
}

enum sample_result sample_meter_errors(struct sample *sample, u32 index)
{
	enum { REASONS = ARRAY_SIZE(((struct snapshot_meter *)NULL)->read_errors) };
	const struct snapshot *snapshot = snapshot_of(sample);

	if (index / REASONS >= snapshot->meters)
		return SAMPLE_DONE;
	if (index % REASONS == 0 /* "ok" is no error */ || !snapshot->meter[index / REASONS].known)
		return SAMPLE_SKIPPED;
	name(sample, "");
	label(sample, "meter", snapshot->meter[index / REASONS].name);
	label(sample, "reason", snapshot_meter_reason(index % REASONS));
	return value(sample, snapshot->meter[index / REASONS].read_errors[index % REASONS], 0);
}

enum sample_result sample_gpu_info(struct sample *sample, u32 index)
{
	const struct snapshot_gpu *gpu = &snapshot_of(sample)->gpu[index];

	if (index >= snapshot_of(sample)->gpus)
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "package", gpu->package);
	label(sample, "device", gpu->device);
	label(sample, "name", gpu->name);
	label(sample, "uuid", gpu->uuid);
	return value(sample, 1, 0);
}

enum sample_result sample_filtering(struct sample *sample, u32 index)
{
	if (!snapshot_of(sample)->filtering_known)
		return SAMPLE_DONE;
	return single(sample, index, snapshot_of(sample)->filtering, 0);
}

/* What is no sensible number of a device becomes 0. */
static u64 thousandths(double number)
{
	return isfinite(number) && number > 0 && number < 1e15 ? (u64)(number * 1e3 + 0.5) : 0;
}

enum sample_result sample_qat(struct sample *sample, u32 index)
{
	const struct snapshot_telemetry *qat = &snapshot_of(sample)->qat[index];

	if (index >= snapshot_of(sample)->qats)
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "qatDevID", qat->device);
	label(sample, "instance", sample->exposition->options.node_name);
	label(sample, "source", "intel-qat");
	label(sample, "type", qat->type);
	node_label(sample);
	return value(sample, thousandths(qat->value), 3);
}

static bool same_sensor(const struct snapshot_zone *a, const struct snapshot_zone *b)
{
	return a->domain == b->domain && strcmp(a->package, b->package) == 0 &&
	       strcmp(a->source, b->source) == 0;
}

static enum sample_result write_zone(struct sample *sample, const char *package, const char *source,
				     enum power_mode mode, u64 energy_uj)
{
	name(sample, "");
	label(sample, "package", package);
	label(sample, "instance", sample->exposition->options.node_name);
	label(sample, "mode", mode_name(mode));
	label(sample, "source", source);
	node_label(sample);
	return value(sample, energy_uj, 6);
}

/* The zones of a domain; two with the same labels are one series. A domain without zones is a
 * derived one. */
enum sample_result sample_node_energy(struct sample *sample, u32 index)
{
	const struct snapshot *snapshot = snapshot_of(sample);
	enum power_domain domain = sample->family->arg;
	const struct snapshot_zone *zone = &snapshot->zone[index / MODE_MAX];
	enum power_mode mode = index % MODE_MAX;
	bool any = false;
	u64 energy_uj = 0;

	if (!snapshot->domain[domain].present)
		return SAMPLE_DONE;
	for (u32 i = 0; i < snapshot->zones; i++)
		any |= snapshot->zone[i].domain == domain;
	if (!any)
		return index >= MODE_MAX
			       ? SAMPLE_DONE
			       : write_zone(sample, domain == DOMAIN_OTHER ? "socket0" : "0",
					    snapshot->domain[domain].source, mode,
					    snapshot->domain[domain].node_uj[mode]);
	if (index / MODE_MAX >= snapshot->zones)
		return SAMPLE_DONE;
	if (zone->domain != domain)
		return SAMPLE_SKIPPED;
	for (const struct snapshot_zone *other = snapshot->zone; other < zone; other++) {
		if (same_sensor(other, zone))
			return SAMPLE_SKIPPED;
	}
	for (const struct snapshot_zone *other = zone; other < snapshot->zone + snapshot->zones;
	     other++)
		energy_uj += same_sensor(other, zone) ? other->energy_uj[mode] : 0;
	return write_zone(sample, zone->package, zone->source, mode, energy_uj);
}

enum sample_result sample_cpu_ratio(struct sample *sample, u32 index)
{
	static const char *const states[] = { "busy", "irq", "softirq", "steal" };
	const struct snapshot *snapshot = snapshot_of(sample);
	const double ratios[] = { snapshot->busy_ratio, snapshot->irq_ratio,
				  snapshot->softirq_ratio, snapshot->steal_ratio };

	if (index >= ARRAY_SIZE(states))
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "state", states[index]);
	node_label(sample);
	return value(sample, ratio_millionths(ratios[index]), RATIO_DECIMALS);
}

/* The classic spelling of where a domain's figures come from. */
static const char *power_source(const struct snapshot_domain *domain)
{
	if (!domain->present)
		return "none";
	return domain->quality == QUALITY_MEASURED ? domain->source : "estimator";
}

enum sample_result sample_node_info(struct sample *sample, u32 index)
{
	const struct snapshot *snapshot = snapshot_of(sample);

	if (index > 0)
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "cpu_architecture", sample->exposition->options.cpu_architecture);
	label(sample, "components_power_source", power_source(&snapshot->domain[DOMAIN_PACKAGE]));
	label(sample, "platform_power_source", power_source(&snapshot->domain[DOMAIN_PLATFORM]));
	label(sample, "source", "os");
	node_label(sample);
	return value(sample, 1, 0);
}

enum sample_result sample_unattributed(struct sample *sample, u32 index)
{
	const struct snapshot_domain *domain = &snapshot_of(sample)->domain[index / MODE_MAX];

	if (index / MODE_MAX >= DOMAIN_MAX)
		return SAMPLE_DONE;
	if (!domain->present)
		return SAMPLE_SKIPPED;
	name(sample, "");
	label(sample, "domain", domain_name(index / MODE_MAX));
	label(sample, "mode", mode_name(index % MODE_MAX));
	return value(sample, domain->unattributed_uj[index % MODE_MAX], 6);
}

enum sample_result sample_self_bpf(struct sample *sample, u32 index)
{
	if (!snapshot_of(sample)->self.bpf_run_known)
		return SAMPLE_DONE;
	return single(sample, index, snapshot_of(sample)->self.bpf_run_ns, 9);
}

enum sample_result sample_self_cpu(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->self.cpu_ns, 9);
}

enum sample_result sample_self_joules(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->self.energy_uj, 6);
}

enum sample_result sample_self_resident(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->self.resident_bytes, 0);
}

enum sample_result sample_series_folded(struct sample *sample, u32 index)
{
	static const char *const levels[LEVEL_MAX] = { "container", "process", "vm", "namespace" };

	if (index >= LEVEL_MAX)
		return SAMPLE_DONE;
	name(sample, "");
	label(sample, "level", levels[index]);
	return value(sample, snapshot_of(sample)->folded[index], 0);
}

/* A bound in seconds, with a decimal point also where it is whole: OpenMetrics wants it so. */
static void bound_label(struct sample *sample, u64 bound_ns)
{
	char text[NUMBER_MAX + 3], *end;

	if (bound_ns == UINT64_MAX) {
		label(sample, "le", "+Inf");
		return;
	}
	end = number_put_fixed(text, bound_ns, 9);
	*end = '\0';
	if (!strchr(text, '.'))
		memcpy(end, ".0", sizeof(".0"));
	label(sample, "le", text);
}

enum sample_result sample_tick_duration(struct sample *sample, u32 index)
{
	const struct snapshot_self *self = &snapshot_of(sample)->self;
	u64 below = 0;

	switch ((int)index - SNAPSHOT_TICK_BUCKETS) {
	case 0:
		name(sample, "_sum");
		return value(sample, self->tick_sum_ns, 9);
	case 1:
		name(sample, "_count");
		return value(sample, self->tick_count, 0);
	case 2:
		return SAMPLE_DONE;
	default:
		for (u32 i = 0; i <= index; i++)
			below += self->tick_bucket[i];
		name(sample, "_bucket");
		bound_label(sample, snapshot_tick_bound_ns(index));
		return value(sample, below, 0);
	}
}

enum sample_result sample_process_max_fds(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->self.max_fds, 0);
}

enum sample_result sample_process_open_fds(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->self.open_fds, 0);
}

enum sample_result sample_process_start(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->self.start_unix_ns / NSEC_PER_MSEC, 3);
}

enum sample_result sample_process_virtual(struct sample *sample, u32 index)
{
	return single(sample, index, snapshot_of(sample)->self.virtual_bytes, 0);
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/grow.h"
#include "base/log.h"
#include "cli/power.h"
#include "cli/self.h"
#include "frame/frame.h"
#include "frame/settle.h"
#include "meter/qat.h"
#include "meter/rapl_filter.h"

/* Every thread is looked at this often, so that rows of the dead are found. */
#define FULL_PASS_NS (30 * NSEC_PER_SEC)

/*
 * Series that a row can have: six domains and the whole machine in two modes each, the totals,
 * seven counters. A container brings up to two rows for its many processes with it, and there may
 * be a VM for each.
 */
#define SERIES_PER_ROW 24
#define SERIES_PER_GROUP (4 * SERIES_PER_ROW)

struct agent {
	struct agent_options options;
	struct meter_set *meters;
	struct activity *activity;
	struct registry *registry;
	struct ledger *ledger;
	struct power power;
	struct self self;
	struct frame frame;
	struct leaves leaves;
	struct uses uses;
	struct zone_use zone_use[METER_USES_MAX];
	enum rapl_filtering filtering;
	struct qat *qat;
	struct qat_value qat_value[SNAPSHOT_QAT_MAX];
	u64 before_ns; /* boot clock of the frame before this one */
	u64 before_suspended_ns;
	u64 run_ns; /* CPU time of all tasks since the start */
	u64 last_full_ns;
	bool failed_before; /* the activity of the last tick was not all read */
	u32 self_row;       /* the agent's own process row, and what it held last */
	u64 self_row_uj;
	u64 self_uj;
	bool reload_ok;
};

static int resolve_cgroup(void *ctx, u32 hierarchy, u64 id, char *path, size_t size)
{
	return activity_cgroup_path(ctx, hierarchy, id, path, size);
}

/* Shares of the series: 35 % containers and VMs, 60 % processes; the rest is the machine's own. */
static struct registry_limits limits_of(const struct agent_options *options)
{
	u64 series = options->max_series;

	return (struct registry_limits){
		.groups = (u32)(series * 35 / 100 / SERIES_PER_GROUP),
		.processes = (u32)(series * 60 / 100 / SERIES_PER_ROW),
		.retention_ns = options->retention_ns,
	};
}

/* The device that can't be switched on is no reason to measure nothing. */
static int open_qat(struct agent *agent, const struct sysroot *root)
{
	int r = qat_open(root, &agent->qat);

	if (r < 0)
		return r;
	r = agent->qat ? qat_enable(agent->qat) : -ENODEV;
	if (r < 0)
		log_warn("QAT telemetry: %s", r == -ENODEV
						      ? "no device tells any (needs Linux 6.8 and "
							"debugfs at /sys/kernel/debug)"
						      : strerror(-r));
	return 0;
}

int agent_new(const struct sysroot *root, const struct agent_options *options, struct agent **out,
	      const char **what)
{
	struct registry_limits limits = limits_of(options);
	struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	*what = "allocate memory";
	if (!agent)
		return -ENOMEM;
	agent->options = *options;
	agent->reload_ok = true;
	self_init(&agent->self, root);
	r = registry_new(&limits, &agent->registry);
	if (r == 0)
		r = ledger_new(&agent->ledger);
	if (r == 0)
		r = meter_set_new(root, &options->meter, &agent->meters);
	agent->filtering = rapl_filtering_read(root);
	if (r == 0 && options->qat)
		r = open_qat(agent, root);
	if (r == 0) {
		*what = "watch processes by BPF or procfs (host.procfs)";
		r = activity_new(root, &options->activity, &agent->activity);
	}
	if (r < 0) {
		agent_free(agent);
		return r;
	}
	registry_set_resolver(agent->registry, resolve_cgroup, agent->activity);
	*out = agent;
	return 0;
}

struct agent *agent_free(struct agent *agent)
{
	if (!agent)
		return NULL;
	activity_free(agent->activity);
	qat_close(agent->qat);
	meter_set_free(agent->meters);
	ledger_free(agent->ledger);
	registry_free(agent->registry);
	leaves_deinit(&agent->leaves);
	activity_table_deinit(&agent->frame.activity);
	self_deinit(&agent->self);
	free(agent);
	return NULL;
}

static void read_meters(struct agent *agent, struct frame *frame)
{
	struct meter_input input = {
		.now_ns = clock_boot_ns(),
		.awake_ns = clock_read_ns(CLOCK_MONOTONIC),
		.run_ns = agent->run_ns,
		.cpus = frame->activity.cpus,
	};

	const struct meter_use *use;

	frame->suspended_ns = input.now_ns - input.awake_ns;
	frame->readings = meter_set_read(agent->meters, &input, frame->reading);
	use = meter_set_uses(agent->meters, &frame->uses);
	memcpy(frame->use, use, frame->uses * sizeof(*use));
}

static void stamp(struct agent *agent, struct frame *frame)
{
	frame->boot_ns = frame->activity.taken_ns;
	frame->unix_ns = clock_unix_ns();
}

/* Readies the frame for what comes next; its buffers stay. */
static void turn_over(struct agent *agent)
{
	agent->before_ns = agent->frame.boot_ns;
	agent->before_suspended_ns = agent->frame.suspended_ns;
	activity_table_reset(&agent->frame.activity);
}

int agent_start(struct agent *agent)
{
	struct frame *frame = &agent->frame;
	int r;

	ledger_heartbeat(agent->ledger, clock_boot_ns());
	r = activity_baseline(agent->activity, &frame->activity);
	if (r < 0)
		return r;
	agent->leaves.v1_hierarchy = activity_v1_hierarchy(agent->activity);
	r = settle(agent->registry, &frame->activity, &agent->leaves);
	read_meters(agent, frame);
	power_start(&agent->power, frame);
	stamp(agent, frame);
	agent->last_full_ns = frame->boot_ns;
	turn_over(agent);
	return r;
}

static double ratio_of(u64 part_ns, u64 interval_ns, u32 cpus)
{
	double whole = (double)interval_ns * cpus;
	double ratio = whole > 0.0 ? (double)part_ns / whole : 0.0;

	return ratio > 1.0 ? 1.0 : ratio;
}

static void describe_machine(const struct agent *agent, const struct frame *frame,
			     struct snapshot *snapshot)
{
	const struct activity_table *now = &frame->activity;

	snapshot->unix_ns = frame->unix_ns;
	snapshot->boot_ns = frame->boot_ns;
	snapshot->interval_ns = frame->boot_ns - agent->before_ns;
	snapshot->cpus = now->cpus;
	snapshot->busy_ratio = ratio_of(agent->leaves.cpu_ns, snapshot->interval_ns, now->cpus);
	snapshot->irq_ratio = now->irq_ratio;
	snapshot->softirq_ratio = now->softirq_ratio;
	snapshot->steal_ratio = now->steal_ratio;
	snapshot->activity_source = activity_source(agent->activity);
	snapshot->activity_detail = activity_detail(agent->activity);
	snapshot->config_reload_ok = agent->reload_ok;
	for (int i = 0; i < DOMAIN_MAX; i++) {
		struct snapshot_domain *domain = &snapshot->domain[i];
		struct snapshot_domain books = *domain;

		*domain = agent->power.domain[i];
		memcpy(domain->node_uj, books.node_uj, sizeof(books.node_uj));
		memcpy(domain->unattributed_uj, books.unattributed_uj,
		       sizeof(books.unattributed_uj));
	}
}

static u32 zone_bits(const struct agent *agent, const struct frame *frame, u32 meter,
		     enum power_quality *quality)
{
	u32 bits = 0;

	for (u32 i = 0; i < frame->readings; i++) {
		const struct meter_zone *zone =
			meter_set_zone(agent->meters, frame->reading[i].zone);

		if (zone->meter != meter || frame->reading[i].status != METER_OK)
			continue;
		bits |= 1U << zone->domain;
		*quality = zone->quality;
	}
	return bits;
}

static void describe_meters(const struct agent *agent, const struct frame *frame,
			    struct snapshot *snapshot)
{
	const struct meter_state *state;
	u32 n = 0;

	for (u32 i = 0; n < SNAPSHOT_METERS_MAX && (state = meter_set_state(agent->meters, i));
	     i++) {
		struct snapshot_meter *meter = &snapshot->meter[n++];

		*meter = (struct snapshot_meter){
			.name = state->name,
			.source = state->source,
			.known = state->known,
			.up = state->status == METER_OK,
		};
		meter->domains = zone_bits(agent, frame, i, &meter->quality);
		memcpy(meter->read_errors, state->read_errors, sizeof(meter->read_errors));
	}
	snapshot->meters = n;
}

static void describe_devices(struct agent *agent, const struct frame *frame,
			     struct snapshot *snapshot)
{
	u32 qats = agent->qat ? qat_read(agent->qat, agent->qat_value, SNAPSHOT_QAT_MAX) : 0;

	snapshot->filtering_known =
		agent->filtering == RAPL_FILTERING_ON || agent->filtering == RAPL_FILTERING_OFF;
	snapshot->filtering = agent->filtering == RAPL_FILTERING_ON;
	snapshot->gpus = 0;
	for (u32 i = 0; i < frame->readings && snapshot->gpus < SNAPSHOT_GPUS_MAX; i++) {
		const struct meter_zone *zone =
			meter_set_zone(agent->meters, frame->reading[i].zone);
		struct snapshot_gpu *gpu = &snapshot->gpu[snapshot->gpus];

		if (zone->domain != DOMAIN_GPU || frame->reading[i].status != METER_OK)
			continue;
		memcpy(gpu->package, zone->package, sizeof(gpu->package));
		memcpy(gpu->device, zone->device, sizeof(gpu->device));
		memcpy(gpu->name, zone->name, sizeof(gpu->name));
		memcpy(gpu->uuid, zone->uuid, sizeof(gpu->uuid));
		snapshot->gpus++;
	}
	if (grow(&snapshot->qat, &snapshot->qat_capacity, qats, sizeof(*snapshot->qat)) < 0)
		qats = 0;
	for (u32 i = 0; i < qats; i++) {
		const struct qat_value *from = &agent->qat_value[i];

		memcpy(snapshot->qat[i].device, from->device, sizeof(from->device));
		memcpy(snapshot->qat[i].type, from->type, sizeof(from->type));
		snapshot->qat[i].value = from->value;
	}
	snapshot->qats = qats;
}

static void add_lost(struct snapshot *snapshot, const char *source, u64 count)
{
	if (snapshot->losts < SNAPSHOT_LOST_MAX)
		snapshot->lost[snapshot->losts++] = (struct snapshot_lost){ source, count };
}

static void describe_losses(const struct agent *agent, struct snapshot *snapshot)
{
	const struct registry *registry = agent->registry;
	struct activity_lost lost[ACTIVITY_LOST_MAX];
	u32 count = activity_lost(agent->activity, lost);

	snapshot->losts = 0;
	for (u32 i = 0; i < count; i++)
		add_lost(snapshot, lost[i].source, lost[i].count);
	add_lost(snapshot, "end_record", registry->missing_ends);
	add_lost(snapshot, "cgroup_unknown", registry->unknown_cgroups);
	add_lost(snapshot, "cgroup_impostor", registry->impostors);
	add_lost(snapshot, "cgroup_limit", registry->places_refused);
	snapshot->folded[LEVEL_PROCESS] = registry->folded_processes;
	snapshot->folded[LEVEL_CONTAINER] =
		registry->group[GROUP_CONTAINER][CONTAINER_OTHER].cgroups;
}

/* What the agent's own process has cost. Its row may change when it is moved: the sum goes on. */
static u64 own_energy_uj(struct agent *agent)
{
	u32 row = u64map_get(&agent->registry->by_pid, agent->self.host_pid, 0);
	const struct account *account;
	u64 uj;

	if (row == U64MAP_NONE)
		return agent->self_uj;
	account = ledger_process_account(agent->ledger, row);
	uj = account_total_uj(account, MODE_DYNAMIC) + account_total_uj(account, MODE_IDLE);
	if (row == agent->self_row && uj >= agent->self_row_uj)
		agent->self_uj += uj - agent->self_row_uj;
	else
		agent->self_uj += uj;
	agent->self_row = row;
	agent->self_row_uj = uj;
	return agent->self_uj;
}

static void describe_self(struct agent *agent, struct snapshot *snapshot)
{
	self_read(&agent->self, &snapshot->self);
	snapshot->self.bpf_run_known =
		activity_bpf_run_ns(agent->activity, &snapshot->self.bpf_run_ns);
	snapshot->self.energy_uj = own_energy_uj(agent);
}

static void publish(struct agent *agent, const struct frame *frame)
{
	struct snapshot *snapshot = ledger_snapshot(agent->ledger, agent->registry);

	/* while every snapshot is held by a reader none is published; the next one shows all */
	if (snapshot) {
		describe_machine(agent, frame, snapshot);
		describe_meters(agent, frame, snapshot);
		describe_devices(agent, frame, snapshot);
		describe_losses(agent, snapshot);
		describe_self(agent, snapshot);
		ledger_publish(agent->ledger, snapshot);
	}
	registry_published(agent->registry);
}

#ifdef KEPLER_CHECK_BOOKS
static void check_books(const struct agent *agent)
{
	enum power_domain domain;
	enum power_mode mode;
	s64 difference_uj = ledger_check(agent->ledger, &domain, &mode);

	if (!difference_uj)
		return;
	log_error("the books do not balance: %s %s is off by %lld uJ", domain_name(domain),
		  mode_name(mode), (long long)difference_uj);
	abort();
}
#else
static void check_books(const struct agent *agent)
{
}
#endif

/* Who worked: reads and settles the activity of the tick. Returns 0 or a negative errno. */
static int take_activity(struct agent *agent, struct frame *frame)
{
	u64 now_ns = clock_boot_ns();
	bool full = now_ns - agent->last_full_ns >= FULL_PASS_NS;
	int r_read, r_settle;

	if (full)
		agent->last_full_ns = now_ns;
	r_read = activity_read(agent->activity, &frame->activity, full);
	r_settle = settle(agent->registry, &frame->activity, &agent->leaves);
	if (full && activity_knows_ids(agent->activity))
		registry_audit_places(agent->registry, frame->activity.taken_ns);
	agent->run_ns += agent->leaves.cpu_ns;
	return r_read < 0 ? r_read : r_settle;
}

/* Who used devices of their own account: from processes to leaves, from sensors to the books. */
static int take_uses(struct agent *agent, const struct frame *frame, struct posting *posting)
{
	const struct uses *uses = &agent->uses;
	int r = settle_uses(agent->registry, frame->use, frame->uses, &agent->leaves, &agent->uses);

	posting->use = agent->zone_use;
	for (u32 i = 0; i < uses->count; i++) {
		u32 place = power_place(&agent->power, uses->use[i].zone);

		if (place == POWER_NO_PLACE)
			continue;
		agent->zone_use[posting->uses++] =
			(struct zone_use){ place, uses->use[i].leaf, uses->use[i].work };
	}
	return r;
}

/* Whose share: posts the tick to the accounts and publishes them. Returns 0 or -ENOMEM. */
static int post(struct agent *agent, const struct frame *frame)
{
	struct posting posting = {
		.zone = agent->power.posting,
		.zones = agent->power.zones,
		.leaves = &agent->leaves,
		.idle = agent->options.idle,
	};
	int r = take_uses(agent, frame, &posting);

	if (r == 0)
		r = ledger_post(agent->ledger, agent->registry, &posting);
	if (r < 0)
		return r;
	check_books(agent);
	registry_sweep(agent->registry, frame->boot_ns);
	publish(agent, frame);
	return 0;
}

/* In suspend since the frame before: two clocks that are read one after the other tell it. */
static u64 slept_ns(const struct agent *agent, const struct frame *frame)
{
	u64 passed_ns = frame->boot_ns - agent->before_ns;
	s64 more_ns = (s64)(frame->suspended_ns - agent->before_suspended_ns);

	return more_ns < (s64)NSEC_PER_SEC / 10 ? 0 : u64_min((u64)more_ns, passed_ns);
}

int agent_tick(struct agent *agent)
{
	u64 begin_ns = clock_boot_ns();
	struct frame *frame = &agent->frame;
	struct power_tick tick;
	int r, r_post;

	ledger_heartbeat(agent->ledger, begin_ns);
	meter_set_kick(agent->meters);
	r = take_activity(agent, frame);
	read_meters(agent, frame);
	stamp(agent, frame);
	tick.now_ns = frame->boot_ns;
	tick.slept_ns = slept_ns(agent, frame);
	tick.interval_ns = frame->boot_ns - agent->before_ns - tick.slept_ns;
	tick.busy = ratio_of(agent->leaves.cpu_ns, tick.interval_ns, frame->activity.cpus);
	/* a failed pass leaves its CPU time to the next tick: neither tells the busy share */
	tick.complete = r == 0 && !agent->failed_before;
	agent->failed_before = r < 0;
	power_take(&agent->power, agent->meters, frame, &tick);
	r_post = post(agent, frame);
	turn_over(agent);
	self_note_tick(&agent->self, clock_boot_ns() - begin_ns);
	return r < 0 ? r : r_post;
}

void agent_reconfigure(struct agent *agent, const struct agent_options *options)
{
	agent->options.idle = options->idle;
	agent->options.retention_ns = options->retention_ns;
	agent->registry->limits.retention_ns = options->retention_ns;
}

void agent_set_reload_result(struct agent *agent, bool ok)
{
	agent->reload_ok = ok;
}

int agent_poll_fd(const struct agent *agent)
{
	return activity_poll_fd(agent->activity);
}

void agent_drain(struct agent *agent)
{
	activity_drain(agent->activity, &agent->frame.activity);
}

struct snapshot_box *agent_box(struct agent *agent)
{
	return ledger_box(agent->ledger);
}

const struct activity *agent_activity(const struct agent *agent)
{
	return agent->activity;
}

u64 agent_capabilities(const struct agent *agent)
{
	return meter_set_capabilities(agent->meters);
}

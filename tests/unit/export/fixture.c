// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "workload/identity.h"

#define LABELS_SIZE 2048

static struct snapshot_row *add_row(struct snapshot *snapshot, enum snapshot_level level)
{
	struct snapshot_rows *rows = &snapshot->level[level];
	struct snapshot_row *row;

	if (rows->count == rows->capacity) {
		rows->capacity = rows->capacity ? rows->capacity * 2 : 16;
		rows->row = realloc(rows->row, rows->capacity * sizeof(*rows->row));
		if (!rows->row)
			abort();
	}
	row = &rows->row[rows->count++];
	memset(row, 0, sizeof(*row));
	row->exported = true;
	return row;
}

static struct identity *new_identity(const char *labels)
{
	size_t len = strlen(labels);
	struct identity *identity = calloc(1, sizeof(*identity) + len + 1);

	if (!identity)
		abort();
	identity->refs = 1;
	identity->labels_len = (u16)len;
	memcpy(identity->labels, labels, len);
	return identity;
}

static const char *escaped(char *out, size_t size, const char *text)
{
	label_escape(out, size, text);
	return out;
}

/* Energy in proportion to a seed: every domain differs, package = 2 x core and so on. */
static void fill_account(struct account *account, u64 seed_uj)
{
	static const u64 part[DOMAIN_MAX] = { 100, 70, 10, 20, 0, 30, 150 };

	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		account->energy_uj[MODE_DYNAMIC][d] = seed_uj * part[d] / 100;
		account->energy_uj[MODE_IDLE][d] = seed_uj * part[d] / 400;
	}
	account->counter[COUNTER_CPU_NS] = seed_uj * 123;
	account->counter[COUNTER_NET_TX] = seed_uj / 1000;
	account->counter[COUNTER_NET_RX] = seed_uj / 900;
	account->counter[COUNTER_BLOCK] = seed_uj / 5000;
	account->counter[COUNTER_PAGE_CACHE] = seed_uj / 100;
}

static struct snapshot_row *add_container(struct snapshot *snapshot, const char *id,
					  const char *container, const char *namespace, u64 seed_uj)
{
	struct snapshot_row *row = add_row(snapshot, LEVEL_CONTAINER);
	char labels[LABELS_SIZE], a[400], b[400];

	snprintf(
		labels, sizeof(labels),
		"container_id=\"%s\",pod_name=\"%s\",container_name=\"%s\",container_namespace=\"%s\"",
		id, strcmp(namespace, "system") == 0 ? "system_processes" : "",
		escaped(a, sizeof(a), container), escaped(b, sizeof(b), namespace));
	row->identity = new_identity(labels);
	snprintf(row->identity->container_id, sizeof(row->identity->container_id), "%s", id);
	snprintf(row->identity->container_name, sizeof(row->identity->container_name), "%s",
		 container);
	snprintf(row->identity->container_namespace, sizeof(row->identity->container_namespace),
		 "%s", namespace);
	fill_account(&row->account, seed_uj);
	row->tick_uj = seed_uj / 10;
	row->tick_seq = snapshot->seq;
	return row;
}

void fixture_add_process(struct snapshot *snapshot, u32 pid, const char *container_id,
			 const char *comm, u64 energy_uj)
{
	struct snapshot_row *row = add_row(snapshot, LEVEL_PROCESS);
	char labels[LABELS_SIZE], a[400];

	snprintf(labels, sizeof(labels), "pid=\"%u\",container_id=\"%s\",vm_id=\"\",command=\"%s\"",
		 pid, container_id, escaped(a, sizeof(a), comm));
	row->identity = new_identity(labels);
	row->identity->pid = pid;
	row->identity->start_ns = pid * NSEC_PER_SEC;
	snprintf(row->identity->comm, sizeof(row->identity->comm), "%s", comm);
	snprintf(row->identity->container_id, sizeof(row->identity->container_id), "%s",
		 container_id);
	fill_account(&row->account, energy_uj);
	row->tick_uj = energy_uj / 10;
	row->tick_seq = snapshot->seq;
}

static void add_simple(struct snapshot *snapshot, enum snapshot_level level, const char *key,
		       const char *value, u64 seed_uj)
{
	struct snapshot_row *row = add_row(snapshot, level);
	char labels[LABELS_SIZE], a[400];

	snprintf(labels, sizeof(labels), "%s=\"%s\"", key, escaped(a, sizeof(a), value));
	row->identity = new_identity(labels);
	snprintf(row->identity->container_namespace, sizeof(row->identity->container_namespace),
		 "%s", value);
	snprintf(row->identity->vm_id, sizeof(row->identity->vm_id), "%s", value);
	fill_account(&row->account, seed_uj);
}

static void set_domain(struct snapshot *snapshot, enum power_domain domain,
		       enum power_quality quality, u64 power_uw)
{
	struct snapshot_domain *d = &snapshot->domain[domain];

	d->present = true;
	d->live = true;
	d->quality = quality;
	d->source = quality == QUALITY_MEASURED ? "rapl-sysfs" : "trained_power_model";
	d->error_ratio = quality == QUALITY_MEASURED ? 0 : 0.4;
	d->power_uw = power_uw;
	d->idle_uw = power_uw / 4;
	d->node_uj[MODE_DYNAMIC] = power_uw * 60;
	d->node_uj[MODE_IDLE] = power_uw * 20 + 1;
	d->unattributed_uj[MODE_IDLE] = 7 * domain;
}

static void add_zone(struct snapshot *snapshot, enum power_domain domain, const char *package,
		     u64 energy_uj)
{
	struct snapshot_zone *zone = &snapshot->zone[snapshot->zones++];

	zone->domain = domain;
	snprintf(zone->package, sizeof(zone->package), "%s", package);
	zone->source = snapshot->domain[domain].source;
	zone->energy_uj[MODE_DYNAMIC] = energy_uj;
	zone->energy_uj[MODE_IDLE] = energy_uj / 3;
}

static void set_self(struct snapshot *snapshot)
{
	struct snapshot_self *self = &snapshot->self;

	self->cpu_ns = 1234567890;
	self->resident_bytes = 9000000;
	self->virtual_bytes = 220000000;
	self->bpf_run_ns = 98765432;
	self->bpf_run_known = true;
	self->energy_uj = 4200001;
	self->start_unix_ns = 1700000000 * NSEC_PER_SEC + 500 * NSEC_PER_MSEC;
	self->open_fds = 42;
	self->max_fds = 1024;
	self->tick_count = 60;
	self->tick_sum_ns = 90 * NSEC_PER_MSEC;
	self->tick_bucket[2] = 50;
	self->tick_bucket[3] = 9;
	self->tick_bucket[SNAPSHOT_TICK_BUCKETS - 1] = 1;
}

static struct snapshot *new_snapshot(void)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		abort();
	snapshot->refs = 1;
	snapshot->seq = 60;
	snapshot->unix_ns = 1700000060 * NSEC_PER_SEC + 250 * NSEC_PER_MSEC;
	snapshot->boot_ns = 1000 * NSEC_PER_SEC;
	snapshot->interval_ns = NSEC_PER_SEC;
	snapshot->cpus = 4;
	snapshot->busy_ratio = 0.25;
	snapshot->irq_ratio = 0.003;
	snapshot->softirq_ratio = 0.0125;
	snapshot->activity_source = "bpf";
	snapshot->activity_detail = "task iterator";
	snapshot->config_reload_ok = true;
	snapshot->lost[0].source = "ring_full";
	snapshot->lost[1].source = "end_record";
	snapshot->lost[1].count = 3;
	snapshot->losts = 2;
	set_self(snapshot);
	return snapshot;
}

static void add_meters(struct snapshot *snapshot)
{
	snapshot->meter[0] = (struct snapshot_meter){
		.name = "rapl-powercap",
		.source = "rapl-sysfs",
		.known = true,
		.up = true,
		.read_errors = { 0, 0, 0, 0, 2, 0 },
		.domains = 1U << DOMAIN_PACKAGE | 1U << DOMAIN_CORE | 1U << DOMAIN_DRAM,
	};
	snapshot->meter[1] = (struct snapshot_meter){
		.name = "embedded",
		.source = "trained_power_model",
		.known = true,
		.up = true,
		.domains = 1U << DOMAIN_PLATFORM,
		.quality = QUALITY_PRIOR,
	};
	snapshot->meter[2] = (struct snapshot_meter){ .name = "ipmi", .source = "ipmi" };
	snapshot->meters = 3;
}

struct snapshot *fixture_small(void)
{
	struct snapshot *snapshot = new_snapshot();

	set_domain(snapshot, DOMAIN_PACKAGE, QUALITY_MEASURED, 20000001);
	set_domain(snapshot, DOMAIN_CORE, QUALITY_MEASURED, 14000000);
	set_domain(snapshot, DOMAIN_DRAM, QUALITY_MEASURED, 4500000);
	set_domain(snapshot, DOMAIN_OTHER, QUALITY_PRIOR, 9000000);
	set_domain(snapshot, DOMAIN_PLATFORM, QUALITY_PRIOR, 33500001);
	add_zone(snapshot, DOMAIN_PACKAGE, "0", 700000123);
	add_zone(snapshot, DOMAIN_CORE, "0", 400000000);
	add_zone(snapshot, DOMAIN_PACKAGE, "1", 500000000);
	add_zone(snapshot, DOMAIN_CORE, "1", 440000000);
	add_zone(snapshot, DOMAIN_DRAM, "0", 100000000);
	add_zone(snapshot, DOMAIN_DRAM, "0",
		 170000000); /* a second zone with the same name: one series */
	add_zone(snapshot, DOMAIN_PLATFORM, "estimator0", 2010000060);
	add_meters(snapshot);
	add_container(snapshot, "system_processes", "system_processes", "system", 500000000);
	add_container(snapshot, "0123456789abcdef", "web \"1\"\\", "docker", 123456789);
	add_container(snapshot, "fedcba9876543210", "done", "podman", 1000000)->ended = true;
	add_container(snapshot, "hidden", "hidden", "podman", 999)->exported = false;
	add_row(snapshot, LEVEL_CONTAINER)->identity = NULL;
	fixture_add_process(snapshot, 1, "system_processes", "systemd", 1000000);
	fixture_add_process(snapshot, 77, "0123456789abcdef", "a\"b\\c\nd\xFF", 120000000);
	fixture_add_process(snapshot, 78, "0123456789abcdef", "</script>", 3456789);
	add_simple(snapshot, LEVEL_VM, "vm_id", "machine-qemu-6-cirros", 2000000);
	add_simple(snapshot, LEVEL_NAMESPACE, "container_namespace", "system", 500000000);
	add_simple(snapshot, LEVEL_NAMESPACE, "container_namespace", "docker", 123456789);
	snapshot->folded[LEVEL_PROCESS] = 5;
	snapshot->gpu[0] = (struct snapshot_gpu){ "0", "0000:41:00.0", "A \"GPU\"", "GPU-1234" };
	snapshot->gpus = 1;
	snapshot->qat = calloc(2, sizeof(*snapshot->qat));
	snapshot->qat[0] = (struct snapshot_telemetry){ "0000:6b:00.0", "util_cpr0", 12.5 };
	snapshot->qat[1] = (struct snapshot_telemetry){ "0000:6b:00.0", "latency", -1.0 };
	snapshot->qats = 2;
	snapshot->filtering_known = snapshot->filtering = true;
	return snapshot;
}

struct snapshot *fixture_big(u32 processes)
{
	struct snapshot *snapshot = new_snapshot();
	char id[65] = "", comm[16], container[32];

	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		set_domain(snapshot, d, QUALITY_MEASURED, (d + 1) * 5000000);
		add_zone(snapshot, d, "0", (d + 1) * 123456789);
	}
	add_meters(snapshot);
	add_container(snapshot, "system_processes", "system_processes", "system", 500000000);
	add_simple(snapshot, LEVEL_NAMESPACE, "container_namespace", "system", 500000000);
	add_simple(snapshot, LEVEL_NAMESPACE, "container_namespace", "containerd", 123456789);
	for (u32 i = 0; i < processes; i++) {
		if (i % 20 == 0) {
			snprintf(id, sizeof(id), "%016x%016x%016x%016x", i * 2654435761U, i,
				 i * 40503U, i ^ 0xABCDEF);
			snprintf(container, sizeof(container), "service-%u", i / 20);
			add_container(snapshot, id, container, "containerd", 1000003ULL * i);
		}
		snprintf(comm, sizeof(comm), "worker/%u", i % 977);
		fixture_add_process(snapshot, 1000 + i, id, comm, 7919ULL * i * (i % 13 + 1));
	}
	return snapshot;
}

void fixture_tick(struct snapshot *snapshot, u64 interval_ns)
{
	snapshot->seq++;
	snapshot->interval_ns = interval_ns;
	snapshot->boot_ns += interval_ns;
	snapshot->unix_ns += interval_ns;
	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		snapshot->domain[d].power_uw += (snapshot->seq * 7919 + d) % 1000000;
		snapshot->domain[d].node_uj[MODE_DYNAMIC] += snapshot->domain[d].power_uw;
	}
	for (u32 level = 0; level < LEVEL_MAX; level++) {
		for (u32 i = 0; i < snapshot->level[level].count; i++) {
			struct snapshot_row *row = &snapshot->level[level].row[i];

			row->tick_seq = snapshot->seq;
			row->tick_uj += (snapshot->seq * 104729 + i) % 300000;
			row->account.energy_uj[MODE_DYNAMIC][DOMAIN_PACKAGE] += row->tick_uj;
		}
	}
}

void fixture_free(struct snapshot *snapshot)
{
	for (u32 level = 0; level < LEVEL_MAX; level++) {
		for (u32 i = 0; i < snapshot->level[level].count; i++)
			identity_unref(snapshot->level[level].row[i].identity);
		free(snapshot->level[level].row);
	}
	free(snapshot->qat);
	free(snapshot);
}

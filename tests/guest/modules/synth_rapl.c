// SPDX-License-Identifier: GPL-2.0-only
/*
 * Powercap zones of known energy, named and shaped as the RAPL drivers do it.
 *
 * A package draws idle_mw all the time and busy_mw more for each of its CPUs that runs a task. Run
 * time is what the scheduler itself books, taken from the sched_stat_runtime tracepoint, to the
 * nanosecond: the tick-sampled kcpustat is off by tens of percent for short bursts, and idle time
 * has the interrupts in it. So the energy of a cgroup is known exactly: its cpu.stat times busy_mw.
 *
 * Truth, without wrap, is in debugfs: synth_rapl/truth has lines "time_ns N", "cpu C busy_ns N" and
 * "zone NAME uj N read_uj R" that are one consistent reading; R is what the zone held when its
 * counter was read last. synth_rapl/NAME/fail makes reads of a zone fail.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/powercap.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/topology.h>
#include <linux/tracepoint.h>

#define PACKAGES_MAX 2
#define ZONES_MAX 16
#define ALL_PACKAGES (-1)

static uint packages = 1;
module_param(packages, uint, 0444);
MODULE_PARM_DESC(packages,
		 "number of package zones, 1 or 2; CPUs of other sockets count to the last one");
static uint idle_mw = 20000;
module_param(idle_mw, uint, 0444);
MODULE_PARM_DESC(idle_mw, "power of one package when nothing runs, mW");
static uint busy_mw = 30000;
module_param(busy_mw, uint, 0444);
MODULE_PARM_DESC(busy_mw, "additional power of each CPU that runs a task, mW");
static ulong range_uj = 262143328850UL;
module_param(range_uj, ulong, 0444);
MODULE_PARM_DESC(range_uj, "max_energy_range_uj: counters wrap here");
static bool core = true, uncore = true, dram = true, psys = true, mmio;
module_param(core, bool, 0444);
module_param(uncore, bool, 0444);
module_param(dram, bool, 0444);
module_param(psys, bool, 0444);
module_param(mmio, bool, 0444);
MODULE_PARM_DESC(mmio, "also register intel-rapl-mmio with a mirror of package-0");

struct synth_zone {
	struct powercap_zone powercap;
	struct powercap_control_type *type;
	char name[24];
	int package;            /* whose CPUs, or ALL_PACKAGES */
	u32 idle_pct, busy_pct; /* of the package's idle_mw and busy_mw */
	bool fail;
	u64 read_uj; /* without wrap, when its counter was read last */
};

struct reading {
	u64 time_ns;
	u64 busy_ns[PACKAGES_MAX];
};

static struct powercap_control_type *rapl, *rapl_mmio;
static struct synth_zone zones[ZONES_MAX];
static int zone_count;
static struct dentry *debug_dir;
static struct tracepoint *runtime_tp;
static DEFINE_PER_CPU(u64, run_ns);
static u64 start_ns;

static void count_runtime(void *data, struct task_struct *task, u64 runtime_ns, u64 vruntime)
{
	/* The task's run queue is locked: nobody else adds to this CPU's sum. */
	per_cpu(run_ns, task_cpu(task)) += runtime_ns;
}

static int package_of(int cpu)
{
	int package = topology_physical_package_id(cpu);

	return clamp(package, 0, (int)packages - 1);
}

static void take_reading(struct reading *reading)
{
	int cpu;

	memset(reading, 0, sizeof(*reading));
	reading->time_ns = ktime_get_ns() - start_ns;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_online(cpu))
			reading->busy_ns[package_of(cpu)] += READ_ONCE(per_cpu(run_ns, cpu));
}

/* us times mW are nJ; with the percentage they stay within 64 bits for weeks. */
static u64 zone_uj(const struct synth_zone *zone, const struct reading *reading)
{
	u64 idle_us = 0, busy_us = 0;
	int i;

	for (i = 0; i < packages; i++) {
		if (zone->package != ALL_PACKAGES && zone->package != i)
			continue;
		idle_us += div_u64(reading->time_ns, NSEC_PER_USEC);
		busy_us += div_u64(reading->busy_ns[i], NSEC_PER_USEC);
	}
	return div_u64(idle_us * idle_mw * zone->idle_pct, 100 * 1000) +
	       div_u64(busy_us * busy_mw * zone->busy_pct, 100 * 1000);
}

static int get_energy(struct powercap_zone *powercap, u64 *uj)
{
	struct synth_zone *zone = container_of(powercap, struct synth_zone, powercap);
	struct reading reading;
	u64 total;

	if (READ_ONCE(zone->fail))
		return -EIO;
	take_reading(&reading);
	total = zone_uj(zone, &reading);
	WRITE_ONCE(zone->read_uj, total);
	if (range_uj)
		div64_u64_rem(total, range_uj, &total);
	*uj = total;
	return 0;
}

static int get_range(struct powercap_zone *powercap, u64 *uj)
{
	*uj = range_uj;
	return 0;
}

static int release_zone(struct powercap_zone *powercap)
{
	return 0;
}

static const struct powercap_zone_ops zone_ops = {
	.get_max_energy_range_uj = get_range,
	.get_energy_uj = get_energy,
	.release = release_zone,
};

/* powercap refuses a zone without constraints. */
static int get_limit(struct powercap_zone *powercap, int id, u64 *value)
{
	*value = 200000000;
	return 0;
}

static int set_limit(struct powercap_zone *powercap, int id, u64 value)
{
	return 0;
}

static const char *constraint_name(struct powercap_zone *powercap, int id)
{
	return "long_term";
}

static const struct powercap_zone_constraint_ops constraint_ops = {
	.get_power_limit_uw = get_limit,
	.set_power_limit_uw = set_limit,
	.get_time_window_us = get_limit,
	.set_time_window_us = set_limit,
	.get_name = constraint_name,
};

static int truth_show(struct seq_file *file, void *unused)
{
	struct reading reading;
	int cpu, i;

	take_reading(&reading);
	seq_printf(file, "time_ns %llu\n", reading.time_ns);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_online(cpu))
			seq_printf(file, "cpu %d busy_ns %llu\n", cpu,
				   READ_ONCE(per_cpu(run_ns, cpu)));
	for (i = 0; i < zone_count; i++)
		seq_printf(file, "zone %s uj %llu read_uj %llu\n", zones[i].name,
			   zone_uj(&zones[i], &reading), READ_ONCE(zones[i].read_uj));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

struct zone_shape {
	const char *name;
	u32 idle_pct, busy_pct;
};

static struct synth_zone *add_zone(struct powercap_control_type *type, struct synth_zone *parent,
				   int package, const struct zone_shape *shape)
{
	struct synth_zone *zone = &zones[zone_count];
	struct powercap_zone *made;
	struct dentry *dir;

	zone->type = type;
	zone->package = package;
	zone->idle_pct = shape->idle_pct;
	zone->busy_pct = shape->busy_pct;
	if (type == rapl_mmio)
		strscpy(zone->name, "mmio-package-0", sizeof(zone->name));
	else if (parent)
		snprintf(zone->name, sizeof(zone->name), "%s-%d", shape->name, package);
	else
		strscpy(zone->name, shape->name, sizeof(zone->name));
	made = powercap_register_zone(&zone->powercap, type, shape->name,
				      parent ? &parent->powercap : NULL, &zone_ops, 1,
				      &constraint_ops);
	if (IS_ERR(made)) {
		pr_err("synth_rapl: %s: error %ld\n", zone->name, PTR_ERR(made));
		return NULL;
	}
	zone_count++;
	dir = debugfs_create_dir(zone->name, debug_dir);
	debugfs_create_bool("fail", 0644, dir, &zone->fail);
	return zone;
}

static void add_package(int package)
{
	char name[16];
	struct zone_shape shape = { name, 100, 100 };
	struct synth_zone *parent;

	snprintf(name, sizeof(name), "package-%d", package);
	parent = add_zone(rapl, NULL, package, &shape);
	if (!parent)
		return;
	if (core)
		add_zone(rapl, parent, package, &(struct zone_shape){ "core", 30, 80 });
	if (uncore)
		add_zone(rapl, parent, package, &(struct zone_shape){ "uncore", 10, 5 });
	if (dram)
		add_zone(rapl, parent, package, &(struct zone_shape){ "dram", 20, 10 });
	if (mmio && package == 0)
		add_zone(rapl_mmio, NULL, package, &shape);
}

static void find_tracepoint(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "sched_stat_runtime"))
		runtime_tp = tp;
}

static void remove_all(void)
{
	while (zone_count > 0) {
		struct synth_zone *zone = &zones[--zone_count];

		powercap_unregister_zone(zone->type, &zone->powercap);
	}
	if (!IS_ERR_OR_NULL(rapl_mmio))
		powercap_unregister_control_type(rapl_mmio);
	if (!IS_ERR_OR_NULL(rapl))
		powercap_unregister_control_type(rapl);
	debugfs_remove_recursive(debug_dir);
}

static int __init synth_rapl_init(void)
{
	int i, error;

	if (packages < 1 || packages > PACKAGES_MAX)
		return -EINVAL;
	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!runtime_tp)
		return -ENOENT;
	start_ns = ktime_get_ns();
	error = tracepoint_probe_register(runtime_tp, count_runtime, NULL);
	if (error)
		return error;
	rapl = powercap_register_control_type(NULL, "intel-rapl", NULL);
	if (IS_ERR(rapl)) {
		error = PTR_ERR(rapl);
		goto unhook;
	}
	if (mmio)
		rapl_mmio = powercap_register_control_type(NULL, "intel-rapl-mmio", NULL);
	if (IS_ERR(rapl_mmio)) {
		error = PTR_ERR(rapl_mmio);
		goto remove;
	}
	debug_dir = debugfs_create_dir("synth_rapl", NULL);
	debugfs_create_file("truth", 0444, debug_dir, NULL, &truth_fops);
	for (i = 0; i < packages; i++)
		add_package(i);
	if (psys)
		add_zone(rapl, NULL, ALL_PACKAGES, &(struct zone_shape){ "psys", 180, 130 });
	return 0;

remove:
	remove_all();
unhook:
	tracepoint_probe_unregister(runtime_tp, count_runtime, NULL);
	tracepoint_synchronize_unregister();
	return error;
}

static void __exit synth_rapl_exit(void)
{
	remove_all();
	tracepoint_probe_unregister(runtime_tp, count_runtime, NULL);
	tracepoint_synchronize_unregister();
}

module_init(synth_rapl_init);
module_exit(synth_rapl_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("powercap zones of known energy for tests");
